"""A runner of GitHub workflow files: it runs steps as processes with the environment that GitHub's runner sets."""
