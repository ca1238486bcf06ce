"""Train, measure and accept a machine-learning model on the pull request."""

__version__ = "1.0.0-rc.1"
