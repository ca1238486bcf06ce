"""A small runner of GitHub workflow files, for the demo: steps as processes with the environment that GitHub gives."""
