"""Submit or join a workflow, follow it, report its end; stop it where the job is cancelled."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta

from mlops_actions.argo_submit import (
    artifacts,
    callback,
    choose_workflow,
    comment,
    control,
    control_inputs,
    dry_run,
    earlier_runs,
    interruption,
    progress,
    pull_request_workflows,
    report,
    status,
    tracked_workflow,
)
from mlops_actions.argo_submit.artifacts import OutputArtifact
from mlops_actions.argo_submit.control import STRATEGIES
from mlops_actions.argo_submit.documents import InvalidManifest
from mlops_actions.argo_submit.find_revision import find_revision
from mlops_actions.argo_submit.follow import Follower, FollowResult, FollowTarget
from mlops_actions.argo_submit.inputs import Inputs
from mlops_actions.argo_submit.live_comment import LiveComment
from mlops_actions.argo_submit.live_report import LiveFacts
from mlops_actions.argo_submit.outputs import outcome_of
from mlops_actions.argo_submit.ownership import WorkflowOwner
from mlops_actions.argo_submit.ports import Ports
from mlops_actions.argo_submit.prepare import WorkflowRequest, parameters_of_retry, prepare
from mlops_actions.argo_submit.report import WorkflowReportContext
from mlops_actions.argo_submit.revision import WorkflowRevision, recorded_revision
from mlops_actions.argo_submit.status import WorkflowStatus
from mlops_actions.argo_submit.submission import MAX_ATTEMPTS, Submitter
from mlops_actions.argo_submit.suspension import ResumeRequest
from mlops_actions.argo_submit.tracked_workflow import CANCELLED, ENDED, LEFT, RUNNING, TrackedWorkflow
from mlops_actions.argo_submit.wait_tracker import WaitedTooLong
from mlops_actions.argo_submit.waiting import Waiting
from mlops_actions.core import shell
from mlops_actions.core.callback import RECORD_TITLE, record
from mlops_actions.core.context import Context
from mlops_actions.core.errors import ActionError, Cancelled, TimedOut, WorkFailed
from mlops_actions.core.event import Event
from mlops_actions.core.outcome import Outcome
from mlops_actions.core.types import Json

MAX_ERROR_ANNOTATIONS = 10


def run(inputs: Inputs, context: Context, event: Event | None, ports: Ports, *, checked_out: str = "") -> Outcome:
    """Do what the inputs ask for; raises ActionError, and Cancelled after it has stopped the workflow.

    `checked_out` is the commit of the workspace's checkout, empty where there is none.
    """
    revision = find_revision(inputs, context, event, ports, checked_out)
    return _Run(inputs=inputs, context=context, revision=revision, ports=ports).run()


class _Run:
    def __init__(self, inputs: Inputs, context: Context, revision: WorkflowRevision, ports: Ports) -> None:
        self._inputs = inputs
        self._context = context
        self._ports = ports
        self._revision = revision
        self._tracked: TrackedWorkflow | None = None
        self._report_context = WorkflowReportContext()
        self._comment_url = ""
        self._submitted: WorkflowStatus | None = None
        self._metadata: Json = {}  # of the workflow
        self._expected: float | None = None  # its duration in seconds, by earlier runs; asked for once
        self._has_asked = False
        self._follower: Follower | None = None
        self._identity = secrets.token_hex(16)  # of what this step creates
        self._live_comment = LiveComment(self._write_live_comment, ports.clock)
        self._stopped: list[str] = []

    def run(self) -> Outcome:
        try:
            return self._run()
        except Cancelled as cancelled:
            if self._tracked is None:
                raise
            followed = self._followed_so_far(WorkflowStatus.unread(self._tracked.namespace, self._tracked.name))
            # The post step writes the comment: the runner leaves this one a few seconds.
            return self._interrupted(followed, cancelled, self._cancel(self._tracked, followed.status))
        except InvalidManifest as problem:
            location = problem.location
            if location.file:
                self._ports.runner.error(problem.cause, title="argo-submit", file=location.file, line=location.line)
            raise
        except ActionError:
            self._set_state(LEFT)
            raise

    def _run(self) -> Outcome:
        inputs, ports = self._inputs, self._ports
        if inputs.artifacts:  # before anything is submitted
            ports.artifacts.check(inputs.artifacts_dir)
        if inputs.ends_pull_request:
            return pull_request_workflows.end_all(inputs, ports, self._owner())
        if any(name for _, name in inputs.controls):
            return self._control()
        if inputs.attach:
            cluster = ports.cluster()
            workflow, attached = cluster.get_workflow(inputs.namespace or cluster.namespace, inputs.attach), True
            parameters: Mapping[str, str] = {}
        else:
            request = prepare(inputs, self._context, self._revision, ports.workspace, ports.cluster, ports.clock.now())
            for warning in request.warnings:
                ports.runner.warning(warning)
            if inputs.dry_run:
                return dry_run.validate(request, ports.cluster(), ports.runner, self._submitter(request).existing)
            ports.cluster().lint_workflow(request.namespace, request.with_name())
            workflow, attached = self._submit(request)
            parameters = request.parameters
        self._submitted, self._metadata = status.read(workflow), workflow["metadata"]
        current = self._submitted
        self._track(current.namespace, current.name, parameters, attached=attached)
        url = self._report_context.url
        link = url or f"argo get -n {shell.word(current.namespace)} {shell.operand(current.name)}"
        ports.runner.info(f"{'joined' if attached else 'submitted'} workflow {current.namespace}/{current.name}: {link}")
        if inputs.callback:
            text = record(current.namespace, current.name, current.uid)
            ports.runner.notice(text, title=RECORD_TITLE)
        self._update_comment(current)
        if inputs.superseded == "stop" and not inputs.attach:
            self._stopped = pull_request_workflows.end_superseded(ports, self._owner(), current, self._revision.sha)
        if not inputs.waits:
            self._set_state(LEFT)
            return self._report(FollowResult(current))
        return self._follow(current)

    def _control(self) -> Outcome:
        """Retry, resume or end the workflow that an input names; a cancelled job stops it only where it was retried."""
        inputs, ports, cluster = self._inputs, self._ports, self._ports.cluster()
        verb, name = next((verb, name) for verb, name in inputs.controls if name)
        parameters: Mapping[str, str] = {}
        owner, namespace = self._owner(), inputs.namespace or cluster.namespace
        if name == control_inputs.PULL_REQUEST:
            name = choose_workflow.choose(cluster, owner, namespace, verb)
        workflow = control.find(cluster, namespace, name)
        self._revision = recorded_revision(workflow, self._revision)
        if verb == "retry":
            parameters = parameters_of_retry(inputs, workflow, ports.workspace)
            done = control.retry(cluster, owner, workflow, parameters, inputs.restart_successful or "")
        elif verb == "resume":
            request = ResumeRequest(
                inputs.node_field_selector or "", inputs.output_parameters or {}, inputs.node_message or ""
            )
            done = control.resume(cluster, owner, workflow, request)
        else:
            done = control.end(cluster, owner, workflow, verb)
        ports.runner.notice(done.note, title="argo-submit")
        current, self._metadata = status.read(done.workflow), done.workflow["metadata"]
        self._track(current.namespace, current.name, parameters, attached=not (verb == "retry" and done.changed))
        if verb != "retry" or not inputs.waits:
            self._set_state(LEFT)
        self._update_comment(current)
        if done.changed and verb in STRATEGIES:
            self._stopped = [name]
        if not inputs.waits or current.ended:
            self._set_state(LEFT)
            return replace(self._report(FollowResult(current)), error=None)
        outcome = self._follow(current)
        # Who has ended a workflow has what they asked for.
        return replace(outcome, error=None) if self._stopped and isinstance(outcome.error, WorkFailed) else outcome

    def _owner(self) -> WorkflowOwner:
        return WorkflowOwner(
            repository=self._context.repository,
            server_url=self._context.server_url,
            pr_number=self._revision.pr_number,
            runs=self._inputs.of_runs or (),
        )

    def _submit(self, request: WorkflowRequest) -> tuple[Json, bool]:
        """Create the workflow, or join the one that the same request has created before."""
        by_commit = self._inputs.idempotency == "sha"
        # A re-run of the job joins its workflow, unless that has failed: then it is a new attempt under a new name.
        last = MAX_ATTEMPTS if by_commit else self._context.run_attempt
        return self._submitter(request).submit((0, *range(2, last + 1)), joins_newest=by_commit)

    def _submitter(self, request: WorkflowRequest) -> Submitter:
        def track(name: str) -> None:  # before the request: a cancellation before the answer stops the workflow too
            self._track(request.namespace, name, request.parameters, attached=False, request=self._identity)

        def forget() -> None:
            self._tracked = None
            tracked_workflow.clear(self._ports.runner)

        return Submitter(cluster=self._ports.cluster(), request=request, identity=self._identity, track=track, forget=forget)

    def _follow(self, submitted: WorkflowStatus) -> Outcome:
        inputs, ports = self._inputs, self._ports
        target = FollowTarget(
            namespace=submitted.namespace,
            name=submitted.name,
            uid=submitted.uid,
            resource_version=submitted.resource_version,
            logs=inputs.logs,
            deadline=ports.clock.now() + timedelta(seconds=inputs.timeout),
            limits=inputs.fail_on or {},
        )
        on_read = self._live_comment.update if inputs.comment else None
        self._follower = Follower(ports.cluster(), target, ports.runner, ports.clock, on_read)
        try:
            followed = self._follower.follow()
        except TimedOut as timeout:
            return self._time_out(submitted, timeout)
        except ActionError as failure:
            return self._give_up(submitted, failure)
        self._set_state(ENDED)
        self._update_comment(followed.status)
        found, problem = self._artifacts(followed.status)
        outcome = self._report(replace(followed, artifacts=found))
        if problem is not None and outcome.error is not None:  # the failure of the workflow is the step's
            ports.runner.warning(str(problem), title="argo-submit")
        return replace(outcome, error=outcome.error or problem)

    def _artifacts(self, workflow: WorkflowStatus) -> tuple[list[OutputArtifact], ActionError | None]:
        inputs, ports = self._inputs, self._ports
        found = artifacts.of_workflow(workflow, self._report_context.url)
        if not inputs.artifacts:
            return found, None
        if not inputs.argo_server:
            ports.runner.warning(
                "the artifacts are not brought into the workspace, since only the Argo Server reads the storage: "
                "give 'argo-server', or read the bucket and key that the summary names"
            )
            return found, None
        return artifacts.fetch_chosen(
            found, inputs.artifacts, ports.artifacts, inputs.artifacts_dir, ports.cluster(), workflow
        )

    def _followed_so_far(self, default: WorkflowStatus) -> FollowResult:
        followed = self._follower.so_far() if self._follower else None
        return followed or FollowResult(self._submitted or default)

    def _give_up(self, submitted: WorkflowStatus, failure: ActionError) -> Outcome:
        """Report a workflow that this step cannot follow to its end, and leave it to itself."""
        self._set_state(LEFT)
        followed = self._followed_so_far(submitted)
        error = interruption.error_of(failure, followed.status)
        return self._interrupted(followed, error, interruption.note_of(error), comments=True)

    def _interrupted(
        self,
        followed: FollowResult,
        error: ActionError | Cancelled,
        note: str,
        *,
        comments: bool = False,
    ) -> Outcome:
        if comments:
            self._update_comment(followed.status, note)
        self._ports.runner.summary(
            report.summary(followed.status, self._report_context, followed.last_lines, note, self._facts())
        )
        outcome = outcome_of(followed, self._report_context, self._revision, self._comment_url, self._stopped)
        return replace(outcome, error=error)

    def _time_out(self, submitted: WorkflowStatus, timeout: TimedOut) -> Outcome:
        inputs, cluster = self._inputs, self._ports.cluster()
        followed = self._followed_so_far(submitted)
        namespace, name = submitted.namespace, submitted.name
        self._set_state(LEFT)
        remedy = f"raise 'timeout' (now {progress.duration(inputs.timeout)})"
        if isinstance(timeout, WaitedTooLong):
            remedy = timeout.remedy
        if inputs.on_timeout not in STRATEGIES:
            remedy = f"the workflow runs on: {remedy}, or follow it with 'attach: {name}'"
        else:
            try:
                cluster.shut_down(namespace, name, STRATEGIES[inputs.on_timeout])
                remedy = f"'on-timeout: {inputs.on_timeout}' has ended it; {remedy}"
            except ActionError as refused:  # the error that counts is the timeout
                remedy = f"the workflow runs on, since '{inputs.on_timeout}' was refused: {refused.cause}: {refused.remedy}"
                remedy += f"; follow it with 'attach: {name}'"
        error = TimedOut(timeout.cause, remedy)
        return self._interrupted(followed, error, interruption.note_of(error), comments=True)

    def _report(self, followed: FollowResult) -> Outcome:
        self._ports.runner.summary(
            report.summary(followed.status, self._report_context, followed.last_lines, artifacts=followed.artifacts)
        )
        outcome = outcome_of(followed, self._report_context, self._revision, self._comment_url, self._stopped)
        return replace(outcome, error=self._failure(followed))

    def _failure(self, followed: FollowResult) -> ActionError | None:
        workflow = followed.status
        if not workflow.ended or workflow.phase == "Succeeded":
            return None
        failed = workflow.failed()
        for node in failed[:MAX_ERROR_ANNOTATIONS]:
            lines = "\n".join(followed.last_lines.get(node.id, ()))
            self._ports.runner.error(
                f"{node.message or node.phase}\n{lines}".rstrip(), title=f"{workflow.name}: {node.display_name}"
            )
        reason = workflow.message or (failed[0].message if failed else "")
        names = ", ".join(node.display_name for node in failed[:3]) + (" …" if len(failed) > 3 else "")
        return WorkFailed(
            f"workflow '{workflow.name}' {'failed' if workflow.phase == 'Failed' else 'ended in error'}"
            + (f": {' '.join(reason.split())}" if reason else ""),
            self._remedy(workflow, names),
        )

    def _remedy(self, workflow: WorkflowStatus, failed_nodes: str) -> str:
        if self._inputs.callback and callback.TEMPLATE_REFERENCES_ONLY in workflow.message:
            return (
                "leave 'callback' out, and have the template's own 'onExit' report: "
                "this Argo runs only workflows that refer to a template"
            )
        return f"see the log of {failed_nodes} above" if failed_nodes else "see the workflow's message"

    def _cancel(self, tracked: TrackedWorkflow, known: WorkflowStatus) -> str:
        """Stop the workflow in the seconds that a cancelled job has; else the post stage does it. Return what was done."""
        if tracked.state != RUNNING:
            return ""
        name_of_input, action = tracked.action_on_cancel(self._inputs)
        if action not in STRATEGIES:
            self._set_state(CANCELLED if self._inputs.comment else LEFT)  # the post stage has only the comment to write
            return f"the job was cancelled, and '{name_of_input}' is {action}: {interruption.whether_it_goes_on(known)}"
        self._set_state(CANCELLED)
        try:
            names = tracked.names(self._ports.cluster())
            for name in names:
                self._ports.cluster().shut_down(tracked.namespace, name, STRATEGIES[action], urgent=True)
        except ActionError as error:
            self._ports.runner.warning(f"the workflow could not be stopped; the post step tries again: {error}")
            goes_on = interruption.whether_it_goes_on(known)
            return f"the job was cancelled, and the workflow could not be stopped yet: {error.cause}; {goes_on}"
        self._ports.runner.notice(note := interruption.stopped(", ".join(names), action), title="argo-submit")
        return f"the job was cancelled: {note}"

    def _track(self, namespace: str, name: str, parameters: Mapping[str, str], *, attached: bool, request: str = "") -> None:
        revision = self._revision
        self._report_context = WorkflowReportContext(
            url=_page_of(self._inputs, namespace, name) if name else "",
            run_url=revision.run_url,
            repository=revision.repository,
            server_url=self._context.server_url,
            sha=revision.sha,
            image=revision.image,
            actor=revision.actor,
            attached=attached,
            parameters=parameters,
        )
        self._tracked = TrackedWorkflow(
            namespace=namespace, name=name, pr_number=revision.pr_number, context=self._report_context, request=request
        )
        self._tracked.save(self._ports.runner)

    def _set_state(self, state: str) -> None:
        if self._tracked is not None:
            self._tracked = replace(self._tracked, state=state)
            self._tracked.save(self._ports.runner)

    def _write_live_comment(self, workflow: WorkflowStatus, waits: Sequence[Waiting]) -> str:
        if not self._has_asked:
            self._expected, self._has_asked = earlier_runs.last_duration(self._ports.cluster(), self._metadata), True
        facts = LiveFacts(self._ports.clock.now(), waits, self._expected, self._inputs.approve_by or "")
        body = report.comment(workflow, self._report_context, facts=facts)
        return comment.update(self._inputs, self._ports, self._revision.pr_number, body)

    def _facts(self) -> LiveFacts:
        waits = self._follower.waiting if self._follower else ()
        return LiveFacts(self._ports.clock.now(), waits, self._expected, self._inputs.approve_by or "")

    def _update_comment(self, workflow: WorkflowStatus, note: str = "") -> None:
        self._live_comment.finish()
        body = report.comment(workflow, self._report_context, note, self._facts())
        url = comment.update(self._inputs, self._ports, self._revision.pr_number, body, is_final=workflow.ended)
        self._comment_url = url or self._comment_url


def _page_of(inputs: Inputs, namespace: str, name: str) -> str:
    """Return the workflow's page; users may have copied the address from the page that lists workflows."""
    address = inputs.argo_url or inputs.argo_server  # the Argo Server serves the user interface too
    if not address:
        return ""
    base = re.sub(r"/workflows(/[^/]*)?$", "", address)
    return f"{base}/workflows/{namespace}/{name}"
