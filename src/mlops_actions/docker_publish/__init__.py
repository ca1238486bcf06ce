"""docker-publish: an image in a registry, known by its digest."""
