"""Workflows, their pods and logs on a Kubernetes API: `argo_submit.ports.Cluster`, with refusals put into words."""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any, Final, Generic, TypeVar
from urllib.parse import quote

from mlops_actions.argo_submit.ports import AlreadyExists, Event, Expired, Line, NotFound
from mlops_actions.boundary.kubernetes import ByteLines, Failure, Transport
from mlops_actions.core.errors import ActionError, BadInput, Refused, Unavailable

Json = dict[str, Any]
T = TypeVar("T")

GROUP: Final = "/apis/argoproj.io/v1alpha1"
TEMPLATES: Final = {
    "workflowtemplate": "workflowtemplates",
    "clusterworkflowtemplate": "clusterworkflowtemplates",
    "cronworkflow": "cronworkflows",
}
WORKFLOW_LABEL: Final = "workflows.argoproj.io/workflow"
METADATA: Final = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json"
MERGE_PATCH: Final = "application/merge-patch+json"
LOG_SILENCE_SECONDS: Final = 300.0  # then the log is followed anew from where it stood
# An API server that has just started denies everything until it has read its roles (seen in kube-apiserver 1.35).
PASSING_DENIAL_SECONDS: Final = 30.0
_DENIAL: Final = re.compile(
    r'User "(?P<user>[^"]*)" cannot (?P<verb>\w+) resource "(?P<resource>[^"]+)" in API group "(?P<group>[^"]*)"'
    r'(?: in the namespace "(?P<namespace>[^"]+)")?'
)


class Reading(Generic[T]):
    """A stream of parsed lines; see `ports.Stream`."""

    def __init__(self, lines: ByteLines, parse: Callable[[bytes], T]) -> None:
        self._lines = lines
        self._parse = parse

    def __iter__(self) -> Iterator[T]:
        for line in self._lines:
            yield self._parse(line)

    def close(self) -> None:
        """End it from any thread."""
        self._lines.close()


class Granted:
    """What the server has allowed so far: when it denies that, it may be for a moment only."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._denied_since: dict[str, float | None] = {}  # of each right that was allowed before

    def allowed(self, right: str) -> None:
        """Remember it."""
        with self._lock:
            self._denied_since[right] = None

    def may_pass(self, right: str) -> bool:
        """Tell whether a denial now is one to wait out."""
        now = time.monotonic()
        with self._lock:
            if right not in self._denied_since:
                return False
            since = self._denied_since[right]
            if since is None:
                since = self._denied_since[right] = now
            return now - since < PASSING_DENIAL_SECONDS


class KubernetesCluster:
    """Implements `argo_submit.ports.Cluster`."""

    def __init__(self, transport: Transport, namespace: str) -> None:
        self._transport = transport
        self._granted = Granted()
        self.namespace = namespace

    def create(self, namespace: str, workflow: Json, *, dry_run: bool = False) -> Json:
        """See the port."""
        query = {"dryRun": "All"} if dry_run else None
        named = bool(workflow["metadata"].get("name"))
        path = f"{_workflows(namespace)}"
        return self._send("POST", path, query=query, body=workflow, repeatable=named or dry_run)

    def get(self, namespace: str, name: str) -> Json:
        """See the port."""
        return self._send("GET", _workflows(namespace, name))

    def template(self, kind: str, namespace: str, name: str) -> Json:
        """See the port."""
        scope = "" if kind == "clusterworkflowtemplate" else f"/namespaces/{_part(namespace)}"
        return self._send("GET", f"{GROUP}{scope}/{TEMPLATES[kind]}/{_part(name)}")

    def shut_down(self, namespace: str, name: str, strategy: str, *, urgent: bool = False) -> None:
        """See the port."""
        patch = {"spec": {"shutdown": strategy}}
        self._send("PATCH", _workflows(namespace, name), body=patch, content_type=MERGE_PATCH, urgent=urgent)

    def watch_workflow(self, namespace: str, name: str, version: str, seconds: int) -> Reading[Event]:
        """See the port."""
        query = {"fieldSelector": f"metadata.name={name}", "resourceVersion": version}
        return self._watch(_workflows(namespace), query, METADATA, seconds)

    def watch_pods(self, namespace: str, workflow: str, version: str, seconds: int) -> Reading[Event]:
        """See the port."""
        query = {"labelSelector": f"{WORKFLOW_LABEL}={workflow}"}
        if version:
            query["resourceVersion"] = version
        return self._watch(_pods(namespace), query, "application/json", seconds)

    def pod(self, namespace: str, name: str) -> Json:
        """See the port."""
        return self._send("GET", _pods(namespace, name))

    def log(self, namespace: str, pod: str, container: str, since: str) -> Reading[Line]:
        """See the port."""
        query = {"container": container, "follow": "true", "timestamps": "true"}
        if since:
            query["sinceTime"] = since
        path = f"{_pods(namespace, pod)}/log"
        try:
            lines = self._transport.stream(path, query, accept="*/*", seconds=LOG_SILENCE_SECONDS)
        except Failure as failure:
            raise self._refusal(failure, "log") from None
        self._granted.allowed("log")
        return Reading(lines, _log_line)

    def _watch(self, path: str, query: dict[str, str], accept: str, seconds: int) -> Reading[Event]:
        query = {**query, "watch": "true", "timeoutSeconds": str(seconds), "allowWatchBookmarks": "true"}
        try:
            lines = self._transport.stream(path, query, accept=accept, seconds=seconds + 15)
        except Failure as failure:
            if failure.code == 410:
                raise Expired(failure.message) from None
            raise self._refusal(failure, f"watch {path}") from None
        self._granted.allowed(f"watch {path}")
        return Reading(lines, self._event)

    def _event(self, line: bytes) -> Event:
        try:
            raw = json.loads(line)
            kind, value = str(raw["type"]), dict(raw["object"])
        except (ValueError, KeyError, TypeError):
            raise Unavailable(
                f"{self._transport.server} sent a watch event that is none", "check what stands between you and it"
            ) from None
        if kind == "ERROR":
            failure = Failure(int(value.get("code") or 500), str(value.get("reason")), str(value.get("message")))
            if failure.code == 410:
                raise Expired(failure.message)
            raise refusal(failure, self._transport.server)
        return Event(kind, value)

    def _send(self, method: str, path: str, **options: Any) -> Json:
        try:
            answer = self._transport.send(method, path, **options)
        except Failure as failure:
            raise self._refusal(failure, f"{method} {path}") from None
        self._granted.allowed(f"{method} {path}")
        return answer

    def _refusal(self, failure: Failure, right: str) -> ActionError:
        if failure.code == 403 and self._granted.may_pass(right):
            denied = _denied(failure)
            return Unavailable(f"{denied.cause}, which was allowed before", denied.remedy)
        return refusal(failure, self._transport.server)


def refusal(failure: Failure, server: str) -> ActionError:
    """Put a refusal of the API server into an error with its remedy."""
    if failure.code == 401:
        return Refused(
            f"the cluster at {server} does not accept the credentials (401)",
            "the token may have expired or been revoked: give a fresh kubeconfig",
        )
    if failure.code == 403:
        return _denied(failure)
    if failure.code == 404:
        return NotFound(f"the cluster does not have it (404): {failure.message}", _missing(failure.message))
    if failure.reason == "AlreadyExists":
        return AlreadyExists(failure.message, "choose another name")
    if failure.code in (400, 422):
        return BadInput(f"the cluster does not accept this ({failure.code}): {failure.message}", "correct what it names")
    if failure.code >= 500 or failure.code == 429:
        return Unavailable(f"{server} answered {failure.code}: {failure.message}", "see whether the API server is well")
    return Refused(f"the cluster refuses this ({failure.code}): {failure.message}", "see what its message says")


def _denied(failure: Failure) -> Refused:
    match = _DENIAL.search(failure.message)
    if match is None:
        return Refused(f"the cluster does not allow this (403): {failure.message}", "ask an administrator for the right")
    where = f" in the namespace '{match['namespace']}'" if match["namespace"] else ""
    kind = "Role" if match["namespace"] else "ClusterRole"
    rule = f'{{apiGroups: ["{match["group"]}"], resources: ["{match["resource"]}"], verbs: ["{match["verb"]}"]}}'
    return Refused(
        f"the user '{match['user']}' may not {match['verb']} {match['resource']}{where} (403)",
        f"add to the rules of a {kind} that is bound to this user: - {rule}",
    )


def _missing(message: str) -> str:
    if "requested resource" in message:
        return "Argo Workflows is not installed in this cluster: its resource definitions are missing"
    return "check the name and the namespace"


def _log_line(line: bytes) -> Line:
    stamp, _, text = line.decode(errors="replace").rstrip("\r").partition(" ")
    return Line(stamp, text)


def _workflows(namespace: str, name: str = "") -> str:
    return f"{GROUP}/namespaces/{_part(namespace)}/workflows" + (f"/{_part(name)}" if name else "")


def _pods(namespace: str, name: str = "") -> str:
    return f"/api/v1/namespaces/{_part(namespace)}/pods" + (f"/{_part(name)}" if name else "")


def _part(text: str) -> str:
    return quote(text, safe="")
