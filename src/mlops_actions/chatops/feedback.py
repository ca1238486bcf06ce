"""What people see of a command on the pull request: begun on the trigger, concluded when the job ends.

All of it is best effort: what fails is warned about, and changes no decision.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Literal, TypeAlias

from mlops_actions.chatops.inputs import Inputs
from mlops_actions.chatops.ports import GitHubDoor, Writer
from mlops_actions.core.concurrent import gather
from mlops_actions.core.errors import ActionError, BadInput, Refused
from mlops_actions.core.ports import Log

Status: TypeAlias = Literal["success", "failure", "cancelled"]
# What the App's token needs for the feedback; one that is exported is another, with what the steps that follow need.
_APP_PERMISSIONS = {"issues": "write", "pull_requests": "write", "checks": "write", "deployments": "write"}
# Deployments know no cancellation; `inactive` would say that it had been active.
_DEPLOYMENT_STATES: Mapping[str, str] = {"success": "success", "failure": "failure", "cancelled": "error"}
_TARGET = re.compile(r"(?:(?:issues|pulls)/comments/[0-9]+|issues/[0-9]+)?")
# Of each sign, the field that says what was meant, and the one for its id.
_SIGNS: Mapping[str, tuple[str, str]] = {
    "reaction": ("reaction", "reaction_id"),
    "pending label": ("pending_label", ""),
    "check run": ("check_name", "check_run"),
    "deployment": ("environment", "deployment"),
}
_WORDS: Mapping[str, str] = {"success": "succeeded", "failure": "failed", "cancelled": "was cancelled"}


@dataclass(frozen=True)
class Begun:
    """What there is to conclude; it travels to the post step as state, and to another job in the output `result`.

    It is kept before the first request is sent, and so says what was meant to be begun: empty is what was not asked for, or
    what GitHub refused. The ids follow as GitHub tells them. Where one is 0, the request or its answer got lost on the way
    (a job can be killed at any time), and the sign may be there all the same: a reaction and a label are known by their
    names, a check run and a deployment are found by `mark`, which no other step has. `told` is Markdown for the check run.
    """

    command: str
    number: int
    sha: str
    mark: str
    told: str = ""
    reaction_target: str = ""
    reaction: str = ""
    reaction_id: int = 0
    pending_label: str = ""
    check_name: str = ""
    check_run: int = 0
    environment: str = ""
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
            if not _TARGET.fullmatch(found["reaction_target"]):
                raise ValueError("no place for a reaction")
        except (ValueError, KeyError, TypeError):
            raise BadInput(
                "what an earlier step began cannot be read", "hand over its output 'result' unchanged, as 'begun'"
            ) from None
        return cls(**found)

    @property
    def deployed_as(self) -> str:
        """The description of the deployment, by which it is found."""
        return f"{self.command[:60]} on #{self.number}, run {self.mark}"

    @property
    def external_id(self) -> str:
        """What the check run is known by, and holds for a later run to go on with (see `resume`)."""
        return " ".join((self.mark, self.reaction_target or "-", self.command[:100]))

    def of(self, external_id: str) -> Begun | None:
        """Return this with what an external id holds; None where it is none of ours."""
        mark, _, rest = external_id.partition(" ")
        target, _, command = rest.partition(" ")
        if not (mark and command) or not _TARGET.fullmatch(target.removeprefix("-")):
            return None
        return replace(self, mark=mark, reaction_target=target.removeprefix("-"), command=command)

    def learned(self, sign: str, answer: Any) -> Begun:
        """Take down what GitHub answered about a sign."""
        meant, known = _SIGNS[sign]
        found: dict[str, Any] = {}
        if isinstance(answer, Refused):
            found = {meant: ""}
        elif known and not isinstance(answer, ActionError):
            found = {known: answer}
        return replace(self, **found)


def mark_of(run_id: str, attempt: int) -> str:
    """Make the mark of one step: two of one job, or of a matrix, must not take each other's signs for their own."""
    return f"{run_id}-{attempt}-{os.urandom(4).hex()}"


def begin(
    writer: Writer,
    inputs: Inputs,
    begun: Begun,
    params: Mapping[str, Any],
    run_url: str,
    saved: Callable[[Begun], None],
    beside: Mapping[str, Callable[[], Any]],
    *,
    resumed: bool = False,
) -> tuple[Begun, dict[str, Any]]:
    """Make the first signs on the pull request, in one round with the calls of `beside`; `resumed`: they are there.

    `saved` is called before the first request and after each answer, so that the post step can conclude what there is even
    where this step dies half-way. Returns what has begun, and all answers (or ActionErrors) by name.
    """
    state = replace(
        begun,
        reaction=inputs.reaction if begun.reaction_target and inputs.reaction != "none" else "",
        pending_label=inputs.pending_label or "",
        check_name=inputs.check_name or "",
        environment=inputs.environment or "",
    )
    saved(state)

    def done(name: str, answer: Any) -> None:
        nonlocal state
        if name in _SIGNS:
            state = state.learned(name, answer)
            saved(state)

    late: dict[str, Any] = {}
    signs = {} if resumed else _first_signs(writer, state, params, run_url, late)
    calls = {**signs, **beside}
    answers = gather(calls, done)
    return state, {**answers, **late}


def _first_signs(
    writer: Writer, begun: Begun, params: Mapping[str, Any], run_url: str, late: dict[str, Any]
) -> dict[str, Callable[[], Any]]:
    """Return the calls; what fails behind one that succeeded comes to `late`."""
    calls: dict[str, Callable[[], Any]] = {}
    title = f"{begun.command} is running"
    if begun.reaction:
        calls["reaction"] = lambda: writer.react(begun.reaction_target, begun.reaction)
    if begun.pending_label:
        calls["pending label"] = lambda: writer.add_labels(begun.number, [begun.pending_label])
    if begun.check_name:
        summary = _summary(begun, run_url)
        calls["check run"] = lambda: writer.create_check_run(
            begun.check_name, begun.sha, url=run_url, title=title, summary=summary, external_id=begun.external_id
        )
    if begun.environment:

        def deploy() -> int:
            deployment = writer.create_deployment(begun.sha, begun.environment, params, begun.deployed_as)
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
        if final == begun.reaction:
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
    summary = _summary(begun, run_url)
    calls: dict[str, Callable[[], Any]] = {}

    def unreact() -> None:
        # The same reaction once more is the one that is there, and tells its id.
        reaction = begun.reaction_id or writer.react(begun.reaction_target, begun.reaction)
        writer.unreact(begun.reaction_target, reaction)

    def end_check_run() -> None:
        check_run = begun.check_run or writer.find_check_run(begun.check_name, begun.sha, begun.external_id)
        if check_run:
            writer.conclude_check_run(check_run, status, title=title, summary=summary)

    def end_deployment() -> None:
        deployment = begun.deployment or writer.find_deployment(begun.sha, begun.environment, begun.deployed_as)
        if deployment:
            writer.deployment_status(deployment, _DEPLOYMENT_STATES[status], url=run_url, description=title)

    if begun.reaction:
        calls["reaction"] = unreact
    if begun.pending_label:
        calls["pending label"] = lambda: writer.remove_label(begun.number, begun.pending_label)
    if begun.check_name:
        calls["check run"] = end_check_run
    if begun.environment:
        calls["deployment"] = end_deployment
    return calls


def _summary(begun: Begun, run_url: str) -> str:
    return "\n\n".join(part for part in (begun.told, f"[The run]({run_url})") if part)


def as_app_or_job(inputs: Inputs, log: Log, door: GitHubDoor) -> Writer:
    """Act as the configured GitHub App; where that fails, warn and act with the job's token."""
    if inputs.app_id is None:
        return door.as_job()
    try:
        return door.as_app(_APP_PERMISSIONS)
    except ActionError as error:
        log.warning(f"not acting as the GitHub App, but with 'github-token': {error}", title="chatops")
        return door.as_job()


def warn(answers: Mapping[str, Any], log: Log) -> None:
    """Say which feedback failed, and what would make it work."""
    for name, answer in answers.items():
        if isinstance(answer, ActionError):
            log.warning(f"the {name} could not be brought up to date: {answer}", title="chatops")
