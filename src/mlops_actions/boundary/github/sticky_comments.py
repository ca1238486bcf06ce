"""Keep one comment for each tag on a pull request, whatever jobs write it at once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mlops_actions.boundary.github import shapes
from mlops_actions.boundary.github.failures import GitHubRefused
from mlops_actions.boundary.github.transport import GitHubTransport
from mlops_actions.core.errors import ActionError, Unavailable
from mlops_actions.core.sticky import compose, marker

# The account of the workflow's own token, which may not ask for its own name.
WORKFLOW_LOGIN = "github-actions[bot]"
_MAX_ATTEMPTS = 3
_DELETED = (404, 410)


class StickyComments:
    """The sticky comments of one repository, written as one account.

    A sticky comment is found by a hidden marker in its first line and by its author: anybody can write the marker. `login`
    is the account, where it is known already (a GitHub App). `run_id` is the workflow run's id, which tells its own reports
    from earlier ones.
    """

    def __init__(self, transport: GitHubTransport, root: str, *, login: str, run_id: str) -> None:
        self._api = transport
        self._root = root
        self._login = login
        self._run_id = run_id

    def upsert(self, number: int, tag: str, body: str, *, keep: bool) -> str:
        """Write the one comment with this tag, or update it; returns its html_url.

        `keep` makes the body a report, which later runs of the workflow fold instead of replacing. Where several jobs create
        the comment at once, the oldest stays.
        """
        for _ in range(_MAX_ATTEMPTS):
            comments = self._find(number, tag)
            if not comments:
                text = compose(tag, body, run=self._run_id, keep=keep)
                path = f"{self._root}/issues/{number}/comments"
                _, created = self._api.send("POST", path, shapes.COMMENT, body={"body": text})
                # Another job may have looked before this one wrote, and written too.
                others = [comment for comment in self._find(number, tag) if comment["id"] != created["id"]]
                comments = sorted([*others, created], key=_id)
                if comments[0] is created:
                    return str(created["html_url"])
            oldest, *younger = comments
            updated = self._update(oldest, tag, body, keep=keep)
            if updated is None:
                continue
            for comment in younger:
                self._delete(comment)
            return str(updated["html_url"])
        raise Unavailable(
            f"the comment '{tag}' was deleted {_MAX_ATTEMPTS} times while it was written",
            "find the workflow or App that deletes comments on this pull request",
        )

    def _update(self, comment: Mapping[str, Any], tag: str, body: str, *, keep: bool) -> Mapping[str, Any] | None:
        """Update a comment; None where somebody deleted it since it was found."""
        day = str(comment.get("updated_at") or "")[:10]
        text = compose(tag, body, before=str(comment["body"]), run=self._run_id, keep=keep, day=day)
        try:
            path = f"{self._root}/issues/comments/{comment['id']}"
            _, updated = self._api.send("PATCH", path, shapes.COMMENT, body={"body": text})
        except GitHubRefused as refused:
            if refused.status not in _DELETED:
                raise
            return None
        answer: Mapping[str, Any] = updated
        return answer

    def _delete(self, comment: Mapping[str, Any]) -> None:
        try:
            path = f"{self._root}/issues/comments/{comment['id']}"
            self._api.send("DELETE", path, shapes.nothing)
        except GitHubRefused as refused:
            if refused.status != 404:
                raise

    def _find(self, number: int, tag: str) -> list[Mapping[str, Any]]:
        """Return the account's comments with a tag, oldest first."""
        pages = self._api.pages(f"{self._root}/issues/{number}/comments", shapes.COMMENT)
        marked = [comment for comment in pages if str(comment.get("body") or "").startswith(marker(tag))]
        return sorted((comment for comment in marked if self._is_own(comment)), key=_id)

    def _is_own(self, comment: Mapping[str, Any]) -> bool:
        author = comment.get("user") or {}
        return bool(author.get("login")) and author["login"] == self._account()

    def _account(self) -> str:
        """Return the account of the token: a user's token may ask; an installation's only by GraphQL, if at all."""
        if not self._login:
            try:
                self._login = str(self._api.get("/user", shapes.ACCOUNT)["login"])
            except GitHubRefused:
                self._login = self._graphql_viewer() or WORKFLOW_LOGIN
        return self._login

    def _graphql_viewer(self) -> str:
        address = f"{self._api.api_url.removesuffix('/v3')}/graphql"
        try:
            body = {"query": "query{viewer{login}}"}
            _, answer = self._api.send("POST", address, shapes.VIEWER, body=body, repeatable=True)
            return str(answer["data"]["viewer"]["login"])
        except ActionError:
            return ""


def _id(comment: Mapping[str, Any]) -> int:
    return int(comment["id"])
