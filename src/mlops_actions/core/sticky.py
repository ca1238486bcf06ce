"""The one comment of a tag: what its newest writer says, and folded below it the reports of earlier workflow runs.

Hidden lines hold it together: the first finds the comment again, the second is there when a workflow run wants its text
kept as a report, and one stands before each folded report.
"""

from __future__ import annotations

import html
import re
from urllib.parse import quote

from mlops_actions.core import markdown

MOST_EARLIER = 5
_OURS = "<!-- mlops-actions"
_EARLIER = f"{_OURS}-earlier -->"
_RUN = re.compile(rf"{_OURS}-run:([\w.-]+) -->\n")
_TITLE = 120  # characters of a folded report's title
_CUT_NOTE = "_Cut here: GitHub takes at most 65,536 characters in a comment._"


def marker(tag: str) -> str:
    """The comment's first line; any text can be a tag, and none can end the marker."""
    return f"{_OURS}:{quote(tag, safe='')} -->"


def compose(tag: str, text: str, *, before: str = "", run: str = "", keep: bool = False, day: str = "") -> str:
    """Write the comment anew; `before` is how it stands (empty: there is none) and `day` is when that was written.

    `keep` makes the text a report of the workflow run `run`: the next run folds it, where a text that is not kept gives
    way. Within one run every text gives way to the next. Folded reports are dropped, oldest first, where the comment
    would outgrow GitHub's limit.
    """
    head = f"{marker(tag)}\n" + (f"{_OURS}-run:{run} -->\n" if keep and run else "")
    # Our own hidden lines count where this module wrote them, and nowhere else.
    body = text.replace(_OURS, _OURS.replace("mlops", "mlops\u200b"))
    written = markdown.cut(head + body, markdown.COMMENT_LIMIT, _CUT_NOTE)
    for report in _earlier(before.replace("\r\n", "\n"), run, day)[:MOST_EARLIER]:
        longer = f"{written.rstrip()}\n\n{_EARLIER}\n{report}\n"
        if len(longer) > markdown.COMMENT_LIMIT:
            break
        written = longer
    return written


def _earlier(before: str, run: str, day: str) -> list[str]:
    """The reports to fold below a new text, newest first, each folded already."""
    latest, *folded = re.split(rf"^{re.escape(_EARLIER)}\n", before.partition("\n")[2], flags=re.MULTILINE)
    found = [report.strip() for report in folded]
    kept = _RUN.match(latest)
    if kept and kept[1] != run:
        body = latest[kept.end() :].strip()
        found.insert(0, markdown.fold(f"{day}: {_title(body)}" if day else _title(body), body))
    return found


def _title(body: str) -> str:
    """A report's first line without its mark-up, since a fold's title is HTML."""
    line = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", body.partition("\n")[0].lstrip("# "))
    text = html.unescape(re.sub(r"\\(\W)", r"\1", re.sub(r"</?code>|`|\*\*", "", line))).replace("#", "#\u200b")
    return text if len(text) <= _TITLE else f"{text[: _TITLE - 1]}…"
