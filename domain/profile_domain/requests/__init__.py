"""The rules of both faces for HTTP requests: body, headers, preconditions."""
