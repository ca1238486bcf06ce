"""The outputs of a decision. A command that was not accepted names no commit, so that no later step can act on one."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mlops_actions.chatops.command_line import rest_without_pin
from mlops_actions.chatops.decide import AuthorizedCommand
from mlops_actions.chatops.feedback_state import FeedbackState
from mlops_actions.chatops.request import CommandRequest, CommandSource, Decision
from mlops_actions.core.errors import ActionError
from mlops_actions.core.event import PullRequest
from mlops_actions.core.outcome import Outcome, flag, legacy_flag
from mlops_actions.core.types import Json

# A later step takes the document as one variable, for which Linux has room for 128 KiB. It stays below 100 kB together with
# `left-out` and the version of its schema.
_MAX_RESULT_BYTES = 99_000
# What grows with the comment; each is an output of its own too.
_UNBOUNDED = ("args", "details", "positional", "params")
# A comment has room for thousands of mistakes, the outputs of a job have not.
_MAX_DETAILS = 50
_NO_CONTROL = {"control": "", "control-runs": "", "workflow-name": "", "workflow-namespace": ""}


@dataclass(frozen=True)
class AcceptedCommand:
    """A command that runs; `pull_request` is the pull request as it was read last.

    `control` are the outputs that say which control has asked for it, empty where none has.
    """

    authorized: AuthorizedCommand
    pull_request: PullRequest
    feedback: FeedbackState
    token: str = field(default="", repr=False)
    control: Mapping[str, str] = field(default_factory=dict)


def outcome(
    decision: Decision,
    source: CommandSource,
    request: CommandRequest | None = None,
    accepted: AcceptedCommand | None = None,
    error: ActionError | None = None,
    control: Mapping[str, str] | None = None,
    feedback: FeedbackState | None = None,
) -> Outcome:
    """Return every output, the legacy names too, and the document `result` that holds them all.

    `control` are the outputs of a control that a later job carries out, and `feedback` is what that job concludes.
    """
    result: Json = {
        "triggered": accepted is not None,
        "decision": decision.kind,
        "reason": decision.reason,
        "details": list(decision.details[:_MAX_DETAILS]),
        **_request_properties(source, request),
        **_NO_CONTROL,
        **(control or {}),
        **({"feedback": feedback.as_json()} if feedback else {}),
        **(_accepted_properties(accepted) if accepted else {}),
        **({"lock": lock_group(request.command.lock)} if accepted and request else {}),
    }
    legacy = {
        "BOOL_TRIGGERED": legacy_flag(accepted is not None),
        "PULL_REQUEST_NUMBER": str(source.pr_number),
        "PR_NUMBER": str(source.pr_number),
        "COMMENTER_USERNAME": source.actor.login,
    }
    if request is not None:
        line = rest_without_pin(request)
        legacy |= {"TRAILING_LINE": line, "TRAILING_TOKEN": line.split()[0] if line else ""}
    if accepted is not None:
        legacy["BRANCH_NAME"] = accepted.pull_request.head.ref
        if accepted.token:
            legacy["APP_INSTALLATION_TOKEN"] = accepted.token
    return Outcome(outputs={**_as_outputs(result), **legacy}, result=_bounded(result), error=error)


def lock_group(lock: str) -> str:
    """Return the concurrency group of a lock, which differs from those of other jobs; empty for no lock."""
    return f"lock-{lock}" if lock else ""


def _bounded(result: Json) -> Json:
    """Empty the largest properties of a document that would be too long, and name them in it."""
    document, left_out = dict(result), []
    sizes = {name: len(_text(document[name]).encode()) for name in _UNBOUNDED if name in document}
    for name in sorted(sizes, key=lambda one: -sizes[one]):
        if len(_text(document).encode()) <= _MAX_RESULT_BYTES:
            break
        document[name] = type(document[name])()
        left_out.append(name)
    return document | ({"left-out": left_out} if left_out else {})


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _request_properties(source: CommandSource, request: CommandRequest | None) -> Json:
    return {
        "command": request.command.name if request else "",
        "args": request.rest if request else "",
        "pr-number": source.pr_number,
        "actor": source.actor.login,
        "comment-id": source.comment_id,
        "comment-url": source.comment_url,
    }


def _accepted_properties(accepted: AcceptedCommand) -> Json:
    pull_request, feedback = accepted.pull_request, accepted.feedback
    return {
        "params": dict(accepted.authorized.params),
        "positional": list(accepted.authorized.positional),
        "sha": accepted.authorized.sha,
        "ref": pull_request.head.ref,
        "base-ref": pull_request.base.ref,
        "base-sha": pull_request.base.sha,
        "head-repo": pull_request.head.repository,
        "fork": pull_request.from_fork,
        "check-run-id": str(feedback.check_run_id or ""),
        "deployment-id": str(feedback.deployment_id or ""),
        "feedback": feedback.as_json(),
        **accepted.control,
    }


def _as_outputs(result: Mapping[str, Any]) -> dict[str, str]:
    """Return each value as the text of an output; `details` and `feedback` are in the document only."""
    outputs: dict[str, str] = {}
    for name, value in result.items():
        if isinstance(value, bool):
            outputs[name] = flag(value)
        elif name in ("params", "positional"):
            outputs[name] = json.dumps(value, ensure_ascii=False, allow_nan=False)
        elif isinstance(value, str | int):
            outputs[name] = str(value)
    return outputs
