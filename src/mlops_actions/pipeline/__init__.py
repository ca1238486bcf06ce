"""The four actions in their natural order: what the root action and the reusable workflow are rendered from."""
