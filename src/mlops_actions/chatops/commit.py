"""The checks of the pull request and its commit: what would run must be what the commenter saw."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from typing import Any

from mlops_actions.chatops.control_names import AT_ANY_COMMIT
from mlops_actions.chatops.evaluation import Evaluation, cause_and_remedy
from mlops_actions.chatops.facts import (
    BranchUpdates,
    CurrentPullRequest,
    FirstCheckSuite,
    Question,
    ReopenedSince,
    Unknown,
    WorkflowRun,
    heads_at,
    parse_time,
)
from mlops_actions.chatops.parameters import PIN
from mlops_actions.chatops.people import require_approvals
from mlops_actions.chatops.request import Decision

_SHA = re.compile(r"[0-9a-f]{40}")
_BY_SUITES = (
    "GitHub does not show which commit was the head when the command was written; the commit's first check suite is older "
    "than the command, which 'head: suites' takes as a proof. It is none where a commit is pushed, reset and pushed again"
)


def check_pull_request(evaluation: Evaluation) -> Decision | None:
    """Deny where the pull request is not open, or was not when the command was given.

    A call-back may come later, and so may a control that starts nothing.
    """
    request = evaluation.request
    may_be_closed = bool(request.call_back) or request.control in AT_ANY_COMMIT
    if request.is_closed and not may_be_closed:
        return Decision("closed")
    pull_request = evaluation.answer(CurrentPullRequest(request.source.pr_number))
    if isinstance(pull_request, Unknown):
        return Decision("pull-request-unknown", cause_and_remedy(pull_request))
    return None if pull_request.state == "open" or may_be_closed else Decision("closed")


def check_reopening(evaluation: Evaluation) -> Decision | None:
    """Deny where the pull request was reopened after the comment.

    A closed pull request keeps showing the commit that it was closed with, whatever is pushed to its branch.
    """
    request = evaluation.request
    return _require_not_reopened(evaluation, request.written_at) if request.written_at else None


def _require_not_reopened(evaluation: Evaluation, moment: str) -> Decision | None:
    reopened = evaluation.answer(ReopenedSince(evaluation.request.source.pr_number, moment))
    if isinstance(reopened, Unknown):
        return Decision("pull-request-unknown", cause_and_remedy(reopened))
    return Decision("reopened", (), evaluation.pinned()) if reopened else None


def check_base_branch(evaluation: Evaluation) -> Decision | None:
    """Deny where the base branch takes no commands."""
    base = evaluation.pull_request.base.ref
    # `*` matches slashes too: the name of a branch is not a path.
    allowed = any(fnmatchcase(base, pattern) for pattern in evaluation.inputs.base_branches)
    return None if allowed else Decision("base-branch", (f"base branch: {base}",))


def check_draft(evaluation: Evaluation) -> Decision | None:
    """Deny a draft where drafts take no commands."""
    return Decision("draft") if evaluation.pull_request.draft and evaluation.inputs.drafts == "deny" else None


def check_fork(evaluation: Evaluation) -> Decision | None:
    """Deny a fork where it is not allowed or not approved."""
    pull_request = evaluation.pull_request
    if not pull_request.from_fork:
        return None
    if pull_request.head.repository_id is None:
        return Decision("fork-gone")
    if evaluation.inputs.forks == "deny":
        return Decision("fork")
    if evaluation.inputs.forks == "approved":
        return require_approvals(evaluation, "fork-not-approved", {pull_request.author.id})
    return None


def check_head(evaluation: Evaluation) -> Decision | None:
    """Deny where the command does not mean the head commit, or it is not certain that it does."""
    head = evaluation.pull_request.head.sha
    request = evaluation.request
    pins = request.pins or evaluation.arguments.values(PIN)
    if request.given_in and not request.pins and {pin.lower() for pin in pins} != {head}:
        pins = ()  # a command that is given again is for the head as it is now, whatever its comment named
    if pins:
        if not all(_SHA.fullmatch(pin.lower()) for pin in pins):
            return Decision("sha-malformed", (), evaluation.pinned())
        names_head = {pin.lower() for pin in pins} == {head}
        return None if names_head else Decision("sha-mismatch", (f"head: {head}",), evaluation.pinned())
    if evaluation.pull_request.from_fork:
        return None if evaluation.inputs.forks == "approved" else Decision("sha-missing", (), evaluation.pinned())
    if evaluation.inputs.head == "pinned":
        return Decision("sha-missing", (), evaluation.pinned())
    return None if evaluation.inputs.head == "latest" else _check_head_was_seen(evaluation, head)


def _check_head_was_seen(evaluation: Evaluation, head: str) -> Decision | None:
    request, branch = evaluation.request, evaluation.pull_request.head
    not_seen = Decision("older-commit" if request.is_on_older_commit else "head-not-seen", (), evaluation.pinned())
    if request.event_sha:
        return None if request.event_sha == head else not_seen
    written = request.written_at
    if request.started_by_run:
        run = evaluation.answer(WorkflowRun(request.started_by_run))
        if isinstance(run, Unknown) or run is None:
            details = cause_and_remedy(run) if run else (f"GitHub does not show the run {request.started_by_run}",)
            return Decision("head-unknown", details, evaluation.pinned())
        written = run["created_at"]
    if not written:
        return Decision("head-unknown", (), evaluation.pinned())
    questions: list[Question[Any]] = [BranchUpdates(branch.repository, branch.ref, written)]
    if request.started_by_run:
        questions.append(ReopenedSince(request.source.pr_number, written))
    updates, *_ = evaluation.answers(questions)
    if request.started_by_run and (denial := _require_not_reopened(evaluation, written)):
        return denial
    heads = () if isinstance(updates, Unknown) else heads_at(updates, written)
    if heads:
        return None if heads == (head,) else not_seen
    # The activity cannot be read, or does not reach back so far.
    if evaluation.inputs.head != "suites":
        details = cause_and_remedy(updates) if isinstance(updates, Unknown) else ()
        return Decision("head-unknown", details, evaluation.pinned())
    created = evaluation.answer(FirstCheckSuite(head, branch.ref))
    if isinstance(created, str) and created:
        if parse_time(created) >= parse_time(written):
            return not_seen
        evaluation.warnings.append(_BY_SUITES)
        return None
    details = cause_and_remedy(created) if isinstance(created, Unknown) else ()
    return Decision("head-unknown", details, evaluation.pinned())
