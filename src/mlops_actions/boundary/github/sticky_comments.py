"""Keep one comment for each tag on a pull request, whatever jobs write it at once."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from mlops_actions.boundary.github import shapes
from mlops_actions.boundary.github.failures import GitHubRefused
from mlops_actions.boundary.github.transport import GitHubTransport
from mlops_actions.core import sticky
from mlops_actions.core.errors import ActionError, Unavailable
from mlops_actions.core.section import CommentSection
from mlops_actions.core.sticky import CommandComment, CommandMark

# The account of the workflow's own token, which may not ask for its own name.
WORKFLOW_LOGIN = "github-actions[bot]"
_MAX_ATTEMPTS = 3
_MAX_WRITES = 8
_DELETED = (404, 410)
_MAX_MINIMISED = 20
_MAX_SHARED = 4


class StickyComments:
    """The sticky comments of one repository, written as one account.

    A sticky comment is found by a hidden marker in its first line and by its author: anybody can write the marker. `login`
    is the account, where it is known already (a GitHub App). `run_id` is the workflow run's id, which tells its own reports
    from earlier ones. `section` is this step's section of a comment; `runs_url` and a run's id make the run's address.
    """

    def __init__(
        self,
        transport: GitHubTransport,
        root: str,
        *,
        login: str,
        run_id: str,
        section: CommentSection | None = None,
        runs_url: str = "",
    ) -> None:
        self._api = transport
        self._root = root
        self._login = login
        self._run_id = run_id
        self._section = section
        self._runs_url = runs_url

    def upsert(self, number: int, tag: str, body: str, *, keep: bool, replaces: bool) -> str:
        """Write a text into this step's section of the comment of the tag, or create that comment; returns its html_url.

        The comment is that of this run's command, else the newest of the tag. `keep` makes the body a report, which later
        runs of the workflow fold instead of replacing. `replaces` says that the reports of earlier commands are outdated
        now: they are minimised. Where several jobs create the comment at once, the oldest stays.

        GitHub has no conditional update. So a comment that others write too is read again just before it is written, and
        what `keep` or `replaces` marks as final is read again after that, and written again where another job has replaced
        it by a text without it.
        """
        is_final = keep or replaces
        deleted = 0
        for attempt in range(_MAX_WRITES):
            comments = self._find(number, tag)
            chosen, duplicates = sticky.chosen([(_body(comment), comment) for comment in comments], self._run_id)
            if chosen is None:
                created = self._create(number, self._composed(tag, body, None, keep=keep))
                # Another job may have looked before this one wrote, and written too.
                comments = self._find(number, tag)
                found = [*(comment for comment in comments if comment["id"] != created["id"]), created]
                pairs = [(_body(comment), comment) for comment in sorted(found, key=_id)]
                chosen, duplicates = sticky.chosen(pairs, self._run_id)
                if chosen is created and not duplicates:
                    if not (is_final and self._is_shared(_body(created))):
                        return str(created["html_url"])
                    self._let_others_write()
                    continue
            assert chosen is not None  # noqa: S101 - at least the created comment was found
            if attempt and not duplicates and self._section and self._holds(_body(chosen), body, self._section):
                return str(chosen["html_url"])
            text = self._composed(tag, body, chosen, keep=keep, duplicates=duplicates)
            if self._is_shared(text):
                # Others may have written, and looked again, since this one read all comments: it can have been held up.
                chosen = self._by_id(_id(chosen)) or chosen
                text = self._composed(tag, body, chosen, keep=keep, duplicates=duplicates)
            updated = self._replace(chosen, text)
            if updated is None:
                deleted += 1
                if deleted < _MAX_ATTEMPTS:
                    continue
                raise Unavailable(
                    f"the comment '{tag}' was deleted {_MAX_ATTEMPTS} times while it was written",
                    "find the workflow or App that deletes comments on this pull request",
                )
            for comment in duplicates:
                self._delete(comment)
            if replaces:
                self._minimise([one for one in comments if _id(one) < _id(updated) and sticky.is_report(_body(one))])
            if not (is_final and self._is_shared(text)):
                return str(updated["html_url"])
            self._let_others_write()
        raise Unavailable(
            f"other jobs replaced the comment '{tag}' {_MAX_WRITES} times while this one wrote its section",
            "give the jobs that write it at once different values of 'comment-tag'",
        )

    def _composed(
        self,
        tag: str,
        body: str,
        comment: Mapping[str, Any] | None,
        *,
        keep: bool,
        duplicates: Sequence[Mapping[str, Any]] = (),
    ) -> str:
        return sticky.compose(
            tag,
            body,
            before=_body(comment) if comment else "",
            run=self._run_id,
            keep=keep,
            day=str((comment or {}).get("updated_at") or "")[:10],
            section=self._section,
            duplicates=[_body(duplicate) for duplicate in duplicates],
            runs_url=self._runs_url,
        )

    def _holds(self, comment: str, body: str, section: CommentSection) -> bool:
        return sticky.holds(comment, body, run=self._run_id, section=section)

    def _let_others_write(self) -> None:
        # Jobs of one matrix end together: without chance they would replace each other's text in step.
        time.sleep(self._api.pause * (0.5 + random.random()))  # noqa: S311 - no secret

    def _is_shared(self, text: str) -> bool:
        """Tell whether others may write this comment at the same time."""
        return self._section is not None and (self._section.in_matrix or sticky.number_of_parts(text) > 1)

    def share(self, number: int, beginning: str, compose: Callable[[Sequence[str]], str]) -> str:
        """Write one comment together with other workflow runs, which may do so at the same time; returns its html_url.

        The comment begins with `beginning`. `compose` gets the texts of all such comments, oldest first, and returns the
        one with everything that they hold and this run's part; the same parts must give the same text. The oldest comment
        stays. GitHub has no conditional update: where others write too, the comment is read again after a pause, since
        another run may have replaced it by a text without this part.
        """
        url = ""
        for attempt in range(_MAX_SHARED):
            comments = self._own(number, beginning)
            if not comments:
                created = self._create(number, compose([]))
                # The answer names the account of the token.
                self._login = self._login or str((created.get("user") or {}).get("login") or "")
                found = [*(one for one in self._own(number, beginning) if one["id"] != created["id"]), created]
                comments = sorted(found, key=_id)
                if comments[0] is created:
                    return str(created["html_url"])
            oldest, *others = comments
            oldest = self._by_id(_id(oldest)) or oldest
            text = compose([_body(comment) for comment in (oldest, *others)])
            url = str(oldest["html_url"])
            if text == _body(oldest) and not others and attempt:
                return url
            if text != _body(oldest) and self._replace(oldest, text) is None:
                continue
            for comment in others:
                self._delete(comment)
            time.sleep(self._api.pause)
        return url

    def begin_command(self, number: int, tag: str, mark: CommandMark, about: str, *, again: bool) -> int:
        """Write the comment of a command that starts; returns its id.

        `again` says that an earlier attempt of this workflow run may have written it already: then it is used again.
        """
        text = sticky.command_comment(tag, mark, about)
        if again:
            for comment in reversed(self._find(number, tag)):
                earlier = sticky.command_mark(_body(comment))
                if earlier and earlier.run == mark.run and self._replace(comment, text) is not None:
                    return _id(comment)
        return _id(self._create(number, text))

    def end_command(self, number: int, comment_id: int, tag: str, mark: CommandMark, about: str) -> tuple[str, str]:
        """Say in the comment of a command how it ended; returns its html_url and the first line of its report.

        Both are empty where there is no such comment. An id of 0 means that it is not known: the comment is then found by
        its mark, by the run alone where the mark names no more.
        """
        comment = self._by_id(comment_id) if comment_id else self._by_mark(number, tag, mark)
        if comment is None or not _is_of(comment, tag, mark):  # a token may edit anybody's comment
            return "", ""
        before = _body(comment)
        updated = self._replace(comment, sticky.command_comment(tag, mark, about, before))
        return ("", "") if updated is None else (str(updated["html_url"]), sticky.headline(before))

    def command_comments(self, number: int) -> list[CommandComment]:
        """Return the account's comments of commands on a pull request, oldest first."""
        comments = self._own(number, sticky.ANY_TAG)
        found = (sticky.read_command(_body(one), _id(one), str(one["html_url"])) for one in comments)
        return [comment for comment in found if comment]

    def open_commands(self, number: int, label: str) -> list[CommandMark]:
        """Return the marks of the commands that have this pending label (compared without case) and still run."""
        marks = [sticky.command_mark(_body(comment)) for comment in self._own(number, sticky.ANY_TAG)]
        return [mark for mark in marks if mark and mark.is_open and mark.label.lower() == label.lower()]

    def _create(self, number: int, text: str) -> Mapping[str, Any]:
        _, created = self._api.send("POST", f"{self._root}/issues/{number}/comments", shapes.COMMENT, body={"body": text})
        answer: Mapping[str, Any] = created
        return answer

    def _replace(self, comment: Mapping[str, Any], text: str) -> Mapping[str, Any] | None:
        """Replace a comment's text; None where somebody deleted it since it was found."""
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

    def _minimise(self, comments: Sequence[Mapping[str, Any]]) -> None:
        """Hide the newest of some comments as outdated, in one request; where GitHub refuses that, the log says so.

        GitHub's REST API cannot do it. https://docs.github.com/graphql/reference/mutations#minimizecomment
        """
        ids = [str(comment["node_id"]) for comment in comments[-_MAX_MINIMISED:] if comment.get("node_id")]
        if not ids:
            return
        names = [f"c{index}" for index in range(len(ids))]
        fields = " ".join(
            f"{name}: minimizeComment(input: {{subjectId: ${name}, classifier: OUTDATED}}) "
            "{ minimizedComment { isMinimized } }"
            for name in names
        )
        query = f"mutation({', '.join(f'${name}: ID!' for name in names)}) {{ {fields} }}"
        body = {"query": query, "variables": dict(zip(names, ids, strict=True))}
        try:
            shape = shapes.minimised(names)
            self._api.send("POST", self._graphql, shape, body=body, repeatable=True)
        except ActionError as error:
            self._api.log.warning(f"the earlier reports of this comment's tag stay as they are: {error}", title="GitHub")

    def _by_id(self, comment: int) -> Mapping[str, Any] | None:
        try:
            found: Mapping[str, Any] = self._api.get(f"{self._root}/issues/comments/{comment}", shapes.COMMENT)
        except GitHubRefused as refused:
            if refused.status not in _DELETED:
                raise
            return None
        return found

    def _by_mark(self, number: int, tag: str, mark: CommandMark) -> Mapping[str, Any] | None:
        """Return the newest comment of a command: of this step, or of this run where the mark names only a run."""
        newest: Mapping[str, Any] | None = None
        for comment in self._find(number, tag):
            if _is_of(comment, tag, mark):
                newest = comment
        return newest

    def _find(self, number: int, tag: str) -> list[Mapping[str, Any]]:
        """Return the account's comments with a tag, oldest first."""
        return self._own(number, sticky.marker(tag))

    def _own(self, number: int, beginning: str) -> list[Mapping[str, Any]]:
        """Return the account's comments whose text begins so, oldest first."""
        pages = self._api.pages(f"{self._root}/issues/{number}/comments", shapes.COMMENT)
        marked = [comment for comment in pages if _body(comment).startswith(beginning)]
        return sorted((comment for comment in marked if self._is_own(comment)), key=_id)

    def _is_own(self, comment: Mapping[str, Any]) -> bool:
        author = comment.get("user") or {}
        return bool(author.get("login")) and author["login"] == self.account()

    def account(self) -> str:
        """Return the account of the token: a user's token may ask; an installation's only by GraphQL, if at all."""
        if not self._login:
            try:
                self._login = str(self._api.get("/user", shapes.ACCOUNT)["login"])
            except GitHubRefused:
                self._login = self._graphql_viewer() or WORKFLOW_LOGIN
        return self._login

    @property
    def _graphql(self) -> str:
        return f"{self._api.api_url.removesuffix('/v3')}/graphql"

    def _graphql_viewer(self) -> str:
        try:
            body = {"query": "query{viewer{login}}"}
            _, answer = self._api.send("POST", self._graphql, shapes.VIEWER, body=body, repeatable=True)
            return str(answer["data"]["viewer"]["login"])
        except ActionError:
            return ""


def _is_of(comment: Mapping[str, Any], tag: str, mark: CommandMark) -> bool:
    found = sticky.command_mark(_body(comment)) if _body(comment).startswith(sticky.marker(tag)) else None
    return found is not None and mark.step_id in (found.step_id, found.run)


def _id(comment: Mapping[str, Any]) -> int:
    return int(comment["id"])


def _body(comment: Mapping[str, Any]) -> str:
    return str(comment.get("body") or "")
