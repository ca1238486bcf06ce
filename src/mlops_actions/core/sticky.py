"""The one comment of a tag: the newest text, and folded below it the reports of earlier workflow runs.

HTML comments structure it: the first line identifies the comment, the second marks the text as the report of a workflow run,
and one line precedes each folded report.
"""

from __future__ import annotations

import html
import re
from urllib.parse import quote

from mlops_actions.core import markdown

MAX_EARLIER = 5
_MARKER = "<!-- mlops-actions"
_EARLIER = f"{_MARKER}-earlier -->"
_RUN = re.compile(rf"{_MARKER}-run:([\w.-]+) -->\n")
_MAX_TITLE = 120  # characters of a folded report's title
_CUT_NOTE = "_Cut here: GitHub allows at most 65,536 characters in a comment._"


def marker(tag: str) -> str:
    """Return the comment's first line. Any text can be a tag: it is quoted, so that it cannot end the marker."""
    return f"{_MARKER}:{quote(tag, safe='')} -->"


def compose(tag: str, text: str, *, before: str = "", run: str = "", keep: bool = False, day: str = "") -> str:
    """Return the comment's new text; `before` is its present text (empty: none) and `day` is the day of that text.

    `keep` marks the text as the report of the workflow run `run`: the next workflow run folds it. Without the mark the next
    text replaces it, and within one workflow run every text replaces the one before. The oldest folded reports are dropped
    where the comment would exceed GitHub's limit.
    """
    head = f"{marker(tag)}\n" + (f"{_MARKER}-run:{run} -->\n" if keep and run else "")
    # A text must not contain the marker lines of this module.
    body = text.replace(_MARKER, _MARKER.replace("mlops", "mlops\u200b"))
    comment = markdown.cut(head + body, markdown.COMMENT_LIMIT, _CUT_NOTE)
    for report in _earlier(before.replace("\r\n", "\n"), run, day)[:MAX_EARLIER]:
        longer = f"{comment.rstrip()}\n\n{_EARLIER}\n{report}\n"
        if len(longer) > markdown.COMMENT_LIMIT:
            break
        comment = longer
    return comment


def _earlier(before: str, run: str, day: str) -> list[str]:
    """Return the folded reports that go below a new text, newest first."""
    latest, *folded = re.split(rf"^{re.escape(_EARLIER)}\n", before.partition("\n")[2], flags=re.MULTILINE)
    reports = [report.strip() for report in folded]
    marked = _RUN.match(latest)
    if marked and marked[1] != run:
        body = latest[marked.end() :].strip()
        reports.insert(0, markdown.fold(f"{day}: {_title(body)}" if day else _title(body), body))
    return reports


def _title(body: str) -> str:
    """Return a report's first line without its mark-up, since a fold's title is HTML."""
    line = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", body.partition("\n")[0].lstrip("# "))
    text = html.unescape(re.sub(r"\\(\W)", r"\1", re.sub(r"</?code>|`|\*\*", "", line))).replace("#", "#\u200b")
    return text if len(text) <= _MAX_TITLE else f"{text[: _MAX_TITLE - 1]}…"
