"""Read an action's `action.yml`: its inputs with their defaults, and whether it has a post step."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

from mlops_sandbox.runner.workflow import WorkflowError

_SUITE_ACTION = re.compile(r"[\w.-]+/mlops-actions/actions/(?P<name>[a-z-]+)@\S+|[.$]/(?:\S+/)?actions/(?P<local>[a-z-]+)/?")
ACTIONS = Path(__file__).resolve().parents[3] / "actions"


@dataclass(frozen=True)
class Metadata:
    """The part of an `action.yml` that the runner needs; `defaults` may hold expressions."""

    name: str
    inputs: frozenset[str]
    defaults: Mapping[str, str]
    has_post: bool
    post_condition: str


def name_of(uses: str) -> str | None:
    """Return `chatops` for `owner/mlops-actions/actions/chatops@v1`, `./actions/chatops`, `$/actions/chatops`; else None."""
    match = _SUITE_ACTION.fullmatch(uses)
    return (match["name"] or match["local"]) if match else None


def read(name: str, directory: Path = ACTIONS) -> Metadata:
    """Read `<directory>/<name>/action.yml`; raises WorkflowError where it is missing or describes no container action."""
    path = directory / name / "action.yml"
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise WorkflowError(f"{path} cannot be read ({error.strerror}): run this from a checkout of the suite") from error
    runs = document.get("runs", {})
    if runs.get("using") != "docker":
        raise WorkflowError(f"{path}: only container actions can be run (`using: docker`)")
    inputs = {str(key): value or {} for key, value in (document.get("inputs") or {}).items()}
    return Metadata(
        name=name,
        inputs=frozenset(inputs),
        defaults={key: str(spec["default"]) for key, spec in inputs.items() if spec.get("default") is not None},
        has_post="post-entrypoint" in runs,
        post_condition=str(runs.get("post-if", "always()")),
    )
