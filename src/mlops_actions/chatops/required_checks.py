"""The check of `require-checks`: other systems must have passed the commit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mlops_actions.chatops.check_facts import (
    AppId,
    CheckState,
    CommitChecks,
    CommitState,
    NewestStatuses,
    RequiredCheck,
    RequiredChecks,
    state_of,
    worst,
)
from mlops_actions.chatops.evaluation import Evaluation, cause_and_remedy
from mlops_actions.chatops.facts import Question, Unknown
from mlops_actions.chatops.request import Decision


def check_checks(evaluation: Evaluation) -> Decision | None:
    """Deny where a required check has not passed."""
    names = evaluation.inputs.require_checks or ()
    if not names:
        return None
    checks = [RequiredCheck(name) for name in names if name != "required"]
    base = evaluation.pull_request.base.ref
    questions: list[Question[Any]] = [CommitChecks(evaluation.sha, evaluation.request.run_id)]
    if "required" in names:
        questions.append(RequiredChecks(base))
    commit, *required_lists = evaluation.answers(questions)
    for required in required_lists:
        if isinstance(required, Unknown):
            return Decision("checks-unknown", cause_and_remedy(required))
        if not required:
            return Decision("checks-unknown", (f"the branch {base} requires no checks",))
        checks += [check for check in required if not _is_ignored(check, commit, evaluation)]
    if isinstance(commit, Unknown):
        return Decision("checks-unknown", cause_and_remedy(commit))
    statuses = _statuses_of_apps(evaluation, checks, commit)
    if isinstance(statuses, Unknown):
        return Decision("checks-unknown", cause_and_remedy(statuses))
    state_by_check = {check: worst(state_of(check, commit.states), statuses.get(check)) for check in checks}
    missing = {check: state for check, state in state_by_check.items() if state != "passed"}
    if not missing:
        return None
    # A check that nobody has reported yet is pending too: GitHub calls it "expected".
    may_pass = all(state in (None, "pending") for state in missing.values())
    details = tuple(_describe(check, state, commit) for check, state in missing.items())
    return Decision("checks", details, may_pass=may_pass)


def _statuses_of_apps(
    evaluation: Evaluation, checks: Sequence[RequiredCheck], commit: CommitState
) -> Mapping[RequiredCheck, CheckState] | Unknown:
    """Return the states of commit statuses that the App of a required check made; the combined status shows no Apps.

    GitHub counts the newest status of a name, and only where the App made that one.
    """
    bound = [
        check for check in checks if check.app and _has_status(check, commit) and state_of(check, commit.states) != "failed"
    ]
    if not bound:
        return {}
    newest = evaluation.answer(NewestStatuses(evaluation.sha, frozenset(check.name for check in bound)))
    if isinstance(newest, Unknown):
        return newest
    slugs = list(dict.fromkeys(status.app_slug for status in newest.values() if status.app_slug))
    app_ids = evaluation.answers([AppId(slug) for slug in slugs])
    unknown = next((app_id for app_id in app_ids if isinstance(app_id, Unknown)), None)
    if unknown is not None:
        return unknown
    app_by_slug = dict(zip(slugs, app_ids, strict=True))
    return {
        check: status.state
        for check in bound
        if (status := newest.get(check.name)) and app_by_slug.get(status.app_slug) == check.app
    }


def _has_status(check: RequiredCheck, commit: CommitState) -> bool:
    return 0 in commit.states.get(check.name, {})


def _is_ignored(check: RequiredCheck, commit: CommitState | Unknown, evaluation: Evaluation) -> bool:
    """Return whether a check of the base branch does not count: this workflow would wait for what it reports itself."""
    if check.name in (evaluation.inputs.ignored_checks or ()) or check.name == evaluation.inputs.check_name:
        return True
    if isinstance(commit, Unknown) or state_of(check, commit.states) is not None:  # somebody else reports it too
        return False
    return any(name == check.name and check.app in (0, app) for name, app in commit.own)


def _describe(check: RequiredCheck, state: CheckState | None, commit: CommitState) -> str:
    if not check.app:
        return f"{check.name}: {state or 'missing'}"
    note = "; its status is not of this App" if state is None and _has_status(check, commit) else ""
    return f"{check.name} (of the App {check.app}): {state or 'missing'}{note}"
