"""The notice by which a run records the command that it accepted, for later runs of the workflow.

    ::notice title=chatops command::/train on #12, commit <40 digits>, comment 4711, lock gpu

GitHub keeps it as an annotation of the job's check run, which nobody can edit in the browser; a comment can be edited by
whoever may write to the repository. https://docs.github.com/rest/checks/runs#list-check-run-annotations
"""

from __future__ import annotations

import re
from dataclasses import dataclass

TITLE = "chatops command"
BY_LABEL, BY_HAND = "by label", "by hand"
_COMMENT_KINDS = {"issues/comments": "comment", "pulls/comments": "review comment", "reviews": "review"}

# The name is the workflow's own; a trigger phrase of several words is one.
_NOTICE = re.compile(
    r"(?P<name>\S[^\r\n]{0,199}?) on #(?P<number>[1-9][0-9]{0,15}), commit (?P<sha>[0-9a-f]{40}), "
    r"(?:(?P<kind>comment|review comment|review) (?P<id>[1-9][0-9]{0,18})|(?P<by>by label|by hand))"
    r"(?:, lock (?P<lock>\w[\w.:/-]{0,63}))?"
)


@dataclass(frozen=True, slots=True)
class CommandNotice:
    """A command that was accepted: its name with the prefix, the pull request, the commit, and where it was given.

    `source` is the path of the comment below the repository (`issues/comments/4711`, `pulls/comments/4711`), `reviews/4711`
    for a review, or `BY_LABEL` or `BY_HAND`. `lock` is the name of the lock that it takes, empty for none.
    """

    name: str
    pr_number: int
    sha: str
    source: str
    lock: str = ""

    @property
    def text(self) -> str:
        """The notice's message, which `parse` reads."""
        place, _, identifier = self.source.rpartition("/")
        source = f"{_COMMENT_KINDS[place]} {identifier}" if place else self.source
        lock = f", lock {self.lock}" if self.lock else ""
        return f"{' '.join(self.name.split())[:200]} on #{self.pr_number}, commit {self.sha}, {source}{lock}"


def parse(title: str, message: str) -> CommandNotice | None:
    """Read an annotation; None where it is no notice of a command."""
    match = _NOTICE.fullmatch(message) if title == TITLE else None
    if match is None:
        return None
    places = {kind: place for place, kind in _COMMENT_KINDS.items()}
    source = f"{places[match['kind']]}/{match['id']}" if match["kind"] else match["by"]
    return CommandNotice(match["name"], int(match["number"]), match["sha"], source, match["lock"] or "")
