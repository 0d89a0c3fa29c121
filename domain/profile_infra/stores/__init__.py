"""The store, as a port with one folder for each database."""
