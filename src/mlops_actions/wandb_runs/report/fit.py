"""A report of sections, and its cut to a limit of characters: whole sections are left out, and named."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from mlops_actions.core import markdown

_SEPARATOR = "\n\n"


@dataclass(frozen=True)
class ReportSection:
    """A part of the report: its name for people in lower case (`learning curves`), and its Markdown; empty text: no section.

    `essential` is what a decision needs: headline, doubts, gates. Such a section is never left out as a whole.
    """

    name: str
    text: str
    essential: bool = False


def join(sections: Iterable[ReportSection]) -> str:
    """Return the whole report as Markdown."""
    return _joined(section.text for section in sections)


def fit(sections: Sequence[ReportSection], limit: int, note: str) -> str:
    """Return the report in at most `limit` characters.

    The essential sections get their place first, then the others in their order; one that does not fit is left out, and a
    line at the end names it. An essential section that alone is too long is cut at the end of a line. `note` is Markdown and
    says where the whole report is.
    """
    present = [section for section in sections if section.text]
    whole = join(present)
    if len(whole) <= limit:
        return whole
    # The line at the end is longest when it names every section.
    room = limit - len(_left_out(present, note)) - len(_joined(["", "", ""]))
    kept: dict[int, str] = {}
    for index, section in sorted(enumerate(present), key=lambda entry: not entry[1].essential):
        text = section.text
        if section.essential and len(text) > room > 0:
            text = markdown.cut(text, room, "…")
        if text and len(text) + len(_SEPARATOR) <= room:
            kept[index] = text
            room -= len(text) + len(_SEPARATOR)
    missing = [section for index, section in enumerate(present) if kept.get(index) != section.text]
    text = _joined([*(kept[index] for index in sorted(kept)), _left_out(missing, note)])
    # A limit too small for one line and its note.
    return text if len(text) <= limit else markdown.cut(text, limit, "…")


def _joined(texts: Iterable[str]) -> str:
    return _SEPARATOR.join(text for text in texts if text) + "\n"


def _left_out(sections: Iterable[ReportSection], note: str) -> str:
    names = ", ".join(section.name for section in sections)
    return f"_Cut to GitHub's limit: {markdown.escape(names)}._ {note}"
