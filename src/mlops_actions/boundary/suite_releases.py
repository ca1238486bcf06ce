"""Where this package came from, and which releases the suite has."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, distribution

from mlops_actions.boundary.doctor.programs import output_of
from mlops_actions.core.package import REPOSITORY


def direct_url() -> str | None:
    """Return pip's record of where it installed this package from (PEP 610); None where there is none."""
    try:
        return distribution("mlops-actions").read_text("direct_url.json")
    except (PackageNotFoundError, OSError):
        return None


def tag_listing() -> str:
    """Return the tags of the suite on github.com as `git ls-remote` prints them; empty where that is impossible."""
    address = f"https://github.com/{REPOSITORY}"
    return output_of(["git", "-c", "credential.helper=", "ls-remote", "--tags", address, "refs/tags/v*"])
