"""The checks of an Argo Server, for clusters that open no other API. It answers no access reviews and shows no secrets."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import quote

from mlops_actions.core import shell
from mlops_actions.core.errors import ActionError
from mlops_actions.doctor import cluster_objects, cluster_rights
from mlops_actions.doctor.argo_controller import MAJORS, SUPPORTED, UPGRADE, version_of
from mlops_actions.doctor.checks import Checker, HealthCheck
from mlops_actions.doctor.cluster import account_of, manifest_of, namespace_of
from mlops_actions.doctor.cluster_rights import TEMPLATES, Right
from mlops_actions.doctor.manifest import ArgoManifest
from mlops_actions.doctor.ports import ClusterApi
from mlops_actions.doctor.scope import Scope
from mlops_actions.doctor.workflow import ActionStep

_CHECK = Checker("cluster")
_VERSION = "/api/v1/version"
_PATHS = {
    "workflowtemplate": "workflow-templates",
    "clusterworkflowtemplate": "cluster-workflow-templates",
    "cronworkflow": "cron-workflows",
}
_NO_REVIEWS = "the Argo Server answers no access reviews"
_NOBODY = "mlops-doctor-asks"  # the name of no workflow


def check(scope: Scope, step: ActionStep, api: ClusterApi) -> Iterator[HealthCheck]:
    """Ask about one use of argo-submit with `argo-server`."""
    answer = api.get(_VERSION)
    if answer.status in (401, 403):
        yield _CHECK.ok("reachable", f"GET {_VERSION}", "the Argo Server answers")
        yield _CHECK.fails(
            "credentials",
            f"GET {_VERSION}",
            answer.message,
            remedy=scope.renewal(step, "argo-token", "argo auth token  # then export ARGO_TOKEN"),
        )
        return
    if answer.status != 200:
        yield _CHECK.fails("reachable", f"GET {_VERSION}", answer.message, remedy="check the input 'argo-server'")
        return
    text = str(answer.body.get("version"))
    yield _CHECK.ok("reachable", f"GET {_VERSION}", f"Argo Server {text}")
    yield _CHECK.ok("credentials", f"GET {_VERSION}", "accepted")
    version = version_of(text)
    if version and version[0] not in MAJORS:
        yield _CHECK.fails("Argo Workflows", f"GET {_VERSION}", f"{text} is not supported: {SUPPORTED} are", remedy=UPGRADE)
    else:
        yield _CHECK.ok("Argo Workflows", f"GET {_VERSION}", text)
    namespace = scope.value(step, "namespace") or api.namespace
    source = scope.value(step, "from")
    kind, _, name = source.partition("/")
    given = [name for name in cluster_rights.RIGHTS_OF_INPUTS if scope.value(step, name)]
    rights = {right.name: right for right in cluster_rights.needed(namespace, kind.lower(), given)}
    yield _get(api, rights.pop("get workflows"))
    if name and kind.lower() in _PATHS:
        yield _template(api, source, rights.pop(f"get {TEMPLATES[kind.lower()]}"))
    for path, manifest in manifest_of(scope, step).items():
        if isinstance(manifest, ActionError):
            yield _CHECK.fails("manifest", f"read {path}", manifest.cause, remedy=manifest.remedy)
        else:
            namespace = namespace_of(scope, step, manifest, namespace)
            yield from _dry_run(api, path, manifest, namespace, rights.pop("create workflows"))
            yield from _hidden(manifest, namespace, account_of(scope, step, manifest))
    for right in rights.values():
        look = f"kubectl auth can-i {right.verb} {right.resource} -n {shell.word(right.namespace)} --as=USER"
        yield _CHECK.unknown(f"may {right.name}", right.asked, _NO_REVIEWS, remedy=look)


def _get(api: ClusterApi, right: Right) -> HealthCheck:
    """Ask for a workflow that does not exist: 404 proves the right, since Kubernetes looks at rights first."""
    path = f"/api/v1/workflows/{quote(right.namespace)}/{_NOBODY}"
    answer = api.get(path)
    if answer.status in (200, 404):
        return _CHECK.ok(f"may {right.name}", f"GET {path}", "allowed")
    if answer.status == 403:
        return _CHECK.fails(f"may {right.name}", f"GET {path}", answer.message, remedy=right.grant)
    return _CHECK.unknown(f"may {right.name}", f"GET {path}", answer.message)


def _template(api: ClusterApi, source: str, right: Right) -> HealthCheck:
    kind, _, name = source.partition("/")
    where = f"/{quote(right.namespace)}" if right.namespace else ""
    path = f"/api/v1/{_PATHS[kind.lower()]}{where}/{quote(name)}"
    answer = api.get(path)
    if answer.status == 403:
        return _CHECK.fails(f"may {right.name}", f"GET {path}", answer.message, remedy=right.grant)
    return cluster_objects.template(api, path, source, right.namespace)


def _dry_run(api: ClusterApi, path: str, manifest: ArgoManifest, namespace: str, right: Right) -> Iterator[HealthCheck]:
    metadata = {**(manifest.document.get("metadata") or {}), "namespace": namespace}
    url = f"/api/v1/workflows/{quote(namespace)}"
    body = {"namespace": namespace, "workflow": {**manifest.document, "metadata": metadata}, "serverDryRun": True}
    answer = api.create(url, body)
    asked = f"POST {url} with serverDryRun"
    if answer.status == 403:
        yield _CHECK.fails(f"may {right.name}", asked, answer.message, remedy=right.grant)
        return
    yield _CHECK.ok(f"may {right.name}", asked, "allowed")
    yield cluster_objects.dry_run(answer, asked, path, namespace)


def _hidden(manifest: ArgoManifest, namespace: str, account: str) -> Iterator[HealthCheck]:
    objects = [
        *([("service account", "serviceaccount", account)] if account else []),
        *(("secret", "secret", name) for name in manifest.secrets),
        *(("image pull secret", "secret", name) for name in manifest.pull_secrets),
    ]
    for title, resource, name in objects:
        look = f"kubectl -n {shell.word(namespace)} get {resource} {shell.operand(name)}"
        reason = "the Argo Server shows no secrets and no accounts"
        yield _CHECK.unknown(f"{title} {name}", f"does {resource} {name} exist in {namespace}?", reason, remedy=look)
