"""argo-submit carried out: submit or join, follow, report; and what a cancelled job does to its workflow."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final

from mlops_actions.argo_submit import callback, documents, names, progress, report, status
from mlops_actions.argo_submit.follow import Followed, Follower, Target
from mlops_actions.argo_submit.inputs import Inputs
from mlops_actions.argo_submit.ports import AlreadyExists, Clock, Cluster, Files, NotFound, PullRequests
from mlops_actions.argo_submit.prepare import Request, prepare
from mlops_actions.argo_submit.report import Facts
from mlops_actions.argo_submit.status import Status
from mlops_actions.argo_submit.subject import Subject, pull_request_in, subject_of
from mlops_actions.core.context import Context
from mlops_actions.core.errors import ActionError, BadInput, Cancelled, TimedOut, WorkFailed
from mlops_actions.core.event import Event
from mlops_actions.core.outcome import Outcome, flag
from mlops_actions.core.ports import Runner
from mlops_actions.core.types import Json

STATE: Final = "argo-workflow"
STRATEGIES: Final = {"stop": "Stop", "terminate": "Terminate"}
MOST_ANNOTATED: Final = 10


@dataclass(frozen=True)
class Ports:
    """What the action works with; `cluster` connects at its first call, `github` is None where there is no token."""

    cluster: Callable[[], Cluster]
    files: Files
    github: PullRequests | None
    runner: Runner
    clock: Clock


@dataclass(frozen=True)
class Held:
    """A workflow that this step answers for, as it is kept for the post step.

    `state`: `running` (this step follows it), `left` (it runs on by intention), `ended`, `cancelled` (stop it, if that
    has not been done).
    """

    namespace: str
    name: str
    state: str

    def save(self, runner: Runner) -> None:
        """Keep it for the post step."""
        runner.save_state(STATE, json.dumps({"namespace": self.namespace, "name": self.name, "state": self.state}))

    @classmethod
    def saved(cls, runner: Runner) -> Held | None:
        """Return what the main step kept."""
        try:
            found = json.loads(runner.state(STATE) or "null")
            return cls(str(found["namespace"]), str(found["name"]), str(found["state"])) if found else None
        except (ValueError, KeyError, TypeError):
            return None


def run(inputs: Inputs, context: Context, event: Event | None, ports: Ports, *, checked_out: str = "") -> Outcome:
    """Do what the inputs ask for; raises ActionError, and Cancelled after having told the workflow.

    `checked_out` is the commit of the workspace's checkout, empty where there is none.
    """
    return _Run(inputs, context, event, ports, checked_out).run()


def post(inputs: Inputs, context: Context, event: Event | None, ports: Ports) -> Outcome:
    """Repeat after a cancellation what the main step may not have had the time for."""
    held = Held.saved(ports.runner)
    if held is None or held.state not in ("running", "cancelled"):
        return Outcome()
    cluster = ports.cluster()
    try:
        found = status.read(cluster.get(held.namespace, held.name))
        if not found.ended and inputs.on_cancel in STRATEGIES:
            cluster.shut_down(held.namespace, held.name, STRATEGIES[inputs.on_cancel])
            ports.runner.notice(f"workflow '{held.name}' was told to {inputs.on_cancel}", title="argo-submit")
    except NotFound:
        return Outcome()
    number = inputs.pr_number or pull_request_in(event)[0]
    if inputs.comment and ports.github is not None and number:
        facts = Facts(url=_url(inputs, held.namespace, held.name), run_url=context.run_url)
        text = f"🚫 **The job that followed this workflow was cancelled.**\n\n{report.comment(found, facts)}"
        ports.github.upsert_comment(number, inputs.comment_tag, text)
    return Outcome()


class _Run:
    def __init__(self, inputs: Inputs, context: Context, event: Event | None, ports: Ports, checked_out: str) -> None:
        self._inputs = inputs
        self._context = context
        self._event = event
        self._ports = ports
        self._subject = self._find_subject(checked_out)
        self._held: Held | None = None
        self._facts = Facts()
        self._comment_url = ""

    def run(self) -> Outcome:
        try:
            return self._run()
        except Cancelled:
            self._cancel()
            raise
        except documents.InvalidManifest as problem:
            place = problem.place
            if place.file:
                self._ports.runner.error(problem.cause, title="argo-submit", file=place.file, line=place.line)
            raise
        except ActionError:
            if self._held is not None:
                self._hold("left")
            raise

    def _run(self) -> Outcome:
        inputs, ports = self._inputs, self._ports
        if inputs.attach:
            cluster = ports.cluster()
            namespace = inputs.namespace or cluster.namespace
            created, attached = cluster.get(namespace, inputs.attach), True
            values: Mapping[str, str] = {}
        else:
            request = prepare(inputs, self._context, self._subject, ports.files, ports.cluster)
            if request.dropped:
                ports.runner.warning(f"not declared by the workflow, so left out: {', '.join(request.dropped)}")
            if inputs.dry_run:
                return self._dry_run(request)
            created, attached = self._submit(request)
            values = request.values
        found = status.read(created)
        self._held = Held(found.namespace, found.name, "running")
        self._hold("running")
        url = _url(inputs, found.namespace, found.name)
        self._facts = self._facts_of(url, values, attached)
        verb = "joined" if attached else "submitted"
        where = f": {url}" if url else f": argo get -n {found.namespace} {found.name}"
        ports.runner.info(f"{verb} workflow {found.namespace}/{found.name}{where}")
        self._comment(found)
        if not inputs.waits:
            self._hold("left")
            ports.runner.summary(report.summary(found, self._facts, {}))
            return self._outcome(Followed(found))
        return self._follow(found)

    def _submit(self, request: Request) -> tuple[Json, bool]:
        """Create the workflow, or join the one that this very request has created before."""
        cluster = self._ports.cluster()
        existing: Json = {}
        # A job that is run again joins its workflow, unless that has failed: then it is a new attempt under a new name.
        for attempt in (0, *range(2, self._context.run_attempt + 1)):
            workflow = request.named(attempt)
            name = str(workflow["metadata"].get("name") or "")
            if name:  # so that a cancellation that comes before the answer stops it all the same
                self._held = Held(request.namespace, name, "running")
                self._hold("running")
            try:
                return cluster.create(request.namespace, workflow), False
            except AlreadyExists:
                existing = self._own(cluster, request, name)
            found = status.read(existing)
            if not found.ended or found.phase == "Succeeded":
                break
        return existing, True

    def _own(self, cluster: Cluster, request: Request, name: str) -> Json:
        """Return the workflow that has the name already; raises BadInput where it is not of this very request."""
        existing = cluster.get(request.namespace, name)
        annotations = existing["metadata"].get("annotations") or {}
        if request.key and annotations.get(names.KEY) == request.key:
            return existing
        self._held = None
        self._ports.runner.save_state(STATE, "")
        raise BadInput(
            f"a workflow '{name}' exists already in '{request.namespace}', and is not of this request",
            "give another 'name', or 'generate-name'",
        )

    def _dry_run(self, request: Request) -> Outcome:
        workflow = request.named()
        accepted = self._ports.cluster().create(request.namespace, workflow, dry_run=True)
        name = str(accepted["metadata"].get("name") or "")
        self._ports.runner.notice(f"workflow '{name}' is valid here and to the server; nothing was submitted")
        outputs = {"workflow-name": name, "workflow-namespace": request.namespace, "attached": flag(False)}
        return Outcome(outputs, {**outputs, "attached": False, "dry-run": True, "parameters": dict(request.values)})

    def _follow(self, found: Status) -> Outcome:
        inputs, ports = self._inputs, self._ports
        deadline = ports.clock.now() + timedelta(seconds=inputs.timeout)
        target = Target(found.namespace, found.name, found.uid, found.version, inputs.logs, deadline)
        try:
            followed = Follower(ports.cluster(), target, ports.runner, ports.clock).follow()
        except TimedOut as late:
            return self._timed_out(found, late)
        self._hold("ended")
        self._comment(followed.status)
        ports.runner.summary(report.summary(followed.status, self._facts, followed.last_lines))
        return self._outcome(followed)

    def _timed_out(self, found: Status, late: TimedOut) -> Outcome:
        inputs, cluster = self._inputs, self._ports.cluster()
        self._hold("left")
        remedy = f"raise 'timeout' (now {progress.duration(inputs.timeout)})"
        if inputs.on_timeout not in STRATEGIES:
            remedy = f"it runs on: {remedy}, or 'attach: {found.name}'"
        else:
            try:
                cluster.shut_down(found.namespace, found.name, STRATEGIES[inputs.on_timeout])
                remedy = f"it was told to {inputs.on_timeout}; {remedy}"
            except ActionError as error:  # that it is late is the news all the same
                remedy = f"it runs on, since it could not be told to {inputs.on_timeout}: {error.cause}: {error.remedy}"
        last = status.read(cluster.get(found.namespace, found.name))
        self._comment(last)
        self._ports.runner.summary(report.summary(last, self._facts, {}))
        return replace(self._outcome(Followed(last)), error=TimedOut(late.cause, remedy))

    def _outcome(self, followed: Followed) -> Outcome:
        found = followed.status
        failed: list[Json] = [
            {
                "name": node.display_name,
                "id": node.id,
                "template": node.template,
                "phase": node.phase,
                "message": node.message,
                "exit-code": node.exit_code,
                "last-lines": followed.last_lines.get(node.id, []),
            }
            for node in found.failed()
        ]
        seconds = "" if found.seconds is None else str(round(found.seconds))
        outputs = {
            "workflow-name": found.name,
            "workflow-namespace": found.namespace,
            "workflow-uid": found.uid,
            "workflow-url": self._facts.url,
            "phase": found.phase,
            "message": found.message,
            "outputs": _json(dict(found.outputs)),
            "failed-nodes": _json(failed),
            "duration": seconds,
            "attached": flag(self._facts.attached),
            "comment-url": self._comment_url,
            "WORKFLOW_URL": self._facts.url,
        }
        result: Json = {
            **{name: text for name, text in outputs.items() if name != "WORKFLOW_URL"},
            "outputs": dict(found.outputs),
            "failed-nodes": failed,
            "attached": self._facts.attached,
            "duration": None if found.seconds is None else found.seconds,
            "sha": self._subject.sha,
            "image": self._subject.image,
            "pr-number": self._subject.pr_number,
            "parameters": dict(self._facts.parameters),
        }
        return Outcome(outputs, result, self._failure(followed))

    def _failure(self, followed: Followed) -> ActionError | None:
        found = followed.status
        if not found.ended or found.phase == "Succeeded":
            return None
        failed = found.failed()
        for node in failed[:MOST_ANNOTATED]:
            lines = "\n".join(followed.last_lines.get(node.id, []))
            self._ports.runner.error(
                f"{node.message or node.phase}\n{lines}".rstrip(), title=f"{found.name}: {node.display_name}"
            )
        reason = found.message or (failed[0].message if failed else "")
        which = ", ".join(node.display_name for node in failed[:3]) + (" …" if len(failed) > 3 else "")
        return WorkFailed(
            f"workflow '{found.name}' {'failed' if found.phase == 'Failed' else 'ended in error'}"
            + (f": {' '.join(reason.split())}" if reason else ""),
            self._remedy(found, which),
        )

    def _remedy(self, found: Status, which: str) -> str:
        if self._inputs.callback and callback.REFERENCES_ONLY in found.message:
            return "leave 'callback' out, and have the template's own 'onExit' report: this Argo runs references only"
        return f"see the log of {which} above" if which else "see its message"

    def _cancel(self) -> None:
        """Within the seconds that a cancelled job has: tell the workflow, or have the post step do it."""
        if self._held is None or self._held.state != "running":
            return
        strategy = STRATEGIES.get(self._inputs.on_cancel)
        if strategy is None:
            self._hold("left")
            return
        self._hold("cancelled")
        try:
            self._ports.cluster().shut_down(self._held.namespace, self._held.name, strategy, urgent=True)
        except ActionError as error:
            self._ports.runner.warning(f"the workflow could not be told; the post step tries again: {error}")
            return
        self._ports.runner.notice(f"workflow '{self._held.name}' was told to {self._inputs.on_cancel}", title="argo-submit")

    def _hold(self, state: str) -> None:
        if self._held is not None:
            self._held = replace(self._held, state=state)
            self._held.save(self._ports.runner)

    def _comment(self, found: Status) -> None:
        """Bring the comment up to date; that it cannot be written is no reason to fail the work."""
        github, number = self._ports.github, self._subject.pr_number
        if not self._inputs.comment:
            return
        if github is None or number is None:
            missing = "there is no 'github-token'" if github is None else "it is not known which pull request this is for"
            self._ports.runner.warning(f"no comment is written: {missing}", title="argo-submit")
            return
        try:
            body = report.comment(found, self._facts)
            self._comment_url = github.upsert_comment(number, self._inputs.comment_tag, body)
        except ActionError as error:
            self._ports.runner.warning(f"the comment could not be written: {error}", title="argo-submit")

    def _find_subject(self, checked_out: str) -> Subject:
        number, pull_request = pull_request_in(self._event)
        number = self._inputs.pr_number or number
        head = ""
        if not (self._inputs.sha or checked_out or pull_request) and number and self._ports.github is not None:
            head = self._ports.github.pull_request(number).head.sha
        return subject_of(self._inputs, self._context, self._event, checked_out=checked_out, head=head)

    def _facts_of(self, url: str, values: Mapping[str, str], attached: bool) -> Facts:
        subject = self._subject
        return Facts(
            url=url,
            run_url=subject.run_url,
            repository=subject.repository,
            server_url=self._context.server_url,
            sha=subject.sha,
            image=subject.image,
            actor=subject.actor,
            attached=attached,
            parameters=values,
        )


def _url(inputs: Inputs, namespace: str, name: str) -> str:
    """Return the workflow's page; the address may have been copied from a page of the list of workflows."""
    address = inputs.argo_url or inputs.argo_server  # which serves the user interface too
    if not address:
        return ""
    base = re.sub(r"/workflows(/[^/]*)?$", "", address)
    return f"{base}/workflows/{namespace}/{name}"


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
