"""Decide about a command: a pure function of the inputs, the request and the facts that GitHub knows.

The caller calls it again with more facts until it returns a decision: until then each call returns the open questions, so
that all questions of one round can be asked at once. A fact that cannot be established leads to a denial.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any, TypeVar

from mlops_actions.chatops import grammar
from mlops_actions.chatops.command_line import parse_arguments, pinned_command
from mlops_actions.chatops.facts import (
    Approvers,
    CommitChecks,
    CurrentPullRequest,
    Facts,
    FirstCheckSuite,
    HeadAt,
    PullRequestCommits,
    Question,
    RequiredCheck,
    RequiredChecks,
    SubmittingRun,
    TeamMembership,
    Unknown,
    UserRole,
    parse_time,
    state_of,
)
from mlops_actions.chatops.inputs import Inputs
from mlops_actions.chatops.parameters import PIN, Value, bind
from mlops_actions.chatops.request import CommandRequest, Decision, is_allowed_bot
from mlops_actions.chatops.roles import rank
from mlops_actions.core.event import PullRequest

Answer = TypeVar("Answer")

_SHA = re.compile(r"[0-9a-f]{40}")
# One reviewer with the role is enough, so only the roles of this many reviewers are read.
_MAX_APPROVERS = 10


@dataclass(frozen=True, slots=True)
class AuthorizedCommand:
    """A command that may run: on this commit of this pull request, with these arguments.

    The commit is the head, except for a call-back.
    """

    pull_request: PullRequest
    sha: str
    params: Mapping[str, Value]
    positional: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class OpenQuestions:
    """The questions that the decision waits for."""

    questions: tuple[Question[Any], ...]


class _Unanswered(Exception):
    def __init__(self, questions: Sequence[Question[Any]]) -> None:
        super().__init__()
        self.questions = questions


@dataclass
class _Evaluation:
    inputs: Inputs
    request: CommandRequest
    facts: Facts
    arguments: grammar.Arguments = field(default_factory=grammar.Arguments)
    params: dict[str, Value] = field(default_factory=dict)

    def answer(self, question: Question[Answer]) -> Answer | Unknown:
        """Return the answer; the check that needs it stops here where the question was not asked yet."""
        return self.answers([question])[0]

    def answers(self, questions: Sequence[Question[Answer]]) -> list[Answer | Unknown]:
        """Return all answers; questions that were not asked yet are asked together."""
        missing = [question for question in questions if question not in self.facts]
        if missing:
            raise _Unanswered(missing)
        return [self.facts[question] for question in questions]

    @property
    def role(self) -> str:
        """The role that the command needs."""
        return self.request.command.permission or self.inputs.permission

    @property
    def pull_request(self) -> PullRequest:
        pull_request = self.answer(CurrentPullRequest(self.request.source.pr_number))
        assert isinstance(pull_request, PullRequest)  # noqa: S101 - `_check_pull_request` has denied otherwise
        return pull_request

    @property
    def sha(self) -> str:
        """The commit that the command would run on."""
        return self.request.call_back.sha if self.request.call_back else self.pull_request.head.sha

    def pinned(self) -> str:
        """Return the command as it was given, with the head commit pinned."""
        return pinned_command(self.request, self.pull_request.head.sha)


def decide(inputs: Inputs, request: CommandRequest, facts: Facts) -> Decision | AuthorizedCommand | OpenQuestions:
    """Decide, or return the questions to ask first."""
    evaluation = _Evaluation(inputs, request, facts)
    for group in (_AUTHORITY_CHECKS, _ARGUMENT_CHECKS, _COMMIT_CHECKS):
        questions: list[Question[Any]] = []
        for check in group:
            try:
                denial = check(evaluation)
            except _Unanswered as unanswered:
                questions += unanswered.questions
                continue
            if denial is not None:
                return denial
        if questions:
            return OpenQuestions(tuple(dict.fromkeys(questions)))
    return AuthorizedCommand(
        pull_request=evaluation.pull_request,
        sha=evaluation.sha,
        params=evaluation.params,
        positional=evaluation.arguments.positional,
    )


# Pull request fields that the decision depends on and that can change while it is made. The author needs no role for that.
_DECIDING_FIELDS: tuple[Callable[[PullRequest], object], ...] = (
    lambda pull_request: pull_request.head.sha,
    lambda pull_request: pull_request.base.ref,
    lambda pull_request: pull_request.draft,
)


def recheck(request: CommandRequest, decided: PullRequest, current: PullRequest | Unknown) -> Decision | None:
    """Deny where the pull request changed between the decision and now, right before the outputs are written."""
    if isinstance(current, Unknown):
        return Decision("pull-request-unknown", _cause_and_remedy(current))
    if request.call_back:
        # A call-back is about a commit that was authorised long ago: a later push does not matter.
        return None if current.state == "open" else Decision("closed")
    unchanged = all(value(current) == value(decided) for value in _DECIDING_FIELDS)
    if not unchanged or current.state != "open":
        return Decision("head-moved", (), pinned_command(request, current.head.sha))
    return None


# The user, and the pull request


def _check_sender(evaluation: _Evaluation) -> Decision | None:
    return None if evaluation.request.sender_is_author else Decision("sender-not-author")


def _check_pull_request(evaluation: _Evaluation) -> Decision | None:
    pull_request = evaluation.answer(CurrentPullRequest(evaluation.request.source.pr_number))
    if isinstance(pull_request, Unknown):
        return Decision("pull-request-unknown", _cause_and_remedy(pull_request))
    return None if pull_request.state == "open" else Decision("closed")


def _check_role(evaluation: _Evaluation) -> Decision | None:
    actor = evaluation.request.source.actor
    if actor.is_bot and is_allowed_bot(actor.login, evaluation.inputs):
        return None
    return _require_role(evaluation, actor.login, "permission")


def _check_rerun_role(evaluation: _Evaluation) -> Decision | None:
    login = evaluation.request.rerun_by
    return _require_role(evaluation, login, "rerun-permission") if login else None


def _require_role(evaluation: _Evaluation, login: str, reason: str) -> Decision | None:
    if not login:
        return Decision(reason, ("the account does not exist any more",))
    role = evaluation.answer(UserRole(login))
    if isinstance(role, Unknown):
        return Decision("permission-unknown", _cause_and_remedy(role))
    if rank(role) >= rank(evaluation.role):
        return None
    return Decision(reason, (f"{login} has the role {role or 'none'!r} here; the command needs {evaluation.role!r}",))


def _check_allow_list(evaluation: _Evaluation) -> Decision | None:
    actor = evaluation.request.source.actor
    if actor.is_bot and is_allowed_bot(actor.login, evaluation.inputs):
        return None
    return _require_listed(evaluation, actor.login, Decision("not-allowed"))


def _check_rerun_allow_list(evaluation: _Evaluation) -> Decision | None:
    """Deny a re-run by a user who may not give the command, since a re-run gives the command again."""
    login = evaluation.request.rerun_by
    if not login:
        return None
    return _require_listed(evaluation, login, Decision("rerun-permission", (f"{login} is not among the allowed users",)))


def _require_listed(evaluation: _Evaluation, login: str, denial: Decision) -> Decision | None:
    users, teams = evaluation.inputs.allow_users, evaluation.inputs.allow_teams
    if users is None and teams is None:
        return None
    if login.lower() in {user.lower() for user in users or ()}:
        return None
    memberships = evaluation.answers([TeamMembership(team, login) for team in teams or ()])
    if any(membership is True for membership in memberships):
        return None
    unknown = next((membership for membership in memberships if isinstance(membership, Unknown)), None)
    return Decision("team-unknown", _cause_and_remedy(unknown)) if unknown else denial


# The arguments, and the state of the pull request


def _check_base_branch(evaluation: _Evaluation) -> Decision | None:
    base = evaluation.pull_request.base.ref
    # `*` matches slashes too: the name of a branch is not a path.
    allowed = any(fnmatchcase(base, pattern) for pattern in evaluation.inputs.base_branches)
    return None if allowed else Decision("base-branch", (f"base branch: {base}",))


def _check_draft(evaluation: _Evaluation) -> Decision | None:
    return Decision("draft") if evaluation.pull_request.draft and evaluation.inputs.drafts == "deny" else None


def _check_arguments(evaluation: _Evaluation) -> Decision | None:
    request = evaluation.request
    if call_back := request.call_back:
        evaluation.params = {"workflow": call_back.workflow, "namespace": call_back.namespace, "uid": call_back.uid}
        evaluation.params |= {
            "phase": call_back.phase,
            "run": call_back.run,
            "step": call_back.step,
            "image": call_back.image,
        }
        return None
    if invisible := grammar.invisible_characters(request.rest):
        return Decision("arguments", (f"type the command again without invisible characters: {', '.join(invisible)}",))
    try:
        evaluation.arguments = parse_arguments(request)
    except grammar.ArgumentError as error:
        return Decision("arguments", (str(error),))
    evaluation.params, problems = bind(request.command, evaluation.arguments.without(PIN))
    usage = f"usage: {request.command.usage(evaluation.inputs.prefix)}"
    return Decision("parameters", (*dict.fromkeys(problems), usage)) if problems else None


# The commit


def _check_fork(evaluation: _Evaluation) -> Decision | None:
    pull_request = evaluation.pull_request
    if not pull_request.from_fork:
        return None
    if pull_request.head.repository_id is None:
        return Decision("fork-gone")
    if evaluation.inputs.forks == "deny":
        return Decision("fork")
    if evaluation.inputs.forks == "approved":
        return _require_approval(evaluation, "fork-not-approved", excluded=(pull_request.author.login,))
    return None


def _check_call_back(evaluation: _Evaluation) -> Decision | None:
    """Require that the commit of a call-back is in the pull request, and that its run is in this repository."""
    call_back = evaluation.request.call_back
    if call_back is None:
        return None
    pull_request = evaluation.pull_request
    questions: list[Question[Any]] = [SubmittingRun(call_back.run)]
    if call_back.sha != pull_request.head.sha:
        questions.append(PullRequestCommits(pull_request.number))
    run, *commit_lists = evaluation.answers(questions)
    if isinstance(run, Unknown):
        return Decision("run-unknown", _cause_and_remedy(run))
    if run is None:
        return Decision("run-not-here", (f"run: {call_back.run}",))
    # The run of a comment is of the default branch; the run of a pull request event names that pull request's commit.
    if run["event"] == "pull_request" and run["head_sha"] != call_back.sha:
        return Decision("run-not-here", (f"run {call_back.run} was of commit {run['head_sha']}",))
    for commits in commit_lists:
        if isinstance(commits, Unknown):
            return Decision("commits-unknown", _cause_and_remedy(commits))
        if call_back.sha not in commits:
            return Decision("commit-not-here", (f"commit: {call_back.sha}",))
    return None


def _check_head(evaluation: _Evaluation) -> Decision | None:
    if evaluation.request.call_back:
        return None
    head = evaluation.pull_request.head.sha
    pins = evaluation.arguments.values(PIN)
    if pins:
        if not all(_SHA.fullmatch(pin.lower()) for pin in pins):
            return Decision("sha-malformed")
        names_head = {pin.lower() for pin in pins} == {head}
        return None if names_head else Decision("sha-mismatch", (f"head: {head}",), evaluation.pinned())
    if evaluation.pull_request.from_fork:
        return None if evaluation.inputs.forks == "approved" else Decision("sha-missing", (), evaluation.pinned())
    if evaluation.inputs.head == "pinned":
        return Decision("sha-missing", (), evaluation.pinned())
    return _check_head_was_seen(evaluation, head) if evaluation.inputs.head == "seen" else None


def _check_head_was_seen(evaluation: _Evaluation, head: str) -> Decision | None:
    request, branch = evaluation.request, evaluation.pull_request.head.ref
    not_seen = Decision("head-not-seen", (), evaluation.pinned())
    if request.event_sha:
        return None if request.event_sha == head else not_seen
    written = request.written_at
    if not written:
        return Decision("head-unknown", (), evaluation.pinned())
    heads = evaluation.answer(HeadAt(branch, written))
    if isinstance(heads, tuple) and heads:
        return None if heads == (head,) else not_seen
    # The activity cannot be read, or does not reach back so far: the first check suite must be older than the comment.
    created = evaluation.answer(FirstCheckSuite(head, branch))
    if isinstance(created, str) and created:
        return None if parse_time(created) < parse_time(written) else not_seen
    details = _cause_and_remedy(created) if isinstance(created, Unknown) else ()
    return Decision("head-unknown", details, evaluation.pinned())


def _check_approval(evaluation: _Evaluation) -> Decision | None:
    if not evaluation.inputs.require_approval:
        return None
    excluded = (evaluation.pull_request.author.login, evaluation.request.source.actor.login)
    return _require_approval(evaluation, "not-approved", excluded)


def _require_approval(evaluation: _Evaluation, reason: str, excluded: tuple[str, ...]) -> Decision | None:
    approving = evaluation.answer(Approvers(evaluation.pull_request.number, evaluation.sha))
    if isinstance(approving, Unknown):
        return Decision("approval-unknown", _cause_and_remedy(approving))
    counted = [login for login in approving if login not in excluded][-_MAX_APPROVERS:]
    roles = evaluation.answers([UserRole(login) for login in counted])
    if any(isinstance(role, str) and rank(role) >= rank(evaluation.role) for role in roles):
        return None
    return Decision(reason, (f"commit: {evaluation.sha}", f"role needed: {evaluation.role}"))


def _check_checks(evaluation: _Evaluation) -> Decision | None:
    names = evaluation.inputs.require_checks or ()
    if not names:
        return None
    checks = [RequiredCheck(name) for name in names if name != "required"]
    base = evaluation.pull_request.base.ref
    questions: list[Question[Any]] = [CommitChecks(evaluation.sha)]
    if "required" in names:
        questions.append(RequiredChecks(base))
    states, *required_lists = evaluation.answers(questions)
    for required in required_lists:
        if isinstance(required, Unknown):
            return Decision("checks-unknown", _cause_and_remedy(required))
        if not required:
            return Decision("checks-unknown", (f"the branch {base} requires no checks",))
        checks += required
    if isinstance(states, Unknown):
        return Decision("checks-unknown", _cause_and_remedy(states))
    state_by_check = {check: state_of(check, states) for check in checks}
    missing = [_describe_check(check, state) for check, state in state_by_check.items() if state != "passed"]
    return Decision("checks", tuple(missing)) if missing else None


def _describe_check(check: RequiredCheck, state: str | None) -> str:
    app = f" (of the App {check.app})" if check.app else ""
    return f"{check.name}{app}: {state or 'missing'}"


def _cause_and_remedy(unknown: Unknown) -> tuple[str, ...]:
    return tuple(line for line in (unknown.error.cause, unknown.error.remedy) if line)


_Check = Callable[[_Evaluation], Decision | None]
# A group is evaluated only when the one before it passed; within a group all questions are asked together.
_AUTHORITY_CHECKS: tuple[_Check, ...] = (
    _check_sender,
    _check_pull_request,
    _check_role,
    _check_rerun_role,
    _check_allow_list,
    _check_rerun_allow_list,
)
_ARGUMENT_CHECKS: tuple[_Check, ...] = (_check_base_branch, _check_draft, _check_arguments)
_COMMIT_CHECKS: tuple[_Check, ...] = (_check_fork, _check_call_back, _check_head, _check_approval, _check_checks)
