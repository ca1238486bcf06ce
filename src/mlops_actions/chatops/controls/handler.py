"""Carry out a built-in command: find out what runs, decide who may, act, and answer."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from mlops_actions.chatops import reply
from mlops_actions.chatops.command_handler import CommandHandler
from mlops_actions.chatops.controls import replies, retry
from mlops_actions.chatops.controls.running import CommandRun, CommandRuns, command_runs
from mlops_actions.chatops.decide import AuthorizedCommand, check_arguments
from mlops_actions.chatops.evaluation import Evaluation
from mlops_actions.chatops.feedback import warn_of_failures
from mlops_actions.chatops.feedback_state import FeedbackState, new_step_id
from mlops_actions.chatops.find_command import declared_commands, listed_commands
from mlops_actions.chatops.inputs import Inputs
from mlops_actions.chatops.outputs import outcome
from mlops_actions.chatops.ports import Ports, Repository
from mlops_actions.chatops.request import CommandRequest, Decision, ParsedEvent
from mlops_actions.core.concurrent import gather
from mlops_actions.core.context import Context
from mlops_actions.core.errors import ActionError
from mlops_actions.core.outcome import Outcome
from mlops_actions.core.sticky import CommandMark
from mlops_actions.core.suggest import nearest
from mlops_actions.core.types import Json

# Reports never take the place of the comment of a control.
_TAG = "control"


class ControlHandler:
    """Handles one built-in command in one run of the main stage."""

    def __init__(self, inputs: Inputs, context: Context, ports: Ports) -> None:
        self._inputs = inputs
        self._context = context
        self._ports = ports
        self._handler = CommandHandler(inputs, context, ports)
        self._permissions = {inputs.prefix + one.name: one.permission for one in declared_commands(inputs)}

    def handle(self, request: CommandRequest) -> Outcome:
        """Decide about a control and carry it out, or deny it; where GitHub does not say what runs, the step fails."""
        client = self._ports.clients().as_job()
        actions = {
            "status": self._status,
            "stop": self._stop,
            "retry": self._retry,
            "approve": self._approve,
            "reject": self._reject,
        }
        try:
            return actions[request.control](request, client)
        except ActionError as error:
            decision = Decision("runs-unknown", tuple(filter(None, (error.cause, error.remedy))))
            return self._handler.deny(request, decision, client, error)

    def _status(self, request: CommandRequest, client: Repository) -> Outcome:
        decided = self._handler.decide(request, client)
        if isinstance(decided, Decision):
            return self._handler.deny(request, decided, client)
        runs = self._find(request, client)
        return self._answer(request, client, "status", replies.status(runs, tuple(self._permissions), self._context))

    def _stop(self, request: CommandRequest, client: Repository) -> Outcome:
        name, problem = self._argument(request, "command")
        if problem is not None:
            return self._refuse(request, problem, client)
        name = name and self._inputs.prefix + name.removeprefix(self._inputs.prefix)
        if name and name not in self._permissions:
            return self._stop_unknown(request, name, client)
        found = self._find(request, client)
        wanted = [run for run in found.open if name in ("", run.notice.name)]
        allowed, refused, denial = self._split(request, wanted, client)
        if denial is not None and not allowed:
            return self._handler.deny(request, denial, client)
        if not allowed:
            names = (name,) if name else tuple(self._permissions)
            text = replies.nothing_to_stop(names, found, self._context)
            return self._answer(request, client, "nothing-to-stop", text)
        running = {run: partial(client.runs.cancel, run.id) for run in allowed if not run.is_completed}
        answers = {**dict.fromkeys(allowed), **gather(running)}
        errors = {run: answer for run, answer in answers.items() if isinstance(answer, ActionError)}
        done = [run for run in allowed if run not in errors]
        if not done:
            error = errors[allowed[0]]
            decision = Decision("not-stopped", tuple(filter(None, (error.cause, error.remedy))))
            return self._handler.deny(request, decision, client, error)
        for error in errors.values():
            self._ports.runner.warning(str(error), title="chatops")
        text = replies.stopped(answers, refused, found, self._context)
        return self._answer(request, client, "stopped", text, self._for_a_job("stop", done, found))

    def _retry(self, request: CommandRequest, client: Repository) -> Outcome:
        what, problem = self._argument(request, "what")
        if problem is not None:
            return self._refuse(request, problem, client)
        found = self._find(request, client)
        again = retry.repeated(self._inputs, request, found, client, only_failed=bool(what))
        if isinstance(again, Decision):
            return self._refuse(request, again, client)
        return self._handler.handle(ParsedEvent(request=again, source=again.source))

    def _approve(self, request: CommandRequest, client: Repository) -> Outcome:
        decided = self._handler.decide(request, client)
        if isinstance(decided, Decision):
            return self._handler.deny(request, decided, client)
        found = self._find(request, client)
        # What was approved is the commit that the person saw, which the decision has compared with the head.
        wanted = [run for run in found.open_and_believed if run.notice.sha == decided.sha]
        mine = [run for run in wanted if run.actor.is_same_as(request.source.actor)]
        if mine and len(mine) == len(wanted) and self._inputs.self_approval == "deny":
            return self._handler.deny(request, Decision("self-approval"), client)
        if self._inputs.self_approval == "deny":
            wanted = [run for run in wanted if run not in mine]
        return self._pass_on(request, wanted, found, client, "approved")

    def _reject(self, request: CommandRequest, client: Repository) -> Outcome:
        _, problem = self._argument(request, "workflow")
        if problem is not None:
            return self._refuse(request, problem, client)
        found = self._find(request, client)
        return self._pass_on(request, found.open_and_believed, found, client, "rejected")

    def _pass_on(
        self, request: CommandRequest, wanted: Sequence[CommandRun], found: CommandRuns, client: Repository, reason: str
    ) -> Outcome:
        """Leave the workflows of these runs to a later job, which knows the cluster: only there it is known what waits."""
        allowed, _, denial = self._split(request, wanted, client)
        if denial is not None and not allowed:
            return self._handler.deny(request, denial, client)
        if not allowed:
            return self._refuse(request, Decision("nothing-waits"), client)
        workflow, _ = self._argument(request, "workflow")
        namespace, _, name = workflow.rpartition("/")
        outputs = self._for_a_job(request.control, allowed, found)
        outputs |= {"workflow-name": name, "workflow-namespace": namespace}
        return self._begin(request, client, reason, allowed[0].notice.sha, outputs)

    def _begin(self, request: CommandRequest, client: Repository, reason: str, sha: str, outputs: Json) -> Outcome:
        """Begin the feedback that the later job concludes by `mode: finish`: a reaction and a comment, nothing else."""
        source, context = request.source, self._context
        step = new_step_id(context.run_id, context.run_attempt)
        state = FeedbackState(
            command=request.name,
            pr_number=source.pr_number,
            sha=sha,
            step_id=step,
            summary=f"{reply.quoted(request.name, request.rest)} by {reply.person(source.actor, context.server_url)}.",
            reaction_target=source.reaction_target,
            reaction=self._inputs.reaction if source.reaction_target and self._inputs.reaction != "none" else "",
            started=int(time.time()),
            comment_tag=_TAG,
            comment_key=step if self._inputs.replies == "always" else "",
        )
        calls: dict[str, Callable[[], Any]] = {}
        if state.reaction:
            calls["reaction"] = lambda: client.react(state.reaction_target, state.reaction)
        if state.comment_key:
            text = reply.started(request.name, state.summary, context.run_url, waits=True)
            mark = CommandMark(step)
            calls["comment"] = lambda: client.begin_command(state.pr_number, _TAG, mark, text)
        answers = gather(calls)
        warn_of_failures(answers, self._ports.runner)
        for kind, answer in answers.items():
            state = state.with_answer(kind, answer)
        self._ports.runner.info(f"{request.control}: {reason}")
        return outcome(Decision(reason), source, request, control=outputs, feedback=state)

    def _find(self, request: CommandRequest, client: Repository) -> CommandRuns:
        return command_runs(client, self._context, request.source.pr_number)

    def _argument(self, request: CommandRequest, name: str) -> tuple[str, Decision | None]:
        evaluation = Evaluation(self._inputs, request, {})
        problem = check_arguments(evaluation)
        return ("", problem) if problem else (str(evaluation.params.get(name, "")), None)

    def _stop_unknown(self, request: CommandRequest, name: str, client: Repository) -> Outcome:
        """Answer `/stop` with a name that this file does not declare, so that somebody answers, and no two files complain.

        The file that declares the command answers for it. Where no file is known to do so, all of them list their commands
        in one comment.
        """
        unknown = Decision("no-command", (f"{name[:80]} is no command of this workflow file",))
        if not self._handler.may_command(request, client) or name in self._find(request, client).elsewhere:
            return self._refuse(request, unknown, client)
        if suggestion := nearest(name, self._permissions):
            text = f"{name[:80]} is not a command; did you mean {suggestion}?"
            return self._refuse(request, Decision("unknown-command", (text,)), client)
        if self._inputs.replies != "never":
            commands = listed_commands(Decision("help"), self._inputs)
            listing = {"help": partial(self._handler.list_commands, commands, request.source, client)}
            warn_of_failures(gather(listing), self._ports.runner)
        return self._refuse(request, Decision("nothing-to-stop", unknown.details), client)

    def _split(
        self, request: CommandRequest, runs: Iterable[CommandRun], client: Repository
    ) -> tuple[list[CommandRun], list[CommandRun], Decision | None]:
        """Divide runs by whether this person may decide about them; the decision is the first denial.

        Without any run it is that of somebody who may give no command at all.
        """
        role = request.command.permission
        allowed: list[CommandRun] = []
        refused: list[CommandRun] = []
        denial: Decision | None = None
        for run in runs:
            if self._is_own(request, run):
                allowed.append(run)
                continue
            decided = self._decide_as(request, role or self._permissions.get(run.notice.name, ""), client)
            if isinstance(decided, AuthorizedCommand):
                allowed.append(run)
            else:
                refused.append(run)
                denial = denial or decided
        if not allowed and not refused:
            decided = self._decide_as(request, role, client)
            denial = decided if isinstance(decided, Decision) else None
        return allowed, refused, denial

    def _is_own(self, request: CommandRequest, run: CommandRun) -> bool:
        """Return whether this person gave the command that they want to end; an approval does not end it."""
        is_theirs = run.actor.is_same_as(request.source.actor)
        return is_theirs and request.sender_is_author and not request.rerun_by and request.control in ("stop", "reject")

    def _decide_as(self, request: CommandRequest, permission: str, client: Repository) -> Decision | AuthorizedCommand:
        return self._handler.decide(replace(request, command=replace(request.command, permission=permission)), client)

    def _for_a_job(self, control: str, runs: Sequence[CommandRun], found: CommandRuns) -> Json:
        """Return the outputs that steer a later job.

        A workflow that was continued belongs to the run that submitted it first, so the runs of the same command and commit
        that have ended are named too. One that still runs is only named where this person may decide about it.
        """
        kinds = {(run.notice.name, run.notice.sha) for run in runs}
        ended = [
            run
            for run in found.found
            if not run.is_open and not run.is_by_review and (run.notice.name, run.notice.sha) in kinds
        ]
        ids = sorted({run.id for run in (*runs, *ended)})
        return {"control": control, "control-runs": ",".join(map(str, ids))}

    def _refuse(self, request: CommandRequest, decision: Decision, client: Repository) -> Outcome:
        """Deny a control to somebody who may give commands, and say no more than that to others."""
        if decision.kind == "ignore":
            self._ports.runner.info(f"ignore: {decision.reason} ({'; '.join(decision.details)})")
            return outcome(decision, request.source, request)
        decided = self._decide_as(request, request.command.permission, client)
        denial = decided if isinstance(decided, Decision) and decided.reason not in ("parameters", "arguments") else decision
        return self._handler.deny(request, denial, client)

    def _answer(
        self, request: CommandRequest, client: Repository, reason: str, text: str, outputs: Json | None = None
    ) -> Outcome:
        """Write the reply and the reaction, and return the outputs."""
        source, calls = request.source, dict[str, Callable[[], Any]]()
        reaction = self._inputs.success_reaction
        if self._inputs.replies != "never":
            calls["reply"] = lambda: client.comment(source.pr_number, text)
        if source.reaction_target and reaction != "none":
            calls["reaction"] = lambda: client.react(source.reaction_target, reaction)
        warn_of_failures(gather(calls), self._ports.runner)
        self._ports.runner.info(f"{request.control}: {reason}")
        return outcome(Decision(reason), source, request, control=outputs or {})
