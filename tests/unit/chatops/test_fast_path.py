"""The glance by which most comments are ignored: it may miss that a comment is no command, and never a command."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mlops_actions.chatops import grammar
from mlops_actions.chatops.fast_path import is_no_command
from tests.support.payloads import VARIANTS, scene, write_event

WORDS = [
    "/train",
    "/",
    "//",
    "train",
    "x=1",
    "!train",
    "\\",
    "#",
    "> ",
    "- ",
    "1. ",
    "`",
    "```",
    "~~~",
    "<!--",
    "-->",
    "<pre>",
]
BLANKS = [" ", "\t", "\n", "\r", "\x0b", "\x85", "\u2028", "\u3000", "\ufeff", "\u200b"]
PIECES = st.sampled_from(WORDS + BLANKS)
BODIES = st.lists(PIECES, max_size=12).map("".join)


@pytest.fixture(scope="module")
def event(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("glance") / "event.json"


def look(event: Path, name: str, payload: object, **inputs: str) -> bool:
    event.write_text(json.dumps(payload))
    given_inputs = {f"INPUT_{key.upper()}": value for key, value in {"commands": "/train", **inputs}.items()}
    return is_no_command({"GITHUB_EVENT_NAME": name, "GITHUB_EVENT_PATH": str(event), **given_inputs})


def comment(body: object) -> dict[str, Any]:
    return {"action": "created", "issue": {"pull_request": {}}, "comment": {"body": body}}


@settings(max_examples=300, deadline=None)
@given(BODIES, st.sampled_from(["/", "!", "//"]))
@example("<!-- x -->/train", "/")
@example("\\/train", "/")
def test_no_command_is_missed(event: Path, body: str, prefix: str) -> None:
    if look(event, "issue_comment", comment(body), prefix=prefix):
        assert grammar.find_commands(body, prefix) == []


@settings(max_examples=200, deadline=None)
@given(BODIES, st.sampled_from(["/train", "train x=1"]))
def test_no_phrase_is_missed(event: Path, body: str, phrase: str) -> None:
    if look(event, "issue_comment", comment(body), commands="", trigger_phrase=phrase):
        assert grammar.find_last_phrase(body, phrase) is None


@pytest.mark.parametrize("body", ["Looks good.", "", None, "See /train", "x" * 65_536, "a/b\n\nc"])
def test_a_comment_that_is_none_is_told(event: Path, body: str | None) -> None:
    assert look(event, "issue_comment", comment(body))
    assert look(event, "issue_comment", comment(body), commands="", trigger_phrase="/other")


UNTOLD = ["comment on an issue", "comment edited by another", "label set", "push", "workflow started by hand", "call-back"]


@pytest.mark.parametrize("name", UNTOLD)
def test_what_has_another_reason_is_left_to_the_long_way(tmp_path: Path, name: str) -> None:
    delivery = VARIANTS[name]()
    path = write_event(delivery, tmp_path / "event.json")
    assert not is_no_command({"GITHUB_EVENT_NAME": delivery.event, "GITHUB_EVENT_PATH": str(path), "INPUT_COMMANDS": "/x"})


def test_every_event_with_a_text_is_told(tmp_path: Path) -> None:
    for name in ("comment", "comment on a line", "review without text"):
        delivery = VARIANTS[name]()
        path = write_event(delivery, tmp_path / "event.json")
        assert is_no_command(
            {"GITHUB_EVENT_NAME": delivery.event, "GITHUB_EVENT_PATH": str(path), "INPUT_COMMANDS": "x", "INPUT_PREFIX": "!"}
        ), name


@pytest.mark.parametrize(
    "inputs",
    [
        {"mode": "finish"},
        {"mode": "nonsense"},
        {"trigger_phrase": "/x"},
        {"commands": ""},
        {"prefix": "> "},
        {"prefix": "a b"},
    ],
)
def test_inputs_that_need_a_closer_look_get_one(event: Path, inputs: dict[str, str]) -> None:
    assert not look(event, "issue_comment", comment("Looks good."), **inputs)


@pytest.mark.parametrize(
    "payload", [[], 1, {}, {"action": "created"}, comment(7), comment([]), {**comment("x"), "issue": 1}]
)
def test_a_payload_that_is_none_is_left_to_the_long_way(event: Path, payload: object) -> None:
    assert not look(event, "issue_comment", payload)


def test_the_scene_is_told(tmp_path: Path) -> None:
    """Not a hand-made payload alone: one as GitHub describes it."""
    delivery = scene().pull.comment("Looks good.", by="outsider")
    path = write_event(delivery, tmp_path / "event.json")
    assert is_no_command({"GITHUB_EVENT_NAME": "issue_comment", "GITHUB_EVENT_PATH": str(path), "INPUT_COMMANDS": "/x"})
