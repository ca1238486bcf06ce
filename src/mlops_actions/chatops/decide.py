"""Decide about a command: a pure function of the inputs, the request and the facts that GitHub knows.

The caller calls it again with more facts until it returns a decision: until then each call returns the open questions, so
that all questions of one round can be asked at once. A fact that cannot be established leads to a denial.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mlops_actions.chatops import call_back, commit, confirmation, grammar, people, required_checks
from mlops_actions.chatops.command_line import parse_arguments, pinned_command, problems_below
from mlops_actions.chatops.control_names import AT_ANY_COMMIT
from mlops_actions.chatops.evaluation import Check, Evaluation, Unanswered, cause_and_remedy
from mlops_actions.chatops.facts import Facts, Question, Unknown
from mlops_actions.chatops.inputs import Inputs
from mlops_actions.chatops.parameters import PIN, Value, bind
from mlops_actions.chatops.request import CommandRequest, Decision
from mlops_actions.core.event import PullRequest


@dataclass(frozen=True, slots=True)
class AuthorizedCommand:
    """A command that may run: on this commit of this pull request, with these arguments.

    The commit is the head, except for a call-back. `warnings` are lines for the log.
    """

    pull_request: PullRequest
    sha: str
    params: Mapping[str, Value]
    positional: tuple[str, ...]
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class OpenQuestions:
    """The questions that the decision waits for."""

    questions: tuple[Question[Any], ...]


def decide(inputs: Inputs, request: CommandRequest, facts: Facts) -> Decision | AuthorizedCommand | OpenQuestions:
    """Decide, or return the questions to ask first."""
    evaluation = Evaluation(inputs, request, facts)
    denial = _first_denial(evaluation, _checks_of(request))
    if denial is not None:
        return denial
    return AuthorizedCommand(
        pull_request=evaluation.pull_request,
        sha=evaluation.sha,
        params=evaluation.params,
        positional=evaluation.arguments.positional,
        warnings=tuple(dict.fromkeys(evaluation.warnings)),
    )


def check_person(inputs: Inputs, request: CommandRequest, facts: Facts) -> Decision | OpenQuestions | None:
    """Return why a person may not give a command, or the questions to ask first; None where the person may."""
    return _first_denial(Evaluation(inputs, request, facts), (_PERSON_CHECKS,))


def _first_denial(evaluation: Evaluation, groups: Sequence[Sequence[Check]]) -> Decision | OpenQuestions | None:
    for group in groups:
        questions: list[Question[Any]] = []
        for check in group:
            try:
                denial = check(evaluation)
            except Unanswered as unanswered:
                questions += unanswered.questions
                continue
            if denial is not None:
                return denial
        if questions:
            return OpenQuestions(tuple(dict.fromkeys(questions)))
    return None


def _checks_of(request: CommandRequest) -> tuple[tuple[Check, ...], ...]:
    if request.call_back:
        return _CALL_BACK_CHECKS
    if request.control in AT_ANY_COMMIT:
        return _CONTROL_CHECKS
    return (*_COMMAND_CHECKS, (people.check_self_approval,)) if request.control == "approve" else _COMMAND_CHECKS


# Pull request fields that the decision depends on and that can change while it is made. The author needs no role for that.
_DECIDING_FIELDS: tuple[Callable[[PullRequest], object], ...] = (
    lambda pull_request: pull_request.head.sha,
    lambda pull_request: pull_request.base.ref,
    lambda pull_request: pull_request.draft,
)


def recheck(request: CommandRequest, decided: PullRequest, current: PullRequest | Unknown) -> Decision | None:
    """Deny where the pull request changed between the decision and now, right before the outputs are written."""
    if isinstance(current, Unknown):
        return Decision("pull-request-unknown", cause_and_remedy(current))
    if request.call_back:
        # A call-back is about a commit that was authorised long ago: what became of the pull request does not matter.
        return None
    if current.state != "open":
        return Decision("closed")
    if not all(value(current) == value(decided) for value in _DECIDING_FIELDS):
        return Decision("head-moved", (), pinned_command(request, current.head.sha))
    return None


def check_arguments(evaluation: Evaluation) -> Decision | None:
    """Deny where the arguments cannot be parsed, or do not fit the declared parameters."""
    request = evaluation.request
    below = request.below
    values = [f"{option.name}{option.value}" for _, option in below.options] if below else []
    if invisible := grammar.invisible_characters("".join((request.rest, *values))):
        return Decision("arguments", (f"type the command again without invisible characters: {', '.join(invisible)}",))
    try:
        evaluation.arguments = parse_arguments(request)
    except grammar.ArgumentError as error:
        return Decision("arguments", (str(error),))
    # A control that is about any commit would do more than somebody means who names one.
    arguments = evaluation.arguments if request.control in AT_ANY_COMMIT else evaluation.arguments.without(PIN)
    evaluation.params, problems = bind(request.command, arguments)
    problems = [*problems_below(request), *problems]
    evaluation.warnings += below.notes if below else ()
    usage = f"usage: {request.command.usage(evaluation.inputs.prefix)}"
    return Decision("parameters", (*dict.fromkeys(problems), usage)) if problems else None


# A group is evaluated only when the one before it passed; within a group all questions are asked together.
_AUTHORITY_CHECKS: tuple[Check, ...] = (
    people.check_sender,
    commit.check_pull_request,
    people.check_role,
    people.check_rerun_role,
    people.check_allow_list,
    people.check_rerun_allow_list,
    confirmation.check_confirmers,
    commit.check_reopening,
)
_PERSON_CHECKS: tuple[Check, ...] = (
    people.check_sender,
    people.check_role,
    people.check_rerun_role,
    people.check_allow_list,
    people.check_rerun_allow_list,
)
_ARGUMENT_CHECKS: tuple[Check, ...] = (commit.check_base_branch, commit.check_draft, check_arguments)
_COMMIT_CHECKS: tuple[Check, ...] = (
    commit.check_fork,
    commit.check_head,
    people.check_approval,
    required_checks.check_checks,
)
_COMMAND_CHECKS = (_AUTHORITY_CHECKS, _ARGUMENT_CHECKS, _COMMIT_CHECKS)
# A control that is about what runs already: nothing new runs on any commit.
_CONTROL_CHECKS = (
    (
        people.check_sender,
        commit.check_pull_request,
        people.check_role,
        people.check_rerun_role,
        people.check_allow_list,
        people.check_rerun_allow_list,
    ),
    (check_arguments,),
)
# The command that submitted the workflow has passed the others. What changed since must not lose the results.
_CALL_BACK_CHECKS = (_AUTHORITY_CHECKS, (call_back.set_parameters, commit.check_fork, call_back.check_call_back))
