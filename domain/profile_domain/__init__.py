"""The rules of a profile update, shared by every face: standard library only, no I/O."""
