"""Replies quote strangers: no quoted text becomes markup, a mention or a command."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from mlops_actions.chatops import comment, grammar, reply
from mlops_actions.chatops.parameters import Command
from mlops_actions.chatops.reasons import REASONS
from mlops_actions.chatops.request import CommandRequest, CommandSource, Decision
from mlops_actions.core.markdown import COMMENT_LIMIT
from mlops_actions.core.user import User

RENDERER = MarkdownIt("gfm-like", {"linkify": False})
HOSTILE = [
    "@octo-org/everyone",
    "```\n@octo-org/everyone\n```",
    "~~~\n```````\n<img src=x onerror=alert(1)>",
    "</details><script>alert(1)</script>",
    "[click](https://evil.example) ![x](https://evil.example/pixel.png)",
    "<!-- --><b>/train</b>",
    "/deploy\n/train",
    "#1 GH-1 octo-org/digits#2",
    "`code` ``@me``",
    "\u202e\u2066",
]


def _asked(text: str) -> str:
    """Say that somebody asked for a command with these arguments."""
    source = CommandSource(1, User("ada", "User", 1), comment_url="https://github.com/o/r/pull/1#issuecomment-1")
    return reply.asked(source, "https://github.com", CommandRequest(source, Command("train"), "/train", text))


def outside_code(markdown: str) -> str:
    """Return what a renderer shows as text or HTML, without code."""
    found: list[str] = []
    for token in RENDERER.parse(markdown):
        if token.type == "html_block":
            found.append(token.content)
        children = token.children or []
        found += [child.content + str(child.attrs or "") for child in children if child.type != "code_inline"]
    return "\n".join(found)


def checked(markdown: str, quoted: str) -> None:
    shown = outside_code(markdown)
    for word in re.findall(r"[@#<\[!]\w+[\w/-]*", quoted):
        assert word not in shown, (word, markdown)
    assert grammar.find_commands(comment.read(markdown), "/") == []
    assert len(markdown) < COMMENT_LIMIT


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("reason", ["parameters", "permission", "head-not-seen"])
def test_quoted_text_in_a_denial_has_no_effect(text: str, reason: str) -> None:
    checked(
        reply.denial(_asked(text), Decision(reason, (text,), f"/train {text}"), "https://github.com/o/r/actions/runs/1"),
        text,
    )


@given(st.text(max_size=300), st.text(max_size=80))
def test_any_quoted_text_stays_in_its_fence(detail: str, name: str) -> None:
    markdown = reply.denial(_asked(name), Decision("parameters", (detail,)), "https://github.com/o/r/actions/runs/1")
    assert grammar.find_commands(comment.read(markdown), "/") == []
    assert markdown.endswith("<!-- mlops-actions:chatops -->")
    last = RENDERER.parse(markdown)[-1]
    assert last.type in ("html_block", "paragraph_close")
    assert "log" in outside_code(markdown)


@pytest.mark.parametrize("text", HOSTILE)
def test_values_in_a_confirmation_have_no_effect(text: str) -> None:
    source = CommandSource(1, User("maintainer", "User"), comment_url="https://github.com/o/r/pull/1", label=text)
    request = CommandRequest(source, Command("train"), "/train", text)
    url = "https://github.com/o/r"
    summary = reply.summary(request, "https://github.com", f"{url}/commit/{'a' * 40}", {"note": text, "list": [text, 1]})
    for written in (
        reply.started("/train", summary, url, waits=False),
        reply.ended("/train", "success", summary, url, 1.0),
        reply.notice("/train", "failure", login=text, headline="", url=url, seconds=None),
    ):
        checked(written, text)


def test_long_text_is_cut() -> None:
    details = tuple("x" * 60_000 for _ in range(100))
    markdown = reply.denial(_asked("y" * 60_000), Decision("parameters", details, "z" * 60_000), "https://github.com/o/r")
    assert len(markdown) < 10_000
    assert "… and 80 more" in markdown
    assert "zzz" not in markdown


def test_every_denial_has_a_reply() -> None:
    for code, reason in REASONS.items():
        assert re.fullmatch(r"[a-z]+(-[a-z]+)*", code)
        assert reason.when
        assert bool(reason.reply) == (reason.kind == "deny" or code == "help")


# What the reply to each refusal says first: what to do.
FIRST_SENTENCES = {
    "nothing-to-confirm": "Give the command first, or again:",
    "confirmation-early": "Wait for the question about the newer command, or give the older one again:",
    "confirmation-expired": "Give the command again:",
    "confirmation-changed": "Give the command again:",
    "confirmation-elsewhere": "Write it as a comment in the conversation of the pull request:",
    "confirmation-unknown": "Follow the remedy below, then confirm again.",
    "confirmed-before": "Give the command again if it is to run again.",
    "may-not-confirm": "Ask somebody who may confirm this command.",
    "workflow-not-of-run": "Name the run that submitted the workflow.",
    "runs-unknown": "Follow the remedy below, then write the command again.",
    "not-stopped": "Follow the remedy below, then write the command again.",
    "nothing-to-retry": "Write the command again:",
    "retry-moved": "Give the command on the head commit instead, by `/retry`:",
    "nothing-waits": "Start a command first.",
    "self-approval": "Ask somebody else to approve this:",
    "pusher-unknown": "Follow the remedy below, or ask a maintainer to set `self-approval: allow`, then approve again.",
    "multiple-commands": "Write one command in each comment.",
    "unknown-command": "Correct the name.",
    "sender-not-author": "Write your own comment.",
    "pull-request-unknown": "Follow the remedy below, then write the command again.",
    "closed": "Reopen the pull request, then write the command again:",
    "reopened": "Look at the head commit, then paste the command below.",
    "draft": "Mark the pull request as ready for review, then write the command again.",
    "base-branch": "Choose another base branch, or ask a maintainer to allow this one.",
    "permission": "Ask somebody with the needed role to give this command.",
    "permission-unknown": "Follow the remedy below, then write the command again.",
    "login-reused": "Write a new comment.",
    "not-allowed": "Ask one of the people who may give this command.",
    "team-unknown": "Follow the remedy below, then write the command again.",
    "rerun-permission": "Ask somebody who may give this command to write it.",
    "arguments": "Correct the arguments.",
    "parameters": "Correct the parameters.",
    "run-not-here": "Name a run of this repository.",
    "run-unknown": "Follow the remedy below.",
    "commit-not-here": "Name a commit of this pull request.",
    "commits-unknown": "Follow the remedy below.",
    "fork": "Push the branch to this repository, and open a pull request from there.",
    "fork-gone": "Open a new pull request from another branch.",
    "fork-not-approved": "Ask somebody with the role to approve exactly this commit in a review.",
    "sha-malformed": "Look at the head commit, then paste the command below.",
    "sha-mismatch": "Look at the head commit, then paste the command below.",
    "sha-missing": "Look at the head commit, then paste the command below.",
    "head-not-seen": "Look at the new commits, then paste the command below.",
    "older-commit": "Look at the newer commits, then paste the command below.",
    "head-unknown": "Look at the head commit, then paste the command below.",
    "head-moved": "Look at the changes, then paste the command below.",
    "not-approved": "Ask somebody else with the role to approve exactly this commit in a review:",
    "approval-unknown": "Follow the remedy below, then write the command again.",
    "not-approved-by-owner": "Ask an owner of each file below to approve exactly this commit in a review.",
    "code-owners-unknown": "Follow the remedy below, then write the command again.",
    "checks": "Wait until these checks have passed on this commit, then write the command again:",
    "checks-unknown": "Follow the remedy below, then write the command again.",
}


def test_every_refusal_says_first_what_to_do() -> None:
    refusals = {code: reason for code, reason in REASONS.items() if reason.kind == "deny"}
    assert FIRST_SENTENCES.keys() == refusals.keys()
    for code, sentence in FIRST_SENTENCES.items():
        shown = reply.denial(_asked("x"), Decision(code, ("detail",), "/train sha=1"), "https://github.com/o/r")
        assert shown.startswith(sentence), code
        assert "`/train x` by [ada](https://github.com/ada)" in shown


def test_every_refusal_that_a_commit_would_mend_says_to_paste_the_command() -> None:
    mended = {code for code, reason in REASONS.items() if "paste the command below" in reason.reply}
    assert mended == {
        *("reopened", "sha-malformed", "sha-mismatch", "sha-missing"),
        *("head-not-seen", "older-commit", "head-unknown", "head-moved"),
    }
