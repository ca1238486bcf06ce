"""Stop what this suite runs for a pull request: all of it, or what runs for other commits than its head."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from mlops_actions.argo_submit import comment
from mlops_actions.argo_submit.choose_workflow import require_pull_request
from mlops_actions.argo_submit.control import STRATEGIES
from mlops_actions.argo_submit.inputs import Inputs
from mlops_actions.argo_submit.outputs import outcome_of_stop
from mlops_actions.argo_submit.ownership import WorkflowOwner
from mlops_actions.argo_submit.ports import MAX_LISTED, Cluster, NotFound, Ports
from mlops_actions.argo_submit.status import WorkflowStatus
from mlops_actions.core import markdown as md
from mlops_actions.core import provenance
from mlops_actions.core.errors import ActionError, BadInput, Unavailable
from mlops_actions.core.event import PullRequest
from mlops_actions.core.outcome import Outcome
from mlops_actions.core.ports import Log

MAX_SHOWN = 50


@dataclass(frozen=True)
class PullRequestWorkflow:
    """A workflow that runs for the pull request, and the commit that it is about."""

    namespace: str
    name: str
    sha: str


@dataclass
class StoppedWorkflows:
    """What was stopped, what runs on because the cluster refused, and how many of the head's own commit were left."""

    stopped: list[PullRequestWorkflow] = field(default_factory=list)
    refused: list[tuple[PullRequestWorkflow, ActionError]] = field(default_factory=list)
    kept: int = 0
    is_complete: bool = True

    @property
    def error(self) -> ActionError | None:
        """The first refusal, which counts for the step."""
        return self.refused[0][1] if self.refused else None


def end_all(inputs: Inputs, ports: Ports, owner: WorkflowOwner) -> Outcome:
    """Stop or terminate what runs for the pull request, and report it; raises BadInput where the event belongs to none."""
    pr_number = require_pull_request(owner, "whose workflows to stop")
    cluster = ports.cluster()
    namespace, reason = inputs.namespace or cluster.namespace, "all of it"
    head = ""
    if inputs.superseded == "stop":
        pull_request = _read(ports, pr_number)
        head = "" if pull_request.state == "closed" else pull_request.head.sha
        reason = f"its head is {provenance.short(head)}" if head else "it is closed"
    strategy = STRATEGIES["stop" if inputs.stop else "terminate"]
    result = stop(cluster, owner, namespace, strategy, except_for=[head] if head else ())
    title = headline(result, pr_number, f"{reason}; namespace '{namespace}'")
    log(ports.runner, result, title)
    body = summary(result, title)
    ports.runner.summary(body)
    url = comment.update(inputs, ports, pr_number, body) if result.stopped else ""
    names = [one.name for one in result.stopped]
    return replace(outcome_of_stop(names, namespace, pr_number, url), error=result.error)


def end_superseded(ports: Ports, owner: WorkflowOwner, submitted: WorkflowStatus, sha: str) -> list[str]:
    """Stop what runs for other commits than the pull request's head and `sha`, but for the workflow just submitted.

    Return the names. The submission counts, so that a failure here is a warning.
    """
    if owner.pr_number is None:
        return []
    try:
        head = _read(ports, owner.pr_number).head.sha
        except_for = (head, sha)
        result = stop(ports.cluster(), owner, submitted.namespace, "Stop", except_for=except_for, except_name=submitted.name)
    except ActionError as error:
        ports.runner.warning(f"'superseded: stop' has stopped nothing: {error}", title="argo-submit")
        return []
    if result.stopped or result.refused:
        title = headline(result, owner.pr_number, f"its head is {provenance.short(head)}")
        log(ports.runner, result, title)
        ports.runner.summary(summary(result, title))
    if result.error:
        ports.runner.warning(f"a workflow of an earlier commit runs on: {result.error}", title="argo-submit")
    return [one.name for one in result.stopped]


def _read(ports: Ports, number: int) -> PullRequest:
    """Read the pull request as it is now: the event's copy may be older than the workflows."""
    pull_requests = ports.pull_requests()
    if pull_requests is None:
        raise BadInput("'superseded: stop' needs to know the pull request's head", "give 'github-token'")
    return pull_requests.pull_request(number)


def stop(
    cluster: Cluster,
    owner: WorkflowOwner,
    namespace: str,
    strategy: str,
    *,
    except_for: Sequence[str] = (),
    except_name: str = "",
) -> StoppedWorkflows:
    """Shut down the owner's workflows that still run, but for those of the commits `except_for`, and one by its name.

    A refusal does not keep the others from being stopped. Raises Refused or Unavailable where they cannot be listed.
    """
    listed = cluster.list_workflows(namespace, owner.running)
    result = StoppedWorkflows(is_complete=len(listed) < MAX_LISTED)
    for workflow in listed:
        metadata = workflow["metadata"]
        if not owner.owns(workflow) or metadata["name"] == except_name:
            continue
        annotations = metadata.get("annotations") or {}
        sha = annotations.get(provenance.SHA, "")
        if sha in except_for or annotations.get(provenance.HEAD) in except_for:
            result.kept += 1
            continue
        found = PullRequestWorkflow(namespace, metadata["name"], sha)
        if isinstance(result.error, Unavailable):  # each further request would wait as long as the one that failed
            result.refused.append((found, result.error))
            continue
        try:
            cluster.shut_down(namespace, found.name, strategy)
            result.stopped.append(found)
        except NotFound:
            continue  # it has ended and was deleted since the listing
        except ActionError as error:
            result.refused.append((found, error))
    return result


def log(log: Log, result: StoppedWorkflows, headline: str) -> None:
    """Name each workflow in the log."""
    lines = [headline, *(f"  ■ {one.name} ({provenance.short(one.sha)})" for one in result.stopped)]
    log.info("\n".join([*lines, *(f"  ✖ {one.name}: {error.cause}" for one, error in result.refused)]))
    if not result.is_complete:
        log.warning(f"more than {MAX_LISTED} workflows run; run this step again for the others", title="argo-submit")


def headline(result: StoppedWorkflows, pr_number: int, reason: str) -> str:
    """Say in one line how many workflows were stopped, and why."""
    count = len(result.stopped)
    text = f"stopped {count} workflow{'' if count == 1 else 's'} of pull request #{pr_number} ({reason})"
    if result.refused:
        text += f"; {len(result.refused)} could not be stopped"
    if result.kept:
        text += f"; {result.kept} of its head commit run{'s' if result.kept == 1 else ''} on"
    return text


def summary(result: StoppedWorkflows, headline: str) -> str:
    """Return the job's summary."""
    rows = [(md.code(one.name), md.code(provenance.short(one.sha)), "asked to stop") for one in result.stopped]
    rows += [
        (md.code(one.name), md.code(provenance.short(one.sha)), f"runs on: {md.escape(error.cause)}")
        for one, error in result.refused
    ]
    parts = [f"### {md.escape(headline[0].upper() + headline[1:])}"]
    if rows:
        parts.append(md.table(["Workflow", "Commit", "What happened"], rows[:MAX_SHOWN], "lll"))
    if len(rows) > MAX_SHOWN:
        parts.append(f"… and {len(rows) - MAX_SHOWN} more, which the log names")
    return "\n\n".join(parts)
