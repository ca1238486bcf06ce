"""Map a request's method and path to a resource and a verb, and serve the discovery documents."""

from __future__ import annotations

from dataclasses import dataclass

from mlops_actions.core.types import Json
from mlops_sandbox.cluster import resources, status
from mlops_sandbox.cluster.resources import ALL_VERBS, Resource

GROUP = "argoproj.io"
GROUP_VERSION = "argoproj.io/v1alpha1"
VERSION_DOCUMENT: Json = {
    "major": "1",
    "minor": "35",
    "gitVersion": "v1.35.4+sandbox",
    "gitCommit": "",
    "gitTreeState": "clean",
    "buildDate": "1970-01-01T00:00:00Z",
    "goVersion": "",
    "compiler": "",
    "platform": "",
}

_MUTATING = {"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}


@dataclass(frozen=True)
class Target:
    """The object or collection that a path addresses; a part that the path does not have is empty."""

    resource: Resource
    namespace: str
    name: str = ""
    subresource: str = ""


def parse(path: str) -> Target:
    """Return the target of `/api/v1/…` or `/apis/GROUP/VERSION/…`; raises ApiError 404."""
    parts = path.strip("/").split("/")
    if parts[0] == "api" and len(parts) > 1:
        group, version, rest = "", parts[1], parts[2:]
    elif parts[0] == "apis" and len(parts) > 2:
        group, version, rest = parts[1], parts[2], parts[3:]
    else:
        raise status.no_such_path()
    namespace = ""
    if len(rest) > 2 and rest[0] == "namespaces":
        namespace, rest = rest[1], rest[2:]
    if not rest or len(rest) > 3 or not all(rest):
        raise status.no_such_path()
    resource = resources.find(group, version, rest[0])
    if resource is None or (namespace and not resource.namespaced):
        raise status.no_such_path()
    target = Target(resource, namespace, *rest[1:])
    if target.name and resource.namespaced and not namespace:
        raise status.no_such_path()
    if target.subresource and (resource is not resources.PODS or target.subresource != "log"):
        raise status.no_such_path()
    return target


def verb_of(method: str, target: Target, *, watch: bool) -> str:
    """Return the request's verb in RBAC rules; raises ApiError 405."""
    if method == "GET":
        verb = "get" if target.name and not watch else "watch" if watch else "list"
    else:
        verb = _MUTATING.get(method, "")
    served = ("get",) if target.subresource else target.resource.verbs
    addressed = bool(target.name) is (verb in ("get", "update", "patch", "delete"))
    if verb not in served or not (addressed or verb == "watch"):
        raise status.method_not_allowed()
    return verb


def discovery(path: str) -> Json | None:
    """Return the discovery document at this path, None where there is none."""
    documents: dict[str, Json] = {
        "/api": {"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": []},
        "/api/v1": _resource_list("", "v1"),
        "/apis": {"kind": "APIGroupList", "apiVersion": "v1", "groups": [_group()]},
        f"/apis/{GROUP}": {"kind": "APIGroup", "apiVersion": "v1", **_group()},
        f"/apis/{GROUP_VERSION}": _resource_list(GROUP, GROUP_VERSION),
    }
    return documents.get(path.rstrip("/"))


def _group() -> Json:
    version = {"groupVersion": GROUP_VERSION, "version": GROUP_VERSION.partition("/")[2]}
    return {"name": GROUP, "versions": [version], "preferredVersion": version}


def _resource_list(group: str, group_version: str) -> Json:
    listed: list[Json] = [
        {
            "name": resource.plural,
            "singularName": resource.kind.lower(),
            "namespaced": resource.namespaced,
            "kind": resource.kind,
            "verbs": [verb for verb in ALL_VERBS if verb in resource.verbs],
            "shortNames": list(resource.short_names),
        }
        for resource in resources.in_group(group)
    ]
    if not group:
        listed.append({"name": "pods/log", "singularName": "", "namespaced": True, "kind": "Pod", "verbs": ["get"]})
    return {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": group_version, "resources": listed}
