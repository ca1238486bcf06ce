"""Where the real cluster's containers run: in Docker where a test has brought a daemon along, else as processes."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from mlops_actions.sandbox.cluster import ContainerTask, DockerExecutor, LocalImage, Output, ProcessExecutor, Stopper

# Stands for an empty image with this machine's programs. A loop of hundreds of nodes is about the cluster, not about Docker.
PROCESS_IMAGE: Final = "process.test/shell"


class Containers:
    """Implements `Executor`: `PROCESS_IMAGE` as local processes, every other image in Docker.

    `docker` is None until a fixture sets it, so that a test which needs no daemon runs where there is none.
    """

    def __init__(self) -> None:
        self._processes = ProcessExecutor({PROCESS_IMAGE: LocalImage()})
        self.docker: DockerExecutor | None = None

    def run(self, task: ContainerTask, workspace: Path, output: Output, stopper: Stopper) -> int:
        """See `Executor.run`."""
        executor = self._processes if self.docker is None or task.image == PROCESS_IMAGE else self.docker
        return executor.run(task, workspace, output, stopper)
