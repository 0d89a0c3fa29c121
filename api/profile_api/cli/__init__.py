"""The command ``profile-service``."""
