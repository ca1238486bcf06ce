"""Who may do what on the real cluster. The submitter has what argo-submit's README asks for, and nothing else."""

from __future__ import annotations

import csv
import re
import secrets
from collections.abc import Mapping
from pathlib import Path

import yaml

from mlops_actions.core.types import Json
from tests.e2e.cluster.connection import Connection

README = Path(__file__).parents[3] / "actions" / "argo-submit" / "README.md"
ADMIN, SUBMITTER, READER, WORKFLOW = "admin", "submitter", "reader", "workflow"
RBAC = "rbac.authorization.k8s.io"
ARGO = "argoproj.io"


def documented() -> list[Json]:
    """The roles that the README prints."""
    found = [
        document
        for block in re.findall(r"^```yaml\n(.*?)^```", README.read_text(), flags=re.DOTALL | re.MULTILINE)
        for document in yaml.safe_load_all(block)
        if isinstance(document, dict) and document.get("kind") in ("Role", "ClusterRole")
    ]
    assert found, "the README prints no Role"
    return found


def lacking() -> Mapping[str, tuple[str, str, list[Json]]]:
    """For each right that the README's roles hold: a user, the resource, the verb, and the roles without that right."""
    roles = documented()
    rights = [
        (resource, verb)
        for role in roles
        for rule in role["rules"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    ]
    return {without(*right): (*right, [_reduced(role, *right) for role in roles]) for right in rights}


def without(resource: str, verb: str) -> str:
    """The user who has all rights but this one."""
    return f"without-{verb}-{resource.replace('/', '-')}"


def _reduced(role: Json, resource: str, verb: str) -> Json:
    rules = [
        {**rule, "resources": [one], "verbs": [each for each in rule["verbs"] if (one, each) != (resource, verb)]}
        for rule in role["rules"]
        for one in rule["resources"]
    ]
    name = f"{role['metadata']['name']}-{without(resource, verb)}"
    return {**role, "metadata": {"name": name}, "rules": [rule for rule in rules if rule["verbs"]]}


def write_tokens(path: Path) -> Mapping[str, str]:
    """Write the API server's file of tokens; returns them by user."""
    tokens = {user: secrets.token_urlsafe(24) for user in (ADMIN, SUBMITTER, READER, WORKFLOW, *lacking())}
    path.touch(mode=0o600)
    with path.open("w", newline="") as file:
        for user, token in tokens.items():
            csv.writer(file).writerow([token, user, user, *(["system:masters"] if user == ADMIN else [])])
    return tokens


def grant_all(connection: Connection, namespace: str) -> None:
    """Give each user its rights in the namespace."""
    for role in documented():
        grant(connection, namespace, SUBMITTER, role)
    for user, (_, _, roles) in lacking().items():
        for role in roles:
            grant(connection, namespace, user, role)
    grant(connection, namespace, READER, _role(READER, ["workflows"], ["get", "list"]))
    grant(connection, namespace, WORKFLOW, _role(WORKFLOW, ["workflowtaskresults"], ["create", "patch"]))


def service_account(connection: Connection, namespace: str, name: str) -> str:
    """Create a service account with the submitter's rights, and return a token of its own."""
    place = f"/api/v1/namespaces/{namespace}/serviceaccounts"
    connection.apply(place, {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name}})
    for role in documented():
        grant(connection, namespace, f"system:serviceaccount:{namespace}:{name}", role)
    request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"expirationSeconds": 3600}}
    return str(connection.call("POST", f"{place}/{name}/token", request)["status"]["token"])


def grant(connection: Connection, namespace: str, user: str, role: Json) -> None:
    """Create a Role in the namespace, or a ClusterRole, and bind the user to it."""
    place = f"/apis/{RBAC}/v1" if role["kind"] == "ClusterRole" else f"/apis/{RBAC}/v1/namespaces/{namespace}"
    name = role["metadata"]["name"]
    connection.apply(f"{place}/{role['kind'].lower()}s", {**role, "metadata": {"name": name}})
    connection.apply(
        f"{place}/{role['kind'].lower()}bindings",
        {
            "apiVersion": f"{RBAC}/v1",
            "kind": f"{role['kind']}Binding",
            "metadata": {"name": re.sub(r"[^a-z0-9.-]", "-", f"{name}-{user}")},
            "subjects": [{"kind": "User", "name": user, "apiGroup": RBAC}],
            "roleRef": {"kind": role["kind"], "name": name, "apiGroup": RBAC},
        },
    )


def _role(name: str, resources: list[str], verbs: list[str]) -> Json:
    rules = [{"apiGroups": [ARGO], "resources": resources, "verbs": verbs}]
    return {"apiVersion": f"{RBAC}/v1", "kind": "Role", "metadata": {"name": name}, "rules": rules}
