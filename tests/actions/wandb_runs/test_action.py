"""wandb-runs as a process between the two stand-ins: outputs, files, comment and check run."""

from __future__ import annotations

import base64
import io
import json
import math
import os
import re
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from markdown_it import MarkdownIt

from mlops_actions.boundary.runner import GitHubRunner
from mlops_actions.boundary.wandb.project import WandbProject
from mlops_actions.boundary.wandb.server import Server
from mlops_actions.boundary.workspace import WorkspaceFiles
from mlops_actions.core.context import Context
from mlops_actions.core.declare import read
from mlops_actions.wandb_runs.inputs import Inputs
from mlops_actions.wandb_runs.ports import Ports
from mlops_actions.wandb_runs.run import CONCLUSION
from mlops_actions.wandb_runs.run import run as run_action
from mlops_sandbox.wandb import Fault
from tests.actions.wandb_runs.step import NOW, OTHER, SHA, WandbStep
from tests.support.clock import FakeClock
from tests.support.forking import Forker
from tests.support.result_schemas import check_result
from tests.support.wandb import MODULES

HOSTILE = "=cmd|' /C calc'!A0 | `x` </details> ![i](http://evil) @team #1\n::set-output name=x::y\u202egnp"


# The main path


def test_the_report_of_a_commit_against_its_baselines(step: WandbStep) -> None:
    step.candidate("c1", summary={"acc": 0.95, "loss": 0.2}, commit=SHA)
    step.candidate("c2", summary={"acc": 0.93, "loss": 0.4}, commit=SHA, age=1)
    step.baseline("b1", summary={"acc": 0.94, "loss": 0.25}, age=60)
    step.baseline("b2", summary={"acc": 0.90, "loss": 0.35}, age=120)
    step.baseline("unfinished", state="running", age=3)
    code = step.run(
        sha=SHA,
        baseline_tags="baseline",
        metrics="acc:max, loss",
        config_keys="lr",
        comment="true",
        pr_number=step.pull.number,
        image="ghcr.io/octo/digits@sha256:" + "1" * 64,
        workflow_url="https://argo.example/workflows/ml/train-1",
    )
    assert code == 0, step.log
    outputs = step.outputs()
    expected = {
        "complete": "true",
        "single-run": "false",
        "num-candidates": "2",
        "num-finished": "2",
        "num-running": "0",
        "num-crashed": "0",
        "num-failed": "0",
        "num-killed": "0",
        "num-baselines": "2",
        "gate": "none",
        "verified": "true",
        "same-data": "",
        "best-run-id": "c1",
        "best-run-url": f"{step.wandb.url}/sandbox/digits/runs/c1",
        "csv": "wandb_report.csv",
        "json": "wandb_report.json",
        "markdown": "wandb_report.md",
        "BOOL_COMPLETE": "True",
        "BOOL_SINGLE_RUN": "False",
        "NUM_FINISHED": "2",
        "NUM_RUNNING": "0",
        "NUM_CRASHED": "0",
        "NUM_ABORTED": "0",
        "NUM_BASELINES": "2",
    }
    assert {name: outputs[name] for name in expected} == expected
    result = check_result("wandb-runs", outputs["result"])
    assert result["schema"] == 1
    assert [run["id"] for run in result["candidates"]] == ["c1", "c2"]
    assert result["comparison"][0]["best"]["reference"] == 0.94
    assert [row["run.id"] for row in step.rows()] == ["c1", "c2", "b1", "b2"]
    (body,) = step.comments()
    report = (step.workspace / "wandb_report.md").read_text().replace("\u00a0", " ")
    assert body.endswith(report.strip()) or report.strip() in body
    assert step.summary().strip() == report.strip()
    assert report.splitlines()[0] == (
        "### 📊 2 runs finished for `aaaaaaa`: better on 2 of 2 metrics against the best of 2 baselines by acc"
        " · judged: c1 (1 of 2 candidates)"
    )
    assert f"[c1]({step.wandb.url}/sandbox/digits/runs/c1)" in report
    assert "| `acc` ↑ | **0.95** | 0.94 | +0.01 (+1.06 %) 🟢 better | 0.92 |" in report
    assert "✅ recorded by W&B for all 2 candidates" in report
    assert "sha256:" + "1" * 64 in report
    assert "https://argo.example/workflows/ml/train-1" in report
    assert outputs["comment-url"].startswith(f"{step.github.origin}/octo/digits/pull/{step.pull.number}#")
    operations = [exchange.operation for exchange in step.server.requests]
    assert len(operations) == len(set(operations)), "one request for the runs, one for each kind of details"


def test_the_comment_is_updated_in_place_and_another_tag_has_its_own(step: WandbStep) -> None:
    step.candidate()
    first = {"sha": SHA, "comment": "true", "pr_number": step.pull.number}
    step.run(**first)
    address = step.outputs()["comment-url"]
    step.candidate("c2")
    step.run(**first)
    assert step.outputs()["comment-url"] == address
    (body,) = step.comments()
    assert "2 runs finished" in body
    step.run(**first, comment_tag="nightly")
    assert len(step.comments()) == 2


def test_the_report_of_an_earlier_workflow_run_is_folded_below_the_new_one(step: WandbStep) -> None:
    step.candidate()
    given = {"sha": SHA, "comment": "true", "pr_number": step.pull.number, "metrics": "acc", "gates": "acc > 0.95"}
    step.run(**given)
    step.candidate("c2", summary={"acc": 0.99})
    step.environ["GITHUB_RUN_ID"] = "78"
    step.run(**given)
    (body,) = step.comments()
    report = (step.workspace / "wandb_report.md").read_text().replace("\u00a0", " ")
    newest, _, earlier = body.partition("<!-- mlops-actions-earlier -->")
    assert report.strip() in newest
    assert newest.startswith("<!-- mlops-actions:mlops -->\n<!-- mlops-actions-run:78 report ")
    assert "\n### ✅ The gate passed" in newest
    failed = r"❌ Gates failed for aaaaaaa: acc is 0.90, required is &gt; 0.95 · judged: c1"
    assert re.search(rf"<summary>\S+: {failed}</summary>", earlier)
    assert "| ❌ failed | `acc > 0.95` | 0.90 |" in earlier


EVENTS: dict[str, tuple[str, Callable[[WandbStep], dict[str, Any]]]] = {
    "issue comment": ("issue_comment", lambda step: step.pull.comment(by="ada", body="/train").payload),
    "pull request": (
        "pull_request",
        lambda step: {**step.pull.comment(by="ada", body="x").payload, "pull_request": pull_request(step)},
    ),
    "dispatch": ("workflow_dispatch", lambda step: {"inputs": {"pr-number": str(step.pull.number)}}),
    "dispatch with a hash": ("workflow_dispatch", lambda step: {"inputs": {"pr-number": f"#{step.pull.number}"}}),
    "repository dispatch": ("repository_dispatch", lambda step: {"client_payload": {"pr-number": step.pull.number}}),
    "merge group": (
        "merge_group",
        lambda step: {"merge_group": {"head_ref": f"refs/heads/gh-readonly-queue/main/pr-{step.pull.number}-{OTHER}"}},
    ),
    "workflow run with its pull request": (
        "workflow_run",
        lambda step: {"workflow_run": {"head_sha": SHA, "pull_requests": [{"number": step.pull.number}]}},
    ),
    "workflow run by its commit": ("workflow_run", lambda _: {"workflow_run": {"head_sha": SHA, "pull_requests": []}}),
    "push by its commit": ("push", lambda _: {"after": SHA}),
}


@pytest.mark.parametrize("event", EVENTS)
def test_the_comment_goes_to_the_events_pull_request(step: WandbStep, event: str, tmp_path: Path) -> None:
    name, payload = EVENTS[event]
    step.candidate()
    (tmp_path / "event.json").write_text(json.dumps(payload(step)))
    step.environ["GITHUB_EVENT_NAME"] = name
    assert step.run(sha=SHA, comment="true") == 0, step.log
    assert "1 run finished" in step.comments()[-1]


def pull_request(step: WandbStep) -> dict[str, Any]:
    side = {"ref": "x", "sha": SHA, "repo": {"id": 1, "full_name": "octo/digits"}}
    user = {"login": "ada", "type": "User"}
    return {"number": step.pull.number, "state": "open", "user": user, "head": side, "base": side, "html_url": ""}


def test_outside_of_a_workflow_there_is_no_event_and_no_comment(step: WandbStep) -> None:
    step.candidate()
    step.environ["GITHUB_EVENT_PATH"] = ""
    assert step.run(sha=SHA, comment="true") == 0, step.log
    assert "belongs to no pull request" in step.log


def test_without_write_access_the_report_is_in_the_summary_and_a_warning_says_why(step: WandbStep) -> None:
    token = step.github.workflow_token(step.repository, {"pull-requests": "write", "checks": "write"}, from_fork=True)
    step.environ["INPUT_GITHUB-TOKEN"] = token.value
    step.candidate()
    assert step.run(sha=SHA, comment="true", pr_number=step.pull.number, check_name="metrics") == 0
    assert step.comments() == []
    assert "1 run finished" in step.summary()
    assert "::warning" in step.log
    assert "Resource not accessible by integration" in step.log
    about_the_check_run, about_the_comment = json.loads(step.outputs()["result"])["notes"]
    assert "the check run 'metrics' could not be concluded" in about_the_check_run
    assert "no comment was written" in about_the_comment


@pytest.mark.parametrize("change", [{"github_token": "ghs_wrong"}, {"pr_number": 4711}])
def test_a_comment_that_cannot_be_written_is_a_warning(step: WandbStep, change: dict[str, Any]) -> None:
    step.candidate()
    given = {"sha": SHA, "comment": "true", "pr_number": step.pull.number, "gates": "acc >= 0.1", **change}
    assert step.run(**given) == 0
    assert step.outputs()["gate"] == "passed"
    assert step.rows()
    assert "::warning title=wandb-runs::no comment was written" in step.log


def test_a_failed_promotion_keeps_the_outputs(step: WandbStep) -> None:
    step.candidate()
    assert step.run(sha=SHA, gates="acc >= 0.1", promote_alias="best") == 3
    assert step.outputs()["gate"] == "passed"
    assert step.rows()
    assert step.log.rstrip().splitlines()[-1].startswith("::error")


def test_without_a_pull_request_there_is_a_warning_and_no_comment(step: WandbStep) -> None:
    step.candidate()
    assert step.run(sha=SHA, comment="true") == 0
    assert "belongs to no pull request" in step.log


def test_two_jobs_that_comment_at_once_leave_one_comment(step: WandbStep, tmp_path: Path) -> None:
    step.candidate()
    environ = {**step.environ, "INPUT_SHA": SHA, "INPUT_COMMENT": "true", "INPUT_PR-NUMBER": str(step.pull.number)}

    def job(number: int) -> int:
        (folder := tmp_path / f"job{number}").mkdir()
        own = {"GITHUB_RUN_ID": str(number), "GITHUB_WORKSPACE": str(folder), "GITHUB_OUTPUT": str(folder / "output")}
        with Forker(*MODULES) as forker:
            return forker.run(["wandb-runs"], {**environ, **own}, folder / "log", folder=folder)

    with ThreadPoolExecutor() as pool:
        assert list(pool.map(job, (1, 2))) == [0, 0]
    (body,) = step.comments()
    assert "1 run finished" in body


def test_a_deleted_comment_is_created_again(step: WandbStep) -> None:
    step.candidate()
    given = {"sha": SHA, "comment": "true", "pr_number": step.pull.number}
    step.run(**given)
    step.pull.delete_comment(step.pull.comments[0])
    assert step.run(**given) == 0
    assert len(step.comments()) == 1


# Gates


GATES = [
    ("acc >= 0.9", True),
    ("acc > 0.95", False),
    ("loss <= 0.2", True),
    ("acc == 0.95", True),
    ("acc != 0.95", False),
    ("acc >= baseline", True),
    ("acc > baseline + 0.02", False),
    ("acc >= baseline.best + 0.01", True),
    ("acc >= baseline.mean * 1.05", False),
    ("acc >= baseline.latest - 1%", True),
    ("acc >= baseline.latest + 5%", False),
    ("loss <= baseline", True),
    ("loss <= baseline * 50%", False),
    ("loss < baseline.mean", True),
    ('"val acc" >= 0.5', True),
    ("eval/top-1 >= 0.5", True),
    ("nested.min <= 1", True),
    ("absent >= 0", False),
    ("nan >= 0", False),
    ("nan != 0", False),
    ("infinite >= 0", False),
    ("text != 0", False),
    ("flag >= 0", False),
    ("only_candidate >= baseline", False),
    ("only_candidate >= 0", True),
]


@pytest.mark.parametrize(("gate", "passes"), GATES, ids=[gate for gate, _ in GATES])
def test_a_gate_passes_or_fails_with_its_numbers(step: WandbStep, gate: str, passes: bool) -> None:
    step.candidate(
        summary={
            "acc": 0.95,
            "loss": 0.2,
            "val acc": 0.9,
            "eval/top-1": 0.9,
            "nested": {"min": 0.5},
            "nan": "NaN",
            "infinite": "Infinity",
            "text": "high",
            "flag": True,
            "only_candidate": 1,
        }
    )
    step.baseline("new", summary={"acc": 0.93, "loss": 0.3, "nan": 1}, age=10)
    step.baseline("old", summary={"acc": 0.94, "loss": 0.25, "nan": 1}, age=20)
    code = step.run(sha=SHA, baseline_tags="baseline", gates=gate)
    assert code == (0 if passes else 1), step.log
    assert step.outputs()["gate"] == ("passed" if passes else "failed")
    first = step.summary().splitlines()[0]
    assert first.startswith("### ✅ The gate passed" if passes else "### ❌ Gates failed")
    if not passes:
        assert step.log.rstrip().splitlines()[-1].startswith("::error")
        assert gate.replace("%", "%25") in step.log


def test_all_gates_are_evaluated_on_the_same_run(step: WandbStep) -> None:
    step.candidate("accurate", summary={"acc": 0.99, "latency": 9})
    step.candidate("fast", summary={"acc": 0.80, "latency": 1})
    assert step.run(sha=SHA, metrics="acc,latency", gates="acc >= 0.95\nlatency <= 2") == 1
    assert step.outputs()["best-run-id"] == "accurate"


def test_gates_without_a_finished_candidate_fail(step: WandbStep) -> None:
    step.candidate(state="failed")
    assert step.run(sha=SHA, gates="acc >= 0") == 1
    assert step.outputs()["gate"] == "failed"
    assert "no candidate finished" in step.summary()


def test_no_candidate_is_a_warning_and_with_gates_a_failure(step: WandbStep) -> None:
    step.server.store.project("sandbox", "digits")
    assert step.run(sha=SHA) == 0
    outputs = step.outputs()
    assert (outputs["num-candidates"], outputs["complete"], outputs["gate"]) == ("0", "false", "none")
    assert outputs["verified"] == "false"
    assert "::warning" in step.log
    assert "No run found for `aaaaaaa`" in step.summary()
    assert (step.workspace / "wandb_report.csv").read_text().startswith("run.url,run.name,run.tags,run.id")
    assert step.run(sha=SHA, gates="acc >= 0") == 1


def test_a_check_run_is_concluded_by_the_gates(step: WandbStep) -> None:
    step.candidate(summary={"acc": 0.5})
    step.run(sha=SHA, gates="acc >= 0.9", check_name="metrics")
    step.run(sha=SHA, gates="acc >= 0.1", check_name="metrics")
    step.run(sha=SHA, check_name="metrics")
    bodies = [exchange.body for exchange in step.github.requests("POST /repos/*/*/check-runs")]
    assert [body["conclusion"] for body in bodies] == ["failure", "success", "neutral"]
    assert bodies[0]["output"]["title"] == "0 of 1 gate passed"
    # GitHub ignores the address of the details that a job's token gives, so the report links the run.
    assert bodies[0]["output"]["summary"].count(f"{step.github.origin}/octo/digits/actions/runs/77")


@pytest.mark.parametrize(
    ("fault", "body"),
    [(403, None), (404, None), (422, None), (500, None), (200, ""), (200, "<html>Sign in</html>"), (200, []), (200, {}),
     (201, {"id": 1, "conclusion": None})],
)  # fmt: skip
@pytest.mark.parametrize(("gates", "exit_code"), [("acc >= 0.1", 0), ("acc >= 0.9", 1)])
def test_a_check_run_that_github_does_not_take_is_one_warning(
    step: WandbStep, fault: int, body: Any, gates: str, exit_code: int
) -> None:
    """The decision of the gates stands; the warning is in the log and, with a link to the run, on the comment."""
    step.candidate(summary={"acc": 0.5})
    step.github.faults.answer("POST /repos/*/*/check-runs", fault, body)
    given = {"sha": SHA, "gates": gates, "check_name": "metrics", "comment": "true", "pr_number": step.pull.number}
    assert step.run(**given) == exit_code, step.log
    assert step.log.count("::warning") == 1
    assert "the check run 'metrics' could not be concluded; the report is in the job's summary" in step.log
    (comment,) = step.comments()
    run_url = f"{step.github.origin}/octo/digits/actions/runs/77"
    assert f"The check run `metrics` could not be concluded; its report is in [the job's summary]({run_url})." in comment
    (note,) = json.loads(step.outputs()["result"])["notes"]
    assert run_url in note


def test_a_report_is_one_request_that_locked_check_runs_allow(step: WandbStep) -> None:
    step.github.locked_check_runs = 403
    step.candidate(summary={"acc": 0.5})
    assert step.run(sha=SHA, gates="acc >= 0.1", check_name="metrics") == 0, step.log
    (run,) = step.repository.check_runs.values()
    assert (run.status, run.conclusion) == ("completed", "success")
    assert "::warning" not in step.log


# Choosing


def test_runs_are_chosen_by_config_or_by_recorded_commit(step: WandbStep) -> None:
    step.candidate("by config")
    step.server.store.add_run("sandbox", "digits", name="by commit", commit=SHA)
    step.server.store.add_run("sandbox", "digits", name="other", commit=OTHER)
    step.run(sha=SHA)
    assert {row["run.id"] for row in step.rows()} == {"by config", "by commit"}


CHOICES = [
    ({"sha": SHA}, {"c1", "c2", "c3"}),
    ({"sha": SHA, "group": "seeds"}, {"c2"}),
    ({"group": "seeds"}, {"c2", "other"}),
    ({"sha": SHA, "secondary_sha": "v2"}, {"c3"}),
    ({"FILTER_GITHUB_SHA": SHA, "FILTER_SECONDARY_SHA": "v2"}, {"c3"}),
    ({"run_id": "other"}, {"other"}),
    ({"run_id": "other", "sha": SHA, "secondary_sha": "v2"}, {"other"}),
    ({"RUN_ID": "other", "FILTER_SECONDARY_SHA": "v2"}, {"other"}),
    ({"filters": '{"config.lr": {"$lt": 0.05}}'}, {"other"}),
    ({"sha": SHA, "filters": '{"tags": {"$in": ["best"]}}'}, {"c3"}),
    ({"sha": "9" * 40}, set()),
    ({"sha": SHA, "sha_config_key": "revision"}, {"other"}),
]


@pytest.mark.parametrize(
    ("inputs", "chosen"), CHOICES, ids=lambda value: str(sorted(value)) if isinstance(value, set) else str(value)
)
def test_candidates_are_selected_by_the_inputs(step: WandbStep, inputs: Any, chosen: Any) -> None:
    step.candidate("c1")
    step.candidate("c2", group="seeds")
    step.candidate("c3", config={"secondary_sha": "v2"}, tags=["best"])
    step.server.store.add_run(
        "sandbox", "digits", name="other", group="seeds", config={"lr": 0.01, "github_sha": OTHER, "revision": SHA}
    )
    assert step.run(**inputs) == 0, step.log
    assert {row["run.id"] for row in step.rows()} == chosen


BASELINES = [
    ({"baseline_tags": "baseline"}, ["b1", "b2", "b3"]),
    ({"baseline_tags": "baseline", "max_baselines": 2}, ["b1", "b2"]),
    ({"baseline_tags": "baseline", "max_baselines": 0}, []),
    ({"baseline_tags": "reference"}, ["b3"]),
    ({"baseline_tags": "reference, baseline"}, ["b1", "b2", "b3"]),
    ({"BASELINE_TAGS": "['baseline', 'reference']"}, ["b1", "b2", "b3"]),
    ({"BASELINE_TAGS": "[]"}, []),
    ({"baseline_sha": OTHER}, ["b1", "b2", "b3"]),
    ({"baseline_sha": OTHER, "baseline_tags": "reference"}, ["b1", "b2", "b3"]),
    ({"baseline_sha": "9" * 40}, []),
    ({}, []),
]


@pytest.mark.parametrize(("inputs", "count"), [({"BASELINE_TAGS": "['baseline']"}, 12), ({"baseline_tags": "baseline"}, 10)])
def test_the_older_name_has_no_limit_of_baselines(step: WandbStep, inputs: Any, count: int) -> None:
    step.candidate("c1")
    for number in range(12):
        step.baseline(f"b{number}", age=10 + number)
    step.run(sha=SHA, **inputs)
    assert step.outputs()["num-baselines"] == step.outputs()["NUM_BASELINES"] == str(count)


@pytest.mark.parametrize(("inputs", "chosen"), BASELINES, ids=str)
def test_baselines_are_selected_by_tags_or_commit(step: WandbStep, inputs: Any, chosen: Any) -> None:
    step.candidate("c1", tags=["baseline"], age=1)
    step.baseline("b2", age=20)
    step.baseline("b1", age=10)
    step.baseline("b3", age=30).tags = ["baseline", "reference"]
    step.baseline("failed", state="failed", age=5)
    step.run(sha=SHA, **inputs)
    ids = [row["run.id"] for row in step.rows() if row["__eval.category"] == "baseline"]
    assert ids == chosen
    assert step.outputs()["num-baselines"] == str(len(chosen))


STATES = [
    (["finished"], {"complete": "true", "single-run": "true", "num-finished": "1"}),
    (["finished", "finished"], {"complete": "true", "single-run": "false"}),
    (["finished", "running"], {"complete": "false", "single-run": "true", "num-running": "1"}),
    (["running"], {"complete": "false", "NUM_RUNNING": "1"}),
    (["pending", "preempting"], {"complete": "false", "num-running": "2"}),
    (["crashed", "failed", "killed"], {"num-crashed": "1", "num-failed": "1", "num-killed": "1", "num-running": "0"}),
    (["finished", "preempted"], {"complete": "false", "num-killed": "0", "num-running": "1", "NUM_ABORTED": "0"}),
    (["failed", "killed"], {"NUM_ABORTED": "2", "NUM_CRASHED": "0", "BOOL_COMPLETE": "False"}),
    (["finished", "crashed"], {"complete": "true", "num-crashed": "1", "BOOL_COMPLETE": "True"}),
]


@pytest.mark.parametrize(("states", "expected"), STATES, ids=str)
def test_candidates_are_counted_by_state(step: WandbStep, states: list[str], expected: Any) -> None:
    for index, state in enumerate(states):
        step.candidate(f"c{index}", state=state)
    step.run(sha=SHA)
    outputs = step.outputs()
    assert {name: outputs[name] for name in expected} == expected
    assert outputs["num-candidates"] == str(len(states))


# Waiting


def test_waiting_polls_states_until_enough_runs_have_ended(step: WandbStep, tmp_path: Path) -> None:
    run = step.candidate(state="running")

    def end() -> None:
        run.state = "finished"

    clock = FakeClock(lambda: step.candidate("c2", state="pending"), end, lambda: step.server.store.project(
        "sandbox", "digits").runs["c2"].finish(1, NOW))  # fmt: skip
    given = {"INPUT_SHA": SHA, "INPUT_WAIT": "true", "INPUT_MIN-RUNS": "2", "INPUT_TIMEOUT": "5m"}
    runner = GitHubRunner(step.environ, io.StringIO())
    server = Server(step.wandb.url, step.wandb.url, step.server.api_key)
    tracker = WandbProject("sandbox/digits", server, runner, pause=clock.sleep)
    outcome = run_action(
        read(Inputs, {**step.environ, **given}),
        Context.from_environ(step.environ),
        None,
        Ports(
            tracker=tracker,
            publisher=None,
            workspace=WorkspaceFiles(step.workspace),
            runner=runner,
            clock=clock,
        ),
    )
    assert clock.slept == [20, 20, 20]
    assert outcome.error is None
    assert (outcome.outputs["num-finished"], outcome.outputs["num-failed"]) == ("1", "1")
    polls = [exchange for exchange in step.server.requests if b"summaryMetrics" not in exchange.body]
    assert len(polls) >= 4, "only the last request reads metrics"


def test_waiting_ends_at_once_when_all_have_ended(step: WandbStep) -> None:
    step.candidate()
    step.candidate("c2", state="failed")
    assert step.run(sha=SHA, wait="true", min_runs=2) == 0


def test_a_run_without_a_recent_heartbeat_is_not_waited_for(step: WandbStep) -> None:
    step.candidate(state="running", heartbeat=NOW - timedelta(hours=1), created=NOW - timedelta(hours=2))
    assert step.run(sha=SHA, wait="true") == 0
    assert step.outputs()["num-crashed"] == "1"


@pytest.mark.parametrize(("states", "least"), [(["running"], 1), (["finished"], 2), ([], 1)], ids=str)
def test_a_timeout_is_exit_5_with_outputs(step: WandbStep, states: list[str], least: int) -> None:
    step.server.store.project("sandbox", "digits")
    for index, state in enumerate(states):
        step.candidate(f"c{index}", state=state)
    assert step.run(sha=SHA, wait="true", min_runs=least, timeout="0s", gates="acc >= 0") == 5
    assert step.outputs()["num-candidates"] == str(len(states))
    assert "timeout" in step.log


def test_nothing_is_promoted_while_candidates_are_running(step: WandbStep) -> None:
    step.candidate()
    step.candidate("c2", state="running")
    given = {"sha": SHA, "wait": "true", "timeout": "0s", "gates": "acc >= 0", "check_name": "metrics"}
    assert step.run(**given, promote_alias="best") == 5
    assert json.loads(step.outputs()["result"])["promoted"] is None
    (check_run,) = step.repository.check_runs.values()
    assert (check_run.status, check_run.conclusion) == ("in_progress", None)


# Trust


TRUST = [
    ([{"commit": SHA}], "true", "✅ recorded by W&B"),
    ([{}], "false", "1 of 1 only claimed by the run's config"),
    ([{"commit": OTHER}], "false", "1 of 1 ❌ contradicted"),
    ([{"commit": SHA, "config": {"github_sha": OTHER}}], "false", "❌ contradicted"),
    ([{"commit": SHA}, {}], "false", "1 of 2 recorded by W&B, 1 of 2 only claimed"),
]


@pytest.mark.parametrize(("runs", "verified", "text"), TRUST)
def test_candidates_are_verified_by_the_recorded_commit(step: WandbStep, runs: Any, verified: str, text: str) -> None:
    for index, run in enumerate(runs):
        step.candidate(f"c{index}", **run)
    step.run(sha=SHA)
    assert step.outputs()["verified"] == verified
    assert text in step.summary()
    assert ("WANDB_GIT_COMMIT" in step.summary()) == ("claimed" in text)


def test_uncommitted_changes_are_shown(step: WandbStep) -> None:
    run = step.candidate(commit=SHA)
    run.files["diff.patch"] = step.server.store.new_blob()
    step.server.store.blobs[run.files["diff.patch"]] = b"--- a/train.py"
    step.run(sha=SHA)
    assert "1 run from a tree with uncommitted changes" in step.summary()


DATA = [
    (["one"], ["one"], "true", "the same for all runs"),
    (["one"], ["two"], "false", "⚠️ data differ"),
    (["one"], [None], "", "data `mnist:v0` (`one`)"),
    ([None], ["one"], "", "data of the candidates not recorded; baselines `mnist:v0` (`one`)"),
    ([None], [None], "", "data not recorded"),
    (["one", "two"], ["one"], "false", "⚠️ data differ"),
]


@pytest.mark.parametrize(("candidates", "baselines", "same", "text"), DATA)
def test_datasets_of_candidates_and_baselines_are_compared(
    step: WandbStep, candidates: Any, baselines: Any, same: str, text: str
) -> None:
    store = step.server.store
    collection = store.project("sandbox", "digits").collection("mnist", "dataset")
    versions = {digest: store.add_artifact(collection, digest) for digest in ("one", "two")}
    model = store.add_artifact(store.project("sandbox", "digits").collection("start", "model"), "m1")
    for index, digest in enumerate(candidates):
        run = step.candidate(f"c{index}")
        run.inputs += [model, *([versions[digest]] if digest else [])]
    for index, digest in enumerate(baselines):
        step.baseline(f"b{index}", age=9).inputs += [versions[digest]] if digest else []
    step.run(sha=SHA, baseline_tags="baseline")
    assert step.outputs()["same-data"] == same
    assert text in step.summary()
    step.run(sha=SHA, baseline_tags="baseline", lineage="false")
    assert step.outputs()["same-data"] == ""


# Seeds


def test_a_group_of_seeds_is_compared_by_its_mean_and_noise_is_named(step: WandbStep) -> None:
    for index, value in enumerate((0.93, 0.95, 0.97)):
        step.candidate(f"c{index}", group="wide", summary={"acc": value, "loss": value})
        step.baseline(f"b{index}", group="old", summary={"acc": value - 0.2, "loss": value}, age=9)
    given = {"sha": SHA, "baseline_tags": "baseline", "metrics": "acc:max, loss:min", "aggregate": "group"}
    assert step.run(**given, gates="acc >= 0.96") == 1, "the mean is 0.95, whatever the luckiest seed had"
    assert step.run(**given, gates="acc >= 0.94\nacc >= baseline + 0.19") == 0
    report = step.summary()
    assert f"[wide \\(n = 3\\)]({step.wandb.url}/sandbox/digits/runs/c2)" in report
    assert "| `acc` ↑ | 🟢 better | +0.20 " in report
    assert "| 0.95 ± 0.02 (n = 3) | 0.75 ± 0.02 (n = 3) |" in report
    assert "no more than noise" in report
    assert "**More than noise?** Against old" in report
    assert step.outputs()["best-run-id"] == "c2"
    assert json.loads(step.outputs()["result"])["seeds"][0]["verdict"] == "better by more than noise"
    assert len(step.rows()) == 6


# Values


def test_values_of_every_type_are_shown_unchanged(step: WandbStep) -> None:
    step.candidate(
        summary={"a": "NaN", "b": "Infinity", "c": "text | `x`", "d": True, "e": [1, 2], "f": {"min": 0.5}, "g": 10**400,
                 "h": None, "i": -0.5, "j": 1e-9, "k": 123456.789},
        config={"deep": {"er": 1}, "list": [1, "x"], "_x": 5, "x": 6},
    )  # fmt: skip
    names = "a,b,c,d,e,f,g,h,i,j,k,absent,_x"
    assert step.run(sha=SHA, metrics=names, config_keys="deep.er,list,x,lr") == 0, step.log
    (row,) = step.rows()
    assert (row["a"], row["b"], row["c"], row["d"], row["e"]) == ("nan", "inf", "text | `x`", "True", "[1, 2]")
    assert (row["f"], row["h"], row["i"], row["absent"]) == ("0.5", "", "-0.5", "")
    assert (row["_deep.er"], row["_list"], row["_lr"]) == ("1", '[1, "x"]', "0.1")
    assert (row["_x"], row["_x (config)"]) == ("", "6")
    report = step.summary()
    for cell in (
        "NaN",
        "∞",
        "<code>text &#124; &#96;x&#96;</code>",
        "true",
        "`[1, 2]`",
        "0.5",
        "a huge number",
        "-0.5",
        "1e-09",
        "123457",
        "–",
    ):
        assert f" {cell} |" in report or f" **{cell}** |" in report, cell
    json.loads((step.workspace / "wandb_report.json").read_text(), parse_constant=lambda name: pytest.fail(name))
    json.loads(step.outputs()["result"], parse_constant=lambda name: pytest.fail(name))


def test_the_csv_has_the_columns_of_the_replaced_action(step: WandbStep) -> None:
    step.candidate(
        "c1", tags=["a", "b's"], description="why", summary={"loss": 0.5, "best_val_loss": 0.4, "accuracy": 0.9,
        "best_val_acc": 0.91, "_runtime": 12},
    )  # fmt: skip
    step.baseline(summary={"loss": 0.6}, age=3)
    code = step.run(
        PROJECT_NAME="sandbox/digits",
        FILTER_GITHUB_SHA=SHA,
        BASELINE_TAGS="['baseline', 'reference']",
        DISPLAY_METRICS="['accuracy', 'loss', 'best_val_acc', 'best_val_loss', '_runtime', 'loss']",
        DISPLAY_CONFIG_VARS="['lr', 'epochs']",
        WANDB_API_KEY=step.server.api_key,
    )
    assert code == 0, step.log
    header = (step.workspace / "wandb_report.csv").read_text().splitlines()[0]
    assert header == (
        "run.url,run.name,run.tags,run.id,run.entity,run.project,github_sha,run.description,"
        "accuracy,loss,best_val_acc,best_val_loss,_runtime,_lr,_epochs,__eval.category"
    )
    first, second = step.rows()
    assert (first["run.tags"], first["run.entity"], first["run.project"]) == (str(["a", "b's"]), "sandbox", "digits")
    assert (first["github_sha"], first["_runtime"], first["__eval.category"]) == (SHA, "12", "candidate")
    assert (second["loss"], second["accuracy"], second["__eval.category"]) == ("0.6", "", "baseline")


def test_curves_are_drawn_for_candidate_and_baseline(step: WandbStep) -> None:
    step.candidate(history=[{"loss": 1 / (step + 1)} for step in range(50)])
    step.baseline(history=[{"loss": 2 / (step + 1)} for step in range(20)], age=5)
    step.run(sha=SHA, baseline_tags="baseline", curves="loss\nabsent")
    report = step.summary()
    assert report.count("```mermaid") == 1
    assert "xychart-beta" in report
    assert len(re.findall(r"^  line \[", report, re.MULTILINE)) == 2
    assert "🟦 candidate [c1]" in report
    assert "🟧 baseline [b1]" in report
    assert "ends at step 19" in report
    assert "No run shown here has a history of `absent`" in report
    (histories,) = [exchange.body for exchange in step.server.requests if b"sampledHistory" in exchange.body]
    assert histories.count(b"_step") == 4, "one request asks for both metrics of both runs"


def test_nan_and_spikes_of_a_history_reach_the_report(step: WandbStep) -> None:
    history = [{"loss": 1000.0 if index == 417 else 0.5 + index % 7 / 100} for index in range(900)]
    step.candidate(history=[*history, *({"loss": "NaN"} for _ in range(100))])
    step.baseline(history=[{"loss": 0.6 + index % 5 / 100} for index in range(1000)], age=5)
    step.run(sha=SHA, baseline_tags="baseline", curves="loss")
    report = step.summary()
    candidate, baseline = re.findall(r"^  line \[(.*)\]$", report, re.MULTILINE)
    assert "1000" in candidate.split(", ")
    assert len(candidate.split(", ")) < len(baseline.split(", "))
    assert "NaN at 100 steps from 900 to 999, no finite value after that; ends at step 899" in report


def test_a_group_is_drawn_as_its_mean_between_its_extremes(step: WandbStep) -> None:
    for index in range(3):
        step.candidate(f"c{index}", group="seeds", history=[{"loss": index + 1 / (at + 1)} for at in range(10)], age=index)
    step.run(sha=SHA, curves="loss", metrics="loss", aggregate="group")
    report = step.summary()
    lines = [line.split(", ") for line in re.findall(r"^  line \[(.*)\]$", report, re.MULTILINE)]
    assert [(line[0], line[-1]) for line in lines] == [("1", "0.1"), ("3", "2.1"), ("2", "1.1")]
    assert re.search(r"🟦 candidate group `seeds` \| 2\S* \(1\S* to 3\S*\) \|.*\| 3 runs \|", report)


# Hostile


def assert_only_text(step: WandbStep, body: str) -> None:
    """Assert that no hostile name became mark-up, a mention, a foreign link or a workflow command."""
    html = MarkdownIt("gfm-like", {"html": True, "linkify": False}).render(body)
    prose = re.sub(r"<code.*?</code>", "", html, flags=re.DOTALL)
    assert "<img" not in html
    assert set(re.findall(r'href="(http[^"]*)"', html)) <= {
        *(f"{step.wandb.url}/sandbox/digits/runs/{run}" for run in ("c1", "other")),
        f"{step.wandb.url}/sandbox/digits",
        f"{step.github.origin}/octo/digits/commit/{SHA}",
        *(f"{step.github.origin}/octo/digits/actions/runs/{run}" for run in (77, 78)),
    }
    assert prose.count("<details") == prose.count("</details>")
    assert not re.search(r"@team|#1\b", prose)
    assert "\u202e" not in body
    assert not re.search(r"^::set-output", step.log, re.MULTILINE)


def test_hostile_names_stay_text_everywhere(step: WandbStep) -> None:
    step.candidate(
        display_name=HOSTILE, summary={HOSTILE.replace(",", ""): HOSTILE, "acc": 1}, tags=[HOSTILE], description=HOSTILE,
        config={"evil": HOSTILE}, group=HOSTILE, history=[{"acc": 1}, {"acc": 2}],
    )  # fmt: skip
    code = step.run(sha=SHA, metrics=json.dumps([HOSTILE, "acc"]), config_keys="evil", curves="acc", comment="true",
                     pr_number=step.pull.number, image=HOSTILE.splitlines()[0])  # fmt: skip
    assert code == 0, step.log
    assert_only_text(step, step.comments()[0])
    (row,) = step.rows()
    assert row["run.name"].startswith("'=cmd")
    assert row["_evil"].startswith("'=cmd")
    assert step.outputs()["num-finished"] == "1"


def test_hostile_names_stay_text_in_failures_datasets_checks_and_folds(step: WandbStep) -> None:
    store = step.server.store
    hostile: dict[str, Any] = {"display_name": HOSTILE, "group": HOSTILE, "summary": {"acc": HOSTILE}, "state": "finished"}
    step.candidate("other", **hostile, commit=OTHER)
    run = step.candidate(**hostile)
    run.inputs.append(store.add_artifact(store.project("sandbox", "digits").collection(HOSTILE, HOSTILE), HOSTILE))
    given = {"sha": SHA, "gates": "acc > 0", "aggregate": "group", "comment": "true", "pr_number": step.pull.number}
    for workflow_run in ("77", "78"):
        step.environ["GITHUB_RUN_ID"] = workflow_run
        assert step.run(**given, check_name=HOSTILE.splitlines()[0], metrics="acc", debug="true") == 1, step.log
    (body,) = step.comments()
    assert body.count("❌ Gates failed") == 3, "the report, the fold's title, and the report in it"
    assert_only_text(step, body)
    for summary in (exchange.body["output"]["summary"] for exchange in step.github.requests("POST /repos/*/*/check-runs")):
        assert_only_text(step, summary)
    assert "has no finite value" in step.log.splitlines()[-1]


def test_a_report_beyond_githubs_limit_is_cut_with_a_link_to_the_rest(step: WandbStep) -> None:
    for index in range(60):
        step.candidate(
            f"c{index}", display_name=f"run {index} " + "x" * 100, summary={f"m{i}": "✅" * 30 for i in range(40)}
        )
    metrics = ",".join(f"m{i}" for i in range(40))
    given = {"sha": SHA, "metrics": metrics, "comment": "true", "pr_number": step.pull.number, "check_name": "metrics"}
    assert step.run(**given, config_keys="lr") == 0, step.log
    (body,) = step.comments()
    assert len(body) <= 65_536
    assert f"[the job's summary]({step.github.origin}/octo/digits/actions/runs/77) and in `wandb_report.md`" in body
    summary = step.github.requests("POST /repos/*/*/check-runs")[-1].body["output"]["summary"]
    assert len(summary.encode()) <= 65_535
    assert "Cut to GitHub's limit: all runs" in summary


def test_a_symbolic_link_in_the_checkout_is_replaced_and_not_followed(step: WandbStep, tmp_path: Path) -> None:
    secret = tmp_path / "outside"
    secret.write_text("untouched")
    (step.workspace / "wandb_report.csv").symlink_to(secret)
    step.candidate()
    assert step.run(sha=SHA) == 0
    assert secret.read_text() == "untouched"
    assert not (step.workspace / "wandb_report.csv").is_symlink()


def test_a_folder_outside_the_workspace_is_refused(step: WandbStep, tmp_path: Path) -> None:
    (step.workspace / "reports").symlink_to(tmp_path)
    step.candidate()
    for folder in ("reports", "..", "/etc", "reports/deep"):
        assert step.run(sha=SHA, report_dir=folder) == 2
        assert "leads out of the workspace" in step.log
    assert step.run(sha=SHA, report_dir="deep/er") == 0
    assert step.outputs()["csv"] == "deep/er/wandb_report.csv"


def test_debug_logs_queries_and_answers(step: WandbStep) -> None:
    step.candidate(summary={"acc": "NaN"})
    step.run(sha=SHA, metrics="acc", debug="true")
    assert f'candidates: {{"$or": [{{"config.github_sha": "{SHA}"}}, {{"commit": "{SHA}"}}]}}' in step.log
    assert 'c1 finished {"acc": "NaN"}' in step.log


def test_no_secret_is_in_log_outputs_or_files(step: WandbStep) -> None:
    step.candidate()
    step.run(sha=SHA, comment="true", pr_number=step.pull.number, debug="true")
    key = step.server.api_key
    assert key not in step.log.replace(f"::add-mask::{key}", "")
    assert all(key not in value for value in step.outputs().values())
    assert all(key not in path.read_text() for path in step.workspace.iterdir())
    masked = re.findall(r"^::add-mask::(.*)$", step.log, re.MULTILINE)
    assert {key, base64.b64encode(f"api:{key}".encode()).decode()} <= set(masked)


# Bad input and refusals


BAD = [
    ({}, "no input selects the candidates"),
    ({"sha": "abc"}, "input 'sha' must be a full commit SHA"),
    ({"sha": SHA, "project": "digits"}, "input 'project' must be entity/project"),
    ({"sha": SHA, "project": ""}, "input 'project' is required"),
    ({"sha": SHA, "base_url": "ftp://x"}, "input 'base-url' must be an http(s) address"),
    ({"sha": SHA, "base_url": "https://user:pw@host"}, "input 'base-url' must be"),
    ({"sha": SHA, "base_url": "https://wandb.ai"}, "names W&B's web pages"),
    ({"sha": SHA, "gates": "acc >= 0.9\nacc is good"}, "line 2 is no gate: 'acc is good'"),
    ({"sha": SHA, "gates": "acc >= 90%"}, "line 1 is no gate"),
    ({"sha": SHA, "gates": "acc >= baseline.median"}, "line 1 is no gate"),
    ({"sha": SHA, "gates": "acc => 1"}, "line 1 is no gate"),
    ({"sha": SHA, "metrics": "acc:max, acc:min"}, "two directions"),
    ({"sha": SHA, "filters": "{bad"}, "input 'filters' is not valid JSON"),
    ({"sha": SHA, "filters": "[]"}, "must be a JSON object"),
    ({"sha": SHA, "max_baselines": "-1"}, "input 'max-baselines'"),
    ({"sha": SHA, "wait": "yes"}, "input 'wait' must be true or false"),
    ({"sha": SHA, "timeout": "soon"}, "input 'timeout' must be a duration"),
    ({"sha": SHA, "aggregate": "mean"}, "input 'aggregate' must be one of"),
    ({"run_id": "a/b"}, "input 'run-id' must be the id of a run"),
    ({"group": "g", "check_name": "x"}, "'check-name' needs 'sha'"),
    ({"sha": SHA, "promote_alias": "best"}, "'promote-alias' needs 'gates'"),
    ({"sha": SHA, "gates": "x > baseline with 95% confidence"}, "give 'aggregate: group'"),
    ({"sha": SHA, "gates": "x > baseline with 101% confidence"}, "asks for 101% confidence"),
    ({"sha": SHA, "FILTER_GITHUB_SHA": OTHER}, "two names for one thing"),
    ({"sha": SHA, "api_key": ""}, "there is no W&B API key"),
    ({"sha": SHA, "api_key": "a b"}, "characters that no API key has"),
    ({"sha": SHA, "filters": '{"$where": 1}'}, "W&B has no operator $where"),
    ({"sha": SHA, "filters": '{"displayName": {"$regex": "("}}'}, "does not accept the filter"),
]


@pytest.mark.parametrize(("inputs", "message"), BAD, ids=[message for _, message in BAD])
def test_a_bad_input_is_exit_2_and_named(step: WandbStep, inputs: Any, message: str) -> None:
    step.candidate()
    assert step.run(**inputs) == 2
    last = step.log.rstrip().splitlines()[-1].replace("%25", "%")
    assert last.startswith("::error")
    assert message in last
    assert "%0A" in last, "the second line is the remedy"


@pytest.mark.parametrize(
    ("fault", "code", "message"),
    [
        (Fault(401, "{}", times=9), 3, "refused the API key"),
        (Fault(403, "{}", times=9), 3, "403"),
        (Fault(404, "", times=9), 3, "no GraphQL API"),
        (Fault(429, "{}", {"Retry-After": "0"}, times=9), 4, "answered 429 after 5 attempts"),
        (Fault(429, "{}", {"RateLimit-Remaining": "0", "RateLimit-Reset": "0"}, times=9), 4, "limits how often"),
        (Fault(500, "{}", {"Retry-After": "0"}, times=9), 4, "answered 500 after 5 attempts"),
        (
            Fault(200, '{"data": {"project": {"candidates": null}}, "errors": [{"message": "shard 3 is gone"}]}'),
            4,
            "shard 3",
        ),
        (Fault(200, '{"data": {"project": {}}}'), 4, "lacks the candidates"),
        (Fault(429, "{}", {"Retry-After": "0"}, times=2), 0, "W&B answered 429; trying again in 0 s"),
        (Fault(200, '{"data": {"proj'), 0, "sent no JSON; trying again"),
        (Fault(cut=True), 0, "could not be reached; trying again"),
    ],
)
def test_each_fault_of_the_server_has_its_exit_code(step: WandbStep, fault: Fault, code: int, message: str) -> None:
    step.candidate()
    step.server.faults.append(fault)
    assert step.run(sha=SHA) == code
    assert message in step.log


def test_a_wrong_key_and_a_missing_project_are_refused(step: WandbStep) -> None:
    step.candidate()
    assert step.run(sha=SHA, api_key="0" * 40) == 3
    assert step.run(sha=SHA, project="sandbox/none") == 3
    assert "has no project sandbox/none" in step.log


def test_the_environment_replaces_missing_inputs(step: WandbStep, tmp_path: Path) -> None:
    step.candidate()
    for name in ("INPUT_API-KEY", "INPUT_BASE-URL"):
        del step.environ[name]
    step.environ |= {"WANDB_API_KEY": step.server.api_key, "WANDB_BASE_URL": step.wandb.url}
    assert step.run(sha=SHA) == 0
    del step.environ["WANDB_API_KEY"]
    netrc = tmp_path / "netrc"
    netrc.write_text(f"machine {step.wandb.url.removeprefix('http://')}\n login user\n password {step.server.api_key}\n")
    netrc.chmod(0o600)
    step.environ["NETRC"] = str(netrc)
    assert step.run(sha=SHA) == 0, step.log
    assert f"::add-mask::{step.server.api_key}" in step.log


def test_an_identity_token_is_exchanged_for_an_access_token(step: WandbStep, tmp_path: Path) -> None:
    step.candidate()
    token = tmp_path / "token"
    token.write_text(step.server.identity_token + "\n")
    step.environ |= {"WANDB_IDENTITY_TOKEN_FILE": str(token)}
    assert step.run(sha=SHA) == 2
    assert "both an API key and WANDB_IDENTITY_TOKEN_FILE" in step.log
    del step.environ["INPUT_API-KEY"]
    assert step.run(sha=SHA) == 0, step.log
    sent = step.server.requests[-1].headers["authorization"].removeprefix("Bearer ")
    assert {f"::add-mask::{sent}", f"::add-mask::{step.server.identity_token}"} <= set(step.log.splitlines())
    token.write_text("another.jwt.here")
    assert step.run(sha=SHA) == 3
    assert "did not accept the identity token (400)" in step.log
    token.unlink()
    assert step.run(sha=SHA) == 2


def test_the_first_request_does_not_wait_for_the_code_that_follows_the_answer() -> None:
    script = f"import sys; import mlops_actions.wandb_runs.run; print({CONCLUSION!r} in sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_a_run_without_comment_imports_no_sdk(step: WandbStep) -> None:
    step.candidate()
    environ = {**os.environ, **step.environ, "INPUT_SHA": SHA, "INPUT_GATES": "acc >= 0.99"}
    script = (
        "import sys; from mlops_actions.__main__ import main; code = main(['wandb-runs']);"
        "print('LOADED', [name for name in ('wandb', 'github', 'requests', 'numpy') if name in sys.modules]); sys.exit(code)"
    )
    done = subprocess.run([sys.executable, "-c", script], env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "LOADED []" in done.stdout
    assert "::error" in done.stdout
    assert math.isclose(json.loads(step.outputs()["result"])["gate-results"][0]["value"], 0.9)
