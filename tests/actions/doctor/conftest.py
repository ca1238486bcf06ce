from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from mlops_sandbox.cluster import Cluster
from mlops_sandbox.github import GitHubServer
from mlops_sandbox.host import Host
from mlops_sandbox.wandb import WandbServer
from tests.actions.doctor.world import World, build, registry_of_one_account


@pytest.fixture
def world(github: GitHubServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """A world of the test's own; GitHub's exchanges are held against GitHub's schemas at the end."""
    registry, wandb, cluster = registry_of_one_account(), WandbServer(), Cluster()
    with ExitStack() as stack:
        stack.enter_context(cluster)
        apps = {"registry": registry.app, "wandb": wandb.app, "cluster": cluster.app, "argo": cluster.argo_server}
        hosts = {name: stack.enter_context(Host(app)) for name, app in apps.items()}
        world = build(github, hosts, registry, wandb, cluster, tmp_path)
        monkeypatch.chdir(world.checkout)
        yield world
