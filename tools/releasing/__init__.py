"""What a release is made of: pure modules that plan and write it, two (`repository`, `images`) that carry it out."""

REPOSITORY = "machine-learning-apps/mlops-actions"
SOURCE = f"https://github.com/{REPOSITORY}"
REGISTRY = f"ghcr.io/{REPOSITORY}"
ACTIONS = ("chatops", "docker-publish", "argo-submit", "wandb-runs")
# Each is built on a machine of its own kind; nothing is emulated.
PLATFORMS = ("linux/amd64", "linux/arm64")
BASE_IMAGE = "debian:trixie-slim"
