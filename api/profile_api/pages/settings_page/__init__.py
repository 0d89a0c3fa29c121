"""The settings page of a demo: how a page changes a profile, in plain modules over GraphQL."""
