"""Run `mlops-actions doctor` on the sandbox, with the credentials of somebody who administers the repository."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from mlops_actions.core.types import Json
from mlops_sandbox.demo.command import Command, Ended
from mlops_sandbox.github import Repository
from mlops_sandbox.github.published import publish_actions
from mlops_sandbox.suite import Sandbox

LABELS = ("training", "trained", "training-failed")
# The status of a check → its mark, as doctor prints it.
MARKS = {"ok": "✓", "cannot be told": "?", "skipped": "–", "fails": "✗"}
# A group of checks → its name, as doctor prints it.
GROUPS = {"github": "GitHub", "registry": "Registry", "cluster": "Cluster", "wandb": "W&B", "runner": "Runner"}
_ADMINISTRATOR = "administrator"


def prepare(repository: Repository, variables: Mapping[str, str], secrets: Mapping[str, str]) -> None:
    """Set up what the documentation asks an administrator to set up: labels, variables, secrets."""
    repository.collaborator(_ADMINISTRATOR, "admin")
    for label in LABELS:
        repository.define_label(label)
    repository.actions_settings.variables |= variables
    repository.actions_settings.secrets |= set(secrets)


def command(sandbox: Sandbox, repository: Repository, checkout: Path, home: Path) -> Command:
    """Return doctor in the checkout; it changes nothing that stays. It finds the releases of the actions that are used."""
    publish_actions(sandbox.github, (path.read_text("utf-8") for path in checkout.glob(".github/workflows/*.yml")))
    environment = {
        **sandbox.environment(),
        "GH_TOKEN": sandbox.github.user_token(_ADMINISTRATOR).value,
        "GITHUB_REPOSITORY": repository.full_name,
    }
    return Command(["doctor", "--try-writes", "--json"], checkout, home, environment)


def checks(ended: Ended) -> list[Json]:
    """Return the checks, in doctor's order; raises ValueError where the output holds none."""
    found: list[Json] = json.loads(ended.output)["checks"]
    return [{**check, "group": GROUPS.get(check["group"], check["group"])} for check in found]
