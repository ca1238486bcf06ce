"""Which tags an image gets. Pure."""
