"""Train, measure and accept a machine-learning model on the pull request."""

__version__ = "0.1.0"
