"""What a manifest needs of its cluster (accounts, secrets, templates, GPU nodes), and the pods that do not start."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

from mlops_actions.core import shell
from mlops_actions.core.argo import WORKFLOW_LABEL
from mlops_actions.doctor.checks import Checker, HealthCheck
from mlops_actions.doctor.cluster_rights import may
from mlops_actions.doctor.manifest import ArgoManifest, file_of
from mlops_actions.doctor.ports import ApiAnswer, ClusterApi

_CHECK = Checker("cluster")
_MAX_PODS = 5
_NOT_STARTING = frozenset(
    {
        "CreateContainerConfigError",
        "CreateContainerError",
        "ErrImageNeverPull",
        "ErrImagePull",
        "ImageInspectError",
        "ImagePullBackOff",
        "InvalidImageName",
        "RegistryUnavailable",
        "RunContainerError",
    }
)


def check(manifest: ArgoManifest, namespace: str, account: str, api: ClusterApi) -> Iterator[HealthCheck]:
    """Ask for the objects that a manifest names; `account` is the service account, empty for the namespace's default."""
    kubectl = f"kubectl -n {shell.word(namespace)}"
    if account:
        fix = f"{kubectl} create serviceaccount {shell.operand(account)}"
        yield _object(api, namespace, "serviceaccounts", account, "service account", fix)
    for name in manifest.secrets:
        fix = f"{kubectl} create secret generic {shell.operand(name)} --from-literal=KEY=VALUE"
        yield _object(api, namespace, "secrets", name, "secret", fix)
    for name in manifest.pull_secrets:
        fix = f"{kubectl} create secret docker-registry {shell.operand(name)} --docker-server=HOST --docker-username=USER"
        yield _object(api, namespace, "secrets", name, "image pull secret", fix)
    if manifest.wants_gpu:
        yield _gpu_nodes(api)


def template(api: ClusterApi, path: str, source: str, namespace: str) -> HealthCheck:
    """Tell whether the template of the input `from` exists; `path` is where the API serves it."""
    kind, _, name = source.partition("/")
    answer = api.get(path)
    if answer.status == 200:
        return _CHECK.ok(f"template {name}", f"GET {path}", "exists")
    if answer.status == 404:
        where = f"-n {shell.word(namespace)} " if kind.lower() != "clusterworkflowtemplate" else ""
        listing = f"kubectl {where}get {shell.operand(f'{kind.lower()}s.argoproj.io')}"
        return _CHECK.fails(f"template {name}", f"GET {path}", answer.message, remedy=listing)
    return _CHECK.unknown(f"template {name}", f"GET {path}", answer.message)


def dry_run(answer: ApiAnswer, asked: str, path: str, namespace: str) -> HealthCheck:
    """Judge the answer to a workflow that is sent for validation alone; `path` is the manifest's."""
    if answer.status in (200, 201):
        return _CHECK.ok("dry run", asked, f"the cluster accepts {path}")
    remedy = f"kubectl create --dry-run=server -n {shell.word(namespace)} -f {shell.word(file_of(path))}"
    if answer.status == 404:
        remedy = f"kubectl create namespace {shell.operand(namespace)}"
    return _CHECK.fails("dry run", asked, answer.message, remedy=remedy)


def _object(api: ClusterApi, namespace: str, resource: str, name: str, kind: str, fix: str) -> HealthCheck:
    title, look = f"{kind} {name}", f"kubectl -n {shell.word(namespace)} get {resource} {shell.operand(name)}"
    if not may(api, "get", "", resource, namespace):
        return _CHECK.unknown(
            title, f"may I get {resource} in {namespace}?", "not allowed, which is as it should be", remedy=look
        )
    path = f"/api/v1/namespaces/{quote(namespace)}/{resource}/{quote(name)}"
    answer = api.get(path)
    if answer.status == 200:
        return _CHECK.ok(title, f"GET {path}", "exists")
    if answer.status == 404:
        return _CHECK.fails(title, f"GET {path}", f"does not exist in {namespace}", remedy=fix)
    return _CHECK.unknown(title, f"GET {path}", answer.message, remedy=look)


def _gpu_nodes(api: ClusterApi) -> HealthCheck:
    if not may(api, "list", "", "nodes"):
        look = "kubectl get nodes -o custom-columns=NAME:.metadata.name,GPU:.status.allocatable.nvidia\\.com/gpu"
        return _CHECK.unknown("GPU nodes", "may I list nodes?", "not allowed", remedy=look)
    answer = api.get("/api/v1/nodes")
    nodes = answer.body.get("items") or [] if answer.status == 200 else []
    with_gpu = [
        node
        for node in nodes
        if any("gpu" in key and str(value) != "0" for key, value in (node["status"].get("allocatable") or {}).items())
    ]
    if with_gpu:
        return _CHECK.ok("GPU nodes", "GET /api/v1/nodes", f"{len(with_gpu)} nodes have GPUs")
    return _CHECK.unknown("GPU nodes", "GET /api/v1/nodes", "no node has a GPU now; an autoscaler may add one")


def pods(namespace: str, api: ClusterApi) -> Iterator[HealthCheck]:
    """Name the pods of workflows that do not start, and why."""
    path = f"/api/v1/namespaces/{quote(namespace)}/pods?labelSelector={quote(WORKFLOW_LABEL)}"
    answer = api.get(path)
    if answer.status != 200:
        return
    stuck = [(pod["metadata"]["name"], reason) for pod in answer.body.get("items") or () if (reason := _why(pod))]
    for name, reason in stuck[:_MAX_PODS]:
        remedy = f"kubectl -n {shell.word(namespace)} describe pod {shell.operand(name)}"
        yield _CHECK.fails("pods that wait", f"GET {path}", f"{name}: {reason}", remedy=remedy)
    if not stuck:
        yield _CHECK.ok("pods that wait", f"GET {path}", "none")


def _why(pod: Mapping[str, Any]) -> str:
    status = pod.get("status") or {}
    if status.get("phase") != "Pending":
        return ""
    for container in (*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())):
        waiting = (container.get("state") or {}).get("waiting") or {}
        if waiting.get("reason") in _NOT_STARTING:
            return f"{waiting['reason']} {waiting.get('message') or ''}".strip()
    for condition in status.get("conditions") or ():
        if condition.get("type") == "PodScheduled" and condition.get("status") == "False":
            return str(condition.get("message") or condition.get("reason") or "not scheduled")
    return ""
