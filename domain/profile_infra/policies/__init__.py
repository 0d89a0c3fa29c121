"""Cedar policies: evaluation, policy files, the built-in policy and the schema."""
