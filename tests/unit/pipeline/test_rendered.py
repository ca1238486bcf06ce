"""The root action and the reusable workflow: they agree with the four actions, and the checkout holds what is rendered."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml

from mlops_actions.core.declare import declared_inputs
from mlops_actions.core.types import Json
from mlops_actions.pipeline import composite, reusable
from mlops_actions.pipeline import steps as pipeline

ROOT = Path(__file__).parents[3]
EXPRESSION = re.compile(r"\$\{\{(.*?)\}\}")
OWN_ACTION = re.compile(r"\$/actions/([a-z-]+)")
ACTIONS = {step.action.name: step.action for step in pipeline.STEPS}


def parsed(text: str) -> Json:
    # YAML 1.1 reads the key `on` as true.
    return {"on" if key is True else key: value for key, value in yaml.safe_load(text).items()}


@pytest.fixture(scope="module")
def root() -> Json:
    return parsed(composite.action_yml())


@pytest.fixture(scope="module")
def called() -> Json:
    return parsed(reusable.workflow())


@pytest.fixture(scope="module")
def keyless() -> Json:
    return parsed(reusable.workflow(keyless=True))


def steps(document: Json) -> list[Json]:
    if "runs" in document:
        return list(document["runs"]["steps"])
    return [step for job in document["jobs"].values() for step in job["steps"]]


def expressions(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        for key, each in value.items():
            # A condition is an expression without being marked as one.
            yield from [str(each)] if key == "if" else expressions(each)
    elif isinstance(value, list):
        for each in value:
            yield from expressions(each)
    elif isinstance(value, str):
        yield from EXPRESSION.findall(value)


def read(document: Json, context: str) -> set[str]:
    """The names that expressions read from a context."""
    return {name for text in expressions(document) for name in re.findall(rf"\b{context}\.([\w-]+)", text)}


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("action.yml", composite.action_yml),
        (".github/workflows/pipeline.yml", reusable.workflow),
        (".github/workflows/pipeline-keyless.yml", partial(reusable.workflow, keyless=True)),
    ],
)
def test_the_files_of_this_checkout_are_up_to_date(path: str, text: Any) -> None:
    assert (ROOT / path).read_text(encoding="utf-8") == text()


@pytest.mark.parametrize("which", ["root", "called"])
def test_every_step_passes_only_inputs_that_its_action_declares(which: str, request: pytest.FixtureRequest) -> None:
    document = request.getfixturevalue(which)
    seen = []
    for step in steps(document):
        match = OWN_ACTION.fullmatch(step["uses"])
        if match is None:
            assert step["uses"].startswith(("actions/checkout@", "actions/upload-artifact@"))
            continue
        seen.append(match[1])
        assert set(step["with"]) <= {entry.name for entry in declared_inputs(ACTIONS[match[1]].inputs)}
    assert set(seen) == set(ACTIONS)


@pytest.mark.parametrize("which", ["root", "called"])
def test_whatever_can_be_said_of_a_submission_can_be_said_to_the_pipeline(
    which: str, request: pytest.FixtureRequest
) -> None:
    document = request.getfixturevalue(which)
    (submit,) = [step for step in steps(document) if step.get("id") == "workflow"]
    missing = {entry.name for entry in declared_inputs(ACTIONS["argo-submit"].inputs)} - set(submit["with"])
    other_tasks = {"attach", "retry", "restart-successful", "resume", "stop", "terminate", "dry-run"}
    other_tasks |= {"node-field-selector", "output-parameters", "node-message"}  # with `resume`
    other_tasks |= {"of-runs", "only-waiting"}  # with one of these
    assert missing == other_tasks | ({"github-token"} if which == "called" else set())


@pytest.mark.parametrize("which", ["root", "called"])
def test_what_a_publication_takes_of_the_pipeline_is_decided_for_each_input(
    which: str, request: pytest.FixtureRequest
) -> None:
    document = request.getfixturevalue(which)
    (publish,) = [step for step in steps(document) if step.get("id") == "publish"]
    left_out = {entry.name for entry in declared_inputs(ACTIONS["docker-publish"].inputs)} - set(publish["with"])
    by_the_commit = {"ref", "workdir", "default-branch", "branch-tag", "tag-names", "tag-semver", "tag", "snapshot"}
    other_tasks = {"push", "push-by-digest", "merge", "load", "outputs", "ssh", "secret-files"}
    special = {"retries", "reuse-from", "cache-salt"}
    decided = by_the_commit | other_tasks | special
    assert left_out == decided | ({"github-token"} if which == "called" else set())


def test_the_logins_of_other_registries_reach_the_build_alone_and_as_a_secret(root: Json, called: Json) -> None:
    """A value of an input is in the run's log of whoever may read it."""
    uses = {job: "registries" in read(document, "secrets") for job, document in called["jobs"].items()}
    assert [job for job, takes in uses.items() if takes] == ["train"]
    assert "registries" not in called["on"]["workflow_call"]["inputs"]
    (publish,) = [step for step in steps(called) if step.get("id") == "publish"]
    assert publish["with"]["registries"] == "${{ secrets.registries }}"
    assert [step["id"] for step in steps(root) if "registries" in read(step, "inputs")] == ["publish"]


@pytest.mark.parametrize("which", ["root", "called"])
def test_the_prefix_of_commands_is_not_that_of_tags(which: str, request: pytest.FixtureRequest) -> None:
    by_step = {step["id"]: step["with"] for step in steps(request.getfixturevalue(which)) if "id" in step}
    assert by_step["chatops"]["prefix"] == "${{ inputs.prefix }}"
    assert by_step["publish"]["prefix"] == "${{ inputs.tag-prefix }}"
    assert by_step["publish"]["suffix"] == "${{ inputs.tag-suffix }}"


def test_two_steps_share_only_the_inputs_that_mean_the_same_to_both() -> None:
    names = [name for step in pipeline.STEPS for name in {step.public_input(one) for one in step.passes_on}]
    assert {name for name in names if names.count(name) > 1} == {
        *("comment", "comment-tag", "github-token", "matrix", "section")
    }


@pytest.mark.parametrize("which", ["root", "called"])
def test_no_step_runs_a_script(which: str, request: pytest.FixtureRequest) -> None:
    for step in steps(request.getfixturevalue(which)):
        assert "run" not in step
        assert "shell" not in step


@pytest.mark.parametrize("which", ["root", "called"])
def test_the_authorised_commit_is_checked_out_without_a_token(which: str, request: pytest.FixtureRequest) -> None:
    (checkout,) = [step for step in steps(request.getfixturevalue(which)) if step["uses"].startswith("actions/checkout@")]
    assert checkout["with"]["ref"] in ("${{ steps.chatops.outputs.sha }}", "${{ needs.listen.outputs.sha }}")
    assert checkout["with"]["persist-credentials"] is False


def test_the_root_action_declares_exactly_the_inputs_it_uses(root: Json) -> None:
    assert read(root, "inputs") == set(root["inputs"])


def test_the_workflow_declares_exactly_the_inputs_and_secrets_it_uses(called: Json) -> None:
    interface = called["on"]["workflow_call"]
    assert read(called, "inputs") == set(interface["inputs"])
    assert read(called, "secrets") == set(interface["secrets"])


def test_the_root_action_passes_on_every_output_of_its_steps(root: Json) -> None:
    by_step = {step.identifier: {output.name for output in step.outputs} for step in pipeline.STEPS}
    for name, output in root["outputs"].items():
        alternatives = re.findall(r"steps\.(\w+)\.outputs\.([\w-]+)", output["value"])
        step, source = alternatives[0]
        assert source in by_step[step], name
        assert alternatives[1:] == ([("continued", source)] if step == "workflow" else []), name
    assert len(root["outputs"]) == sum(map(len, by_step.values())), "two outputs have one name"


@pytest.mark.parametrize(
    "name",
    [
        *("chatops-sha", "chatops-triggered", "chatops-result", "image-ref", "image-digest", "image", "workflow-phase"),
        *("workflow-name", "workflow-url", "workflow-outputs", "gate", "verified", "comment-url", "report-result"),
    ],
)
def test_promised_outputs_exist(root: Json, called: Json, name: str) -> None:
    assert name in root["outputs"]
    assert name in called["on"]["workflow_call"]["outputs"]


def test_every_job_output_that_the_workflow_reads_exists(called: Json) -> None:
    for output in called["on"]["workflow_call"]["outputs"].values():
        job, name = re.fullmatch(r"\$\{\{ jobs\.(\w+)\.outputs\.([\w-]+) \}\}", output["value"]).groups()  # type: ignore[union-attr]
        assert name in called["jobs"][job]["outputs"]
    assert read(called["jobs"]["train"], r"needs\.listen\.outputs") <= set(called["jobs"]["listen"]["outputs"])


def test_only_the_input_commands_is_required(root: Json, called: Json) -> None:
    assert [name for name, entry in root["inputs"].items() if entry["required"]] == ["commands"]
    inputs = called["on"]["workflow_call"]["inputs"]
    assert [name for name, entry in inputs.items() if entry.get("required")] == ["commands"]


def test_the_workflows_inputs_are_typed_and_none_is_a_secret(called: Json) -> None:
    inputs = called["on"]["workflow_call"]["inputs"]
    assert {entry["type"] for entry in inputs.values()} == {"string", "boolean", "number"}
    kinds = {"string": str, "boolean": bool, "number": int}
    assert all(type(entry["default"]) is kinds[entry["type"]] for entry in inputs.values() if "default" in entry)
    secret = {entry.name for entry in pipeline.inputs() if entry.secret}
    assert secret & set(inputs) == set()
    assert {"kubeconfig", "wandb-api-key", "password", "app-private-key"} <= set(called["on"]["workflow_call"]["secrets"])


def test_each_job_has_its_own_permissions_and_the_listener_gets_no_secret_but_the_app_key(called: Json) -> None:
    jobs = called["jobs"]
    assert called["permissions"] == {}
    assert "packages" not in jobs["listen"]["permissions"]
    assert "contents" not in jobs["finish"]["permissions"]
    assert read(jobs["listen"], "secrets") == {"app-private-key"}
    assert all(list(job["permissions"]) for job in jobs.values())
    assert [name for name, job in jobs.items() if "environment" in job] == ["train"]


def test_only_the_keyless_workflow_may_ask_for_an_identity_token_and_only_where_it_signs_in(
    called: Json, keyless: Json
) -> None:
    grants = {name: job["permissions"].pop("id-token", None) for name, job in keyless["jobs"].items()}
    assert grants == {"listen": None, "train": "write", "control": "write", "finish": None}
    assert {**keyless, "name": ""} == {**called, "name": ""}


def test_a_secret_of_the_environment_comes_before_that_of_the_caller(called: Json) -> None:
    secrets = called["on"]["workflow_call"]["secrets"]
    own = {name: name.replace("-", "_").upper() for name in secrets if "-" in name and name != "app-private-key"}
    assert set(own.values()) == {name for name in secrets if name.isupper()}
    (report,) = [step for step in steps(called) if step.get("id") == "report"]
    assert report["with"]["api-key"] == "${{ secrets.WANDB_API_KEY || secrets.wandb-api-key }}"


def test_trainings_of_a_pull_request_run_one_at_a_time_and_are_always_concluded(called: Json) -> None:
    jobs = called["jobs"]
    assert "concurrency" not in called
    assert "needs.listen.outputs.pr-number" in jobs["train"]["concurrency"]["group"]
    assert jobs["train"]["concurrency"]["cancel-in-progress"] is False
    assert jobs["finish"]["if"].startswith("always() &&")
    assert jobs["listen"]["steps"][0]["with"]["conclude"] is False
    assert "needs.train.result || 'failure'" in jobs["finish"]["steps"][0]["with"]["job-status"]


def test_a_call_back_is_reported_and_builds_and_submits_nothing(root: Json) -> None:
    """chatops leaves `command` empty for one: else it would build and submit, whose end would call back, for ever."""
    conditions = {step["id"]: step["if"] for step in steps(root) if "id" in step and "if" in step}
    assert "steps.chatops.outputs.command != ''" in conditions["publish"]
    assert "steps.chatops.outputs.command != ''" in conditions["workflow"]
    assert "command" not in conditions["report"]


def test_the_root_action_repeats_no_default_of_its_actions(root: Json) -> None:
    """What is handed on empty counts as not given: so no default may be written where the action has the same one."""
    defaults = {name: entry["default"] for name, entry in root["inputs"].items() if "default" in entry}
    assert defaults == {
        "github-token": "${{ github.token }}",
        "username": "${{ github.actor }}",
        "password": "${{ github.token }}",
        "comment": "true",
        "tags": "sha",
        "matrix": "${{ toJSON(matrix) }}",
    }


@pytest.mark.parametrize("name", ["one-step", "two-jobs"])
def test_the_shortest_examples_use_the_root_action_and_existing_inputs(root: Json, name: str) -> None:
    document = parsed((ROOT / f"examples/{name}/.github/workflows/{name}.yml").read_text(encoding="utf-8"))
    (step,) = document["jobs"]["train"]["steps"]
    assert step["uses"] == "machine-learning-apps/mlops-actions@v1"
    assert set(step["with"]) <= set(root["inputs"])
    assert document["on"] == {"issue_comment": {"types": ["created"]}}
    assert all("write-all" not in str(job["permissions"]) for job in document["jobs"].values())
