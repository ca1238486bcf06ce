"""A repository of the sandbox whose one workflow file runs on comments, on the sandbox's runner."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from mlops_actions.core.callback import EVENT_TYPE, CallBack
from mlops_actions.core.types import Json
from mlops_sandbox.actions import ActionsRun, GitHubActions
from mlops_sandbox.cluster.resources import WORKFLOWS
from mlops_sandbox.demo import repository as digits
from mlops_sandbox.demo.doctor import LABELS
from mlops_sandbox.demo.story import CONTRIBUTOR, MAINTAINER, NAME, REVIEWER
from mlops_sandbox.github import PullRequest
from mlops_sandbox.runner.job import RunResult, Settings
from mlops_sandbox.runner.workflow import parse
from mlops_sandbox.suite import Sandbox

PATH = ".github/workflows/mlops.yml"


class CommandedRepository:
    """A repository of the sandbox with one workflow file and an open pull request; `secrets` are what its jobs get."""

    def __init__(self, sandbox: Sandbox, root: Path, text: str) -> None:
        self.sandbox = sandbox
        self._origin = digits.create(root / "digits")
        self._workflow = parse(text, PATH)
        repository = sandbox.github.repository(NAME, sha=self._origin.main, files=digits.files(self._origin.path))
        for person in (MAINTAINER, REVIEWER):
            repository.collaborator(person, "maintain")
        repository.collaborator(CONTRIBUTOR, "write")
        for label in LABELS:
            repository.define_label(label)
        repository.push(digits.BRANCH, by=CONTRIBUTOR, message=digits.TITLE, sha=self._origin.branch)
        self.pull: PullRequest = repository.open_pull_request(by=CONTRIBUTOR, head=digits.BRANCH)
        sandbox.github.clock.catch_up()
        self._actions = GitHubActions(sandbox.github, repository, root)
        self.log: list[str] = []
        self.secrets = sandbox.secrets()

    def begin(self, body: str, by: str = MAINTAINER) -> ActionsRun:
        """Comment, and start the workflow file in a thread of its own."""
        run = self._actions.create(self._workflow, self.pull.comment(body, by=by), by=by)
        return run.start(self._settings)

    def say(self, body: str, by: str = MAINTAINER) -> RunResult:
        """Comment, and run the workflow file to its end."""
        return self.begin(body, by).wait()

    def call_back(self, run: int, phase: str) -> RunResult:
        """Call back as the one workflow, which this run has submitted, and run the workflow file to its end."""
        (workflow,) = self.workflows()
        metadata = workflow["metadata"]
        claim = CallBack(
            self._origin.branch, self.pull.number, run, metadata["name"], phase, metadata["namespace"], metadata["uid"]
        )
        delivery = self.pull.repository.dispatch(EVENT_TYPE, claim.payload(), by=MAINTAINER)
        return self._actions.create(self._workflow, delivery, by=MAINTAINER).execute(self._settings)

    @property
    def _settings(self) -> Settings:
        return Settings(self._origin.path, self.sandbox.variables("digits"), self.secrets, self.log.append)

    def workflows(self) -> list[Json]:
        """The workflows of the sandbox's cluster."""
        return list(self.sandbox.cluster.store.items(WORKFLOWS)[0])

    def until(self, holds: Callable[[], object]) -> None:
        """Wait until something holds; raises AssertionError with the log."""
        end = time.monotonic() + 60
        while not holds():
            assert time.monotonic() < end, self.log
            time.sleep(0.05)

    @property
    def replies(self) -> list[str]:
        """The comments of the bot, oldest first."""
        return [comment.body.replace("\u00a0", " ") for comment in self.pull.comments if comment.user.is_bot]
