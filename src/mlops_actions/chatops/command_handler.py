"""Handle one command, from the parsed event to the outputs: ask GitHub, decide, give feedback on the pull request."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from mlops_actions.chatops import STATE, confirmation, help_comment, reply, suggestion
from mlops_actions.chatops.command_line import repeated_command
from mlops_actions.chatops.decide import AuthorizedCommand, OpenQuestions, check_person, decide, recheck
from mlops_actions.chatops.facts import CurrentPullRequest, Question, Unknown, ask_all
from mlops_actions.chatops.feedback import FirstFeedback, warn_of_failures, withdraw
from mlops_actions.chatops.feedback_state import FeedbackState, new_step_id
from mlops_actions.chatops.identity import MembersReader, export_token, feedback_client
from mlops_actions.chatops.inputs import Inputs
from mlops_actions.chatops.outputs import AcceptedCommand, outcome
from mlops_actions.chatops.parameters import Command
from mlops_actions.chatops.ports import Ports, Repository, Writer
from mlops_actions.chatops.reasons import REASONS
from mlops_actions.chatops.request import CommandRequest, CommandSource, Decision, ParsedEvent
from mlops_actions.chatops.resume import resumed_state
from mlops_actions.core import command_notice
from mlops_actions.core.command_notice import CommandNotice
from mlops_actions.core.concurrent import gather
from mlops_actions.core.context import Context
from mlops_actions.core.errors import ActionError
from mlops_actions.core.event import PullRequest
from mlops_actions.core.outcome import Outcome

# These unknowns are ordinary denials, with a command to paste; the other unknowns fail the step.
_ORDINARY_UNKNOWNS = ("head-unknown",)

_PAUSE = 30.0  # seconds between two looks at what a command waits for
# Seconds that a call-back waits for the job that submitted its workflow: GitHub shows the job's record when it has ended.
_CALL_BACK_PATIENCE = 600.0


class CommandHandler:
    """Handles one command in one run of the main stage."""

    def __init__(self, inputs: Inputs, context: Context, ports: Ports) -> None:
        self._inputs = inputs
        self._context = context
        self._ports = ports
        self._runner = ports.runner
        self._members_reader = MembersReader(inputs, ports)
        self._facts: dict[Question[Any], Any] = {}

    def handle(self, parsed: ParsedEvent) -> Outcome:
        """Decide about a request and act on the decision, or answer an event that needs no facts from GitHub."""
        client = self._ports.clients().as_job()
        request = parsed.request
        if request is None:
            return self._answer_without_request(parsed, client)
        if request.command.confirms:
            found = confirmation.find(request, self._inputs, self._context, lambda one: self._ask(one, client))
            if isinstance(found, Decision):
                return self.deny(request, found, client)
            request = found
        decision = self.decide(request, client)
        if isinstance(decision, Decision):
            return self.deny(request, decision, client)
        if request.command.confirm and (answer := self._unconfirmed(request, decision, client)):
            return answer
        return self._accept(request, decision, client)

    def _ask(self, question: Question[Any], client: Repository) -> Any:
        self._facts.update(ask_all(client, self._members_reader, [question]))
        return self._facts[question]

    def _unconfirmed(self, request: CommandRequest, command: AuthorizedCommand, client: Repository) -> Outcome | None:
        """Ask for the confirmation of a command; None where the question about exactly this has been answered."""
        if not confirmation.can_be_read_again(request):
            return self.deny(request, Decision("confirmation-elsewhere"), client)
        asked = replace(request, confirmation=None)
        marker = confirmation.marker(request, command.sha, command.params, command.positional)
        text = reply.question(asked, marker, self._summary(asked, command), self._inputs.prefix, self._context.server_url)
        if request.confirmation is None:
            self._runner.info(f"ignore: confirmation ({request.name} for commit {command.sha} is asked about)")
            answer = gather({"question": lambda: client.comment(request.source.pr_number, text)})["question"]
            error = answer if isinstance(answer, ActionError) else None
            return outcome(Decision("confirmation"), request.source, request, error=error)
        if request.confirmation.question.strip() != text.strip():
            return self.deny(request, Decision("confirmation-changed"), client)
        return None

    def decide(self, request: CommandRequest, client: Repository) -> Decision | AuthorizedCommand:
        """Ask GitHub what the decision needs, and decide; answers are kept for further decisions of this run."""
        request, waited = replace(request, run_id=self._context.run_id), 0.0
        while True:
            decision = decide(self._inputs, request, self._facts)
            patience = _CALL_BACK_PATIENCE if request.call_back else self._inputs.wait_for_checks
            if isinstance(decision, Decision) and decision.may_pass and waited < patience:
                pause = min(_PAUSE, patience - waited)
                self._runner.info(f"waiting: {'; '.join(decision.details)}")
                self._ports.clock.sleep(pause)
                waited += pause
                self._facts = {}  # a role or an approval can be taken away during a wait
                continue
            if not isinstance(decision, OpenQuestions):
                return decision
            self._facts.update(ask_all(client, self._members_reader, decision.questions))

    def _answer_without_request(self, parsed: ParsedEvent, client: Repository) -> Outcome:
        """Answer an event that needs no facts: the command `help`, several commands, a misspelt command."""
        decision, source = parsed.decision, parsed.source
        assert decision is not None and source is not None  # noqa: S101, PT018 - `run` has finished all other events
        if parsed.meant and not self.may_command(parsed.meant, client):
            # The line may be meant for another bot, and nobody here waits for an answer.
            decision = Decision("no-command")
        self._runner.info(f"{decision.kind}: {decision.reason}")
        if parsed.could_give and not any(self.may_command(one, client) for one in parsed.could_give):
            return outcome(decision, source)
        if decision.reason == "help":
            warn_of_failures(gather({"help": lambda: self.list_commands(parsed.commands, source, client)}), self._runner)
        elif decision.kind == "deny":
            asked = reply.asked(source, self._context.server_url, parsed.meant)
            self._explain_denial(source, asked, decision, client)
        return outcome(decision, source)

    def list_commands(self, commands: Sequence[Command], source: CommandSource, client: Repository) -> None:
        """List commands in one comment with the other workflows that a comment started; a start by hand has its own."""
        own = help_comment.section(commands, self._inputs, self._context)
        if not source.comment_id:
            client.comment(source.pr_number, help_comment.compose("", own))
            return
        first_line = help_comment.marker(source)
        client.share_comment(source.pr_number, first_line, lambda texts: help_comment.compose(first_line, own, texts))

    def may_command(self, request: CommandRequest, client: Repository) -> bool:
        """Return whether the person may give a command; False too where GitHub does not say."""
        while True:
            denial = check_person(self._inputs, request, self._facts)
            if not isinstance(denial, OpenQuestions):
                return denial is None
            self._facts.update(ask_all(client, self._members_reader, denial.questions))

    def deny(
        self, request: CommandRequest, decision: Decision, client: Repository, error: ActionError | None = None
    ) -> Outcome:
        """Explain a denial, and return its outputs; an `error` fails the step."""
        detail = f" ({'; '.join(decision.details)})" if decision.details else ""
        self._runner.info(f"{decision.kind}: {decision.reason}{detail}")
        if decision.kind == "ignore":
            return outcome(decision, request.source, request)
        if request.call_back is None:
            asked = reply.asked(request.source, self._context.server_url, request)
            self._explain_denial(request.source, asked, decision, client)
        else:
            # Nobody waits for a reply, and the pull request that the call-back names cannot be trusted.
            explanation = REASONS[decision.reason].reply
            self._runner.warning(f"the call-back was refused: {explanation}{detail}", title="chatops")
        error = error or self._error_of(decision)
        if request.is_phrase and error is None:
            self._warn_that_the_job_goes_on()
        return outcome(decision, request.source, request, error=error)

    def _warn_that_the_job_goes_on(self) -> None:
        """Warn of a file for a replaced action whose later steps may not ask whether the phrase triggered."""
        # The runner gives a step without an id one that begins so.
        step = "ID" if self._context.step.startswith("__") else self._context.step or "ID"
        self._runner.warning(
            "the command was refused, and the job goes on without a commit: the outputs 'sha' and 'BRANCH_NAME' are empty\n"
            f"add to each later step of this job: if: steps.{step}.outputs.BOOL_TRIGGERED == 'True'",
            title="chatops",
        )

    def _error_of(self, decision: Decision) -> ActionError | None:
        """Return the error that fails the step, where the decision is a denial for lack of an answer from GitHub."""
        if not decision.reason.endswith("-unknown"):
            return None
        errors = [fact.error for fact in self._facts.values() if isinstance(fact, Unknown)]
        if decision.reason not in _ORDINARY_UNKNOWNS:
            return errors[0] if errors else None
        for error in errors:
            self._runner.warning(str(error), title="chatops")
        return None

    def _explain_denial(self, source: CommandSource, asked: str, decision: Decision, client: Repository) -> None:
        calls: dict[str, Callable[[], Any]] = {}
        if self._inputs.replies != "never":
            calls["reply"] = partial(self._reply, source, asked, decision, client)
        if source.reaction_target and self._inputs.failure_reaction != "none":
            calls["reaction"] = lambda: client.react(source.reaction_target, self._inputs.failure_reaction)
        warn_of_failures(gather(calls), self._runner)

    def _reply(self, source: CommandSource, asked: str, decision: Decision, client: Repository) -> None:
        if decision.reason == "unknown-command" and source.comment_id:
            # Another workflow of the repository may know a command that is near, too.
            shared = suggestion.shared(source, asked, decision)
            client.share_comment(source.pr_number, shared.first_line, shared.compose)
        else:
            client.comment(source.pr_number, reply.denial(asked, decision, self._context.run_url))

    def _accept(self, request: CommandRequest, command: AuthorizedCommand, client: Repository) -> Outcome:
        """Give the first feedback while the pull request is read again; withdraw it where the pull request changed."""
        for line in command.warnings:
            self._runner.warning(line, title="chatops")
        # The token is minted first, so that no feedback begins where it cannot be minted.
        token = export_token(self._inputs, self._context.repository, self._ports)
        writer = feedback_client(self._inputs, self._ports)
        feedback, answers = self._give_feedback(request, command, client=client, writer=writer)
        current = answers["pull request"]
        changed = recheck(request, command.pull_request, Unknown(current) if isinstance(current, ActionError) else current)
        failures = {kind: answer for kind, answer in answers.items() if kind != "pull request"}
        warn_of_failures(failures | feedback.late_errors, self._runner)
        feedback.late_errors.clear()
        if changed is not None:
            return self._withdraw(request, changed, current=current, state=feedback.state, client=client, writer=writer)
        self._reply_to_start(request, command, feedback=feedback, current=current, writer=writer, client=client)
        self._runner.info(f"continue: {request.name} for commit {command.sha}")
        if request.call_back is None:
            self._record(request, command)
        if not self._inputs.conclude:
            # From now on a later job concludes, by the outputs. Until now the post stage would have done so.
            self._save("")
        accepted = AcceptedCommand(
            authorized=command,
            pull_request=current,
            feedback=feedback.state,
            token=token,
            control={"control": request.control, "control-runs": ",".join(map(str, request.for_runs))},
        )
        return outcome(Decision("ok"), request.source, request=request, accepted=accepted)

    def _give_feedback(
        self, request: CommandRequest, command: AuthorizedCommand, client: Repository, writer: Writer
    ) -> tuple[FirstFeedback, Mapping[str, Any]]:
        """Make the calls of the feedback, and read the pull request again; return the feedback and all answers."""
        source = request.source
        state = FeedbackState(
            command=request.name,
            pr_number=source.pr_number,
            sha=command.sha,
            step_id=new_step_id(self._context.run_id, self._context.run_attempt),
            summary="" if request.call_back else self._summary(request, command),
            reaction_target=source.reaction_target,
            actor="" if request.call_back else source.actor.login,
            started=0 if request.call_back else int(time.time()),
            again="" if request.call_back else reply.offered(repeated_command(request)),
            notify_after=-1 if self._inputs.notify_after is None else int(self._inputs.notify_after),
            **self._comment_of_submitting_run(request),
        )
        resumed = self._resumed(state, request, writer)
        state = self._with_commander(resumed or state, request, command, is_resumed=resumed is not None)
        feedback = FirstFeedback(writer, state, inputs=self._inputs, save=self._save)
        # A resumed command has its feedback on the pull request already.
        calls = {} if resumed else feedback.calls(command.params, self._context.run_url, source.label)
        calls["pull request"] = lambda: client.pull_request(source.pr_number)
        return feedback, gather(calls, feedback.record)

    def _withdraw(
        self,
        request: CommandRequest,
        decision: Decision,
        current: Any,
        state: FeedbackState,
        client: Repository,
        writer: Writer,
    ) -> Outcome:
        withdraw(writer, client, self._inputs, state=state, run_url=self._context.run_url, log=self._runner)
        self._save("")
        if isinstance(current, ActionError):
            self._facts[CurrentPullRequest(request.source.pr_number)] = Unknown(current)
        return self.deny(request, decision, client)

    def _reply_to_start(
        self,
        request: CommandRequest,
        command: AuthorizedCommand,
        *,
        feedback: FirstFeedback,
        current: PullRequest,
        writer: Writer,
        client: Repository,
    ) -> None:
        """Begin the command's comment, or acknowledge the command; a call-back has its comment already."""
        parts = [self._inputs.acknowledgement] if self._inputs.acknowledgement else []
        call_back, is_current = request.call_back, current.state == "open" and current.head.sha == command.sha
        if call_back and not is_current and self._inputs.replies != "never":
            commit_url, run_url = self._commit_url(command), self._context.run_url
            parts.append(reply.moved_on(call_back.workflow, call_back.phase, commit_url, current, run_url))
        if self._inputs.replies == "always" and call_back is None:
            waits = not self._inputs.conclude
            parts.append(reply.started(request.name, feedback.state.summary, self._context.run_url, waits=waits))
            parts += self._locked(request, client)
            about, again = "\n\n".join(parts), self._context.run_attempt > 1
            feedback.begin_comment(client, self._inputs.comment_tag, about, again=again)
            warn_of_failures(feedback.late_errors, self._runner)
        elif parts:
            text = "\n\n".join(parts)
            answers = gather({"reply": lambda: writer.comment(request.source.pr_number, text)})
            warn_of_failures(answers, self._runner)

    def _locked(self, request: CommandRequest, client: Repository) -> list[str]:
        """Say behind whom a command with a lock waits."""
        if not request.command.lock:
            return []
        from mlops_actions.chatops.controls.running import runs_with_lock

        try:
            runs = runs_with_lock(client, self._context, request.command.lock)
        except ActionError as error:
            self._runner.warning(f"behind whom the command waits is not known: {error}", title="chatops")
            return []
        runs_url = self._context.run_url.rpartition("/")[0]
        behind = [(run.notice.name, run.notice.pr_number, f"{runs_url}/{run.id}") for run in runs]
        return [reply.waits_behind(request.command.lock, behind)] if behind else []

    def _comment_of_submitting_run(self, request: CommandRequest) -> dict[str, Any]:
        """Return the fields that find the comment of a call-back's command: that of the run that submitted the workflow."""
        if request.call_back is None or self._inputs.replies != "always":
            return {}
        return {"comment_tag": self._inputs.comment_tag, "comment_key": str(request.call_back.run)}

    def _summary(self, request: CommandRequest, command: AuthorizedCommand) -> str:
        return reply.summary(request, self._context.server_url, self._commit_url(command), command.params)

    def _resumed(self, state: FeedbackState, request: CommandRequest, writer: Writer) -> FeedbackState | None:
        """Return the feedback state of the run that submitted the workflow of a call-back."""
        if request.call_back is None:
            return None
        try:
            return resumed_state(
                state, request.call_back, check_name=self._inputs.check_name or "", check_runs=writer.check_runs_named
            )
        except ActionError as error:
            self._runner.warning(
                f"the feedback of the run that submitted the workflow is unknown and stays as it is: {error}",
                title="chatops",
            )
            return None

    def _with_commander(
        self, state: FeedbackState, request: CommandRequest, command: AuthorizedCommand, *, is_resumed: bool
    ) -> FeedbackState:
        """Return the state of a call-back with who gave the command, whom its end is told."""
        if request.call_back is None:
            return state
        from mlops_actions.chatops.call_back import command_of

        recorded, actor = command_of(request.call_back, self._facts)
        name = state.command if is_resumed else recorded or state.command
        if not actor.login:
            return replace(state, command=name)
        summary = reply.submitted(name, actor, self._context.server_url, self._commit_url(command))
        return replace(state, command=name, actor=actor.login, summary=summary)

    def _record(self, request: CommandRequest, command: AuthorizedCommand) -> None:
        """Record the command where later runs find it and nobody can edit it."""
        source = request.source
        place = command_notice.BY_LABEL if source.label else command_notice.BY_HAND
        if request.given_in:
            place = request.given_in
        elif source.comment_id:
            is_comment = source.reaction_target.endswith(f"/comments/{source.comment_id}")
            place = source.reaction_target if is_comment else f"reviews/{source.comment_id}"
        notice = CommandNotice(request.name, source.pr_number, command.sha, place, request.command.lock)
        self._runner.notice(notice.text, title=command_notice.TITLE)

    def _commit_url(self, command: AuthorizedCommand) -> str:
        return f"{self._context.server_url}/{self._context.repository}/commit/{command.sha}"

    def _save(self, state: str) -> None:
        self._runner.save_state(STATE, state)
