"""The fast path that ignores most comments: it may miss that a comment holds no command, but never misses a command."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mlops_actions.chatops import grammar
from mlops_actions.chatops.comment import read
from mlops_actions.chatops.fast_path import is_no_command
from tests.support.payloads import VARIANTS, make_sample, write_event

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
    "／train",
    "/tr\u200bain",
    "—x",
    "“",
]
BLANKS = [" ", "\t", "\n", "\r", "\x0b", "\x85", "\u2028", "\u3000", "\ufeff", "\u200b", "\u202e", "\ufe0f"]
PIECES = st.sampled_from(WORDS + BLANKS)
BODIES = st.lists(PIECES, max_size=12).map("".join)


@pytest.fixture(scope="module")
def event(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fast-path") / "event.json"


def is_ignored(event: Path, name: str, payload: object, **inputs: str) -> bool:
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
    if is_ignored(event, "issue_comment", comment(body), prefix=prefix):
        assert grammar.find_commands(read(body), prefix) == []


@settings(max_examples=200, deadline=None)
@given(BODIES, st.sampled_from(["/train", "train x=1"]))
def test_no_phrase_is_missed(event: Path, body: str, phrase: str) -> None:
    if is_ignored(event, "issue_comment", comment(body), commands="", trigger_phrase=phrase):
        assert grammar.find_last_phrase(body, phrase) is None


@pytest.mark.parametrize("body", ["Looks good.", "", None, "See /train", "x" * 65_536, "a/b\n\nc"])
def test_a_comment_without_a_command_is_recognised(event: Path, body: str | None) -> None:
    assert is_ignored(event, "issue_comment", comment(body))
    assert is_ignored(event, "issue_comment", comment(body), commands="", trigger_phrase="/other")


OTHER_REASONS = [
    "comment on an issue",
    "comment edited by another",
    "label set",
    "push",
    "workflow started by hand",
    "call-back",
]


@pytest.mark.parametrize("name", OTHER_REASONS)
def test_events_with_another_reason_take_the_full_path(tmp_path: Path, name: str) -> None:
    delivery = VARIANTS[name]()
    path = write_event(delivery, tmp_path / "event.json")
    assert not is_no_command({"GITHUB_EVENT_NAME": delivery.event, "GITHUB_EVENT_PATH": str(path), "INPUT_COMMANDS": "/x"})


def test_a_text_without_a_command_is_recognised_in_every_event(tmp_path: Path) -> None:
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
def test_unusual_inputs_take_the_full_path(event: Path, inputs: dict[str, str]) -> None:
    assert not is_ignored(event, "issue_comment", comment("Looks good."), **inputs)


@pytest.mark.parametrize(
    "payload", [[], 1, {}, {"action": "created"}, comment(7), comment([]), {**comment("x"), "issue": 1}]
)
def test_a_malformed_payload_takes_the_full_path(event: Path, payload: object) -> None:
    assert not is_ignored(event, "issue_comment", payload)


def test_a_payload_as_github_sends_it_is_recognised(tmp_path: Path) -> None:
    """A payload as GitHub describes it, not one written by hand."""
    delivery = make_sample().pull.comment("Looks good.", by="outsider")
    path = write_event(delivery, tmp_path / "event.json")
    assert is_no_command({"GITHUB_EVENT_NAME": "issue_comment", "GITHUB_EVENT_PATH": str(path), "INPUT_COMMANDS": "/x"})
