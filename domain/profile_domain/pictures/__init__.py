"""The rules of a picture: its data URI, and what a container may hold."""
