"""Publish the same files with gzip and with zstd, by the action in its image on a BuildKit of its own, and pull them.

The files are what images for training hold: installed Python packages, and weights that cannot be compressed. Each build has
new weights in the same layer, so that nothing was compressed or pushed before. The best time counts, since other work on the
machine only adds time.
"""

from __future__ import annotations

import os
import shutil
import sysconfig
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from mlops_actions.docker_publish.input_values import COMPRESSIONS
from tests.e2e.container_step import ContainerRunner
from tests.e2e.debian_registry import debian_registry
from tests.e2e.docker_daemon import Docker
from tests.e2e.other_builders import buildkit, free_port, newer_docker
from tests.e2e.publishing import Publisher

PACKAGES, WEIGHTS = 200, 100  # megabytes
ROUNDS = 2
_MEGABYTE = 1_000_000
_MIN_FILE = 16_000  # bytes: many small files take longer to copy and to delete than to compress


@dataclass
class Compressed:
    """Bytes in the registry, and seconds: of the step (build and push), and of a pull with unpacking."""

    size: int = 0
    published: float = float("inf")
    pulled: float = float("inf")


def measure(docker: Docker, images: Mapping[str, str]) -> dict[str, Compressed]:
    """Return the figures by compression."""
    figures = {kind: Compressed() for kind in COMPRESSIONS}
    address = f"tcp://127.0.0.1:{free_port()}"
    with (
        TemporaryDirectory() as name,
        debian_registry(Path(name)) as registry,
        newer_docker(docker, containerd_store=True) as daemon,
        buildkit(Path(name), address),
    ):
        runner = ContainerRunner(docker, images, Path(name) / "runner")
        publisher = Publisher(runner, registry, "bench/compression", "FROM scratch\nCOPY files /\n")
        login = registry.log_in(Path(name) / "login")
        _copy_packages(publisher.workspace / "files")
        for _ in range(ROUNDS):
            for kind, figure in figures.items():
                (publisher.workspace / "files" / "weights").write_bytes(os.urandom(WEIGHTS * _MEGABYTE))
                given = {"builder": address, "platforms": "linux/amd64", "compression": kind, "cache": "none"}
                finished = publisher.publish(given)
                if finished.exit_code or finished.outputs["built"] != "true":
                    raise RuntimeError(finished.log)
                began = time.perf_counter()
                daemon("--config", str(login), "pull", "--quiet", finished.outputs["ref"])
                figure.pulled = min(figure.pulled, time.perf_counter() - began)
                figure.published = min(figure.published, float(finished.outputs["duration"]))
                figure.size = int(finished.outputs["size"])
                daemon("image", "rm", "--force", finished.outputs["ref"])
    return figures


def _copy_packages(target: Path) -> None:
    """Copy installed packages, in the order of their names, up to the size."""
    source = Path(sysconfig.get_paths()["platlib"])
    left = PACKAGES * _MEGABYTE
    for path in sorted(source.rglob("*")):
        if path.is_file() and not path.is_symlink() and _MIN_FILE <= path.stat().st_size <= left:
            copy = target / path.relative_to(source)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, copy)
            left -= path.stat().st_size
