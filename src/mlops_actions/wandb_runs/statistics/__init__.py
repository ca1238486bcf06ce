"""What differences between repeated runs can tell. Pure."""
