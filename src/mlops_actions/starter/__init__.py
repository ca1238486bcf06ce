"""`mlops-actions init`: write into a repository what it needs to train models on its pull requests."""
