"""A statement whose gates asked for evidence of several seeds: `verify` computes the intervals again, from W&B's record."""

from __future__ import annotations

import copy
import io
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from mlops_actions.core.types import Json
from mlops_actions.verify import command
from mlops_actions.verify.checks import Pins
from tests.actions.wandb_runs.step import OTHER, SHA, WandbStep

GATES = (
    "acc > baseline with 95% confidence",
    "acc >= baseline.mean - 1% with 95% confidence",
    "acc >= 0.9 with 90% confidence",
)
WIDE = (0.95, 0.955, 0.952)
POLICY = "tracker,runs,metrics,judged,baselines,gates"


@pytest.fixture
def statement(step: WandbStep) -> Json:
    """Two groups of candidates and one of baselines, three seeds each; the better one passed."""
    log_groups(step, {"deep": (0.93, 0.94, 0.935), "wide": WIDE, "main": (0.921, 0.924, 0.919)})
    return state(step, gates="\n".join(GATES), aggregate="group")


def log_groups(step: WandbStep, groups: Mapping[str, Sequence[float]]) -> None:
    """Log groups of three seeds, the newest first; `main` is the baseline."""
    for age, (group, accuracies) in enumerate(groups.items()):
        log, commit = (step.baseline, OTHER) if group == "main" else (step.candidate, SHA)
        for seed, accuracy in enumerate(accuracies):
            log(f"{group}{seed}", group=group, commit=commit, age=age, config={"seed": seed}, summary={"acc": accuracy})


def state(step: WandbStep, **inputs: str) -> Json:
    """Run the step, which must pass, and return its statement."""
    code = step.run(
        sha=SHA, metrics="acc:max", baseline_tags="baseline", statement="true",
        image=f"ghcr.io/acme/digits@sha256:{'0' * 64}", **inputs,
    )  # fmt: skip
    assert code == 0, step.log
    written: Json = json.loads((step.workspace / step.outputs()["statement"]).read_text())
    return written


def verify(step: WandbStep, statement: Json, policy: str = POLICY) -> tuple[int, str]:
    file, out = step.workspace / "statement.json", io.StringIO()
    file.write_text(json.dumps(statement))
    environ = {"HOME": str(step.workspace), "WANDB_API_KEY": step.server.api_key, "WANDB_BASE_URL": step.wandb.url}
    return command.main(file, Pins(), environ, out, policy=policy), out.getvalue()


def test_evidence_is_computed_again(step: WandbStep, statement: Json) -> None:
    code, output = verify(step, statement)
    assert code == 0, output
    assert "✓ policy: all 7 required checks hold" in output, "evidence also needs the candidates"
    bounds = [result["bound"] for result in json.loads((step.workspace / "wandb_report.json").read_text())["gate-results"]]
    for gate, bound in zip(GATES, bounds, strict=True):
        assert f"✓ gate {gate}: " in output
        assert f"certain is {bound} for the best of 2, against" in output, output


def test_a_bar_that_another_metric_chose_is_allowed_for(step: WandbStep) -> None:
    for age, group in enumerate(("new", "main", "old", "older")):
        log, commit = (step.candidate, SHA) if group == "new" else (step.baseline, OTHER)
        for seed in range(3):
            summary = {"acc": 0.9 + seed / 1000 - age / 100, "cost": 5.0 + seed / 10 + 3 * age}
            log(f"{group}{seed}", group=group, commit=commit, age=age, config={"seed": seed}, summary=summary)
    gate = "cost <= baseline.best with 95% confidence"
    written = state(step, gates=f"{gate}\nacc >= baseline.best", aggregate="group", select_by="acc:max")
    _, output = verify(step, written, "gates")
    results = json.loads((step.workspace / "wandb_report.json").read_text())["gate-results"]
    assert f"✓ gate {gate}: " in output, output
    assert f"certain is {results[0]['bound']} for the best of 3, against" in output, output


def _hide_a_group(predicate: Json) -> None:
    predicate["candidates"]["runs"] = [name for name in predicate["candidates"]["runs"] if not name.startswith("deep")]


def _demand_more(predicate: Json) -> None:
    predicate["gates"][2] = {**predicate["gates"][2], "rule": "acc >= 0.95 with 95% confidence", "required": 0.95}


def _lower_the_required_number(predicate: Json) -> None:
    predicate["gates"][1]["required"] -= 0.01


def _leave_out_a_seed(predicate: Json) -> None:
    del predicate["runs"][0]
    predicate["gates"] = [{**gate, "value": 0.9535} for gate in predicate["gates"]]


def _leave_out_a_baseline(predicate: Json) -> None:
    predicate["baselines"]["groups"] = [predicate["baselines"]["groups"][0][:1]]
    first = predicate["baselines"]["groups"][0][0]["metrics"]["acc"]
    predicate["gates"][0]["required"], predicate["gates"][1]["required"] = first, first * 0.99


# What a forger changes in the predicate, and a line that tells.
TAMPERINGS: dict[str, tuple[Callable[[Json], Any], str]] = {
    "a hidden group of candidates": (_hide_a_group, "✗ candidates: the statement omits deep"),
    "a gate that the seeds do not pass": (_demand_more, "✗ gate acc >= 0.95 with 95% confidence: "),
    "another required number": (_lower_the_required_number, "as the statement says"),
    "a seed that is left out": (_leave_out_a_seed, "✗ "),
    "a baseline's seeds that are left out": (_leave_out_a_baseline, "✗ gate acc > baseline with 95% confidence: the seeds"),
}


@pytest.mark.parametrize(("change", "line"), TAMPERINGS.values(), ids=TAMPERINGS)
def test_a_tampering_with_evidence_is_caught(
    step: WandbStep, statement: Json, change: Callable[[Json], Any], line: str
) -> None:
    forged = copy.deepcopy(statement)
    change(forged["predicate"])
    code, output = verify(step, forged)
    assert code == 1, output
    assert line in output, output


def test_evidence_of_runs_that_are_gone_is_unknown(step: WandbStep, statement: Json) -> None:
    del step.server.store.project("sandbox", "digits").runs["deep0"]
    code, output = verify(step, statement)
    assert code == 1
    assert f"– gate {GATES[0]}: the tracker does not have every run any more" in output


JUDGED = {"best": 0, "latest": 1, "all": 1}


@pytest.mark.parametrize(("judge", "expected"), JUDGED.items(), ids=JUDGED)
def test_a_policy_can_name_how_the_candidate_was_judged(
    step: WandbStep, statement: Json, tmp_path: Path, judge: str, expected: int
) -> None:
    rules = tmp_path / "policy.yml"
    rules.write_text(f"checks: [runs]\nselect-by: acc:max\njudge: {judge}\n")
    code, output = verify(step, statement, str(rules))
    assert code == expected, output
    assert ("was judged by 'judge: best', not " in output) == bool(expected)


# Ways to say how the group `wide` was judged, each with the line that tells. Alone it would be good enough for the number,
# but it is the best of two, and not the latest.
CLAIMS = {
    "best": "for the best of 2, against 0.936",
    "latest": "for the best of 2, against 0.936",
    "all": "✗ candidate deep0, deep1, deep2, since 'judge: all' was stated: gate acc >= 0.936 with 95% confidence: ",
}


@pytest.mark.parametrize(("judge", "line"), CLAIMS.items(), ids=CLAIMS)
def test_no_claim_about_the_judging_makes_evidence_stronger(step: WandbStep, statement: Json, judge: str, line: str) -> None:
    forged = copy.deepcopy(statement)
    forged["predicate"]["candidates"]["judge"] = judge
    gate = forged["predicate"]["gates"][2]
    forged["predicate"]["gates"] = [{**gate, "rule": "acc >= 0.936 with 95% confidence", "required": 0.936}]
    code, output = verify(step, forged, "gates")
    assert code == 1, output
    assert "✗ policy: 1 of 5 required checks do not hold: gates (✗)" in output, output
    assert line in output, output


def test_a_statement_without_the_metric_that_chose_makes_evidence_no_stronger(step: WandbStep) -> None:
    """The best group is the newest one, too: chosen by its time alone it would be one of one."""
    log_groups(step, {"wide": WIDE, "deep": (0.93, 0.94, 0.935), "main": (0.921, 0.924, 0.919)})
    forged = state(step, gates=GATES[2], aggregate="group")
    del forged["predicate"]["candidates"]["by"]
    code, output = verify(step, forged, "judged,gates")
    assert code == 1, output
    assert "✗ judged: the statement names no metric that chose wide0, wide1, wide2, but its gates settle one" in output
    assert f"✓ gate {GATES[2]}: " in output
    assert "for the best of 2, against 0.9" in output


def test_a_way_to_judge_that_there_is_not_is_no_statement(step: WandbStep, statement: Json) -> None:
    statement["predicate"]["candidates"]["judge"] = "beast"
    assert verify(step, statement)[0] == 2


# The gate, what it is about, and whether a statement about the best one may claim that all passed it.
OF_ALL = {
    "a number": ("acc >= 0.92", "", True),
    "a number that one misses": ("acc >= 0.94", "", False),
    "a baseline": ("acc >= baseline.mean", "", True),
    "groups": ("acc >= 0.92", "group", True),
    "groups, of which one misses it": ("acc >= 0.94", "group", False),
    "evidence": ("acc >= 0.9 with 90% confidence", "group", True),
}


@pytest.mark.parametrize(("gate", "aggregate", "holds"), OF_ALL.values(), ids=OF_ALL)
def test_with_judge_all_every_candidate_is_computed_again(step: WandbStep, gate: str, aggregate: str, holds: bool) -> None:
    log_groups(step, {"deep": (0.93, 0.94, 0.935), "wide": WIDE, "main": (0.921, 0.924, 0.919)})
    inputs = {"gates": gate, "aggregate": aggregate, "select_by": "acc:max", "judge": "all" if holds else "best"}
    written = state(step, **{name: text for name, text in inputs.items() if text})
    written["predicate"]["candidates"]["judge"] = "all"
    code, output = verify(step, written, "gates")
    assert code == int(not holds), output
    assert ("since 'judge: all' was stated" not in output) == holds, output
