"""Which registries a step uses, and with whose credentials."""
