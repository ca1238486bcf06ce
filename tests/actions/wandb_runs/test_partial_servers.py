"""wandb-runs on servers that know less than W&B, and on summaries that lag behind the end of a run."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from mlops_actions.boundary.runner import GitHubRunner
from mlops_actions.boundary.wandb.project import WandbProject
from mlops_actions.boundary.wandb.server import Server
from mlops_actions.boundary.workspace import WorkspaceFiles
from mlops_actions.core.context import Context
from mlops_actions.core.declare import read
from mlops_actions.core.errors import WorkFailed
from mlops_actions.core.outcome import Outcome
from mlops_actions.wandb_runs.inputs import Inputs
from mlops_actions.wandb_runs.ports import Ports
from mlops_actions.wandb_runs.run import run as run_action
from mlops_sandbox.wandb import Fault, Quirks, Refusal
from tests.actions.wandb_runs.step import OTHER, SHA, WandbStep
from tests.support.clock import FakeClock
from tests.support.wandb import WandbHost
from tests.support.wandb_parts import OPTIONAL

GIVEN: dict[str, Any] = {
    "sha": SHA,
    "metrics": "acc:max, loss:min",
    "config_keys": "lr",
    "baseline_tags": "baseline",
    "gates": "acc >= baseline",
    "curves": "loss",
    "comment": "true",
}
# Parts that a report can do without, each with a word of what it then says is missing.
LOSSES = {
    "Run.displayName": "by their ids",
    "Run.tags": "tags",
    "Run.commit": "recorded the commit",
    "Run.group": "groups",
    "Run.createdAt": "newest",
    "Run.heartbeatAt": "died",
    "Run.description": "descriptions",
    "Run.sweepName": "sweeps",
    "Run.config(keys)": "whole configs",
    "Run.summaryMetrics(keys)": "whole summaries",
    "Run.files": "uncommitted changes",
    "Run.files(names)": "uncommitted changes",
    "File.sizeBytes": "uncommitted changes",
    "Run.inputArtifacts": "datasets",
    "Artifact.digest": "datasets",
    "Run.sampledHistory": "learning curves",
    "Project.run": "histories, datasets, whole configs and uncommitted changes",
    "Project.runs(filters)": "chooses among them itself",
    "Project.runs(order)": "newest",
}
# What mlops-club/bandw answered when it was run by hand (2026-11), with runs that the SDK 0.31 had logged to it.
BANDW = (
    "Project.runs(filters)", "Run.config(keys)", "Run.summaryMetrics(keys)", "Run.wandbConfig", "Run.files",
)  # fmt: skip


@pytest.fixture(autouse=True)
def whole_again(wandb_host: WandbHost) -> Iterator[None]:
    yield
    wandb_host.server.lack()
    wandb_host.server.refusal, wandb_host.server.quirks = Refusal(), Quirks()


def log_runs(step: WandbStep) -> None:
    summary = {"acc": 0.9, "loss": 0.1, "odd": "NaN"}
    step.candidate("c0", age=1, summary=summary, history=[{"loss": 1}, {"loss": 0.1}], commit=SHA)
    step.candidate("c1", age=2, summary={**summary, "acc": 0.8}, commit=SHA)
    step.baseline("b0", age=3, summary={**summary, "acc": 0.7}, commit=OTHER)
    step.baseline("b1", age=4, summary={**summary, "acc": 0.6}, tags=["other"])


def check_report(step: WandbStep) -> None:
    outputs = step.outputs()
    assert (outputs["gate"], outputs["best-run-id"]) == ("passed", "c0")
    assert (outputs["num-candidates"], outputs["num-baselines"]) == ("2", "1")
    rows = step.rows()
    assert {row["run.id"]: (row["acc"], row["loss"], row["_lr"]) for row in rows} == {
        "c0": ("0.9", "0.1", "0.1"), "c1": ("0.8", "0.1", "0.1"), "b0": ("0.7", "0.1", "0.2"),
    }  # fmt: skip
    assert len(step.comments()) == 1


@pytest.mark.parametrize("part", LOSSES)
def test_a_report_stands_without_a_part_and_says_what_is_missing(step: WandbStep, part: str) -> None:
    log_runs(step)
    step.server.lack(part)
    assert step.run(**GIVEN, pr_number=step.pull.number) == 0, step.log
    check_report(step)
    (note,) = json.loads(step.outputs()["result"])["notes"]
    assert note.startswith("This W&B server does not know ")
    assert LOSSES[part] in note
    assert "This W&#38;B server does not know" in step.comments()[0]
    assert note in step.log


@pytest.mark.parametrize("part", sorted(OPTIONAL - LOSSES.keys()))
def test_a_report_stands_without_any_other_part(step: WandbStep, part: str) -> None:
    log_runs(step)
    step.server.lack(part)
    assert step.run(**GIVEN, pr_number=step.pull.number) == 0, step.log
    check_report(step)


FAULTS = {
    "a refusal": Fault(400, json.dumps({"errors": [{"message": "query too complex"}]})),
    "JSON of another form": Fault(200, "[1]"),
    "no project": Fault(200, json.dumps({"data": {"project": None}})),
}


@pytest.mark.parametrize("operation", ["MlopsDatasets", "MlopsPatches", "MlopsConfigs", "MlopsHistory"])
@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_a_kind_of_details_that_is_not_answered_is_unknown_and_nothing_else_is_lost(
    step: WandbStep, operation: str, fault: Fault
) -> None:
    log_runs(step)
    step.server.faults.append(replace(fault, match=operation, times=999))
    assert step.run(**GIVEN, pr_number=step.pull.number) == 0, step.log
    step.server.faults.clear()
    check_report(step)
    notes = json.loads(step.outputs()["result"])["notes"]
    assert any(note.startswith("W&B did not tell ") for note in notes)
    assert "data not recorded" not in step.comments()[0] or operation != "MlopsDatasets"


def test_a_report_names_the_necessary_field_that_a_server_lacks(step: WandbStep) -> None:
    log_runs(step)
    step.server.lack("Run.summaryMetrics")
    assert step.run(**GIVEN, pr_number=step.pull.number) == 3
    assert f"W&B at {step.wandb.url} does not know Run.summaryMetrics, which a report needs" in step.log
    assert "base-url" in step.log


def test_a_report_on_a_server_like_bandw_misses_only_patches_and_says_why(step: WandbStep) -> None:
    log_runs(step)
    step.server.lack(*BANDW)
    step.server.refusal = Refusal(status=200, with_data=False)
    step.server.quirks = Quirks(obeys_order=False, end_cursors=False, nan_as_text=False)
    assert step.run(**{**GIVEN, "metrics": "acc:max, loss:min, odd"}, pr_number=step.pull.number) == 0, step.log
    check_report(step)
    assert [row["odd"] for row in step.rows()] == ["nan"] * 3
    assert step.outputs()["verified"] == "true"
    assert "xychart" in step.summary()
    assert [note.split(" know ")[1].partition(":")[0] for note in json.loads(step.outputs()["result"])["notes"]] == [
        "Project.runs(filters)", "Run.config(keys)", "Run.summaryMetrics(keys)", "Run.files",
    ]  # fmt: skip


def test_a_report_without_the_recorded_commit_verifies_nothing(step: WandbStep) -> None:
    log_runs(step)
    step.server.lack("Run.commit")
    assert step.run(**GIVEN, require="verified") == 1
    assert step.outputs()["verified"] == "false"


def test_waiting_works_on_a_server_that_cannot_filter(step: WandbStep) -> None:
    log_runs(step)
    step.server.lack(*BANDW)
    assert step.run(**GIVEN, wait="true", min_runs=2) == 0, step.log
    assert step.outputs()["num-candidates"] == "2"


@pytest.mark.parametrize(
    ("filters", "cause", "remedy"),
    [
        ('{"tags": {"$all": ["a"]}}', "no operator $all", "use $and, $or"),
        ('{"summary.acc": {"$gt": 1}}', "no field 'summary.acc'", "summary_metrics.acc"),
    ],
)
def test_a_filter_that_w_and_b_cannot_read_is_never_sent(step: WandbStep, filters: str, cause: str, remedy: str) -> None:
    assert step.run(sha=SHA, filters=filters, wait="true") == 2
    assert cause in step.log
    assert remedy in step.log
    assert not step.server.requests


# Summaries that lag


def decide(step: WandbStep, clock: FakeClock, gates: str, **inputs: str) -> Outcome:
    """Run the action in this process, with a clock that passes only where the action sleeps."""
    runner = GitHubRunner(step.environ, io.StringIO())
    server = Server(step.wandb.url, step.wandb.url, step.server.api_key)
    tracker = WandbProject("sandbox/digits", server, runner, pause=clock.sleep)
    ports = Ports(tracker=tracker, publisher=None, workspace=WorkspaceFiles(step.workspace), runner=runner, clock=clock)
    given = {"INPUT_SHA": SHA, "INPUT_GATES": gates, **inputs}
    return run_action(read(Inputs, {**step.environ, **given}), Context.from_environ(step.environ), None, ports)


# Two reads must agree, so the read after the metric's arrival is one more.
@pytest.mark.parametrize(("stale_reads", "slept"), [(0, [3]), (1, [3, 3]), (3, [3, 3, 3, 3])])
def test_a_gate_waits_for_the_summary_of_a_run_that_has_just_finished(
    step: WandbStep, stale_reads: int, slept: list[int]
) -> None:
    now = datetime.now(UTC)
    step.candidate(heartbeat=now, summary={"loss": 1}, late_summary={"acc": 0.9}, stale_reads=stale_reads)
    outcome = decide(step, clock := FakeClock(at=now), "acc >= 0.5")
    assert outcome.outputs["gate"] == "passed"
    assert clock.slept == slept


def test_a_gate_waits_a_quarter_of_a_minute_for_a_summary_at_most(step: WandbStep) -> None:
    now = datetime.now(UTC)
    step.candidate(heartbeat=now, summary={"loss": 1}, late_summary={"acc": 0.9}, stale_reads=99)
    outcome = decide(step, clock := FakeClock(at=now), "acc >= 0.5")
    assert isinstance(outcome.error, WorkFailed)
    assert sum(clock.slept) == 15


def test_a_summary_that_never_stands_still_is_said_first(step: WandbStep) -> None:
    now = datetime.now(UTC)
    run = step.candidate(heartbeat=now, summary={"acc": 0.5})

    def move() -> None:
        run.summary = {"acc": run.summary["acc"] + 0.01}

    outcome = decide(step, clock := FakeClock(*[move] * 9, at=now), "acc >= 0.5")
    assert sum(clock.slept) == 15
    assert outcome.outputs["gate"] == "passed"
    assert "the summary was not complete after 15 seconds&#58; c1" in step.summary()


def test_a_baseline_that_has_just_finished_is_read_again_too(step: WandbStep) -> None:
    now = datetime.now(UTC)
    step.candidate(summary={"acc": 0.5})
    step.baseline(heartbeat=now, summary={"acc": 0.1}, late_summary={"acc": 0.9}, stale_reads=1)
    step.server.requests.clear()
    outcome = decide(step, FakeClock(at=now), "acc >= baseline", **{"INPUT_BASELINE-TAGS": "baseline"})
    assert outcome.outputs["gate"] == "failed"
    again = [
        request for request in step.server.requests if b"baselines" not in request.body and b"MlopsRuns" in request.body
    ]
    assert len(again) == 2, "one small request for the fresh run alone, until two answers agree"


def test_a_summary_with_nan_stands_still(step: WandbStep) -> None:
    step.candidate(heartbeat=(now := datetime.now(UTC)), summary={"acc": 0.9, "loss": "NaN"})
    decide(step, clock := FakeClock(at=now), "acc >= 0.5", INPUT_METRICS="loss")
    assert clock.slept == [3]


@pytest.mark.parametrize("run", [{"state": "running"}, {"state": "failed"}, {}], ids=["running", "failed", "long ago"])
def test_a_gate_waits_for_no_other_run(step: WandbStep, run: dict[str, Any]) -> None:
    step.candidate(**{"summary": {"loss": 1}, **({"heartbeat": datetime.now(UTC)} if run else {}), **run})
    decide(step, clock := FakeClock(), "acc >= 0.5")
    assert clock.slept == []


def test_a_summary_that_still_moves_is_read_until_two_reads_agree(step: WandbStep) -> None:
    now = datetime.now(UTC)
    step.candidate(heartbeat=now, summary={"acc": 0.1}, late_summary={"acc": 0.9}, stale_reads=1)
    assert decide(step, FakeClock(at=now), "acc >= 0.5").outputs["gate"] == "passed"


def test_waiting_waits_for_a_preempted_run_to_come_back(step: WandbStep) -> None:
    run = step.candidate(state="preempted", summary={})

    def come_back() -> None:
        run.record_heartbeat(clock.at)
        run.summary = {"acc": 0.9}
        run.finish(0, clock.at)

    clock = FakeClock(come_back)
    outcome = decide(step, clock, "acc >= 0.5", INPUT_WAIT="true", INPUT_TIMEOUT="5m")
    assert outcome.outputs["gate"] == "passed"
