"""The unmodified SDK logs into the stand-in, and its own `Api` reads the same back."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import urllib3

from mlops_actions.boundary.wandb.project import WandbProject
from mlops_actions.boundary.wandb.server import Server
from mlops_actions.core.runs import MISSING, DetailsQuery, RunKeys, RunQuery, metric_value
from mlops_sandbox.github import GitHubServer
from mlops_sandbox.wandb import Fault
from tests.actions.wandb_runs.step import WandbStep
from tests.support.clock import AdvancedClock
from tests.support.forking import Forker
from tests.support.logs import RecordingLog
from tests.support.wandb import WandbHost

SHA = "a" * 40


@pytest.fixture(scope="module")
def wandb_host(serve: Callable[..., WandbHost]) -> WandbHost:
    clock = AdvancedClock()
    started = serve(clock=clock)
    started.clock = clock  # type: ignore[attr-defined]
    return started


@pytest.fixture(scope="module")
def logged(wandb_host: WandbHost) -> dict[str, str]:
    run_ids: dict[str, str] = wandb_host.sdk("log_runs.py")
    return run_ids


@pytest.fixture(scope="module")
def read(wandb_host: WandbHost, logged: dict[str, str]) -> dict[str, Any]:
    assert wandb_host.server.store.projects["sandbox", "digits"].runs[logged["cut off"]].state == "running"
    wandb_host.clock.ahead = timedelta(minutes=10)  # type: ignore[attr-defined]
    listing: dict[str, Any] = wandb_host.sdk("read_runs.py")
    return listing


def test_a_finished_run_is_read_back_as_it_was_logged(
    wandb_host: WandbHost, logged: dict[str, str], read: dict[str, Any]
) -> None:
    run = read["runs"][logged["finished"]]
    assert run["state"] == "finished"
    assert run["name"] == "first `run` | <b>"
    assert run["tags"] == ["baseline", "best"]
    assert (run["group"], run["job_type"], run["notes"]) == ("seeds", "train", "a note")
    assert run["commit"] == SHA
    assert run["config"] == {"github_sha": SHA, "lr": 0.1, "layers": [1, 2], "nested": {"depth": 3}}
    assert run["url"] == f"{wandb_host.url}/sandbox/digits/runs/{logged['finished']}"


def test_summaries_are_nested_where_the_sdk_nests_them(logged: dict[str, str], read: dict[str, Any]) -> None:
    summary = read["runs"][logged["finished"]]["summary"]
    assert summary["val_acc"] == 0.9
    assert summary["note"] == "text"
    assert summary["loss"] == {"min": 0.2}
    assert summary["acc"] == {"max": 0.8}
    assert summary["deep"] == {"inner": 4}
    assert summary["odd"] == "NaN"


def test_the_history_is_complete(logged: dict[str, str], read: dict[str, Any]) -> None:
    run = read["runs"][logged["finished"]]
    assert [row["loss"] for row in run["curve"]] == [0.5, 0.4, 0.2, 0.3, 0.6]
    assert run["scanned"] == 6


def test_used_and_logged_artifacts_are_read_back(logged: dict[str, str], read: dict[str, Any]) -> None:
    first, second = (read["runs"][logged[key]] for key in ("finished", "failed"))
    assert sorted(entry[:2] for entry in first["logged"]) == [["digits:v0", "dataset"], ["model:v0", "model"]]
    assert [entry[0] for entry in first["used"]] == ["digits:v0"]
    assert first["used"] == second["used"]
    assert first["used"][0][3] == ["latest"]


def test_a_bad_exit_code_is_a_failure_and_a_missing_heartbeat_a_crash(logged: dict[str, str], read: dict[str, Any]) -> None:
    assert read["runs"][logged["failed"]]["state"] == "failed"
    assert read["runs"][logged["cut off"]]["state"] == "crashed"


def test_filters_and_orders_reach_the_sdk(logged: dict[str, str], read: dict[str, Any]) -> None:
    order = [logged["finished"], logged["failed"], logged["cut off"]]
    assert list(read["runs"]) == order, "one run a page, oldest first"
    assert read["cheap"] == [logged["finished"]]
    assert read["tagged"] == [logged["finished"]]
    assert read["newest first"] == order[::-1]


def test_every_run_has_a_page_that_escapes_its_values(
    wandb_host: WandbHost, logged: dict[str, str], read: dict[str, Any]
) -> None:
    page = urllib3.request("GET", f"{wandb_host.url}/sandbox/digits/runs/{logged['finished']}")
    text = page.data.decode()
    assert page.status == 200
    assert "first `run` | &lt;b&gt;" in text
    assert "<polyline" in text
    assert "0.9" in text
    listing = urllib3.request("GET", f"{wandb_host.url}/sandbox/digits").data.decode()
    assert f"/sandbox/digits/runs/{logged['failed']}" in listing
    assert urllib3.request("GET", f"{wandb_host.url}/sandbox/digits/runs/none").status == 404


def test_the_suites_own_client_reads_what_the_sdk_reads(
    wandb_host: WandbHost, logged: dict[str, str], read: dict[str, Any]
) -> None:
    project = WandbProject(
        "sandbox/digits", Server(wandb_host.url, wandb_host.url, wandb_host.server.api_key), RecordingLog()
    )
    names = ("acc", "loss", "loss.min", "acc.max", "val_acc", "note", "deep.inner", "odd")
    keys = RunKeys(("github_sha", "lr", "layers", "nested.depth", "_wandb"), names)
    found = {
        run.id: run
        for run in project.find(
            RunQuery(commit=SHA, commit_config_key="github_sha"), RunQuery(stop_after=10), keys
        ).baselines
    }
    for run_id, theirs in read["runs"].items():
        ours = found[run_id]
        assert (ours.name, ours.state, list(ours.tags), ours.commit, ours.group, ours.url) == (
            theirs["name"],
            theirs["state"],
            theirs["tags"],
            theirs["commit"] or "",
            theirs["group"] or "",
            theirs["url"],
        )
        assert ours.config == {key: value for key, value in theirs["config"].items() if key in ours.config}
    ours = found[logged["finished"]]
    assert ours.config["nested"] == {"depth": 3}
    assert metric_value(ours, "loss") == metric_value(ours, "loss.min") == 0.2
    assert metric_value(ours, "acc") == 0.8
    assert metric_value(ours, "deep.inner") == 4
    assert metric_value(ours, "note") == "text"
    assert math.isnan(metric_value(ours, "odd"))
    assert metric_value(ours, "absent") is MISSING
    assert ours.directions == {"loss": "min", "acc": "max"}
    details = project.details(DetailsQuery(datasets=(ours.id,), curves_of=(ours.id,), curves=("loss",)))[ours.id]
    assert [value for _, value in details.curves["loss"]] == [0.5, 0.4, 0.2, 0.3, 0.6]
    assert [[used.label, used.type, used.digest] for used in details.datasets or ()] == [
        entry[:3] for entry in read["runs"][ours.id]["used"]
    ]


def test_the_stand_in_supports_every_request_of_the_sdk(
    wandb_host: WandbHost, logged: dict[str, str], read: dict[str, Any]
) -> None:
    refused = [exchange for exchange in wandb_host.server.requests if exchange.status >= 400]
    assert [(exchange.path, exchange.operation) for exchange in refused] == []


def test_a_model_is_promoted_through_the_sdk(wandb_host: WandbHost, logged: dict[str, str], read: dict[str, Any]) -> None:
    project = WandbProject(
        "sandbox/digits", Server(wandb_host.url, wandb_host.url, wandb_host.server.api_key), RecordingLog()
    )
    run = project.find(RunQuery(run_ids=(logged["finished"],)), None, RunKeys()).candidates[0]
    assert wandb_host.sdk("promote.py", wandb_host.url, logged["finished"]) == "promoted"
    store = wandb_host.server.store
    assert store.project("sandbox", "digits").collections["model"].aliases["accepted"].version == 0
    assert run.finished
    said = wandb_host.sdk("promote.py", wandb_host.url, logged["failed"])
    assert said.startswith(f"3: W&B's SDK does not find model:v0 among what run {logged['failed']} logged\n")
    del store.project("sandbox", "digits").collections["model"].aliases["accepted"]
    wandb_host.server.faults.append(
        Fault(403, '{"errors": [{"message": "permission denied"}]}', match="AddAliases", times=9)
    )
    said = wandb_host.sdk("promote.py", wandb_host.url, logged["finished"])
    assert said.startswith("4: W&B did not give the alias 'accepted'")
    wandb_host.server.faults.clear()
    wandb_host.server.lack("Run.projectId")  # the SDK asks for it, and mlops-club/bandw lacks it
    said = wandb_host.sdk("promote.py", wandb_host.url, logged["finished"])
    wandb_host.server.lack()
    assert said.startswith("4: W&B did not give the alias 'accepted'")
    assert "projectId" in said
    assert said.endswith("leave 'promote-alias' out, or upgrade the server")


def test_the_action_reports_what_the_sdk_logged_and_promotes_its_model(
    wandb_host: WandbHost, logged: dict[str, str], read: dict[str, Any], github: GitHubServer, forker: Forker, tmp_path: Path
) -> None:
    step = WandbStep.begin(wandb_host, github, forker, tmp_path, keep=True)
    given = {"sha": SHA, "metrics": "val_acc, loss, acc, note, odd", "config_keys": "lr, nested.depth"}
    code = step.run(**given, gates="val_acc >= 0.9\nloss <= 0.2", curves="loss", promote_alias="released")
    assert code == 0, step.log
    outputs = step.outputs()
    assert (outputs["num-finished"], outputs["verified"], outputs["gate"]) == ("1", "true", "passed")
    assert outputs["best-run-id"] == logged["finished"]
    (row,) = step.rows()
    theirs = read["runs"][logged["finished"]]
    assert (row["run.id"], row["run.name"], row["run.tags"]) == (logged["finished"], theirs["name"], str(theirs["tags"]))
    assert (float(row["loss"]), float(row["acc"]), row["note"], row["odd"]) == (
        theirs["summary"]["loss"]["min"], theirs["summary"]["acc"]["max"], theirs["summary"]["note"], "nan",
    )  # fmt: skip
    assert (row["_lr"], row["_nested.depth"]) == ("0.1", "3")
    assert f"data `{theirs['used'][0][0]}` (`{theirs['used'][0][2][:12]}`)" in step.summary()
    assert json.loads(outputs["result"])["promoted"] == "model:v0"
    assert wandb_host.server.store.project("sandbox", "digits").collections["model"].aliases["released"].version == 0


def test_the_action_states_what_the_sdk_logged(
    wandb_host: WandbHost, logged: dict[str, str], read: dict[str, Any], github: GitHubServer, forker: Forker, tmp_path: Path
) -> None:
    step = WandbStep.begin(wandb_host, github, forker, tmp_path, keep=True)
    code = step.run(sha=SHA, metrics="val_acc", gates="val_acc >= 0.9", statement="true")
    assert code == 0, step.log
    statement = json.loads((step.workspace / step.outputs()["statement"]).read_text())
    model = wandb_host.server.store.project("sandbox", "digits").collections["model"].versions[-1]
    # The script logged these files through the SDK: their digests are computed from what W&B's storage gives.
    files = {path: wandb_host.server.store.blobs[blob] for path, blob in model.files.items()}
    assert files
    assert statement["subject"] == [
        {"name": f"sandbox/digits/model:v0/{path}", "digest": {"sha256": hashlib.sha256(content).hexdigest()}}
        for path, content in sorted(files.items())
    ]
    assert statement["predicate"]["model"]["digest"] == {"wandb": model.digest}
    (run,) = statement["predicate"]["runs"]
    assert [[used["name"], used["type"], used["digest"]["wandb"]] for used in run["datasets"]] == [
        entry[:3] for entry in read["runs"][logged["finished"]]["used"] if entry[1] == "dataset"
    ]
