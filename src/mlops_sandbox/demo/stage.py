"""What a story is played on: the repository, its workflow files, and the runs that comments start."""

from __future__ import annotations

import shutil
from contextlib import ExitStack, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from mlops_sandbox.actions import ActionsRun, GitHubActions, NotTriggered
from mlops_sandbox.cluster import LocalImage
from mlops_sandbox.demo import doctor, repository
from mlops_sandbox.demo.command import Command
from mlops_sandbox.demo.console import Console
from mlops_sandbox.demo.recording import Act, Recording
from mlops_sandbox.demo.repository import DigitsRepository
from mlops_sandbox.github import Delivery, PullRequest
from mlops_sandbox.runner.job import RunResult, Settings
from mlops_sandbox.runner.workflow import Job, load
from mlops_sandbox.suite import Sandbox

NAME = "octo-org/digits"
MAINTAINER, CONTRIBUTOR, REVIEWER, STRANGER = "maintainer", "contributor", "reviewer", "stranger"
BASELINE, MLOPS, DEPLOY, STATEMENT = (
    f".github/workflows/{name}.yml" for name in ("baseline", "mlops", "deploy", "statement")
)
_TAIL_LINES = 15
_SECONDS_TO_CANCEL = 15.0


class DemoFailed(Exception):
    """A chapter failed; the message says how it ended."""


class Checkout:
    """The local image of every reference where none can be built: the files that the current job has checked out."""

    def __init__(self) -> None:
        self.directory: Path | None = None

    def __call__(self, _reference: str) -> LocalImage | None:
        """Return the local image; see the `images` of `mlops_sandbox.cluster.ProcessExecutor`."""
        return LocalImage(self.directory, env={"PYTHONUNBUFFERED": "1"}) if self.directory else None


class Stage:
    """The digits repository on a started sandbox; leaving it ends what still runs.

    `root` is a private directory; `without_docker` says why no image is built. `recording` holds what has happened.
    """

    def __init__(
        self, sandbox: Sandbox, console: Console, output: Path, root: Path, checkout: Checkout, without_docker: str
    ) -> None:
        self.sandbox, self.console, self.output, self.root = sandbox, console, output, root
        self.recording = Recording(without_docker)
        self.digits = _create_repository(root / "repository")
        self.repository = sandbox.github.repository(NAME, sha=self.digits.main, files=repository.files(self.digits.path))
        self._actions = GitHubActions(sandbox.github, self.repository, root)
        self._checkout = checkout
        self._resources = ExitStack()
        self.repository.collaborator(MAINTAINER, "maintain")
        self.repository.collaborator(CONTRIBUTOR, "write")
        self.repository.collaborator(REVIEWER, "write")
        doctor.prepare(self.repository, sandbox.variables("digits"), sandbox.secrets())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        open_runs = [act.run for act in self.recording.acts if act.run.result is None]
        for run in open_runs:
            run.cancel()
        for run in open_runs:
            with suppress(TimeoutError):
                run.wait(_SECONDS_TO_CANCEL)
        self._resources.close()

    def page(self, pull: PullRequest) -> str:
        """Return the address of the pull request's page."""
        return f"{self.sandbox.github.origin}/{NAME}/pull/{pull.number}"

    def log_file(self, log: str) -> Path:
        """Return the log of that name."""
        return self.output / "logs" / f"{log}.log"

    def start(self, command: Command) -> Command:
        """Start a command that runs beside the story, and ends with it at the latest."""
        return self._resources.enter_context(command)

    def begin(self, path: str, delivery: Delivery[Any], *, by: str, log: str, verbose: bool = False) -> ActionsRun:
        """Run a workflow file of the default branch in the background, as GitHub does on this event."""
        return self._create(path, delivery, by=by, log=log).start(self._settings(log, verbose=verbose))

    def run(self, path: str, delivery: Delivery[Any], *, by: str, log: str, verbose: bool = False) -> RunResult:
        """Run a workflow file of the default branch, as GitHub does on this event; returns the run's result.

        Raises KeyboardInterrupt after the post steps if an interrupt cancelled the run.
        """
        result = self._create(path, delivery, by=by, log=log).execute(self._settings(log, verbose=verbose))
        if result.conclusion == "cancelled":
            raise KeyboardInterrupt
        return result

    def expect(self, run: RunResult, conclusion: str, log: str) -> None:
        """Raise DemoFailed where the run ended otherwise, and show the end of its log."""
        if run.conclusion == conclusion:
            return
        path = self.log_file(log)
        self.console.failure(f"the run ended with {run.conclusion}; the end of {path}:")
        self.console.quote(path.read_text(encoding="utf-8").splitlines()[-_TAIL_LINES:])
        raise DemoFailed(f"the run {log} ended with {run.conclusion}")

    def _create(self, path: str, delivery: Delivery[Any], *, by: str, log: str) -> ActionsRun:
        try:
            run = self._actions.create(load(self.digits.path / path, path), delivery, by=by)
        except NotTriggered as error:
            raise DemoFailed(str(error)) from error

        def use_checkout(job: Job) -> None:
            if any(step.uses.startswith("actions/checkout@") for step in job.steps):
                self._checkout.directory = run.root / job.identifier / "workspace"

        run.when_started = use_checkout
        self.recording.acts.append(Act(by, delivery, run, log))
        return run

    def _settings(self, log: str, *, verbose: bool) -> Settings:
        path = self.log_file(log)
        path.parent.mkdir(exist_ok=True)
        file = self._resources.enter_context(path.open("w", encoding="utf-8"))

        def write_log(line: str) -> None:
            file.write(f"{line}\n")
            file.flush()
            if verbose or line.startswith("──"):
                self.console.log(line)

        reason = self.recording.without_docker
        return Settings(
            origin=self.digits.path,
            variables=self.sandbox.variables("digits"),
            secrets=self.sandbox.secrets(),
            write_log=write_log,
            skip={"publish": reason} if reason else {},
        )


def _create_repository(path: Path) -> DigitsRepository:
    if shutil.which("git") is None:
        raise DemoFailed("there is no git on this machine: install it (Debian: apt-get install git)")
    try:
        return repository.create(path)
    except FileNotFoundError as error:
        raise DemoFailed(str(error)) from error
