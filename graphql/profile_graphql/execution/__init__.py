"""Parsing, validating, limiting and executing GraphQL documents."""
