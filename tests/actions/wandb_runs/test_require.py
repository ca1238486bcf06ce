"""`require` and `promote-alias`: only a run that fulfils all requirements gets the alias."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.actions.wandb_runs.step import OTHER, SHA, WandbStep
from tests.actions.wandb_runs.test_action import HOSTILE, assert_only_text

ALL = "one, finished, verified, clean"


def logged_model(step: WandbStep, run: Any, name: str = "digits-model", digest: str = "d1") -> Any:
    store = step.server.store
    collection = store.project("sandbox", "digits").collection(name, "model")
    return store.add_artifact(collection, digest, run=run, contents={"model.pt": b"the weights"})


def deploy(step: WandbStep, run: str, **changed: Any) -> int:
    given = {
        "run_id": run, "sha": SHA, "require": ALL, "gates": "acc >= 0.9", "metrics": "acc:max",
        "promote_alias": "production", "comment": "true", "comment_tag": "deploy",
        "pr_number": step.pull.number, "check_name": "deploy",
    }  # fmt: skip
    return step.run(**{**given, **changed})


def aliases(step: WandbStep) -> set[str]:
    collections = step.server.store.project("sandbox", "digits").collections
    return {alias for collection in collections.values() for alias in collection.aliases} - {"latest"}


def conclusion(step: WandbStep) -> str:
    return str(step.github.requests("POST /repos/*/*/check-runs")[-1].body["conclusion"])


def test_an_accepted_run_gets_the_alias_and_the_pull_request_shows_it(step: WandbStep) -> None:
    older = step.candidate("older", commit=SHA, age=5)
    logged_model(step, older, digest="d0")
    logged_model(step, step.candidate("chosen", commit=SHA))
    assert deploy(step, "chosen") == 0, step.log
    outputs = step.outputs()
    assert (outputs["requirements"], outputs["gate"], outputs["promoted"]) == ("passed", "passed", "digits-model:v1")
    assert aliases(step) == {"production"}
    assert conclusion(step) == "success"
    (body,) = step.comments()
    assert "✅ The gate passed for run `chosen`" in body
    assert "**Required:** ✅ one · ✅ finished · ✅ verified · ✅ clean" in body
    assert "**Promoted:** `digits-model:v1` is now `production`" in body
    assert json.loads(outputs["result"])["requirement-results"][0] == {"name": "one", "holds": True, "reason": None}


def test_requirements_alone_are_enough_to_promote(step: WandbStep) -> None:
    logged_model(step, step.candidate("chosen", commit=SHA))
    assert deploy(step, "chosen", gates="") == 0, step.log
    assert step.outputs()["promoted"] == "digits-model:v0"
    assert "✅ All requirements hold for run `chosen`" in step.comments()[0]


REFUSED = [
    ("unknown", "nobody", {}, "one", "there is no run nobody in this project"),
    ("of another commit", "chosen", {"commit": OTHER}, "verified", "run chosen is of commit bbbbbbb, not of aaaaaaa"),
    ("its config says another", "chosen", {"commit": SHA, "config": {"github_sha": OTHER}}, "verified", "by its config"),
    ("only claimed", "chosen", {}, "verified", "only the run's own config names commit aaaaaaa"),
    ("not tied at all", "chosen", {"config": {"github_sha": None}}, "verified", "ties the run to aaaaaaa"),
    ("a prefix of the commit", "chosen", {"commit": SHA[:12]}, "verified", f"of commit {SHA[:12]}, not of aaaaaaa"),
    ("crashed", "chosen", {"commit": SHA, "state": "crashed"}, "finished", "run chosen is crashed"),
]


@pytest.mark.parametrize(
    ("run", "logged", "name", "reason"), [case[1:] for case in REFUSED], ids=[case[0] for case in REFUSED]
)
def test_a_run_that_fails_a_requirement_is_rejected_with_the_reason_and_not_promoted(
    step: WandbStep, run: Any, logged: Any, name: str, reason: str
) -> None:
    logged_model(step, step.candidate("chosen", **logged))
    assert deploy(step, run) == 1, step.log
    outputs = step.outputs()
    assert (outputs["requirements"], outputs["promoted"]) == ("failed", "")
    unmet = {
        result["name"]: result["reason"]
        for result in json.loads(outputs["result"])["requirement-results"]
        if not result["holds"]
    }
    assert reason in unmet[name]
    assert reason in step.log.replace("%0A", " ")
    assert aliases(step) == set()
    assert conclusion(step) == "failure"
    (body,) = step.comments()
    assert "**Nothing was promoted to `production`**" in body
    assert "❌ Not accepted, run" in body
    assert f"❌ {name}: " in body.replace("\\", "")


UNJUDGED: list[tuple[str, list[dict[str, Any]], dict[str, Any], str]] = [
    ("crashed", [{"state": "crashed"}], {}, "no candidate finished (1 crashed)"),
    ("failed and killed", [{"state": "failed"}, {"state": "killed"}], {}, "no candidate finished (1 failed, 1 killed)"),
    ("running", [{"state": "running"}], {"partial": "true"}, "no candidate finished (1 running)"),
    ("none has the metric", [{}, {}], {"select_by": "other:max"}, "no finished candidate has a finite value of other"),
]


@pytest.mark.parametrize(("runs", "given", "reason"), [case[1:] for case in UNJUDGED], ids=[case[0] for case in UNJUDGED])
def test_requirements_about_runs_of_which_none_can_be_judged_have_not_passed(
    step: WandbStep, runs: list[dict[str, Any]], given: dict[str, Any], reason: str
) -> None:
    for index, logged in enumerate(runs):
        logged_model(step, step.candidate(f"c{index}", commit=SHA, **logged))
    assert deploy(step, "", require="verified, clean", gates="", **given) == 1, step.log
    outputs = step.outputs()
    assert (outputs["requirements"], outputs["promoted"], aliases(step)) == ("failed", "", set())
    assert conclusion(step) == "failure"
    assert step.summary().replace("\\", "").startswith(f"### ❌ Not accepted, `aaaaaaa`: {reason}")
    assert f"no run can be accepted, although every requirement holds: {reason}" in step.log


def test_a_run_that_still_runs_is_not_decided_on_and_the_check_run_stays_in_progress(step: WandbStep) -> None:
    run = step.candidate("chosen", commit=SHA, state="running")
    logged_model(step, run)
    assert deploy(step, "chosen") == 5, step.log
    assert (step.outputs()["requirements"], step.outputs()["gate"], aliases(step)) == ("pending", "pending", set())
    (check_run,) = step.repository.check_runs.values()
    assert (check_run.status, check_run.title) == ("in_progress", "not decided yet: 1 run still running")
    assert "⏳ Not decided yet for run `chosen`: 1 run still running" in step.comments()[0]
    run.state = "finished"
    assert deploy(step, "chosen") == 0, step.log
    (check_run,) = step.repository.check_runs.values()
    assert (check_run.status, check_run.conclusion) == ("completed", "success")
    assert aliases(step) == {"production"}


def test_a_failed_gate_prevents_the_promotion_although_all_requirements_hold(step: WandbStep) -> None:
    logged_model(step, step.candidate("chosen", commit=SHA, summary={"acc": 0.5}))
    assert deploy(step, "chosen") == 1
    assert (step.outputs()["requirements"], step.outputs()["gate"]) == ("passed", "failed")
    assert aliases(step) == set()


def test_uncommitted_changes_are_not_clean(step: WandbStep) -> None:
    run = step.candidate("chosen", commit=SHA)
    run.files["diff.patch"] = step.server.store.new_blob()
    step.server.store.blobs[run.files["diff.patch"]] = b"--- a/train.py"
    assert deploy(step, "chosen", promote_alias="") == 1
    assert "uncommitted changes" in step.log


def test_several_runs_are_not_one(step: WandbStep) -> None:
    for name in ("c1", "c2"):
        logged_model(step, step.candidate(name, commit=SHA))
    assert deploy(step, "", require="one") == 1
    assert "there are 2 runs" in step.log
    assert aliases(step) == set()


@pytest.mark.parametrize(("baseline_digest", "code"), [("d1", 0), ("d2", 1)])
def test_the_same_datasets_can_be_required(step: WandbStep, baseline_digest: str, code: int) -> None:
    store = step.server.store
    runs = (step.candidate("chosen", commit=SHA), "d1"), (step.baseline(), baseline_digest)
    for run, digest in runs:
        run.inputs.append(store.add_artifact(store.project("sandbox", "digits").collection("data", "dataset"), digest))
    assert deploy(step, "chosen", require="same-data", baseline_tags="baseline", promote_alias="") == code, step.log


MANY = 130


def trained_on_data(step: WandbStep, baseline_digest: str | None) -> None:
    """Add a candidate that used the dataset `d1`, and a baseline that used this one; None: W&B does not know which."""
    store = step.server.store
    collection = store.project("sandbox", "digits").collection("data", "dataset")
    chosen = step.candidate("chosen", commit=SHA)
    baseline = step.baseline("b1", commit=OTHER, tags=["baseline"])
    logged_model(step, chosen)
    chosen.inputs.append(store.add_artifact(collection, "d1"))
    if baseline_digest:
        baseline.inputs.append(store.add_artifact(collection, baseline_digest))


@pytest.mark.parametrize(
    ("baseline_digest", "more", "promoted"),
    [
        ("d1", {}, "digits-model:v0"),
        ("d2", {}, ""),
        ("d2", {"lineage": "false"}, "digits-model:v0"),
        (None, {}, "digits-model:v0"),
    ],
    ids=["the same", "other data", "other data that are not compared", "not known"],
)
def test_no_alias_moves_on_data_that_are_known_to_differ(
    step: WandbStep, baseline_digest: str | None, more: dict[str, str], promoted: str
) -> None:
    trained_on_data(step, baseline_digest)
    assert deploy(step, "chosen", baseline_tags="baseline", **more) == 0, step.log
    assert step.outputs()["promoted"] == promoted
    assert aliases(step) == ({"production"} if promoted else set())
    says = "Nothing was promoted to `production`**: candidates and baselines used different data"
    assert (says in step.comments()[0]) is not promoted.startswith("digits")
    assert ("lineage: false" in step.log) is not bool(promoted)


@pytest.mark.parametrize(
    ("baseline_digest", "wanted", "stated"),
    [("d1", {}, True), ("d2", {}, False), (None, {}, True), ("d2", {"gates": "", "promote_alias": ""}, False)],
    ids=["the same", "other data", "not known", "other data without gates"],
)
def test_no_statement_is_written_on_data_that_are_known_to_differ(
    step: WandbStep, baseline_digest: str | None, wanted: dict[str, str], stated: bool
) -> None:
    trained_on_data(step, baseline_digest)
    assert deploy(step, "chosen", baseline_tags="baseline", statement="true", **wanted) == 0, step.log
    assert bool(step.outputs().get("statement")) is stated
    assert (step.workspace / "wandb_statement.json").exists() is stated
    assert ("no statement was written: candidates and baselines used different data" in step.log) is not stated
    assert ("train a baseline on the same data, or select candidates of the same data" in step.log) is not stated


def log_many(step: WandbStep, *, oldest_data: str = "d1", oldest_is_dirty: bool = False) -> None:
    store = step.server.store
    data = store.project("sandbox", "digits").collection("data", "dataset")
    artifacts = {digest: store.add_artifact(data, digest) for digest in ("d1", "d2")}
    step.baseline("b1", age=MANY + 1).inputs.append(artifacts["d1"])
    for index in range(MANY):
        run, is_oldest = step.candidate(f"c{index}", commit=SHA, age=index), index == MANY - 1
        run.inputs.append(artifacts[oldest_data if is_oldest else "d1"])
        if is_oldest and oldest_is_dirty:
            run.files["diff.patch"] = store.new_blob()
            store.blobs[run.files["diff.patch"]] = b"--- a/train.py"


@pytest.mark.parametrize(
    ("logged", "reason"),
    [
        ({}, ""),
        ({"oldest_data": "d2"}, "the candidates used other datasets than the baselines"),
        ({"oldest_is_dirty": True}, f"run c{MANY - 1} is from a tree with uncommitted changes"),
    ],
    ids=["all hold", "the oldest used other data", "the oldest is dirty"],
)
def test_requirements_hold_for_any_number_of_runs(step: WandbStep, logged: dict[str, Any], reason: str) -> None:
    log_many(step, **logged)
    given = {"require": "same-data, clean", "baseline_tags": "baseline", "promote_alias": ""}
    assert deploy(step, "", **given) == int(bool(reason)), step.log
    assert reason in step.log.replace("%0A", " ")


def test_a_run_without_a_model_is_not_promoted_and_the_report_says_so(step: WandbStep) -> None:
    step.candidate("chosen", commit=SHA)
    assert deploy(step, "chosen") == 3, step.log
    assert "logged no artifact of type 'model'" in step.log
    assert "**Nothing was promoted to `production`**: run chosen logged no artifact" in step.comments()[0].replace("\\", "")


def test_another_run_from_a_tracker_that_ignores_the_filter_is_rejected(
    step: WandbStep, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that does not know the filtered field answers with any run."""
    logged_model(step, step.candidate("other", commit=SHA))
    monkeypatch.setattr("mlops_sandbox.wandb.store.matches", lambda *_: True)
    assert deploy(step, "chosen") == 1
    assert "answered with run other when asked for chosen" in step.log
    assert aliases(step) == set()


def test_hostile_names_stay_text_in_requirements_and_promotions(step: WandbStep) -> None:
    logged_model(step, step.candidate("c1", display_name=HOSTILE, commit=HOSTILE))
    assert deploy(step, "c1", promote_alias=HOSTILE.splitlines()[0]) == 1, step.log
    assert_only_text(step, step.comments()[0])


BAD = [
    ({"require": "good"}, "input 'require' knows one, finished, verified, same-data, clean, but not 'good'"),
    ({"require": "verified", "sha": "", "check_name": ""}, "'verified' without 'sha'"),
    ({"require": "same-data"}, "no baselines to compare with"),
    ({"require": "", "gates": ""}, "'promote-alias' needs 'gates' or 'require'"),
]


@pytest.mark.parametrize(("inputs", "message"), BAD, ids=[message for _, message in BAD])
def test_an_impossible_requirement_is_refused_before_any_request(step: WandbStep, inputs: Any, message: str) -> None:
    step.server.requests.clear()
    assert deploy(step, "chosen", **inputs) == 2
    assert message in step.log
    assert not step.server.requests
