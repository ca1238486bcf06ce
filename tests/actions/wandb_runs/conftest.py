from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from mlops_sandbox.github import GitHubServer
from tests.actions.wandb_runs.step import WandbStep
from tests.support.forking import Forker
from tests.support.wandb import WandbHost, forker, github, serve, wandb_host

__all__ = ["forker", "github", "serve", "step", "wandb_host"]


@pytest.fixture
def step(wandb_host: WandbHost, github: GitHubServer, forker: Forker, tmp_path: Path) -> Iterator[WandbStep]:
    yield WandbStep.begin(wandb_host, github, forker, tmp_path)
    # The tests of a module share one GitHub.
    github.faults.clear()
    github.locked_check_runs = None
