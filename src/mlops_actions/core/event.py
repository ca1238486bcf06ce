"""Turn a webhook payload into a typed event, and tell which pull request and commit it belongs to.

The shapes are those of GitHub's webhook documentation; a missing field or one of a wrong type raises BadInput.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlops_actions.core.context import Context
from mlops_actions.core.errors import BadInput
from mlops_actions.core.json_text import parse_json
from mlops_actions.core.provenance import is_sha
from mlops_actions.core.user import User

_REMEDY = "run this action on a GitHub event; GITHUB_EVENT_PATH names the event's JSON file"


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
    review events have a `pull_request`: an issue comment's payload holds no head. `state` is that of the issue or pull
    request when the event happened: `open` or `closed`, empty where the payload does not say.
    """

    comment: Comment
    number: int
    on_pull_request: bool
    pull_request: PullRequest | None
    state: str = ""


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
        payload = parse_json(path.read_bytes())
    except FileNotFoundError:
        raise BadInput(f"the event's file {str(path)!r} does not exist", _REMEDY) from None
    except (OSError, ValueError) as error:
        raise BadInput(f"the event's file {str(path)!r} cannot be read as JSON: {error}", _REMEDY) from None
    if not isinstance(payload, dict):
        raise BadInput(f"the event's file {str(path)!r} holds {type(payload).__name__}, not a JSON object", _REMEDY)
    return read(name, payload)


def read(name: str, payload: Mapping[str, Any]) -> Event:
    """Convert a payload into the typed event of this name; an event that no action handles becomes a plain Event."""
    reader = _Reader(name, payload)
    common: dict[str, Any] = {
        "name": name,
        "action": reader.text("action", default=""),
        "sender": _user(reader, "sender") if "sender" in payload else User("", ""),
        "repository": reader.text("repository.full_name", default=""),
        "default_branch": reader.text("repository.default_branch", default=""),
        "payload": payload,
    }
    if name == "issue_comment":
        return CommentEvent(
            **common,
            comment=_comment(reader, "comment", "created_at"),
            number=reader.integer("issue.number"),
            on_pull_request=reader.value("issue.pull_request", default=None) is not None,
            pull_request=None,
            state=reader.text("issue.state", default=""),
        )
    if name in ("pull_request_review_comment", "pull_request_review"):
        key, time_key = ("review", "submitted_at") if name.endswith("review") else ("comment", "created_at")
        pull_request = _pull_request(reader, "pull_request")
        return CommentEvent(
            **common,
            comment=_comment(reader, key, time_key),
            number=pull_request.number,
            on_pull_request=True,
            pull_request=pull_request,
            state=pull_request.state,
        )
    if name in ("pull_request", "pull_request_target"):
        return PullRequestEvent(
            **common, pull_request=_pull_request(reader, "pull_request"), label=reader.text("label.name", default="")
        )
    if name in ("workflow_dispatch", "repository_dispatch"):
        key = "inputs" if name == "workflow_dispatch" else "client_payload"
        inputs = reader.value(key, default=None)
        return DispatchEvent(**common, inputs=inputs if isinstance(inputs, dict) else {})
    return Event(**common)


def pull_request(data: Mapping[str, Any]) -> PullRequest:
    """Convert the answer to `GET /repos/{owner}/{repo}/pulls/{number}` into a typed pull request."""
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
# The second argument is the head's branch (`owner:branch`), empty where the payload does not name it.
PullRequestByCommit = Callable[[str, str], "int | None"]

_NO_PULL_REQUEST = EventPullRequest()
# The run or suite in these payloads lists its pull requests: none where the head is in a fork.
_LISTING = ("workflow_run", "check_run", "check_suite")
# GitHub's documentation of merge queues: the ref that it makes for a group ends with its last pull request and a commit.
_MERGE_QUEUE_REF = re.compile(r"refs/heads/gh-readonly-queue/.+/pr-([0-9]{1,10})-[0-9a-f]{40}")
_PR_NUMBER_NAMES = ("pr-number", "pr_number", "pr")


def pull_request_of(event: Event | None, by_commit: PullRequestByCommit | None = None) -> EventPullRequest:
    """Return the pull request that an event belongs to: the one rule for all actions.

    | event | its pull request |
    | --- | --- |
    | `pull_request`, `pull_request_target`, `pull_request_review`, `pull_request_review_comment` | the payload's |
    | `issue_comment` | the issue's number, where the issue is a pull request |
    | `workflow_dispatch`, `repository_dispatch` | the input or property `pr-number` (or `pr_number`, `pr`): `7` or `#7` |
    | `workflow_run`, `check_run`, `check_suite` | the one that the payload lists, else GitHub's answer for the head commit |
    | `merge_group` | the last one of the group, as the queue's ref names it |
    | `push` | GitHub's answer for the pushed commit |

    `by_commit` asks GitHub; without it (no token) the events that need it belong to no pull request. It may raise Refused
    and Unavailable, which are passed on.
    """
    if isinstance(event, PullRequestEvent):
        return EventPullRequest(event.pull_request.number, event.pull_request)
    if isinstance(event, CommentEvent):
        return EventPullRequest(event.number, event.pull_request) if event.on_pull_request else _NO_PULL_REQUEST
    if isinstance(event, DispatchEvent):
        value = next((event.inputs[name] for name in _PR_NUMBER_NAMES if event.inputs.get(name)), None)
        return EventPullRequest(pull_request_number(value))
    if event is None:
        return _NO_PULL_REQUEST
    if event.name == "merge_group":
        ref = _MERGE_QUEUE_REF.fullmatch(str(_nested(event.payload, "merge_group", "head_ref")))
        return EventPullRequest(pull_request_number(ref[1]) if ref else None)
    if event.name in _LISTING:
        listing = event.payload.get(event.name)
        listing = listing if isinstance(listing, dict) else {}
        number = _listed_pull_request(listing, event.payload)
        head = _head_branch(listing)
        return EventPullRequest(number) if number else _pull_request_of_commit(listing.get("head_sha"), by_commit, head)
    if event.name == "push":
        return _pull_request_of_commit(event.payload.get("after"), by_commit)
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


def _listed_pull_request(listing: Mapping[str, Any], payload: Mapping[str, Any]) -> int | None:
    """Return the only pull request of this repository that a run or suite lists with its own head commit.

    None where it lists no such pull request, or several.
    """
    listed = listing.get("pull_requests")
    repository = payload.get("repository")
    repository_id = repository.get("id") if isinstance(repository, dict) else None
    numbers = {
        pull_request_number(pull.get("number"))
        for pull in (listed if isinstance(listed, list) else [])
        if isinstance(pull, dict)
        and _nested(pull, "base", "repo", "id") in (repository_id, None)
        and _nested(pull, "head", "sha") in (listing.get("head_sha"), None)
    }
    return numbers.pop() if len(numbers) == 1 else None


def _nested(tree: object, *keys: str) -> object:
    for key in keys:
        tree = tree.get(key) if isinstance(tree, dict) else None
    return tree


def _head_branch(listing: Mapping[str, Any]) -> str:
    """Return the branch that a workflow run is of, as `owner:branch`; it may be in a fork. Empty where it is not named."""
    parts = (_nested(listing, "head_repository", "owner", "login"), listing.get("head_branch"))
    return ":".join(map(str, parts)) if all(isinstance(part, str) and part for part in parts) else ""


def _pull_request_of_commit(sha: object, by_commit: PullRequestByCommit | None, head: str = "") -> EventPullRequest:
    # A push that deletes a branch has a commit of zeros.
    if by_commit is None or not isinstance(sha, str) or not is_sha(sha) or not sha.strip("0"):
        return _NO_PULL_REQUEST
    return EventPullRequest(by_commit(sha, head))


def commit_of(event: Event | None, context: Context) -> str:
    """Return the event's own commit, empty where it is unknown.

    On a comment GITHUB_SHA is the default branch's commit, whatever the pull request's is: it says nothing about the
    pull request and is never returned.
    """
    return "" if isinstance(event, CommentEvent) or not is_sha(context.sha) else context.sha


class _Reader:
    """Reads dotted paths of a payload; its errors name the path that is missing or of a wrong type."""

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
        if value is None and default is not self._MISSING:
            return ""
        return str(self._of_type(path, value, str))

    def sha(self, path: str) -> str:
        value = self.text(path)
        if not is_sha(value):
            raise BadInput(f"this is not a payload of '{self._name}': '{path}' is not the SHA of a commit", _REMEDY)
        return value

    def boolean(self, path: str) -> bool:
        """Read true or false; False where the payload does not have the field."""
        value = self.value(path, default=False)
        if not isinstance(value, bool):
            raise BadInput(f"this is not a payload of '{self._name}': '{path}' is {type(value).__name__}", _REMEDY)
        return value

    def integer(self, path: str) -> int:
        """Read a number that GitHub gives to an object: from 1 on, of 64 bits."""
        value = int(self._of_type(path, self.value(path), int))
        if not 0 < value < 2**63:
            raise BadInput(f"this is not a payload of '{self._name}': '{path}' is no number of GitHub's", _REMEDY)
        return value

    def _of_type(self, path: str, value: Any, kind: type) -> Any:
        if not isinstance(value, kind) or isinstance(value, bool):
            raise BadInput(f"this is not a payload of '{self._name}': '{path}' is {type(value).__name__}", _REMEDY)
        return value


def _user(reader: _Reader, path: str) -> User:
    # A deleted account's comments have a null user, who is never authorised.
    if reader.value(path) is None:
        return User("", "")
    has_id = reader.value(f"{path}.id", default=None) is not None
    return User(
        reader.text(f"{path}.login"),
        reader.text(f"{path}.type", default="User"),
        reader.integer(f"{path}.id") if has_id else 0,
    )


def _comment(reader: _Reader, path: str, time_key: str) -> Comment:
    return Comment(
        id=reader.integer(f"{path}.id"),
        body=reader.text(f"{path}.body", default=""),
        author=_user(reader, f"{path}.user"),
        url=reader.text(f"{path}.html_url", default=""),
        created_at=reader.text(f"{path}.{time_key}", default=""),
    )


def _pull_request(reader: _Reader, path: str) -> PullRequest:
    return PullRequest(
        number=reader.integer(f"{path}.number"),
        state=reader.text(f"{path}.state"),
        draft=reader.boolean(f"{path}.draft"),
        merged=reader.boolean(f"{path}.merged"),
        author=_user(reader, f"{path}.user"),
        head=_branch(reader, f"{path}.head"),
        base=_branch(reader, f"{path}.base"),
        url=reader.text(f"{path}.html_url", default=""),
    )


def _branch(reader: _Reader, path: str) -> Branch:
    is_deleted = reader.value(f"{path}.repo", default=None) is None
    return Branch(
        ref=reader.text(f"{path}.ref"),
        sha=reader.sha(f"{path}.sha"),
        repository="" if is_deleted else reader.text(f"{path}.repo.full_name"),
        repository_id=None if is_deleted else reader.integer(f"{path}.repo.id"),
    )
