"""The commits of the base branch before a commit, nearest first: the runs of the nearest one are baselines. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mlops_actions.core.errors import ActionError
from mlops_actions.core.provenance import short
from mlops_actions.core.runs import Run, value_at

TAGS, MERGE_BASE, PREVIOUS = "tags", "merge-base", "previous"
MODES = (TAGS, MERGE_BASE, PREVIOUS)
# How many commits are read from GitHub (three pages) and asked of the tracker at once.
MAX_COMMITS = 300


@dataclass(frozen=True)
class BaseCommits:
    """The commits whose runs may be baselines, nearest first.

    `branch` is the base branch. `start` is where the branch of the judged commit left it; it is empty where that commit is
    itself one of the base branch. `own` are how many of `commits`, from the first, were the base branch's own state; those
    after them were merged into it. `has_more` says that GitHub knows more commits than were read. With `error` GitHub did
    not answer, and nothing is known.
    """

    branch: str = ""
    start: str = ""
    commits: tuple[str, ...] = ()
    own: int = 0
    has_more: bool = False
    error: ActionError | None = None

    def place_of(self, sha: str) -> str:
        """Return in words where a commit stands: `abc1234, 3 commits before the branch left main`."""
        index, name = self.commits.index(sha), short(sha)
        if index >= self.own:
            return f"{name}, which was merged into {self.branch} before"
        if not self.start:
            distance = "the commit before" if index == 0 else f"{index + 1} commits before"
            return f"{name}, {distance} on {self.branch}"
        if index == 0:
            return f"{name}, where the branch left {self.branch}"
        return f"{name}, {index} commit{'s' if index > 1 else ''} before the branch left {self.branch}"

    def nearest(self, shas: Sequence[str]) -> str:
        """Return the nearest of some commits; an empty text where none of them is one of these."""
        wanted = set(shas)
        return next((sha for sha in self.commits if sha in wanted), "")

    @property
    def nothing_found(self) -> str:
        """Why there is no baseline, as a sentence."""
        if not self.commits:
            return f"{self.branch} has no earlier commit, so there is no baseline."
        searched = f"the {len(self.commits)} nearest commits" if self.has_more else "any of the commits"
        if len(self.commits) == 1:
            searched = f"commit {short(self.commits[0])}"
        return f"No run of {searched} of {self.branch} has finished, so there is no baseline."


def in_order(parents_by_commit: Mapping[str, Sequence[str]], start: str) -> tuple[tuple[str, ...], int]:
    """Return the commits from `start` on, nearest first, and how many of them are of the branch itself.

    A branch's own states are the first parents of each other: they come first, since a commit inside a merged branch was
    never what the base branch held. The others follow in GitHub's order, the newest first, for teams that train only on the
    heads of pull requests and merge them.
    """
    line = []
    current = start
    while current in parents_by_commit and current not in line:
        line.append(current)
        parents = parents_by_commit[current]
        current = parents[0] if parents else ""
    others = [sha for sha in parents_by_commit if sha not in set(line)]
    return (*line, *others), len(line)


def commit_of(run: Run, config_key: str) -> str:
    """Return the commit of a run: the one that the tracker recorded, else the one that its config names."""
    claimed = value_at(run.config, config_key)
    return run.commit or (claimed.lower() if isinstance(claimed, str) else "")
