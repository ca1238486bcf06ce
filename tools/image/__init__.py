"""What Dockerfile.base runs to make an image, and what an image starts with."""
