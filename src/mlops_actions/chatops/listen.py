"""One command from the event to its outputs: ask, decide, show on the pull request what became of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mlops_actions.chatops import STATE, reply
from mlops_actions.chatops.ask import ask
from mlops_actions.chatops.decide import Granted, Open, decide, still_holds
from mlops_actions.chatops.facts import Pull, Unknown
from mlops_actions.chatops.feedback import Begun, as_app_or_job, begin, mark_of, warn, withdraw
from mlops_actions.chatops.hear import Heard, Place, Request, Verdict
from mlops_actions.chatops.inputs import Inputs
from mlops_actions.chatops.outcome import Taken, outcome
from mlops_actions.chatops.ports import GitHubDoor, Repository, Writer
from mlops_actions.chatops.reasons import REASONS
from mlops_actions.chatops.resume import resume
from mlops_actions.core.concurrent import gather
from mlops_actions.core.context import Context
from mlops_actions.core.errors import ActionError
from mlops_actions.core.outcome import Outcome
from mlops_actions.core.ports import Runner

# Not being able to say since when a commit is the head is an ordinary refusal; the other unknowns stop the job.
_ORDINARY = ("head-unknown",)


class Listener:
    """One run of the main stage."""

    def __init__(self, inputs: Inputs, context: Context, runner: Runner, door: GitHubDoor) -> None:
        self._inputs = inputs
        self._context = context
        self._runner = runner
        self._door = door
        self._facts: dict[Any, Any] = {}

    def act(self, heard: Heard) -> Outcome:
        """Decide about a request and act on it, or answer what needs no decision."""
        if heard.request is None:
            return self._without_request(heard)
        request = heard.request
        job = self._door.as_job()
        found = self._decide(request, job)
        if isinstance(found, Verdict):
            return self._denied(request, found, job)
        return self._granted(request, found, job)

    def _decide(self, request: Request, job: Repository) -> Verdict | Granted:
        while True:
            found = decide(self._inputs, request, self._facts)
            if not isinstance(found, Open):
                return found
            self._facts.update(ask(job, found.questions))

    def _without_request(self, heard: Heard) -> Outcome:
        """Reply to what needs no facts: help, several commands, a misspelt one."""
        verdict, place = heard.verdict, heard.place
        assert verdict is not None and place is not None  # noqa: S101, PT018 - what else `hear` returns is for nobody's ears
        inputs, url = self._inputs, self._context.run_url
        job = self._door.as_job()
        self._runner.info(f"{verdict.decision}: {verdict.reason}")
        if verdict.reason == "help":
            text = reply.help_text(heard.commands, inputs, url)
            warn(gather({"help": lambda: job.comment(place.number, text)}), self._runner)
        else:
            name = verdict.details[0].split()[0] if verdict.details else inputs.prefix
            self._deny(place, reply.denial(name, verdict, url), job)
        return outcome(verdict, place)

    def _denied(self, request: Request, verdict: Verdict, job: Repository) -> Outcome:
        detail = f" ({'; '.join(verdict.details)})" if verdict.details else ""
        self._runner.info(f"deny: {verdict.reason}{detail}")
        if request.call_back is None:
            self._deny(request.place, reply.denial(request.name, verdict, self._context.run_url), job)
        else:
            # Nobody waits for an answer, and what the call-back says of a pull request is not to be believed.
            self._runner.warning(f"the call-back was not taken: {REASONS[verdict.reason].says}{detail}", title="chatops")
        error = None
        if verdict.reason.endswith("-unknown"):
            unknown = [fact.error for fact in self._facts.values() if isinstance(fact, Unknown)]
            if verdict.reason in _ORDINARY:
                for found in unknown:
                    self._runner.warning(str(found), title="chatops")
            elif unknown:
                error = unknown[0]
        return outcome(verdict, request.place, request, error=error)

    def _deny(self, place: Place, text: str, job: Repository) -> None:
        calls: dict[str, Callable[[], Any]] = {}
        if self._inputs.reply != "never":
            calls["reply"] = lambda: job.comment(place.number, text)
        if place.reaction_target and self._inputs.failure_reaction != "none":
            calls["reaction"] = lambda: job.react(place.reaction_target, self._inputs.failure_reaction)
        warn(gather(calls), self._runner)

    def _granted(self, request: Request, granted: Granted, job: Repository) -> Outcome:
        """Show that the command was taken, while the head is read once more; take it all back where that has moved."""
        inputs, url = self._inputs, self._context.run_url
        token = self._export()
        writer = as_app_or_job(inputs, self._runner, self._door)
        place = request.place
        mark = mark_of(self._context.run_id, self._context.run_attempt)
        commit = f"{self._context.server_url}/{self._context.repository}/commit/{granted.sha}"
        told = "" if request.call_back else reply.commanded(request.name, place, commit, granted.params)
        begun = Begun(request.name, place.number, granted.sha, mark, told, place.reaction_target)
        beside: dict[str, Callable[[], Any]] = {"head": lambda: job.pull_request(place.number)}
        earlier = self._resumed(begun, request, writer)
        resumed = earlier is not None
        state, answers = begin(writer, inputs, earlier or begun, granted.params, url, self._save, beside, resumed=resumed)
        now = answers.pop("head")
        moved = still_holds(request, granted.pull, Unknown(now) if isinstance(now, ActionError) else now)
        warn(answers, self._runner)
        if moved is not None:
            withdraw(writer, state, url, self._runner)
            self._runner.save_state(STATE, "")
            if isinstance(now, ActionError):
                self._facts[Pull(place.number)] = Unknown(now)
            return self._denied(request, moved, job)
        said = [inputs.acknowledgement] if inputs.acknowledgement else []
        if inputs.reply == "always":
            said.append(reply.started(request.name, commit, granted.params, url))
        if said:
            text = "\n\n".join(said)
            warn(gather({"reply": lambda: writer.comment(place.number, text)}), self._runner)
        self._runner.info(f"continue: {request.name} for commit {granted.sha}")
        if not inputs.conclude:
            # From here on a later job concludes, by the outputs; had this step died before, the post step would.
            self._runner.save_state(STATE, "")
        return outcome(Verdict("ok"), place, request, Taken(granted, now, state, token))

    def _resumed(self, begun: Begun, request: Request, writer: Writer) -> Begun | None:
        """Find what the run began that submitted the workflow of a call-back."""
        if request.call_back is None:
            return None
        try:
            return resume(begun, request.call_back, self._inputs.check_name or "", writer.check_runs_named)
        except ActionError as error:
            self._runner.warning(f"what the submitting run has begun is not known, and stays: {error}", title="chatops")
            return None

    def _save(self, begun: Begun) -> None:
        self._runner.save_state(STATE, begun.dumps())

    def _export(self) -> str:
        """Mint the token that is emitted; nothing is begun where it cannot be had."""
        inputs = self._inputs
        if not inputs.exports_token:
            return ""
        asked = inputs.app_permissions is not None
        token, permissions = self._door.app_token(inputs.token_permissions, all_of_them=asked)
        may = ", ".join(f"{name}: {level}" for name, level in sorted(permissions.items()))
        self._runner.info(f"the App's token is good for {self._context.repository} alone, with {may}")
        return token
