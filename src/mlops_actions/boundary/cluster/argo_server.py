"""Workflows and logs by the Argo Server's HTTP API: implements `argo_submit.ports.Cluster` where Kubernetes' own is closed.

The Argo Server shows no pods. The workflow's record of its nodes implies them; the server also reads that record where Argo
keeps it in a database. The logs are those of the containers that do the work, not of sidecars.
"""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from urllib.parse import unquote

from mlops_actions.argo_submit import suspension
from mlops_actions.argo_submit.ports import MAX_LISTED, Conflict, Expired, NotFound
from mlops_actions.argo_submit.status import WorkflowStatus
from mlops_actions.argo_submit.suspension import ResumeRequest, WaitingNode
from mlops_actions.boundary.cluster.argo_server_pods import RecordedPods, RecordedPodsWatch
from mlops_actions.boundary.cluster.argo_server_streams import FilteredWatch, UntilBreak, event, log_line
from mlops_actions.boundary.cluster.artifact_content import ArtifactContent
from mlops_actions.boundary.cluster.kubernetes_api import SPARE_SECONDS, ParsedStream, path_segment
from mlops_actions.boundary.cluster.refusals import ClusterRequests, Redirected, denial_in
from mlops_actions.boundary.cluster.shapes import (
    ARCHIVED,
    DRY_RUN,
    IDENTITY,
    LINTED,
    SERVER_INFO,
    WORKFLOWS,
    check,
    check_workflow,
)
from mlops_actions.boundary.cluster.shapes import TEMPLATES as TEMPLATE_SHAPES
from mlops_actions.boundary.cluster.transport import (
    ByteLines,
    ClusterCredentials,
    ClusterTransport,
    ErrorTexts,
    Failure,
)
from mlops_actions.boundary.http import HttpClient, Trust
from mlops_actions.boundary.retry import reason_of
from mlops_actions.core.errors import BadInput, Refused, Unavailable, WorkFailed
from mlops_actions.core.ports import Runner
from mlops_actions.core.types import Json

TEMPLATES = {
    "workflowtemplate": "workflow-templates",
    "clusterworkflowtemplate": "cluster-workflow-templates",
    "cronworkflow": "cron-workflows",
}
STRATEGIES = {"Stop": "stop", "Terminate": "terminate"}
NO_SUCH_CALL = ": Not Found"  # what the server says of a path that it does not serve
NO_ARCHIVE = "getting archived workflows not supported"
ALREADY_ENDED = "cannot shutdown a completed workflow"
# The server resumes a log by seconds before its own clock's time; the clocks may differ by this much. Lines that are read
# twice are recognised by their timestamps.
MAX_CLOCK_SKEW_SECONDS = 300
# The server sends the lines of a log once a second, and ends a followed log with the workflow, not with its container.
GRACE_SECONDS = 2.0
TEXTS = ErrorTexts(
    api="Argo Server",
    side="Argo Server",
    address="'argo-server'",
    trust="give its certificate authority in 'argo-ca'",
    health="check that the Argo Server and the API server behind it work",
    credentials="give a fresh 'argo-token'",
)
# A stream is opened again after this much silence: the server sends no header before the first line, and until then the
# stream cannot be closed either.
MAX_SILENCE_SECONDS = 60.0
WATCHED_METADATA = ("name", "uid", "resourceVersion", "labels")


@dataclass(frozen=True)
class ServerLogin:
    """The server's address, the token (with or without `Bearer` before it), and its certificate authority (PEM)."""

    address: str
    token: str = field(repr=False)
    authority: str

    @property
    def authorization(self) -> str:
        """The header's value; empty where there is no token."""
        return self.token if " " in self.token or not self.token else f"Bearer {self.token}"


def connect(login: ServerLogin, environ: Mapping[str, str], runner: Runner, pause: Callable[[float], None]) -> ArgoServer:
    """Return the cluster behind the server; raises BadInput."""
    runner.mask(login.token.partition(" ")[2])
    try:
        client = HttpClient(runner, trust=Trust(login.authority), environ=environ)
    except (OSError, ValueError) as error:
        raise BadInput(f"input 'argo-ca' cannot be used: {reason_of(error)}", "give its certificate in PEM") from None
    credentials = ClusterCredentials(lambda: login.authorization)
    return ArgoServer(ClusterTransport(login.address, client, credentials, pause=pause, texts=TEXTS))


class ArgoServer:
    """Implements `argo_submit.ports.Cluster`."""

    def __init__(self, transport: ClusterTransport) -> None:
        self._requests = ClusterRequests(transport)
        self._pods = RecordedPods()
        self._lock = threading.Lock()
        self._following: dict[str, list[ByteLines]] = {}  # by pod
        self._namespace: str | None = None

    @property
    def namespace(self) -> str:
        """The namespace that the server manages, where it manages only one; else `default`."""
        if self._namespace is None:
            info = self._requests.send("GET", "/api/v1/info", partial(check, shape=SERVER_INFO))
            self._namespace = info.get("managedNamespace") or "default"
        return self._namespace

    def create_workflow(self, namespace: str, workflow: Json, *, dry_run: bool = False, strict: bool = True) -> Json:  # noqa: ARG002
        """See the port. The server leaves out fields that its Argo does not know."""
        named = bool(workflow["metadata"].get("name"))
        body = {"namespace": namespace, "workflow": workflow, "serverDryRun": dry_run}
        checked = partial(check, shape=DRY_RUN) if dry_run else check_workflow
        return self._requests.send("POST", _workflows(namespace), checked, body=body, repeatable=named or dry_run)

    def lint_workflow(self, namespace: str, workflow: Json) -> str:
        """See the port. The server answers a refusal by 500, as if it were broken; it refuses the creation by 400.

        Seen in 4.0.2, whose creation checks at least what its lint checks.
        """
        body = {"namespace": namespace, "workflow": workflow}
        try:
            self._requests.send(
                "POST", f"{_workflows(namespace)}/lint", partial(check, shape=LINTED), body=body, urgent=True
            )
        except NotFound as missing:
            if not missing.cause.endswith(NO_SUCH_CALL):
                raise
            return "this server has none"
        except Unavailable as failed:
            if " answered 500 to " not in failed.cause:
                raise
            return failed.cause
        return ""

    def get_workflow(self, namespace: str, name: str) -> Json:
        """See the port. The pods that the record implies reach the watches of pods."""
        workflow = self._requests.send("GET", _workflows(namespace, name), check_workflow)
        ended = self._pods.update(workflow)
        with self._lock:
            followed = [pod for pod in ended if pod in self._following]
        for pod in followed:
            timer = threading.Timer(GRACE_SECONDS, self._end_logs, (pod,))
            timer.daemon = True
            timer.start()
        return workflow

    def list_workflows(self, namespace: str, selector: str) -> list[Json]:
        """See the port. In one request: Argo 4.0 does not say whether there is another page where it has no archive."""
        query = {
            "listOptions.labelSelector": selector,
            "listOptions.limit": str(MAX_LISTED),
            "fields": "metadata,items.metadata,code,message",  # the last two are of a refusal
        }
        listed = self._requests.send("GET", _workflows(namespace), partial(check, shape=WORKFLOWS), query=query)
        return list(listed.get("items") or [])[:MAX_LISTED]

    def get_archived(self, namespace: str, name: str, uid: str) -> Json:
        """See the port. One attempt: a server without an archive answers 500."""
        query = {"namespace": namespace, "name": name}
        path = f"/api/v1/archived-workflows/{path_segment(uid)}"
        try:
            return self._requests.send("GET", path, partial(check, shape=ARCHIVED), query=query, urgent=True)
        except Unavailable as error:
            if NO_ARCHIVE in error.cause:
                raise NotFound(error.cause, "let the Argo Server keep an archive") from None
            raise

    def get_template(self, kind: str, namespace: str, name: str) -> Json:
        """See the port."""
        scope = "" if kind == "clusterworkflowtemplate" else f"/{path_segment(namespace)}"
        path = f"/api/v1/{TEMPLATES[kind]}{scope}/{path_segment(name)}"
        return self._requests.send("GET", path, partial(check, shape=TEMPLATE_SHAPES[kind]))

    def shut_down(self, namespace: str, name: str, strategy: str, *, urgent: bool = False) -> None:
        """See the port."""
        path, body = f"{_workflows(namespace, name)}/{STRATEGIES[strategy]}", {"namespace": namespace, "name": name}
        try:
            # One attempt first: the server answers 500 where the workflow has ended meanwhile.
            self._requests.send("PUT", path, check_workflow, body=body, urgent=True)
        except Unavailable as error:
            if ALREADY_ENDED in error.cause:
                return
            if urgent:
                raise
            self._requests.send("PUT", path, check_workflow, body=body)

    def resume(self, namespace: str, name: str, request: ResumeRequest) -> Json:
        """See the port."""
        if request.is_plain:
            return self._resume_all(namespace, name)
        workflow = self.get_workflow(namespace, name)
        for node in suspension.nodes_to_resume(workflow, request):
            workflow = self._resume_node(namespace, name, node, request.message)
        # With values or a message for the nodes, the workflow itself is still to be resumed.
        return self._resume_all(namespace, name) if suspension.is_suspended(workflow) and not request.selector else workflow

    def _resume_node(self, namespace: str, name: str, node: WaitingNode, message: str) -> Json:
        """Resume one node. The server's `resume` of a node gives no defaults, so that values go with the new phase.

        See `updateSuspendedNode` of https://github.com/argoproj/argo-workflows/blob/v4.0.2/workflow/util/util.go.
        """
        body: Json = {"namespace": namespace, "name": name, "nodeFieldSelector": f"id={node.id}"}
        verb = "resume"
        if node.values or message:
            verb = "set"
            body |= {"phase": "Succeeded", "message": message, "outputParameters": json.dumps(dict(node.values))}
        path = f"{_workflows(namespace, name)}/{verb}"
        try:
            return self._requests.send("PUT", path, check_workflow, body=body, urgent=True)
        except Unavailable as error:
            if denied := denial_in(error.cause):
                raise denied from None
            current = self.get_workflow(namespace, name)
            if suspension.waits(current, node.id):
                return self._requests.send("PUT", path, check_workflow, body=body)
            if node.has_got(current):  # the answer was lost
                return current
            raise Conflict(
                f"'{node.name}' of the workflow '{name}' ended before this step could resume it",
                "see who resumed or stopped it, and with which values",
            ) from None

    def _resume_all(self, namespace: str, name: str) -> Json:
        path, body = f"{_workflows(namespace, name)}/resume", {"namespace": namespace, "name": name}
        try:
            # One attempt first: the server repeats a write that is refused, and then answers 500 with the refusal.
            return self._requests.send("PUT", path, check_workflow, body=body, urgent=True)
        except Unavailable as error:
            if denied := denial_in(error.cause):
                raise denied from None
            return self._requests.send("PUT", path, check_workflow, body=body)

    def retry(self, namespace: str, name: str, uid: str, parameters: Mapping[str, str], restart: str) -> Json:
        """See the port. The pods that failed leave the record at once, so that nobody reads the logs of deleted pods."""
        texts = [f"{key}={value}" for key, value in parameters.items()]
        body: Json = {"namespace": namespace, "name": name, "parameters": texts}
        if restart:  # the server ignores either without the other
            body |= {"restartSuccessful": True, "nodeFieldSelector": restart}
        try:
            path = f"{_workflows(namespace, name)}/retry"
            workflow = self._requests.send("PUT", path, check_workflow, body=body, repeatable=False)
        except NotFound:  # the server shows a workflow of the archive under the same address, but does not retry it there
            path = f"/api/v1/archived-workflows/{path_segment(uid)}/retry"
            workflow = self._requests.send("PUT", path, check_workflow, body={**body, "uid": uid}, repeatable=False)
        self._pods.update(workflow)
        return workflow

    def watch_workflow(self, namespace: str, name: str, resource_version: str, seconds: int) -> FilteredWatch:
        """See the port."""
        path = f"/api/v1/workflow-events/{path_segment(namespace)}"
        # Without a version the server starts with the workflow as it is, and no version can be too old. It sends not even a
        # header before the first event.
        query = {
            "listOptions.fieldSelector": f"metadata.name={name}",
            "listOptions.timeoutSeconds": str(seconds),
            "fields": ",".join(["error", "result.type", *(f"result.object.metadata.{field}" for field in WATCHED_METADATA)]),
        }
        try:
            lines = self._open(path, query, seconds + SPARE_SECONDS)
        except NotFound as gone:  # deleted between two watches: the next read raises NotFound
            raise Expired(gone.cause) from None
        return FilteredWatch(
            ParsedStream(UntilBreak(lines), partial(self._requests.parse, path=path, parse=event)),
            resource_version,
        )

    def watch_pods(self, namespace: str, workflow: str, resource_version: str, seconds: int) -> RecordedPodsWatch:  # noqa: ARG002
        """See the port. `get_workflow` supplies the pods, so that this watch ends only when it is closed."""
        return self._pods.watch()

    def get_pod(self, namespace: str, name: str) -> Json:  # noqa: ARG002
        """See the port."""
        return self._pods.get(name)

    def read_artifact(self, workflow: WorkflowStatus, node_id: str, name: str) -> ArtifactContent:
        """See the port. The server answers 500 where it cannot read its storage, and where the workflow is gone.

        A workflow that is gone is read by its uid alone: another one may have its name now, and nodes of the same ids. The
        server serves a live one by its name alone. Whose it was is asked after the content: a uid never comes back.
        """
        if workflow.is_gone:
            return self._artifact(workflow, "archived-workflows", node_id, name)
        try:
            return self._artifact(workflow, "workflows", node_id, name)
        except (Unavailable, NotFound):
            with contextlib.suppress(Unavailable, Refused):
                return self._artifact(workflow, "archived-workflows", node_id, name)
            raise

    def _artifact(self, workflow: WorkflowStatus, source: str, node_id: str, name: str) -> ArtifactContent:
        identity = workflow.name if source == "workflows" else workflow.uid
        parts = (workflow.namespace, source, identity, node_id, "outputs", name)
        path = f"/artifact-files/{'/'.join(path_segment(part) for part in parts)}"
        try:
            blocks = self._requests.stream(path, {}, path, accept="*/*", seconds=MAX_SILENCE_SECONDS, files=True)
            confirm = partial(self._confirm_uid, workflow) if source == "workflows" else lambda: None
            return ArtifactContent(blocks, path, confirm)
        except Redirected as redirected:
            # A redirect to another place leads to a login, for example.
            if unquote(redirected.location.partition("?")[0]).endswith(f"/{name}/"):
                raise WorkFailed(
                    "it is a folder that Argo has not packed (archive: none), and the server shows it as a page",
                    "remove 'archive: {none: {}}' from the output artifact, or read the key that the summary names",
                ) from None
            raise

    def _confirm_uid(self, workflow: WorkflowStatus) -> None:
        query = {"fields": "metadata.name,metadata.uid,code,message"}  # the last two are of a refusal
        path = _workflows(workflow.namespace, workflow.name)
        try:
            uid = self._requests.send("GET", path, partial(check, shape=IDENTITY), query=query)["metadata"]["uid"]
        except NotFound:
            uid = ""
        if uid != workflow.uid:
            raise Refused(
                f"it may be another workflow's: '{workflow.name}' was "
                f"{'replaced by another one of this name' if uid else 'deleted'} while its artifact was read",
                "give each workflow its own name ('generate-name') and keep it longer (ttlStrategy), then run the job again",
            )

    def stream_log(
        self, namespace: str, pod: str, container: str, since: str, *, previous: bool = False
    ) -> ParsedStream[bytes]:
        """See the port."""
        has_ended = self._pods.has_ended(pod)
        query = {
            "podName": pod,
            "logOptions.container": container,
            "logOptions.follow": "false" if has_ended else "true",
            "logOptions.timestamps": "true",
        }
        if previous:
            query["logOptions.previous"] = "true"
        if since and (seconds := _seconds_since(since)) is not None:
            query["logOptions.sinceSeconds"] = str(seconds + MAX_CLOCK_SKEW_SECONDS)
        path = f"{_workflows(namespace, self._pods.workflow)}/log"
        lines = self._open(path, query, MAX_SILENCE_SECONDS)
        if not has_ended:
            with self._lock:
                self._following.setdefault(pod, []).append(lines)
            if self._pods.has_ended(pod):  # while it was opened
                self._end_logs(pod)

        def text(line: bytes) -> bytes:
            read = self._requests.parse(line, path, log_line) if line.strip() else b""
            if isinstance(read, Failure):
                raise self._requests.error(read, f"GET {path}")
            return read

        return ParsedStream(lines, text)

    def sends_timestamps(self, namespace: str, pod: str, container: str, first: bytes) -> bool:  # noqa: ARG002
        """See the port. The server itself takes what looks like a timestamp for the machine's: only the first line tells."""
        return True

    def _end_logs(self, pod: str) -> None:
        with self._lock:
            ending = self._following.pop(pod, [])
        for lines in ending:
            lines.close()

    def _open(self, path: str, query: dict[str, str], seconds: float) -> ByteLines:
        return ByteLines(self._requests.stream(path, query, path, accept="application/json", seconds=seconds))


def _seconds_since(timestamp: str) -> int | None:
    try:
        start = datetime.fromisoformat(timestamp[:19]).replace(tzinfo=UTC)  # which reads no nanoseconds
    except ValueError:
        return None
    return max(int((datetime.now(UTC) - start).total_seconds()), 0)


def _workflows(namespace: str, name: str = "") -> str:
    return f"/api/v1/workflows/{path_segment(namespace)}" + (f"/{path_segment(name)}" if name else "")
