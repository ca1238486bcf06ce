"""`mlops-actions verify`: check a training statement against the registry and the tracker, and print each check."""
