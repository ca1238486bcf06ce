"""The facts about a commit's checks: which the base branch requires, and what has been reported."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from mlops_actions.chatops.facts import Question
from mlops_actions.chatops.ports import Reader

CheckState: TypeAlias = Literal["passed", "failed", "pending", "unknown"]
# By name, then by the App's id; a status has none (0).
CheckStates: TypeAlias = Mapping[str, Mapping[int, CheckState]]

# Only these conclusions pass. Anything else fails, also a conclusion that GitHub may add later.
_PASSED = ("success", "neutral", "skipped")
_WORST_FIRST: tuple[CheckState, ...] = ("failed", "unknown", "pending", "passed")
_BY_STATUS: Mapping[Any, CheckState] = {"success": "passed", "pending": "pending", "failure": "failed", "error": "failed"}
ACTIONS = "github-actions"  # the slug of GitHub Actions' own App
_BOT = "[bot]"


@dataclass(frozen=True)
class RequiredCheck:
    """A check that a branch requires; `app` is the id of the App that must report it, 0 where any may."""

    name: str
    app: int = 0


@dataclass(frozen=True)
class CommitState:
    """The states of a commit's checks, and the checks that only one workflow run reports: name, and id of the App."""

    states: CheckStates
    own: frozenset[tuple[str, int]] = frozenset()


@dataclass(frozen=True)
class CommitChecks(Question[CommitState]):
    """The state of every check and status of a commit; `run` is the workflow run whose own checks are told apart."""

    sha: str
    run: str

    def ask(self, reader: Reader) -> CommitState:
        """Read the commit's check runs and statuses."""
        own, others = told_apart(reader.check_runs(self.sha), self.run)
        states = check_states(others, reader.statuses(self.sha))
        # Another workflow may have a job of the same name, which counts.
        return CommitState(states, _names_and_apps(own) - _names_and_apps(others))


@dataclass(frozen=True)
class RequiredChecks(Question[tuple[RequiredCheck, ...]]):
    """The checks that a branch requires."""

    branch: str

    def ask(self, reader: Reader) -> tuple[RequiredCheck, ...]:
        """Read the branch's protection and rulesets."""
        return tuple(RequiredCheck(name, app) for name, app in reader.required_checks(self.branch))


@dataclass(frozen=True)
class NewestStatus:
    """The newest commit status of a name, and the slug of the App whose bot made it (empty: somebody else did)."""

    state: CheckState
    app_slug: str


@dataclass(frozen=True)
class NewestStatuses(Question[Mapping[str, NewestStatus]]):
    """The newest commit status of each of these names, with who made it, which the combined status does not show."""

    sha: str
    names: frozenset[str]

    def ask(self, reader: Reader) -> Mapping[str, NewestStatus]:
        """Read the commit's statuses, newest first, until each name is found."""
        found: dict[str, NewestStatus] = {}
        for status in reader.every_status(self.sha):
            name = str(status["context"])
            if name in self.names and name not in found:
                found[name] = NewestStatus(
                    _BY_STATUS.get(status["state"], "unknown"), _slug_of_bot(status.get("creator") or {})
                )
            if len(found) == len(self.names):
                break
        return found


@dataclass(frozen=True)
class AppId(Question[int]):
    """The id of the GitHub App with this slug."""

    slug: str

    def ask(self, reader: Reader) -> int:
        """Read the App."""
        return reader.app_id(self.slug)


def _slug_of_bot(account: Mapping[str, Any]) -> str:
    """Return the slug of the App that an account is the bot of; GitHub lets no person's login hold brackets."""
    login = str(account.get("login") or "")
    return login.removesuffix(_BOT) if account.get("type") == "Bot" and login.endswith(_BOT) else ""


def check_states(runs: Iterable[Mapping[str, Any]], statuses: Iterable[Mapping[str, Any]]) -> CheckStates:
    """Merge check runs and commit statuses; of several with the same name and App, the worst counts."""
    states: dict[str, dict[int, CheckState]] = {}
    for run in runs:
        state: CheckState = "pending"
        if run.get("status") == "completed":
            state = "passed" if run.get("conclusion") in _PASSED else "failed"
        _add_state(states, str(run.get("name")), app=_app_of(run), state=state)
    for status in statuses:
        _add_state(states, str(status.get("context")), app=0, state=_BY_STATUS.get(status.get("state"), "unknown"))
    return states


def told_apart(check_runs: Iterable[Mapping[str, Any]], run: str) -> tuple[list[Mapping[str, Any]], list[Mapping[str, Any]]]:
    """Return the check runs that belong to the jobs of one workflow run, and all others.

    GitHub gives the check run of a job the job's address, `…/actions/runs/RUN/job/JOB`. A job's token cannot choose it;
    another App can for its own check runs, which are not taken for jobs here.
    """
    own: list[Mapping[str, Any]] = []
    others: list[Mapping[str, Any]] = []
    for one in check_runs:
        is_of_run = run and f"/actions/runs/{run}/" in str(one.get("details_url") or "")
        is_own = is_of_run and (one.get("app") or {}).get("slug") == ACTIONS
        (own if is_own else others).append(one)
    return own, others


def _names_and_apps(check_runs: Iterable[Mapping[str, Any]]) -> frozenset[tuple[str, int]]:
    return frozenset((str(one.get("name")), _app_of(one)) for one in check_runs)


def _app_of(run: Mapping[str, Any]) -> int:
    return int((run.get("app") or {}).get("id") or 0)


def _add_state(states: dict[str, dict[int, CheckState]], name: str, app: int, state: CheckState) -> None:
    by_app = states.setdefault(name, {})
    by_app[app] = min(by_app.get(app, state), state, key=_WORST_FIRST.index)


def state_of(required: RequiredCheck, states: CheckStates) -> CheckState | None:
    """Return the state of a required check, the worst where several Apps may report it; None where nobody has."""
    reported = [state for app, state in states.get(required.name, {}).items() if required.app in (0, app)]
    return worst(*reported)


def worst(*states: CheckState | None) -> CheckState | None:
    """Return the worst of several states; None where none is known."""
    return min((state for state in states if state), key=_WORST_FIRST.index, default=None)
