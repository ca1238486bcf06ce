"""A registry of the sandbox at one address, and steps of docker-publish that push to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from starlette.types import Receive, Scope, Send

from mlops_sandbox.host import Host
from mlops_sandbox.registry import Registry
from tests.actions.docker_publish.publisher import Publisher
from tests.support.step import LocalRunner


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    folder = tmp_path / "workspace"
    folder.mkdir()
    (folder / "Dockerfile").write_text("FROM scratch\nCOPY train.py /train.py\n")
    (folder / "train.py").write_text("print('training')\n")
    return folder


class SharedAddress:
    """One address for all tests, since a server's start costs more than most of them; the registry behind it changes."""

    registry: Registry

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.registry.app(scope, receive, send)


@pytest.fixture(scope="session")
def shared_address() -> Iterator[tuple[SharedAddress, str]]:
    address = SharedAddress()
    with Host(address) as host:
        yield address, host.url.removeprefix("http://")


@pytest.fixture
def publisher_of(
    shared_address: tuple[SharedAddress, str], workspace: Path, tmp_path: Path
) -> Callable[[Registry], Publisher]:
    """Put a registry at the address and return a publisher to it."""
    address, host = shared_address

    def start(registry: Registry) -> Publisher:
        address.registry = registry
        runner = LocalRunner(tmp_path / "runner", "Octo/Digits", workspace=workspace)
        return Publisher(runner=runner, registry=registry, host=host)

    return start


@pytest.fixture
def publisher(publisher_of: Callable[[Registry], Publisher]) -> Publisher:
    return publisher_of(Registry())
