"""Workflows whose containers start only when a test releases them, on the sandbox's cluster and on a real one."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import yaml

from mlops_sandbox.cluster import ContainerTask, DockerExecutor, Executor, Output, StopSignal
from mlops_sandbox.demo import machine
from tests.e2e.act import Act
from tests.e2e.cluster.containers import Containers
from tests.e2e.cluster.real import RealCluster
from tests.e2e.debian_registry import DebianRegistry
from tests.e2e.digits_testbed import DigitsTestbed, digits_testbed
from tests.e2e.docker_daemon import Docker


class Held:
    """An executor that starts no container before it is released."""

    def __init__(self, executor: Executor) -> None:
        self._executor = executor
        self._released = threading.Event()
        self.started: list[str] = []

    def release(self) -> None:
        self._released.set()

    def run(self, task: ContainerTask, workspace: Path, output: Output, stopper: StopSignal) -> int:
        stopper.on_stop(self._released.set)
        self._released.wait()
        self.started.append(task.name)
        return self._executor.run(task, workspace, output, stopper)


@contextmanager
def submitting_to(
    cluster: RealCluster, testbed: DigitsTestbed, held: Held, containers: Containers, token: Mapping[str, str] | None = None
) -> Iterator[None]:
    """Submit the testbed's workflows to the real cluster, whose containers are held too; `token` is what calls back."""
    wandb = testbed.sandbox.wandb
    key = {"api-key": wandb.api_key, "base-url": testbed.sandbox.wandb_url, "entity": wandb.entity}
    cluster.put_secret("wandb", key)
    if token:
        cluster.put_secret("mlops-callback", token)
    config = yaml.safe_load(cluster.kubeconfig().read_text())
    for one in config["clusters"]:
        # The action runs in a container, where this machine's files are not.
        path = Path(one["cluster"].pop("certificate-authority"))
        one["cluster"]["certificate-authority-data"] = base64.b64encode(path.read_bytes()).decode()
    testbed.secrets = {**testbed.secrets, "KUBECONFIG": base64.b64encode(json.dumps(config).encode()).decode()}
    before, containers.docker = containers.docker, held
    try:
        yield
    finally:
        containers.docker = before


@contextmanager
def held_testbed(
    docker: Docker, images: Mapping[str, str], checkout: Path, registry: DebianRegistry, root: Path
) -> Iterator[tuple[DigitsTestbed, Held]]:
    """The digits repository, whose containers run in Docker once they are released, with images of the registry."""
    (root / "act").mkdir()
    client = {**docker.environment, "DOCKER_CONFIG": str(registry.log_in(root / "docker"))}
    held = Held(DockerExecutor(environment=client))
    with digits_testbed(Act(docker, images, checkout, root / "act"), held, root) as testbed:
        testbed.secrets = {"REGISTRY_PASSWORD": registry.password}
        testbed.variables = {"REGISTRY": registry.host, "REGISTRY_USERNAME": registry.username}
        try:
            yield testbed, held
        finally:
            held.release()
            machine.remove_images(client, registry.host)
