"""Metrics, and which of their values are better. Pure."""
