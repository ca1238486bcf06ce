"""The permissions of the stand-in's operations are those that GitHub publishes, in a form that its header sends."""

from __future__ import annotations

import json
import os
import re
from collections import Counter, defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from mlops_sandbox.github.permissions import JOB_PERMISSIONS, NO_INSTALLATION, OBSERVED, PERMISSIONLESS, PUBLISHED
from mlops_sandbox.github.rest.access import is_granted
from mlops_sandbox.github.rest.call import Route, operation_key
from mlops_sandbox.github.rest.routes import ROUTES
from tests.standins.github.conftest import Client
from tests.support.payloads import Sample

# GitHub's data: the file that `mlops_sandbox/github/permissions.py` names.
SOURCE = "server-to-server-permissions.json"
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "mlops-actions" / "github-docs" / SOURCE
PERMISSION = re.compile(r"[a-z_]+=(read|write)")


def _source() -> Path:
    return Path(os.environ.get("GITHUB_PERMISSIONS_DATA") or CACHE)


def _alternatives(permissions: str) -> set[frozenset[str]]:
    return {frozenset(alternative.split(",")) for alternative in permissions.split("; ")}


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.method} {route.path}")
def test_every_operation_has_published_permissions(route: Route) -> None:
    assert route.operation in {operation_key(operation) for operation in PUBLISHED}


@pytest.mark.parametrize("operation", [*PUBLISHED, *OBSERVED])
def test_the_table_has_the_form_of_githubs_header(operation: str) -> None:
    published = PUBLISHED[operation]
    for permissions in (published, OBSERVED[operation].permissions if operation in OBSERVED else published):
        if permissions not in (PERMISSIONLESS, NO_INSTALLATION):
            assert all(PERMISSION.fullmatch(one) for alternative in _alternatives(permissions) for one in alternative)


def test_an_observation_has_a_source_and_differs_from_what_is_published() -> None:
    for operation, observation in OBSERVED.items():
        assert observation.source
        assert observation.permissions != PUBLISHED[operation]


def _differences(table: Mapping[str, str], data: Mapping[str, Any]) -> dict[str, tuple[list[str], list[str]]]:
    """Return the permissions of an operation in the table and in GitHub's data, sorted, where they differ.

    The data has an entry for each permission of each alternative, so a permission of two alternatives is there twice.
    It does not tell which permissions belong to one alternative.
    """
    published: dict[str, Counter[str]] = defaultdict(Counter)
    for permission, group in data.items():
        for item in group["permissions"]:
            if item["server-to-server"]:
                operation = operation_key(f"{item['verb'].upper()} {item['requestPath']}")
                published[operation][f"{permission}={item['access']}"] += 1
    differences = {}
    for operation, permissions in table.items():
        is_named = permissions not in (PERMISSIONLESS, NO_INSTALLATION)
        named = Counter(one for alternative in _alternatives(permissions) for one in alternative if is_named)
        if named != (found := published[operation_key(operation)]):
            differences[operation] = (sorted(named.elements()), sorted(found.elements()))
    return differences


def test_the_table_is_what_github_publishes() -> None:
    source = _source()
    if not source.exists():
        pytest.skip(f"GitHub's data is not at {source}: put {SOURCE} there, or name it in GITHUB_PERMISSIONS_DATA")
    assert _differences(PUBLISHED, json.loads(source.read_text())) == {}


FILE = "PUT /repos/{owner}/{repo}/contents/{path}"
DATA = {
    permission: {
        "permissions": [
            {"verb": "put", "requestPath": FILE.partition(" ")[2], "access": "write", "server-to-server": by_app}
            for by_app in entries
        ]
    }
    for permission, entries in {"contents": [True, True], "workflows": [True], "codespaces": [False]}.items()
}


@pytest.mark.parametrize(
    ("permissions", "differs"),
    [
        ("contents=write; contents=write,workflows=write", False),
        ("contents=read; contents=write,workflows=write", True),
        ("contents=write; contents=write,workflows=read", True),
        ("contents=write", True),
        ("contents=write; workflows=write", True),
        ("contents=write; contents=write,workflows=write; codespaces=write", True),
        (PERMISSIONLESS, True),
        (NO_INSTALLATION, True),
    ],
)
def test_the_comparison_with_githubs_data_sees_another_level_and_another_permission(permissions: str, differs: bool) -> None:
    assert bool(_differences({FILE: permissions}, DATA)) is differs


# What no `permissions:` line can ask for, by an operation that takes it.
NEVER = {
    "GET /orgs/octo-org/teams/ml": "members",
    "GET /orgs/octo-org/teams/ml/memberships/writer": "members",
    "GET {repo}/actions/permissions": "administration",
    "GET {repo}/branches/main/protection/required_status_checks": "administration",
    "GET {repo}/actions/secrets": "secrets",
    "GET {repo}/actions/organization-secrets": "secrets",
    "GET {repo}/actions/variables": "actions_variables",
    "GET {repo}/actions/organization-variables": "actions_variables",
}


def test_what_a_job_never_has_is_all_that_its_permissions_do_not_list() -> None:
    taken = {
        one.partition("=")[0] for permissions in PUBLISHED.values() for one in re.split("[,;] ?", permissions) if "=" in one
    }
    # `workflows` is taken beside `contents` alone, so that no operation here takes it by itself.
    assert taken - set(JOB_PERMISSIONS) - {"metadata", "allows_permissionless_access"} == {*NEVER.values(), "workflows"}


@pytest.mark.parametrize("route", NEVER)
def test_a_job_is_refused_whatever_it_was_granted_and_an_app_is_not(sample: Sample, route: str) -> None:
    sample.github.team("octo-org/ml", ["writer"])
    sample.repository.protect("main", ["tests"])
    permission = NEVER[route]
    job = sample.github.workflow_token(sample.repository, {permission: "write"})
    refused = Client(sample.github, job)(route)
    assert (refused.status_code, refused.json()["message"]) == (403, "Resource not accessible by integration")
    assert refused.headers["X-Accepted-GitHub-Permissions"] == f"{permission}=read"
    app = sample.github.register_app("ml-bot", permissions={permission: "read"}, repositories=[sample.repository])
    token = sample.github.installation_token(app.installations[0], {permission: "read"}, None)
    assert Client(sample.github, token)(route).status_code == 200


@pytest.mark.parametrize(
    ("route", "header"),
    [
        ("GET {repo}/pulls/1", "pull_requests=read; contents=read"),
        ("GET {repo}/issues/1", "issues=read"),
        ("POST {repo}/issues/1/comments", "issues=write; pull_requests=write"),
        ("GET {repo}", "metadata=read"),
        ("GET /users/writer", "allows_permissionless_access=true"),
        ("GET /user", None),
    ],
)
def test_every_answer_names_the_permissions_as_github_does(
    sample: Sample, call: Client, route: str, header: str | None
) -> None:
    assert (
        call(route, {"body": "x"} if route.startswith("POST") else None).headers.get("X-Accepted-GitHub-Permissions")
        == header
    )


def test_permissions_that_are_needed_together_are_needed_together(sample: Sample) -> None:
    token = sample.github.workflow_token(sample.repository, {"contents": "write", "checks": "read"})
    assert is_granted(token, "pages=write; contents=write,checks=read")
    assert not is_granted(token, "contents=write,checks=write; pages=write")
