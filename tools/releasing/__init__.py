"""Release the suite: pure modules plan and render a release; `repository` and `images` carry it out."""

REPOSITORY = "machine-learning-apps/mlops-actions"
SOURCE = f"https://github.com/{REPOSITORY}"
RAW = f"https://raw.githubusercontent.com/{REPOSITORY}"
REGISTRY = f"ghcr.io/{REPOSITORY}"
ACTIONS = ("chatops", "docker-publish", "argo-submit", "wandb-runs")
# Each platform is built on a machine of that platform; nothing is emulated.
PLATFORMS = ("linux/amd64", "linux/arm64")
BASE_IMAGE = "debian:trixie-slim"
