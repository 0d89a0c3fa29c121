"""The outside world: one library a module, each behind a port of the domain."""
