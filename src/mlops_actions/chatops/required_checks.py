"""The check of `require-checks`: other systems must have passed the commit."""

from __future__ import annotations

from typing import Any

from mlops_actions.chatops.evaluation import Evaluation, cause_and_remedy
from mlops_actions.chatops.facts import CommitChecks, CommitState, Question, RequiredCheck, RequiredChecks, Unknown, state_of
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
    state_by_check = {check: state_of(check, commit.states) for check in checks}
    missing = {check: state for check, state in state_by_check.items() if state != "passed"}
    if not missing:
        return None
    # A check that nobody has reported yet is pending too: GitHub calls it "expected".
    may_pass = all(state in (None, "pending") for state in missing.values())
    return Decision("checks", tuple(_describe(check, state) for check, state in missing.items()), may_pass=may_pass)


def _is_ignored(check: RequiredCheck, commit: CommitState | Unknown, evaluation: Evaluation) -> bool:
    """Return whether a check of the base branch does not count: this workflow would wait for what it reports itself."""
    if check.name in (evaluation.inputs.ignored_checks or ()) or check.name == evaluation.inputs.check_name:
        return True
    own = frozenset[tuple[str, int]]() if isinstance(commit, Unknown) else commit.own
    return any(name == check.name and check.app in (0, app) for name, app in own)


def _describe(check: RequiredCheck, state: str | None) -> str:
    app = f" (of the App {check.app})" if check.app else ""
    return f"{check.name}{app}: {state or 'missing'}"
