"""The properties of the output `result` of chatops."""

from __future__ import annotations

from collections.abc import Mapping

from mlops_actions.chatops.reasons import REASONS
from mlops_actions.core.declare import Output
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
        "again": {"type": "string", "description": "The command as it is given once more; empty where it is too long."},
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
    "control": {
        "enum": ["", "stop", "retry", "retry-failed", "approve", "reject"],
        "description": "The built-in command that a later job carries out; empty for none.",
    },
    "control-runs": {
        "type": "string",
        "pattern": "^([0-9]+(,[0-9]+)*)?$",
        "description": "Ids of the workflow runs that the control is about.",
    },
    "workflow-name": _STRING,
    "workflow-namespace": _STRING,
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
    "lock": {"type": "string", "description": "The concurrency group of the command's lock; empty without one."},
    "feedback": _FEEDBACK,
    "left-out": {
        "type": "array",
        "items": _STRING,
        "description": "The properties that are empty here since the document would be longer than 100 kB.",
    },
}
OUTPUTS = (
    Output("triggered", "Whether the steps that follow should run: `true` or `false`."),
    Output("decision", "`continue`, `ignore` or `deny`."),
    Output("reason", "Reason for the decision, a stable code."),
    Output("command", "Name of the command, without the prefix."),
    Output("params", "Typed parameters, a JSON object."),
    Output("positional", "Arguments without a name, a JSON list."),
    Output("args", "Rest of the command's line as it was written; pass it on through `env:` only."),
    Output("pr-number", "Number of the pull request."),
    Output("sha", "Authorised head commit. Check out this commit, never the branch."),
    Output("ref", "Head branch."),
    Output("base-ref", "Base branch."),
    Output("base-sha", "Commit of the base branch."),
    Output("head-repo", "Repository of the head, `owner/name`."),
    Output("fork", "Whether the head is in another repository: `true` or `false`."),
    Output("actor", "Login of the user who gave the command."),
    Output("comment-id", "Id of the comment; empty for a label or a dispatch."),
    Output("comment-url", "Address of the comment."),
    Output("check-run-id", "Id of the check run that was created."),
    Output("deployment-id", "Id of the deployment that was created."),
    Output(
        "control", "Built-in command that a later job carries out: `stop`, `retry`, `retry-failed`, `approve` or `reject`."
    ),
    Output("control-runs", "Ids of the workflow runs that `control` is about, for `of-runs` of argo-submit."),
    Output("workflow-name", "Name of the workflow that `control` is about, where the comment gave one."),
    Output("workflow-namespace", "Namespace of that workflow, where the comment gave one."),
    Output(
        "lock", "Concurrency group of the command's `lock`, `lock-NAME`, for the job that works; empty where it has none."
    ),
    Output("result", "One JSON document with all outputs, and the feedback state that `mode: finish` needs."),
    Output("BOOL_TRIGGERED", "`True` or `False`.", legacy=True),
    Output("TRAILING_LINE", "Text after the command on its line, without `sha=`.", legacy=True),
    Output("TRAILING_TOKEN", "First word of `TRAILING_LINE`.", legacy=True),
    Output("PULL_REQUEST_NUMBER", "`pr-number`.", legacy=True),
    Output("PR_NUMBER", "`pr-number`.", legacy=True),
    Output("COMMENTER_USERNAME", "`actor`.", legacy=True),
    Output("BRANCH_NAME", "`ref`.", legacy=True),
    Output("APP_INSTALLATION_TOKEN", "The App's token, see `export-app-token`.", legacy=True),
)
