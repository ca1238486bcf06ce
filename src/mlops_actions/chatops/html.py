"""Raw HTML blocks in Markdown, as CommonMark numbers their start and end conditions (https://spec.commonmark.org)."""

from __future__ import annotations

import re
from dataclasses import dataclass

_BLOCK_TAGS = (
    "address|article|aside|base|basefont|blockquote|body|caption|center|col|colgroup|dd|details|dialog|dir|div|dl|dt|fieldset|"
    "figcaption|figure|footer|form|frame|frameset|h[1-6]|head|header|hr|html|iframe|legend|li|link|main|menu|menuitem|nav|"
    "noframes|ol|optgroup|option|p|param|search|section|source|summary|table|tbody|td|tfoot|th|thead|title|tr|track|ul"
)
ATTRIBUTE = r"\s+[a-zA-Z_:][\w.:-]*(?:\s*=\s*(?:[^\s\"'=<>`]+|'[^']*'|\"[^\"]*\"))?"
BLANK = re.compile(r"^\s*$")
_HTML = (
    (re.compile(r"<(?:script|pre|style|textarea)(?=\s|>|$)", re.I), re.compile(r"</(?:script|pre|style|textarea)>", re.I)),
    (re.compile(r"<!--"), re.compile(r"-->")),
    (re.compile(r"<\?"), re.compile(r"\?>")),
    (re.compile(r"<![A-Za-z]"), re.compile(r">")),
    (re.compile(r"<!\[CDATA\["), re.compile(r"\]\]>")),
    (re.compile(rf"</?(?:{_BLOCK_TAGS})(?=\s|/?>|$)", re.I), BLANK),
)
_ANY_TAG = re.compile(rf"(?:<[A-Za-z][A-Za-z0-9-]*(?:{ATTRIBUTE})*\s*/?>|</[A-Za-z][A-Za-z0-9-]*\s*>)\s*$")


def block_end(line: str, start: int, in_paragraph: bool) -> re.Pattern[str] | None:
    """Return the end condition of the raw HTML block that begins here."""
    for begin, end in _HTML:
        if begin.match(line, start):
            return end
    return BLANK if not in_paragraph and _ANY_TAG.match(line, start) else None


# The rest is as a browser reads raw HTML, which goes further than the block: https://html.spec.whatwg.org/#tokenization
_COMMENT = re.compile(r"<!--(?:>|->|.*?--!?>)", re.DOTALL)
_TAG_NAME = re.compile(r"</?([A-Za-z][^\s/>]*)")
_VALUE = r"\s*+=\s*+(?:\"[^\"]*+\"|'[^']*+'|[^\s>\"'][^\s>]*+|(?=>))"
_ATTRIBUTE = re.compile(rf"(=?[^\s/>=]*+)(?:{_VALUE}|(?!\s*+=))")
_TAG_END = re.compile(rf"(?:[\s/]++|(?:=[^\s/>=]*+|[^\s/>=]++)(?:{_VALUE}|(?!\s*+=)))*+>")
# GitHub shows these as text: https://github.github.com/gfm/#disallowed-raw-html-extension-
_SHOWN_AS_TEXT = frozenset(
    ("title", "textarea", "style", "xmp", "iframe", "noembed", "noframes", "script", "plaintext"),
)
# `</details>` within one of these ends no `<details>` around it.
_CELLS = frozenset(("caption", "td", "th"))  # they end with their table, also without an end tag
_SCOPES = _CELLS | {"table", "select", "template", "object", "applet", "marquee", "svg", "math"}


@dataclass(frozen=True, slots=True)
class _Element:
    name: str
    depth: int  # the number of containers around it: a quote or a list item ends what was opened in it
    is_collapsed: bool


class OpenElements:
    """The open elements at one place of a comment, as far as they decide whether a reader sees the text there.

    Where a comment or a tag of raw HTML is not closed in its block, a browser takes what follows for a part of it.
    """

    def __init__(self) -> None:
        self._open: list[_Element] = []
        self._collapsed = 0
        self._is_cut = False

    @property
    def hides(self) -> bool:
        """Whether the text here is not shown, or only after a click."""
        return self._is_cut or self._collapsed > 0

    def read(self, text: str, depth: int) -> None:
        """Read the text of a raw HTML block, or one tag."""
        at = 0
        while not self._is_cut and (at := text.find("<", at)) >= 0:
            name = _TAG_NAME.match(text, at)
            if name and name[1].lower() in _SHOWN_AS_TEXT:
                at = name.end()
            elif name:
                end = _TAG_END.match(text, name.end())
                if end:
                    attributes = text[name.end() : end.end() - 1]
                    self._toggle(name[1].lower(), text[at + 1] == "/", attributes=attributes, depth=depth)
                self._is_cut, at = end is None, end.end() if end else at
            elif text.startswith("<!--", at):
                comment = _COMMENT.match(text, at)
                self._is_cut, at = comment is None, comment.end() if comment else at
            elif text.startswith(("<!", "<?", "</"), at):
                end_of_markup = text.find(">", at)
                self._is_cut, at = end_of_markup < 0, end_of_markup + 1
            else:
                at += 1

    def close(self, depth: int) -> None:
        """Close what was opened within more containers than these."""
        while self._open and self._open[-1].depth > depth:
            self._pop()

    def _toggle(self, name: str, is_end: bool, *, attributes: str, depth: int) -> None:
        if name != "details" and name not in _SCOPES:
            return
        if not is_end:
            is_open = any(match[1].lower() == "open" for match in _ATTRIBUTE.finditer(attributes))
            is_collapsed = name == "details" and not is_open
            self._open.append(_Element(name, depth, is_collapsed))
            self._collapsed += is_collapsed
            return
        while name == "table" and self._open and self._open[-1].name in _CELLS:
            self._pop()
        # Any other end tag may end nothing: what is collapsed then counts as such for longer than it is.
        if self._open and self._open[-1].name == name:
            self._pop()

    def _pop(self) -> None:
        self._collapsed -= self._open.pop().is_collapsed
