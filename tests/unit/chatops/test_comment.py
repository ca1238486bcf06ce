"""The text of a comment outside quotes and code, compared with a CommonMark parser."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from mlops_actions.chatops import comment, inline
from tests.support.counting import count_calls

RENDERER = MarkdownIt("commonmark")
INDENTED_MARK = re.compile(r"^[ \t>]*(?: {4}|\t)[ \t]*>", re.MULTILINE)

PIECES = [
    *("/t", "/t a", "\n/t", "\n/t", "text", "\n", "\n", "\n", "\n\n", " ", "  ", "    ", "\t"),
    *("```", "````", "~~~", "`", "``", "- ", "* ", "1. ", "2) ", "\n- ", "\n    ", "# ", "---", "===", "<!-- a -->"),
    *("<div>", "<pre>", "</pre>", "<b>"),
]


def shown(body: str) -> int:
    """Count the `/t` that a renderer shows as text."""
    count = 0

    def walk(tokens: list[Token]) -> None:
        nonlocal count
        for token in tokens:
            if token.type == "text":
                count += token.content.count("/t")
            walk(token.children or [])

    walk([token for token in RENDERER.parse(body) if token.type == "inline"])
    return count


def visible(body: str) -> list[str]:
    return [line.visible for line in comment.read(body).lines]


# The renderer has defects of its own: always the same examples, so that a run fails for nothing but a change here.
@settings(max_examples=500)
@given(st.lists(st.sampled_from(PIECES), max_size=14).map("".join))
def test_reads_what_a_renderer_shows_as_text(body: str) -> None:
    assert sum(line.count("/t") for line in visible(body)) == shown(body)


@settings(max_examples=400)
@given(st.lists(st.sampled_from([*PIECES, "> ", ">", "\n> ", "\n> ", "<!--", "-->", "\\"]), max_size=14).map("".join))
def test_reads_nothing_that_a_renderer_shows_as_code_or_hides(body: str) -> None:
    # An escaped mark reads `\/t` there and `/t` here; it never stands first on its line. And the renderer takes a mark
    # indented by four for a quote's, where CommonMark has the paragraph go on (`> a`, then `    > b`).
    if "\\/t" not in body and not INDENTED_MARK.search(body):
        assert sum(line.count("/t") for line in visible(body)) <= shown(body)


NOT_SHOWN = ['[a](b "', '")', "](c)", "![", "[x]: u '", "'", '<b title="', '">', "<?", "?>", "<!X ", ">", "](", "]"]


@settings(max_examples=600)
@given(st.lists(st.sampled_from(["/t", "\n/t", "\n/t", "\n", "\n\n", " ", "a", *NOT_SHOWN]), max_size=12).map("".join))
def test_reads_no_text_that_a_renderer_does_not_show(body: str) -> None:
    assert sum(line.startswith("/t") for line in visible(body)) <= shown(body)


@given(st.text(max_size=300))
def test_any_text_is_read(body: str) -> None:
    for line in comment.read(body).lines:
        assert len(line.text) == len(line.visible)
        assert "\n" not in line.text


@pytest.mark.parametrize(
    "body",
    [
        "> /t",
        ">/t",
        "   > /t",
        "> > /t",
        "- > /t",
        "```\n/t\n```",
        "```sh\n/t",
        "~~~\n```\n/t\n~~~",
        "````\n```\n/t\n````",
        "- ```\n  /t\n  ```",
        "    /t",
        "\t/t",
        "# Title\n    /t",
        "- a\n\n      /t",
        "a `b\n/t\nc` d",
        "`` ` /t ``",
        "<!-- /t -->",
        "<!--\n/t\n-->",
        "a <!--\n/t\n--> b",
        "<pre>\n/t\n</pre>",
        '[a](b "\n/t\n")',
        "[a](\n/t)",
        "![](\n/t\n)",
        "[a](<b c> '\n/t\n') d",
        '![a](b "\n/t\n")',
        "![\n/t\n](b)",
        "![a [b]\n/t\n](c)",
        '[a]: b "\n/t\n"',
        "[a]: b\n(\n/t\n)",
        'a <b title="\n/t\n">',
        "a <?\n/t\n?>",
        "a <!X\n/t >",
        "a <![CDATA[\n/t\n]]>",
        # A tag that begins where a link's title or an image's description seems to stand.
        '[a](b "<b title="\n/t">',
        'a](b "<b title=")\n/t">',
        '![a <b title="](c)\n/t">',
    ],
)
def test_quotes_and_code_are_skipped(body: str) -> None:
    assert not [line for line in visible(body) if "/t" in line]


@pytest.mark.parametrize(
    "body",
    [
        "/t",
        "  /t",
        "text\n    /t",
        "> quoted\n\n/t",
        # Nobody leaves the blank line after a quote: the line without a mark is the author's own.
        "> quoted\n/t",
        "```\ncode\n```\n/t",
        "- ```\n/t",
        "``unclosed\n\n/t",
        "- a\n\n  /t",
        "a <!-- unclosed\n\n/t",
        "\u00a0\u00a0\u00a0\u00a0/t",
        "see [a](b)\n/t",
        "see ![a](b) and <c\n/t",
        "a < b\n/t",
        'wow! [1]: "\n/t',
        'why [a](b "c") (\n/t',
    ],
)
def test_the_author_s_own_text_is_read(body: str) -> None:
    assert [line.strip() for line in visible(body)][-1] == "/t"


def test_code_is_covered_in_the_visible_line_alone() -> None:
    (line,) = comment.read("/t a=`x` <!-- y --> b").lines
    assert line.text == "/t a=`x`            b"
    assert line.visible == "/t a=" + inline.CODE * 3 + " " + inline.HIDDEN * 10 + " b"


@pytest.mark.parametrize(
    "piece",
    [
        "> ",
        "- ",
        "- " * 32 + "x\n",
        "` ``",
        "<!--",
        "```\n",
        "\t",
        "<a b=\"'",
        "1. ",
        "* *",
        "\\`",
        "[<",
        "![",
        "](",
        '](a "',
        "]:a",
        "<a b='",
        "<?",
        "<!a",
        "<a b ",
    ],
)
def test_time_is_linear_in_the_length(piece: str) -> None:
    def steps(size: int) -> int:
        return count_calls(lambda: comment.read((piece * size)[:size]))

    # Doubling the text may double the calls (and a little more), not quadruple them.
    assert steps(16_384) < 3 * steps(8_192) + 1000
