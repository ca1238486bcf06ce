"""Cover what a renderer does not show of a paragraph, and its code: HTML, targets and titles of links, images."""

from __future__ import annotations

import re
from bisect import bisect_left

from mlops_actions.chatops import html

# They stand for inline code, which a reader sees as code, and for text that no reader sees.
CODE = "\ufffc"
HIDDEN = "\ufffd"

_INLINE = re.compile(r"\\[!-/:-@\[-`{-~]|`+|<!--|<!\[CDATA\[|<!(?=[A-Za-z])|<\?|</?(?=[A-Za-z])|!\[|\](?=[(:])")
# The text that ends each of these constructs; for an image, the end of its description.
_CLOSERS = {"<!--": "-->", "<![CDATA[": "]]>", "<!": ">", "<?": "?>", "![": "]("}
_WORD = re.compile(r"\S*+")
_TICKS = re.compile(r"`+")

_TITLE = r"(?:\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'|\((?:[^()\\]|\\.)*\))"
# A tag, and the target and title of a link or link definition: a reader sees none of them, and each may span lines.
_NOT_SHOWN = re.compile(
    rf"<[A-Za-z][A-Za-z0-9-]*(?:{html.ATTRIBUTE})*\s*/?>|</[A-Za-z][A-Za-z0-9-]*\s*>"
    rf"|\][(:]\s*(?:<[^<>\n]*>|[^\s<]\S*+)\s+{_TITLE}"
    rf"|\]\([ \t]*\n\s*(?:<[^<>\n]*>|(?!<)(?:[^\s()]|\([^\s()]*\))++)\s*\)",
    re.DOTALL,
)
# A link reference definition whose target stands on the next line; only a paragraph's beginning holds definitions.
_DEFINITION = re.compile(r"\]:[ \t]*+\n[ \t]*+(?:<[^<>\n]*>|[^\s<]\S*+)[ \t]*+(?=\n|$)")
_BRACKETS = re.compile(r"\\.|[\[\]]", re.DOTALL)


def hide(text: str) -> tuple[str, str, list[tuple[int, int]]]:
    """Cover code spans, HTML and other text of a paragraph that a renderer does not show; line ends stay.

    Return the text without HTML comments, the text with all of it covered, and where its tags begin and end.

    Whether a bracket makes a link, only a whole parser can tell. So the target of what looks like a link or an image is
    covered, and read for tags and code all the same: too much may be covered, but nothing that is not shown is left.
    """
    runs: dict[int, list[int]] = {}
    for run in _TICKS.finditer(text):
        runs.setdefault(len(run[0]), []).append(run.start())
    covered: list[tuple[int, int, str]] = []
    comments: list[tuple[int, int, str]] = []
    tags: list[tuple[int, int]] = []
    at = target_end = image_end = 0
    closing = _closing_brackets(text)
    last = {closer: text.rfind(closer) for closer in _CLOSERS.values()}
    while match := _INLINE.search(text, at):
        start, at = match.span()
        end = 0
        if match[0][0] == "`":
            closers = runs.get(len(match[0]), [])
            index = bisect_left(closers, at)
            end = closers[index] + len(match[0]) if index < len(closers) else 0
            at = end or at
        elif match[0] == "![":
            if image_end < at <= last["]("]:
                image_end = text.index("](", at)
            # A description ends at its own bracket where a reference follows or nothing, so both ends are covered.
            end = max(image_end * (image_end >= at), closing.get(at - 1, 0))
        elif closer := _CLOSERS.get(match[0]):
            end = text.index(closer, start + 2) + len(closer) if last[closer] >= start + 2 else 0
            at = end or at
            tags += [(start, end)] * bool(end)  # a browser may see a tag in it
        elif match[0] == "]":
            # A target in angle brackets, or on the next line, is not part of a word that was looked at before.
            if at > target_end or text[at + 1 : at + 2] in ("<", " ", "\t", "\n"):
                end = _end_of_tag_or_target(text, start) or _end_of_definition(text, start)
                if not end and at > target_end and text[at + 1 : at + 2] != "<" and (word := _WORD.match(text, at)):
                    # Any other target that begins in this word ends with it too, and no title follows it either.
                    target_end = word.end()
        else:
            end = _end_of_tag_or_target(text, start)
            at = end or at
            tags += [(start, end)] * bool(end)
        if end:
            covered.append((start, end, CODE if match[0][0] == "`" else HIDDEN))
            if match[0] == "<!--":
                comments.append((start, end, " "))
    return _cover_all(text, comments), _cover_all(text, covered), tags


def _closing_brackets(text: str) -> dict[int, int]:
    """Map the position of each square bracket that is closed to the end of its closing one; only images need them."""
    if "![" not in text:
        return {}
    open_brackets: list[int] = []
    closing: dict[int, int] = {}
    for match in _BRACKETS.finditer(text):
        if match[0] == "[":
            open_brackets.append(match.start())
        elif match[0] == "]" and open_brackets:
            closing[open_brackets.pop()] = match.end()
    return closing


def _end_of_tag_or_target(text: str, start: int) -> int:
    match = _NOT_SHOWN.match(text, start)
    return match.end() if match else 0


def _end_of_definition(text: str, start: int) -> int:
    match = _DEFINITION.match(text, start) if text.startswith("[") else None
    return match.end() if match else 0


def _cover_all(text: str, spans: list[tuple[int, int, str]]) -> str:
    """Cover each span by its character; they are in the order of their starts and may overlap."""
    parts: list[str] = []
    position = 0
    for start, end, character in spans:
        if end > position:
            begin = max(start, position)
            parts += (text[position:begin], cover(text[begin:end], character))
            position = end
    return "".join((*parts, text[position:]))


def cover(span: str, character: str) -> str:
    """Return a text with each character replaced by this one; line ends stay."""
    return "\n".join(character * len(part) for part in span.split("\n"))
