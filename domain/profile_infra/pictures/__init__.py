"""Cleaning pictures with Pillow, in separate processes."""
