"""The order of a repository's commits, as GitHub knows it: a checkout is one commit deep."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from urllib.parse import quote

from mlops_actions.boundary.github.failures import GitHubRefused
from mlops_actions.boundary.github.shapes import listing, record, sha, text
from mlops_actions.boundary.github.transport import GitHubTransport, Pace
from mlops_actions.core.context import Context
from mlops_actions.core.errors import Refused
from mlops_actions.core.ports import Log

# An answer that does not come leaves a tag where it is: the build must not wait long for it.
PACE = Pace(timeout=10.0, attempts=2, backoff=0.5, patience=30.0)
# GitHub answers so for a commit or ref that the repository does not have.
_UNKNOWN = (404, 422)


class GitHubHistory:
    """The history of the workflow's repository, read with the job's token; nothing is sent before it is asked."""

    def __init__(self, token: str | None, context: Context, log: Log, pace: Pace = PACE) -> None:
        self._token = token
        self._context = context
        self._log = log
        self._pace = pace

    def compare(self, base: str, head: str) -> str:
        """Return how a commit stands to a commit or full ref; empty where GitHub does not know one of them.

        https://docs.github.com/rest/commits/commits#compare-two-commits: the first page alone lists the changed files.
        """
        path = f"/repos/{self._context.repository}/compare/{quote(base)}...{quote(head)}"
        try:
            status = self._transport.get(path, record(status=text), per_page=1, page=2)["status"]
        except GitHubRefused as refused:
            if refused.status in _UNKNOWN:
                return ""
            raise
        return str(status)

    def newest(self, branch: str) -> tuple[str, ...]:
        """Return the newest commits of a branch, newest first, no more than 30."""
        path = f"/repos/{self._context.repository}/commits"
        return tuple(item["sha"] for item in self._transport.get(path, listing(record(sha=sha)), sha=branch, per_page=30))

    def default_branch(self) -> str:
        """Return the name of the repository's default branch."""
        path = f"/repos/{self._context.repository}"
        return str(self._transport.get(path, record(default_branch=text))["default_branch"])

    def merge_base(self, base: str, head: str) -> str:
        """Return the nearest commit that both commits or full refs have.

        https://docs.github.com/rest/commits/commits#compare-two-commits: the first page alone lists the changed files.
        """
        path = f"/repos/{self._context.repository}/compare/{quote(base)}...{quote(head)}"
        answer = self._transport.get(path, record(merge_base_commit=record(sha=sha)), per_page=1, page=2)
        return str(answer["merge_base_commit"]["sha"])

    def ancestors(self, commit: str) -> Iterator[tuple[str, tuple[str, ...]]]:
        """Yield a commit and its ancestors, the newest first, each with its parents; reads pages as they are needed.

        https://docs.github.com/rest/commits/commits#list-commits
        """
        path = f"/repos/{self._context.repository}/commits"
        shape = record(sha=sha, parents=listing(record(sha=sha)))
        for item in self._transport.pages(path, shape, sha=commit):
            yield item["sha"], tuple(parent["sha"] for parent in item["parents"])

    def branches(self, prefix: str) -> tuple[str, ...]:
        """Return the branches whose names begin so.

        https://docs.github.com/rest/git/refs#list-matching-references
        """
        return self._refs("heads", prefix)

    def git_tags(self, prefix: str) -> tuple[str, ...]:
        """Return the git tags whose names begin so."""
        return self._refs("tags", prefix)

    def _refs(self, kind: str, prefix: str) -> tuple[str, ...]:
        path = f"/repos/{self._context.repository}/git/matching-refs/{kind}/{quote(prefix)}"
        return tuple(item["ref"].removeprefix(f"refs/{kind}/") for item in self._transport.pages(path, record(ref=text)))

    @cached_property
    def _transport(self) -> GitHubTransport:
        if not self._token:
            raise Refused("there is no token to ask GitHub with", "leave 'github-token' at its default")
        return GitHubTransport(self._token, self._context.api_url, self._log, pace=self._pace)
