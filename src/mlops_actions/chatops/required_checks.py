"""The check of `require-checks`: other systems must have passed the commit."""

from __future__ import annotations

from typing import Any

from mlops_actions.chatops.evaluation import Evaluation, cause_and_remedy
from mlops_actions.chatops.facts import CommitChecks, Question, RequiredCheck, RequiredChecks, Unknown, state_of
from mlops_actions.chatops.request import Decision


def check_checks(evaluation: Evaluation) -> Decision | None:
    """Deny where a required check has not passed."""
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
            return Decision("checks-unknown", cause_and_remedy(required))
        if not required:
            return Decision("checks-unknown", (f"the branch {base} requires no checks",))
        checks += required
    if isinstance(states, Unknown):
        return Decision("checks-unknown", cause_and_remedy(states))
    state_by_check = {check: state_of(check, states) for check in checks}
    missing = [_describe(check, state) for check, state in state_by_check.items() if state != "passed"]
    return Decision("checks", tuple(missing)) if missing else None


def _describe(check: RequiredCheck, state: str | None) -> str:
    app = f" (of the App {check.app})" if check.app else ""
    return f"{check.name}{app}: {state or 'missing'}"
