"""Pictures by Pillow, in processes of their own."""
