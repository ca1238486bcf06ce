"""Hostile text in Markdown, judged by a GitHub-flavoured renderer."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from mlops_actions.core import markdown

RENDERER = MarkdownIt("gfm-like", {"html": True, "linkify": True})

HOSTILE = st.one_of(
    st.text(max_size=80),
    st.text(alphabet="`|\\*_[]()<>!#@&;:~.$-+= \tax1\n", max_size=60),
)


class Page(HTMLParser):
    """The tags and the text of a rendering."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.text = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)

    def handle_comment(self, data: str) -> None:
        self.tags.append("comment")

    def handle_decl(self, decl: str) -> None:
        self.tags.append("declaration")

    def handle_pi(self, data: str) -> None:
        self.tags.append("instruction")

    def handle_data(self, data: str) -> None:
        self.text += data


def seen(text: str) -> str:
    """What a reader sees of a text: white space folded, invisible characters gone, a control shown as a mark."""
    text = re.sub(r"[\r\n\u2028\u2029\x0b\x0c\x85]+", " ", text)
    text = re.sub(r"[\x00-\x08\x0e-\x1f\x7f\u202a-\u202e\u2066-\u2069]", "\ufffd", text)
    return " ".join(text.replace("\u200b", "").split())


@given(HOSTILE)
@example(
    "<img src=x onerror=alert(1)> @octo/team #1 https://evil.example www.evil.example a@b.co [x](javascript:x) ![i](h://x)"
)
@example("$x$ `a` **b** ~~c~~ ]( | - [ ] x")
def test_escaped_text_is_shown_as_it_is(text: str) -> None:
    page = Page(RENDERER.render(f"before {markdown.escape(text)} after"))
    assert page.tags == ["p"]
    assert seen(page.text) == seen(f"before {text} after")


@given(HOSTILE)
def test_a_table_keeps_its_cells(text: str) -> None:
    cells = [f"x{markdown.escape(text)}x", f"y{markdown.code(text)}y"]
    page = Page(RENDERER.render(markdown.table(["a", "b"], [cells])))
    assert [tag for tag in page.tags if tag in ("td", "th")] == ["th", "th", "td", "td"]
    assert set(page.tags) <= {"table", "thead", "tbody", "tr", "th", "td", "code"}


@given(HOSTILE)
def test_nothing_closes_a_fence(text: str) -> None:
    page = Page(RENDERER.render(f"{markdown.fence(text)}\n\nafter"))
    assert page.tags == ["pre", "code", "p"]


@given(HOSTILE)
def test_a_folds_title_cannot_be_closed(text: str) -> None:
    page = Page(RENDERER.render(markdown.fold(text, "body")))
    assert page.tags == ["details", "summary", "p"]


@given(HOSTILE, HOSTILE)
def test_a_link_is_one_link(text: str, rest: str) -> None:
    page = Page(RENDERER.render(markdown.link(f"x{text}", f"https://example.com/{rest}")))
    assert page.tags == ["p", "a"]


@pytest.mark.parametrize("url", ["javascript:alert(1)", "data:text/html,x", "//evil.example", "", " https://x"])
def test_only_web_addresses_link(url: str) -> None:
    assert "](" not in markdown.link("text", url)


def test_mentions_and_references_do_not_link() -> None:
    assert "@octo" not in markdown.escape("@octo/team")
    assert "\u200b" in markdown.escape("@octo")
    assert "\u200b" in markdown.escape("#12")


@given(HOSTILE)
def test_mermaid_text_stays_inside_its_quotes(text: str) -> None:
    rendered = markdown.mermaid_text(text)
    assert not set(rendered) & set('"`<>[]{}()|\n\r%&@')


def test_a_cut_closes_open_fences_and_folds() -> None:
    document = markdown.fold("title", markdown.fence("x\n" * 5000))
    rendered = markdown.cut(document, 2000, "cut here")
    assert len(rendered) <= 2000
    assert Page(RENDERER.render(rendered)).tags == ["details", "summary", "pre", "code", "p"]
    assert rendered.endswith("cut here")
    assert markdown.cut("short", 100, "cut") == "short"
