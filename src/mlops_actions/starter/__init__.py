"""`mlops-actions init`: what a repository needs to train on its pull requests, written from a few answers."""
