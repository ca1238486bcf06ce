"""Where this package came from, and the command that installs more of it."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, distribution

from mlops_actions.core import package
from mlops_actions.core.package import Installation


def installation() -> Installation | None:
    """Return where pip installed this package from; None where it recorded nothing."""
    try:
        return package.installation_of(distribution("mlops-actions").read_text("direct_url.json"))
    except (PackageNotFoundError, OSError):
        return None


def install_command(*extras: str) -> str:
    """Return the command that installs this package with these extras: the same code, from the same place."""
    return package.install_command(*extras, installation=installation())
