"""Compare publishing with `docker buildx build --push` by the same programs in the same image.

Both are commands that one container runs in turns: noise affects both equally, and the container's start affects neither.
The best time of each counts, since other work on the machine only adds time.
There are several kinds of full cache, and each is measured: see `CACHES`.
"""

from __future__ import annotations

import json
import shutil
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from mlops_actions.core.declare import input_variable
from mlops_actions.docker_publish.context_files import findings, local_sources
from mlops_actions.docker_publish.dockerfile import instructions
from mlops_actions.docker_publish.reuse import dockerignore, fingerprint
from tests.bench import in_turn
from tests.e2e.container_step import EXECUTABLES, ContainerRunner
from tests.e2e.debian_registry import DebianRegistry, debian_registry
from tests.e2e.docker_daemon import Docker
from tests.e2e.other_builders import buildkit, free_port, newer_docker
from tests.e2e.publishing import BASE, Publisher

SMALL, MIDDLE, LARGE = 10, 200, 1000  # megabytes that cannot be compressed
ROUNDS = 5
FIRST_ROUNDS = 3
FILES = 10_000
# Where a cached build finds its cache. Reuse saves data transfer only. A machine that has just built and pushed this very
# image transfers nothing either: it starts, asks the registry for each layer and puts the manifests, as reuse does.
CACHES = {
    "new machine": "Docker's own builder on a hosted runner, all cached in the registry (inline)",
    "new BuildKit": "setup-buildx's BuildKit on a hosted runner, all cached in the registry (mode=max)",
    "warm BuildKit": "a BuildKit that has just built and pushed this very image",
    "warm daemon": "a daemon that has just built and pushed this very image",
}
HELD = "new machine"
_CONFIG = "/github/workspace/ignored"  # of the plain builds; `.dockerignore` excludes it
_BUILDER = "bench"
_PATIENCE = 1200.0
Command = dict[str, Any]


@dataclass
class Publishing:
    """Seconds of reuse by size, and ratios to a plain build."""

    reused: dict[int, float] = field(default_factory=dict)
    ratios: dict[str, float] = field(default_factory=dict)  # reuse of LARGE : a cached build, by kind of cache
    first_build: float = 0.0


def reading_context() -> tuple[float, float]:
    """Return the seconds that many small files take on one core: their fingerprint, and the look for warnings."""
    everything = local_sources.find(instructions.parse("FROM scratch\nCOPY . /\n"))
    ignore = dockerignore.parse("")
    with TemporaryDirectory() as name:
        context = Path(name)
        for number in range(FILES):
            folder = context / f"{number % 100:02}"
            folder.mkdir(exist_ok=True)
            (folder / f"{number}.py").write_bytes(b"%d" % number * 200)
        hashing = median_seconds(lambda: fingerprint.hash_context(context, ignore))
        looking = median_seconds(lambda: findings.inspect(context, ignore, everything, root=context))
    return hashing, looking


def median_seconds(call: Callable[[], object]) -> float:
    """Return how long a call takes."""
    times = []
    for _ in range(FIRST_ROUNDS):
        started = time.perf_counter()
        call()
        times.append(time.perf_counter() - started)
    return statistics.median(times)


def measure(docker: Docker, images: Mapping[str, str]) -> Publishing:
    """Publish images of several sizes with the action and without it."""
    figures = Publishing()
    with TemporaryDirectory() as name, newer_docker(docker) as daemon, debian_registry(Path(name)) as registry:
        _provide_base(docker, registry, Path(name))
        runner = ContainerRunner(docker, images, Path(name) / "runner")
        bench = _Bench(runner, registry, daemon)
        figures.first_build = bench.first_builds()
        figures.ratios["warm daemon"] = bench.warm_daemon()
        figures.reused[SMALL], figures.reused[LARGE] = bench.sizes()
        figures.ratios["new machine"] = bench.new_machine()
        address = f"tcp://127.0.0.1:{free_port()}"
        try:
            with buildkit(Path(name), address):
                figures.ratios["warm BuildKit"], figures.ratios["new BuildKit"] = bench.buildkit(address)
        except pytest.skip.Exception:
            pass  # there is no Go here to make one with
    return figures


def _provide_base(docker: Docker, registry: DebianRegistry, directory: Path) -> None:
    """Push the base image to the registry, where every builder finds it."""
    image = _base(registry)
    docker("tag", BASE, image)
    docker("--config", str(registry.log_in(directory / "login")), "push", "--quiet", image)
    docker("rmi", image)


def _base(registry: DebianRegistry) -> str:
    return f"{registry.host}/bench/base:1"


class _Bench:
    def __init__(self, runner: ContainerRunner, registry: DebianRegistry, daemon: Docker) -> None:
        dockerfile = (
            f"FROM {_base(registry)}\nARG MEGABYTES\nARG AGAIN\nCOPY train.py /\n"
            "RUN --network=none head -c ${MEGABYTES}M /dev/urandom > /weights\n"
        )
        self._publisher = Publisher(runner, registry, "bench/digits", dockerfile)
        self._folder = registry.log_in(self._publisher.workspace / "ignored")
        shutil.copy2(Path(in_turn.__file__), self._folder)
        self._env = {"DOCKER_HOST": daemon.host}

    def first_builds(self) -> float:
        """Build new images into new repositories, with the action and plainly."""
        self._run([self._plain(SMALL, "the base image is loaded")])
        pairs = [
            (
                self._publish(MIDDLE, f"action-{number}", image=f"{self._publisher.image}-{number}"),
                self._plain(MIDDLE, f"plain-{number}", image=f"{self._publisher.image}-plain-{number}"),
            )
            for number in range(FIRST_ROUNDS)
        ]
        return self._ratio(self._take(pairs, built=True))

    def warm_daemon(self) -> float:
        """Reuse, and build again on a daemon that has every layer."""
        return self._ratio(self._take([(self._publish(LARGE), self._plain(LARGE))] * (ROUNDS + 1))[1:])

    def sizes(self) -> tuple[float, float]:
        """Reuse a small image and a large one; the seconds of both."""
        times = self._take([(self._publish(SMALL), self._publish(LARGE))] * (ROUNDS + 1))[1:]
        return min(small for small, _ in times), min(large for _, large in times)

    def new_machine(self) -> float:
        """Build on an empty daemon, with the registry as its cache."""
        cached = self._plain(LARGE, "", f"--cache-from=type=registry,ref={self._publisher.image}:plain")
        forget = "docker image ls --quiet | sort -u | xargs -r docker image rm --force; docker buildx prune --all --force"
        return self._ratio(self._take([(self._publish(LARGE), cached)] * 2, before=["sh", "-c", forget]))

    def buildkit(self, address: str) -> tuple[float, float]:
        """Build with a BuildKit that has every layer, and with an empty one whose cache is the registry."""
        self._run([{"argv": ["docker", "buildx", "create", f"--name={_BUILDER}", "--driver=remote", address]}])
        reuse = self._publish(LARGE, "", builder=address, platforms="linux/amd64")
        builder, cache = f"--builder={_BUILDER}", f"type=registry,ref={self._publisher.image}:cache"
        export = self._plain(LARGE, "", builder, f"--cache-to={cache},mode=max")
        warm = self._take([(reuse, export), *[(reuse, self._plain(LARGE, "", builder))] * ROUNDS])[1:]
        new = (reuse, self._plain(LARGE, "", builder, f"--cache-from={cache}"))
        forget = ["docker", "buildx", "prune", "--all", "--force", builder]
        return self._ratio(warm), self._ratio(self._take([new] * FIRST_ROUNDS, before=forget))

    def _publish(self, megabytes: int, again: str = "", **given: str) -> Command:
        """Run the action."""
        inputs = given | {"build-args": f"MEGABYTES={megabytes}\nAGAIN={again}"}
        return {
            "argv": [f"{EXECUTABLES}/docker-publish"],
            "env": {input_variable(name): value for name, value in inputs.items()},
        }

    def _plain(self, megabytes: int, again: str = "", *more: str, image: str = "") -> Command:
        """Run `docker buildx build --push` with as many tags as the action sets."""
        tags = [f"--tag={image or self._publisher.image}:{tag}" for tag in ("plain", "plain-main", "plain-latest")]
        cache = [] if "--cache-to" in " ".join(more) else ["--cache-to=type=inline"]
        words = ["docker", "buildx", "build", "--push", "--provenance=false", *cache, *tags, *more]
        return {"argv": [*words, f"--build-arg=MEGABYTES={megabytes}", f"--build-arg=AGAIN={again}", "."]}

    def _take(
        self, pairs: Sequence[tuple[Command, Command]], before: Sequence[str] = (), *, built: bool = False
    ) -> list[tuple[float, float]]:
        """Run the pairs, each command after the command `before`, and return the seconds."""
        first = [{"argv": list(before)}] if before else []
        times = self._run([command for pair in pairs for measured in pair for command in (*first, measured)], built=built)
        timed = times[len(first) :: len(first) + 1]
        return list(zip(timed[::2], timed[1::2], strict=True))

    def _run(self, commands: Sequence[Command], *, built: bool | None = None) -> list[float]:
        (self._folder / "commands.json").write_text(
            json.dumps([{"env": {"DOCKER_CONFIG": _CONFIG}, **command} for command in commands])
        )
        script = (f"{_CONFIG}/{Path(in_turn.__file__).name}", f"{_CONFIG}/commands.json")
        options = self._publisher.options(None, self._env)
        running = self._publisher.runner.start(
            "docker-publish", entrypoint=f"{EXECUTABLES}/python", arguments=script, **options
        )
        finished = running.wait(_PATIENCE)
        if finished.exit_code or (built is not None and finished.outputs.get("built") != str(built).lower()):
            raise RuntimeError(finished.log)
        times: list[float] = json.loads(finished.log.splitlines()[-1])
        return times

    @staticmethod
    def _ratio(times: Sequence[tuple[float, float]]) -> float:
        return min(action for action, _ in times) / min(plain for _, plain in times)
