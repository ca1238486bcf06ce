"""What a Dockerfile says: its instructions, and the images, addresses and files that a build reads. Pure."""
