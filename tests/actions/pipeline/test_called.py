"""The expressions of the reusable workflow, by the sandbox's own evaluation: runners, artifacts, groups."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from mlops_actions.core.types import Json
from mlops_sandbox.runner.expressions import ExpressionError, Scope, Status, Value

ROOT = Path(__file__).parents[3]
EXPRESSION = re.compile(r"\$\{\{(.*?)\}\}")


@pytest.fixture(scope="module", params=["pipeline.yml", "pipeline-keyless.yml"])
def jobs(request: pytest.FixtureRequest) -> Json:
    text = (ROOT / ".github/workflows" / request.param).read_text(encoding="utf-8")
    return dict(yaml.safe_load(text)["jobs"])


RUNNERS: dict[str, object] = {
    "ubuntu-latest": "ubuntu-latest",
    "gpu.a100": "gpu.a100",
    "two words": "two words",
    '["self-hosted", "gpu"]': ["self-hosted", "gpu"],
    ' ["gpu"]\n': ["gpu"],
    '"gpu"': "gpu",
    '{"group": "gpu", "labels": ["x64"]}': {"group": "gpu", "labels": ["x64"]},
    # Each of these would wait for a runner with such a label.
    "self-hosted, gpu": None,
    "[self-hosted, gpu]": None,
    "['gpu']": None,
    "{group: gpu}": None,
    '["gpu"': None,
}


@pytest.mark.parametrize("text", RUNNERS)
def test_runners_are_one_label_or_json(jobs: Json, text: str) -> None:
    for job in jobs.values():
        (expression,) = EXPRESSION.findall(job["runs-on"])
        scope = Scope({"inputs": {"runs-on": text}})
        if RUNNERS[text] is None:
            with pytest.raises(ExpressionError):
                scope.evaluate(expression)
        else:
            assert scope.evaluate(expression) == RUNNERS[text]


# Inputs, outputs of the report, server, and whether the files are kept.
KEPT: dict[str, tuple[bool, dict[str, str], str, bool]] = {
    "passed": (True, {"csv": "wandb_report.csv"}, "https://github.com", True),
    "data residency": (True, {"csv": "wandb_report.csv"}, "https://octo.ghe.com", True),
    "turned off": (False, {"csv": "wandb_report.csv"}, "https://github.com", False),
    "nothing was written": (True, {}, "https://github.com", False),
    "GitHub Enterprise Server": (True, {"csv": "wandb_report.csv"}, "https://github.example.com", False),
    "a server that calls itself so": (True, {"csv": "wandb_report.csv"}, "https://github.com.example.com", False),
}


@pytest.mark.parametrize("failed", [False, True])
@pytest.mark.parametrize("case", KEPT)
def test_the_report_is_kept_where_it_was_written(jobs: Json, case: str, failed: bool) -> None:
    asked, outputs, server, kept = KEPT[case]
    (step,) = [step for step in jobs["train"]["steps"] if step.get("id") == "kept"]
    report: dict[str, Value] = {"outputs": {**outputs}}
    contexts: dict[str, Value] = {"inputs": {"upload-report": asked}, "github": {"server_url": server}}
    scope = Scope({**contexts, "steps": {"report": report}}, Status(failed=failed))
    assert scope.condition(step["if"]) is kept
    assert step["continue-on-error"] is True
    files = set(re.findall(r"steps\.report\.outputs\.([\w-]+)", step["with"]["path"]))
    assert files == {"csv", "json", "markdown", "statement", "predicate", "subject-checksums"}


def test_calls_that_are_told_apart_do_not_wait_for_each_other(jobs: Json) -> None:
    group = jobs["train"]["concurrency"]["group"]
    calls: list[dict[str, Any]] = [{}, {"section": "cnn"}, {"section": "mlp"}, {"matrix": '{"model": "cnn"}'}]

    def of(call: dict[str, Any], lock: str = "", number: str = "7") -> str:
        needs: Any = {"listen": {"outputs": {"lock": lock, "pr-number": number}}}
        inputs = {"section": "", "matrix": "", **call}
        return Scope({"github": {"workflow": "MLOps"}, "needs": needs, "inputs": inputs}).render(group)

    assert of({}) == "mlops-MLOps-7"
    assert len({of(call) for call in calls}) == len(calls)
    assert of({}) != of({}, number="8")
    assert {of(call, lock="lock-gpu") for call in calls} == {"lock-gpu"}
