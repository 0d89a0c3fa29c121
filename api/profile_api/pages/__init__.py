"""Pages for browsers, and their assets."""
