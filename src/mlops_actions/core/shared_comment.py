"""The parts of one comment that several jobs, steps and workflows write: reports, and texts about work that still runs.

Each part begins with a line that tells whose it is. With several parts an overview precedes them: one headline for all, in
which a failed part is a failure, and the verdict of each. GitHub's limit is divided fairly among the parts.

Whoever may write to the repository can edit the comment: no decision rests on what is read here.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from urllib.parse import quote_plus, unquote_plus

from mlops_actions.core import markdown
from mlops_actions.core.section import CommentSection

MARKER = "<!-- mlops-actions"
_RUN = re.compile(
    rf"^{MARKER}-run:(?P<run>[\w.-]+)"
    r"(?: (?P<kind>report|progress) (?P<key>\w*)/(?P<leg>\w*)/(?P<workflow>\w*)"
    r"/(?P<attempt>\d{1,6})(?P<matrix>m?)(?P<named>n?) (?P<title>[^\s>]{0,720}))? -->\n",
    re.MULTILINE,
)
_BODY = f"{MARKER}-body -->\n"
_MAX_MARKED_TITLE = 60  # characters of a title in the line that marks a part; each takes up to 12 when it is quoted
_MAX_TITLE = 120  # characters of a title of a fold
_MAX_LINE = 4000  # characters of the line that a title is made of; whoever edits the comment can make it longer
_MAX_ROW = 500  # characters of one part in the overview
_LEAST_BODY = 300  # a shorter rest of a part says nothing
_AROUND = 6  # characters around a part: blank lines, and the mark that stays of one without room
_SHARED_NOTE = "_Cut here: several reports share this comment; the whole report is in the job's summary._"
_FAILED, _WAITING, _DOUBTFUL, _PASSED = "❌", ("⏳", "🏃", "⏸️"), "⚠️", "✅"


@dataclass(frozen=True)
class Part:
    """What one section says, written by the workflow run `run`; a report is folded by the next run, progress is replaced."""

    run: str
    body: str
    is_report: bool = True
    section: CommentSection = field(default_factory=CommentSection)

    @property
    def first_line(self) -> str:
        """The first line, as Markdown without the marks of a heading."""
        return self.body.strip().partition("\n")[0][:_MAX_LINE].lstrip("# ")

    @property
    def mark(self) -> str:
        """The mark that begins the first line; empty where it begins with a word."""
        word = self.first_line.partition(" ")[0]
        return word if word and not word[0].isascii() else ""

    def line(self) -> str:
        """Return the line that precedes the part; the title is quoted, so that it cannot end the line."""
        one = self.section
        if not one.key:
            return f"{MARKER}-run:{self.run} -->\n"
        kind = "report" if self.is_report else "progress"
        title = quote_plus(one.title[:_MAX_MARKED_TITLE], safe="(),:/=")
        marks = "m" * one.in_matrix + "n" * one.is_named
        ids = f"{one.key}/{one.leg}/{one.workflow}/{one.attempt}{marks}"
        return f"{MARKER}-run:{self.run} {kind} {ids} {title} -->\n"


def read(text: str) -> list[Part]:
    """Read the parts of a comment's text. A text without marks is nobody's part: the next one replaces it."""
    found = list(_RUN.finditer(text))
    ends = [*(mark.start() for mark in found), len(text)][1:]
    return [_part(mark, text[mark.end() : end]) for mark, end in zip(found, ends, strict=False)]


def _part(mark: re.Match[str], text: str) -> Part:
    _, separator, body = text.partition(_BODY)
    section = CommentSection(
        mark["key"] or "", mark["leg"] or "", mark["workflow"] or "",
        unquote_plus(mark["title"] or ""),
        in_matrix=bool(mark["matrix"]), is_named=bool(mark["named"]), attempt=int(mark["attempt"] or 1),
    )  # fmt: skip
    return Part(mark["run"], (body if separator else text).strip(), mark["kind"] != "progress", section)


@dataclass(frozen=True)
class Merged:
    """The parts to show, in their order, and the reports of an earlier run, which are folded together."""

    shown: tuple[Part, ...]
    earlier: tuple[Part, ...] = ()


def merge(own: Part, present: Iterable[Part]) -> Merged:
    """Put a part among those that are present: it replaces its own, and no other report of the same workflow run.

    A report of a job replaces what the same job said about its progress. Where the job said nothing, that was another job's
    work, and the report replaces it unless it failed or belongs to a leg of a matrix. Sections of two names that users
    gave say nothing about each other.
    """
    present = list(present)
    others = [part for part in present if part.section.key != own.section.key or part.run != own.run]
    if own.is_report and own.section.attempt == 1 and any(_is_newer(part, own) for part in others):
        return Merged(_sorted(others), (own,))
    # Its own report, written before, stands for the progress that it replaced.
    is_known = any(_same_leg(part, own) and not _named_apart(part, own) for part in present)
    shown, earlier = [own], []
    for part in others:
        if _is_earlier(part, own):
            earlier += [part] if part.is_report else []
        elif not _is_replaced(part, own, is_known=is_known):
            shown.append(part)
    return Merged(_sorted(shown), _sorted(earlier))


def stands(own: Part, present: Iterable[Part]) -> bool:
    """Tell whether a part is still there, whole or cut; or whether a newer run of its workflow has taken its place."""
    beginning = own.body.replace("\r\n", "\n").strip()[: _LEAST_BODY // 2]
    for part in present:
        is_own = part.section.key == own.section.key and part.run == own.run
        if (is_own and (part.body == own.mark or part.body.startswith(beginning))) or _is_newer(part, own):
            return True
    return False


def _is_newer(part: Part, own: Part) -> bool:
    """Tell whether a part is of a later run of this workflow: a slow run must not push it aside."""
    both_numbers = part.run.isdigit() and own.run.isdigit()
    return both_numbers and int(part.run) > int(own.run) and _same_workflow(part, own) and bool(own.section.workflow)


def _is_earlier(part: Part, own: Part) -> bool:
    return part.run != own.run and (_same_workflow(part, own) or part.section.key == own.section.key)


def _same_workflow(part: Part, own: Part) -> bool:
    # Comments of older versions name no workflow.
    return part.section.workflow in ("", own.section.workflow) or not own.section.workflow


def _same_leg(part: Part, own: Part) -> bool:
    return part.run == own.run and part.section.leg == own.section.leg


def _named_apart(part: Part, own: Part) -> bool:
    one, other = part.section, own.section
    return one.is_named and other.is_named and one.key != other.key


def _is_replaced(part: Part, own: Part, *, is_known: bool) -> bool:
    if part.run != own.run or _named_apart(part, own):
        return False
    if _same_leg(part, own):
        # A new attempt of the job makes everything of the attempt before outdated.
        return part.section.attempt < own.section.attempt or (own.is_report and not part.is_report)
    if not own.is_report or part.is_report or is_known:
        return False
    return not (part.section.in_matrix or own.section.in_matrix or part.mark == _FAILED)


def _sorted(parts: Iterable[Part]) -> tuple[Part, ...]:
    return tuple(sorted(parts, key=lambda part: (_natural(_name(part)), part.section.key)))


def _natural(title: str) -> list[tuple[int, int, str]]:
    """Return a key that sorts `leg (2)` before `leg (10)`."""
    words = re.findall(r"\d{1,18}|\D+|\d+", title)
    return [(0, int(word), "") if word.isdecimal() and word.isascii() else (1, 0, word) for word in words]


def write(parts: Sequence[Part], limit: int, cut_note: str, runs_url: str = "") -> str:
    """Return the text of the parts in at most `limit` characters; `runs_url` and a run's id make the run's address."""
    if len(parts) == 1:
        part = parts[0]
        line = part.line() if part.is_report or part.section.key else ""
        return line + markdown.cut(part.body, max(0, limit - len(line)), cut_note)
    frames = [f"{part.line()}---\n**{markdown.escape(_name(part))}**\n\n{_BODY}" for part in parts]
    room = limit - sum(len(frame) + _AROUND for frame in frames)
    if room < 2 * _LEAST_BODY * len(parts):
        # So many parts that the overview alone tells of most.
        frames = [part.line() for part in parts]
        room = limit - sum(len(frame) + _AROUND for frame in frames)
    overview = _overview(parts, room, runs_url)
    sizes = _fair([part.body for part in parts], room - len(overview) - _AROUND)
    texts = [frame + _cut_body(part, size) for frame, part, size in zip(frames, parts, sizes, strict=True)]
    return "\n\n".join([overview, *texts])


def _cut_body(part: Part, size: int) -> str:
    """Cut a part; where the room is too small to say anything, its mark stays for the next overview."""
    if size < min(_LEAST_BODY, len(part.body)):
        return part.mark
    return markdown.cut(part.body, size, _SHARED_NOTE)


def _fair(bodies: Sequence[str], room: int) -> list[int]:
    """Divide the room: a text that is shorter than its share leaves the rest to the others."""
    sizes = [0] * len(bodies)
    left, waiting = max(0, room), sorted(range(len(bodies)), key=lambda index: len(bodies[index]))
    while waiting:
        index = waiting.pop(0)
        sizes[index] = min(len(bodies[index]), left // (len(waiting) + 1))
        left -= sizes[index]
    return sizes


def _overview(parts: Sequence[Part], room: int, runs_url: str) -> str:
    rows = []
    for part in parts:
        name = _name(part)
        row = f"- {markdown.link(name, runs_url + part.run) if runs_url else markdown.escape(name)}: {part.first_line}"
        if len(row) > (longest := min(_MAX_ROW, max(0, room - _LEAST_BODY) // len(parts) - 1)):
            # The verdict alone: a line that is cut may open a mark-up that it does not close.
            row = f"- {part.mark} {_escaped(name, longest - len(part.mark) - 3)}"
        rows.append(row)
    return f"### {headline(parts)}\n\n" + "\n".join(rows)


def _escaped(name: str, limit: int) -> str:
    """Escape the beginning of a name: at most `limit` characters of Markdown."""
    size = len(name)
    while size and len(text := markdown.escape(name[:size])) > limit:
        size -= max(1, (len(text) - limit) // 8)
    return markdown.escape(name[: max(0, size)])


def headline(parts: Sequence[Part]) -> str:
    """Return one headline for several parts: a failed one is a failure, and only if all passed all have passed."""
    marks, total = [part.mark for part in parts], len(parts)
    waiting = sum(mark in _WAITING for mark in marks)
    if failed := marks.count(_FAILED):
        return f"{_FAILED} {failed} of {total} reports failed"
    if waiting:
        return f"{_WAITING[0]} {waiting} of {total} reports not decided yet"
    if doubtful := marks.count(_DOUBTFUL):
        return f"{_DOUBTFUL} {doubtful} of {total} reports doubtful"
    if marks.count(_PASSED) == total:
        return f"{_PASSED} All {total} reports passed"
    return f"📊 {total} reports"


def fold(parts: Sequence[Part], day: str) -> str:
    """Fold the reports of an earlier workflow run under their headline and day (empty: not said)."""
    if len(parts) == 1:
        title, body = plain(parts[0].first_line), parts[0].body
    else:
        title = headline(parts)
        body = "\n\n".join(f"**{markdown.escape(_name(part))}**\n\n{part.body}" for part in parts)
    return markdown.fold(f"{day}: {title}" if day else title, body)


def _name(part: Part) -> str:
    return part.section.title[:_MAX_MARKED_TITLE] or "report"


def plain(line: str) -> str:
    """Return a line of Markdown without its mark-up, since a fold's title is HTML."""
    line = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", line[:_MAX_LINE].lstrip("# "))
    text = html.unescape(re.sub(r"\\(\W)", r"\1", re.sub(r"</?code>|`|\*\*", "", line))).replace("#", "#\u200b")
    return text if len(text) <= _MAX_TITLE else f"{text[: _MAX_TITLE - 1]}…"
