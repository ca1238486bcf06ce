"""A query as JSON: each condition is written and read, and an unknown one is refused."""

from __future__ import annotations

import json
from dataclasses import fields
from typing import Any

import pytest

from mlops_actions.core import run_query
from mlops_actions.core.runs import RunQuery

EVERY = RunQuery(
    run_ids=("c1",), states=("finished",), commit="a" * 40, commit_config_key="github_sha", config={"secondary_sha": "7"},
    group="seeds", tags=("baseline", "best"), tracker_filter={"config.lr": {"$lt": 0.1}},
    any_of=(RunQuery(tags=("x",)), RunQuery(commit="b" * 40)), stop_after=10,
)  # fmt: skip


@pytest.mark.parametrize("query", [RunQuery(), EVERY], ids=["nothing", "everything"])
def test_a_query_is_read_as_it_was_written(query: RunQuery) -> None:
    assert run_query.read(json.loads(json.dumps(run_query.document(query)))) == query


def test_each_attribute_has_a_form() -> None:
    """A condition that is new must be written too, or a verifier would ask for other runs."""
    known = {"any_of": (RunQuery(group="g"),)}
    for field in fields(RunQuery):
        default = getattr(RunQuery(), field.name)
        value: Any = known.get(field.name)
        if value is None:
            value = {str: "text", int: 3, tuple: ("a",), dict: {"a": "b"}, type(None): {"a": 1}}[type(default)]
        query = RunQuery(**{field.name: value})
        assert run_query.read(json.loads(json.dumps(run_query.document(query)))) == query, field.name


@pytest.mark.parametrize(
    "value",
    [
        None, [], "x", {"archived": True}, {"tags": "x"}, {"tags": [1]}, {"commit": 1}, {"stopAfter": True}, {"config": []},
        {"anyOf": [{"tags": [None]}]}, {"anyOf": {}}, {"anyOf": [{"anyOf": [{"anyOf": [{"anyOf": [{}]}]}]}]},
        {"runIds": ["x"] * 1001}, {"run_ids": ["x"]},
    ],
    ids=str,
)  # fmt: skip
def test_another_form_is_refused(value: Any) -> None:
    with pytest.raises(ValueError, match="quer"):
        run_query.read(value)
