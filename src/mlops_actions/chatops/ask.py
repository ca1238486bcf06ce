"""Asking GitHub the decision's questions, all of a round at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from mlops_actions.chatops.facts import (
    Approvers,
    Checks,
    Commits,
    Facts,
    FirstSeen,
    HeadAt,
    Member,
    Pull,
    Question,
    Required,
    RequiredChecks,
    Role,
    Submitter,
    Unknown,
    approvers,
    check_states,
    first_seen,
    head_at,
)
from mlops_actions.chatops.ports import Reader
from mlops_actions.chatops.roles import role_of
from mlops_actions.core.concurrent import gather
from mlops_actions.core.errors import ActionError, Unavailable


def ask(reader: Reader, questions: Sequence[Question[Any]]) -> Facts:
    """Return an answer to every question; one that GitHub does not give is `Unknown`."""
    answers = gather({question: _call(reader, question) for question in questions})
    return {question: Unknown(answer) if isinstance(answer, ActionError) else answer for question, answer in answers.items()}


def _call(reader: Reader, question: Question[Any]) -> Callable[[], Any]:
    def call() -> Any:
        try:
            return _answer(reader, question)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise Unavailable(
                f"GitHub's answer about {question} is not of the documented form: {error!r}",
                "check that GITHUB_API_URL is GitHub's, and report this with the log",
            ) from None

    return call


def _answer(reader: Reader, question: Question[Any]) -> Any:
    match question:
        case Pull(number):
            return reader.pull_request(number)
        case Role(login):
            return role_of(reader.permission(login))
        case Member(team, login):
            return reader.is_team_member(team, login)
        case HeadAt(branch, moment):
            return head_at(reader.activity(f"refs/heads/{branch}"), moment)
        case FirstSeen(sha, branch):
            return first_seen(reader.check_suites(sha), branch)
        case Approvers(number, sha):
            return approvers(reader.reviews(number), sha)
        case Checks(sha):
            return check_states(reader.check_runs(sha), reader.statuses(sha))
        case RequiredChecks(branch):
            return tuple(Required(name, app) for name, app in reader.required_checks(branch))
        case Submitter(run):
            found = reader.workflow_run(run)
            return None if found is None else {name: str(found[name]) for name in ("event", "head_sha")}
        case Commits(number):
            return tuple(str(commit["sha"]) for commit in reader.commits(number))
    raise TypeError(f"no such question: {question!r}")
