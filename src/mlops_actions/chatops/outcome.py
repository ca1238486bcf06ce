"""The outputs of a decision. What was not granted names no commit, so that nobody can act on it by mistake."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from mlops_actions.chatops.decide import Granted, without_pin
from mlops_actions.chatops.feedback import Begun
from mlops_actions.chatops.hear import Place, Request, Verdict
from mlops_actions.core.errors import ActionError
from mlops_actions.core.event import PullRequest
from mlops_actions.core.outcome import Outcome, flag, legacy_flag

# A comment has room for thousands of mistakes, a job's outputs have not.
_MOST_DETAILS = 50


@dataclass(frozen=True)
class Taken:
    """A command that runs; `pull` is the pull request as it was read last."""

    granted: Granted
    pull: PullRequest
    begun: Begun
    token: str = field(default="", repr=False)


def outcome(
    verdict: Verdict,
    place: Place,
    request: Request | None = None,
    taken: Taken | None = None,
    error: ActionError | None = None,
) -> Outcome:
    """Return every output, the older names too, and the document that holds them all."""
    result: dict[str, Any] = {
        "triggered": taken is not None,
        "decision": verdict.decision,
        "reason": verdict.reason,
        "details": list(verdict.details[:_MOST_DETAILS]),
        **_said(place, request),
        **(_granted(taken) if taken else {}),
    }
    older = {
        "BOOL_TRIGGERED": legacy_flag(taken is not None),
        "PULL_REQUEST_NUMBER": str(result.get("pr-number", "")),
        "PR_NUMBER": str(result.get("pr-number", "")),
        "COMMENTER_USERNAME": str(result.get("actor", "")),
    }
    if request is not None:
        line = without_pin(request)
        older |= {"TRAILING_LINE": line, "TRAILING_TOKEN": line.split()[0] if line else ""}
    if taken is not None:
        older["BRANCH_NAME"] = taken.pull.head.ref
        if taken.token:
            older["APP_INSTALLATION_TOKEN"] = taken.token
    return Outcome(outputs={**_spelled(result), **older}, result=result, error=error)


def _said(place: Place, request: Request | None) -> dict[str, Any]:
    return {
        "command": request.command.name if request else "",
        "args": request.rest if request else "",
        "pr-number": place.number,
        "actor": place.actor.login,
        "comment-id": place.comment_id,
        "comment-url": place.comment_url,
    }


def _granted(taken: Taken) -> dict[str, Any]:
    pull, begun = taken.pull, taken.begun
    return {
        "params": taken.granted.params,
        "positional": list(taken.granted.positional),
        "sha": taken.granted.sha,
        "ref": pull.head.ref,
        "base-ref": pull.base.ref,
        "base-sha": pull.base.sha,
        "head-repo": pull.head.repository,
        "fork": pull.from_fork,
        "check-run-id": str(begun.check_run or ""),
        "deployment-id": str(begun.deployment or ""),
        "begun": asdict(begun),
    }


def _spelled(result: Mapping[str, Any]) -> dict[str, str]:
    """Spell each value as an output; `details` and `begun` stand in the document alone."""
    outputs: dict[str, str] = {}
    for name, value in result.items():
        if isinstance(value, bool):
            outputs[name] = flag(value)
        elif name in ("params", "positional"):
            outputs[name] = json.dumps(value, ensure_ascii=False, allow_nan=False)
        elif isinstance(value, str | int):
            outputs[name] = str(value)
    return outputs
