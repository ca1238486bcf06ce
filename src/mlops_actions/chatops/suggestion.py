"""The one reply to a mistyped command, which several workflows of a repository write together.

Each workflow knows only its own commands, so that two of them may know one that is near. Whoever may write to the repository
can edit the comment: of what others wrote only names of commands are kept, and nothing is decided by them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote, unquote

from mlops_actions.chatops import reply
from mlops_actions.chatops.request import CommandSource, Decision

_MARKER = "<!-- mlops-actions-meant"
_LINE = re.compile(rf"^{_MARKER}-line:(\S{{1,600}}) -->$", re.MULTILINE)
_TEXT = re.compile(r"\S{1,80} is not a command; did you mean \S{1,100}\?")
_MAX_LINES = 10


@dataclass(frozen=True)
class Shared:
    """A reply with this first line; `asked` says what was asked, and `lines` are this workflow's part."""

    first_line: str
    asked: str
    lines: tuple[str, ...]

    def compose(self, comments: Sequence[str] = ()) -> str:
        """Return the reply with the lines that the present comments hold; the same lines give the same text."""
        found = (unquote(match[1]) for text in comments for match in _LINE.finditer(text.replace("\r\n", "\n")))
        others = sorted({line for line in found if _TEXT.fullmatch(line)} - {*self.lines})
        lines = sorted((*self.lines, *others[:_MAX_LINES]))
        marks = [f"{_MARKER}-line:{quote(line, safe='')} -->" for line in lines]
        text = reply.denial(self.asked, Decision("unknown-command", tuple(lines)), "")
        return "\n".join((self.first_line, *marks, text))


def shared(source: CommandSource, asked: str, decision: Decision) -> Shared:
    """Return the reply to a mistyped command in a comment; the comment's address tells it from a review's."""
    place = quote(source.comment_url.partition("#")[2] or source.comment_id, safe="")
    return Shared(f"{_MARKER}:{place} -->", asked, decision.details)
