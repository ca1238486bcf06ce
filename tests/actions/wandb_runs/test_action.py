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
from mlops_actions.wandb_runs.run import run as run_action
from mlops_sandbox.wandb import Fault
from tests.actions.wandb_runs.world import NOW, OTHER, SHA, World
from tests.support.clock import FakeClock
from tests.support.forking import Forker
from tests.support.result_schemas import check_result
from tests.support.wandb import MODULES

HOSTILE = "=cmd|' /C calc'!A0 | `x` </details> ![i](http://evil) @team #1\n::set-output name=x::y\u202egnp"


# The main path


def test_the_report_of_a_commit_against_its_baselines(world: World) -> None:
    world.candidate("c1", summary={"acc": 0.95, "loss": 0.2}, commit=SHA)
    world.candidate("c2", summary={"acc": 0.93, "loss": 0.4}, commit=SHA, age=1)
    world.baseline("b1", summary={"acc": 0.94, "loss": 0.25}, age=60)
    world.baseline("b2", summary={"acc": 0.90, "loss": 0.35}, age=120)
    world.baseline("unfinished", state="running", age=3)
    code = world.run(
        sha=SHA,
        baseline_tags="baseline",
        metrics="acc:max, loss",
        config_keys="lr",
        comment="true",
        pr_number=world.pull.number,
        image="ghcr.io/octo/digits@sha256:" + "1" * 64,
        workflow_url="https://argo.example/workflows/ml/train-1",
    )
    assert code == 0, world.log
    outputs = world.outputs()
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
        "best-run-url": f"{world.wandb.url}/sandbox/digits/runs/c1",
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
    assert [row["run.id"] for row in world.rows()] == ["c1", "c2", "b1", "b2"]
    (body,) = world.comments()
    report = (world.workspace / "wandb_report.md").read_text().replace("\u00a0", " ")
    assert body.endswith(report.strip()) or report.strip() in body
    assert world.summary().strip() == report.strip()
    assert (
        report.splitlines()[0] == "### 📊 2 runs finished for `aaaaaaa`: better on 2 of 2 metrics against the best baseline"
    )
    assert f"[c1]({world.wandb.url}/sandbox/digits/runs/c1)" in report
    assert "| `acc` ↑ | **0.95** | 0.94<br>+0.01 (+1.06 %) 🟢 | 0.92<br>" in report
    assert "✅ recorded by W&B for all 2 candidates" in report
    assert "sha256:" + "1" * 64 in report
    assert "https://argo.example/workflows/ml/train-1" in report
    assert outputs["comment-url"].startswith(f"{world.github.origin}/octo/digits/pull/{world.pull.number}#")
    assert len(world.server.requests) == 2


def test_the_comment_is_updated_in_place_and_another_tag_has_its_own(world: World) -> None:
    world.candidate()
    first = {"sha": SHA, "comment": "true", "pr_number": world.pull.number}
    world.run(**first)
    address = world.outputs()["comment-url"]
    world.candidate("c2")
    world.run(**first)
    assert world.outputs()["comment-url"] == address
    (body,) = world.comments()
    assert "2 runs finished" in body
    world.run(**first, comment_tag="nightly")
    assert len(world.comments()) == 2


def test_the_report_of_an_earlier_workflow_run_is_folded_below_the_new_one(world: World) -> None:
    world.candidate()
    given = {"sha": SHA, "comment": "true", "pr_number": world.pull.number, "metrics": "acc", "gates": "acc > 0.95"}
    world.run(**given)
    world.candidate("c2", summary={"acc": 0.99})
    world.environ["GITHUB_RUN_ID"] = "78"
    world.run(**given)
    (body,) = world.comments()
    report = (world.workspace / "wandb_report.md").read_text().replace("\u00a0", " ")
    newest, _, earlier = body.partition("<!-- mlops-actions-earlier -->")
    assert report.strip() in newest
    assert newest.startswith("<!-- mlops-actions:mlops -->\n<!-- mlops-actions-run:78 -->\n### ✅ The gate passed")
    assert re.search(r"<summary>\S+: ❌ Gates failed for aaaaaaa: acc is 0.9, required is &gt; 0.95</summary>", earlier)
    assert "| ❌ failed | `acc > 0.95` | 0.9 |" in earlier


EVENTS: dict[str, tuple[str, Callable[[World], dict[str, Any]]]] = {
    "issue comment": ("issue_comment", lambda world: world.pull.comment(by="ada", body="/train").payload),
    "pull request": (
        "pull_request",
        lambda world: {**world.pull.comment(by="ada", body="x").payload, "pull_request": pull_request(world)},
    ),
    "dispatch": ("workflow_dispatch", lambda world: {"inputs": {"pr-number": str(world.pull.number)}}),
    "dispatch with a hash": ("workflow_dispatch", lambda world: {"inputs": {"pr-number": f"#{world.pull.number}"}}),
    "repository dispatch": ("repository_dispatch", lambda world: {"client_payload": {"pr-number": world.pull.number}}),
    "merge group": (
        "merge_group",
        lambda world: {"merge_group": {"head_ref": f"refs/heads/gh-readonly-queue/main/pr-{world.pull.number}-{OTHER}"}},
    ),
    "workflow run with its pull request": (
        "workflow_run",
        lambda world: {"workflow_run": {"head_sha": SHA, "pull_requests": [{"number": world.pull.number}]}},
    ),
    "workflow run by its commit": ("workflow_run", lambda _: {"workflow_run": {"head_sha": SHA, "pull_requests": []}}),
    "push by its commit": ("push", lambda _: {"after": SHA}),
}


@pytest.mark.parametrize("event", EVENTS)
def test_the_comment_goes_to_the_events_pull_request(world: World, event: str, tmp_path: Path) -> None:
    name, payload = EVENTS[event]
    world.candidate()
    (tmp_path / "event.json").write_text(json.dumps(payload(world)))
    world.environ["GITHUB_EVENT_NAME"] = name
    assert world.run(sha=SHA, comment="true") == 0, world.log
    assert "1 run finished" in world.comments()[-1]


def pull_request(world: World) -> dict[str, Any]:
    side = {"ref": "x", "sha": SHA, "repo": {"id": 1, "full_name": "octo/digits"}}
    user = {"login": "ada", "type": "User"}
    return {"number": world.pull.number, "state": "open", "user": user, "head": side, "base": side, "html_url": ""}


def test_outside_of_a_workflow_there_is_no_event_and_no_comment(world: World) -> None:
    world.candidate()
    world.environ["GITHUB_EVENT_PATH"] = ""
    assert world.run(sha=SHA, comment="true") == 0, world.log
    assert "belongs to no pull request" in world.log


def test_without_write_access_the_report_is_in_the_summary_and_a_warning_says_why(world: World) -> None:
    token = world.github.workflow_token(world.repository, {"pull-requests": "write", "checks": "write"}, from_fork=True)
    world.environ["INPUT_GITHUB-TOKEN"] = token.value
    world.candidate()
    assert world.run(sha=SHA, comment="true", pr_number=world.pull.number, check_name="metrics") == 0
    assert world.comments() == []
    assert "1 run finished" in world.summary()
    assert "::warning" in world.log
    assert "Resource not accessible by integration" in world.log
    assert "no comment was written" in json.loads(world.outputs()["result"])["notes"][0]


@pytest.mark.parametrize(
    ("change", "code"), [({"github_token": "ghs_wrong"}, 3), ({"pr_number": 4711}, 3), ({"promote_alias": "best"}, 3)]
)
def test_a_failure_after_the_report_is_written_keeps_the_outputs(world: World, change: dict[str, Any], code: int) -> None:
    world.candidate()
    given = {"sha": SHA, "comment": "true", "pr_number": world.pull.number, "gates": "acc >= 0.1", **change}
    assert world.run(**given) == code
    assert world.outputs()["gate"] == "passed"
    assert world.rows()
    assert world.log.rstrip().splitlines()[-1].startswith("::error")


def test_without_a_pull_request_there_is_a_warning_and_no_comment(world: World) -> None:
    world.candidate()
    assert world.run(sha=SHA, comment="true") == 0
    assert "belongs to no pull request" in world.log


def test_two_jobs_that_comment_at_once_leave_one_comment(world: World, tmp_path: Path) -> None:
    world.candidate()
    environ = {**world.environ, "INPUT_SHA": SHA, "INPUT_COMMENT": "true", "INPUT_PR-NUMBER": str(world.pull.number)}

    def job(number: int) -> int:
        (folder := tmp_path / f"job{number}").mkdir()
        own = {"GITHUB_RUN_ID": str(number), "GITHUB_WORKSPACE": str(folder), "GITHUB_OUTPUT": str(folder / "output")}
        with Forker(*MODULES) as forker:
            return forker.run(["wandb-runs"], {**environ, **own}, folder / "log", folder=folder)

    with ThreadPoolExecutor() as pool:
        assert list(pool.map(job, (1, 2))) == [0, 0]
    (body,) = world.comments()
    assert "1 run finished" in body


def test_a_deleted_comment_is_created_again(world: World) -> None:
    world.candidate()
    given = {"sha": SHA, "comment": "true", "pr_number": world.pull.number}
    world.run(**given)
    world.pull.delete_comment(world.pull.comments[0])
    assert world.run(**given) == 0
    assert len(world.comments()) == 1


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
def test_a_gate_passes_or_fails_with_its_numbers(world: World, gate: str, passes: bool) -> None:
    world.candidate(
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
    world.baseline("new", summary={"acc": 0.93, "loss": 0.3, "nan": 1}, age=10)
    world.baseline("old", summary={"acc": 0.94, "loss": 0.25, "nan": 1}, age=20)
    code = world.run(sha=SHA, baseline_tags="baseline", gates=gate)
    assert code == (0 if passes else 1), world.log
    assert world.outputs()["gate"] == ("passed" if passes else "failed")
    first = world.summary().splitlines()[0]
    assert first.startswith("### ✅ The gate passed" if passes else "### ❌ Gates failed")
    if not passes:
        assert world.log.rstrip().splitlines()[-1].startswith("::error")
        assert gate.replace("%", "%25") in world.log


def test_all_gates_are_evaluated_on_the_same_run(world: World) -> None:
    world.candidate("accurate", summary={"acc": 0.99, "latency": 9})
    world.candidate("fast", summary={"acc": 0.80, "latency": 1})
    assert world.run(sha=SHA, metrics="acc,latency", gates="acc >= 0.95\nlatency <= 2") == 1
    assert world.outputs()["best-run-id"] == "accurate"


def test_gates_without_a_finished_candidate_fail(world: World) -> None:
    world.candidate(state="failed")
    assert world.run(sha=SHA, gates="acc >= 0") == 1
    assert world.outputs()["gate"] == "failed"
    assert "no candidate finished" in world.summary()


def test_no_candidate_is_a_warning_and_with_gates_a_failure(world: World) -> None:
    world.server.store.project("sandbox", "digits")
    assert world.run(sha=SHA) == 0
    outputs = world.outputs()
    assert (outputs["num-candidates"], outputs["complete"], outputs["gate"]) == ("0", "false", "none")
    assert outputs["verified"] == "false"
    assert "::warning" in world.log
    assert "No run found for `aaaaaaa`" in world.summary()
    assert (world.workspace / "wandb_report.csv").read_text().startswith("run.url,run.name,run.tags,run.id")
    assert world.run(sha=SHA, gates="acc >= 0") == 1


def test_a_check_run_is_concluded_by_the_gates(world: World) -> None:
    world.candidate(summary={"acc": 0.5})
    world.run(sha=SHA, gates="acc >= 0.9", check_name="metrics")
    world.run(sha=SHA, gates="acc >= 0.1", check_name="metrics")
    world.run(sha=SHA, check_name="metrics")
    bodies = [exchange.body for exchange in world.github.requests("PATCH /repos/*/*/check-runs/*")]
    assert [body["conclusion"] for body in bodies] == ["failure", "success", "neutral"]
    assert bodies[0]["output"]["title"] == "0 of 1 gate passed"


# Choosing


def test_runs_are_chosen_by_config_or_by_recorded_commit(world: World) -> None:
    world.candidate("by config")
    world.server.store.add_run("sandbox", "digits", name="by commit", commit=SHA)
    world.server.store.add_run("sandbox", "digits", name="other", commit=OTHER)
    world.run(sha=SHA)
    assert {row["run.id"] for row in world.rows()} == {"by config", "by commit"}


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
def test_candidates_are_selected_by_the_inputs(world: World, inputs: Any, chosen: Any) -> None:
    world.candidate("c1")
    world.candidate("c2", group="seeds")
    world.candidate("c3", config={"secondary_sha": "v2"}, tags=["best"])
    world.server.store.add_run(
        "sandbox", "digits", name="other", group="seeds", config={"lr": 0.01, "github_sha": OTHER, "revision": SHA}
    )
    assert world.run(**inputs) == 0, world.log
    assert {row["run.id"] for row in world.rows()} == chosen


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
def test_the_older_name_has_no_limit_of_baselines(world: World, inputs: Any, count: int) -> None:
    world.candidate("c1")
    for number in range(12):
        world.baseline(f"b{number}", age=10 + number)
    world.run(sha=SHA, **inputs)
    assert world.outputs()["num-baselines"] == world.outputs()["NUM_BASELINES"] == str(count)


@pytest.mark.parametrize(("inputs", "chosen"), BASELINES, ids=str)
def test_baselines_are_selected_by_tags_or_commit(world: World, inputs: Any, chosen: Any) -> None:
    world.candidate("c1", tags=["baseline"], age=1)
    world.baseline("b2", age=20)
    world.baseline("b1", age=10)
    world.baseline("b3", age=30).tags = ["baseline", "reference"]
    world.baseline("failed", state="failed", age=5)
    world.run(sha=SHA, **inputs)
    ids = [row["run.id"] for row in world.rows() if row["__eval.category"] == "baseline"]
    assert ids == chosen
    assert world.outputs()["num-baselines"] == str(len(chosen))


STATES = [
    (["finished"], {"complete": "true", "single-run": "true", "num-finished": "1"}),
    (["finished", "finished"], {"complete": "true", "single-run": "false"}),
    (["finished", "running"], {"complete": "false", "single-run": "true", "num-running": "1"}),
    (["running"], {"complete": "false", "NUM_RUNNING": "1"}),
    (["pending", "preempting"], {"complete": "false", "num-running": "2"}),
    (["crashed", "failed", "killed", "preempted"], {"num-crashed": "1", "num-failed": "1", "num-killed": "2"}),
    (["failed", "killed"], {"NUM_ABORTED": "2", "NUM_CRASHED": "0", "BOOL_COMPLETE": "False"}),
    (["finished", "crashed"], {"complete": "true", "num-crashed": "1", "BOOL_COMPLETE": "True"}),
]


@pytest.mark.parametrize(("states", "expected"), STATES, ids=str)
def test_candidates_are_counted_by_state(world: World, states: list[str], expected: Any) -> None:
    for index, state in enumerate(states):
        world.candidate(f"c{index}", state=state)
    world.run(sha=SHA)
    outputs = world.outputs()
    assert {name: outputs[name] for name in expected} == expected
    assert outputs["num-candidates"] == str(len(states))


# Waiting


def test_waiting_polls_states_until_enough_runs_have_ended(world: World, tmp_path: Path) -> None:
    run = world.candidate(state="running")

    def end() -> None:
        run.state = "finished"

    clock = FakeClock(lambda: world.candidate("c2", state="pending"), end, lambda: world.server.store.project(
        "sandbox", "digits").runs["c2"].finish(1, NOW))  # fmt: skip
    given = {"INPUT_SHA": SHA, "INPUT_WAIT": "true", "INPUT_MIN-RUNS": "2", "INPUT_TIMEOUT": "5m"}
    runner = GitHubRunner(world.environ, io.StringIO())
    server = Server(world.wandb.url, world.wandb.url, world.server.api_key)
    tracker = WandbProject("sandbox/digits", server, runner, pause=clock.sleep)
    outcome = run_action(
        read(Inputs, {**world.environ, **given}),
        Context.from_environ(world.environ),
        None,
        Ports(
            tracker=tracker,
            publisher=None,
            workspace=WorkspaceFiles(world.workspace),
            runner=runner,
            clock=clock,
        ),
    )
    assert clock.slept == [20, 20, 20]
    assert outcome.error is None
    assert (outcome.outputs["num-finished"], outcome.outputs["num-failed"]) == ("1", "1")
    polls = [exchange for exchange in world.server.requests if b"summaryMetrics" not in exchange.body]
    assert len(polls) >= 4, "only the last request reads metrics"


def test_waiting_ends_at_once_when_all_have_ended(world: World) -> None:
    world.candidate()
    world.candidate("c2", state="failed")
    assert world.run(sha=SHA, wait="true", min_runs=2) == 0


def test_a_run_without_a_recent_heartbeat_is_not_waited_for(world: World) -> None:
    world.candidate(state="running", heartbeat=NOW - timedelta(hours=1), created=NOW - timedelta(hours=2))
    assert world.run(sha=SHA, wait="true") == 0
    assert world.outputs()["num-crashed"] == "1"


@pytest.mark.parametrize(("states", "least"), [(["running"], 1), (["finished"], 2), ([], 1)], ids=str)
def test_a_timeout_is_exit_5_with_outputs(world: World, states: list[str], least: int) -> None:
    world.server.store.project("sandbox", "digits")
    for index, state in enumerate(states):
        world.candidate(f"c{index}", state=state)
    assert world.run(sha=SHA, wait="true", min_runs=least, timeout="0s", gates="acc >= 0") == 5
    assert world.outputs()["num-candidates"] == str(len(states))
    assert "timeout" in world.log


def test_nothing_is_promoted_while_candidates_are_running(world: World) -> None:
    world.candidate()
    world.candidate("c2", state="running")
    given = {"sha": SHA, "wait": "true", "timeout": "0s", "gates": "acc >= 0", "check_name": "metrics"}
    assert world.run(**given, promote_alias="best") == 5
    assert json.loads(world.outputs()["result"])["promoted"] is None
    assert world.github.requests("PATCH /repos/*/*/check-runs/*")[-1].body["conclusion"] == "timed_out"


# Trust


TRUST = [
    ([{"commit": SHA}], "true", "✅ recorded by W&B"),
    ([{}], "false", "1 of 1 only claimed by the run's config"),
    ([{"commit": OTHER}], "false", "1 of 1 ❌ contradicted"),
    ([{"commit": SHA, "config": {"github_sha": OTHER}}], "false", "❌ contradicted"),
    ([{"commit": SHA}, {}], "false", "1 of 2 recorded by W&B, 1 of 2 only claimed"),
]


@pytest.mark.parametrize(("runs", "verified", "text"), TRUST)
def test_candidates_are_verified_by_the_recorded_commit(world: World, runs: Any, verified: str, text: str) -> None:
    for index, run in enumerate(runs):
        world.candidate(f"c{index}", **run)
    world.run(sha=SHA)
    assert world.outputs()["verified"] == verified
    assert text in world.summary()
    assert ("WANDB_GIT_COMMIT" in world.summary()) == ("claimed" in text)


def test_uncommitted_changes_are_shown(world: World) -> None:
    run = world.candidate(commit=SHA)
    run.files["diff.patch"] = world.server.store.new_blob()
    world.server.store.blobs[run.files["diff.patch"]] = b"--- a/train.py"
    world.run(sha=SHA)
    assert "1 run from a tree with uncommitted changes" in world.summary()


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
    world: World, candidates: Any, baselines: Any, same: str, text: str
) -> None:
    store = world.server.store
    collection = store.project("sandbox", "digits").collection("mnist", "dataset")
    versions = {digest: store.add_artifact(collection, digest) for digest in ("one", "two")}
    model = store.add_artifact(store.project("sandbox", "digits").collection("start", "model"), "m1")
    for index, digest in enumerate(candidates):
        run = world.candidate(f"c{index}")
        run.inputs += [model, *([versions[digest]] if digest else [])]
    for index, digest in enumerate(baselines):
        world.baseline(f"b{index}", age=9).inputs += [versions[digest]] if digest else []
    world.run(sha=SHA, baseline_tags="baseline")
    assert world.outputs()["same-data"] == same
    assert text in world.summary()
    world.run(sha=SHA, baseline_tags="baseline", lineage="false")
    assert world.outputs()["same-data"] == ""


# Seeds


def test_a_group_of_seeds_is_compared_by_its_mean_and_noise_is_named(world: World) -> None:
    for index, value in enumerate((0.93, 0.95, 0.97)):
        world.candidate(f"c{index}", group="wide", summary={"acc": value, "loss": value})
        world.baseline(f"b{index}", group="old", summary={"acc": value - 0.2, "loss": value}, age=9)
    given = {"sha": SHA, "baseline_tags": "baseline", "metrics": "acc:max, loss:min", "aggregate": "group"}
    assert world.run(**given, gates="acc >= 0.96") == 1, "the mean is 0.95, whatever the luckiest seed had"
    assert world.run(**given, gates="acc >= 0.94\nacc >= baseline + 0.19") == 0
    report = world.summary()
    assert f"[wide \\(n = 3\\)]({world.wandb.url}/sandbox/digits/runs/c2)" in report
    assert "| `acc` ↑ | 0.95 ± 0.02 (n = 3) | 0.75 ± 0.02 (n = 3) | +0.2 |" in report
    assert "better by more than noise" in report
    assert "no more than noise" in report
    assert world.outputs()["best-run-id"] == "c2"
    assert json.loads(world.outputs()["result"])["seeds"][0]["verdict"] == "better by more than noise"
    assert len(world.rows()) == 6


# Values


def test_values_of_every_type_are_shown_unchanged(world: World) -> None:
    world.candidate(
        summary={"a": "NaN", "b": "Infinity", "c": "text | `x`", "d": True, "e": [1, 2], "f": {"min": 0.5}, "g": 10**400,
                 "h": None, "i": -0.5, "j": 1e-9, "k": 123456.789},
        config={"deep": {"er": 1}, "list": [1, "x"], "_x": 5, "x": 6},
    )  # fmt: skip
    names = "a,b,c,d,e,f,g,h,i,j,k,absent,_x"
    assert world.run(sha=SHA, metrics=names, config_keys="deep.er,list,x,lr") == 0, world.log
    (row,) = world.rows()
    assert (row["a"], row["b"], row["c"], row["d"], row["e"]) == ("nan", "inf", "text | `x`", "True", "[1, 2]")
    assert (row["f"], row["h"], row["i"], row["absent"]) == ("0.5", "", "-0.5", "")
    assert (row["_deep.er"], row["_list"], row["_lr"]) == ("1", '[1, "x"]', "0.1")
    assert (row["_x"], row["_x (config)"]) == ("", "6")
    report = world.summary()
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
    json.loads((world.workspace / "wandb_report.json").read_text(), parse_constant=lambda name: pytest.fail(name))
    json.loads(world.outputs()["result"], parse_constant=lambda name: pytest.fail(name))


def test_the_csv_has_the_columns_of_the_replaced_action(world: World) -> None:
    world.candidate(
        "c1", tags=["a", "b's"], description="why", summary={"loss": 0.5, "best_val_loss": 0.4, "accuracy": 0.9,
        "best_val_acc": 0.91, "_runtime": 12},
    )  # fmt: skip
    world.baseline(summary={"loss": 0.6}, age=3)
    code = world.run(
        PROJECT_NAME="sandbox/digits",
        FILTER_GITHUB_SHA=SHA,
        BASELINE_TAGS="['baseline', 'reference']",
        DISPLAY_METRICS="['accuracy', 'loss', 'best_val_acc', 'best_val_loss', '_runtime', 'loss']",
        DISPLAY_CONFIG_VARS="['lr', 'epochs']",
        WANDB_API_KEY=world.server.api_key,
    )
    assert code == 0, world.log
    header = (world.workspace / "wandb_report.csv").read_text().splitlines()[0]
    assert header == (
        "run.url,run.name,run.tags,run.id,run.entity,run.project,github_sha,run.description,"
        "accuracy,loss,best_val_acc,best_val_loss,_runtime,_lr,_epochs,__eval.category"
    )
    first, second = world.rows()
    assert (first["run.tags"], first["run.entity"], first["run.project"]) == (str(["a", "b's"]), "sandbox", "digits")
    assert (first["github_sha"], first["_runtime"], first["__eval.category"]) == (SHA, "12", "candidate")
    assert (second["loss"], second["accuracy"], second["__eval.category"]) == ("0.6", "", "baseline")


def test_curves_are_drawn_for_candidate_and_baseline(world: World) -> None:
    world.candidate(history=[{"loss": 1 / (step + 1)} for step in range(50)])
    world.baseline(history=[{"loss": 2 / (step + 1)} for step in range(20)], age=5)
    world.run(sha=SHA, baseline_tags="baseline", curves="loss\nabsent")
    report = world.summary()
    assert report.count("```mermaid") == 1
    assert "xychart-beta" in report
    assert len(re.findall(r"^  line \[", report, re.MULTILINE)) == 2
    assert "🟦 candidate [c1]" in report
    assert "🟧 baseline [b1]" in report
    assert "ends at step 19, flat from there" in report
    assert "No run shown here has a history of `absent`" in report
    assert len(world.server.requests) == 2


# Hostile


def assert_only_text(world: World, body: str) -> None:
    """Assert that no hostile name became mark-up, a mention, a foreign link or a workflow command."""
    html = MarkdownIt("gfm-like", {"html": True, "linkify": False}).render(body)
    prose = re.sub(r"<code.*?</code>", "", html, flags=re.DOTALL)
    assert "<img" not in html
    assert set(re.findall(r'href="(http[^"]*)"', html)) <= {
        f"{world.wandb.url}/sandbox/digits/runs/c1",
        f"{world.wandb.url}/sandbox/digits",
        f"{world.github.origin}/octo/digits/commit/{SHA}",
        *(f"{world.github.origin}/octo/digits/actions/runs/{run}" for run in (77, 78)),
    }
    assert prose.count("<details") == prose.count("</details>")
    assert not re.search(r"@team|#1\b", prose)
    assert "\u202e" not in body
    assert not re.search(r"^::set-output", world.log, re.MULTILINE)


def test_hostile_names_stay_text_everywhere(world: World) -> None:
    world.candidate(
        display_name=HOSTILE, summary={HOSTILE.replace(",", ""): HOSTILE, "acc": 1}, tags=[HOSTILE], description=HOSTILE,
        config={"evil": HOSTILE}, group=HOSTILE, history=[{"acc": 1}, {"acc": 2}],
    )  # fmt: skip
    code = world.run(sha=SHA, metrics=json.dumps([HOSTILE, "acc"]), config_keys="evil", curves="acc", comment="true",
                     pr_number=world.pull.number, image=HOSTILE.splitlines()[0])  # fmt: skip
    assert code == 0, world.log
    assert_only_text(world, world.comments()[0])
    (row,) = world.rows()
    assert row["run.name"].startswith("'=cmd")
    assert row["_evil"].startswith("'=cmd")
    assert world.outputs()["num-finished"] == "1"


def test_hostile_names_stay_text_in_failures_datasets_checks_and_folds(world: World) -> None:
    store = world.server.store
    run = world.candidate(display_name=HOSTILE, group=HOSTILE, summary={"acc": HOSTILE}, state="finished", commit=OTHER)
    run.inputs.append(store.add_artifact(store.project("sandbox", "digits").collection(HOSTILE, HOSTILE), HOSTILE))
    given = {"sha": SHA, "gates": "acc > 0", "aggregate": "group", "comment": "true", "pr_number": world.pull.number}
    for workflow_run in ("77", "78"):
        world.environ["GITHUB_RUN_ID"] = workflow_run
        assert world.run(**given, check_name=HOSTILE.splitlines()[0], metrics="acc", debug="true") == 1, world.log
    (body,) = world.comments()
    assert body.count("❌ Gates failed") == 3, "the report, the fold's title, and the report in it"
    assert_only_text(world, body)
    for summary in (
        exchange.body["output"]["summary"] for exchange in world.github.requests("PATCH /repos/*/*/check-runs/*")
    ):
        assert_only_text(world, summary)
    assert "has no finite value" in world.log.splitlines()[-1]


def test_a_report_beyond_githubs_limit_is_cut_with_a_link_to_the_rest(world: World) -> None:
    for index in range(60):
        world.candidate(
            f"c{index}", display_name=f"run {index} " + "x" * 100, summary={f"m{i}": "✅" * 30 for i in range(40)}
        )
    metrics = ",".join(f"m{i}" for i in range(40))
    given = {"sha": SHA, "metrics": metrics, "comment": "true", "pr_number": world.pull.number, "check_name": "metrics"}
    assert world.run(**given, config_keys="lr") == 0, world.log
    (body,) = world.comments()
    assert len(body) <= 65_536
    assert f"[the job's summary]({world.github.origin}/octo/digits/actions/runs/77) and in `wandb_report.md`" in body
    summary = world.github.requests("PATCH /repos/*/*/check-runs/*")[-1].body["output"]["summary"]
    assert 50_000 < len(summary.encode()) <= 65_535


def test_a_symbolic_link_in_the_checkout_is_replaced_and_not_followed(world: World, tmp_path: Path) -> None:
    secret = tmp_path / "outside"
    secret.write_text("untouched")
    (world.workspace / "wandb_report.csv").symlink_to(secret)
    world.candidate()
    assert world.run(sha=SHA) == 0
    assert secret.read_text() == "untouched"
    assert not (world.workspace / "wandb_report.csv").is_symlink()


def test_a_folder_outside_the_workspace_is_refused(world: World, tmp_path: Path) -> None:
    (world.workspace / "reports").symlink_to(tmp_path)
    world.candidate()
    for folder in ("reports", "..", "/etc", "reports/deep"):
        assert world.run(sha=SHA, report_dir=folder) == 2
        assert "leads out of the workspace" in world.log
    assert world.run(sha=SHA, report_dir="deep/er") == 0
    assert world.outputs()["csv"] == "deep/er/wandb_report.csv"


def test_debug_logs_queries_and_answers(world: World) -> None:
    world.candidate(summary={"acc": "NaN"})
    world.run(sha=SHA, metrics="acc", debug="true")
    assert f'candidates: {{"$or": [{{"config.github_sha": "{SHA}"}}, {{"commit": "{SHA}"}}]}}' in world.log
    assert 'c1 finished {"acc": "NaN"}' in world.log


def test_no_secret_is_in_log_outputs_or_files(world: World) -> None:
    world.candidate()
    world.run(sha=SHA, comment="true", pr_number=world.pull.number, debug="true")
    key = world.server.api_key
    assert key not in world.log.replace(f"::add-mask::{key}", "")
    assert all(key not in value for value in world.outputs().values())
    assert all(key not in path.read_text() for path in world.workspace.iterdir())
    masked = re.findall(r"^::add-mask::(.*)$", world.log, re.MULTILINE)
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
    ({"sha": SHA, "FILTER_GITHUB_SHA": OTHER}, "two names for one thing"),
    ({"sha": SHA, "api_key": ""}, "there is no W&B API key"),
    ({"sha": SHA, "api_key": "a b"}, "characters that no API key has"),
    ({"sha": SHA, "filters": '{"$where": 1}'}, "does not accept the filter"),
]


@pytest.mark.parametrize(("inputs", "message"), BAD, ids=[message for _, message in BAD])
def test_a_bad_input_is_exit_2_and_named(world: World, inputs: Any, message: str) -> None:
    world.candidate()
    assert world.run(**inputs) == 2
    last = world.log.rstrip().splitlines()[-1].replace("%25", "%")
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
def test_each_fault_of_the_server_has_its_exit_code(world: World, fault: Fault, code: int, message: str) -> None:
    world.candidate()
    world.server.faults.append(fault)
    assert world.run(sha=SHA) == code
    assert message in world.log


def test_a_wrong_key_and_a_missing_project_are_refused(world: World) -> None:
    world.candidate()
    assert world.run(sha=SHA, api_key="0" * 40) == 3
    assert world.run(sha=SHA, project="sandbox/none") == 3
    assert "has no project sandbox/none" in world.log


def test_the_environment_replaces_missing_inputs(world: World, tmp_path: Path) -> None:
    world.candidate()
    for name in ("INPUT_API-KEY", "INPUT_BASE-URL"):
        del world.environ[name]
    world.environ |= {"WANDB_API_KEY": world.server.api_key, "WANDB_BASE_URL": world.wandb.url}
    assert world.run(sha=SHA) == 0
    del world.environ["WANDB_API_KEY"]
    netrc = tmp_path / "netrc"
    netrc.write_text(f"machine {world.wandb.url.removeprefix('http://')}\n login user\n password {world.server.api_key}\n")
    netrc.chmod(0o600)
    world.environ["NETRC"] = str(netrc)
    assert world.run(sha=SHA) == 0, world.log
    assert f"::add-mask::{world.server.api_key}" in world.log


def test_an_identity_token_is_exchanged_for_an_access_token(world: World, tmp_path: Path) -> None:
    world.candidate()
    token = tmp_path / "token"
    token.write_text(world.server.identity_token + "\n")
    world.environ |= {"WANDB_IDENTITY_TOKEN_FILE": str(token)}
    assert world.run(sha=SHA) == 2
    assert "both an API key and WANDB_IDENTITY_TOKEN_FILE" in world.log
    del world.environ["INPUT_API-KEY"]
    assert world.run(sha=SHA) == 0, world.log
    sent = world.server.requests[-1].headers["authorization"].removeprefix("Bearer ")
    assert {f"::add-mask::{sent}", f"::add-mask::{world.server.identity_token}"} <= set(world.log.splitlines())
    token.write_text("another.jwt.here")
    assert world.run(sha=SHA) == 3
    assert "did not accept the identity token (400)" in world.log
    token.unlink()
    assert world.run(sha=SHA) == 2


def test_a_run_without_comment_imports_no_sdk(world: World) -> None:
    world.candidate()
    environ = {**os.environ, **world.environ, "INPUT_SHA": SHA, "INPUT_GATES": "acc >= 0.99"}
    script = (
        "import sys; from mlops_actions.__main__ import main; code = main(['wandb-runs']);"
        "print('LOADED', [name for name in ('wandb', 'github', 'requests', 'numpy') if name in sys.modules]); sys.exit(code)"
    )
    done = subprocess.run([sys.executable, "-c", script], env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "LOADED []" in done.stdout
    assert "::error" in done.stdout
    assert math.isclose(json.loads(world.outputs()["result"])["gate-results"][0]["value"], 0.9)
