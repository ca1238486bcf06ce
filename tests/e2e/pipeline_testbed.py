"""The testbed of the whole pipeline: the digits repository, a registry, and a cluster that pulls from it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from mlops_sandbox.cluster import DockerExecutor
from mlops_sandbox.demo import machine
from tests.e2e.act import Act
from tests.e2e.debian_registry import DebianRegistry
from tests.e2e.digits_testbed import DigitsTestbed, digits_testbed
from tests.e2e.docker_daemon import Docker


@dataclass(kw_only=True)
class PipelineTestbed(DigitsTestbed):
    """The testbed of the whole pipeline, whose images are in a registry."""

    registry: DebianRegistry

    def __post_init__(self) -> None:
        self.secrets = {"REGISTRY_PASSWORD": self.registry.password, **self.secrets}
        self.variables = {"REGISTRY": self.registry.host, "REGISTRY_USERNAME": self.registry.username, **self.variables}


@contextmanager
def pipeline_testbed(
    docker: Docker, images: Mapping[str, str], checkout: Path, registry: DebianRegistry, root: Path
) -> Iterator[PipelineTestbed]:
    """The digits repository, its cluster's containers in Docker, their images pulled from the registry."""
    (root / "act").mkdir()
    client = {**docker.environment, "DOCKER_CONFIG": str(registry.log_in(root / "docker"))}
    act = Act(docker, images, checkout, root / "act")
    with digits_testbed(act, DockerExecutor(environment=client), root) as made:
        yield PipelineTestbed(**vars(made), registry=registry)
        machine.remove_images(client, registry.host)


Pipeline = Callable[[DebianRegistry], AbstractContextManager[PipelineTestbed]]
