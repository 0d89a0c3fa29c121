"""Users from tokens, from files, and the operators' use cases."""
