"""The calls of argo-submit to a cluster, by either API, and the scenarios that make them."""

from __future__ import annotations

import io
import itertools
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from mlops_actions.argo_submit.report import WorkflowReportContext
from mlops_actions.argo_submit.tracked_workflow import TrackedWorkflow
from mlops_actions.boundary.runner import GitHubRunner
from mlops_actions.core import provenance
from mlops_actions.core.argo import NODE_ID_ANNOTATION, NODE_NAME_ANNOTATION, WORKFLOW_LABEL
from mlops_sandbox.cluster import CONTINUER, SUBMITTER, Cluster
from mlops_sandbox.cluster.resources import CLUSTER_WORKFLOW_TEMPLATES, CRON_WORKFLOWS, PODS, WORKFLOW_TEMPLATES, WORKFLOWS
from mlops_sandbox.github.faults import route_pattern
from tests.actions.argo_submit.apis import ARGO_SERVER, KUBERNETES, application_of, environ_for
from tests.actions.argo_submit.job import SHA, Job, shell
from tests.actions.odd_answers.calls import Call, Play
from tests.support.interceptor import Interceptor
from tests.support.shared_host import SharedHost
from tests.support.step import REPOSITORY, StepRecord

ARTIFACT, CONTENT = "scores", b'{"accuracy": 0.93}'
TEXT = "the only line of the log"
_TRIALS = itertools.count(1)
_SPEC = {"entrypoint": "main", "templates": [{"name": "main", "container": {"image": "example.test/image"}}]}
_K8S, _ARGO = "/apis/argoproj.io/v1alpha1/namespaces/*", "/api/v1"
WORKFLOW = {KUBERNETES: f"GET {_K8S}/workflows/*", ARGO_SERVER: f"GET {_ARGO}/workflows/*/*"}
MANY = {KUBERNETES: f"GET {_K8S}/workflows", ARGO_SERVER: f"GET {_ARGO}/workflows/*"}
POD = "GET /api/v1/namespaces/*/pods/*"
ARCHIVED = f"GET {_ARGO}/archived-workflows/*"
WORKFLOW_WATCH = {KUBERNETES: f"GET {_K8S}/workflows", ARGO_SERVER: f"GET {_ARGO}/workflow-events/*"}
LOG = {KUBERNETES: "GET /api/v1/namespaces/*/pods/*/log", ARGO_SERVER: f"GET {_ARGO}/workflows/*/*/log"}


@dataclass
class World:
    """A cluster without a controller behind one of its APIs, and a job that may do all that argo-submit asks for."""

    api: str
    host: SharedHost
    directory: Path

    def __post_init__(self) -> None:
        self.cluster = Cluster()
        self.interceptor = self.host.application = Interceptor(application_of(self.api, self.cluster), prefix="")
        self.job = Job(self.directory)
        token = self.cluster.add_user("ci", (*SUBMITTER, *CONTINUER))
        self.job.environ |= environ_for(self.api, self.cluster, self.host.host.url, self.directory, token=token)

    def put(self, name: str, phase: str, **status: Any) -> str:
        """Store a workflow that this suite submitted for pull request 7; return its uid."""
        texts = {provenance.REPOSITORY: REPOSITORY, provenance.PULL_REQUEST: "7", provenance.SHA: SHA}
        labels = provenance.labels(texts)
        if phase == "Succeeded":
            labels |= {"workflows.argoproj.io/completed": "true", "workflows.argoproj.io/phase": phase}
        run = f"https://github.com/{REPOSITORY}/actions/runs/42"
        metadata = {"name": name, "labels": labels, "annotations": {**texts, provenance.RUN: run}}
        workflow = {"metadata": metadata, "spec": _SPEC, "status": {"phase": phase, **status}}
        return str(self.cluster.store.create(WORKFLOWS, "default", workflow)["metadata"]["uid"])

    def change(self, name: str, **metadata: dict[str, str]) -> None:
        """Add labels or annotations to a workflow."""

        def edit(workflow: dict[str, Any]) -> dict[str, Any]:
            for field, added in metadata.items():
                workflow["metadata"][field] |= added
            return workflow

        self.cluster.store.change(WORKFLOWS, "default", name, edit)

    def end(self, name: str) -> None:
        """Let a workflow succeed."""

        def edit(workflow: dict[str, Any]) -> dict[str, Any]:
            return {**workflow, "status": {"phase": "Succeeded"}}

        self.cluster.store.change(WORKFLOWS, "default", name, edit)
        self.change(name, labels={"workflows.argoproj.io/completed": "true"})

    def play(self, **inputs: str) -> Play:
        """Return the main stage of the step."""
        return self._record(lambda: self.job.run(**inputs))

    def play_post(self, **inputs: str) -> Play:
        """Return the post stage of the step."""
        return self._record(lambda: self.job.run_post(**inputs))

    def _record(self, run: Callable[[], int]) -> Play:

        def stage() -> StepRecord:
            code = run()
            left = self.job.record
            return StepRecord(code, left.log, left.outputs, left.state, left.environment, left.summary)

        return stage

    def close(self) -> None:
        """Remove the cluster."""
        self.host.application = None
        self.cluster.close()


def _join(world: World) -> Play:
    world.put("done", "Succeeded")
    return world.play(attach="done", logs="none")


def _logs(world: World, state: str = "terminated") -> Play:
    """Join a workflow that has ended, with the log of its one pod; one that still runs ends when it is asked for."""
    node = {"id": "done", "name": "done", "displayName": "done", "type": "Pod", "templateName": "main"}
    world.put("done", "Succeeded", nodes={"done": {**node, "phase": "Succeeded"}})
    annotations = {NODE_ID_ANNOTATION: "done", NODE_NAME_ANNOTATION: "done"}
    pod = {
        "metadata": {"name": "done", "labels": {WORKFLOW_LABEL: "done"}, "annotations": annotations},
        "spec": {"containers": [{"name": "main"}]},
        "status": {"phase": "Running", "containerStatuses": [{"name": "main", "state": {state: {}}}]},
    }
    stored = world.cluster.store.create(PODS, "default", pod)
    log = world.cluster.logs.open(stored["metadata"]["uid"], "main")
    log.write(TEXT.encode())
    log.end()
    ended = {"phase": "Succeeded", "containerStatuses": [{"name": "main", "state": {"terminated": {"exitCode": 0}}}]}
    asked = route_pattern(POD)

    def before_call(call: str) -> None:
        if asked.fullmatch(call):
            world.cluster.store.change(PODS, "default", "done", lambda pod: {**pod, "status": ended})

    world.interceptor.before_call = before_call
    return world.play(attach="done", logs="all")


def _follow(world: World) -> Play:
    """Join a workflow that changes when its first watch opens; it ends when that is noticed, or a second watch opens."""
    world.put("running", "Running")
    opened, read = route_pattern(WORKFLOW_WATCH[world.api]), route_pattern(WORKFLOW[world.api])
    watches, reads = itertools.count(1), itertools.count(1)

    def before_call(call: str) -> None:
        watch = next(watches) if opened.fullmatch(call) else 0
        if watch == 1:
            world.change("running", annotations={"changed": "true"})
        elif watch == 2 or (read.fullmatch(call) and next(reads) == 3):
            world.end("running")

    world.interceptor.before_call = before_call
    return world.play(attach="running", logs="none")


def _template(world: World, kind: str) -> Play:
    resources = {
        "workflowtemplate": (WORKFLOW_TEMPLATES, "default"),
        "clusterworkflowtemplate": (CLUSTER_WORKFLOW_TEMPLATES, ""),
        "cronworkflow": (CRON_WORKFLOWS, "default"),
    }
    resource, namespace = resources[kind]
    spec = {"schedule": "0 0 * * *", "workflowSpec": _SPEC} if kind == "cronworkflow" else _SPEC
    world.cluster.store.create(resource, namespace, {"metadata": {"name": "train"}, "spec": spec})
    return world.play(from_=f"{kind}/train", wait="false", idempotency="none")


def _again(world: World) -> Play:
    inputs = {"workflow": shell("true"), "wait": "false"}
    assert world.play(**inputs)().exit_code == 0
    return world.play(**inputs)


def _cancelled(world: World, request: str = "") -> Play:
    """Return the post stage of a job that was killed while it followed a workflow.

    With `request` it was killed before it knew the workflow's name, so that the workflow is found by this label.
    """
    world.put("running", "Running")
    name = "" if request else "running"
    world.change("running", labels={provenance.REQUEST: request} if request else {})
    tracked = TrackedWorkflow(
        namespace="default", name=name, pr_number=None, context=WorkflowReportContext(), request=request
    )
    tracked.save(GitHubRunner(world.job.environ, io.StringIO()))
    return world.play_post(attach="running", on_cancel="stop")


def _control(world: World, verb: str, **inputs: str) -> Play:
    waiting = {"w": {"id": "w", "name": "w", "displayName": "w", "type": "Suspend", "phase": "Running"}}
    world.put("w", "Running", nodes=waiting)
    return world.play(**{verb: "w", "wait": "false", **inputs})


def _end_all(world: World) -> Play:
    world.put("w", "Running")
    return world.play(stop="pull-request", pr_number="7")


def _gone(world: World) -> Play:
    """Join a workflow that is deleted while the step follows it; it had succeeded, as only the archive knows."""
    # A watch of the trial before this one may still read its own workflow here.
    name = f"gone-{next(_TRIALS)}"
    world.put(name, "Running")
    read, asked = route_pattern(f"{WORKFLOW[world.api].removesuffix('*')}{name}"), route_pattern(ARCHIVED)
    reads = itertools.count(1)
    last = world.cluster.store.get(WORKFLOWS, "default", name)

    def before_call(call: str) -> None:
        if read.fullmatch(call) and next(reads) == 2:
            world.cluster.store.delete(WORKFLOWS, "default", name)
        elif asked.fullmatch(call):  # earlier, the server would show it under its usual address too
            world.cluster.archived[last["metadata"]["uid"]] = {**last, "status": {"phase": "Succeeded"}}

    world.interceptor.before_call = before_call
    return world.play(attach=name, logs="none")


def _artifact(world: World, *, archived: bool = False) -> Play:
    """Join a workflow that has ended, and bring its artifact into the workspace."""
    shutil.rmtree(world.job.workspace / "artifacts", ignore_errors=True)
    outputs = {"artifacts": [{"name": ARTIFACT, "s3": {"key": "done/scores.json"}}]}
    node = {"id": "done", "name": "done", "displayName": "done", "type": "Pod", "templateName": "main"}
    world.put("done", "Succeeded", nodes={"done": {**node, "phase": "Succeeded", "outputs": outputs}})
    world.cluster.store_artifact("done", "done", ARTIFACT, CONTENT)
    if archived:
        world.cluster.archive("done")
        world.cluster.store.delete(WORKFLOWS, "default", "done")
    return world.play(attach="done", logs="none", artifacts=ARTIFACT)


def _retry(world: World, *, archived: bool = False) -> Play:
    node = {"id": "w", "name": "w", "displayName": "w", "type": "Pod", "templateName": "main", "phase": "Failed"}
    world.put("w", "Failed", nodes={"w": node})
    world.change("w", labels={"workflows.argoproj.io/completed": "true", "workflows.argoproj.io/phase": "Failed"})
    if archived:
        world.cluster.archive("w")
        world.cluster.store.delete(WORKFLOWS, "default", "w")
    return world.play(retry="w", wait="false")


_SCENARIOS: Mapping[str, Callable[[World], Play]] = {
    "join": _join,
    "logs": _logs,
    "a log that ends early": partial(_logs, state="running"),
    "follow": _follow,
    "submit": lambda world: world.play(workflow=shell("true"), wait="false", idempotency="none"),
    "submit again": _again,
    "dry run": lambda world: world.play(workflow=shell("true"), dry_run="true"),
    **{kind: partial(_template, kind=kind) for kind in ("workflowtemplate", "clusterworkflowtemplate", "cronworkflow")},
    "cancelled": _cancelled,
    "cancelled before the answer": partial(_cancelled, request="a1b2"),
    **{verb: partial(_control, verb=verb) for verb in ("stop", "terminate", "resume")},
    "resume of a node": partial(_control, verb="resume", node_field_selector="id=w", node_message="seen"),
    "stop all": _end_all,
}
# What only the Argo Server does.
_OF_ARGO_SERVER: Mapping[str, Callable[[World], Play]] = {
    "retry": _retry,
    "retry of an archived workflow": partial(_retry, archived=True),
    "gone": _gone,
    "artifact": _artifact,
    "artifact of an archived workflow": partial(_artifact, archived=True),
}
SCENARIOS = {KUBERNETES: _SCENARIOS, ARGO_SERVER: {**_SCENARIOS, **_OF_ARGO_SERVER}}

_OBJECT = ("metadata", "metadata.name", "metadata.namespace", "metadata.uid", "metadata.resourceVersion")
_WORKFLOW = (*_OBJECT, "status", "status.phase")
# A workflow that no controller has seen yet has no status.
_RUNNING = (*_OBJECT, "status?", "status.phase?")
# The database does not hold the version.
_ARCHIVED = ("metadata", "metadata.name", "metadata.namespace", "metadata.uid", "status", "status.phase")
_OWNED = (*_RUNNING, "metadata.annotations", "metadata.labels?")
_IDENTITY = ("metadata", "metadata.name", "metadata.uid")
_DRY = ("metadata", "metadata.name")
_TEMPLATE = ("metadata", "metadata.name", "spec")
_CRON = (*_TEMPLATE, "spec.workflowSpec")
_LIST = ("metadata", "items.[].metadata", "items.[].metadata.name", "items.[].metadata.annotations?")
_EVENT = ("type", "object", "object.metadata", "object.metadata.resourceVersion?", "object.metadata.labels?")
_SEEN_POD = ("object.status?", "object.status.containerStatuses?", "object.status.containerStatuses.[].name")
_SEEN = tuple(f"result.{name}" for name in _EVENT)
_STATUSES = "status.containerStatuses"
_POD = ("metadata", "metadata.name", "status?", f"{_STATUSES}?", f"{_STATUSES}.[].name", f"{_STATUSES}.[].state?")
_DELETED = "GET /|was deleted|there is no workflow"


def _calls(api: str) -> list[Call]:
    """Return the calls that are decisions, and those of the streams."""
    if api == KUBERNETES:
        one, many = f"{_K8S}/workflows/*", f"{_K8S}/workflows"
        templates = (f"{_K8S}/workflowtemplates/*", f"{_K8S.partition('/namespaces')[0]}/clusterworkflowtemplates/*")
        cron, stop, resume, terminate = f"{_K8S}/cronworkflows/*", f"PATCH {one}", f"PATCH {one}", f"PATCH {one}"
        others = [
            Call(WORKFLOW_WATCH[api], "follow", "feedback", _EVENT, occurrence=1),
            Call("GET /api/v1/namespaces/*/pods", "logs", "feedback", (*_EVENT, *_SEEN_POD), occurrence=1),
            Call(LOG[api], "logs", "feedback", occurrence=1),
            Call(POD, "a log that ends early", "feedback", _POD, occurrence=1),
            Call(resume, "resume of a node", "decision", _RUNNING),
        ]  # fmt: skip
    else:
        one, many = f"{_ARGO}/workflows/*/*", f"{_ARGO}/workflows/*"
        templates = (f"{_ARGO}/workflow-templates/*/*", f"{_ARGO}/cluster-workflow-templates/*")
        cron, stop, resume, terminate = (
            f"{_ARGO}/cron-workflows/*/*",
            *(f"PUT {one}/{verb}" for verb in ("stop", "resume", "terminate")),
        )
        others = [
            Call(f"POST {many}/lint", "submit", "decision"),
            Call(f"PUT {one}/set", "resume of a node", "creation", _RUNNING),
            Call(f"PUT {one}/retry", "retry", "creation", _RUNNING),
            Call(f"PUT {_ARGO}/archived-workflows/*/retry", "retry of an archived workflow", "creation", _RUNNING),
            Call(f"PUT {one}/retry", "retry of an archived workflow", "decision", empty=True, absence="archived"),
            Call(ARCHIVED, "gone", "decision", _ARCHIVED, fails=("",), names="archive|was deleted"),
            Call("GET /artifact-files/*/workflows/*/*/outputs/*", "artifact", "artifact"),
            Call(f"GET {one}", "artifact", "artifact", _IDENTITY, occurrence=3, names="GET /|was deleted"),
            Call("GET /artifact-files/*/archived-workflows/*/*/outputs/*", "artifact of an archived workflow", "artifact"),
            Call(f"GET {_ARGO}/info", "submit", "decision", ("managedNamespace?",), silent=_NO_NAMESPACE),
            Call(WORKFLOW_WATCH[api], "follow", "feedback", ("result", *_SEEN), occurrence=1),
            Call(LOG[api], "logs", "feedback", ("result", "result.content?"), occurrence=1),
        ]  # fmt: skip
    return [
        Call(f"GET {one}", "join", "decision", _WORKFLOW, occurrence=1, names=_DELETED),
        Call(f"GET {one}", "follow", "decision", _RUNNING, occurrence=2, names=_DELETED, fails=("404",)),
        Call(
            f"GET {one}",
            "submit again",
            "decision",
            (*_OBJECT, "metadata.annotations"),
            names=f"{_DELETED}|another request created it",
        ),
        Call(f"GET {one}", "stop", "decision", _OWNED, occurrence=1, names=f"{_DELETED}|was not submitted by this action"),
        Call(f"GET {one}", "cancelled", "decision", _RUNNING, absence="deleted"),
        Call(f"GET {many}", "cancelled before the answer", "decision", ("metadata", "items.[].metadata.name")),
        Call(f"POST {many}", "submit", "creation", _OBJECT),
        Call(f"POST {many}", "submit again", "decision", silent=("no UTF-8", "as HTML")),
        Call(f"POST {many}", "dry run", "decision", _DRY),
        Call(f"GET {templates[0]}", "workflowtemplate", "decision", _TEMPLATE),
        Call(f"GET {templates[1]}", "clusterworkflowtemplate", "decision", _TEMPLATE),
        Call(f"GET {cron}", "cronworkflow", "decision", _CRON),
        Call(f"GET {many}", "stop all", "decision", _LIST),
        Call(stop, "stop all", "decision", _RUNNING, absence="deleted"),
        Call(stop, "cancelled", "decision", _RUNNING, absence="deleted"),
        Call(stop, "stop", "decision", _RUNNING, absence="deleted"),
        Call(terminate, "terminate", "decision", _RUNNING, absence="deleted"),
        Call(resume, "resume", "decision", _RUNNING),
        *others,
    ]


# A server that manages every namespace says nothing of one.
_NO_NAMESPACE = ("an empty object", "1e999", "a number of", "names twice, the last one null")
CALLS = {api: _calls(api) for api in (KUBERNETES, ARGO_SERVER)}
