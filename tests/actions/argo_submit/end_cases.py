"""Each way in which a wait can end, as data, and what must be left then: see `test_ends`."""

from __future__ import annotations

import html
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from mlops_sandbox.cluster import Cluster
from mlops_sandbox.cluster.resources import WORKFLOWS
from tests.actions.argo_submit.apis import APIS, ARGO_SERVER, KUBERNETES
from tests.actions.argo_submit.job import Job
from tests.actions.argo_submit.scripted import Scripted
from tests.support.payloads import Sample

NAME = "trained"
SPEC = {"entrypoint": "main", "templates": [{"name": "main", "container": {"image": "x", "command": ["x"]}}]}
WORKFLOW = json.dumps({
    "apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow", "metadata": {"name": NAME}, "spec": SPEC,
})  # fmt: skip
READ = f"/{NAME}?"


def plain(markdown: str) -> str:
    """Return a text as its readers see it, without what escapes it."""
    return html.unescape(markdown.replace("\\", ""))


@dataclass
class World:
    """A cluster to which things happen at chosen requests, a job, and the pull request that it comments on."""

    cluster: Cluster
    script: Scripted
    job: Job
    sample: Sample
    token: str
    cancel: Callable[[], None]

    def run(self, **inputs: str) -> int:
        return self.job.run(**self._inputs, **inputs)

    def run_post(self, **inputs: str) -> int:
        return self.job.run_post(**self._inputs, **inputs)

    @property
    def _inputs(self) -> dict[str, str]:
        return {"workflow": WORKFLOW, "idempotency": "none", "comment": "true", "github_token": self.token}

    def change(self, *, labels: dict[str, str] | None = None, spec: dict[str, Any] | None = None, **status: Any) -> None:
        def edit(workflow: dict[str, Any]) -> dict[str, Any]:
            workflow["metadata"].setdefault("labels", {}).update(labels or {})
            given = {**workflow.get("status", {}), **status}
            return {**workflow, "spec": {**workflow["spec"], **(spec or {})}, "status": given}

        self.cluster.store.change(WORKFLOWS, "default", NAME, edit)

    def delete(self) -> None:
        self.cluster.store.delete(WORKFLOWS, "default", NAME)

    def start(self) -> None:
        self.change(phase="Running", startedAt="2026-01-01T00:00:00Z", progress="0/1", nodes={NAME: self.node("Running")})

    def end(self, phase: str, message: str = "", *, node: str = "", spec: dict[str, Any] | None = None) -> None:
        """End the workflow as the controller does; `node` is the phase of its only node, where it is another one."""
        labels = {"workflows.argoproj.io/phase": phase, "workflows.argoproj.io/completed": "true"}
        outputs = {"parameters": [{"name": "score", "value": "0.93"}]} if phase == "Succeeded" else {}
        nodes = {NAME: {**self.node(node or phase), "message": message}}
        finished = {"finishedAt": "2026-01-01T00:01:00Z", "progress": "1/1", "outputs": outputs, "nodes": nodes}
        self.change(labels=labels, spec=spec, phase=phase, message=message, **finished)

    @property
    def shutdown(self) -> str:
        """What the workflow was asked to do; empty where it is gone."""
        found = [one for one in self.cluster.store.items(WORKFLOWS)[0] if one["metadata"]["name"] == NAME]
        return "".join(str(one["spec"].get("shutdown", "")) for one in found)

    @staticmethod
    def node(phase: str) -> dict[str, Any]:
        return {"id": NAME, "name": NAME, "displayName": NAME, "type": "Pod", "templateName": "main", "phase": phase}

    @property
    def comment(self) -> str:
        (comment,) = [one for one in self.sample.pull.comments if "orkflow" in one.body]
        lines = comment.body.split("\n")  # below the marks
        return plain("\n".join(lines[next(index for index, line in enumerate(lines) if not line.startswith("<!--")) :]))


def _gone(world: World, phase: str, *, archived: bool = False) -> None:
    world.end(phase)
    if archived:
        world.cluster.archive(NAME)
    world.delete()


def _replaced(world: World) -> None:
    world.delete()
    world.cluster.store.create(WORKFLOWS, "default", {"metadata": {"name": NAME}, "spec": dict(SPEC), "status": {}})


# What can happen at a read of the workflow; a number answers this read and every later one.
EVENTS: Mapping[str, Callable[[World], int | None]] = {
    "starts": World.start,
    "succeeds": lambda world: world.end("Succeeded"),
    "fails": lambda world: world.end("Failed", "exit code 3"),
    "errs": lambda world: world.end("Error", "no such image"),
    "succeeds with a tolerated failure": lambda world: world.end("Succeeded", node="Failed"),
    "is stopped by somebody": lambda world: world.end("Failed", "Stopped with strategy 'Stop'", spec={"shutdown": "Stop"}),
    "is terminated by somebody": lambda world: world.end(
        "Failed", "Stopped with strategy 'Terminate'", spec={"shutdown": "Terminate"}
    ),
    "is suspended": lambda world: world.change(spec={"suspend": True}),
    "passes its own deadline": lambda world: world.end("Failed", "Max duration limit exceeded"),
    "is deleted": World.delete,
    "succeeds and is deleted": lambda world: _gone(world, "Succeeded"),
    "fails and is deleted": lambda world: _gone(world, "Failed"),
    "errs and is deleted": lambda world: _gone(world, "Error"),
    "succeeds and moves into the archive": lambda world: _gone(world, "Succeeded", archived=True),
    "fails and moves into the archive": lambda world: _gone(world, "Failed", archived=True),
    "is replaced": _replaced,
    "the job is cancelled": lambda world: world.cancel(),
    "401": lambda _: 401,
    "403": lambda _: 403,
    "500": lambda _: 500,
    "503": lambda _: 503,
}


@dataclass(frozen=True, kw_only=True)
class End:
    """One way to end: what happens at which read of the workflow, and what must be left.

    `told` are texts that error, summary and comment must all hold; `goes_on` tells whether they must say that the workflow
    goes on, and how to follow it. `headline` starts summary and comment.
    """

    name: str
    reads: Mapping[int, str]
    code: int
    phase: str = ""
    headline: str = ""
    told: tuple[str, ...] = ()
    goes_on: bool = False
    in_log: str = ""
    shutdown: str = ""  # of the workflow afterwards
    post: int = 0  # the exit code of the post stage
    stops: int = 0  # the status that answers each request to stop the workflow
    inputs: Mapping[str, str] = field(default_factory=dict)
    apis: tuple[str, ...] = APIS
    has_outputs: bool = False  # the workflow's own
    has_failed_node: bool = False


_SUCCEEDED = "✅ **Workflow"
_FAILED = "❌ **Workflow"
_LEFT = "⚠️ **Workflow"
_CANCELLED = "🚫 **The job that followed this workflow was cancelled.**"
_DELETED = f"workflow '{NAME}' was deleted"
_LATE = f"workflow '{NAME}' did not end in time"
_AWAY = f"this step no longer follows the workflow 'default/{NAME}': "
_401, _403, _503 = "does not accept the credentials (401)", "the cluster denies this (403", "answered 503"
_STOPPED = f"asked Argo to stop the workflow '{NAME}'"
_LEAVE = "'on-cancel' is leave: the workflow goes on as far as is known"

ENDS = [
    # It ends by itself.
    End(name="success", reads={1: "starts", 2: "succeeds"}, code=0, phase="Succeeded", headline=_SUCCEEDED,
        has_outputs=True),
    End(name="success at the first read", reads={1: "succeeds"}, code=0, phase="Succeeded", headline=_SUCCEEDED,
        has_outputs=True),
    End(name="success with a tolerated failure", reads={1: "starts", 2: "succeeds with a tolerated failure"}, code=0,
        phase="Succeeded", headline=_SUCCEEDED, has_outputs=True),
    End(name="failure", reads={1: "starts", 2: "fails"}, code=1, phase="Failed", headline=_FAILED, told=("exit code 3",),
        has_failed_node=True),
    End(name="error", reads={1: "starts", 2: "errs"}, code=1, phase="Error", headline=_FAILED, told=("no such image",),
        has_failed_node=True),
    End(name="its own deadline while suspended", reads={1: "starts", 2: "is suspended", 3: "passes its own deadline"},
        code=1, phase="Failed", headline=_FAILED, told=("Max duration limit exceeded",), in_log="is suspended",
        has_failed_node=True),
    # Somebody ends it.
    End(name="stopped by somebody", reads={1: "starts", 2: "is stopped by somebody"}, code=1, phase="Failed",
        headline=_FAILED, told=("Stopped with strategy 'Stop'",), shutdown="Stop", has_failed_node=True),
    End(name="terminated by somebody", reads={1: "starts", 2: "is terminated by somebody"}, code=1, phase="Failed",
        headline=_FAILED, told=("Stopped with strategy 'Terminate'",), shutdown="Terminate", has_failed_node=True),
    End(name="deleted before it starts", reads={1: "is deleted"}, code=1, headline=_LEFT, told=(_DELETED,)),
    End(name="deleted while it runs", reads={1: "starts", 2: "is deleted"}, code=1, phase="Running", headline=_LEFT,
        told=(_DELETED, "(0/1 done)")),
    End(name="replaced by another of its name", reads={1: "starts", 2: "is replaced"}, code=1, phase="Running",
        headline=_LEFT, told=(f"{_DELETED}, and another of the same name was created,",)),
    # It is gone when its end would be read.
    End(name="success, deleted", reads={1: "starts", 2: "succeeds and is deleted"}, code=0, phase="Succeeded",
        headline=_SUCCEEDED, apis=(KUBERNETES,)),
    End(name="failure, deleted", reads={1: "starts", 2: "fails and is deleted"}, code=1, phase="Failed", headline=_FAILED,
        apis=(KUBERNETES,)),
    End(name="error, deleted", reads={1: "starts", 2: "errs and is deleted"}, code=1, phase="Error", headline=_FAILED,
        apis=(KUBERNETES,)),
    End(name="success, archived", reads={1: "starts", 2: "succeeds and moves into the archive"}, code=0, phase="Succeeded",
        headline=_SUCCEEDED, has_outputs=True, apis=(ARGO_SERVER,)),
    End(name="failure, archived", reads={1: "starts", 2: "fails and moves into the archive"}, code=1, phase="Failed",
        headline=_FAILED, apis=(ARGO_SERVER,), has_failed_node=True),
    # The cluster serves it no longer.
    *(
        End(name=f"{cause} {when}", reads=reads, code=code, phase=phase, headline=_LEFT, told=(_AWAY, text), goes_on=True)
        for cause, code, text in (
            ("401", 3, _401), ("403", 3, _403), ("500", 4, "answered 500"), ("503", 4, _503),
        )
        for when, phase, reads in (("at once", "", {1: cause}), ("later", "Running", {1: "starts", 3: cause}))
    ),
    # The time is over.
    End(name="timeout before it starts", reads={}, inputs={"timeout": "0s"}, code=5, headline=_LEFT,
        told=(_LATE, "the workflow runs on"), goes_on=True),
    End(name="timeout", reads={1: "starts"}, inputs={"timeout": "0s"}, code=5, phase="Running", headline=_LEFT,
        told=(_LATE, "the workflow runs on"), goes_on=True),
    End(name="timeout, stop", reads={1: "starts"}, inputs={"timeout": "0s", "on_timeout": "stop"}, code=5, phase="Running",
        headline=_LEFT, told=(_LATE, "'on-timeout: stop' has ended it"), shutdown="Stop"),
    End(name="timeout, terminate", reads={1: "starts"}, inputs={"timeout": "0s", "on_timeout": "terminate"}, code=5,
        phase="Running", headline=_LEFT, told=(_LATE, "'on-timeout: terminate' has ended it"), shutdown="Terminate"),
    End(name="timeout, stop is refused", reads={1: "starts"}, inputs={"timeout": "0s", "on_timeout": "stop"}, code=5,
        phase="Running", headline=_LEFT, told=(_LATE, "the workflow runs on, since 'stop' was refused"), stops=403,
        goes_on=True),
    End(name="timeout, the API is away", reads={1: "503"}, inputs={"timeout": "0s"}, code=5, headline=_LEFT,
        told=(_LATE, "the workflow runs on"), goes_on=True),
    End(name="timeout, the API is away, stop", reads={1: "503"}, inputs={"timeout": "0s", "on_timeout": "stop"}, code=5,
        headline=_LEFT, told=(_LATE, "the workflow runs on, since 'stop' was refused"), stops=503, goes_on=True),
    End(name="timeout, the credentials have expired", reads={1: "401"}, inputs={"timeout": "0s"}, code=3, headline=_LEFT,
        told=(_AWAY, _401), goes_on=True),
    End(name="timeout while suspended", reads={1: "starts", 2: "is suspended"}, inputs={"timeout": "1s"}, code=5,
        phase="Running", headline=_LEFT, told=(_LATE, "the workflow runs on"), goes_on=True, in_log="is suspended"),
    End(name="suspended for too long", reads={1: "starts", 2: "is suspended"}, inputs={"fail_on": "Suspended>0s"}, code=5,
        phase="Running", headline=_LEFT, told=(NAME, "the workflow runs on"), goes_on=True),
    End(name="success just before the timeout", reads={1: "succeeds"}, inputs={"timeout": "0s"}, code=0, phase="Succeeded",
        headline=_SUCCEEDED, has_outputs=True),
    # The job is cancelled.
    End(name="cancelled before it starts", reads={1: "the job is cancelled"}, code=130, headline=_CANCELLED,
        in_log=_STOPPED, shutdown="Stop"),
    End(name="cancelled", reads={1: "starts", 2: "the job is cancelled"}, code=130, phase="Running", headline=_CANCELLED,
        in_log=_STOPPED, shutdown="Stop"),
    End(name="cancelled, terminate", reads={1: "starts", 2: "the job is cancelled"}, inputs={"on_cancel": "terminate"},
        code=130, phase="Running", headline=_CANCELLED, in_log=f"asked Argo to terminate the workflow '{NAME}'",
        shutdown="Terminate"),
    End(name="cancelled, leave", reads={1: "starts", 2: "the job is cancelled"}, inputs={"on_cancel": "leave"}, code=130,
        phase="Running", headline=_CANCELLED, told=(_LEAVE,), goes_on=True),
    End(name="cancelled, the stop is refused", reads={1: "starts", 2: "the job is cancelled"}, code=130, phase="Running",
        headline=_CANCELLED, in_log="the workflow could not be stopped; the post step tries again", stops=403, post=3,
        goes_on=True),
    End(name="cancelled, the API is away", reads={1: "starts", 2: "the job is cancelled"}, code=130, phase="Running",
        headline=_CANCELLED, in_log="the workflow could not be stopped; the post step tries again", stops=503, post=4,
        goes_on=True),
    # The step does not wait.
    End(name="not awaited", reads={}, inputs={"wait": "false"}, code=0, headline="⏳ **Workflow"),
]  # fmt: skip
