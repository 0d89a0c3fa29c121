"""The REST face, and the wiring of the whole."""
