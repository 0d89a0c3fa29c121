"""The rate limit, in one process or in Redis."""
