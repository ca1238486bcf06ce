"""What a workflow file asks for."""

from __future__ import annotations

import pytest

from mlops_actions.argo_submit.read_manifest import read_manifest
from mlops_actions.core.errors import BadInput
from mlops_actions.doctor import server_syntax
from mlops_actions.doctor.checks import Status
from mlops_actions.doctor.expressions import ALL_VARIABLES, evaluate
from mlops_actions.doctor.scope import Scope
from mlops_actions.doctor.workflow import parse

FILE = """
on:
  issue_comment: {types: [created]}
permissions: {contents: read}
jobs:
  train:
    environment: {name: production}
    steps:
      - uses: actions/checkout@v5
      - uses: machine-learning-apps/mlops-actions/actions/chatops@v1
        with: {commands: train, help: false}
      - uses: ./actions/wandb-runs
        with:
          project: ${{ vars.PROJECT }}
          base-url: ${{ vars.URL || 'https://wandb.example' }}
          api-key: ${{ secrets.WANDB_API_KEY }}
  other:
    permissions: write-all
    uses: machine-learning-apps/mlops-actions/.github/workflows/pipeline.yml@v1
    with: {commands: train, image: model, report-check-name: metrics, check-name: training, project: e/p}
    secrets: {password: "${{ secrets.WANDB_API_KEY }}", wandb-api-key: "${{ secrets.WANDB_API_KEY }}"}
"""


def test_the_file_is_read() -> None:
    file = parse(FILE, "mlops.yml")
    assert file.events == ("issue_comment",)
    train, other = file.jobs
    assert (train.permissions, train.environment) == ({"contents": "read"}, "production")
    assert [step.action for step in train.steps] == ["chatops", "wandb-runs"]
    assert train.steps[0].inputs == {"commands": "train", "help": "false"}
    assert other.permissions == "write-all"
    assert file.secrets == ("WANDB_API_KEY",)
    assert file.variables == ("PROJECT", "URL")
    assert file.required_variables == {"PROJECT"}
    assert file.uses[0] == "actions/checkout@v5"


def test_the_one_step_stands_for_the_actions_that_its_inputs_turn_on() -> None:
    steps = {step.action: step for step in parse(FILE, "mlops.yml").jobs[1].steps}
    assert set(steps) == {"chatops", "docker-publish", "wandb-runs"}
    assert steps["wandb-runs"].inputs["check-name"] == "metrics"
    assert steps["chatops"].inputs["check-name"] == "training"
    assert steps["docker-publish"].inputs["password"] == steps["wandb-runs"].inputs["api-key"]
    assert steps["wandb-runs"].inputs["api-key"] == "${{ secrets.WANDB_API_KEY }}"
    inherited = FILE.partition("    secrets:")[0] + "    secrets: inherit\n"
    assert "password" not in parse(inherited, "mlops.yml").jobs[1].steps[1].inputs


@pytest.mark.parametrize("text", ["jobs: [", "- a list", "name: no jobs", "jobs: " + "[" * 5000, "jobs: &a [*a]"])
def test_a_file_that_is_no_workflow_is_refused(text: str) -> None:
    with pytest.raises(BadInput, match=r"mlops\.yml"):
        parse(text, "mlops.yml")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("plain", "plain"),
        ("${{ vars.HOST }}", "host"),
        ("${{ vars.NONE || 'it''s' }}/x", "it's/x"),
        ("${{ vars.NONE }}", ""),
        ("${{ github.actor }}", "ada"),
        ("${{ secrets.KEY || github.actor }}", None),
        ("${{ steps.a.outputs.b }}", None),
    ],
)
def test_expressions_are_evaluated_as_far_as_the_context_goes(text: str, value: str | None) -> None:
    assert evaluate(text, {"vars.HOST": "host", "github.actor": "ada", ALL_VARIABLES: "known"}) == value


def test_a_variable_is_unknown_while_the_variables_are() -> None:
    assert evaluate("${{ vars.NONE || 'ghcr.io' }}", {}) is None


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        ("jobs: {a: {steps: []}}", ()),
        ("concurrency: {group: g}\njobs: {a: {concurrency: g, environment: e}}", ()),
        ("concurrency: {group: g, queue: max}\njobs: {a: {}}", ("concurrency.queue",)),
        ("jobs: {a: {concurrency: {group: g, queue: max}}}", ("jobs.a.concurrency.queue",)),
        ("jobs: {a: {environment: {name: e, deployment: false}}}", ("jobs.a.environment.deployment",)),
    ],
)
@pytest.mark.parametrize("host", ["github.com", "octo.ghe.com", "ghes.example"])
def test_a_key_that_an_enterprise_server_may_not_know_is_named_there_alone(
    text: str, keys: tuple[str, ...], host: str
) -> None:
    workflow = parse(text, "mlops.yml")
    assert workflow.recent_keys == keys
    scope = Scope(workflow=workflow, repository="o/r", context={}, read=str, read_manifest=read_manifest, host=host)
    checks = [(check.status, all(key in check.answer for key in keys)) for check in server_syntax.check(scope)]
    assert checks == ([(Status.UNKNOWN if keys else Status.OK, True)] if host == "ghes.example" else [])
