"""The labels and annotations by which the suite ties objects to their commit, pull request, image and run."""

from __future__ import annotations

import re
from collections.abc import Mapping

PREFIX = "mlops-actions.dev"

SHA = f"{PREFIX}/sha"
HEAD = f"{PREFIX}/head"
REPOSITORY = f"{PREFIX}/repository"
PULL_REQUEST = f"{PREFIX}/pull-request"
RUN = f"{PREFIX}/run"
STEP = f"{PREFIX}/step"
REQUEST = f"{PREFIX}/request"  # of argo-submit: one creation of a workflow
IMAGE = f"{PREFIX}/image"
ACTOR = f"{PREFIX}/actor"
RECORDED = frozenset({SHA, HEAD, REPOSITORY, PULL_REQUEST, RUN, STEP, IMAGE, ACTOR})

_SHA = re.compile(r"[0-9a-f]{40}")
_HEXADECIMAL = re.compile(r"[0-9a-f]{7,64}")  # git shows no shorter commit
_MAX_LABEL = 63  # Kubernetes: label values, also [A-Za-z0-9] at both ends


def is_sha(text: str) -> bool:
    """Tell whether the text is a full commit SHA. A short SHA is no evidence: an attacker can forge it."""
    return bool(_SHA.fullmatch(text))


def differ(commit: str, sha: str) -> bool:
    """Tell whether two texts name different commits for certain; False where one is empty.

    A short SHA may stand for a longer one. A text that is no SHA says nothing about one: the users of the replaced action
    wrote any text into `filter_github_sha`.
    """
    commit, sha = commit.lower(), sha.lower()
    if _HEXADECIMAL.fullmatch(commit) and _HEXADECIMAL.fullmatch(sha):
        return not (sha.startswith(commit) or commit.startswith(sha))
    are_texts = not (_HEXADECIMAL.fullmatch(commit) or _HEXADECIMAL.fullmatch(sha))
    return bool(commit and sha) and commit != sha and are_texts


def short(sha: str) -> str:
    """Return a SHA as GitHub shows it: seven characters."""
    return sha[:7]


def label_value(text: str) -> str:
    """Turn any text into a valid Kubernetes label value: replace invalid characters by `-`, trim both ends, cut to 63."""
    return re.sub(r"[^A-Za-z0-9._-]", "-", text)[:_MAX_LABEL].strip("._-")


def labels(values: Mapping[str, str]) -> dict[str, str]:
    """Return valid label values without the empty ones; annotations hold the exact texts."""
    valid = {name: label_value(value) for name, value in values.items()}
    return {name: value for name, value in valid.items() if value}
