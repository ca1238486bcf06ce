"""Workflows, pods and logs by the Kubernetes API: implements `argo_submit.ports.Cluster`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any, Generic, TypeVar
from urllib.parse import quote

from mlops_actions.argo_submit import suspension
from mlops_actions.argo_submit.ports import MAX_CONFLICTS, MAX_LISTED, Conflict, NotFound, Stream, WatchEvent
from mlops_actions.argo_submit.status import WorkflowStatus
from mlops_actions.argo_submit.suspension import ResumeRequest
from mlops_actions.boundary.cluster.refusals import ClusterRequests
from mlops_actions.boundary.cluster.shapes import (
    DRY_RUN,
    POD,
    WATCHED,
    WORKFLOWS,
    Shape,
    check,
    check_workflow,
)
from mlops_actions.boundary.cluster.shapes import TEMPLATES as TEMPLATE_SHAPES
from mlops_actions.boundary.cluster.transport import ByteBlocks, ByteLines, ClusterTransport, Failure
from mlops_actions.core.argo import WORKFLOW_LABEL
from mlops_actions.core.errors import Refused
from mlops_actions.core.types import Json

T = TypeVar("T")

GROUP = "/apis/argoproj.io/v1alpha1"
TEMPLATES = {
    "workflowtemplate": "workflowtemplates",
    "clusterworkflowtemplate": "clusterworkflowtemplates",
    "cronworkflow": "cronworkflows",
}
METADATA = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json"
METADATA_LIST = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json"
MERGE_PATCH = "application/merge-patch+json"
LOG_SILENCE_SECONDS = 300.0  # then the log is opened again at its last line
PAGE_SIZE = 250
MAX_PAGES = 40  # a page may hold fewer than asked for, but pages without end are none
SPARE_SECONDS = 15.0  # how long a watch may take to end after its own timeout


class ParsedStream(Generic[T]):
    """A stream of parsed lines; see `ports.Stream`."""

    def __init__(self, lines: Stream[bytes], parse: Callable[[bytes], T]) -> None:
        self._lines = lines
        self._parse = parse

    def __iter__(self) -> Iterator[T]:
        for line in self._lines:
            yield self._parse(line)

    def close(self) -> None:
        """End the stream from any thread."""
        self._lines.close()


class KubernetesCluster:
    """Implements `argo_submit.ports.Cluster`."""

    def __init__(self, transport: ClusterTransport, namespace: str) -> None:
        self._requests = ClusterRequests(transport)
        self.namespace = namespace

    def create_workflow(self, namespace: str, workflow: Json, *, dry_run: bool = False, strict: bool = True) -> Json:
        """See the port. https://kubernetes.io/docs/reference/using-api/api-concepts/#field-validation."""
        query = {"fieldValidation": "Strict" if strict else "Warn", **({"dryRun": "All"} if dry_run else {})}
        named = bool(workflow["metadata"].get("name"))
        checked = partial(check, shape=DRY_RUN) if dry_run else check_workflow
        path = _workflows(namespace)
        return self._requests.send("POST", path, checked, query=query, body=workflow, repeatable=named or dry_run)

    def lint_workflow(self, namespace: str, workflow: Json) -> str:  # noqa: ARG002
        """See the port: this API knows no rules of Argo."""
        return "needs an Argo Server: input 'argo-server'"

    def get_workflow(self, namespace: str, name: str) -> Json:
        """See the port."""
        return self._requests.send("GET", _workflows(namespace, name), check_workflow)

    def list_workflows(self, namespace: str, selector: str) -> list[Json]:
        """See the port."""
        found: list[Json] = []
        query = {"labelSelector": selector, "limit": str(PAGE_SIZE)}
        for _ in range(MAX_PAGES):
            shaped = partial(check, shape=WORKFLOWS)
            page = self._requests.send("GET", _workflows(namespace), shaped, query=query, accept=METADATA_LIST)
            found += page.get("items") or []
            token = page["metadata"].get("continue")
            if not token or len(found) >= MAX_LISTED:
                return found[:MAX_LISTED]
            query["continue"] = token
        raise self._requests.odd(f"GET {_workflows(namespace)}", f"its list has more than {MAX_PAGES} pages")

    def get_archived(self, namespace: str, name: str, uid: str) -> Json:  # noqa: ARG002
        """See the port. Only the Argo Server reads the archive, which is a database."""
        raise NotFound(
            f"the workflow '{namespace}/{name}' is gone from the cluster", "give 'argo-server', which has the archive"
        )

    def get_template(self, kind: str, namespace: str, name: str) -> Json:
        """See the port."""
        scope = "" if kind == "clusterworkflowtemplate" else f"/namespaces/{path_segment(namespace)}"
        path = f"{GROUP}{scope}/{TEMPLATES[kind]}/{path_segment(name)}"
        return self._requests.send("GET", path, partial(check, shape=TEMPLATE_SHAPES[kind]))

    def shut_down(self, namespace: str, name: str, strategy: str, *, urgent: bool = False) -> None:
        """See the port."""
        patch = {"spec": {"shutdown": strategy}}
        path = _workflows(namespace, name)
        self._requests.send("PATCH", path, check_workflow, body=patch, content_type=MERGE_PATCH, urgent=urgent)

    def resume(self, namespace: str, name: str, request: ResumeRequest) -> Json:
        """See the port. The patch names the version that it was made from, so that it never undoes another change."""
        for attempt in range(MAX_CONFLICTS):
            workflow = self.get_workflow(namespace, name)
            patch = suspension.resumption(workflow, request, datetime.now(UTC))
            if not patch:
                return workflow
            try:
                path = _workflows(namespace, name)
                return self._requests.send("PATCH", path, check_workflow, body=patch, content_type=MERGE_PATCH)
            except Conflict:
                if attempt == MAX_CONFLICTS - 1:
                    raise
        raise AssertionError

    def retry(self, namespace: str, name: str, uid: str, parameters: Mapping[str, str], restart: str) -> None:  # noqa: ARG002
        """See the port. Only the Argo Server knows how to reset the record of the nodes."""
        return

    def watch_workflow(self, namespace: str, name: str, resource_version: str, seconds: int) -> ParsedStream[WatchEvent]:
        """See the port."""
        query = {"fieldSelector": f"metadata.name={name}", "resourceVersion": resource_version}
        return self._watch(_workflows(namespace), query, METADATA, seconds, WATCHED)

    def watch_pods(self, namespace: str, workflow: str, resource_version: str, seconds: int) -> ParsedStream[WatchEvent]:
        """See the port."""
        query = {"labelSelector": f"{WORKFLOW_LABEL}={workflow}"}
        if resource_version:
            query["resourceVersion"] = resource_version
        return self._watch(_pods(namespace), query, "application/json", seconds, POD)

    def get_pod(self, namespace: str, name: str) -> Json:
        """See the port."""
        return self._requests.send("GET", _pods(namespace, name), partial(check, shape=POD))

    def read_artifact(self, workflow: WorkflowStatus, node_id: str, name: str) -> Stream[bytes]:  # noqa: ARG002
        """See the port. Only the Argo Server reads the storage."""
        raise Refused(
            "artifacts come into the workspace only through the Argo Server, and this step uses Kubernetes' API",
            "give 'argo-server', or read the bucket and key that the summary names",
        )

    def stream_log(self, namespace: str, pod: str, container: str, since: str, *, previous: bool = False) -> ByteBlocks:
        """See the port."""
        query = {"container": container, "follow": "true", "timestamps": "true"}
        if since:
            query["sinceTime"] = since
        if previous:
            query["previous"] = "true"
        return self._log(namespace, pod, query)

    def sends_timestamps(self, namespace: str, pod: str, container: str, first: bytes) -> bool:
        """See the port. Without `timestamps` a machine that puts none before the lines sends the same."""
        query = {"container": container, "limitBytes": str(len(first))}
        blocks = self._log(namespace, pod, query)
        return b"".join(blocks)[: len(first)] != first

    def _log(self, namespace: str, pod: str, query: dict[str, str]) -> ByteBlocks:
        path = f"{_pods(namespace, pod)}/log"
        return self._requests.stream(path, query, "log", accept="*/*", seconds=LOG_SILENCE_SECONDS)

    def _watch(self, path: str, query: dict[str, str], accept: str, seconds: int, shape: Shape) -> ParsedStream[WatchEvent]:
        query = {**query, "watch": "true", "timeoutSeconds": str(seconds), "allowWatchBookmarks": "true"}
        blocks = self._requests.stream(path, query, f"watch {path}", accept=accept, seconds=seconds + SPARE_SECONDS)

        def event(line: bytes) -> WatchEvent:
            read = self._requests.parse(line, path, partial(_event, shape=shape))
            if isinstance(read, Failure):
                raise self._requests.error_of_watch(read, f"GET {path}")
            return read

        return ParsedStream(ByteLines(blocks), event)


def _event(raw: Any, shape: Shape) -> WatchEvent | Failure:
    """Read an event of a watch, or the failure that it reports; raises OddAnswer."""
    event = check(raw, {"type!": str, "object!": {}})
    kind, value = event["type"], event["object"]
    if kind == "ERROR":
        check(value, {"code": int, "reason": str, "message": str})
        return Failure(value.get("code") or 500, value.get("reason") or "", value.get("message") or "")
    return WatchEvent(kind, check(value, WATCHED if kind == "BOOKMARK" else shape))


def _workflows(namespace: str, name: str = "") -> str:
    return f"{GROUP}/namespaces/{path_segment(namespace)}/workflows" + (f"/{path_segment(name)}" if name else "")


def _pods(namespace: str, name: str = "") -> str:
    return f"/api/v1/namespaces/{path_segment(namespace)}/pods" + (f"/{path_segment(name)}" if name else "")


def path_segment(text: str) -> str:
    """Return a name as one segment of a URL's path."""
    return quote(text, safe="")
