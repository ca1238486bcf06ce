"""The adapters of `mlops-actions doctor`: each asks one system, by its SDK or by the suite's own client."""
