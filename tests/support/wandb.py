"""Serve the W&B stand-in for tests, and run scripts of the SDK against it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from mlops_sandbox.github import GitHubServer
from mlops_sandbox.host import Host
from mlops_sandbox.wandb import WandbServer
from tests.support.forking import Forker

SCRIPTS = Path(__file__).parents[1] / "standins" / "wandb" / "scripts"
# What a step of wandb-runs imports; see Forker.
_PARTS = ("boundary.github", "boundary.wandb.project", "wandb_runs.run", "wandb_runs.conclude")
MODULES = tuple(f"mlops_actions.{name}" for name in _PARTS)


@dataclass
class WandbHost:
    """A running server and its address, with a method that runs a script of the SDK against it."""

    server: WandbServer
    url: str
    home: Path

    def sdk(self, script: str, *arguments: str, **environ: str) -> Any:
        """Run `scripts/<script>` in a process of its own; returns what it printed as JSON."""
        home = str(self.home)
        done = subprocess.run(
            [sys.executable, str(SCRIPTS / script), *arguments],
            env={
                "PATH": os.environ["PATH"],
                "HOME": home,
                "WANDB_DIR": home,
                "WANDB_CACHE_DIR": home,
                "WANDB_DATA_DIR": home,
                "WANDB_ERROR_REPORTING": "false",
                "WANDB_SILENT": "true",
                **self.server.environment(self.url),
                **environ,
            },
            cwd=home,
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return json.loads(done.stdout.splitlines()[-1]) if done.stdout.strip() else None


@pytest.fixture(scope="module")
def serve(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., WandbHost]]:
    """Start a server for this module; more than one may be started."""
    hosts: list[Host] = []

    def start(**options: Any) -> WandbHost:
        server = WandbServer(**options)
        host = Host(server.app).start()
        hosts.append(host)
        return WandbHost(server, host.url, tmp_path_factory.mktemp("home"))

    yield start
    for host in hosts:
        host.stop()


@pytest.fixture(scope="module")
def wandb_host(serve: Callable[..., WandbHost]) -> WandbHost:
    return serve()


@pytest.fixture(scope="module")
def github() -> Iterator[GitHubServer]:
    server = GitHubServer()
    with server.serve():
        yield server


@pytest.fixture(scope="module")
def forker() -> Iterator[Forker]:
    with Forker(*MODULES) as made:
        yield made
