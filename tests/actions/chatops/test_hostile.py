"""Any comment: no crash, no workflow command in the log, and every value is emitted as it was written."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mlops_actions.chatops.grammar import invisible_characters
from mlops_actions.core.callback import EVENT_TYPE
from mlops_actions.core.command_notice import parse
from mlops_sandbox.github import GitHubServer
from mlops_sandbox.runner.files import LogCommand, read_log
from tests.actions.chatops.step import ChatopsStep
from tests.support.payloads import Sample, make_sample
from tests.support.step import StepRecord

ACCEPTED = {"commands": "/train", "reaction": "none", "reply": "never", "head": "latest", "failure-reaction": "none"}
# GitHub refuses a NUL, and JSON a lone surrogate.
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=200)
WORD = st.text(st.characters(exclude_categories=("Cs", "Cc", "Zs", "Zl", "Zp"), exclude_characters="'\\<>`-="), min_size=1)
WORD = WORD.filter(lambda word: not invisible_characters(word))


class Conversation:
    """One server and one pull request for all examples; the examples vary the comment."""

    def __init__(self, github: GitHubServer, directory: Path) -> None:
        self.sample: Sample = make_sample(github)
        self.stage = ChatopsStep(github, directory)

    def post_comment(self, body: str, **inputs: str) -> StepRecord:
        return self.stage.run(self.sample.pull.comment(body, by="maintainer"), {**ACCEPTED, **inputs})


@pytest.fixture(scope="module")
def conversation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Conversation]:
    github = GitHubServer()
    with github.serve():
        yield Conversation(github, tmp_path_factory.mktemp("hostile"))


def check_clean(ran: StepRecord) -> None:
    commands = [entry for entry in read_log(ran.log) if isinstance(entry, LogCommand)]
    notices = [
        parse(command.properties.get("title", ""), command.message) for command in commands if command.name == "notice"
    ]
    assert {command.name for command in commands} <= {"add-mask", "notice"}, ran.log
    assert [notice is not None for notice in notices] == [True] * (ran.outputs["decision"] == "continue"), ran.log
    assert ran.exit_code == 0
    assert ran.outputs["decision"] in ("continue", "ignore", "deny")


@settings(max_examples=60)
@given(TEXT)
@example("::error::x")
@example("x='\n::set-output name=triggered::true")
@example("\r::add-mask::e\r\n##[error]x")
@example("a=ghadelimiter_\n<<EOF")
def test_any_arguments_are_handled(conversation: Conversation, text: str) -> None:
    check_clean(conversation.post_comment(f"/train {text}"))


@settings(max_examples=40)
@given(TEXT)
def test_any_comment_is_handled(conversation: Conversation, text: str) -> None:
    check_clean(conversation.post_comment(text))
    check_clean(conversation.post_comment(text, commands="", trigger_phrase="x"))


@settings(max_examples=40)
@given(st.lists(WORD, min_size=1, max_size=5))
def test_words_are_emitted_as_they_were_written(conversation: Conversation, words: list[str]) -> None:
    ran = conversation.post_comment("/train -- " + " ".join(f"'{word}'" for word in words))
    assert json.loads(ran.outputs["positional"]) == words


@settings(max_examples=30)
@given(
    TEXT,
    st.sampled_from(["commands", "trigger_phrase", "prefix", "allow-teams", "require-checks", "app-permissions", "begun"]),
)
def test_any_input_is_accepted_or_refused_with_a_remedy(conversation: Conversation, text: str, name: str) -> None:
    ran = conversation.post_comment("/train", **{name: text})
    assert ran.exit_code in (0, 2, 3), ran.log
    assert "this is a defect" not in ran.log


BAD_INPUTS = [
    ({"commands": ""}, "input 'commands' is required"),
    ({"commands": "a: [b]"}, "input 'commands' describes 'a'"),
    ({"commands": "{"}, "not valid YAML"),
    ({"commands": "a\x1b"}, "not valid YAML: special characters are not allowed"),
    ({"trigger_phrase": "/other"}, "'commands' and 'trigger_phrase' are two names for one thing"),
    ({"pending-label": "a", "indicator_label": "b"}, "two names for one thing"),
    ({"require-approval": "yes"}, "'require-approval' must be true or false"),
    ({"permission": "owner"}, "'permission' must be one of read, triage"),
    ({"prefix": "> "}, "'prefix' must have"),
    ({"reaction": "thumbsup"}, "'reaction' must be one of"),
    ({"allow-teams": "ml"}, "'allow-teams' must name teams as org/team"),
    ({"pending-label": "x" * 51}, "'pending-label' must be one label"),
    ({"app-id": "1"}, "'app-id' was given without 'app-private-key'"),
    ({"export-app-token": "true"}, "needs a GitHub App"),
    ({"app-permissions": "contents: read"}, "none is emitted"),
    ({"app-permissions": "contents: admin"}, "'app-permissions' must list 'name: read' or 'name: write', not"),
    ({"app-permissions": "contents"}, "'app-permissions' must list"),
    ({"app-permissions": "issues: read\nissues: write"}, "'app-permissions' gives 'issues' twice"),
    ({"mode": "finish"}, "'mode: finish' needs exactly one of the inputs 'begun' and 'begun-file'"),
    ({"mode": "finish", "begun": "{}", "begun-file": "x"}, "'mode: finish' needs exactly one of the inputs 'begun' and"),
    ({"github-token": ""}, "input 'github-token' is empty"),
    ({"head": "newest", "forks": "maybe"}, "2 problems with the inputs"),
]


@pytest.mark.parametrize(("inputs", "message"), BAD_INPUTS)
def test_bad_inputs_name_the_remedy(conversation: Conversation, inputs: dict[str, str], message: str) -> None:
    ran = conversation.stage.run(
        conversation.sample.pull.comment("/train", by="maintainer"), {"commands": "/train", **inputs}
    )
    assert ran.exit_code == 2
    (error,) = [entry for entry in read_log(ran.log) if isinstance(entry, LogCommand) and entry.name == "error"]
    cause, _, remedy = error.message.partition("\n")
    assert message in cause
    assert remedy


def test_an_event_cannot_be_replaced(conversation: Conversation, tmp_path: Path) -> None:
    """The replaced action accepted the path of any payload, and so anybody's claim of who gives the command."""
    forged = tmp_path / "forged.json"
    forged.write_text(json.dumps(conversation.sample.pull.comment("/train", by="maintainer").payload))
    delivery = conversation.sample.pull.comment("/train", by="outsider")
    ran = conversation.stage.run(delivery, {"commands": "/train", "TEST_EVENT_PATH": str(forged)})
    assert ran.outputs["reason"] == "permission"
    assert "::warning::'test_event_path' is ignored" in ran.log


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ({}, "'command'"),
        ({"command": "/train"}, "'pr-number'"),
        ({"pr-number": "1"}, "'command'"),
        ({"command": "x", "pr-number": "1"}, "no command"),
    ],
)
def test_a_manual_dispatch_names_the_missing_input(conversation: Conversation, inputs: dict[str, str], message: str) -> None:
    ran = conversation.stage.run(
        conversation.sample.repository.workflow_dispatch(inputs, by="maintainer"), {"commands": "/train"}
    )
    assert ran.exit_code == 2
    assert message in ran.log


@pytest.mark.parametrize(
    "payload", [{}, {"schema": 1, "sha": "::error::x", "pr": 1}, {"schema": 1, "sha": "0" * 40, "pr": 1}]
)
def test_a_malformed_call_back_is_bad_input(conversation: Conversation, payload: dict[str, Any]) -> None:
    ran = conversation.stage.run(
        conversation.sample.repository.dispatch(EVENT_TYPE, payload, by="maintainer"), {"commands": "/train"}
    )
    assert ran.exit_code == 2
    assert "the call-back's client_payload cannot be read" in ran.log
    assert "::error::x" not in ran.log


@pytest.mark.parametrize(
    "content", [None, b"", b"{", b"[]", b"\xff", b'{"action": "created"}', b'{"action": "created", "issue": 1}']
)
def test_a_broken_event_file_is_bad_input(conversation: Conversation, tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "event.json"
    if content is not None:
        path.write_bytes(content)
    conversation.stage.environ["GITHUB_EVENT_PATH"] = str(path)
    try:
        ran = conversation.post_comment("/train")
    finally:
        del conversation.stage.environ["GITHUB_EVENT_PATH"]
    assert ran.exit_code == 2
    assert "::error" in ran.log


def test_a_step_without_an_event_is_bad_input(conversation: Conversation) -> None:
    conversation.stage.environ["GITHUB_EVENT_PATH"] = ""
    try:
        ran = conversation.post_comment("/train")
    finally:
        del conversation.stage.environ["GITHUB_EVENT_PATH"]
    assert ran.exit_code == 2
    assert "there is no event" in ran.log
