"""The facts that only GitHub knows: each question, how it is asked, and its answer in the form the decision reads.

A question is a value; facts map questions to answers. A question that GitHub did not answer maps to `Unknown`, which the
decision treats as a denial, never as a pass.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, ClassVar, Generic, TypeAlias, TypeVar

from mlops_actions.chatops.ports import Reader
from mlops_actions.chatops.roles import role_of
from mlops_actions.core.concurrent import gather
from mlops_actions.core.errors import ActionError
from mlops_actions.core.event import PullRequest
from mlops_actions.core.user import User

Answer = TypeVar("Answer")
_RUN_FIELDS = ("event", "head_sha", "created_at", "status")


@dataclass(frozen=True, slots=True)
class Unknown:
    """GitHub did not answer; the error holds the cause and the remedy."""

    error: ActionError


@dataclass(frozen=True)
class Question(Generic[Answer]):
    """A question to GitHub; the type parameter is the type of its answer.

    `is_about_members` marks a question that only a token which may see an organisation's members can ask.
    """

    is_about_members: ClassVar[bool] = False

    def ask(self, reader: Reader) -> Answer:
        """Ask GitHub; raises ActionError, also where the answer is not of the documented form."""
        raise NotImplementedError


@dataclass(frozen=True)
class CurrentPullRequest(Question[PullRequest]):
    """The current state of a pull request."""

    number: int

    def ask(self, reader: Reader) -> PullRequest:
        """Read the pull request."""
        return reader.pull_request(self.number)


@dataclass(frozen=True)
class Role:
    """A role in the repository, empty for none, and the id of the account that has it."""

    name: str
    account: int


@dataclass(frozen=True)
class UserRole(Question[Role]):
    """The role of whoever has a login by now."""

    login: str

    def ask(self, reader: Reader) -> Role:
        """Read the user's permission."""
        answer = reader.permission(self.login)
        return Role(role_of(answer), int(answer["user"]["id"]))


@dataclass(frozen=True)
class TeamMembership(Question[bool]):
    """Whether a user is in `org/team`."""

    is_about_members: ClassVar[bool] = True
    team: str
    login: str

    def ask(self, reader: Reader) -> bool:
        """Look the user up in the team."""
        return reader.is_team_member(self.team, self.login)


@dataclass(frozen=True)
class ReopenedSince(Question[bool]):
    """Whether a pull request was reopened at a moment or later."""

    number: int
    moment: str

    def ask(self, reader: Reader) -> bool:
        """Read what happened to the pull request since."""
        return reopened_since(reader.events(self.number), self.moment)


@dataclass(frozen=True)
class BranchUpdate:
    """One update of a branch: the commit that it set, its time, and the id of the account that made it (0: unknown)."""

    after: str
    time: datetime
    actor: int


@dataclass(frozen=True)
class BranchUpdates(Question[tuple[BranchUpdate, ...]]):
    """The updates of a branch, newest first, down to the last one before a moment; the newest alone without a moment."""

    repository: str
    branch: str
    moment: str

    def ask(self, reader: Reader) -> tuple[BranchUpdate, ...]:
        """Read the branch's activity."""
        ref = f"refs/heads/{self.branch}"
        return updates_since(reader.activity(self.repository, ref), ref, self.moment)


@dataclass(frozen=True)
class WasHead(Question[bool]):
    """Whether a branch ever pointed to a commit, also where a rebase or a force push has removed it since."""

    repository: str
    branch: str
    sha: str

    def ask(self, reader: Reader) -> bool:
        """Read the branch's activity."""
        ref = f"refs/heads/{self.branch}"
        activity = reader.activity(self.repository, ref)
        return any(entry["ref"] == ref and self.sha in (entry["after"], entry.get("before")) for entry in activity)


@dataclass(frozen=True)
class FirstCheckSuite(Question[str]):
    """The creation time of a commit's first check suite on a branch (ISO 8601), empty where it has none."""

    sha: str
    branch: str

    def ask(self, reader: Reader) -> str:
        """Read the commit's check suites."""
        return first_created(reader.check_suites(self.sha), self.branch)


@dataclass(frozen=True)
class Approvers(Question[tuple[User, ...]]):
    """The users who approved exactly this commit and have not withdrawn the approval."""

    number: int
    sha: str

    def ask(self, reader: Reader) -> tuple[User, ...]:
        """Read the reviews."""
        return approvers(reader.reviews(self.number), self.sha)


@dataclass(frozen=True)
class WorkflowRun(Question["Mapping[str, str] | None"]):
    """The workflow run with this id: `event`, `head_sha`, `created_at`, `status`, `actor` (a login); None: there is none."""

    run: int

    def ask(self, reader: Reader) -> Mapping[str, str] | None:
        """Read the workflow run."""
        workflow_run = reader.workflow_run(self.run)
        if workflow_run is None:
            return None
        actor = workflow_run.get("actor") or {}
        return {name: str(workflow_run.get(name) or "") for name in _RUN_FIELDS} | {"actor": str(actor.get("login") or "")}


@dataclass(frozen=True)
class PullRequestCommits(Question[tuple[str, ...]]):
    """The commits of a pull request."""

    number: int

    def ask(self, reader: Reader) -> tuple[str, ...]:
        """Read the pull request's commits."""
        return tuple(str(commit["sha"]) for commit in reader.commits(self.number))


Facts: TypeAlias = Mapping[Question[Any], Any]


def ask_all(reader: Reader, members_reader: Callable[[], Reader], questions: Sequence[Question[Any]]) -> Facts:
    """Ask all questions at once; a question that GitHub does not answer maps to `Unknown`.

    `members_reader` returns the reader that may see an organisation's members. It may raise ActionError, and several threads
    may call it.
    """

    def ask(question: Question[Any]) -> Any:
        return question.ask(members_reader() if question.is_about_members else reader)

    answers = gather({question: partial(ask, question) for question in questions})
    return {question: Unknown(answer) if isinstance(answer, ActionError) else answer for question, answer in answers.items()}


def reopened_since(events: Iterable[Mapping[str, Any]], moment: str) -> bool:
    """Return whether one of the events (newest first) reopened the pull request at `moment` or later."""
    time = parse_time(moment)
    for event in events:
        if parse_time(str(event["created_at"])) < time:
            return False
        if event["event"] == "reopened":
            return True
    return False


def updates_since(activity: Iterable[Mapping[str, Any]], ref: str, moment: str) -> tuple[BranchUpdate, ...]:
    """Return the updates of `ref` from its activity (newest first) down to the last one strictly before `moment`.

    Entries of another ref are left out: a server that does not know the filter lists those of all. Reads no more than
    it needs.
    """
    time = parse_time(moment) if moment else None
    updates: list[BranchUpdate] = []
    for entry in activity:
        if entry["ref"] != ref:
            continue
        actor = entry.get("actor") or {}
        updates.append(BranchUpdate(str(entry["after"]), parse_time(str(entry["timestamp"])), int(actor.get("id") or 0)))
        if time is None or updates[-1].time < time:
            break
    return tuple(updates)


def heads_at(updates: Sequence[BranchUpdate], moment: str) -> tuple[str, ...]:
    """Return the commits a branch may have pointed to at `moment`, from the answer to `BranchUpdates`.

    These are the commit that its last update strictly before the moment set, and those that updates in the same second set:
    GitHub does not tell which came first. Empty where the activity does not reach back so far.
    """
    time = parse_time(moment)
    candidates = [update.after for update in updates if update.time <= time]
    if candidates and updates[-1].time == time:
        # GitHub does not know the commit before the oldest entry; an empty name stands for it.
        candidates.append("")
    return tuple(dict.fromkeys(candidates))


def pusher_of(updates: Sequence[BranchUpdate], sha: str) -> int:
    """Return the id of the account that last set a branch to this commit; 0 where the updates do not tell."""
    return next((update.actor for update in updates if update.after == sha), 0)


def first_created(suites: Iterable[Mapping[str, Any]], branch: str) -> str:
    """Return the earliest `created_at` of a branch's check suites.

    The suites of other branches do not count: a commit can be pushed there long before it becomes part of the pull request.
    """
    return min(
        (str(suite["created_at"]) for suite in suites if suite.get("created_at") and suite.get("head_branch") == branch),
        default="",
    )


def approvers(reviews: Iterable[Mapping[str, Any]], sha: str) -> tuple[User, ...]:
    """Return the users whose latest review (oldest first) approves exactly this commit, members of the repository last.

    `author_association` grants nothing here. It only orders the users, so that many approvals by strangers cannot hide the
    one that counts.
    """
    latest: dict[int, tuple[str, str]] = {}
    users: dict[int, User] = {}
    members: set[int] = set()
    for review in reviews:
        user = review.get("user") or {}
        state = str(review.get("state") or "").upper()
        # A plain comment does not withdraw an approval.
        if user and state in ("APPROVED", "CHANGES_REQUESTED", "DISMISSED"):
            account = int(user["id"])
            latest[account] = (state, str(review.get("commit_id") or ""))
            users[account] = User(str(user["login"]), str(user.get("type") or ""), account)
            if review.get("author_association") in ("OWNER", "MEMBER", "COLLABORATOR"):
                members.add(account)
    approving = [account for account, review in latest.items() if review == ("APPROVED", sha)]
    return tuple(users[account] for account in sorted(approving, key=members.__contains__))


def parse_time(stamp: str) -> datetime:
    """Parse GitHub's ISO 8601; raises ValueError."""
    moment = datetime.fromisoformat(stamp)
    if moment.tzinfo is None:
        raise ValueError(f"{stamp!r} names no time zone")
    return moment
