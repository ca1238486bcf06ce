"""Where the real cluster's containers run: in Docker where a test has brought a daemon along, else as processes."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path

from mlops_sandbox.cluster import ContainerTask, DockerExecutor, Executor, LocalImage, Output, ProcessExecutor, StopSignal

# Stands for an empty image with this machine's programs. A loop of hundreds of nodes is about the cluster, not about Docker.
PROCESS_IMAGE = "process.test/shell"


class ImageMissing(Exception):
    """The image cannot be had for now; the message says why."""


class Containers:
    """Implements `Executor`: `PROCESS_IMAGE` as local processes, every other image by `docker`.

    Without `docker` everything is a process, so that a test which needs no daemon runs where there is none.
    """

    def __init__(self) -> None:
        self._processes = ProcessExecutor({"": LocalImage()})
        self._environment: Mapping[str, str] = {}
        self.docker: Executor | None = None

    def use(self, environment: Mapping[str, str] | None) -> None:
        """From now on use the Docker client with this environment, or none."""
        self.docker = None if environment is None else DockerExecutor(environment=environment)
        self._environment = environment or {}

    def pull(self, image: str) -> None:
        """See to it that an image is there; raises ImageMissing."""
        if self.docker is None or image == PROCESS_IMAGE or self._call("image", "inspect", image) is None:
            return
        problem = self._call("pull", "--quiet", image)
        if problem is not None:
            raise ImageMissing(problem)

    def run(self, task: ContainerTask, workspace: Path, output: Output, stopper: StopSignal) -> int:
        """See `Executor.run`."""
        executor = self._processes if self.docker is None or task.image == PROCESS_IMAGE else self.docker
        return executor.run(task, workspace, output, stopper)

    def _call(self, *arguments: str) -> str | None:
        """Run the client; returns what it complained of, None where it did not."""
        done = subprocess.run(
            ["docker", *arguments], env=dict(self._environment), capture_output=True, text=True, check=False
        )
        return None if done.returncode == 0 else done.stderr.strip()
