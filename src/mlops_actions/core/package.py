"""Where people install the suite's own package from: no registry of Python packages has it."""

from __future__ import annotations

REPOSITORY = "machine-learning-apps/mlops-actions"
REF = "v1"


def install_command(*extras: str) -> str:
    """Return the command that installs the package with these extras, e.g. `docker`."""
    return f"pip install 'mlops-actions[{','.join(extras)}] @ git+https://github.com/{REPOSITORY}@{REF}'"
