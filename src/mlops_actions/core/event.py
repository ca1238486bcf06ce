"""Turn a webhook payload into a typed event, and tell which pull request and commit it belongs to.

The shapes are those of GitHub's webhook documentation; a missing field or one of a wrong type raises BadInput.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlops_actions.core.context import Context
from mlops_actions.core.errors import BadInput
from mlops_actions.core.provenance import is_sha

_REMEDY = "run this action on a GitHub event; GITHUB_EVENT_PATH names the event's JSON file"


@dataclass(frozen=True)
class User:
    """An account; `type` is `User`, `Bot` or `Organization`."""

    login: str
    type: str

    @property
    def is_bot(self) -> bool:
        """Whether GitHub calls it a bot (Apps and the workflow's own token are)."""
        return self.type == "Bot"


@dataclass(frozen=True)
class Branch:
    """The head or the base of a pull request; `repository_id` is None where the fork was deleted."""

    ref: str
    sha: str
    repository: str
    repository_id: int | None


@dataclass(frozen=True)
class PullRequest:
    """A pull request as a payload or the API shows it."""

    number: int
    state: str
    draft: bool
    merged: bool
    author: User
    head: Branch
    base: Branch
    url: str

    @property
    def from_fork(self) -> bool:
        """True also where the head's repository is gone: nobody can say what it was."""
        return self.head.repository_id is None or self.head.repository_id != self.base.repository_id


@dataclass(frozen=True)
class Comment:
    """A comment or review body; `created_at` is ISO 8601 as GitHub sent it."""

    id: int
    body: str
    author: User
    url: str
    created_at: str


@dataclass(frozen=True)
class Event:
    """Any event: its name, its activity type (`created`, `labeled`; empty where it has none) and its sender."""

    name: str
    action: str
    sender: User
    repository: str
    default_branch: str
    payload: Mapping[str, Any]


@dataclass(frozen=True)
class CommentEvent(Event):
    """`issue_comment`, `pull_request_review_comment` or `pull_request_review`.

    `number` is the issue's or the pull request's. `on_pull_request` is False for a comment on a plain issue. Only the two
    review events have a `pull_request`: an issue comment's payload holds no head.
    """

    comment: Comment
    number: int
    on_pull_request: bool
    pull_request: PullRequest | None


@dataclass(frozen=True)
class PullRequestEvent(Event):
    """`pull_request` or `pull_request_target`; `label` is the label that was set or removed, else empty."""

    pull_request: PullRequest
    label: str


@dataclass(frozen=True)
class DispatchEvent(Event):
    """`workflow_dispatch` (inputs) or `repository_dispatch` (client payload, its type in `action`)."""

    inputs: Mapping[str, Any]


def load(context: Context) -> Event | None:
    """Return the event of this step; None where GITHUB_EVENT_PATH is empty: outside of a workflow there is no event.

    Raises BadInput where the file is missing, no JSON object, or not of the shape of GITHUB_EVENT_NAME.
    """
    return load_file(context.event_name, context.event_path) if context.event_path != Path() else None


def require(context: Context) -> Event:
    """Return the event of this step, as `load` does; raises BadInput where there is none."""
    event = load(context)
    if event is None:
        raise BadInput("there is no event: GITHUB_EVENT_PATH is empty", _REMEDY)
    return event


def load_file(name: str, path: Path) -> Event:
    """Read an event's file; raises BadInput where it is missing, no JSON object, or not of the shape of `name`."""
    try:
        payload = json.loads(path.read_bytes())
    except FileNotFoundError:
        raise BadInput(f"the event's file {str(path)!r} does not exist", _REMEDY) from None
    except (OSError, ValueError, RecursionError) as error:
        raise BadInput(f"the event's file {str(path)!r} cannot be read as JSON: {error}", _REMEDY) from None
    if not isinstance(payload, dict):
        raise BadInput(f"the event's file {str(path)!r} holds {type(payload).__name__}, not a JSON object", _REMEDY)
    return read(name, payload)


def read(name: str, payload: Mapping[str, Any]) -> Event:
    """Type a payload by the event's name; an event that no action handles becomes a plain Event."""
    at = _Reader(name, payload)
    common: dict[str, Any] = {
        "name": name,
        "action": at.text("action", default=""),
        "sender": _user(at, "sender") if "sender" in payload else User("", ""),
        "repository": at.text("repository.full_name", default=""),
        "default_branch": at.text("repository.default_branch", default=""),
        "payload": payload,
    }
    if name == "issue_comment":
        return CommentEvent(
            **common,
            comment=_comment(at, "comment", "created_at"),
            number=at.integer("issue.number"),
            on_pull_request=at.value("issue.pull_request", default=None) is not None,
            pull_request=None,
        )
    if name in ("pull_request_review_comment", "pull_request_review"):
        key, written = ("review", "submitted_at") if name.endswith("review") else ("comment", "created_at")
        pull_request = _pull_request(at, "pull_request")
        return CommentEvent(
            **common,
            comment=_comment(at, key, written),
            number=pull_request.number,
            on_pull_request=True,
            pull_request=pull_request,
        )
    if name in ("pull_request", "pull_request_target"):
        return PullRequestEvent(
            **common, pull_request=_pull_request(at, "pull_request"), label=at.text("label.name", default="")
        )
    if name in ("workflow_dispatch", "repository_dispatch"):
        key = "inputs" if name == "workflow_dispatch" else "client_payload"
        inputs = at.value(key, default=None)
        return DispatchEvent(**common, inputs=inputs if isinstance(inputs, dict) else {})
    return Event(**common)


def pull_request(data: Mapping[str, Any]) -> PullRequest:
    """Type a pull request as `GET /repos/{owner}/{repo}/pulls/{number}` answers it."""
    return _pull_request(_Reader("pull request", {"pull_request": data}), "pull_request")


@dataclass(frozen=True)
class EventPullRequest:
    """The pull request that an event belongs to.

    `number` is None where the event belongs to none. `pull_request` is there only where the payload holds it whole.
    """

    number: int | None = None
    pull_request: PullRequest | None = None

    @property
    def from_fork(self) -> bool | None:
        """Whether the head is in a fork; None where the payload does not say."""
        return self.pull_request.from_fork if self.pull_request else None


# Answers GitHub's question "which open pull request has this commit as its head?"; None where there is none, or several.
PullRequestByCommit = Callable[[str], "int | None"]

_NO_PULL_REQUEST = EventPullRequest()
# The run or suite in these payloads lists its pull requests: none where the head is in a fork.
_LISTING = ("workflow_run", "check_run", "check_suite")
# GitHub's documentation of merge queues: the ref that it makes for a group ends with its last pull request and a commit.
_MERGE_QUEUE_REF = re.compile(r"refs/heads/gh-readonly-queue/.+/pr-([0-9]{1,10})-[0-9a-f]{40}")
_DISPATCH_NAMES = ("pr-number", "pr_number", "pr")


def pull_request_of(event: Event | None, by_commit: PullRequestByCommit | None = None) -> EventPullRequest:
    """Return the pull request that an event belongs to: the one rule for all actions.

    | event | its pull request |
    | --- | --- |
    | `pull_request`, `pull_request_target`, `pull_request_review`, `pull_request_review_comment` | the payload's |
    | `issue_comment` | the issue's number, where the issue is a pull request |
    | `workflow_dispatch`, `repository_dispatch` | the input or property `pr-number` (or `pr_number`, `pr`): `7` or `#7` |
    | `workflow_run`, `check_run`, `check_suite` | the one that the payload lists, else asked by the head commit |
    | `merge_group` | the last one of the group, as the queue's ref names it |
    | `push` | asked by the pushed commit |

    `by_commit` asks GitHub; without it (no token) the events that need it belong to no pull request. It may raise Refused
    and Unavailable, which are passed on.
    """
    if isinstance(event, PullRequestEvent):
        return EventPullRequest(event.pull_request.number, event.pull_request)
    if isinstance(event, CommentEvent):
        return EventPullRequest(event.number, event.pull_request) if event.on_pull_request else _NO_PULL_REQUEST
    if isinstance(event, DispatchEvent):
        given = next((event.inputs[name] for name in _DISPATCH_NAMES if event.inputs.get(name)), None)
        return EventPullRequest(pull_request_number(given))
    if event is None:
        return _NO_PULL_REQUEST
    if event.name == "merge_group":
        group = event.payload.get("merge_group")
        ref = _MERGE_QUEUE_REF.fullmatch(str(group.get("head_ref"))) if isinstance(group, dict) else None
        return EventPullRequest(pull_request_number(ref[1]) if ref else None)
    if event.name in _LISTING:
        listing = event.payload.get(event.name)
        listing = listing if isinstance(listing, dict) else {}
        number = _only_listed(listing, event.payload)
        return EventPullRequest(number) if number else _asked(listing.get("head_sha"), by_commit)
    if event.name == "push":
        return _asked(event.payload.get("after"), by_commit)
    return _NO_PULL_REQUEST


def pull_request_number(value: object) -> int | None:
    """Read a pull request's number, a number or text such as `7` or `#7`; None for anything else."""
    if isinstance(value, int) and not isinstance(value, bool):
        text = str(value)
    elif isinstance(value, str):
        text = value.strip().removeprefix("#")
    else:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= 10):
        return None
    return int(text) or None


def _only_listed(listing: Mapping[str, Any], payload: Mapping[str, Any]) -> int | None:
    """Return the one pull request of this repository that a run or suite lists with its own head commit, if it is one."""
    listed = listing.get("pull_requests")
    repository = payload.get("repository")
    here = repository.get("id") if isinstance(repository, dict) else None
    numbers = {
        pull_request_number(pull.get("number"))
        for pull in (listed if isinstance(listed, list) else [])
        if isinstance(pull, dict)
        and _at(pull, "base", "repo", "id") in (here, None)
        and _at(pull, "head", "sha") in (listing.get("head_sha"), None)
    }
    return numbers.pop() if len(numbers) == 1 else None


def _at(tree: object, *keys: str) -> object:
    for key in keys:
        tree = tree.get(key) if isinstance(tree, dict) else None
    return tree


def _asked(sha: object, by_commit: PullRequestByCommit | None) -> EventPullRequest:
    # A push that deletes a branch has a commit of zeros.
    if by_commit is None or not isinstance(sha, str) or not is_sha(sha) or not sha.strip("0"):
        return _NO_PULL_REQUEST
    return EventPullRequest(by_commit(sha))


def commit_of(event: Event | None, context: Context) -> str:
    """Return the event's own commit, empty where it is unknown.

    On a comment GITHUB_SHA is the default branch's commit, whatever the pull request's is: it says nothing of the pull
    request and is never returned.
    """
    return "" if isinstance(event, CommentEvent) or not is_sha(context.sha) else context.sha


class _Reader:
    """Reads dotted paths of a payload, and says which one is wrong."""

    def __init__(self, name: str, payload: Mapping[str, Any]) -> None:
        self._name = name
        self._payload = payload

    _MISSING = object()

    def value(self, path: str, *, default: Any = _MISSING) -> Any:
        value: Any = self._payload
        for key in path.split("."):
            if not isinstance(value, dict) or key not in value:
                if default is not self._MISSING:
                    return default
                raise BadInput(f"this is not a payload of '{self._name}': it has no '{path}'", _REMEDY)
            value = value[key]
        return value

    def text(self, path: str, *, default: Any = _MISSING) -> str:
        value = self.value(path, default=default)
        if value is None:
            return ""
        return str(self._of_type(path, value, str))

    def integer(self, path: str) -> int:
        return int(self._of_type(path, self.value(path), int))

    def _of_type(self, path: str, value: Any, kind: type) -> Any:
        if not isinstance(value, kind) or isinstance(value, bool):
            raise BadInput(f"this is not a payload of '{self._name}': '{path}' is {type(value).__name__}", _REMEDY)
        return value


def _user(at: _Reader, path: str) -> User:
    # A deleted account's comments have a null user, who is never authorised.
    if at.value(path) is None:
        return User("", "")
    return User(at.text(f"{path}.login"), at.text(f"{path}.type", default="User"))


def _comment(at: _Reader, path: str, written: str) -> Comment:
    return Comment(
        id=at.integer(f"{path}.id"),
        body=at.text(f"{path}.body"),
        author=_user(at, f"{path}.user"),
        url=at.text(f"{path}.html_url", default=""),
        created_at=at.text(f"{path}.{written}", default=""),
    )


def _pull_request(at: _Reader, path: str) -> PullRequest:
    return PullRequest(
        number=at.integer(f"{path}.number"),
        state=at.text(f"{path}.state"),
        draft=bool(at.value(f"{path}.draft", default=False)),
        merged=bool(at.value(f"{path}.merged", default=False)),
        author=_user(at, f"{path}.user"),
        head=_branch(at, f"{path}.head"),
        base=_branch(at, f"{path}.base"),
        url=at.text(f"{path}.html_url", default=""),
    )


def _branch(at: _Reader, path: str) -> Branch:
    gone = at.value(f"{path}.repo", default=None) is None
    return Branch(
        ref=at.text(f"{path}.ref"),
        sha=at.text(f"{path}.sha"),
        repository="" if gone else at.text(f"{path}.repo.full_name"),
        repository_id=None if gone else at.integer(f"{path}.repo.id"),
    )
