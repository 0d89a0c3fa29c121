"""Swagger UI as the service ships it: the page, its start-up script and the vendored files."""
