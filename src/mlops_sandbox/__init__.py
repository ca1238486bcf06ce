"""A GitHub, a registry, a cluster and a W&B on loopback, for the demo and the tests."""
