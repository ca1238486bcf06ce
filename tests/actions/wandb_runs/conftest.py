from __future__ import annotations

from pathlib import Path

import pytest

from mlops_sandbox.github import GitHubServer
from tests.actions.wandb_runs.world import World
from tests.support.forking import Forker
from tests.support.wandb import Served, forker, github, serve, served

__all__ = ["forker", "github", "serve", "served", "world"]


@pytest.fixture
def world(served: Served, github: GitHubServer, forker: Forker, tmp_path: Path) -> World:
    return World.begin(served, github, forker, tmp_path)
