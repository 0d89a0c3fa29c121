"""What tests, measurements and drills share: Postgres, nginx, ports, tokens, pictures, clients."""
