"""Labels: which may be added, and who may create one."""

from __future__ import annotations

from typing import Any

import pytest

from tests.standins.github.conftest import Client
from tests.support.payloads import Sample

CREATION = "You do not have permission to create labels on this repository."
ON_THE_PULL_REQUEST, NEW = "{repo}/issues/{number}/labels", "{repo}/labels"
# Every form in which GitHub takes the labels of an issue. https://docs.github.com/rest/issues/labels
FORMS: list[Any] = [{"labels": ["{}"]}, {"labels": [{"name": "{}"}]}, ["{}"], [{"name": "{}"}]]


def _client(sample: Sample, **permissions: str) -> Client:
    return Client(sample.github, sample.github.workflow_token(sample.repository, permissions))


def _named(form: Any, name: str) -> Any:
    if isinstance(form, str):
        return form.format(name)
    if isinstance(form, list):
        return [_named(item, name) for item in form]
    return {key: _named(value, name) for key, value in form.items()}


@pytest.mark.parametrize("form", FORMS, ids=str)
@pytest.mark.parametrize("method", ["POST", "PUT"])
def test_a_label_that_the_repository_has_needs_no_right_to_issues(sample: Sample, method: str, form: Any) -> None:
    route = f"{method} {ON_THE_PULL_REQUEST.replace('{number}', str(sample.pull.number))}"
    sample.repository.define_label("Training")
    answer = _client(sample, pull_requests="write")(route, _named(form, "tRAINING"))
    assert (answer.status_code, [label["name"] for label in answer.json()]) == (200, ["Training"])


@pytest.mark.parametrize("form", FORMS, ids=str)
@pytest.mark.parametrize("method", ["POST", "PUT"])
def test_a_label_is_created_by_adding_it_only_with_the_right_to_issues(sample: Sample, method: str, form: Any) -> None:
    route = f"{method} {ON_THE_PULL_REQUEST.replace('{number}', str(sample.pull.number))}"
    sample.pull.label("bug", by="maintainer")
    refused = _client(sample, pull_requests="write")(route, _named(form, "training"))
    assert (refused.status_code, refused.json()["message"]) == (403, CREATION)
    assert refused.json()["errors"] == [{"resource": "Repository", "field": "label", "code": "unauthorized"}]
    assert sample.pull.label_names == ["bug"]
    assert _client(sample, issues="write")(route, _named(form, "training")).status_code == 200
    assert "training" in sample.pull.label_names


def test_the_labels_of_one_request_are_added_all_or_none(sample: Sample) -> None:
    route = f"POST {ON_THE_PULL_REQUEST.replace('{number}', str(sample.pull.number))}"
    assert _client(sample, pull_requests="write")(route, {"labels": ["bug", "training"]}).status_code == 403
    assert sample.pull.label_names == []


@pytest.mark.parametrize(("permission", "status"), [("issues", 201), ("pull_requests", 403)])
def test_creating_a_label_by_its_own_operation_needs_the_right_to_issues(
    sample: Sample, permission: str, status: int
) -> None:
    assert _client(sample, **{permission: "write"})(f"POST {NEW}", {"name": "training"}).status_code == status


def test_labels_differ_by_more_than_case(sample: Sample, call: Client) -> None:
    assert call(f"POST {NEW}", {"name": "Training"}).status_code == 201
    assert call(f"POST {NEW}", {"name": "training"}).status_code == 422
    assert call(f"GET {NEW}/TRAINING").json()["name"] == "Training"
    sample.pull.label("training", by="maintainer")
    assert sample.pull.label_names == ["Training"]
    removed = call(f"DELETE {{repo}}/issues/{sample.pull.number}/labels/TraininG")
    assert (removed.status_code, sample.pull.label_names) == (200, [])
