"""Compare pulling and starting the image of chatops with that of an older commit, and time a build from source.

Both are pulled in turns from one registry on loopback into one daemon, whose store is empty before each pull. A comment that
is no command starts chatops, since most comments on a pull request are none.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import tarfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.bench.images import HERE, PYTHON
from tests.bench.startup import comment_event
from tests.e2e.debian_registry import debian_registry
from tests.e2e.docker_daemon import DaemonError, Docker
from tests.e2e.images import BASE_IMAGE, ROOT, copy_checkout, push
from tests.e2e.other_builders import newer_docker

BASELINE = "274364d"  # the last commit whose images started from Debian's
COMMENT = "Nice work, thank you"
ROUNDS = 5
STARTS = 9
CONTAINERS = 5  # of each image, whose starts inside are compared
COMMAND = ("/opt/mlops-actions/bin/chatops",)  # an image's entry point


@dataclass(frozen=True)
class Pulls:
    """Medians of pairs, as shares of the baseline's; and the seconds of a build from source that finds nothing cached.

    `start` is a whole `docker run`, most of which is the daemon's; `start_inside` is the entry point's share of it.
    """

    to_decision: float
    start: float
    start_inside: float
    baseline_seconds: float
    seconds: float
    build: float


def measure(docker: Docker, names: Mapping[str, str]) -> Pulls:
    """Build the baseline's image, and compare; raises DaemonError where the history does not hold its commit."""
    with (
        TemporaryDirectory() as name,
        newer_docker(docker) as daemon,
        debian_registry(Path(name), guarded=False) as registry,
    ):
        folder = Path(name)
        build = _seconds_of_a_build(docker, copy_checkout(folder / "now"))
        images = [_baseline(docker, folder / "before"), names["chatops"]]
        pushed = [
            push(docker, registry, image, "bench/chatops", tag) for tag, image in zip(("before", "now"), images, strict=True)
        ]
        inside = [
            [_start_inside(docker, image, folder) for image in _in_turn(images, number)] for number in range(CONTAINERS)
        ]
        daemon("rmi", "--force", BASE_IMAGE)
        step = _Step(daemon)
        pulls = [[step.pulled_and_run(image) for image in _in_turn(pushed, number)] for number in range(ROUNDS)]
        for image in pushed:
            daemon("pull", "--quiet", image)
        starts = [[step.run(image) for image in _in_turn(pushed, number)] for number in range(STARTS)]
    pulls, starts, inside = (
        [pair[::-1] if number % 2 else pair for number, pair in enumerate(pairs)] for pairs in (pulls, starts, inside)
    )
    return Pulls(
        to_decision=statistics.median(now / before for before, now in pulls),
        start=statistics.median(now / before for before, now in starts),
        start_inside=statistics.median(now / before for before, now in inside),
        baseline_seconds=statistics.median(before for before, _ in pulls),
        seconds=statistics.median(now for _, now in pulls),
        build=build,
    )


def _in_turn(images: list[str], number: int) -> list[str]:
    # Who comes second finds the machine as the first has left it.
    return images[::-1] if number % 2 else images


def _baseline(docker: Docker, folder: Path) -> str:
    archive = folder.with_suffix(".tar")
    done = subprocess.run(["git", "archive", "--output", archive, BASELINE], cwd=ROOT, capture_output=True, check=False)
    if done.returncode:
        raise DaemonError(f"the history does not hold {BASELINE}: {done.stderr.decode(errors='replace').strip()}")
    with tarfile.open(archive) as opened:
        opened.extractall(folder, filter="data")
    image = "mlops-actions-e2e/baseline"
    docker("build", "--tag", image, "--file", str(folder / "Dockerfile.base"), "--target", "chatops", str(folder))
    return image


def _seconds_of_a_build(docker: Docker, checkout: Path) -> float:
    """Build chatops as a runner does, from its base image and nothing else."""
    command = ("build", "--no-cache", "--tag", "mlops-actions-e2e/cold", "--file", str(checkout / "Dockerfile.chatops"))
    began = time.perf_counter()
    docker(*command, str(checkout))
    return time.perf_counter() - began


def _start_inside(docker: Docker, image: str, folder: Path) -> float:
    """Return the median seconds of a step's entry point in one container, without the container's own start."""
    event, commands = folder / "event.json", folder / "commands.json"
    event.write_text(json.dumps(comment_event(COMMENT)))
    commands.write_text(json.dumps([{"argv": COMMAND, "env": _environment(str(event))}] * STARTS))
    mounts = ("--volume", f"{HERE}:/bench:ro", "--volume", f"{folder}:{folder}")
    python, option = PYTHON
    command = ("run", "--rm", "--network", "none", *mounts, "--entrypoint", python, image, option, "/bench/in_turn.py")
    times: list[float] = json.loads(docker(*command, str(commands)).splitlines()[-1])
    return statistics.median(times)


def _environment(event: str) -> Mapping[str, str]:
    return {
        "GITHUB_REPOSITORY": "octo/digits",
        "GITHUB_EVENT_NAME": "issue_comment",
        "GITHUB_EVENT_PATH": event,
        "INPUT_COMMANDS": "/train",
        "INPUT_GITHUB-TOKEN": "of no use",
    }


class _Step:
    """A step of chatops whose event is a comment that is no command."""

    def __init__(self, daemon: Docker) -> None:
        self._daemon = daemon
        self._event = json.dumps(comment_event(COMMENT)).encode()

    def pulled_and_run(self, image: str) -> float:
        """Return the seconds from `docker pull` to the decision; the store is empty before and after."""
        began = time.perf_counter()
        self._daemon("pull", "--quiet", image)
        self._run(image)
        took = time.perf_counter() - began
        self._daemon("rmi", image)
        return took

    def run(self, image: str) -> float:
        """Return the seconds of a step whose image is there."""
        began = time.perf_counter()
        self._run(image)
        return time.perf_counter() - began

    def _run(self, image: str) -> None:
        # The daemon is in a container, and mounts nothing of this machine.
        environment = _environment("/dev/stdin")
        options = [word for key, value in environment.items() for word in ("--env", f"{key}={value}")]
        self._daemon("run", "--rm", "--interactive", "--network", "none", *options, image, input=self._event)
