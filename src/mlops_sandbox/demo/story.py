"""The story of the demo, from a baseline to a deployment.

A training is stopped, given again and approved while a second one waits for it. Only the people are invented.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Sequence

from mlops_actions.core.types import Json
from mlops_sandbox.actions import ActionsRun
from mlops_sandbox.cluster.resources import WORKFLOWS
from mlops_sandbox.demo import doctor, repository, results
from mlops_sandbox.demo.command import Command
from mlops_sandbox.demo.recording import Evidence
from mlops_sandbox.demo.stage import (
    BASELINE,
    CONTRIBUTOR,
    DEPLOY,
    MAINTAINER,
    MLOPS,
    NAME,
    REVIEWER,
    STATEMENT,
    STRANGER,
    DemoFailed,
    Stage,
)
from mlops_sandbox.github import PullRequest
from mlops_sandbox.runner.job import RunResult

__all__ = ["COMMAND", "CONTRIBUTOR", "MAINTAINER", "NAME", "REVIEWER", "STRANGER", "Story"]

COMMAND = "/train lr=3e-3 epochs=20"
APPROVED_COMMAND = f"{COMMAND} approval=true"
SECOND_COMMAND = "/train lr=1e-4"  # learns too little for the gates
MISSPELLED = "/train learning-rate=3e-3"
_CARRIED_OUT = {"/status": "status", "/stop": "stopped", "/approve": "approved"}  # the output `reason`
_SECONDS_TO_APPROVAL = 300.0  # a cold, busy machine builds the image before


class Story:
    """The story, told on a stage."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._sandbox, self._console, self._output = stage.sandbox, stage.console, stage.output

    def run(self) -> None:
        """Run all chapters; raises DemoFailed."""
        started = time.monotonic()
        self._train_baseline()
        pull = self._open_pull_request()
        self._show_refusals(pull)
        self._stop_a_training(pull)
        run, weak = self._train(pull)
        # Doctor only reads what is there by now: it runs beside the deployments.
        examined = self._stage.start(
            doctor.command(self._sandbox, self._stage.repository, self._stage.digits.path, self._stage.root)
        )
        self._deploy_too_weak(pull, weak)
        self._deploy(pull, run)
        self._state(pull, run)
        self._show(pull, run)
        self._diagnose(examined)
        self._stage.recording.seconds = time.monotonic() - started

    def _train_baseline(self) -> None:
        self._console.chapter("A push to main trains the baseline")
        (push,) = (delivery for delivery in self._sandbox.github.deliveries if delivery.event == "push")
        run = self._stage.run(BASELINE, push, by=MAINTAINER, log="baseline")
        self._stage.expect(run, "success", "baseline")
        workflow = run.step("workflow").outputs
        self._console.success(f"{workflow['workflow-name']} {workflow['phase']}: {workflow['outputs']}")

    def _open_pull_request(self) -> PullRequest:
        self._console.chapter("A contributor opens a pull request")
        title, digits, hub = repository.TITLE, self._stage.digits, self._stage.repository
        hub.push(repository.BRANCH, by=CONTRIBUTOR, message=title, sha=digits.branch)
        pull = hub.open_pull_request(by=CONTRIBUTOR, head=repository.BRANCH, title=title, body=repository.BODY)
        self._sandbox.github.clock.catch_up()  # from here on, all set-up events are in the past
        self._stage.recording.pull, self._stage.recording.difference = pull, digits.difference
        self._console.text(f"#{pull.number} {title}, commit {digits.branch[:12]}: {self._stage.page(pull)}")
        self._console.quote(digits.difference)
        return pull

    def _show_refusals(self, pull: PullRequest) -> None:
        self._console.chapter("Commands that are refused")
        for number, (login, command) in enumerate([(STRANGER, COMMAND), (MAINTAINER, MISSPELLED)], start=1):
            self._console.text(f"{login} comments: {command}")
            run = self._comment(pull, command, by=login, log=f"refused-{number}")
            self._stage.expect(run, "success", f"refused-{number}")
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
        self._steer(pull, "/status", by=CONTRIBUTOR, log="status-1")
        self._steer(pull, "/stop", by=MAINTAINER, log="stop")
        self._stage.expect(run.wait(), "cancelled", "stopped")
        self._console.success("the job is cancelled, and its workflow on the cluster is stopped")

    def _train(self, pull: PullRequest) -> tuple[RunResult, str]:
        """Return the run whose report counts, and the id of a run that passes no gate."""
        self._console.chapter("The maintainer wants it after all, and comments: /retry")
        approved = self._begin(pull, "/retry", by=MAINTAINER, log="train")
        self._wait_for_an_approval(approved)
        self._console.text(f"{CONTRIBUTOR} comments: {SECOND_COMMAND}")
        second = self._begin(pull, SECOND_COMMAND, by=CONTRIBUTOR, log="second")
        second.wait_until("pending")
        self._steer(pull, "/status", by=CONTRIBUTOR, log="status-2")
        self._steer(pull, "/approve", by=REVIEWER, log="approve")
        run = approved.wait()
        self._stage.expect(run, "success", "train")
        for line in self._stage.log_file("train").read_text(encoding="utf-8").splitlines():
            self._console.log(line)
        workflow = run.step("workflow").outputs
        self._console.success(f"{workflow['workflow-name']} {workflow['phase']}: {workflow['outputs']}")
        self._stage.expect(second.wait(), "success", "second")
        waited = second.wait().step("workflow").outputs
        self._console.success(f"then the command that waited: {waited['phase']}")
        return run, json.loads(waited["outputs"])["run-id"]

    def _begin(self, pull: PullRequest, body: str, *, by: str, log: str) -> ActionsRun:
        """Comment, and leave the run that this starts in the background."""
        return self._stage.begin(MLOPS, pull.comment(body, by=by), by=by, log=log)

    def _comment(
        self, pull: PullRequest, body: str, *, by: str, log: str, verbose: bool = False, workflow: str = MLOPS
    ) -> RunResult:
        return self._stage.run(workflow, pull.comment(body, by=by), by=by, log=log, verbose=verbose)

    def _steer(self, pull: PullRequest, command: str, *, by: str, log: str) -> None:
        """Comment with a built-in command, and show what is replied."""
        self._console.text(f"{by} comments: {command}")
        before = {comment.id for comment in pull.comments}
        run = self._comment(pull, command, by=by, log=log)
        self._stage.expect(run, "success", log)
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
                self._stage.expect(run.result, "waiting", "train")
            if time.monotonic() > until:
                raise DemoFailed("no workflow has asked for an approval")
            time.sleep(0.05)

    def _deploy_too_weak(self, pull: PullRequest, weak: str) -> None:
        command = f"/deploy {weak}"
        self._console.chapter(f"The gates refuse a run of the second training: {command}")
        run = self._comment(pull, command, by=MAINTAINER, log="refused-3", workflow=DEPLOY)
        self._stage.expect(run, "failure", "refused-3")
        self._console.success(f"gates {run.step('promote').outputs['gate']}: nothing is promoted")

    def _deploy(self, pull: PullRequest, trained: RunResult) -> None:
        command = f"/deploy {trained.step('report').outputs['best-run-id']}"
        self._console.chapter(f"The maintainer has seen the report, and comments: {command}")
        run = self._comment(pull, command, by=MAINTAINER, log="deploy", verbose=True, workflow=DEPLOY)
        self._stage.expect(run, "success", "deploy")
        self._console.success(f"{run.step('promote').outputs['promoted']} is the model in production")

    def _state(self, pull: PullRequest, trained: RunResult) -> None:
        self._console.chapter("Where the model in production comes from")
        image, workflow = trained.step("publish").outputs.get("ref", ""), trained.step("workflow").outputs["workflow-uid"]
        sha, number = self._stage.digits.branch, str(pull.number)
        inputs = {"sha": sha, "image": image, "workflow-uid": workflow, "pr-number": number}
        started = self._stage.repository.workflow_dispatch(inputs, workflow=STATEMENT, by=MAINTAINER)
        run = self._stage.run(STATEMENT, started, by=MAINTAINER, log="statement")
        self._stage.expect(run, "success", "statement")
        path = results.copy_from_workspace(self._output, run, "statement", "statement")
        job = str(self._stage.recording.act("statement").run.record.id)
        project = self._sandbox.variables("digits")["WANDB_PROJECT"]
        pins = ["--repository", NAME, "--sha", sha, "--pull-request", number, "--job", job, "--workflow-uid", workflow]
        pins += ["--project", project, *(["--image", image] if image else [])]
        arguments = ["verify", path.name, *pins]
        verifying = Command(arguments, path.parent, self._stage.root, self._sandbox.environment())
        verified = self._stage.start(verifying).wait()
        self._console.quote([f"$ {verified.line}", *verified.output.splitlines(), *verified.errors.splitlines()])
        if verified.exit_code != 0:
            raise DemoFailed("verify does not confirm the statement")
        statement = json.loads(path.read_text(encoding="utf-8"))
        self._stage.recording.evidence = Evidence(statement, path.name, verified)
        self._console.success("registry and W&B confirm the statement")

    def _show(self, pull: PullRequest, run: RunResult) -> None:
        self._console.chapter("The pull request now")
        self._console.quote([*results.timeline(pull), *results.states(pull)])
        report = results.copy_from_workspace(self._output, run, "report", "csv")
        self._console.chapter("Candidate against baseline, each tied to its commit")
        self._console.table(results.report_rows(report))
        outputs = run.step("report").outputs
        self._console.text(
            f"Gates: {outputs['gate']}. Recorded commit is the one asked for: {outputs['verified']}. "
            f"Same data: {outputs['same-data']}."
        )
        results.write_outputs(self._output, run)
        results.write_pull_request(self._output, pull)

    def _diagnose(self, examined: Command) -> None:
        self._console.chapter("mlops-actions doctor asks whether everything is in place")
        ended = examined.wait()
        self._stage.recording.doctor = ended
        try:
            checks = doctor.checks(ended)
        except ValueError as error:
            self._console.quote(ended.errors.splitlines())
            raise DemoFailed("doctor gave no checks") from error
        self._console.table([["", *doctor.MARKS], *_by_group(checks)])
        for check in checks:
            if check["status"] == "fails":
                self._console.failure(f"{check['group']}: {check['name']}: {check['answer']}")
        if ended.exit_code != 0:
            raise DemoFailed("doctor names what is not in place")
        self._console.success(f"of {len(checks)} checks nothing fails")


def _by_group(checks: Sequence[Json]) -> list[list[str]]:
    counts = Counter((check["group"], check["status"]) for check in checks)
    groups = dict.fromkeys(check["group"] for check in checks)
    return [[group, *(str(counts[group, status]) for status in doctor.MARKS)] for group in groups]


def _waits_for_an_approval(workflow: Json) -> bool:
    nodes = ((workflow.get("status") or {}).get("nodes") or {}).values()
    return any(node["type"] == "Suspend" and node["phase"] == "Running" for node in nodes)
