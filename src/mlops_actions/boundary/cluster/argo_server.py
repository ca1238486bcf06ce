"""Workflows and their logs through the Argo Server's HTTP API: `argo_submit.ports.Cluster` where Kubernetes' own is closed.

It knows no pods. Which there are is told by the workflow's record of its nodes, which it also fetches where Argo keeps it in
a database; their logs are those of the containers that do the work, not of sidecars.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from mlops_actions.argo_submit.ports import Expired, LogLine, NotFound, WatchEvent
from mlops_actions.boundary.cluster.argo_server_pods import RecordedPods, RecordedPodsWatch
from mlops_actions.boundary.cluster.kubernetes_api import SPARE_SECONDS, ParsedStream, log_line, part
from mlops_actions.boundary.cluster.refusals import ClusterRequests
from mlops_actions.boundary.cluster.tls import Trust, pool
from mlops_actions.boundary.cluster.transport import ByteLines, Credentials, Transport, Words, reason_of
from mlops_actions.core.errors import BadInput, Unavailable
from mlops_actions.core.ports import Runner
from mlops_actions.core.types import Json

TEMPLATES = {
    "workflowtemplate": "workflow-templates",
    "clusterworkflowtemplate": "cluster-workflow-templates",
    "cronworkflow": "cron-workflows",
}
STRATEGIES = {"Stop": "stop", "Terminate": "terminate"}
OVER = "cannot shutdown a completed workflow"
# It begins a log by the second only, counted from its own clock: so much may the clocks differ. What is read twice is
# dropped by its stamp.
SKEW_SECONDS = 300
# It sends what it has read of a log once a second, and ends a log that is followed with the workflow, not its container.
GRACE_SECONDS = 2.0
WORDS = Words(
    api="Argo Server",
    side="Argo Server",
    address="'argo-server'",
    trust="give its certificate authority in 'argo-ca'",
    health="see whether the Argo Server and the API server behind it are well",
    credentials="give a fresh 'argo-token'",
)
# A stream that follows is opened anew after so much silence: no header comes before a line does, and until then it cannot
# be ended either.
SILENCE_SECONDS = 60.0
WATCHED = ("name", "uid", "resourceVersion", "labels")


@dataclass(frozen=True)
class ServerLogin:
    """Where the server is, as whom one speaks (an Authorization header, or the token alone), its authority (PEM)."""

    address: str
    token: str = field(repr=False)
    authority: str

    @property
    def authorization(self) -> str:
        """The header's value; empty where there is no token."""
        return self.token if " " in self.token or not self.token else f"Bearer {self.token}"


def connect(way: ServerLogin, environ: Mapping[str, str], runner: Runner, pause: Callable[[float], None]) -> ArgoServer:
    """Return the cluster behind the server; raises BadInput."""
    runner.mask(way.token.partition(" ")[2])
    try:
        connections = pool(way.address, Trust(way.authority), environ)
    except (OSError, ValueError) as error:
        raise BadInput(f"input 'argo-ca' cannot be used: {reason_of(error)}", "give its certificate in PEM") from None
    return ArgoServer(Transport(way.address, connections, Credentials(lambda: way.authorization), pause, WORDS))


class ArgoServer:
    """Implements `argo_submit.ports.Cluster`."""

    def __init__(self, transport: Transport) -> None:
        self._calls = ClusterRequests(transport)
        self._pods = RecordedPods()
        self._lock = threading.Lock()
        self._following: dict[str, list[ByteLines]] = {}  # by pod
        self._settled: set[tuple[str, str]] = set()  # containers whose log was opened after their end
        self._namespace: str | None = None

    @property
    def namespace(self) -> str:
        """The one that the server manages, where that is one alone."""
        if self._namespace is None:
            self._namespace = str(self._calls.send("GET", "/api/v1/info").get("managedNamespace") or "default")
        return self._namespace

    def create_workflow(self, namespace: str, workflow: Json, *, dry_run: bool = False) -> Json:
        """See the port."""
        named = bool(workflow["metadata"].get("name"))
        body = {"namespace": namespace, "workflow": workflow, "serverDryRun": dry_run}
        return self._calls.send("POST", _workflows(namespace), body=body, repeatable=named or dry_run)

    def get_workflow(self, namespace: str, name: str) -> Json:
        """See the port. What the record tells of pods reaches whoever watches them."""
        found = self._calls.send("GET", _workflows(namespace, name))
        ended = self._pods.update(found)
        with self._lock:
            followed = [pod for pod in ended if pod in self._following]
        for pod in followed:
            timer = threading.Timer(GRACE_SECONDS, self._end_logs, (pod,))
            timer.daemon = True
            timer.start()
        return found

    def get_template(self, kind: str, namespace: str, name: str) -> Json:
        """See the port."""
        scope = "" if kind == "clusterworkflowtemplate" else f"/{part(namespace)}"
        return self._calls.send("GET", f"/api/v1/{TEMPLATES[kind]}{scope}/{part(name)}")

    def shut_down(self, namespace: str, name: str, strategy: str, *, urgent: bool = False) -> None:
        """See the port."""
        path, body = f"{_workflows(namespace, name)}/{STRATEGIES[strategy]}", {"namespace": namespace, "name": name}
        try:
            # Once first: the server calls it an error of its own (500) when the workflow has ended meanwhile.
            self._calls.send("PUT", path, body=body, urgent=True)
        except Unavailable as error:
            if OVER in error.cause:
                return
            if urgent:
                raise
            self._calls.send("PUT", path, body=body)

    def watch_workflow(self, namespace: str, name: str, resource_version: str, seconds: int) -> FilteredWatch:
        """See the port."""
        # The server is told no version, so that it begins with the workflow as it is: it sends not even a header before
        # there is an event, and no version can then be too old.
        query = {
            "listOptions.fieldSelector": f"metadata.name={name}",
            "listOptions.timeoutSeconds": str(seconds),
            "fields": ",".join(["error", "result.type", *(f"result.object.metadata.{field}" for field in WATCHED)]),
        }
        try:
            lines = self._open(f"/api/v1/workflow-events/{part(namespace)}", query, seconds + SPARE_SECONDS)
        except NotFound as gone:  # deleted between two watches: whoever reads it now is told so
            raise Expired(gone.cause) from None
        return FilteredWatch(ParsedStream(_UntilBreak(lines), self._event), resource_version)

    def watch_pods(self, namespace: str, workflow: str, resource_version: str, seconds: int) -> RecordedPodsWatch:  # noqa: ARG002
        """See the port: here they are those that `get` tells of, so it ends when it is closed, not before."""
        return self._pods.watch()

    def get_pod(self, namespace: str, name: str) -> Json:  # noqa: ARG002
        """See the port: a container counts as ended when its log has been opened after its end, and so is whole."""
        pod = self._pods.get(name)
        for container in pod["status"]["containerStatuses"]:
            with self._lock:
                settled = (name, container["name"]) in self._settled
            if not settled:
                container["state"] = {"running": {}}
        return pod

    def stream_log(self, namespace: str, pod: str, container: str, since: str) -> ParsedStream[LogLine]:
        """See the port."""
        over = self._pods.has_ended(pod)
        query = {
            "podName": pod,
            "logOptions.container": container,
            "logOptions.follow": "false" if over else "true",
            "logOptions.timestamps": "true",
        }
        if since and (seconds := _seconds_since(since)) is not None:
            query["logOptions.sinceSeconds"] = str(seconds + SKEW_SECONDS)
        path = f"{_workflows(namespace, self._pods.workflow)}/log"
        lines = self._open(path, query, SILENCE_SECONDS)
        with self._lock:
            if over:
                self._settled.add((pod, container))
            else:
                self._following.setdefault(pod, []).append(lines)
        if not over and self._pods.has_ended(pod):  # while it was opened
            self._end_logs(pod)
        return ParsedStream(_UntilBreak(lines), self._log_line)

    def _end_logs(self, pod: str) -> None:
        with self._lock:
            ending = self._following.pop(pod, [])
        for lines in ending:
            lines.close()

    def _open(self, path: str, query: dict[str, str], seconds: float) -> ByteLines:
        return self._calls.stream(path, query, path, accept="application/json", seconds=seconds)

    def _event(self, line: bytes) -> WatchEvent:
        found = self._result(line)
        value = found.get("object")
        return WatchEvent(str(found.get("type")), value if isinstance(value, dict) else {})

    def _log_line(self, line: bytes) -> LogLine:
        return log_line(str(self._result(line).get("content") or "").encode())

    def _result(self, line: bytes) -> Json:
        try:
            found = json.loads(line)["result"]
        except (ValueError, KeyError, TypeError):
            found = None
        if not isinstance(found, dict):
            raise Unavailable(f"{self._calls.server} sent an event that is none", "check what stands between you and it")
        return found


class FilteredWatch:
    """A watch without its beginning, where that is what is known already: to hear it again is to hear nothing."""

    def __init__(self, events: ParsedStream[WatchEvent], known: str) -> None:
        self._events = events
        self._known = known

    def __iter__(self) -> Iterator[WatchEvent]:
        for event in self._events:
            if not self._known or event.resource_version != self._known:
                yield event

    def close(self) -> None:
        """End it from any thread."""
        self._events.close()


class _UntilBreak:
    """The lines of a stream, up to the one that says that it broke off: it is opened anew either way."""

    def __init__(self, lines: ByteLines) -> None:
        self._lines = lines

    def __iter__(self) -> Iterator[bytes]:
        for line in self._lines:
            if line.strip() == b"{}" or line.startswith(b'{"error":'):
                return
            if line.strip():
                yield line

    def close(self) -> None:
        """End it from any thread."""
        self._lines.close()


def _seconds_since(stamp: str) -> int | None:
    try:
        begun = datetime.fromisoformat(stamp[:19]).replace(tzinfo=UTC)  # nanoseconds are beyond it
    except ValueError:
        return None
    return max(int((datetime.now(UTC) - begun).total_seconds()), 0)


def _workflows(namespace: str, name: str = "") -> str:
    return f"/api/v1/workflows/{part(namespace)}" + (f"/{part(name)}" if name else "")
