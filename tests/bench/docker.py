"""What publishing costs, against `docker buildx build --push` by the same programs in the same image: medians of one run.

Everything is built on a daemon of its own, so that its cache is known. Times hold the container's start on both sides.
"""

from __future__ import annotations

import base64
import json
import statistics
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from mlops_actions.docker_publish import dockerignore, fingerprint
from tests.e2e.container_step import Runner
from tests.e2e.debian_registry import DebianRegistry, debian_registry
from tests.e2e.docker_daemon import Docker
from tests.e2e.other_builders import newer_docker
from tests.e2e.publishing import BASE, Publisher

SMALL, MIDDLE, LARGE = 10, 200, 1000  # megabytes that no compression makes smaller
ROUNDS = 3
FILES = 10_000
DOCKERFILE = f"""\
FROM {BASE}
ARG MEGABYTES
ARG AGAIN
COPY train.py /
RUN --network=none head -c ${{MEGABYTES}}M /dev/urandom > /weights
"""


@dataclass
class Publishing:
    """Seconds (medians), by size in megabytes."""

    reused: dict[int, float] = field(default_factory=dict)
    cached: dict[int, float] = field(default_factory=dict)
    fetched: dict[int, float] = field(default_factory=dict)
    first: float = 0.0
    first_plain: float = 0.0


def hashing() -> float:
    """Seconds that the fingerprint of a context of many small files takes, on one core."""
    with TemporaryDirectory() as name:
        for number in range(FILES):
            folder = Path(name) / f"{number % 100:02}"
            folder.mkdir(exist_ok=True)
            (folder / f"{number}.py").write_bytes(b"%d" % number * 200)
        times = []
        for _ in range(ROUNDS):
            began = time.perf_counter()
            fingerprint.hash_context(Path(name), dockerignore.parse(""))
            times.append(time.perf_counter() - began)
    return statistics.median(times)


def measure(docker: Docker, images: Mapping[str, str]) -> Publishing:
    """Publish images of several sizes with the action and without it."""
    found = Publishing()
    with TemporaryDirectory() as name, newer_docker(docker) as builder, debian_registry(Path(name)) as registry:
        runner = Runner(docker, images, Path(name) / "runner")
        bench = _Bench(Publisher(runner, registry, "bench/digits", DOCKERFILE), builder)
        found.first, found.first_plain = bench.first_builds()
        for size in (SMALL, LARGE):
            bench.publish(size)
            found.reused[size] = statistics.median(bench.publish(size) for _ in range(ROUNDS))
            bench.plain(size)
            found.cached[size] = statistics.median(bench.plain(size) for _ in range(ROUNDS))
            found.fetched[size] = bench.on_a_new_machine(size)
    return found


class _Bench:
    def __init__(self, publisher: Publisher[DebianRegistry], builder: Docker) -> None:
        self._publisher = publisher
        self._builder = builder
        login = base64.b64encode(f"{publisher.registry.username}:{publisher.registry.password}".encode()).decode()
        config = publisher.workspace / "ignored"
        config.mkdir()
        (config / "config.json").write_text(json.dumps({"auths": {publisher.registry.host: {"auth": login}}}))

    def publish(self, megabytes: int, again: str = "") -> float:
        """Run the action; return its seconds."""
        given = {"build-args": f"MEGABYTES={megabytes}\nAGAIN={again}"}
        began = time.perf_counter()
        finished = self._publisher.publish(given, {"DOCKER_HOST": self._builder.host})
        seconds = time.perf_counter() - began
        if finished.exit_code:
            raise RuntimeError(finished.log)
        return seconds

    def plain(self, megabytes: int, again: str = "", *more: str) -> float:
        """Run `docker buildx build --push` in the action's image; return its seconds."""
        tags = [f"--tag={self._publisher.image}:{tag}" for tag in ("plain", "plain-main", "plain-latest")]
        words = ("buildx", "build", "--push", "--provenance=false", "--cache-to=type=inline", *tags, *more)
        arguments = (f"--build-arg=MEGABYTES={megabytes}", f"--build-arg=AGAIN={again}", ".")
        env = {"DOCKER_HOST": self._builder.host, "DOCKER_CONFIG": "/github/workspace/ignored"}
        began = time.perf_counter()
        finished = self._publisher.runner.run("docker-publish", entrypoint="docker", arguments=words + arguments, env=env)
        seconds = time.perf_counter() - began
        if finished.exit_code:
            raise RuntimeError(finished.log)
        return seconds

    def first_builds(self) -> tuple[float, float]:
        """Build what was never built before, in turns: with the action, and plainly."""
        ours, theirs = [], []
        for number in range(ROUNDS):
            ours.append(self.publish(MIDDLE, f"ours-{number}"))
            theirs.append(self.plain(MIDDLE, f"theirs-{number}"))
        return statistics.median(ours), statistics.median(theirs)

    def on_a_new_machine(self, megabytes: int) -> float:
        """Build plainly with nothing but the cache that the image in the registry carries."""
        names = self._builder("images", "--quiet", self._publisher.image).split()
        self._builder("rmi", "--force", *dict.fromkeys(names), check=False)
        prune = ["docker", "builder", "prune", "--all", "--force"]
        subprocess.run(prune, env=self._builder.environment, check=True, capture_output=True)
        return self.plain(megabytes, "", f"--cache-from=type=registry,ref={self._publisher.image}:plain")
