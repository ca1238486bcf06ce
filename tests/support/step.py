"""One step of a job: its description, its environment, what it leaves, and the ways to run it.

A `Step` says what a workflow file and an event say. It runs in this process (`in_this_process`), in a process (`cold`, or
`forking.Forker.run`, which saves the imports), as a process that is left running (`LocalRunner.start`), or in the action's
container (`tests/e2e/container_step.py`). Every way gives it the runner's variables and leaves one `StepRecord`.
"""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mlops_actions.cli import action as declaration
from mlops_actions.core.types import Json
from mlops_sandbox.runner.environment import input_variable
from mlops_sandbox.runner.files import LogCommand, read_file_command, read_log
from tests.support.result_schemas import check_result

SHA = "ffac537e6cbbf934b08745a378932722df287a53"
REPOSITORY = "octo-org/digits"
# The runner's prefix of each command file (FileCommandManager.cs), by the variable that names the file.
COMMAND_FILES = {
    "GITHUB_ENV": "set_env_",
    "GITHUB_OUTPUT": "set_output_",
    "GITHUB_PATH": "add_path_",
    "GITHUB_STATE": "save_state_",
    "GITHUB_STEP_SUMMARY": "step_summary_",
}
# What a process needs of this machine: its programs, and what the interpreter and coverage read.
_OF_THE_MACHINE = ("PATH", "LANG", "TMPDIR")
_OF_THE_INTERPRETER = ("PYTHON", "COV_", "COVERAGE_")
SECONDS = 120.0


@dataclass(frozen=True)
class Step:
    """One stage of a step; `inputs` by their names in `action.yml`, `state` as the main stage saved it.

    `environ` replaces the runner's own variables. Without an `event` the file of the last one stays.
    """

    action: str
    inputs: Mapping[str, str] = field(default_factory=dict)
    event_name: str = "push"
    event: Json | None = None
    environ: Mapping[str, str] = field(default_factory=dict)
    state: Mapping[str, str] = field(default_factory=dict)
    post: bool = False

    @property
    def arguments(self) -> list[str]:
        """The arguments of `mlops-actions` that run this stage."""
        return [self.action, *(["--post"] if self.post else [])]

    @property
    def variables(self) -> dict[str, str]:
        """The variables that are the step's own."""
        return {
            "GITHUB_EVENT_NAME": self.event_name,
            **{input_variable(name): value for name, value in self.inputs.items()},
            **{f"STATE_{name}": value for name, value in self.state.items()},
            **self.environ,
        }


@dataclass(frozen=True)
class Paths:
    """Where a step finds what the runner gives it."""

    workspace: str
    event: str
    home: str
    temp: str


def runner_variables(paths: Paths, repository: str = REPOSITORY) -> dict[str, str]:
    """Return the default variables that a hosted runner gives each step, in alphabetical order."""
    owner, _, name = repository.partition("/")
    return {
        "CI": "true",
        "GITHUB_ACTION": "step",
        "GITHUB_ACTIONS": "true",
        "GITHUB_ACTION_REF": "v1",
        "GITHUB_ACTION_REPOSITORY": "machine-learning-apps/mlops-actions",
        "GITHUB_ACTOR": "alice",
        "GITHUB_ACTOR_ID": "1001",
        "GITHUB_API_URL": "https://api.github.com",
        "GITHUB_BASE_REF": "",
        "GITHUB_EVENT_PATH": paths.event,
        "GITHUB_GRAPHQL_URL": "https://api.github.com/graphql",
        "GITHUB_HEAD_REF": "",
        "GITHUB_JOB": "train",
        "GITHUB_REF": "refs/heads/main",
        "GITHUB_REF_NAME": "main",
        "GITHUB_REF_PROTECTED": "true",
        "GITHUB_REF_TYPE": "branch",
        "GITHUB_REPOSITORY": repository,
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
        "GITHUB_WORKFLOW_REF": f"{repository}/.github/workflows/mlops.yml@refs/heads/main",
        "GITHUB_WORKFLOW_SHA": SHA,
        "GITHUB_WORKSPACE": paths.workspace,
        "HOME": paths.home,
        "RUNNER_ARCH": "X64",
        "RUNNER_ENVIRONMENT": "github-hosted",
        "RUNNER_NAME": "GitHub Actions 2",
        "RUNNER_OS": "Linux",
        "RUNNER_TEMP": paths.temp,
        "RUNNER_TOOL_CACHE": "/opt/hostedtoolcache",
        "RUNNER_WORKSPACE": f"/home/runner/work/{name}",
    }


@dataclass(frozen=True)
class StepRecord:
    """What a stage left: its exit code, its log as the runner read it, and its command files, parsed."""

    exit_code: int
    log: str
    outputs: Mapping[str, str]
    state: Mapping[str, str]
    environment: Mapping[str, str]
    summary: str

    @classmethod
    def read(cls, action: str, exit_code: int, log: str, files: Mapping[str, Path]) -> StepRecord:
        """Read the command files; a `result` that does not fit the action's schema raises AssertionError."""
        text = {name: path.read_bytes().decode() if path.exists() else "" for name, path in files.items()}
        record = cls(
            exit_code=exit_code,
            log=log,
            outputs=read_file_command(text["GITHUB_OUTPUT"]),
            state=read_file_command(text["GITHUB_STATE"]),
            environment=read_file_command(text["GITHUB_ENV"]),
            summary=text["GITHUB_STEP_SUMMARY"],
        )
        if "result" in record.outputs and declaration(action).result:
            check_result(action, record.outputs["result"])
        return record

    @property
    def result(self) -> dict[str, Any]:
        """The output `result`, parsed."""
        document: dict[str, Any] = json.loads(self.outputs["result"])
        return document

    @property
    def error(self) -> str:
        """The message of the last error annotation."""
        return last_error(self.log)


def annotation_messages(log: str, level: str) -> list[str]:
    """Return the messages of a log's annotations of one level (`error`, `warning`, `notice`), their escapes undone."""
    return [entry.message for entry in read_log(log) if isinstance(entry, LogCommand) and entry.name == level]


def last_error(log: str) -> str:
    """Return the message of a log's last error annotation."""
    errors = annotation_messages(log, "error")
    assert errors, log
    return errors[-1]


# Run `mlops-actions ARGUMENTS` with an environment in a folder, write the log to a file, return the exit code.
Execute = Callable[[Sequence[str], Mapping[str, str], Path, Path], int]


def in_this_process(arguments: Sequence[str], environ: Mapping[str, str], log: Path, folder: Path) -> int:
    """Run a stage within this process, where a debugger and a patched module reach it; `folder` stays this process's."""
    from mlops_actions.__main__ import act

    out = io.StringIO()
    code = act(arguments[0], environ, post="--post" in arguments, out=out)
    log.write_text(out.getvalue(), encoding="utf-8")
    return code


def cold(arguments: Sequence[str], environ: Mapping[str, str], log: Path, folder: Path) -> int:
    """Run a stage in a new process."""
    with log.open("wb") as sink:
        command = [sys.executable, "-m", "mlops_actions", *arguments]
        return subprocess.run(
            command, env=environ, cwd=folder, stdout=sink, stderr=subprocess.STDOUT, check=False, timeout=SECONDS
        ).returncode


@dataclass
class LocalRunner:
    """A runner on this machine: a job whose steps run one after the other and share the directories below `directory`."""

    directory: Path
    repository: str = REPOSITORY
    workspace: Path = field(default_factory=Path)

    def __post_init__(self) -> None:
        if self.workspace == Path():
            self.workspace = self.directory / "workspace"
        self.home, self.temp = self.directory / "home", self.directory / "temp"
        self.event = self.directory / "event.json"
        self._saved: dict[str, str] | None = None
        for folder in (self.workspace, self.home, self.temp):
            folder.mkdir(parents=True, exist_ok=True)
        self.event.write_text("{}", encoding="utf-8")  # a runner always writes one

    @property
    def files(self) -> dict[str, Path]:
        """The command files of the current stage, by the variables that name them."""
        return {name: self.directory / f"{prefix}file" for name, prefix in COMMAND_FILES.items()}

    def variables(self) -> dict[str, str]:
        """Return the environment of a step without what is the step's own."""
        machine = {name: value for name, value in os.environ.items() if name.startswith(_OF_THE_INTERPRETER)}
        machine |= {name: os.environ[name] for name in _OF_THE_MACHINE if name in os.environ}
        paths = Paths(str(self.workspace), str(self.event), str(self.home), str(self.temp))
        files = {name: str(path) for name, path in self.files.items()}
        return {**machine, **runner_variables(paths, self.repository), **files}

    @property
    def state(self) -> dict[str, str]:
        """What the last main stage saved for its post stage."""
        path = self.files["GITHUB_STATE"]
        if self._saved is None:
            return read_file_command(path.read_text(encoding="utf-8")) if path.exists() else {}
        return self._saved

    def prepare(self, step: Step) -> dict[str, str]:
        """Empty the command files, write the event, and return the whole environment of the step."""
        self._saved = self.state if step.post else None
        for path in self.files.values():
            path.write_bytes(b"")
        if step.event is not None:
            self.event.write_text(json.dumps(step.event), encoding="utf-8")
        return {**self.variables(), **step.variables}

    def run(self, step: Step, execute: Execute = in_this_process) -> StepRecord:
        """Run a stage to its end."""
        environ = self.prepare(step)
        log = self.directory / "step.log"
        try:
            code = execute(step.arguments, environ, log, self.workspace)
            text = log.read_text(encoding="utf-8")
        finally:
            log.unlink(missing_ok=True)  # a runner keeps the log, and its secrets, away from the job's files
        return self.record(step.action, code, text)

    def start(self, step: Step, program: str = "") -> subprocess.Popen[str]:
        """Start a stage as a process of its own and leave it running; `program` replaces `mlops-actions`."""
        command = ["-c", program] if program else ["-m", "mlops_actions", *step.arguments]
        return subprocess.Popen(
            [sys.executable, *command],
            env=self.prepare(step),
            cwd=self.workspace,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def record(self, action: str, exit_code: int, log: str) -> StepRecord:
        """Read what the current stage left."""
        return StepRecord.read(action, exit_code, log, self.files)
