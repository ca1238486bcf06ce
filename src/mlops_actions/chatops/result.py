"""The properties of the output `result` of chatops."""

from __future__ import annotations

from collections.abc import Mapping

from mlops_actions.chatops.reasons import REASONS
from mlops_actions.core.types import Json

_STRING: Json = {"type": "string"}
_ID: Json = {"type": "string", "pattern": "^[0-9]*$"}
_SHA: Json = {"type": "string", "pattern": "^[0-9a-f]{40}$"}
_SCALAR: Json = {"type": ["string", "number", "boolean"]}
_FEEDBACK: Json = {
    "type": "object",
    "description": "The feedback on the pull request, for `mode: finish`. An empty text or 0 stands for none.",
    "required": ["command", "pr-number", "sha", "step-id"],
    "additionalProperties": False,
    "properties": {
        "command": {"type": "string", "description": "The command with its prefix."},
        "pr-number": {"type": "integer"},
        "sha": _SHA,
        "step-id": {"type": "string", "description": "Identifies the step that began the feedback."},
        "summary": {"type": "string", "description": "Markdown for the check run."},
        "reaction-target": _STRING,
        "reaction": _STRING,
        "reaction-id": {"type": "integer"},
        "pending-label": _STRING,
        "check-name": _STRING,
        "check-run-id": {"type": "integer"},
        "environment": _STRING,
        "deployment-id": {"type": "integer"},
        "actor": {"type": "string", "description": "Login of the commander; empty for a call-back."},
        "started": {"type": "integer", "description": "When the command started, in seconds since 1970; 0: not known."},
        "notify-after": {"type": "integer", "description": "Seconds; -1: never."},
        "comment-tag": _STRING,
        "comment-key": {"type": "string", "description": "Identifies the step, or the run, that wrote the comment."},
        "comment-id": {"type": "integer"},
    },
}
# The properties of the output `result`: those from `params` on are there only where `decision` is `continue`.
RESULT: Mapping[str, Json] = {
    "triggered": {"type": "boolean", "description": "Whether the steps that follow should run."},
    "decision": {"enum": ["continue", "ignore", "deny"]},
    "reason": {"enum": list(REASONS)},
    "details": {
        "type": "array",
        "items": _STRING,
        "description": "Lines that explain the decision; they may quote anybody.",
    },
    "command": _STRING,
    "args": _STRING,
    "pr-number": {"type": "integer"},
    "actor": _STRING,
    "comment-id": _ID,
    "comment-url": _STRING,
    "params": {
        "type": "object",
        "description": "Typed parameters; a repeated one is a list.",
        "additionalProperties": {"anyOf": [_SCALAR, {"type": "array", "items": _SCALAR}]},
    },
    "positional": {"type": "array", "items": _STRING, "description": "Arguments without a name."},
    "sha": _SHA,
    "ref": _STRING,
    "base-ref": _STRING,
    "base-sha": _SHA,
    "head-repo": _STRING,
    "fork": {"type": "boolean", "description": "Whether the head is in another repository."},
    "check-run-id": _ID,
    "deployment-id": _ID,
    "feedback": _FEEDBACK,
    "left-out": {
        "type": "array",
        "items": _STRING,
        "description": "The properties that are empty here since the document would be longer than 100 kB.",
    },
}
