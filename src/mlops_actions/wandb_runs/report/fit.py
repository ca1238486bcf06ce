"""A report of sections, and its cut to a limit of characters: sections are left out or shortened, and named."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from mlops_actions.core import markdown
from mlops_actions.wandb_runs.report.cut_section import cut_first_line, cut_section

_SEPARATOR = "\n\n"


@dataclass(frozen=True)
class ReportSection:
    """A part of the report: its name for people in lower case (`learning curves`), and its Markdown; empty text: no section.

    `essential` is what a decision needs: headline, doubts, gates, bar. Such a section is shortened, and not left out.
    """

    name: str
    text: str
    essential: bool = False


def join(sections: Iterable[ReportSection]) -> str:
    """Return the whole report as Markdown."""
    return _joined(section.text for section in sections)


def fit(sections: Sequence[ReportSection], limit: int, note: str) -> str:
    """Return the report in at most `limit` characters.

    The essential sections get their place first, and share it where they are too long together. Then the others follow in
    their order, as far as they fit whole, and the first one that does not gets the room that is left. The line at the end
    names what is left out or shortened. `note` is Markdown and says where the whole report is.
    """
    present = [section for section in sections if section.text]
    whole = join(present)
    if len(whole) <= limit:
        return whole
    # The line at the end is longest when each section is in part.
    room = limit - len(_cut_line(present, dict.fromkeys(range(len(present)), "…"), note)) - len(_joined(["", "", ""]))
    kept = _shared({index: section.text for index, section in enumerate(present) if section.essential}, room)
    room -= sum(map(_size, kept.values()))
    kept |= _filled({index: section.text for index, section in enumerate(present) if not section.essential}, room)
    text = _joined([*(kept[index] for index in sorted(kept)), _cut_line(present, kept, note)])
    # A limit too small for one line and its note.
    return text if len(text) <= limit else markdown.cut(text, limit, "…")


def _shared(texts: dict[int, str], room: int) -> dict[int, str]:
    """Return as much of each text as `room` characters hold: each gets an equal part, or less where it needs less."""
    kept = {}
    shortest_first = sorted(texts, key=lambda index: len(texts[index]))
    for number, index in enumerate(shortest_first):
        part = room // (len(texts) - number) - len(_SEPARATOR)
        if text := cut_section(texts[index], part) or cut_first_line(texts[index], part):
            kept[index] = text
            room -= _size(text)
    return kept


def _filled(texts: dict[int, str], room: int) -> dict[int, str]:
    """Return the texts that `room` characters hold whole, in their order; then a part of the first other one."""
    kept = {}
    for index, text in texts.items():
        if _size(text) <= room:
            kept[index] = text
            room -= _size(text)
    for index, text in texts.items():
        if index not in kept and (part := cut_section(text, room - len(_SEPARATOR))):
            kept[index] = part
            break
    return kept


def _size(text: str) -> int:
    return len(text) + len(_SEPARATOR)


def _joined(texts: Iterable[str]) -> str:
    return _SEPARATOR.join(text for text in texts if text) + "\n"


def _cut_line(sections: Sequence[ReportSection], kept: dict[int, str], note: str) -> str:
    """Return the line that names the sections of which not the whole text is `kept`."""
    names = [
        markdown.escape(section.name) + (" (in part)" if index in kept else "")
        for index, section in enumerate(sections)
        if kept.get(index) != section.text
    ]
    return f"_Cut to GitHub's limit: {', '.join(names)}._ {note}"
