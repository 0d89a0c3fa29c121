"""People from outside: tokens that bring them, files, operators."""
