"""What people see of a command on the pull request: begun on the trigger, concluded when the job ends.

All of it is best effort: what fails is warned about, and changes no decision.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Literal, TypeAlias

from mlops_actions.chatops.inputs import Inputs
from mlops_actions.chatops.ports import GitHubDoor, Writer
from mlops_actions.chatops.rounds import gather
from mlops_actions.core.errors import ActionError, BadInput
from mlops_actions.core.ports import Log

Status: TypeAlias = Literal["success", "failure", "cancelled"]
# What the App's token needs for the feedback alone; where it is exported it has all that the installation was granted.
_APP_PERMISSIONS = {"issues": "write", "pull_requests": "write", "checks": "write", "deployments": "write"}
# Deployments know no cancellation; `inactive` would say that it had been active.
_DEPLOYMENT_STATES: Mapping[str, str] = {"success": "success", "failure": "failure", "cancelled": "error"}
_WORDS: Mapping[str, str] = {"success": "succeeded", "failure": "failed", "cancelled": "was cancelled"}


@dataclass(frozen=True)
class Begun:
    """What is there to conclude; it travels to the post step as state, and to another job in the output `result`.

    0 and "" stand for what was not begun. The reaction is known by its target even before its id is.
    """

    command: str
    number: int
    sha: str
    reaction_target: str = ""
    reaction: int = 0
    pending_label: str = ""
    check_run: int = 0
    deployment: int = 0

    def dumps(self) -> str:
        """Write as JSON."""
        return json.dumps(asdict(self))

    @classmethod
    def loads(cls, data: Any) -> Begun:
        """Read what `dumps` or `asdict` made; raises BadInput."""
        try:
            values = json.loads(data) if isinstance(data, str) else data
            found = {field.name: values[field.name] for field in fields(cls)}
            if not all(isinstance(found[f.name], int if f.type == "int" else str) for f in fields(cls)):
                raise TypeError("ill-typed")
        except (ValueError, KeyError, TypeError):
            raise BadInput(
                "what an earlier step began cannot be read", "hand over its output 'result' unchanged, as 'begun'"
            ) from None
        return cls(**found)


def begin(
    writer: Writer,
    inputs: Inputs,
    begun: Begun,
    params: Mapping[str, Any],
    run_url: str,
    saved: Callable[[Begun], None],
    beside: Mapping[str, Callable[[], Any]],
) -> tuple[Begun, dict[str, Any]]:
    """Make the first signs on the pull request, in one round with the calls of `beside`.

    `saved` is called before the first request and after each that made something, so that the post step can conclude what
    there is even where this step dies half-way. Returns what has begun, and all answers (or ActionErrors) by name.
    """
    state = replace(begun, pending_label=inputs.pending_label or "")
    saved(state)

    def done(name: str, value: Any) -> None:
        nonlocal state
        if name in ("reaction", "check_run", "deployment"):
            state = replace(state, **{name: value})
            saved(state)

    late: dict[str, Any] = {}
    calls = {**_first_signs(writer, inputs, state, params, run_url, late), **beside}
    answers = gather(calls, done)
    return state, {**answers, **late}


def _first_signs(
    writer: Writer, inputs: Inputs, begun: Begun, params: Mapping[str, Any], run_url: str, late: dict[str, Any]
) -> dict[str, Callable[[], Any]]:
    """Return the calls; what fails behind one that succeeded comes to `late`."""
    calls: dict[str, Callable[[], Any]] = {}
    title = f"{begun.command} is running"
    if begun.reaction_target and inputs.reaction != "none":
        calls["reaction"] = lambda: writer.react(begun.reaction_target, inputs.reaction)
    if begun.pending_label:
        calls["pending label"] = lambda: writer.add_labels(begun.number, [begun.pending_label])
    if inputs.check_name:
        name = inputs.check_name
        calls["check_run"] = lambda: writer.create_check_run(
            name, begun.sha, url=run_url, title=title, summary=f"[The run]({run_url})"
        )
    if inputs.environment:
        environment = inputs.environment

        def deploy() -> int:
            deployment = writer.create_deployment(begun.sha, environment, params, title)
            try:
                writer.deployment_status(deployment, "in_progress", url=run_url, description=title)
            except ActionError as error:
                # The deployment is there, and must be concluded all the same.
                late["deployment status"] = error
            return deployment

        calls["deployment"] = deploy
    return calls


def conclude(writer: Writer, inputs: Inputs, begun: Begun, status: Status, run_url: str, log: Log) -> None:
    """Turn everything that was begun into what became of it."""
    final = inputs.success_reaction if status == "success" else inputs.failure_reaction
    label, outdated = inputs.success_label, inputs.failure_label
    if status != "success":
        label, outdated = outdated, label
    calls = _last_signs(writer, begun, status, run_url)
    if inputs.keeps_label:
        calls.pop("pending label", None)
    if begun.reaction_target and final != "none":
        calls["final reaction"] = lambda: writer.react(begun.reaction_target, final)
        if final == inputs.reaction:
            calls.pop("reaction", None)
    if label:
        calls["final label"] = lambda: writer.add_labels(begun.number, [label])
        if label == begun.pending_label:
            calls.pop("pending label", None)
    # What an earlier command left must not contradict this one.
    if outdated and outdated not in (label, begun.pending_label):
        calls["outdated label"] = lambda: writer.remove_label(begun.number, outdated)
    warn(gather(calls), log)


def withdraw(writer: Writer, begun: Begun, run_url: str, log: Log) -> None:
    """Take back what was begun for a command that does not run after all."""
    warn(gather(_last_signs(writer, begun, "cancelled", run_url)), log)


def _last_signs(writer: Writer, begun: Begun, status: Status, run_url: str) -> dict[str, Callable[[], Any]]:
    title = f"{begun.command} {_WORDS[status]}"
    summary = f"[The run]({run_url})"
    calls: dict[str, Callable[[], Any]] = {}
    if begun.reaction:
        calls["reaction"] = lambda: writer.unreact(begun.reaction_target, begun.reaction)
    if begun.pending_label:
        calls["pending label"] = lambda: writer.remove_label(begun.number, begun.pending_label)
    if begun.check_run:
        calls["check run"] = lambda: writer.conclude_check_run(begun.check_run, status, title=title, summary=summary)
    if begun.deployment:
        state = _DEPLOYMENT_STATES[status]
        calls["deployment"] = lambda: writer.deployment_status(begun.deployment, state, url=run_url, description=title)
    return calls


def as_app_or_job(inputs: Inputs, log: Log, door: GitHubDoor) -> Writer:
    """Act as the configured GitHub App; where that fails, warn and act with the job's token."""
    if inputs.app_id is None:
        return door.as_job()
    try:
        return door.as_app(_APP_PERMISSIONS)[0]
    except ActionError as error:
        log.warning(f"not acting as the GitHub App, but with 'github-token': {error}", title="chatops")
        return door.as_job()


def warn(answers: Mapping[str, Any], log: Log) -> None:
    """Say which feedback failed, and what would make it work."""
    for name, answer in answers.items():
        if isinstance(answer, ActionError):
            log.warning(f"the {name.replace('_', ' ')} could not be brought up to date: {answer}", title="chatops")
