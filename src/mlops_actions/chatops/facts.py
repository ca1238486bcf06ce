"""What only GitHub can say: the questions, and its answers in the form the decision reads.

A question is a value; facts map questions to answers. A question that GitHub did not answer maps to `Unknown`: the
decision treats that as a denial, never as a pass.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, Literal, TypeAlias, TypeVar

from mlops_actions.core.errors import ActionError
from mlops_actions.core.event import PullRequest

Answer = TypeVar("Answer")
Approval: TypeAlias = tuple[str, str]
CheckState: TypeAlias = Literal["passed", "failed", "pending", "unknown"]

# What counts as passed is listed; anything else, also what GitHub may yet invent, does not.
_PASSED = ("success", "neutral", "skipped")
_WORST: tuple[CheckState, ...] = ("failed", "unknown", "pending", "passed")


@dataclass(frozen=True, slots=True)
class Unknown:
    """GitHub did not say; the error says why, and what would make it say."""

    error: ActionError


@dataclass(frozen=True)
class Question(Generic[Answer]):
    """Something to ask GitHub; the type parameter is the type of the answer."""


@dataclass(frozen=True)
class Pull(Question[PullRequest]):
    """The pull request as it is now."""

    number: int


@dataclass(frozen=True)
class Role(Question[str]):
    """The role of a user, empty for none."""

    login: str


@dataclass(frozen=True)
class Member(Question[bool]):
    """Whether a user is in `org/team`."""

    team: str
    login: str


@dataclass(frozen=True)
class HeadAt(Question[tuple[str, ...]]):
    """The commits that a branch may have pointed to when something was written; more than one: it cannot be told."""

    branch: str
    moment: str


@dataclass(frozen=True)
class FirstSeen(Question[str]):
    """When the first check suite of a commit on a branch was created (ISO 8601), empty where it has none."""

    sha: str
    branch: str


@dataclass(frozen=True)
class Approvers(Question[tuple[str, ...]]):
    """Who approved exactly this commit, and has not taken it back."""

    number: int
    sha: str


@dataclass(frozen=True)
class Required:
    """A check that a branch requires; `app` is the id of the App whose check it must be, 0 where anybody's will do."""

    name: str
    app: int = 0


# By name, then by the App's id; a status has none (0).
CheckStates: TypeAlias = Mapping[str, Mapping[int, CheckState]]


@dataclass(frozen=True)
class Checks(Question[CheckStates]):
    """The state of every check and status of a commit."""

    sha: str


@dataclass(frozen=True)
class RequiredChecks(Question[tuple[Required, ...]]):
    """The checks that a branch requires."""

    branch: str


@dataclass(frozen=True)
class Submitter(Question["Mapping[str, str] | None"]):
    """The workflow run of this repository that has this id: its `event` and `head_sha`; None where there is none."""

    run: int


@dataclass(frozen=True)
class Commits(Question[tuple[str, ...]]):
    """The commits of a pull request."""

    number: int


Facts: TypeAlias = Mapping[Question[Any], Any]


def head_at(activity: Iterable[Mapping[str, Any]], moment: str) -> tuple[str, ...]:
    """Read a branch's activity (newest first): which commits it may have pointed to at `moment`.

    That is what its last update strictly before set, and what any update in the very second of `moment` set: which came
    first cannot be known. Empty where the activity does not reach back so far. Only as much is read as it takes.
    """
    written = when(moment)
    candidates: list[str] = []
    for update in activity:
        updated = when(str(update["timestamp"]))
        if updated <= written:
            candidates.append(str(update["after"]))
        if updated < written:
            return tuple(dict.fromkeys(candidates))
    # What came before the oldest entry is not known; an empty name stands for it.
    return (*candidates, "") if candidates else ()


def first_seen(suites: Iterable[Mapping[str, Any]], branch: str) -> str:
    """Return the earliest `created_at` of a branch's check suites.

    Those of other branches say nothing: a commit can be pushed there long before it is put into the pull request.
    """
    return min(
        (str(suite["created_at"]) for suite in suites if suite.get("created_at") and suite.get("head_branch") == branch),
        default="",
    )


def approvers(reviews: Iterable[Mapping[str, Any]], sha: str) -> tuple[str, ...]:
    """Read reviews (oldest first): whose last word is an approval of exactly this commit, strangers first.

    `author_association` grants nothing here. It only lets a crowd of strangers' approvals not hide the one that counts.
    """
    last: dict[str, Approval] = {}
    near: set[str] = set()
    for review in reviews:
        login = (review.get("user") or {}).get("login") or ""
        state = str(review.get("state") or "").upper()
        # A plain comment takes no approval back.
        if login and state in ("APPROVED", "CHANGES_REQUESTED", "DISMISSED"):
            last[login] = (state, str(review.get("commit_id") or ""))
            if review.get("author_association") in ("OWNER", "MEMBER", "COLLABORATOR"):
                near.add(login)
    found = [login for login, (state, commit) in last.items() if state == "APPROVED" and commit == sha]
    return tuple(sorted(found, key=near.__contains__))


def check_states(runs: Iterable[Mapping[str, Any]], statuses: Iterable[Mapping[str, Any]]) -> CheckStates:
    """Merge check runs and commit statuses; of several with one name and App, the worst counts."""
    found: dict[str, dict[int, CheckState]] = {}
    for run in runs:
        state: CheckState = "pending"
        if run.get("status") == "completed":
            state = "passed" if run.get("conclusion") in _PASSED else "failed"
        _add(found, str(run.get("name")), int((run.get("app") or {}).get("id") or 0), state)
    for status in statuses:
        states: dict[Any, CheckState] = {"success": "passed", "pending": "pending", "failure": "failed", "error": "failed"}
        _add(found, str(status.get("context")), 0, states.get(status.get("state"), "unknown"))
    return found


def _add(found: dict[str, dict[int, CheckState]], name: str, app: int, state: CheckState) -> None:
    of_name = found.setdefault(name, {})
    of_name[app] = min(of_name.get(app, state), state, key=_WORST.index)


def state_of(required: Required, states: CheckStates) -> CheckState | None:
    """Return the state of a required check, the worst of those that it may be; None where there is none."""
    found = [state for app, state in states.get(required.name, {}).items() if required.app in (0, app)]
    return min(found, key=_WORST.index, default=None)


def when(stamp: str) -> datetime:
    """Read GitHub's ISO 8601; raises ValueError."""
    moment = datetime.fromisoformat(stamp)
    if moment.tzinfo is None:
        raise ValueError(f"{stamp!r} names no time zone")
    return moment
