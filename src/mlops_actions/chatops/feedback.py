"""Show on the pull request what happens to a command: when it starts, and when its job ends.

All feedback is best effort: a failure is a warning and changes no decision.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any, Literal, TypeAlias

from mlops_actions.chatops import reply
from mlops_actions.chatops.feedback_state import FeedbackState, run_of
from mlops_actions.chatops.inputs import Inputs
from mlops_actions.chatops.labels import same_label
from mlops_actions.chatops.ports import Repository, Writer
from mlops_actions.chatops.run_end import run_end
from mlops_actions.core.concurrent import gather
from mlops_actions.core.errors import ActionError
from mlops_actions.core.ports import Log
from mlops_actions.core.sticky import CommandMark

Status: TypeAlias = Literal["success", "failure", "cancelled"]
Call: TypeAlias = Callable[[], Any]
# Deployments have no state for a cancellation; `inactive` would mean that the deployment had been active.
_DEPLOYMENT_STATES: Mapping[str, str] = {"success": "success", "failure": "failure", "cancelled": "error"}
# What shows as running for ever where it is not concluded.
_CONCLUDED = ("check run", "deployment")
_WEB_ADDRESS = re.compile(r"https?://[^\s/?#]\S*", re.IGNORECASE)


class FirstFeedback:
    """The feedback on a command that starts, as calls that the caller makes at once with its own calls.

    `save` receives the state as JSON before the first request and after each answer, so that the post stage can conclude the
    feedback even where this step is killed before its end.
    """

    def __init__(self, writer: Writer, state: FeedbackState, inputs: Inputs, save: Callable[[str], None]) -> None:
        self._writer = writer
        self._save = save
        self.state = replace(
            state,
            reaction=inputs.reaction if state.reaction_target and inputs.reaction != "none" else "",
            pending_label=inputs.pending_label or "",
            check_name=inputs.check_name or "",
            environment=inputs.environment or "",
        )
        # Errors of calls that followed a successful one, by name.
        self.late_errors: dict[str, ActionError] = {}
        self._save_state()

    def calls(self, params: Mapping[str, Any], run_url: str, trigger_label: str = "") -> dict[str, Call]:
        """Return the calls that create the feedback, by the kind of feedback.

        `trigger_label` is the label that gave the command; it is taken away.
        """
        writer, state = self._writer, self.state
        calls: dict[str, Call] = {}
        title = f"{state.command} is running"
        if state.reaction:
            calls["reaction"] = lambda: writer.react(state.reaction_target, state.reaction)
        if state.pending_label:
            calls["pending label"] = lambda: writer.add_labels(state.pr_number, [state.pending_label])
        if trigger_label and not same_label(trigger_label, state.pending_label):
            # So that it can be set again. As `pending-label` it stays until the command ends.
            calls["trigger label"] = lambda: writer.remove_label(state.pr_number, trigger_label)
        if state.check_name:
            summary = _summary(state, run_url)
            calls["check run"] = lambda: writer.create_check_run(
                state.check_name, state.sha, url=run_url, title=title, summary=summary, external_id=state.external_id
            )
        if state.environment:
            calls["deployment"] = lambda: self._deploy(params, run_url, title)
        return calls

    def begin_comment(self, client: Writer, tag: str, about: str, *, again: bool) -> None:
        """Write the command's comment; its failure is among the `late_errors`.

        The job's own account writes it, as argo-submit and wandb-runs do, which turn it into their report.
        """
        self.state = replace(self.state, comment_tag=tag, comment_key=self.state.step_id)
        self._save_state()
        mark, number = CommandMark(self.state.step_id, label=self.state.pending_label), self.state.pr_number
        answers = gather({"comment": lambda: client.begin_command(number, tag, mark, about, again=again)}, self.record)
        if isinstance(answers["comment"], ActionError):
            self.late_errors["comment"] = answers["comment"]

    def record(self, kind: str, answer: Any) -> None:
        """Record GitHub's answer to one call in the state; ignore the answers to the caller's own calls."""
        state = self.state.with_answer(kind, answer)
        if state is not self.state:
            self.state = state
            self._save_state()

    def _deploy(self, params: Mapping[str, Any], run_url: str, title: str) -> int:
        state = self.state
        deployment = self._writer.create_deployment(
            state.sha, state.environment, payload=params, description=state.deployment_description
        )
        try:
            self._writer.deployment_status(deployment, "in_progress", url=run_url, description=title)
        except ActionError as error:
            # The deployment exists, and must be concluded all the same.
            self.late_errors["deployment status"] = error
        return deployment

    def _save_state(self) -> None:
        self._save(json.dumps(self.state.as_json()))


def conclude(
    writer: Writer,
    client: Repository,
    inputs: Inputs,
    *,
    state: FeedbackState,
    status: Status,
    run_url: str,
    log: Log,
    again: bool = False,
) -> None:
    """Show the end of the job on all feedback that was begun; `client` acts as the job, `writer` as the App if any.

    `again` says that an earlier attempt of the run may have shown another end: its reaction is taken back.
    """
    # First of all: a command that ends at the same time must see that this one has ended.
    _end_comment(client, state, status, run_url, log)
    final_reaction = inputs.success_reaction if status == "success" else inputs.failure_reaction
    label, outdated = inputs.success_label, inputs.failure_label
    if status != "success":
        label, outdated = outdated, label
    environment_url = _environment_url(inputs, log) if status == "success" and state.environment else ""
    calls = _closing_calls(
        writer, client, inputs, state=state, status=status, run_url=run_url, environment_url=environment_url
    )
    if inputs.keeps_label:
        calls.pop("pending label", None)
    if state.reaction_target and final_reaction != "none":
        calls["final reaction"] = lambda: writer.react(state.reaction_target, final_reaction)
        if final_reaction == state.reaction:
            calls.pop("reaction", None)
        outdated_reaction = inputs.failure_reaction if status == "success" else inputs.success_reaction
        if again and outdated_reaction not in (final_reaction, "none"):
            calls["outdated reaction"] = lambda: _take_back(writer, state.reaction_target, outdated_reaction)
    if label:
        calls["final label"] = lambda: writer.add_labels(state.pr_number, [label])
        if same_label(label, state.pending_label):
            calls.pop("pending label", None)
    # The label of an earlier command must not contradict this one.
    if outdated and not any(same_label(outdated, other) for other in (label or "", state.pending_label)):
        calls["outdated label"] = lambda: writer.remove_label(state.pr_number, outdated)
    _close(calls, writer, inputs, state=state, status=status, run_url=run_url, log=log)


def withdraw(writer: Writer, client: Repository, inputs: Inputs, *, state: FeedbackState, run_url: str, log: Log) -> None:
    """Remove or cancel the feedback on a command that does not run after all."""
    calls = _closing_calls(writer, client, inputs, state=state, status="cancelled", run_url=run_url)
    _close(calls, writer, inputs, state=state, status="cancelled", run_url=run_url, log=log)


def end_left(
    writer: Writer,
    client: Repository,
    inputs: Inputs,
    *,
    state: FeedbackState,
    status: Status,
    about: str,
    run_url: str,
    log: Log,
) -> None:
    """End the feedback that a dead run left; `about` is what its comment says now. Nothing is a success or a final label."""
    mark = CommandMark(state.comment_key, is_open=False)
    if state.comment_key:
        end = partial(client.end_command, state.pr_number, state.comment_id, state.comment_tag, mark, about)
        warn_of_failures(gather({"comment": end}), log)
    calls = _closing_calls(writer, client, inputs, state=state, status=status, run_url=run_url)
    if state.reaction_target and inputs.failure_reaction != "none":
        calls["final reaction"] = partial(writer.react, state.reaction_target, inputs.failure_reaction)
        if inputs.failure_reaction == state.reaction:
            calls.pop("reaction", None)
    _close(calls, writer, inputs, state=state, status=status, run_url=run_url, log=log)


def _close(
    calls: Mapping[str, Call], writer: Writer, inputs: Inputs, state: FeedbackState, status: Status, run_url: str, log: Log
) -> None:
    """Make the closing calls; say of a check run or deployment that stays open where the outcome is."""
    answers = gather(calls)
    left_open = {kind: answers.pop(kind) for kind in _CONCLUDED if isinstance(answers.get(kind), ActionError)}
    warn_of_failures(answers, log)
    if not left_open:
        return
    names = {"check run": state.check_name, "deployment": state.environment}
    outcome = f"{state.command} {reply.STATUS_WORDS[status]}"
    subjects = " and ".join(f"the {kind} '{names[kind]}'" for kind in left_open)
    lines = [f"{subjects} could not be concluded. {outcome}: {run_url}"]
    lines += dict.fromkeys(str(error) for error in left_open.values())
    if inputs.replies != "never":
        text = reply.left_open(outcome, {kind: names[kind] for kind in left_open}, run_url)
        written = gather({"reply": lambda: writer.comment(state.pr_number, text)})["reply"]
        if isinstance(written, ActionError):
            lines.append(f"no comment says so on the pull request: {written.cause}")
    log.warning("\n".join(lines), title="chatops")


def _take_back(writer: Writer, target: str, reaction: str) -> None:
    # Adding the same reaction again returns the id of the existing one.
    writer.unreact(target, writer.react(target, reaction))


def _environment_url(inputs: Inputs, log: Log) -> str:
    """Return the address of what was deployed; GitHub takes only those of the web."""
    address = inputs.environment_url or ""
    if address and not _WEB_ADDRESS.fullmatch(address):
        log.warning(
            f"the deployment gets no address: input 'environment-url' is {address[:80]!r}\n"
            "give an address that begins with https:// or http://",
            title="chatops",
        )
        return ""
    return address


def _end_comment(client: Repository, state: FeedbackState, status: Status, run_url: str, log: Log) -> None:
    """Say in the command's comment how it ended; notify its commander where it took long, which an edit does not."""
    if not state.comment_key:
        return
    seconds = max(0.0, time.time() - state.started) if state.started else None
    mark = CommandMark(state.comment_key, is_open=False)
    about = reply.ended(state.command, status, state.summary, run_url, seconds)
    answers = gather(
        {"comment": lambda: client.end_command(state.pr_number, state.comment_id, state.comment_tag, mark, about)}
    )
    warn_of_failures(answers, log)
    answer = answers["comment"]
    url, headline = ("", "") if isinstance(answer, ActionError) else answer
    # When the run of a call-back began is not known, but it lasted longer than a job.
    is_long = state.notify_after >= 0 and (seconds is None or seconds > state.notify_after)
    if is_long:
        text = reply.notice(state.command, status, login=state.actor, headline=headline, url=url or run_url, seconds=seconds)
        warn_of_failures(gather({"notice": lambda: client.comment(state.pr_number, text)}), log)


def _remove_pending_label(writer: Writer, client: Repository, inputs: Inputs, state: FeedbackState) -> None:
    """Remove the pending label, unless another command on the pull request still needs it."""
    if inputs.replies == "always" or state.comment_key:
        others = client.open_commands(state.pr_number, state.pending_label)
        if any(other.step_id != state.step_id and _runs(client, other) for other in others):
            return
    writer.remove_label(state.pr_number, state.pending_label)


def _runs(client: Repository, command: CommandMark) -> bool:
    """Return whether a command that has not concluded its comment can still do so.

    A run that was killed cannot, nor one that has ended without a word; a call-back concludes that of a detached workflow.
    """
    run = run_of(command.step_id)
    try:
        return run == 0 or run_end(client, run) is None
    except ActionError:
        return True


def _closing_calls(
    writer: Writer,
    client: Repository,
    inputs: Inputs,
    *,
    state: FeedbackState,
    status: Status,
    run_url: str,
    environment_url: str = "",
) -> dict[str, Call]:
    title = f"{state.command} {reply.STATUS_WORDS[status]}"
    summary = _summary(state, run_url)
    calls: dict[str, Call] = {}

    def remove_reaction() -> None:
        if state.reaction_id:
            writer.unreact(state.reaction_target, state.reaction_id)
        else:
            _take_back(writer, state.reaction_target, state.reaction)

    def end_check_run() -> None:
        check_run = state.check_run_id or writer.find_check_run(state.check_name, state.sha, state.external_id)
        if check_run:
            writer.conclude_check_run(check_run, status, title=title, summary=summary)

    def end_deployment() -> None:
        deployment = state.deployment_id or writer.find_deployment(
            state.sha, state.environment, state.deployment_description
        )
        if deployment:
            writer.deployment_status(
                deployment, _DEPLOYMENT_STATES[status], url=run_url, description=title, environment_url=environment_url
            )

    if state.reaction:
        calls["reaction"] = remove_reaction
    if state.pending_label:
        calls["pending label"] = lambda: _remove_pending_label(writer, client, inputs, state)
    if state.check_name:
        calls["check run"] = end_check_run
    if state.environment:
        calls["deployment"] = end_deployment
    return calls


def _summary(state: FeedbackState, run_url: str) -> str:
    return "\n\n".join(part for part in (state.summary, f"[The run]({run_url})") if part)


def warn_of_failures(answers: Mapping[str, Any], log: Log) -> None:
    """Warn of each kind of feedback that failed, with the remedy."""
    for kind, answer in answers.items():
        if isinstance(answer, ActionError):
            log.warning(f"the {kind} could not be updated: {answer}", title="chatops")
