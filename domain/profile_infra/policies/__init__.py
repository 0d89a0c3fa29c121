"""Policies in Cedar: the engine, the files, the built-in policy and its schema."""
