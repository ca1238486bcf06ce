"""Publish the same layers to one registry and to two, by the action in its image on a daemon of Docker.

The layers are generated and cannot be compressed, as weights cannot. Each publication has a daemon and a repository of its
own, so that each layer is packed and sent anew. The best time of each counts, since other work only adds time.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.e2e.container_step import ContainerRunner
from tests.e2e.debian_registry import DebianRegistry, debian_registry
from tests.e2e.docker_daemon import Docker
from tests.e2e.other_builders import newer_docker
from tests.e2e.publishing import Publisher

MEGABYTES = 2000  # of all layers together; the disk holds about six times as much at once
LAYERS = 8
ROUNDS = 2
_MEGABYTE = 1_000_000
_PATIENCE = 1200.0  # seconds for one step


@dataclass
class Publications:
    """Seconds of the step that publishes to one registry, and of the one that publishes to two."""

    one: float = float("inf")
    two: float = float("inf")


def measure(docker: Docker, images: Mapping[str, str]) -> Publications:
    """Publish in turns to one registry and to two."""
    figures = Publications()
    with TemporaryDirectory() as name:
        folders = [Path(name) / folder for folder in ("own", "other")]
        for folder in folders:
            folder.mkdir()
        with debian_registry(folders[0]) as own, debian_registry(folders[1]) as other:
            runner = ContainerRunner(docker, images, Path(name) / "runner")
            copies = "".join(f"COPY layers/{number} /\n" for number in range(LAYERS))
            publisher = Publisher(runner, own, "bench/layers", f"FROM scratch\n{copies}")
            _write_layers(publisher.workspace / "layers")
            for number in range(ROUNDS):
                figures.one = min(figures.one, _publish(docker, publisher, f"bench/one-{number}"))
                figures.two = min(figures.two, _publish(docker, publisher, f"bench/two-{number}", other))
    return figures


def _write_layers(folder: Path) -> None:
    """Write one file for each layer, piece by piece."""
    folder.mkdir()
    for number in range(LAYERS):
        with (folder / str(number)).open("wb") as file:
            for _ in range(MEGABYTES // LAYERS):
                file.write(os.urandom(_MEGABYTE))


def _publish(
    docker: Docker, publisher: Publisher[DebianRegistry], repository: str, other: DebianRegistry | None = None
) -> float:
    """Publish to a new repository, also in the other registry if one is given; return the step's own seconds."""
    given = {"image": f"{publisher.registry.host}/{repository}", "tags": "bench", "cache": "none"}
    if other:
        login = {"username": other.username, "password": other.password, "push": "true"}
        given["registries"] = json.dumps({other.host: login})
    with newer_docker(docker) as daemon:
        finished = publisher.start(given, {"DOCKER_HOST": daemon.host}).wait(_PATIENCE)
    if finished.exit_code or finished.outputs["built"] != "true":
        raise RuntimeError(finished.log)
    for registry in (publisher.registry, *([other] if other else ())):
        if registry.digest(repository, "bench") != finished.outputs["digest"]:
            raise RuntimeError(f"{registry.host} does not have the image\n{finished.log}")
    return float(finished.outputs["duration"])
