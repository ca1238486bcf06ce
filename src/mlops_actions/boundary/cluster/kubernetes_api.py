"""Workflows, their pods and logs on a Kubernetes API: `argo_submit.ports.Cluster`, with refusals put into words."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Generic, TypeVar
from urllib.parse import quote

from mlops_actions.argo_submit.ports import LogLine, Stream, WatchEvent
from mlops_actions.boundary.cluster.refusals import ClusterRequests
from mlops_actions.boundary.cluster.transport import Failure, Transport
from mlops_actions.core.argo import WORKFLOW_LABEL
from mlops_actions.core.errors import Unavailable
from mlops_actions.core.types import Json

T = TypeVar("T")

GROUP = "/apis/argoproj.io/v1alpha1"
TEMPLATES = {
    "workflowtemplate": "workflowtemplates",
    "clusterworkflowtemplate": "clusterworkflowtemplates",
    "cronworkflow": "cronworkflows",
}
METADATA = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json"
MERGE_PATCH = "application/merge-patch+json"
LOG_SILENCE_SECONDS = 300.0  # then the log is followed anew from where it stood
SPARE_SECONDS = 15.0  # that a watch may take to end by itself


class ParsedStream(Generic[T]):
    """A stream of parsed lines; see `ports.Stream`."""

    def __init__(self, lines: Stream[bytes], parse: Callable[[bytes], T]) -> None:
        self._lines = lines
        self._parse = parse

    def __iter__(self) -> Iterator[T]:
        for line in self._lines:
            yield self._parse(line)

    def close(self) -> None:
        """End it from any thread."""
        self._lines.close()


class KubernetesCluster:
    """Implements `argo_submit.ports.Cluster`."""

    def __init__(self, transport: Transport, namespace: str) -> None:
        self._calls = ClusterRequests(transport)
        self.namespace = namespace

    def create_workflow(self, namespace: str, workflow: Json, *, dry_run: bool = False) -> Json:
        """See the port."""
        query = {"dryRun": "All"} if dry_run else None
        named = bool(workflow["metadata"].get("name"))
        path = f"{_workflows(namespace)}"
        return self._calls.send("POST", path, query=query, body=workflow, repeatable=named or dry_run)

    def get_workflow(self, namespace: str, name: str) -> Json:
        """See the port."""
        return self._calls.send("GET", _workflows(namespace, name))

    def get_template(self, kind: str, namespace: str, name: str) -> Json:
        """See the port."""
        scope = "" if kind == "clusterworkflowtemplate" else f"/namespaces/{part(namespace)}"
        return self._calls.send("GET", f"{GROUP}{scope}/{TEMPLATES[kind]}/{part(name)}")

    def shut_down(self, namespace: str, name: str, strategy: str, *, urgent: bool = False) -> None:
        """See the port."""
        patch = {"spec": {"shutdown": strategy}}
        self._calls.send("PATCH", _workflows(namespace, name), body=patch, content_type=MERGE_PATCH, urgent=urgent)

    def watch_workflow(self, namespace: str, name: str, resource_version: str, seconds: int) -> ParsedStream[WatchEvent]:
        """See the port."""
        query = {"fieldSelector": f"metadata.name={name}", "resourceVersion": resource_version}
        return self._watch(_workflows(namespace), query, METADATA, seconds)

    def watch_pods(self, namespace: str, workflow: str, resource_version: str, seconds: int) -> ParsedStream[WatchEvent]:
        """See the port."""
        query = {"labelSelector": f"{WORKFLOW_LABEL}={workflow}"}
        if resource_version:
            query["resourceVersion"] = resource_version
        return self._watch(_pods(namespace), query, "application/json", seconds)

    def get_pod(self, namespace: str, name: str) -> Json:
        """See the port."""
        return self._calls.send("GET", _pods(namespace, name))

    def stream_log(self, namespace: str, pod: str, container: str, since: str) -> ParsedStream[LogLine]:
        """See the port."""
        query = {"container": container, "follow": "true", "timestamps": "true"}
        if since:
            query["sinceTime"] = since
        path = f"{_pods(namespace, pod)}/log"
        lines = self._calls.stream(path, query, "log", accept="*/*", seconds=LOG_SILENCE_SECONDS)
        return ParsedStream(lines, log_line)

    def _watch(self, path: str, query: dict[str, str], accept: str, seconds: int) -> ParsedStream[WatchEvent]:
        query = {**query, "watch": "true", "timeoutSeconds": str(seconds), "allowWatchBookmarks": "true"}
        lines = self._calls.stream(path, query, f"watch {path}", accept=accept, seconds=seconds + SPARE_SECONDS)
        return ParsedStream(lines, self._event)

    def _event(self, line: bytes) -> WatchEvent:
        try:
            raw = json.loads(line)
            kind, value = str(raw["type"]), dict(raw["object"])
        except (ValueError, KeyError, TypeError):
            raise Unavailable(
                f"{self._calls.server} sent a watch event that is none", "check what stands between you and it"
            ) from None
        if kind == "ERROR":
            code = int(value.get("code") or 500)
            raise self._calls.error_of_watch(Failure(code, str(value.get("reason")), str(value.get("message"))))
        return WatchEvent(kind, value)


def log_line(line: bytes) -> LogLine:
    """Read a line that begins with its stamp."""
    stamp, _, text = line.decode(errors="replace").rstrip("\r").partition(" ")
    return LogLine(stamp, text)


def _workflows(namespace: str, name: str = "") -> str:
    return f"{GROUP}/namespaces/{part(namespace)}/workflows" + (f"/{part(name)}" if name else "")


def _pods(namespace: str, name: str = "") -> str:
    return f"/api/v1/namespaces/{part(namespace)}/pods" + (f"/{part(name)}" if name else "")


def part(text: str) -> str:
    """Return a name as a part of a path."""
    return quote(text, safe="")
