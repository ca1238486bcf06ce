"""The comment of a tag, and of a command: the newest text, and folded below it the reports of earlier workflow runs.

HTML comments structure it: the first line identifies the comment by its tag. A line names the command that the comment
belongs to, if any; another marks the text as the report of a workflow run, and tells whose section of the comment it is
where several jobs and workflows write it (`shared_comment`). One line precedes each folded report, and one precedes what
chatops says about the command, which is the comment's last part.

Whoever may write to the repository can edit the comment. These lines only find it; no decision rests on them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar
from urllib.parse import quote, unquote

from mlops_actions.core import markdown, shared_comment
from mlops_actions.core.section import CommentSection
from mlops_actions.core.shared_comment import MARKER as _MARKER
from mlops_actions.core.shared_comment import Part

MAX_EARLIER = 5
# The beginning of every comment of this module, whatever its tag.
ANY_TAG = f"{_MARKER}:"
_TAG = re.compile(rf"{re.escape(ANY_TAG)}(\S*) -->")
_EARLIER = f"{_MARKER}-earlier -->"
_COMMAND = re.compile(rf"{_MARKER}-command:([\w-]{{1,100}})( open(?::([^\s>]{{0,600}}))?)? -->\n")
_ABOUT = f"{_MARKER}-about -->"
_CUT_NOTE = "_Cut here: GitHub allows at most 65,536 characters in a comment._"


def marker(tag: str) -> str:
    """Return the comment's first line. Any text can be a tag: it is quoted, so that it cannot end the marker."""
    return f"{_MARKER}:{quote(tag, safe='')} -->"


@dataclass(frozen=True)
class CommandMark:
    """The line that names the command of a comment: the step that took it (`RUN-ATTEMPT-…`), and whether it still runs.

    `label` is the command's pending label, for as long as it runs.
    """

    step_id: str
    is_open: bool = True
    label: str = ""

    @property
    def run(self) -> str:
        """The id of the workflow run."""
        return self.step_id.partition("-")[0]

    def line(self) -> str:
        """Return the line; a label is quoted, so that it cannot end the line."""
        label = f":{quote(self.label, safe='')}" if self.label else ""
        return f"{_MARKER}-command:{self.step_id}{f' open{label}' if self.is_open else ''} -->\n"


@dataclass(frozen=True)
class CommandComment:
    """The comment of a command, as it is now.

    `headline` is the first line of the report that it holds (empty: none), `about` what it says about the command.
    """

    id: int
    tag: str
    mark: CommandMark
    headline: str
    about: str
    url: str


def read_command(comment: str, identifier: int, url: str) -> CommandComment | None:
    """Read the comment of a command with this id and address; None where it belongs to none."""
    mark, first = command_mark(comment), _TAG.match(comment)
    if mark is None or first is None:
        return None
    return CommandComment(identifier, unquote(first[1]), mark, headline(comment), _split(comment)[1], url)


def command_mark(comment: str) -> CommandMark | None:
    """Return the mark of the command that a comment belongs to; None where it belongs to none."""
    match = _COMMAND.match(_below_marker(comment))
    return CommandMark(match[1], bool(match[2]), unquote(match[3] or "")) if match else None


def command_comment(tag: str, mark: CommandMark, about: str, before: str = "") -> str:
    """Return the comment of a command: what is said `about` it, below the report that its present text `before` may hold."""
    head = f"{marker(tag)}\n{mark.line()}"
    report, _ = _split(before)
    tail = f"{_ABOUT}\n{_without_markers(about)}"
    if not report:
        return markdown.cut(head + tail, markdown.COMMENT_LIMIT, _CUT_NOTE)
    shown = markdown.cut(report, markdown.COMMENT_LIMIT - len(head) - len(tail) - 2, _CUT_NOTE)
    return f"{head}{shown}\n\n{tail}"


def headline(comment: str) -> str:
    """Return the first line of the report in a command's comment, without its mark-up; empty where it holds no report."""
    parts = _parts(comment)
    text = parts[0].body if len(parts) == 1 else _split(comment)[0].strip()
    return shared_comment.plain(text.strip().partition("\n")[0]) if text else ""


def is_report(comment: str) -> bool:
    """Return whether a comment holds a report that a later one replaces; not while its command still runs."""
    mark = command_mark(comment)
    return not (mark and mark.is_open) and bool(headline(comment))


Found = TypeVar("Found")


def chosen(comments: Sequence[tuple[str, Found]], run: str) -> tuple[Found | None, tuple[Found, ...]]:
    """Choose the comment for a text of the workflow run `run` among the (text, comment) pairs of a tag, oldest first.

    It is that of the run's own command, else the newest of the tag. Also returns its duplicates: jobs that start at once
    may each have written one, and the oldest of these stays.
    """
    marks = [command_mark(text) for text, _ in comments]
    own = [found for mark, (_, found) in zip(marks, comments, strict=True) if mark and run and mark.run == run]
    if own:
        return own[-1], ()
    last = max((index for index, mark in enumerate(marks) if mark), default=-1)
    alone = [found for _, found in comments[last + 1 :]]
    if alone:
        return alone[0], tuple(alone[1:])
    return (comments[last][1], ()) if comments else (None, ())


def compose(
    tag: str,
    text: str,
    *,
    before: str = "",
    run: str = "",
    keep: bool = False,
    day: str = "",
    section: CommentSection | None = None,
    duplicates: Sequence[str] = (),
    runs_url: str = "",
) -> str:
    """Return the comment's new text; `before` is its present text (empty: none) and `day` is the day of that text.

    `keep` marks the text as the report of the workflow run `run`: the next workflow run folds it. Without the mark the next
    text replaces it. Within one workflow run a text replaces the one before of the same section, and leaves other sections
    as they are, also those of `duplicates` of the comment. The oldest folded reports are dropped where the comment would
    exceed GitHub's limit. A text that is there already gives the same comment.
    """
    mark = command_mark(before)
    head = f"{marker(tag)}\n" + (mark.line() if mark else "")
    present = _parts(before)
    keys = {(part.run, part.section.key) for part in present}
    present += [part for other in duplicates for part in _parts(other) if (part.run, part.section.key) not in keys]
    own = Part(run, _without_markers(text), is_report=keep and bool(run), section=section or CommentSection())
    merged = shared_comment.merge(own, present)
    comment = head + shared_comment.write(merged.shown, markdown.COMMENT_LIMIT - len(head), _CUT_NOTE, runs_url)
    folded = _folded(before)
    if merged.earlier:
        is_late = merged.earlier == (own,)
        fold = shared_comment.fold(merged.earlier, "" if is_late else day)
        folded = [fold, *(one for one in folded if one != fold)]
    for report in folded[:MAX_EARLIER]:
        longer = f"{comment.rstrip()}\n\n{_EARLIER}\n{report}\n"
        if len(longer) > markdown.COMMENT_LIMIT:
            break
        comment = longer
    return comment


def number_of_parts(comment: str) -> int:
    """Return how many sections a comment shows."""
    return len(_parts(comment))


def holds(comment: str, text: str, *, run: str, section: CommentSection) -> bool:
    """Tell whether a comment still shows this text of a section, whole or cut; or folds it, below that of a newer run."""
    own = Part(run, _without_markers(text), section=section)
    return shared_comment.stands(own, _parts(comment))


def _parts(comment: str) -> list[Part]:
    return shared_comment.read(_latest_and_folded(comment)[0])


def _folded(comment: str) -> list[str]:
    return [report.strip() for report in _latest_and_folded(comment)[1:]]


def _latest_and_folded(comment: str) -> list[str]:
    return re.split(rf"^{re.escape(_EARLIER)}\n", _split(comment)[0] + "\n", flags=re.MULTILINE)


def _without_markers(text: str) -> str:
    """Return a text without the marker lines of this module, which it must not contain."""
    return text.replace(_MARKER, _MARKER.replace("mlops", "mlops\u200b"))


def _below_marker(comment: str) -> str:
    return comment.replace("\r\n", "\n").partition("\n")[2]


def _split(comment: str) -> tuple[str, str]:
    """Return the report of a comment (with its mark and the folded ones), and what is said about the command."""
    below = _below_marker(comment)
    mark = _COMMAND.match(below)
    report, _, about = (below[mark.end() :] if mark else below).partition(_ABOUT)
    return report.strip(), about.strip()
