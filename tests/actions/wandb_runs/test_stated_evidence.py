"""A statement whose gates asked for evidence of several seeds: `verify` computes the intervals again, from W&B's record."""

from __future__ import annotations

import copy
import io
import json
from collections.abc import Callable
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
POLICY = "tracker,runs,metrics,judged,baselines,gates"


@pytest.fixture
def statement(step: WandbStep) -> Json:
    """Two groups of candidates and one of baselines, three seeds each; the better one passed."""
    values = {"wide": (0.95, 0.955, 0.952), "deep": (0.93, 0.94, 0.935), "main": (0.921, 0.924, 0.919)}
    for group, accuracies in values.items():
        for seed, accuracy in enumerate(accuracies):
            log = step.baseline if group == "main" else step.candidate
            commit = OTHER if group == "main" else SHA
            config = {"seed": seed}
            log(f"{group}{seed}", group=group, commit=commit, age=seed, config=config, summary={"acc": accuracy})
    code = step.run(
        sha=SHA, metrics="acc:max", gates="\n".join(GATES), baseline_tags="baseline", aggregate="group", statement="true",
        image=f"ghcr.io/acme/digits@sha256:{'0' * 64}",
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
