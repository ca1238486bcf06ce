"""The call-back's payload: what is written is read, and nothing else is."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops_actions.core.callback import CallBack, read

IMAGE = f"ghcr.io/acme/digits@sha256:{'1' * 64}"
TOLD = CallBack("a" * 40, 7, 4711, "train-x7k2p", "Succeeded", "ml", "0b5a-1", "train", IMAGE)


def test_a_written_payload_is_read_unchanged() -> None:
    assert read(json.loads(json.dumps(TOLD.payload()))) == TOLD


def test_numbers_may_be_text_as_a_workflows_parameters_are() -> None:
    assert read(TOLD.payload() | {"pr": "7", "run": "4711"}) == TOLD


def test_github_takes_ten_properties() -> None:
    assert len(TOLD.payload()) <= 10


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"schema": 2}, "schema"),
        ({"schema": True}, "schema"),
        ({"sha": "a" * 39}, "sha"),
        ({"sha": "A" * 40}, "sha"),
        ({"sha": "a" * 40 + "\n"}, "sha"),
        ({"pr": 0}, "pr"),
        ({"pr": "7/../8"}, "pr"),
        ({"pr": True}, "pr"),
        ({"pr": "٧"}, "pr"),
        ({"run": -1}, "run"),
        ({"run": 2**60}, "run"),
        ({"run": None}, "run"),
        ({"phase": "Running"}, "phase"),
        ({"workflow": "train"}, "workflow"),
        ({"workflow": {"name": "x\n::error::y"}}, "name"),
        ({"workflow": {"name": "train", "uid": "$(id)"}}, "uid"),
        ({"workflow": {"name": "train", "namespace": 1}}, "namespace"),
        ({"workflow": {"name": "train", "image": "a b"}}, "image"),
        ({"workflow": {"name": "train", "image": "a\n::error::y"}}, "image"),
        ({"step": "a b"}, "step"),
    ],
)
def test_a_payload_of_another_form_is_refused_with_the_name_of_the_field(changed: dict[str, Any], named: str) -> None:
    with pytest.raises(ValueError, match=f"'{named}'"):
        read(TOLD.payload() | changed)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
)


@given(st.fixed_dictionaries({}, optional=dict.fromkeys(TOLD.payload(), JSON)))
def test_any_payload_is_read_or_refused(payload: dict[str, Any]) -> None:
    try:
        read_back = read(TOLD.payload() | payload)
    except ValueError:
        return
    assert read(read_back.payload()) == read_back
