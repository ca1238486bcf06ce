"""A registry of the sandbox at one address, and steps of docker-publish that push to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mlops_sandbox.registry import Registry
from tests.actions.docker_publish.publisher import Publisher
from tests.support.shared_host import SharedHost
from tests.support.step import LocalRunner


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    folder = tmp_path / "workspace"
    folder.mkdir()
    (folder / "Dockerfile").write_text("FROM scratch\nCOPY train.py /train.py\n")
    (folder / "train.py").write_text("print('training')\n")
    return folder


@pytest.fixture(scope="session")
def registry_host() -> Iterator[SharedHost]:
    """The port that the tests' registries share."""
    shared = SharedHost()
    with shared.host:
        yield shared


@pytest.fixture
def publisher_of(registry_host: SharedHost, workspace: Path, tmp_path: Path) -> Callable[[Registry], Publisher]:
    """Serve a registry and return a publisher that pushes to it."""

    def start(registry: Registry) -> Publisher:
        registry_host.application = registry.app
        runner = LocalRunner(tmp_path / "runner", "Octo/Digits", workspace=workspace)
        return Publisher(runner=runner, registry=registry, host=registry_host.host.url.removeprefix("http://"))

    return start


@pytest.fixture
def publisher(publisher_of: Callable[[Registry], Publisher]) -> Publisher:
    return publisher_of(Registry())
