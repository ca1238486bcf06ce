"""One step of a job as GitHub's runner starts it: `docker run` with its mounts, working directory, HOME and environment.

From the runner's source: ContainerActionHandler.cs (mounts, environment), DockerCommandManager.cs (the command line),
FileCommandManager.cs (the command files), ProcessInvoker.cs (how a cancelled step is told so).
"""

from __future__ import annotations

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

from mlops_actions.core.declare import variable
from mlops_sandbox.runner.files import read_file_command
from tests.e2e.docker_daemon import Docker

EXECUTABLES = "/opt/mlops-actions/bin"
COMMAND_FILES = {
    "GITHUB_ENV": "set_env_",
    "GITHUB_OUTPUT": "set_output_",
    "GITHUB_PATH": "add_path_",
    "GITHUB_STATE": "save_state_",
    "GITHUB_STEP_SUMMARY": "step_summary_",
}
SHA = "ffac537e6cbbf934b08745a378932722df287a53"


@dataclass(frozen=True)
class Finished:
    """What a step left behind: its exit code, the log as the runner read it, and its command files, parsed."""

    exit_code: int
    log: str
    outputs: dict[str, str]
    state: dict[str, str]
    environment: dict[str, str]
    summary: str


class Running:
    """A step's container while it runs."""

    def __init__(self, process: subprocess.Popen[bytes], files: Mapping[str, Path], docker: Docker, name: str) -> None:
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
                raise AssertionError(f"the step did not say {text!r} in time; it said:\n{''.join(self._read)}") from None
            if line is None:
                self._lines.put(None)
                raise AssertionError(f"the step ended without saying {text!r}; it said:\n{''.join(self._read)}")
            self._read.append(line)
            if text in line:
                return line

    def interrupt(self) -> None:
        """Cancel, as the runner does first: SIGINT to its `docker run`, which hands it to the container's process 1."""
        self._process.send_signal(signal.SIGINT)

    def wait(self, timeout: float = 120.0) -> Finished:
        """Wait for the end and read what was left behind."""
        try:
            self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            self._docker("kill", self.name, check=False)
            self._process.wait()
            raise
        while (line := self._lines.get()) is not None:
            self._read.append(line)
        self._lines.put(None)
        text = {name: path.read_bytes().decode() for name, path in self._files.items()}
        return Finished(
            exit_code=self._process.returncode,
            log="".join(self._read),
            outputs=read_file_command(text["GITHUB_OUTPUT"]),
            state=read_file_command(text["GITHUB_STATE"]),
            environment=read_file_command(text["GITHUB_ENV"]),
            summary=text["GITHUB_STEP_SUMMARY"],
        )


@dataclass
class Runner:
    """A runner with one job: its steps share a workspace, a HOME and a temporary directory below `root`.

    With `read_only` nothing of a container's own file system can be written, only what the runner mounts.
    """

    docker: Docker
    images: Mapping[str, str]
    root: Path
    repository: str = "octo-org/digits"
    read_only: bool = False
    _made: list[str] = field(default_factory=list)

    @property
    def workspace(self) -> Path:
        """The job's workspace, made on first use."""
        name = self.repository.partition("/")[2]
        return _made(self.root / "work" / name / name)

    @property
    def temp(self) -> Path:
        """The job's RUNNER_TEMP."""
        return _made(self.root / "work" / "_temp")

    def run(self, action: str, **options: Any) -> Finished:
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
        workspace: Path | None = None,
        state: Mapping[str, str] | None = None,
        post: bool = False,
        image: str | None = None,
        entrypoint: str | None = None,
        network: str = "host",
        read_only_home: bool = False,
        arguments: tuple[str, ...] = (),
    ) -> Running:
        """Start one stage of an action.

        `inputs` by their names in `action.yml`; `state` is what the main stage saved; `env` comes last and may replace the
        runner's own. `image` is a target of Dockerfile.base (the action's own by default). Only `network` differs from the
        runner, which has one network a job: the stand-ins are on loopback.
        """
        workspace = workspace or self.workspace
        home, workflow = _made(self.temp / "_github_home"), _made(self.temp / "_github_workflow")
        commands = _made(self.temp / "_runner_file_commands")
        (workflow / "event.json").write_text(json.dumps({} if event is None else event))
        stage = str(uuid.uuid4())
        files = {name: commands / f"{prefix}{stage}" for name, prefix in COMMAND_FILES.items()}
        for path in files.values():
            path.touch()
        environment = {
            **self._variables(event_name),
            **{name: f"/github/file_commands/{path.name}" for name, path in files.items()},
            **{variable(name): value for name, value in (inputs or {}).items()},
            **{f"STATE_{name}": value for name, value in (state or {}).items()},
            **(env or {}),
        }
        name = f"mlops-e2e-{stage[:8]}"
        self._made.append(name)
        command = [
            "docker", "--host", self.docker.host, "run",
            "--name", name, "--label", "mlops-actions-e2e", "--workdir", "/github/workspace", "--rm",
            *(word for key in environment for word in ("-e", key)),
            "-e", "GITHUB_ACTIONS=true", "-e", "CI=true",
            "--entrypoint", entrypoint or f"{EXECUTABLES}/{action}{'-post' if post else ''}",
            "--network", network, *(["--read-only"] if self.read_only else []),
            "-v", f"{self.docker.socket}:/var/run/docker.sock",
            "-v", f"{self.temp}:/github/runner_temp",
            "-v", f"{home}:/github/home{':ro' if read_only_home else ''}",
            "-v", f"{workflow}:/github/workflow",
            "-v", f"{commands}:/github/file_commands",
            "-v", f"{workspace}:/github/workspace",
            self.images[image or action], *arguments,
        ]  # fmt: skip
        process = subprocess.Popen(
            command, env={"PATH": os.environ["PATH"], **environment}, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
        return Running(process, files, self.docker, name)

    def close(self) -> None:
        """Remove containers that a failed test left running."""
        if self._made:
            self.docker("rm", "--force", *self._made, check=False)

    def _variables(self, event_name: str) -> dict[str, str]:
        owner = self.repository.partition("/")[0]
        return {
            "GITHUB_ACTION": "step",
            "GITHUB_ACTION_REF": "v1",
            "GITHUB_ACTION_REPOSITORY": "machine-learning-apps/mlops-actions",
            "GITHUB_ACTOR": "alice",
            "GITHUB_ACTOR_ID": "1001",
            "GITHUB_API_URL": "https://api.github.com",
            "GITHUB_BASE_REF": "",
            "GITHUB_EVENT_NAME": event_name,
            "GITHUB_EVENT_PATH": "/github/workflow/event.json",
            "GITHUB_GRAPHQL_URL": "https://api.github.com/graphql",
            "GITHUB_HEAD_REF": "",
            "GITHUB_JOB": "train",
            "GITHUB_REF": "refs/heads/main",
            "GITHUB_REF_NAME": "main",
            "GITHUB_REF_PROTECTED": "true",
            "GITHUB_REF_TYPE": "branch",
            "GITHUB_REPOSITORY": self.repository,
            "GITHUB_REPOSITORY_ID": "1",
            "GITHUB_REPOSITORY_OWNER": owner,
            "GITHUB_REPOSITORY_OWNER_ID": "2",
            "GITHUB_RETENTION_DAYS": "90",
            "GITHUB_RUN_ATTEMPT": "1",
            "GITHUB_RUN_ID": "7042",
            "GITHUB_RUN_NUMBER": "12",
            "GITHUB_SERVER_URL": "https://github.com",
            "GITHUB_SHA": SHA,
            "GITHUB_TRIGGERING_ACTOR": "alice",
            "GITHUB_WORKFLOW": "mlops",
            "GITHUB_WORKFLOW_REF": f"{self.repository}/.github/workflows/mlops.yml@refs/heads/main",
            "GITHUB_WORKFLOW_SHA": SHA,
            "GITHUB_WORKSPACE": "/github/workspace",
            "HOME": "/github/home",
            "RUNNER_ARCH": "X64",
            "RUNNER_ENVIRONMENT": "github-hosted",
            "RUNNER_NAME": "GitHub Actions 2",
            "RUNNER_OS": "Linux",
            "RUNNER_TEMP": "/github/runner_temp",
            "RUNNER_TOOL_CACHE": "/opt/hostedtoolcache",
            "RUNNER_WORKSPACE": f"/home/runner/work/{self.repository.partition('/')[2]}",
        }


def _made(directory: Path) -> Path:
    directory.mkdir(parents=True, exist_ok=True)
    return directory
