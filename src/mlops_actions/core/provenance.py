"""The names under which every part of the suite records which commit, image and run something belongs to."""

from __future__ import annotations

import re
from collections.abc import Mapping

PREFIX = "mlops-actions.dev"

SHA = f"{PREFIX}/sha"
REPOSITORY = f"{PREFIX}/repository"
PULL_REQUEST = f"{PREFIX}/pull-request"
RUN = f"{PREFIX}/run"
STEP = f"{PREFIX}/step"
IMAGE = f"{PREFIX}/image"
ACTOR = f"{PREFIX}/actor"

_SHA = re.compile(r"[0-9a-f]{40}")
_LABEL_LIMIT = 63  # Kubernetes: label values, also [A-Za-z0-9] at both ends


def is_sha(text: str) -> bool:
    """Whether the text is a full commit SHA; a short one can be brute-forced and is never evidence."""
    return bool(_SHA.fullmatch(text))


def short(sha: str) -> str:
    """Show a SHA as GitHub does: seven characters."""
    return sha[:7]


def label_value(text: str) -> str:
    """Make a valid Kubernetes label value of any text; what does not fit becomes `-`, and both ends are trimmed."""
    return re.sub(r"[^A-Za-z0-9._-]", "-", text)[:_LABEL_LIMIT].strip("._-")


def labels(values: Mapping[str, str]) -> dict[str, str]:
    """Label values made valid, empty ones dropped; the exact texts belong into annotations."""
    made = {name: label_value(value) for name, value in values.items()}
    return {name: value for name, value in made.items() if value}
