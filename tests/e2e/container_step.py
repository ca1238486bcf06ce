"""One step of a job as GitHub's runner starts it: `docker run` with its mounts, working directory, HOME and environment.

From the runner's source: ContainerActionHandler.cs (mounts, environment, network), DockerCommandManager.cs (the command
line), FileCommandManager.cs (the command files), ProcessInvoker.cs (how the runner cancels a step).
"""

from __future__ import annotations

import dataclasses
import json
import os
import queue
import signal
import subprocess
import threading
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.e2e.docker_daemon import Docker
from tests.support.step import COMMAND_FILES, REPOSITORY, Paths, Step, StepRecord, runner_variables

EXECUTABLES = "/opt/mlops-actions/bin"
INSIDE = Paths(
    workspace="/github/workspace", event="/github/workflow/event.json", home="/github/home", temp="/github/runner_temp"
)


class RunningContainer:
    """A step's container while it runs."""

    def __init__(
        self, step: Step, process: subprocess.Popen[bytes], files: Mapping[str, Path], docker: Docker, name: str
    ) -> None:
        self._step = step
        self._process = process
        self._files = files
        self._docker = docker
        self._lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._read: list[str] = []
        self.name = name
        threading.Thread(target=self._pump, daemon=True).start()

    def _pump(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._lines.put(line.decode(errors="replace"))
        self._lines.put(None)

    def wait_for(self, text: str, timeout: float = 60.0) -> str:
        """Return the first line of the log from here on that holds the text; raises where none comes in time."""
        deadline = time.monotonic() + timeout
        while True:
            try:
                line = self._lines.get(timeout=max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                raise AssertionError(f"the log held no {text!r} in time:\n{''.join(self._read)}") from None
            if line is None:
                self._lines.put(None)
                raise AssertionError(f"the step ended without {text!r} in its log:\n{''.join(self._read)}")
            self._read.append(line)
            if text in line:
                return line

    def interrupt(self) -> None:
        """Cancel, as the runner does first: SIGINT to its `docker run`, which hands it to the container's process 1."""
        self._process.send_signal(signal.SIGINT)

    def wait(self, timeout: float = 120.0) -> StepRecord:
        """Wait for the end and read what the step left."""
        try:
            self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            self._docker("kill", self.name, check=False)
            self._process.wait()
            raise
        while (line := self._lines.get()) is not None:
            self._read.append(line)
        self._lines.put(None)
        return StepRecord.read(self._step.action, self._process.returncode, "".join(self._read), self._files)


@dataclass
class ContainerRunner:
    """A runner with one job: its steps share a workspace, a HOME and a temporary directory below `root`.

    With `read_only` nothing of a container's own file system can be written, only what the runner mounts. Containers are on
    Docker's bridge, as the runner has them where a job has no services: a test's server is reached at `docker.gateway`, and
    `localhost` is the container itself. `on_host` is for servers that must be on loopback.
    """

    docker: Docker
    images: Mapping[str, str]
    root: Path
    repository: str = REPOSITORY
    read_only: bool = False
    network: str = ""
    _made: list[str] = field(default_factory=list)

    @property
    def on_host(self) -> ContainerRunner:
        """The same runner, with its containers on this machine's network.

        For a registry (Docker speaks HTTP with loopback alone) and a cluster (no credentials go elsewhere without TLS).
        """
        return dataclasses.replace(self, network="host")

    @property
    def workspace(self) -> Path:
        """The job's workspace, made on first use."""
        name = self.repository.partition("/")[2]
        return _made(self.root / "work" / name / name)

    @property
    def temp(self) -> Path:
        """The job's RUNNER_TEMP."""
        return _made(self.root / "work" / "_temp")

    def run(self, action: str, **options: Any) -> StepRecord:
        """Run one stage of an action to its end; the options are `start`'s."""
        return self.start(action, **options).wait()

    def start(
        self,
        action: str,
        *,
        inputs: Mapping[str, str] | None = None,
        env: Mapping[str, str] | None = None,
        event_name: str = "issue_comment",
        event: Any = None,
        state: Mapping[str, str] | None = None,
        post: bool = False,
        **options: Any,
    ) -> RunningContainer:
        """Start one stage of an action; `env` replaces the runner's own variables, the options are `start_step`'s."""
        step = Step(
            action,
            inputs=inputs or {},
            event_name=event_name,
            event={} if event is None else event,
            environ=env or {},
            state=state or {},
            post=post,
        )
        return self.start_step(step, **options)

    def run_step(self, step: Step, **options: Any) -> StepRecord:
        """Run a stage to its end; the options are `start_step`'s."""
        return self.start_step(step, **options).wait()

    def start_step(
        self,
        step: Step,
        *,
        workspace: Path | None = None,
        image: str | None = None,
        entrypoint: str | None = None,
        read_only_home: bool = False,
        arguments: tuple[str, ...] = (),
    ) -> RunningContainer:
        """Start a stage in its container.

        `image` is another action's (its own by default).
        """
        workspace = workspace or self.workspace
        home, workflow = _made(self.temp / "_github_home"), _made(self.temp / "_github_workflow")
        commands = _made(self.temp / "_runner_file_commands")
        if step.event is not None:
            (workflow / "event.json").write_text(json.dumps(step.event))
        stage = str(uuid.uuid4())
        files = {name: commands / f"{prefix}{stage}" for name, prefix in COMMAND_FILES.items()}
        for path in files.values():
            path.touch()
        environment = {
            **runner_variables(INSIDE, self.repository),
            **{name: f"/github/file_commands/{path.name}" for name, path in files.items()},
            **step.variables,
        }
        name = f"mlops-e2e-{stage[:8]}"
        self._made.append(name)
        command = [
            "docker", "--host", self.docker.host, "run",
            "--name", name, "--label", "mlops-actions-e2e", "--workdir", "/github/workspace", "--rm",
            *(word for key in environment for word in ("-e", key)),
            "-e", "GITHUB_ACTIONS=true", "-e", "CI=true",
            "--entrypoint", entrypoint or f"{EXECUTABLES}/{step.action}{'-post' if step.post else ''}",
            *(["--network", self.network] if self.network else []), *(["--read-only"] if self.read_only else []),
            "-v", f"{self.docker.socket}:/var/run/docker.sock",
            "-v", f"{self.temp}:/github/runner_temp",
            "-v", f"{home}:/github/home{':ro' if read_only_home else ''}",
            "-v", f"{workflow}:/github/workflow",
            "-v", f"{commands}:/github/file_commands",
            "-v", f"{workspace}:/github/workspace",
            self.images[image or step.action], *arguments,
        ]  # fmt: skip
        process = subprocess.Popen(
            command, env={"PATH": os.environ["PATH"], **environment}, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
        return RunningContainer(step, process, files, self.docker, name)

    def close(self) -> None:
        """Remove containers that a failed test left running."""
        if self._made:
            self.docker("rm", "--force", *self._made, check=False)


def _made(directory: Path) -> Path:
    directory.mkdir(parents=True, exist_ok=True)
    return directory
