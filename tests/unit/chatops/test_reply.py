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
        reply.denial("/train", Decision(reason, (text,), f"/train {text}"), "https://github.com/o/r/actions/runs/1"), text
    )


@given(st.text(max_size=300), st.text(max_size=80))
def test_any_quoted_text_stays_in_its_fence(detail: str, name: str) -> None:
    markdown = reply.denial(name, Decision("parameters", (detail,)), "https://github.com/o/r/actions/runs/1")
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
    markdown = reply.denial("/" + "y" * 60_000, Decision("parameters", details, "z" * 60_000), "https://github.com/o/r")
    assert len(markdown) < 10_000
    assert "… and 80 more" in markdown
    assert "zzz" not in markdown


def test_every_denial_has_a_reply() -> None:
    for code, reason in REASONS.items():
        assert re.fullmatch(r"[a-z]+(-[a-z]+)*", code)
        assert reason.when
        assert bool(reason.reply) == (reason.kind == "deny" or code == "help")
