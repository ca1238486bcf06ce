"""`mlops-actions doctor`: asks the real services whether everything is in place that a workflow file needs."""
