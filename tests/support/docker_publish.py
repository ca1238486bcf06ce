"""Inputs and a context of docker-publish, as a step would give them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mlops_actions.core import declare
from mlops_actions.core.context import Context
from mlops_actions.docker_publish.inputs import Inputs

SHA = "0123456789abcdef0123456789abcdef01234567"
COMMITTED = 1_700_000_000


def make_inputs(environ: Mapping[str, str] | None = None, /, **given: str) -> Inputs:
    """Parse inputs given by their names with `_` for `-`, or, where that would lose a legacy name, as `environ`."""
    variables = {declare.input_variable(name.replace("_", "-")): value for name, value in given.items()}
    return declare.read(Inputs, variables | dict(environ or {}))


def make_context(workspace: Path, **changes: Any) -> Context:
    """Return the context of a push to `main` of Octo/Digits, with changed environment variables."""
    environ = {
        "GITHUB_REPOSITORY": "Octo/Digits", "GITHUB_EVENT_NAME": "push", "GITHUB_SHA": SHA, "GITHUB_REF": "refs/heads/main",
        "GITHUB_WORKSPACE": str(workspace), "GITHUB_ACTOR": "octo",
    }  # fmt: skip
    return Context.from_environ(environ | changes)
