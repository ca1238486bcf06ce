"""End what dead runs left on a pull request: comments, check runs, deployments and reactions that show as running.

A run can die before it concludes its command: its machine is lost, somebody forces the cancellation, the post step itself is
killed. The next run of chatops on the pull request ends these signs. It does so at its own end, where nobody waits for it.

What a dead run left is found by its own open signs: the comment, and the check runs and deployments of a commit. Each names
its run, and GitHub's API says whether that run has ended (`run_end`). How the command ended is not known: nothing becomes a
success by this.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from mlops_actions.chatops import reply
from mlops_actions.chatops.feedback import Status, end_left
from mlops_actions.chatops.feedback_state import FeedbackState, run_of, step_of_deployment
from mlops_actions.chatops.identity import feedback_client
from mlops_actions.chatops.inputs import Inputs
from mlops_actions.chatops.ports import Ports, Repository
from mlops_actions.chatops.run_end import RunEnd, run_end
from mlops_actions.core.command_notice import CommandNotice
from mlops_actions.core.concurrent import gather
from mlops_actions.core.context import Context
from mlops_actions.core.errors import ActionError
from mlops_actions.core.sticky import CommandComment

_MAX_RUNS = 10
_MAX_DEPLOYMENTS = 5
_OPEN_STATES = ("", "pending", "queued", "in_progress")


def end_leftovers(pr_number: int, own: FeedbackState | None, inputs: Inputs, context: Context, ports: Ports) -> None:
    """End what dead runs of this workflow file left; `own` is the feedback of this run's command, None where it has none.

    All of it is best effort: what cannot be read or ended is said in the log, and left to the next run.
    """
    client = ports.clients().as_job()
    search = _Search(client, pr_number, own, inputs, context)
    try:
        left = search.find()
    except ActionError as error:
        ports.runner.info(f"what earlier runs left on #{pr_number} is not known: {error.cause}")
        return
    if not left:
        return
    writer = feedback_client(inputs, ports)
    for state, end, comment in left:
        run_url = f"{context.server_url}/{context.repository}/actions/runs/{state.run}"
        about = reply.left_behind(state.command, end.conclusion, run_url, comment.about if comment else "")
        status: Status = "failure" if end.conclusion in ("failure", "timed_out", "startup_failure") else "cancelled"
        end_left(writer, client, inputs, state=state, status=status, about=about, run_url=run_url, log=ports.runner)
        ports.runner.info(f"ended what run {state.run} left: {state.command}")


class _Search:
    """The open signs of steps, by the ids of the steps."""

    def __init__(
        self, client: Repository, pr_number: int, own: FeedbackState | None, inputs: Inputs, context: Context
    ) -> None:
        self._client = client
        self._number = pr_number
        self._own = own
        self._inputs = inputs
        self._context = context
        self._states: dict[str, FeedbackState] = {}
        self._comments: dict[str, CommandComment] = {}
        self._ends: dict[int, RunEnd | None] = {}

    def find(self) -> list[tuple[FeedbackState, RunEnd, CommandComment | None]]:
        """Return what each dead step left, with the end of its run and its comment; raises ActionError."""
        sha = self._own.sha if self._own else self._client.pull_request(self._number).head.sha
        comments = _all(gather({"comments": partial(self._client.command_comments, self._number)}))["comments"]
        for comment in comments:
            if comment.mark.is_open:
                self._comments[comment.mark.step_id] = comment
                self._add(comment.mark.step_id, comment_id=comment.id, pending_label=comment.mark.label)
        self._look_at_commit(sha)
        self._look_up_runs()
        # The check run and the deployment of a dead command may be on another commit, which only its run knows.
        others = {notice.sha for end in self._ends.values() if (notice := self._notice(end))} - {sha}
        for other in sorted(others):
            self._look_at_commit(other)
        return [
            (self._completed(state, end), end, self._comments.get(step))
            for step, state in self._states.items()
            if (end := self._end_of(state)) is not None
        ]

    def _notice(self, end: RunEnd | None) -> CommandNotice | None:
        """Return the command that a run recorded, if it was given on this pull request."""
        notice = end.notice if end else None
        return notice if notice and notice.pr_number == self._number else None

    def _add(self, step: str, **found: Any) -> None:
        state = self._states.get(step) or FeedbackState(command="", pr_number=self._number, sha="", step_id=step)
        self._states[step] = replace(state, **found)

    def _look_at_commit(self, sha: str) -> None:
        """Add the open check runs and deployments of a commit."""
        calls: dict[str, Callable[[], Any]] = {}
        if self._inputs.check_name:
            calls["check runs"] = partial(self._open_check_runs, self._inputs.check_name, sha)
        if self._inputs.environment:
            calls["deployments"] = partial(self._open_deployments, self._inputs.environment, sha)
        for found in _all(gather(calls)).values():
            for step, fields in found:
                self._add(step, sha=sha, **fields)

    def _open_check_runs(self, name: str, sha: str) -> list[tuple[str, Mapping[str, Any]]]:
        empty = FeedbackState(command="", pr_number=self._number, sha=sha, step_id="")
        found: list[tuple[str, Mapping[str, Any]]] = []
        for check_run in self._client.check_runs_named(name, sha):
            state = empty.resumed_from(str(check_run.get("external_id") or ""))
            if state and check_run["status"] != "completed":
                fields = {"command": state.command, "reaction_target": state.reaction_target}
                found.append((state.step_id, {**fields, "check_name": name, "check_run_id": int(check_run["id"])}))
        return found

    def _open_deployments(self, environment: str, sha: str) -> list[tuple[str, Mapping[str, Any]]]:
        found: list[tuple[str, Mapping[str, Any]]] = []
        looked_at = 0
        for deployment in self._client.deployments(sha, environment):
            step, command = step_of_deployment(str(deployment.get("description") or ""), self._number)
            if not step or (self._own and step == self._own.step_id):
                continue
            looked_at += 1
            if looked_at > _MAX_DEPLOYMENTS:
                break
            identifier = int(deployment["id"])
            if self._client.deployment_state(identifier) in _OPEN_STATES:
                found.append((step, {"command": command, "environment": environment, "deployment_id": identifier}))
        return found

    def _look_up_runs(self) -> None:
        """Ask GitHub how the runs of the newest steps ended; this run has not."""
        runs = {state.run for state in self._states.values()} - {0, run_of(f"{self._context.run_id}-")}
        newest = sorted(runs, reverse=True)[:_MAX_RUNS]
        self._ends = _all(gather({run: partial(run_end, self._client, run) for run in newest}))

    def _end_of(self, state: FeedbackState) -> RunEnd | None:
        """Return the end of a step's run; None where it goes on, where it is another file's, or where it is not known."""
        if self._own and self._is_earlier_attempt(state, self._own):
            return RunEnd("cancelled", self._context.workflow_path, None)
        end = self._ends.get(state.run)
        # The signs of another file's commands have other names: a run of that file ends them.
        is_ours = end is not None and self._context.workflow_path in ("", end.path)
        return end if is_ours else None

    def _is_earlier_attempt(self, state: FeedbackState, own: FeedbackState) -> bool:
        """Return whether this run has taken the very command of a step again, in a later attempt."""
        is_same = (state.run, state.command, state.reaction_target) == (own.run, own.command[:100], own.reaction_target)
        return is_same and state.step_id != own.step_id and _attempt(state.step_id) < _attempt(own.step_id)

    def _completed(self, state: FeedbackState, end: RunEnd) -> FeedbackState:
        """Return the state with what the run recorded."""
        notice = self._notice(end)
        comment = self._comments.get(state.step_id)
        target = state.reaction_target
        if notice and not target and "/comments/" in notice.source:
            target = notice.source
        return replace(
            state,
            command=state.command or (notice.name if notice else "the command"),
            reaction_target=target,
            reaction=self._inputs.reaction if target and self._inputs.reaction != "none" else "",
            pending_label=self._inputs.pending_label or state.pending_label,
            comment_tag=comment.tag if comment else "",
            comment_key=state.step_id if comment else "",
        )


def _attempt(step_id: str) -> int:
    attempt = step_id.split("-")[1:2]
    return int(attempt[0]) if attempt and attempt[0].isascii() and attempt[0].isdecimal() else 0


def _all(answers: Mapping[Any, Any]) -> dict[Any, Any]:
    """Return the answers; raises the first error among them."""
    for answer in answers.values():
        if isinstance(answer, ActionError):
            raise answer
    return dict(answers)
