"""What an image is made of: its layers, their sizes, and what changed."""
