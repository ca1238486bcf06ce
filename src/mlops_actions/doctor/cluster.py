"""The checks of a Kubernetes API: version, Argo, rights, and what the manifest or the template needs."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import quote

from mlops_actions.core.errors import ActionError
from mlops_actions.doctor import argo_controller, cluster_objects, cluster_rights
from mlops_actions.doctor import manifest as manifests
from mlops_actions.doctor.checks import Checker, HealthCheck, Status
from mlops_actions.doctor.cluster_rights import ARGO_GROUP, TEMPLATES
from mlops_actions.doctor.manifest import ArgoManifest
from mlops_actions.doctor.ports import ClusterApi
from mlops_actions.doctor.scope import Scope
from mlops_actions.doctor.workflow import ActionStep

_CHECK = Checker("cluster")
_ARGO_PATH = f"/apis/{ARGO_GROUP}/v1alpha1"
_MIN_MINOR = 27  # of Kubernetes 1


def check(scope: Scope, step: ActionStep, api: ClusterApi) -> Iterator[HealthCheck]:
    """Ask about one use of argo-submit."""
    renew = _renewal(scope, step)
    answer = api.get("/version")
    if answer.status in (401, 403):  # the API server looks at credentials first, whatever is asked
        yield _CHECK.ok("reachable", "GET /version", "the API server answers")
        yield _CHECK.fails("credentials", "GET /version", answer.message, remedy=renew)
        return
    if answer.status != 200:
        yield _CHECK.fails("reachable", "GET /version", answer.message, remedy="kubectl version")
        return
    yield _CHECK.ok("reachable", "GET /version", f"Kubernetes {answer.body.get('gitVersion')}")
    yield from _kubernetes_version(answer.body)
    argo = api.get(_ARGO_PATH)
    if argo.status in (401, 403):
        yield _CHECK.fails("credentials", f"GET {_ARGO_PATH}", argo.message, remedy=renew)
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
    yield from argo_controller.check(api, namespace)
    source = scope.value(step, "from")
    kind, _, name = source.partition("/")
    rights = list(cluster_rights.check(api, cluster_rights.needed(namespace, kind.lower())))
    yield from rights
    allowed = {right.name for right in rights if right.status is Status.OK}
    if name and kind.lower() in TEMPLATES and f"may get {TEMPLATES[kind.lower()]}" in allowed:
        yield cluster_objects.template(api, _template_path(kind.lower(), name, namespace), source, namespace)
    for path, manifest in manifest_of(scope, step).items():
        if isinstance(manifest, ActionError):
            yield _CHECK.fails("manifest", f"read {path}", manifest.cause, remedy=manifest.remedy)
        else:
            namespace = namespace_of(scope, step, manifest, namespace)
            yield (
                _dry_run(path, manifest, namespace, api)
                if "may create workflows" in allowed
                else _CHECK.skipped("dry run", "these credentials may not create workflows")
            )
            yield from cluster_objects.check(manifest, namespace, account_of(scope, step, manifest), api)
    yield from cluster_objects.pods(namespace, api)


def kubeconfig_renewal(scope: Scope) -> str:
    """Return how a job gets another kubeconfig: it has that of the first step; empty for a person, who has files."""
    steps = scope.workflow.steps("argo-submit")
    return scope.renewal(steps[0], "kubeconfig", "") if steps else ""


def _renewal(scope: Scope, step: ActionStep) -> str:
    if scope.value(step, "gke-cluster"):
        return scope.renewal(step, "google-credentials", "gcloud auth application-default login")
    return scope.renewal(step, "kubeconfig", "kubectl auth whoami  # then renew the kubeconfig")


def manifest_of(scope: Scope, step: ActionStep) -> dict[str, ArgoManifest | ActionError]:
    """Return the manifest of a step by its path; a fault is its error. Empty where a template is submitted."""
    source = scope.value(step, "workflow")
    if not source:
        return {}
    texts = {manifests.INLINE: source} if "\n" in source else scope.texts([source])
    result: dict[str, ArgoManifest | ActionError] = {}
    for path, text in texts.items():
        try:
            if isinstance(text, ActionError):
                raise text
            workflow, left_out = scope.workflow_of(step, text, path)
            result[path] = replace(manifests.needs_of(workflow), left_out=left_out)
        except ActionError as error:
            result[path] = error
    return result


def namespace_of(scope: Scope, step: ActionStep, manifest: ArgoManifest, default: str) -> str:
    """Return the namespace of a manifest's workflow: the input's, the manifest's own, else the default."""
    metadata = manifest.document.get("metadata") or {}
    return scope.value(step, "namespace") or str(metadata.get("namespace") or default)


def account_of(scope: Scope, step: ActionStep, manifest: ArgoManifest) -> str:
    """Return the service account of a manifest's pods: the input's, else the manifest's own; empty for the default one."""
    return scope.value(step, "service-account") or manifest.service_account


def _kubernetes_version(version: Mapping[str, Any]) -> Iterator[HealthCheck]:
    minor = re.match(r"[0-9]+", str(version.get("minor") or ""))
    if str(version.get("major")) == "1" and minor and int(minor[0]) < _MIN_MINOR:
        yield _CHECK.fails(
            "Kubernetes version",
            "GET /version",
            f"{version.get('gitVersion')} is older than 1.{_MIN_MINOR}",
            remedy="upgrade the cluster",
        )


def _template_path(kind: str, name: str, namespace: str) -> str:
    where = "" if kind == "clusterworkflowtemplate" else f"/namespaces/{quote(namespace)}"
    return f"{_ARGO_PATH}{where}/{TEMPLATES[kind]}/{quote(name)}"


def _dry_run(path: str, manifest: ArgoManifest, namespace: str, api: ClusterApi) -> HealthCheck:
    metadata = {**(manifest.document.get("metadata") or {}), "namespace": namespace}
    url = f"{_ARGO_PATH}/namespaces/{quote(namespace)}/workflows?dryRun=All"
    answer = api.create(url, {**manifest.document, "metadata": metadata})
    return cluster_objects.dry_run(answer, f"POST {url}", path, namespace)
