"""The canary against the sandbox's GitHub and runner: what it sees where each assumption holds, and where one does not."""

from __future__ import annotations

import dataclasses
import json
import os
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal

import pytest

from canary.__main__ import main
from canary.api import Api
from canary.assumptions import ASSUMPTIONS, judge, table
from canary.probes import POST_STEPS_CHECK, Canary, Observations
from mlops_sandbox.github import Delivery, GitHubServer, Repository
from mlops_sandbox.runner.concurrency import ConcurrencyGroups
from mlops_sandbox.runner.environment import Run
from mlops_sandbox.runner.job import Settings, run_workflow
from mlops_sandbox.runner.workflow import Job, Step, load

WORKFLOWS = Path(__file__).parents[3] / ".github" / "workflows"
FILES = {f".github/workflows/{path.name}": path.read_text() for path in WORKFLOWS.glob("canary*.yml")}
LOGIN = "canary-owner"
RUN = "4711"
LABELS = "POST /repos/*/*/issues/*/labels"
# What the healthy sandbox shows.
HEALTHY: Mapping[str, Any] = {
    "known-label": 200,
    "new-label-refused": 403,
    "new-label": 200,
    "check-run": [201, 200],
    "details-url": "replaced",
    "queue-single": ["success", "cancelled", "success"],
    "queue-max": ["success", "success", "success"],
    "nested-reference": "success",
    "post-steps": "completed",
    "reference": "success",
    "closed-head": "kept",
}


class World:
    """A repository with the canary's workflow files, on a GitHub whose comments start them."""

    def __init__(self, github: GitHubServer, root: Path) -> None:
        self.github, self._root = github, root
        self.repository: Repository = github.repository("octo-org/suite", files=FILES)
        self.repository.collaborator(LOGIN, "admin")
        self._groups = ConcurrencyGroups()
        self._handled = len(github.deliveries)
        self.change: Callable[[Job], Job] = lambda job: job
        self.is_post_step_run = True

    def canary(self, token: str | None = None) -> Canary:
        """The canary with its own token, or with a job's."""
        environ = {"GITHUB_API_URL": self.github.api_url, "GITHUB_REPOSITORY": self.repository.full_name}
        return Canary(Api(environ, token or self.github.user_token(LOGIN).value), RUN, self.run_commands)

    def as_job(self, **permissions: str) -> Canary:
        return self.canary(self.github.workflow_token(self.repository, permissions).value)

    def run_commands(self, _seconds: float) -> None:
        """Run the workflow files that new comments start, side by side: the first works until all others wait."""
        new, self._handled = self.github.deliveries[self._handled :], len(self.github.deliveries)
        comments = [delivery for delivery in new if delivery.event == "issue_comment"]
        if not comments:
            return
        started, gate = (self._root / f"{name}-{self._handled}" for name in ("started", "gate"))
        os.mkfifo(started)
        os.mkfifo(gate)
        first = f"echo started > {started}; read -r line < {gate}"
        threads = self._start(comments[0], first)
        started.read_text()
        for delivery in comments[1:]:
            threads += self._start(delivery, "true")
            payload = delivery.payload
            key = payload["comment"]["body"].split()[0].removeprefix("/")
            self._groups.wait_until_pending(f"canary-{key}-{payload['issue']['number']}", self._label(delivery))
        gate.write_text("go\n")
        for thread in threads:
            thread.join(60)

    def _start(self, delivery: Delivery[Any], command: str) -> list[threading.Thread]:
        paths = [path for path in FILES if path != ".github/workflows/canary.yml"]
        threads = [threading.Thread(target=self._run, args=(path, delivery, command), daemon=True) for path in paths]
        for thread in threads:
            thread.start()
        return threads

    @staticmethod
    def _label(delivery: Delivery[Any]) -> str:
        return str(delivery.payload["comment"]["id"])

    def _run(self, path: str, delivery: Delivery[Any], command: str) -> None:
        workflow = load(WORKFLOWS / Path(path).name, path)
        jobs = [self.change(dataclasses.replace(job, steps=[Step("Work", "work", run=command)])) for job in workflow.jobs]
        workflow = dataclasses.replace(workflow, jobs=jobs)
        sha = self.repository.branches[self.repository.default_branch]
        recorded = self.repository.workflow_run(sha, by=LOGIN, name=workflow.name, path=path)
        recorded.title = delivery.payload["comment"]["body"]
        run = Run(
            repository=self.repository.full_name, server_url=self.github.origin, api_url=self.github.api_url,
            graphql_url=f"{self.github.origin}/api/graphql", event_name=delivery.event, payload=delivery.payload, sha=sha,
            ref="refs/heads/main", actor=LOGIN, run_id=int(self._label(delivery)),
        )  # fmt: skip
        settings = Settings(self._root, {"CANARY_LOGIN": LOGIN}, {}, lambda _: None)
        root = self._root / f"{recorded.id}"
        results = run_workflow(settings, run, workflow, root, lambda _: "token", self._groups)
        if "post-steps" in results and results["post-steps"].conclusion == "success":
            self._conclude(delivery)
        ended = {job.conclusion for job in results.values()}
        recorded.status, recorded.conclusion = (
            "completed",
            next((word for word in ("failure", "cancelled", "success") if word in ended), "skipped"),
        )

    def _conclude(self, delivery: Delivery[Any]) -> None:
        """Do what the composite action does; the sandbox's runner runs no composite action."""
        pull = self.repository.issues[delivery.payload["issue"]["number"]].as_pull
        assert pull is not None
        status = "completed" if self.is_post_step_run else "in_progress"
        conclusion = "success" if self.is_post_step_run else None
        self.repository.check_run(pull.head_sha, POST_STEPS_CHECK, conclusion=conclusion, status=status)

    def ask(self) -> Observations:
        """Ask all questions, as the jobs of the canary's workflow do."""
        canary = self.canary()
        number = canary.open()
        seen = self.as_job(pull_requests="write").labels_without_issues(number)
        seen |= self.as_job(pull_requests="write", issues="write").labels_with_issues(number)
        seen |= self.as_job(pull_requests="read", checks="write").check_run(number)
        seen |= canary.activity()
        seen |= canary.commands(number, "canary-command.yml", "queue-single")
        seen |= canary.commands(number, "canary-queue.yml", "queue-max")
        seen |= canary.post_steps(number, "canary-command.yml")
        seen |= canary.reference(number, "canary-reference.yml")
        return seen | canary.close(number)


@pytest.fixture
def world(github: GitHubServer, tmp_path: Path) -> World:
    return World(github, tmp_path)


def with_queue(queue: Literal["single", "max"]) -> Callable[[World], None]:
    def change(job: Job) -> Job:
        return dataclasses.replace(job, concurrency=job.concurrency and dataclasses.replace(job.concurrency, queue=queue))

    return lambda world: setattr(world, "change", change)


def failing(identifier: str) -> Callable[[World], None]:
    def change(job: Job) -> Job:
        if job.identifier != identifier:
            return job
        return dataclasses.replace(job, steps=[*job.steps, Step("Fail", "fail", run="false")])

    return lambda world: setattr(world, "change", change)


def answering(route: str, status: int, body: Any, *, skip: int = 0) -> Callable[[World], None]:
    def add(world: World) -> None:
        world.github.faults.answer(route, status, body, skip=skip, times=1)

    return add


def test_where_every_assumption_holds_the_canary_sees_it_and_leaves_nothing_behind(world: World) -> None:
    seen = world.ask()
    assert seen.pop("activity") <= 60
    assert seen == HEALTHY
    assert world.repository.branches.keys() == {"main"}
    assert [pull.state for pull in world.repository.pulls] == ["closed"]
    assert [name for name in world.repository.labels if RUN in name] == []


@pytest.mark.parametrize(
    ("key", "falsify", "seen"),
    [
        ("known-label", answering(LABELS, 404, {}), 404),
        ("new-label-refused", answering(LABELS, 200, [], skip=1), 200),
        ("new-label", answering(LABELS, 403, {}, skip=2), 403),
        ("check-run", lambda world: setattr(world.github, "locked_check_runs", 403), [201, 403]),
        ("activity", answering("GET /repos/*/*/activity", 200, []), None),
        ("queue-single", with_queue("max"), ["success"] * 3),
        ("queue-max", with_queue("single"), ["success", "cancelled", "success"]),
        ("post-steps", lambda world: setattr(world, "is_post_step_run", False), "in_progress"),
        ("reference", failing("reference"), "failure"),
        ("nested-reference", failing("post-steps"), "failure"),
        ("closed-head", answering("PATCH /repos/*/*/pulls/*", 200, {}), "moved"),
    ],
)
def test_an_assumption_that_is_false_is_named(
    world: World, key: str, falsify: Callable[[World], None], seen: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    if key == "activity":
        monkeypatch.setattr("canary.probes.ACTIVITY_SECONDS", 0)
    falsify(world)
    observations = world.ask()
    assert observations[key] == seen
    findings = {finding.assumption.key: finding for finding in judge(observations)}
    assert [name for name, finding in findings.items() if finding.verdict == "false"] == [key]


@pytest.mark.parametrize("key", [assumption.key for assumption in ASSUMPTIONS])
def test_the_report_fails_exactly_where_the_suite_rests_on_what_is_false(
    key: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    observations = {**HEALTHY, "activity": 1.5, "output-size": "whole", "image-time": 20, key: "unexpected"}
    outputs = {"masked": observations.pop("masked-output", ""), "plain": observations.pop("plain-output", "plain")}
    needs = {
        "masks": {"result": "success", "outputs": {name: value for name, value in outputs.items() if value}},
        "check-run": {"result": "success", "outputs": {"seen": json.dumps(observations)}},
        "queue-max": {"result": "failure", "outputs": {}},
    }
    summary = tmp_path / "summary.md"
    (assumption,) = [one for one in ASSUMPTIONS if one.key == key]
    assert main(["report"], {"NEEDS": json.dumps(needs), "GITHUB_STEP_SUMMARY": str(summary)}) == assumption.rests_on
    rows = [line for line in summary.read_text().splitlines() if "❌" in line]
    assert [assumption.text in row and "`unexpected`" in row for row in rows] == [True]
    assert ("::error" in capsys.readouterr().out) is assumption.rests_on


def test_what_was_not_asked_is_neither_true_nor_false() -> None:
    findings = judge({})
    assert {finding.verdict for finding in findings} == {"not seen"}
    assert table(findings).count("➖ not seen") == len(ASSUMPTIONS)


def test_without_a_secret_nothing_is_asked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = tmp_path / "output"
    assert main(["open"], {"GITHUB_OUTPUT": str(output)}) == 0
    assert capsys.readouterr().out.startswith("::notice title=Canary::")
    assert not output.exists()


def test_a_probe_that_cannot_ask_warns_and_names_the_call(github: GitHubServer, capsys: pytest.CaptureFixture[str]) -> None:
    environ = {
        "GITHUB_API_URL": github.api_url,
        "GITHUB_REPOSITORY": "octo-org/missing",
        "GITHUB_RUN_ID": RUN,
        "GITHUB_TOKEN": "none",
        "NUMBER": "1",
    }
    assert main(["probe", "check-run"], environ) == 1
    assert "GET /pulls/1 was answered with 401" in capsys.readouterr().out
