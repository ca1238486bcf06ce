"""The story of the demo, from a baseline to a deployment.

A training is stopped, given again and approved while a second one waits for it. Only the people are invented.
"""

from __future__ import annotations

import shutil
import time
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

from mlops_actions.core.types import Json
from mlops_sandbox.actions import ActionsRun, GitHubActions, NotTriggered
from mlops_sandbox.cluster import LocalImage
from mlops_sandbox.cluster.resources import WORKFLOWS
from mlops_sandbox.demo import doctor, repository, results
from mlops_sandbox.demo.console import Console
from mlops_sandbox.demo.repository import DigitsRepository
from mlops_sandbox.github import Delivery, PullRequest
from mlops_sandbox.runner.job import RunResult, Settings
from mlops_sandbox.runner.workflow import Job, load
from mlops_sandbox.suite import Sandbox

NAME = "octo-org/digits"
MAINTAINER, CONTRIBUTOR, REVIEWER, STRANGER = "maintainer", "contributor", "reviewer", "stranger"
COMMAND = "/train lr=3e-3 epochs=20"
APPROVED_COMMAND = f"{COMMAND} approval=true"
SECOND_COMMAND = "/train lr=1e-2"
MISSPELLED = "/train learning-rate=3e-3"
_BASELINE, _MLOPS, _DEPLOY = (f".github/workflows/{name}.yml" for name in ("baseline", "mlops", "deploy"))
_CARRIED_OUT = {"/status": "status", "/stop": "stopped", "/approve": "approved"}  # the output `reason`
_TAIL_LINES = 15
_SECONDS_TO_APPROVAL = 300.0  # a cold, busy machine builds the image before
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


class Story:
    """The story on a started sandbox. `root` is a private directory; `without_docker` says why no image is built."""

    def __init__(
        self, sandbox: Sandbox, console: Console, output: Path, root: Path, checkout: Checkout, without_docker: str
    ) -> None:
        self._sandbox, self._console, self._output, self._root = sandbox, console, output, root
        self._checkout = checkout
        self._without_docker = without_docker
        self._digits = _create_repository(root / "repository")
        github, files = sandbox.github, repository.files(self._digits.path)
        self._repository = github.repository(NAME, sha=self._digits.main, files=files)
        self._actions = GitHubActions(github, self._repository, root)
        self._begun: list[ActionsRun] = []
        self._logs = ExitStack()
        self._repository.collaborator(MAINTAINER, "maintain")
        self._repository.collaborator(CONTRIBUTOR, "write")
        self._repository.collaborator(REVIEWER, "write")
        doctor.prepare(self._repository, sandbox.variables("digits"), sandbox.secrets())

    def run(self) -> PullRequest:
        """Run all chapters; raises DemoFailed."""
        try:
            self._train_baseline()
            pull = self._open_pull_request()
            self._show_refusals(pull)
            self._stop_a_training(pull)
            run = self._train(pull)
            self._deploy(pull, run.step("report").outputs["best-run-id"])
            self._show(pull, run)
            self._diagnose()
        finally:
            for begun in self._begun:
                if begun.result is None:
                    begun.cancel()
                    with suppress(TimeoutError):
                        begun.wait(_SECONDS_TO_CANCEL)
            self._logs.close()
        return pull

    def _train_baseline(self) -> None:
        self._console.chapter("A push to main trains the baseline")
        (push,) = (delivery for delivery in self._sandbox.github.deliveries if delivery.event == "push")
        run = self._run_workflow(_BASELINE, push, by=MAINTAINER, log="baseline", verbose=False)
        self._expect(run, "success", "baseline")
        workflow = run.step("workflow").outputs
        self._console.success(f"{workflow['workflow-name']} {workflow['phase']}: {workflow['outputs']}")

    def _open_pull_request(self) -> PullRequest:
        self._console.chapter("A contributor opens a pull request")
        title, sha = repository.TITLE, self._digits.branch
        self._repository.push(repository.BRANCH, by=CONTRIBUTOR, message=title, sha=sha)
        pull = self._repository.open_pull_request(by=CONTRIBUTOR, head=repository.BRANCH, title=title, body=repository.BODY)
        self._sandbox.github.clock.catch_up()  # from here on, all set-up events are in the past
        self._console.text(f"#{pull.number} {title}, commit {sha[:12]}: {self.page(pull)}")
        self._console.quote(self._digits.difference)
        return pull

    def _show_refusals(self, pull: PullRequest) -> None:
        self._console.chapter("Commands that are refused")
        for number, (login, command) in enumerate([(STRANGER, COMMAND), (MAINTAINER, MISSPELLED)], start=1):
            self._console.text(f"{login} comments: {command}")
            run = self._comment(pull, command, by=login, log=f"refused-{number}", verbose=False)
            self._expect(run, "success", f"refused-{number}")
            outputs = run.step("chatops").outputs
            if outputs["decision"] != "deny":
                raise DemoFailed(f"chatops decided {outputs['decision']} on {login}'s {command}")
            self._console.success(f"denied ({outputs['reason']}); {pull.comments[-1].user.login} replies:")
            self._console.quote(line for line in pull.comments[-1].body.splitlines() if line.strip())

    def _stop_a_training(self, pull: PullRequest) -> None:
        self._console.chapter(f"A maintainer comments: {APPROVED_COMMAND}")
        run = self._begin(pull, APPROVED_COMMAND, by=MAINTAINER, log="stopped")
        self._wait_for_an_approval(run)
        self._console.success("the workflow has prepared the data, and waits for an approval before it trains")
        self._steer(pull, "/status", by=CONTRIBUTOR)
        self._steer(pull, "/stop", by=MAINTAINER)
        self._expect(run.wait(), "cancelled", "stopped")
        self._console.success("the job is cancelled, and its workflow on the cluster is stopped")

    def _train(self, pull: PullRequest) -> RunResult:
        self._console.chapter("The maintainer wants it after all, and comments: /retry")
        approved = self._begin(pull, "/retry", by=MAINTAINER, log="train")
        self._wait_for_an_approval(approved)
        self._console.text(f"{CONTRIBUTOR} comments: {SECOND_COMMAND}")
        second = self._begin(pull, SECOND_COMMAND, by=CONTRIBUTOR, log="second")
        second.wait_until("pending")
        self._steer(pull, "/status", by=CONTRIBUTOR)
        self._steer(pull, "/approve", by=REVIEWER)
        run = approved.wait()
        self._expect(run, "success", "train")
        for line in (self._output / "logs" / "train.log").read_text(encoding="utf-8").splitlines():
            self._console.log(line)
        workflow = run.step("workflow").outputs
        self._console.success(f"{workflow['workflow-name']} {workflow['phase']}: {workflow['outputs']}")
        self._expect(second.wait(), "success", "second")
        self._console.success(f"then the command that waited: {second.wait().step('workflow').outputs['phase']}")
        return run

    def _begin(self, pull: PullRequest, body: str, *, by: str, log: str) -> ActionsRun:
        """Comment, and leave the run that this starts in the background."""
        run = self._create(_MLOPS, pull.comment(body, by=by), by=by)
        self._begun.append(run)
        return run.start(self._settings(log, verbose=False))

    def _steer(self, pull: PullRequest, command: str, *, by: str) -> None:
        """Comment with a built-in command, and show what is replied."""
        self._console.text(f"{by} comments: {command}")
        log, before = command.removeprefix("/"), {comment.id for comment in pull.comments}
        run = self._comment(pull, command, by=by, log=log, verbose=False)
        self._expect(run, "success", log)
        outputs = run.step("chatops").outputs
        if outputs["reason"] != _CARRIED_OUT[command]:
            raise DemoFailed(f"chatops decided {outputs['decision']} ({outputs['reason']}) on {by}'s {command}")
        for comment in pull.comments:
            if comment.id not in before and comment.user.is_bot:
                self._console.quote(line for line in comment.body.splitlines() if line.strip())

    def _wait_for_an_approval(self, run: ActionsRun) -> None:
        """Wait until a workflow stands at a suspend node; raises DemoFailed where the run ends before."""
        store, until = self._sandbox.cluster.store, time.monotonic() + _SECONDS_TO_APPROVAL
        while not any(map(_waits_for_an_approval, store.items(WORKFLOWS)[0])):
            if run.result is not None:
                self._expect(run.result, "waiting", "train")
            if time.monotonic() > until:
                raise DemoFailed("no workflow has asked for an approval")
            time.sleep(0.05)

    def _deploy(self, pull: PullRequest, trained: str) -> None:
        command = f"/deploy {trained}"
        self._console.chapter(f"The maintainer has seen the report, and comments: {command}")
        run = self._comment(pull, command, by=MAINTAINER, log="deploy", verbose=True, workflow=_DEPLOY)
        self._expect(run, "success", "deploy")
        self._console.success(f"{run.step('promote').outputs['promoted']} is the model in production")

    def _show(self, pull: PullRequest, run: RunResult) -> None:
        self._console.chapter("The pull request now")
        self._console.quote([*results.timeline(pull), *results.states(pull)])
        report = results.copy_report(self._output, run)
        self._console.chapter("Candidate against baseline, each tied to its commit")
        self._console.table(results.report_rows(report))
        outputs = run.step("report").outputs
        self._console.text(
            f"Gates: {outputs['gate']}. Recorded commit is the one asked for: {outputs['verified']}. "
            f"Same data: {outputs['same-data']}."
        )
        written = [results.write_outputs(self._output, run), *results.write_pull_request(self._output, pull), report]
        for path in written:
            self._console.success(str(path))

    def _diagnose(self) -> None:
        self._console.chapter("mlops-actions doctor asks whether everything is in place")
        diagnosis = doctor.ask(self._sandbox, self._repository, self._digits.path, self._root)
        self._console.quote(diagnosis.lines)
        if diagnosis.exit_code != 0:
            raise DemoFailed("doctor names what is not in place")
        self._console.success("nothing fails")

    def page(self, pull: PullRequest) -> str:
        """Return the address of the pull request's page."""
        return f"{self._sandbox.github.origin}/{NAME}/pull/{pull.number}"

    def _comment(
        self, pull: PullRequest, body: str, *, by: str, log: str, verbose: bool, workflow: str = _MLOPS
    ) -> RunResult:
        return self._run_workflow(workflow, pull.comment(body, by=by), by=by, log=log, verbose=verbose)

    def _run_workflow(self, path: str, delivery: Delivery[Any], *, by: str, log: str, verbose: bool) -> RunResult:
        """Run a workflow file of the default branch, as GitHub does on this event; returns the run's result.

        Raises KeyboardInterrupt after the post steps if an interrupt cancelled the run.
        """
        result = self._create(path, delivery, by=by).execute(self._settings(log, verbose=verbose))
        if result.conclusion == "cancelled":
            raise KeyboardInterrupt
        return result

    def _create(self, path: str, delivery: Delivery[Any], *, by: str) -> ActionsRun:
        workflow = load(self._digits.path / path, path)
        try:
            run = self._actions.create(workflow, delivery, by=by)
        except NotTriggered as error:
            raise DemoFailed(str(error)) from error

        def use_checkout(job: Job) -> None:
            if any(step.uses.startswith("actions/checkout@") for step in job.steps):
                self._checkout.directory = run.root / job.identifier / "workspace"

        run.when_started = use_checkout
        return run

    def _settings(self, log: str, *, verbose: bool) -> Settings:
        (self._output / "logs").mkdir(exist_ok=True)
        file = self._logs.enter_context((self._output / "logs" / f"{log}.log").open("w", encoding="utf-8"))

        def write_log(line: str) -> None:
            file.write(f"{line}\n")
            file.flush()
            if verbose or line.startswith("──"):
                self._console.log(line)

        return Settings(
            origin=self._digits.path,
            variables=self._sandbox.variables("digits"),
            secrets=self._sandbox.secrets(),
            write_log=write_log,
            skip={"publish": self._without_docker} if self._without_docker else {},
        )

    def _expect(self, run: RunResult, conclusion: str, log: str) -> None:
        if run.conclusion == conclusion:
            return
        path = self._output / "logs" / f"{log}.log"
        self._console.failure(f"the run ended with {run.conclusion}; the end of {path}:")
        self._console.quote(path.read_text(encoding="utf-8").splitlines()[-_TAIL_LINES:])
        raise DemoFailed(f"the run {log} ended with {run.conclusion}")


def _waits_for_an_approval(workflow: Json) -> bool:
    nodes = ((workflow.get("status") or {}).get("nodes") or {}).values()
    return any(node["type"] == "Suspend" and node["phase"] == "Running" for node in nodes)


def _create_repository(path: Path) -> DigitsRepository:
    if shutil.which("git") is None:
        raise DemoFailed("there is no git on this machine: install it (Debian: apt-get install git)")
    try:
        return repository.create(path)
    except FileNotFoundError as error:
        raise DemoFailed(str(error)) from error
