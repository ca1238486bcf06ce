"""A stage on which nothing has been played yet, without containers."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import pytest

from mlops_sandbox.cluster import ProcessExecutor
from mlops_sandbox.demo.console import Console
from mlops_sandbox.demo.stage import Checkout, Stage
from mlops_sandbox.github import GitHubServer
from mlops_sandbox.suite import Sandbox

WITHOUT_DOCKER = "no Docker daemon answers"


@pytest.fixture
def printed() -> io.StringIO:
    """What the demo prints."""
    return io.StringIO()


@pytest.fixture
def stage(tmp_path: Path, printed: io.StringIO) -> Iterator[Stage]:
    checkout = Checkout()
    output, root = tmp_path / "output", tmp_path / "root"
    output.mkdir()
    root.mkdir()
    with (
        Sandbox(ProcessExecutor(checkout), github=GitHubServer()) as sandbox,
        Stage(sandbox, Console(printed), output, root, checkout, WITHOUT_DOCKER) as stage,
    ):
        yield stage
