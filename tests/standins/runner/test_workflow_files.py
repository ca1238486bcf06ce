"""Workflow files: the example's own, and what the runner refuses to guess at."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlops_sandbox.runner.metadata import name_of
from mlops_sandbox.runner.workflow import WorkflowError, load, parse

EXAMPLES = Path(__file__).parents[3] / "examples" / "digits" / ".github" / "workflows"
JOB = "jobs: {a: {runs-on: x, steps: [{run: 'true'}]}}\n"


def test_the_example_chains_the_four_actions() -> None:
    listen, train, finish = (job for job in load(EXAMPLES / "mlops.yml").jobs if job.identifier != "control")
    names = [[name_of(step.uses) or step.uses.partition("@")[0] for step in job.steps] for job in (listen, train, finish)]
    # The second argo-submit continues a failed workflow.
    works = ["actions/checkout", "docker-publish", "argo-submit", "argo-submit", "wandb-runs"]
    assert names == [["chatops"], works, ["chatops"]]
    write = {"pull-requests": "write", "checks": "write"}
    assert listen.permissions == {"contents": "read", "actions": "write", **write}
    assert train.permissions == {"contents": "read", "packages": "write", **write}
    assert finish.permissions == write
    assert train.steps[0].inputs == {"ref": "${{ needs.listen.outputs.sha }}", "persist-credentials": "false"}
    assert (listen.concurrency, finish.concurrency) == (None, None)
    assert train.concurrency is not None
    assert train.concurrency.queue == "max"
    triggered = "needs.listen.outputs.triggered == 'true'"
    assert train.condition == f"{triggered} && needs.listen.outputs.attempt == github.run_attempt"
    assert finish.condition == f"always() && {triggered} && needs.train.result != 'skipped'"


def test_the_example_passes_no_comment_to_a_shell() -> None:
    for path in EXAMPLES.glob("*.yml"):
        assert not [step for job in load(path).jobs for step in job.steps if step.run]


@pytest.mark.parametrize(
    ("event", "payload", "starts"),
    [
        ("issue_comment", {"action": "created"}, True),
        ("issue_comment", {"action": "edited"}, False),
        ("issues", {"action": "created"}, False),
    ],
)
def test_which_events_start_the_example(event: str, payload: dict[str, str], starts: bool) -> None:
    assert load(EXAMPLES / "mlops.yml").is_triggered_by(event, payload) is starts


@pytest.mark.parametrize(("ref", "starts"), [("refs/heads/main", True), ("refs/heads/wider", False)])
def test_which_branches_start_the_baseline(ref: str, starts: bool) -> None:
    assert load(EXAMPLES / "baseline.yml").is_triggered_by("push", {"ref": ref}) is starts


@pytest.mark.parametrize(("on", "event"), [("push", "push"), ("[push, issues]", "issues"), ("{push: }", "push")])
def test_each_form_of_on_is_parsed(on: str, event: str) -> None:
    assert parse(f"on: {on}\n{JOB}", "w.yml").is_triggered_by(event, {})


def test_jobs_come_after_the_jobs_they_need() -> None:
    text = "on: push\njobs:\n" + "".join(
        f"  {name}: {{needs: {needs}, runs-on: x, steps: [{{run: 'true'}}]}}\n"
        for name, needs in (("c", "[a, b]"), ("b", "a"), ("a", "[]"))
    )
    assert [job.identifier for job in parse(text, "w.yml").jobs] == ["a", "b", "c"]


def test_a_job_inherits_the_permissions_of_the_file_unless_it_has_its_own() -> None:
    text = (
        "on: push\npermissions: {}\njobs:\n"
        "  a: {runs-on: x, steps: [{run: 'true'}]}\n"
        "  b: {permissions: {checks: write}, runs-on: x, steps: [{run: 'true'}]}\n"
    )
    assert [job.permissions for job in parse(text, "w.yml").jobs] == [{}, {"checks": "write"}]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a: [", "w.yml is not YAML"),
        ("- a", "w.yml is not a mapping"),
        ("on: push\njobs: {a: {runs-on: x, steps: []}}", "w.yml: jobs.a has no steps"),
        ("on: push\nconcurrency: {cancel-in-progress: true}\n" + JOB, "w.yml: concurrency has no group"),
        ("on: push\nconcurrency: {group: a, wait: 1}\n" + JOB, "w.yml: concurrency: `wait` is not supported"),
        ("on: push\nconcurrency: {group: a, queue: 5}\n" + JOB, "concurrency.queue is `5`: it must be `single` or `max`"),
        (
            "on: push\njobs: {a: {concurrency: {group: a, queue: max, cancel-in-progress: true}, steps: [{run: a}]}}",
            "w.yml: jobs.a.concurrency combines `queue: max` with `cancel-in-progress: true`",
        ),
        ("on: push\ndefaults: {}\n" + JOB, "w.yml: `defaults` is not supported"),
        ("on: {push: {paths: [a]}}\n" + JOB, "w.yml: on.push: `paths` is not supported"),
        ("on: push\njobs: {a: {strategy: {}, steps: [{run: a}]}}", "w.yml: jobs.a: `strategy` is not supported"),
        ("on: push\njobs: {a: {steps: [{run: a, uses: b}]}}", "jobs.a.steps[0] needs exactly one of"),
        ("on: push\njobs: {a: {steps: [{run: a, shell: pwsh}]}}", "supports only bash"),
        ("on: push\njobs: {a: {steps: [{run: a, continue-on-error: '${{ true }}'}]}}", "supports only true and false"),
        ("on: push\npermissions: write-all\n" + JOB, "name each permission"),
        ("on: push\njobs: {a: {needs: a, steps: [{run: a}]}}", "the `needs` of a can never be met"),
    ],
)
def test_an_unsupported_key_is_an_error_that_names_it(text: str, problem: str) -> None:
    with pytest.raises(WorkflowError) as caught:
        parse(text, "w.yml")
    assert problem in str(caught.value)


@pytest.mark.parametrize(
    ("uses", "name"),
    [
        ("machine-learning-apps/mlops-actions/actions/chatops@v1", "chatops"),
        ("a/mlops-actions/actions/docker-publish@0123456", "docker-publish"),
        ("./actions/wandb-runs", "wandb-runs"),
        ("$/actions/wandb-runs", "wandb-runs"),
        ("./.suite/actions/wandb-runs", "wandb-runs"),
        ("actions/checkout@v4", None),
        ("a/other/actions/chatops@v1", None),
        ("./actions/../x", None),
    ],
)
def test_names_of_actions(uses: str, name: str | None) -> None:
    assert name_of(uses) == name
