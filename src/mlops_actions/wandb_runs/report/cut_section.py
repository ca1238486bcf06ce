"""Cut one section of the report to a limit of characters, so that what remains is whole Markdown.

The cut is behind a row of a table or a line of text. A table keeps its head, an open fold and an open fence are closed, a
diagram is kept whole or not at all, and no title stays without what it is the title of.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

MARK = "…"  # where something is missing
_FENCE = re.compile(r"(`{3,})(\w*)")
_RULE = re.compile(r"\|(?: :?-+:? \|)+")
_END_OF_FOLD = "</details>"
# Text in these is not escaped, or hides what follows it when it is not closed.
_UNBREAKABLE = re.compile(r"(?<!`)(`+)(?!`).+?(?<!`)\1(?!`)|<code>.*?</code>|\[[^\]]*\]\([^)]*\)")
_UNCLOSED = re.compile(r"`|<|(?<!\\)\[")


@dataclass(frozen=True)
class _Place:
    """A place at which a section can end: the number of its lines and characters, and what closes it there."""

    lines: int
    characters: int
    closing: str


def cut_section(text: str, limit: int) -> str:
    """Return as much of a section's Markdown as fits into `limit` characters; empty where no useful part of it does."""
    if len(text) <= limit:
        return text
    lines = text.split("\n")
    best = ""
    for place in _places(lines):
        end = f"\n\n{MARK}{place.closing}"
        if place.characters + len(end) > limit:
            break
        best = "\n".join(lines[: place.lines]) + end
    return best


def _places(lines: list[str]) -> Iterator[_Place]:
    """Yield the places at which the lines can be cut, from the first to the last."""
    fence, language, folds, characters = "", "", 0, 0
    for index, line in enumerate(lines):
        characters += len(line) + (index > 0)
        opened = _FENCE.match(line)
        if fence:
            # A part of a diagram is none.
            is_end = line == fence
            can_end = is_end or language != "mermaid"
            fence = "" if is_end else fence
        elif opened:
            fence, language = opened[1], opened[2]
            can_end = False
        else:
            # Text of a run can hold these words, but not at the start of a line.
            folds += line.startswith("<details") - line.startswith(_END_OF_FOLD)
            can_end = _can_end(lines, index)
        if can_end and line:
            closing = (f"\n{fence}" if fence else "") + f"\n\n{_END_OF_FOLD}" * folds
            yield _Place(index + 1, characters, closing)


def _can_end(lines: list[str], index: int) -> bool:
    """Return whether the text above the next line can stand alone: it ends with no head of a table, and with no title."""
    line = lines[index]
    if line.startswith("|"):
        following = lines[index + 1] if index + 1 < len(lines) else ""
        return not _RULE.fullmatch(line) and not _RULE.fullmatch(following)
    if line.startswith(("<details", "<summary")):
        return False
    next_part = next((other for other in lines[index + 1 :] if other), "")
    return line.startswith(("<", ">")) or not next_part.startswith(("|", "<details", "```"))


def cut_first_line(text: str, limit: int) -> str:
    """Return as much of a section's first line as fits, cut between two words; empty where it fits whole, or is no text.

    Inline code and links stay whole: the text in a code is not escaped.
    """
    line = text.partition("\n")[0]
    if len(line) <= limit or line.startswith(("|", "<", "```")):
        return ""
    shown = _UNBREAKABLE.sub(lambda found: "x" * len(found[0]), line[: limit + 1])
    unclosed = _UNCLOSED.search(shown)
    end = min(limit - len(MARK) - 1, unclosed.start() if unclosed else len(shown))
    words = shown.rfind(" ", 0, max(0, end) + 1)
    # More than the mark of a heading or a quotation.
    return f"{line[:words]} {MARK}" if words > 0 and re.search(r"\w", line[:words]) else ""
