"""`mlops-actions verify`: hold a training statement against registry and tracker, and say line by line what holds."""
