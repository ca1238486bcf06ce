"""Run `mlops-actions doctor` on the sandbox, with the credentials of somebody who administers the repository."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mlops_sandbox.github import GitHubServer, Repository
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


def prepare(github: GitHubServer, repository: Repository, variables: Mapping[str, str], secrets: Mapping[str, str]) -> None:
    """Set up labels, variables and secrets, as an administrator does, and publish the releases of the used actions."""
    files = repository.commits[repository.branches[repository.default_branch]].files
    publish_actions(github, (text for path, text in files.items() if path.startswith(".github/workflows/")))
    repository.collaborator(_ADMINISTRATOR, "admin")
    for label in LABELS:
        repository.define_label(label)
    repository.actions_settings.variables |= variables
    repository.actions_settings.secrets |= set(secrets)


def ask(sandbox: Sandbox, repository: Repository, checkout: Path, home: Path) -> Diagnosis:
    """Run doctor in the checkout; it changes nothing that stays."""
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
