"""The published JSON Schemas of the output `result`."""

from __future__ import annotations

import pytest
from jsonschema import Draft202012Validator

from mlops_actions.cli import MODULES, action
from mlops_actions.core.declare import Action, Output
from mlops_actions.core.result_schema import misspelled, result_schema

# `result` itself, text for a comment, and another program's document, which would make `result` large.
ELSEWHERE = {"result", "markdown", "metadata"}
EXAMPLE = Action(
    name="example",
    title="Example",
    description="For this test.",
    icon="box",
    color="blue",
    inputs=object,
    outputs=(Output("digest", "The image's digest."),),
    result={"digest": {"type": "string"}, "layer-sizes": {"type": "array", "items": {"type": "integer"}}},
)


@pytest.mark.parametrize("name", MODULES)
def test_every_action_publishes_a_valid_schema_in_kebab_case(name: str) -> None:
    schema = result_schema(action(name))
    Draft202012Validator.check_schema(schema)
    assert list(misspelled(schema)) == []


@pytest.mark.parametrize("name", MODULES)
def test_every_output_has_its_property(name: str) -> None:
    declared = action(name)
    outputs = {output.name for output in declared.outputs if not output.legacy} - ELSEWHERE
    assert outputs - set(declared.result) == set() or not declared.result


def test_a_property_named_like_an_output_has_its_description() -> None:
    properties = result_schema(EXAMPLE)["properties"]
    assert properties["digest"] == {"description": "The image's digest.", "type": "string"}
    assert "description" not in properties["layer-sizes"]


@pytest.mark.parametrize(
    ("document", "valid"),
    [
        ({"schema": 1, "digest": "sha256:0", "layer-sizes": [1]}, True),
        ({"schema": 1}, True),
        ({"digest": "sha256:0"}, False),
        ({"schema": 2}, False),
        ({"schema": 1, "digest": 5}, False),
        ({"schema": 1, "layerSizes": []}, False),
    ],
)
def test_a_document_is_held_to_the_schema(document: dict[str, object], valid: bool) -> None:
    assert Draft202012Validator(result_schema(EXAMPLE)).is_valid(document) is valid


@pytest.mark.parametrize(
    ("schema", "paths"),
    [
        ({"properties": {"run-id": {}}}, []),
        ({"properties": {"runId": {}}}, ["/runId"]),
        ({"properties": {"runs": {"items": {"properties": {"run_id": {}}}}}}, ["/runs/items/run_id"]),
        ({"properties": {"a": {"anyOf": [{"properties": {"B": {}}}]}}}, ["/a/anyOf/0/B"]),
        ({"additionalProperties": {"properties": {"x_y": {}}}}, ["/additionalProperties/x_y"]),
    ],
)
def test_names_that_are_not_kebab_case_are_found(schema: dict[str, object], paths: list[str]) -> None:
    assert list(misspelled(schema)) == paths
