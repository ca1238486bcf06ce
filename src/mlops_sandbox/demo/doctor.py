"""Run `mlops-actions doctor` on the sandbox, with the credentials of somebody who administers the repository."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mlops_sandbox.github import Repository
from mlops_sandbox.github.published import publish_actions
from mlops_sandbox.runner.environment import inherited_variables
from mlops_sandbox.suite import Sandbox

LABELS = ("training", "trained", "training-failed")
_ADMINISTRATOR = "administrator"
_SECONDS = 120


@dataclass(frozen=True)
class Diagnosis:
    """Doctor's exit code and its lines."""

    exit_code: int
    lines: tuple[str, ...]


def prepare(repository: Repository, variables: Mapping[str, str], secrets: Mapping[str, str]) -> None:
    """Set up what the documentation asks an administrator to set up: labels, variables, secrets."""
    repository.collaborator(_ADMINISTRATOR, "admin")
    for label in LABELS:
        repository.define_label(label)
    repository.actions_settings.variables |= variables
    repository.actions_settings.secrets |= set(secrets)


def ask(sandbox: Sandbox, repository: Repository, checkout: Path, home: Path) -> Diagnosis:
    """Run doctor in the checkout; it changes nothing that stays. It finds the releases of the actions that are used."""
    publish_actions(sandbox.github, (path.read_text("utf-8") for path in checkout.glob(".github/workflows/*.yml")))
    environment = {
        **inherited_variables(os.environ),
        **sandbox.environment(),
        "HOME": str(home),
        "GH_TOKEN": sandbox.github.user_token(_ADMINISTRATOR).value,
        "GITHUB_REPOSITORY": repository.full_name,
        "COLUMNS": "112",
    }
    done = subprocess.run(
        [sys.executable, "-m", "mlops_actions", "doctor", "--try-writes"],
        cwd=checkout,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=_SECONDS,
        check=False,
    )
    return Diagnosis(done.returncode, tuple(done.stdout.splitlines()))
