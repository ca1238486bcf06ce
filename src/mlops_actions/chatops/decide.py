"""The decision: a pure function from the inputs, the request and what GitHub says.

It is called again with more facts until it knows: each time it returns either a verdict or the questions that are open, so
that all questions of one round can be asked at once. Whatever cannot be established is a denial.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any, TypeVar

from mlops_actions.chatops import grammar
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
    state_of,
    when,
)
from mlops_actions.chatops.hear import Request, Verdict, is_allowed_bot
from mlops_actions.chatops.inputs import Inputs
from mlops_actions.chatops.roles import rank
from mlops_actions.chatops.schema import PIN, Value, bind
from mlops_actions.core.event import PullRequest

Answer = TypeVar("Answer")

_SHA = re.compile(r"[0-9a-f]{40}")
# A whole team of reviewers need not be asked for: one that holds the role is enough.
_MOST_APPROVERS = 10


@dataclass(frozen=True, slots=True)
class Granted:
    """The command may run: on this commit of this pull request (its head, but for a call-back), with these arguments."""

    pull: PullRequest
    sha: str
    params: dict[str, Value]
    positional: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Open:
    """The decision waits for the answers to these questions."""

    questions: tuple[Question[Any], ...]


class _Missing(Exception):
    def __init__(self, questions: Sequence[Question[Any]]) -> None:
        super().__init__()
        self.questions = questions


@dataclass
class _Case:
    inputs: Inputs
    request: Request
    facts: Facts
    arguments: grammar.Arguments = field(default_factory=grammar.Arguments)
    params: dict[str, Value] = field(default_factory=dict)

    def know(self, question: Question[Answer]) -> Answer | Unknown:
        """Return the answer; where it was not asked for yet, the decision stops here."""
        if question not in self.facts:
            raise _Missing([question])
        answer: Answer | Unknown = self.facts[question]
        return answer

    def know_all(self, questions: Sequence[Question[Answer]]) -> list[Answer | Unknown]:
        """Return all answers; what was not asked for yet is asked together."""
        missing = [question for question in questions if question not in self.facts]
        if missing:
            raise _Missing(missing)
        return [self.facts[question] for question in questions]

    @property
    def role(self) -> str:
        return self.request.command.permission or self.inputs.permission

    @property
    def pull(self) -> PullRequest:
        pull = self.know(Pull(self.request.place.number))
        assert isinstance(pull, PullRequest)  # noqa: S101 - `_open_pull_request` has denied otherwise
        return pull

    @property
    def sha(self) -> str:
        """The commit in question."""
        return self.request.call_back.sha if self.request.call_back else self.pull.head.sha

    def paste(self) -> str:
        """Return the command as it was given, with the head's commit filled in."""
        return pinned(self.request, self.pull.head.sha)


def decide(inputs: Inputs, request: Request, facts: Facts) -> Verdict | Granted | Open:
    """Decide, or say what must be asked first."""
    case = _Case(inputs, request, facts)
    for group in (_AUTHORITY, _ARGUMENTS, _EVIDENCE):
        questions: list[Question[Any]] = []
        for check in group:
            try:
                verdict = check(case)
            except _Missing as missing:
                questions += missing.questions
                continue
            if verdict is not None:
                return verdict
        if questions:
            return Open(tuple(dict.fromkeys(questions)))
    return Granted(case.pull, case.sha, case.params, case.arguments.positional)


# Of a pull request, what a decision rests on and somebody can change meanwhile, the author without any role.
_DECIDED_BY: tuple[Callable[[PullRequest], object], ...] = (
    lambda pull: pull.head.sha,
    lambda pull: pull.base.ref,
    lambda pull: pull.draft,
)


def still_holds(request: Request, decided: PullRequest, now: PullRequest | Unknown) -> Verdict | None:
    """Look at the pull request as it is right before the outputs are written: nothing may have moved."""
    if isinstance(now, Unknown):
        return Verdict("pull-request-unknown", _unknown(now))
    if request.call_back:
        # It concerns a commit that was authorised long ago: what was pushed since does not matter.
        return None if now.state == "open" else Verdict("closed")
    same = all(of(now) == of(decided) for of in _DECIDED_BY)
    if not same or now.state != "open":
        return Verdict("head-moved", (), pinned(request, now.head.sha))
    return None


def pinned(request: Request, sha: str) -> str:
    """Write the command with `sha=` right behind its name (behind a `--` it would be no option any more)."""
    rest = without_pin(request)
    return f"{request.name} {PIN}={sha}" + (f" {rest}" if rest else "")


def without_pin(request: Request) -> str:
    """Return the rest of a command's line less its `sha=`; one that cannot be read holds none, and stays as it is."""
    try:
        return grammar.without_option(request.rest, read_arguments(request), PIN)
    except grammar.ArgumentError:
        return request.rest


def read_arguments(request: Request) -> grammar.Arguments:
    """Read the arguments of a command; raises ArgumentError."""
    try:
        return grammar.arguments(request.rest, request.command.switches)
    except grammar.ArgumentError:
        # The replaced action knew no quoting: what is no shell line is taken word by word.
        if not request.phrase:
            raise
        return grammar.plain_arguments(request.rest, PIN)


# Who commands, and on what


def _sender(case: _Case) -> Verdict | None:
    return None if case.request.sender_is_author else Verdict("sender-not-author")


def _open_pull_request(case: _Case) -> Verdict | None:
    pull = case.know(Pull(case.request.place.number))
    if isinstance(pull, Unknown):
        return Verdict("pull-request-unknown", _unknown(pull))
    return None if pull.state == "open" else Verdict("closed")


def _role(case: _Case) -> Verdict | None:
    actor = case.request.place.actor
    if actor.is_bot and is_allowed_bot(actor.login, case.inputs):
        return None
    return _holds_role(case, actor.login, "permission")


def _rerun(case: _Case) -> Verdict | None:
    return _holds_role(case, case.request.rerun_by, "rerun-permission") if case.request.rerun_by else None


def _holds_role(case: _Case, login: str, denied: str) -> Verdict | None:
    if not login:
        return Verdict(denied, ("the account no longer exists",))
    role = case.know(Role(login))
    if isinstance(role, Unknown):
        return Verdict("permission-unknown", _unknown(role))
    if rank(role) >= rank(case.role):
        return None
    return Verdict(denied, (f"{login} has the role {role or 'none'!r} here; the command needs {case.role!r}",))


def _allow_list(case: _Case) -> Verdict | None:
    actor = case.request.place.actor
    if actor.is_bot and is_allowed_bot(actor.login, case.inputs):
        return None
    return _listed(case, actor.login, Verdict("not-allowed"))


def _rerun_allow_list(case: _Case) -> Verdict | None:
    """Who runs a command again gives it again, and must be one of those for whom it is reserved."""
    login = case.request.rerun_by
    return _listed(case, login, Verdict("rerun-permission", (f"{login} is not among the people",))) if login else None


def _listed(case: _Case, login: str, denied: Verdict) -> Verdict | None:
    users, teams = case.inputs.allow_users, case.inputs.allow_teams
    if users is None and teams is None:
        return None
    if login.lower() in {user.lower() for user in users or ()}:
        return None
    answers = case.know_all([Member(team, login) for team in teams or ()])
    if any(answer is True for answer in answers):
        return None
    unknown = next((answer for answer in answers if isinstance(answer, Unknown)), None)
    return Verdict("team-unknown", _unknown(unknown)) if unknown else denied


def _base_branch(case: _Case) -> Verdict | None:
    base = case.pull.base.ref
    # `*` crosses slashes here: a branch's name is no path.
    allowed = any(fnmatchcase(base, pattern) for pattern in case.inputs.base_branches)
    return None if allowed else Verdict("base-branch", (f"base branch: {base}",))


def _draft(case: _Case) -> Verdict | None:
    return Verdict("draft") if case.pull.draft and case.inputs.drafts == "deny" else None


# What was said


def _arguments(case: _Case) -> Verdict | None:
    request = case.request
    if told := request.call_back:
        case.params = {"workflow": told.workflow, "namespace": told.namespace, "uid": told.uid, "phase": told.phase}
        case.params |= {"run": told.run, "step": told.step, "image": told.image}
        return None
    if unseen := grammar.unseen(request.rest):
        return Verdict("arguments", (f"characters that do not show: {', '.join(unseen)}; type the command anew",))
    try:
        case.arguments = read_arguments(request)
    except grammar.ArgumentError as error:
        return Verdict("arguments", (str(error),))
    case.params, problems = bind(request.command, case.arguments.without(PIN))
    usage = f"usage: {request.command.usage(case.inputs.prefix)}"
    return Verdict("parameters", (*dict.fromkeys(problems), usage)) if problems else None


# On which commit


def _fork(case: _Case) -> Verdict | None:
    pull = case.pull
    if not pull.from_fork:
        return None
    if pull.head.repository_id is None:
        return Verdict("fork-gone")
    if case.inputs.forks == "deny":
        return Verdict("fork")
    if case.inputs.forks == "approved":
        return _approved(case, "fork-not-approved", excluded=(pull.author.login,))
    return None


def _submitted(case: _Case) -> Verdict | None:
    """Hold a call-back against what GitHub knows: the commit is the pull request's, the run is this repository's."""
    told = case.request.call_back
    if told is None:
        return None
    questions: list[Question[Any]] = [Submitter(told.run)]
    if told.sha != case.pull.head.sha:
        questions.append(Commits(case.pull.number))
    case.know_all(questions)
    run = case.know(Submitter(told.run))
    if isinstance(run, Unknown):
        return Verdict("run-unknown", _unknown(run))
    if run is None:
        return Verdict("run-not-here", (f"run: {told.run}",))
    # A comment's run is of the default branch, whatever the comment is on; a pull request's own run names its commit.
    if run["event"] == "pull_request" and run["head_sha"] != told.sha:
        return Verdict("run-not-here", (f"run {told.run} was of commit {run['head_sha']}",))
    if len(questions) > 1:
        commits = case.know(Commits(case.pull.number))
        if isinstance(commits, Unknown):
            return Verdict("commits-unknown", _unknown(commits))
        if told.sha not in commits:
            return Verdict("commit-not-here", (f"commit: {told.sha}",))
    return None


def _head(case: _Case) -> Verdict | None:
    if case.request.call_back:
        return None
    head = case.pull.head.sha
    pins = case.arguments.values(PIN)
    if pins:
        if not all(_SHA.fullmatch(pin.lower()) for pin in pins):
            return Verdict("sha-malformed")
        same = {pin.lower() for pin in pins} == {head}
        return None if same else Verdict("sha-mismatch", (f"head: {head}",), case.paste())
    if case.pull.from_fork:
        return None if case.inputs.forks == "approved" else Verdict("sha-missing", (), case.paste())
    if case.inputs.head == "pinned":
        return Verdict("sha-missing", (), case.paste())
    return _seen(case, head) if case.inputs.head == "seen" else None


def _seen(case: _Case, head: str) -> Verdict | None:
    if case.request.shown_sha:
        return None if case.request.shown_sha == head else Verdict("head-not-seen", (), case.paste())
    written = case.request.written_at
    if not written:
        return Verdict("head-unknown", (), case.paste())
    shown = case.know(HeadAt(case.pull.head.ref, written))
    if isinstance(shown, tuple) and shown:
        return None if shown == (head,) else Verdict("head-not-seen", (), case.paste())
    # The activity cannot be read, or does not reach back so far: then the first check suite must be older than the comment.
    first = case.know(FirstSeen(head, case.pull.head.ref))
    if isinstance(first, str) and first:
        return None if when(first) < when(written) else Verdict("head-not-seen", (), case.paste())
    return Verdict("head-unknown", _unknown(first) if isinstance(first, Unknown) else (), case.paste())


def _approval(case: _Case) -> Verdict | None:
    if not case.inputs.require_approval:
        return None
    return _approved(case, "not-approved", excluded=(case.pull.author.login, case.request.place.actor.login))


def _approved(case: _Case, denied: str, excluded: tuple[str, ...]) -> Verdict | None:
    head = case.sha
    found = case.know(Approvers(case.pull.number, head))
    if isinstance(found, Unknown):
        return Verdict("approval-unknown", _unknown(found))
    others = [login for login in found if login not in excluded][-_MOST_APPROVERS:]
    roles = case.know_all([Role(login) for login in others])
    if any(isinstance(role, str) and rank(role) >= rank(case.role) for role in roles):
        return None
    return Verdict(denied, (f"commit: {head}", f"role needed: {case.role}"))


def _checks(case: _Case) -> Verdict | None:
    names = case.inputs.require_checks or ()
    if not names:
        return None
    wanted = [Required(name) for name in names if name != "required"]
    questions: list[Question[Any]] = [Checks(case.sha)]
    if "required" in names:
        questions.append(RequiredChecks(case.pull.base.ref))
    case.know_all(questions)
    if "required" in names:
        required = case.know(RequiredChecks(case.pull.base.ref))
        if isinstance(required, Unknown):
            return Verdict("checks-unknown", _unknown(required))
        if not required:
            return Verdict("checks-unknown", (f"the branch {case.pull.base.ref} requires no checks",))
        wanted += required
    states = case.know(Checks(case.sha))
    if isinstance(states, Unknown):
        return Verdict("checks-unknown", _unknown(states))
    found = {check: state_of(check, states) for check in wanted}
    short = [_spelled(check, state) for check, state in found.items() if state != "passed"]
    return Verdict("checks", tuple(short)) if short else None


def _spelled(check: Required, state: str | None) -> str:
    of = f" (of the App {check.app})" if check.app else ""
    return f"{check.name}{of}: {state or 'not there'}"


def _unknown(fact: Unknown) -> tuple[str, ...]:
    return tuple(line for line in (fact.error.cause, fact.error.remedy) if line)


_Check = Callable[[_Case], Verdict | None]
# Each group is looked at only when the one before holds; within a group all questions are asked together.
_AUTHORITY: tuple[_Check, ...] = (_sender, _open_pull_request, _role, _rerun, _allow_list, _rerun_allow_list)
_ARGUMENTS: tuple[_Check, ...] = (_base_branch, _draft, _arguments)
_EVIDENCE: tuple[_Check, ...] = (_fork, _submitted, _head, _approval, _checks)
