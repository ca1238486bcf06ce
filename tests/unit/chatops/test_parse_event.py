"""The command in an event, found without asking GitHub."""

from __future__ import annotations

from typing import Any

import pytest

from mlops_actions.chatops.inputs import Inputs
from mlops_actions.chatops.parse_event import parse_event
from mlops_actions.chatops.request import ParsedEvent
from mlops_actions.core.context import Context
from mlops_actions.core.declare import read
from mlops_actions.core.errors import BadInput
from mlops_actions.core.event import read as read_event

INPUTS = read(Inputs, {"INPUT_COMMANDS": "/train", "INPUT_GITHUB-TOKEN": "t"})
CONTEXT = Context.from_environ({"GITHUB_REPOSITORY": "octo-org/digits"})


def parse_dispatch(inputs: dict[str, Any]) -> ParsedEvent:
    payload = {"inputs": inputs, "sender": {"login": "maintainer", "type": "User"}}
    return parse_event(read_event("workflow_dispatch", payload), INPUTS, CONTEXT)


@pytest.mark.parametrize("number", [7, "7", "#7", " #7 "])
@pytest.mark.parametrize("name", ["pr-number", "pr_number"])
def test_a_dispatch_accepts_every_form_of_a_pull_request_number(name: str, number: object) -> None:
    parsed = parse_dispatch({"command": "/train lr=1", name: number})
    assert parsed.request is not None
    assert (parsed.request.source.pr_number, parsed.request.rest) == (7, "lr=1")


@pytest.mark.parametrize("number", ["seven", "7.5", "-7", "##7", "7 8", "٧", "0", True])
def test_another_form_of_a_pull_request_number_is_bad_input(number: object) -> None:
    with pytest.raises(BadInput, match="not the number of a pull request") as caught:
        parse_dispatch({"command": "/train", "pr-number": number})
    assert "7 or #7" in caught.value.remedy


@pytest.mark.parametrize("inputs", [{"command": "/train"}, {"command": "/train", "pr-number": ""}])
def test_a_missing_pull_request_number_is_bad_input(inputs: dict[str, str]) -> None:
    with pytest.raises(BadInput, match="'pr-number' is missing or empty"):
        parse_dispatch(inputs)


def test_an_event_without_a_command_is_ignored() -> None:
    parsed = parse_event(read_event("push", {}), INPUTS, CONTEXT)
    assert parsed.decision is not None
    assert (parsed.decision.kind, parsed.decision.reason, parsed.source) == ("ignore", "unsupported-event", None)
