"""The checks of the cluster: version, Argo, rights, secrets, a dry run of the manifest, nodes, pods that do not start."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from mlops_actions.core.errors import ActionError
from mlops_actions.doctor import manifest as manifests
from mlops_actions.doctor.checks import Checker, HealthCheck
from mlops_actions.doctor.manifest import ArgoManifest
from mlops_actions.doctor.ports import ApiAnswer, ClusterApi
from mlops_actions.doctor.scope import Scope
from mlops_actions.doctor.workflow import ActionStep

_CHECK = Checker("cluster")
_ARGO = "argoproj.io"
_ARGO_PATH = f"/apis/{_ARGO}/v1alpha1"
_REVIEWS = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
_ARGO_MAJORS = (3, 4)
_MIN_MINOR = 27  # of Kubernetes 1
_TEMPLATES = {
    "workflowtemplate": "workflowtemplates",
    "clusterworkflowtemplate": "clusterworkflowtemplates",
    "cronworkflow": "cronworkflows",
}
# What argo-submit does with a workflow and its pods; actions/argo-submit/README.md prints the same rules.
_RIGHTS = (
    *((verb, _ARGO, "workflows") for verb in ("create", "get", "watch", "patch")),
    *((verb, "", "pods") for verb in ("get", "list", "watch")),
    ("get", "", "pods/log"),
)
_NOT_STARTING = (
    "ErrImagePull",
    "ImagePullBackOff",
    "CreateContainerConfigError",
    "InvalidImageName",
    "CreateContainerError",
)


@dataclass(frozen=True)
class _Right:
    verb: str
    group: str
    resource: str
    namespace: str
    allowed: bool

    @property
    def name(self) -> str:
        return f"{self.verb} {self.resource}"


def check(scope: Scope, step: ActionStep, api: ClusterApi) -> Iterator[HealthCheck]:
    """Ask about one use of argo-submit."""
    answer = api.get("/version")
    if answer.status != 200:
        remedy = "kubectl config view --minify" if answer.status in (401, 403) else "kubectl version"
        yield _CHECK.fails("reachable", "GET /version", answer.message, remedy=remedy)
        return
    yield _CHECK.ok("reachable", "GET /version", f"Kubernetes {answer.body.get('gitVersion')}")
    yield from _kubernetes_version(answer.body)
    argo = api.get(_ARGO_PATH)
    if argo.status in (401, 403):
        yield _CHECK.fails(
            "credentials", f"GET {_ARGO_PATH}", argo.message, remedy="kubectl auth whoami  # then renew the kubeconfig"
        )
        return
    yield _CHECK.ok("credentials", f"GET {_ARGO_PATH}", "accepted")
    if argo.status != 200 or "workflows" not in {item.get("name") for item in argo.body.get("resources") or ()}:
        yield _CHECK.fails(
            "Argo Workflows",
            f"GET {_ARGO_PATH}",
            "the custom resource definitions of Argo Workflows are missing",
            remedy="kubectl create namespace argo && kubectl apply --server-side -n argo -f "
            "https://github.com/argoproj/argo-workflows/releases/latest/download/install.yaml",
        )
        return
    yield _CHECK.ok("Argo Workflows", f"GET {_ARGO_PATH}", "the custom resource definitions are installed")
    namespace = scope.value(step, "namespace") or api.namespace
    yield from _controller(api)
    may_create = yield from _rights(scope, step, namespace, api)
    texts = manifest_of(scope, step)
    for path, manifest in texts.items():
        if isinstance(manifest, ActionError):
            yield _CHECK.fails("manifest", f"read {path}", manifest.cause, remedy=manifest.remedy)
        else:
            yield from _manifest(scope, step, path, manifest, namespace, api, may_create=may_create)
    yield from _pods(namespace, api)


def manifest_of(scope: Scope, step: ActionStep) -> dict[str, ArgoManifest | ActionError]:
    """Return the manifest of a step by its path; a fault is its error. Empty where a template is submitted."""
    source = scope.value(step, "workflow")
    if not source:
        return {}
    texts = {"the input 'workflow'": source} if "\n" in source else scope.texts([source])
    result: dict[str, ArgoManifest | ActionError] = {}
    for path, text in texts.items():
        try:
            result[path] = text if isinstance(text, ActionError) else manifests.parse(text, path)
        except ActionError as error:
            result[path] = error
    return result


def _kubernetes_version(version: Mapping[str, Any]) -> Iterator[HealthCheck]:
    minor = re.match(r"[0-9]+", str(version.get("minor") or ""))
    if str(version.get("major")) == "1" and minor and int(minor[0]) < _MIN_MINOR:
        yield _CHECK.fails(
            "Kubernetes version",
            "GET /version",
            f"{version.get('gitVersion')} is older than 1.{_MIN_MINOR}",
            remedy="upgrade the cluster",
        )


def _controller(api: ClusterApi) -> Iterator[HealthCheck]:
    """Tell the version of Argo's controller, if the credentials may look for it."""
    name, path = "Argo controller", "/apis/apps/v1/deployments"
    if not _review(api, "list", "apps", "deployments", "").allowed:
        yield _CHECK.unknown(
            name,
            "may I list deployments.apps?",
            "these credentials may not list deployments, and should not need to",
            remedy="kubectl -n argo get deployment workflow-controller -o jsonpath='{..image}'",
        )
        return
    answer = api.get(f"{path}?labelSelector={quote('app=workflow-controller')}")
    items = answer.body.get("items") or [] if answer.status == 200 else []
    images = [str(container.get("image")) for item in items for container in item["spec"]["template"]["spec"]["containers"]]
    image = next((image for image in images if "workflow-controller" in image), "")
    version = re.search(r":v?([0-9]+)\.([0-9]+)", image)
    if version is None:
        yield _CHECK.unknown(name, f"GET {path}", "no deployment with the label app=workflow-controller names a version")
    elif int(version[1]) not in _ARGO_MAJORS:
        yield _CHECK.fails(name, f"GET {path}", f"{image} is not supported", remedy="upgrade Argo Workflows to 3.6 or newer")
    else:
        yield _CHECK.ok(name, f"GET {path}", image)


def _review(api: ClusterApi, verb: str, group: str, resource: str, namespace: str) -> _Right:
    plural, _, subresource = resource.partition("/")
    attributes = {"verb": verb, "group": group, "resource": plural, "namespace": namespace, "subresource": subresource}
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": {name: value for name, value in attributes.items() if value}},
    }
    answer = api.create(_REVIEWS, review)
    allowed = answer.status == 201 and bool((answer.body.get("status") or {}).get("allowed"))
    return _Right(verb, group, resource, namespace, allowed)


def _rights(scope: Scope, step: ActionStep, namespace: str, api: ClusterApi) -> Any:
    """Yield a check for each right; return whether workflows may be created."""
    wanted = [(verb, group, resource, namespace) for verb, group, resource in _RIGHTS]
    kind = scope.value(step, "from").partition("/")[0].lower()
    if kind in _TEMPLATES:
        wanted.append(("get", _ARGO, _TEMPLATES[kind], "" if kind == "clusterworkflowtemplate" else namespace))
    may_create = False
    for verb, group, resource, where in wanted:
        right = _review(api, verb, group, resource, where)
        may_create = may_create or (right.allowed and right.name == "create workflows")
        asked = f"may I {right.name}{f' in {where}' if where else ''}? (SelfSubjectAccessReview)"
        if right.allowed:
            yield _CHECK.ok(f"may {right.name}", asked, "allowed")
        else:
            yield _CHECK.fails(f"may {right.name}", asked, "not allowed", remedy=_grant(right))
    return may_create


def _grant(right: _Right) -> str:
    """Return the commands that give a right, for the cluster's administrator."""
    plural, slash, subresource = right.resource.partition("/")
    resource = f"{plural}.{right.group}" if right.group else plural
    name = f"mlops-{right.verb}-{plural}{'-' + subresource if slash else ''}"
    scope, kind = (f" -n {right.namespace}", "role") if right.namespace else ("", "clusterrole")
    binding = "rolebinding" if right.namespace else "clusterrolebinding"
    return (
        f"kubectl{scope} create {kind} {name} --verb={right.verb} --resource={resource}{slash}{subresource}\n"
        f"kubectl{scope} create {binding} {name} --{kind}={name} --user=USER  # the name that kubectl auth whoami prints"
    )


def _manifest(
    scope: Scope, step: ActionStep, path: str, manifest: ArgoManifest, namespace: str, api: ClusterApi, *, may_create: bool
) -> Iterator[HealthCheck]:
    namespace = scope.value(step, "namespace") or str(manifest.document.get("metadata", {}).get("namespace") or namespace)
    yield (
        _dry_run(path, manifest, namespace, api)
        if may_create
        else _CHECK.skipped("dry run", "these credentials may not create workflows")
    )
    account = scope.value(step, "service-account") or manifest.service_account
    if account:
        fix = f"kubectl -n {namespace} create serviceaccount {account}"
        yield _object(api, namespace, "serviceaccounts", account, "service account", fix)
    for name in manifest.secrets:
        fix = f"kubectl -n {namespace} create secret generic {name} --from-literal=KEY=VALUE"
        yield _object(api, namespace, "secrets", name, "secret", fix)
    for name in manifest.pull_secrets:
        fix = f"kubectl -n {namespace} create secret docker-registry {name} --docker-server=HOST --docker-username=USER"
        yield _object(api, namespace, "secrets", name, "image pull secret", fix)
    if manifest.wants_gpu:
        yield _gpu_nodes(api)


def _dry_run(path: str, manifest: ArgoManifest, namespace: str, api: ClusterApi) -> HealthCheck:
    metadata = {**(manifest.document.get("metadata") or {}), "namespace": namespace}
    url = f"{_ARGO_PATH}/namespaces/{quote(namespace)}/workflows?dryRun=All"
    answer = api.create(url, {**manifest.document, "metadata": metadata})
    if answer.status in (200, 201):
        return _CHECK.ok("dry run", f"POST {url}", f"the cluster accepts {path}")
    remedy = f"kubectl create --dry-run=server -n {namespace} -f {path}"
    if answer.status == 404:
        remedy = f"kubectl create namespace {namespace}"
    return _CHECK.fails("dry run", f"POST {url}", answer.message, remedy=remedy)


def _object(api: ClusterApi, namespace: str, resource: str, name: str, kind: str, fix: str) -> HealthCheck:
    title, look = f"{kind} {name}", f"kubectl -n {namespace} get {resource} {name}"
    if not _review(api, "get", "", resource, namespace).allowed:
        return _CHECK.unknown(
            title, f"may I get {resource} in {namespace}?", "not allowed, which is as it should be", remedy=look
        )
    path = f"/api/v1/namespaces/{quote(namespace)}/{resource}/{quote(name)}"
    answer: ApiAnswer = api.get(path)
    if answer.status == 200:
        return _CHECK.ok(title, f"GET {path}", "exists")
    if answer.status == 404:
        return _CHECK.fails(title, f"GET {path}", f"does not exist in {namespace}", remedy=fix)
    return _CHECK.unknown(title, f"GET {path}", answer.message, remedy=look)


def _gpu_nodes(api: ClusterApi) -> HealthCheck:
    if not _review(api, "list", "", "nodes", "").allowed:
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


def _pods(namespace: str, api: ClusterApi) -> Iterator[HealthCheck]:
    """Name the pods of workflows that do not start, and why."""
    path = f"/api/v1/namespaces/{quote(namespace)}/pods?labelSelector={quote('workflows.argoproj.io/workflow')}"
    answer = api.get(path)
    if answer.status != 200:
        return
    stuck = [(pod["metadata"]["name"], reason) for pod in answer.body.get("items") or () if (reason := _why(pod))]
    for name, reason in stuck[:5]:
        remedy = f"kubectl -n {namespace} describe pod {name}"
        yield _CHECK.fails("pods that wait", f"GET {path}", f"{name}: {reason}", remedy=remedy)
    if not stuck:
        yield _CHECK.ok("pods that wait", f"GET {path}", "none")


def _why(pod: Mapping[str, Any]) -> str:
    status = pod.get("status") or {}
    if status.get("phase") != "Pending":
        return ""
    for container in status.get("containerStatuses") or ():
        waiting = (container.get("state") or {}).get("waiting") or {}
        if waiting.get("reason") in _NOT_STARTING:
            return f"{waiting['reason']} {waiting.get('message') or ''}".strip()
    for condition in status.get("conditions") or ():
        if condition.get("type") == "PodScheduled" and condition.get("status") == "False":
            return str(condition.get("message") or condition.get("reason") or "not scheduled")
    return ""
