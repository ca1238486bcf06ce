"""Settings of Actions, secrets, variables, workflows, environments; who may read them."""

from __future__ import annotations

import pytest

from mlops_sandbox.github.actions_settings import Environment
from tests.standins.github.conftest import Client
from tests.support.payloads import Sample

FILE = ".github/workflows/mlops.yml"
SETTINGS = ("permissions", "permissions/workflow", "secrets", "organization-secrets", "variables", "organization-variables")


@pytest.fixture
def administrator(sample: Sample) -> Client:
    sample.repository.collaborator("boss", "admin")
    return Client(sample.github, sample.github.user_token("boss"))


@pytest.mark.parametrize("path", SETTINGS)
def test_a_jobs_token_never_reads_the_settings(call: Client, path: str) -> None:
    answer = call(f"GET {{repo}}/actions/{path}")
    assert (answer.status_code, answer.json()["message"]) == (403, "Resource not accessible by integration")


@pytest.mark.parametrize("path", SETTINGS)
def test_nobody_reads_the_settings_without_a_token(sample: Sample, path: str) -> None:
    assert Client(sample.github, None)(f"GET {{repo}}/actions/{path}").status_code == 401


@pytest.mark.parametrize("path", SETTINGS)
def test_settings_are_for_administrators_and_names_for_writers(sample: Sample, administrator: Client, path: str) -> None:
    writer = Client(sample.github, sample.github.user_token("writer"))
    assert writer(f"GET {{repo}}/actions/{path}").status_code == (403 if path.startswith("permissions") else 200)
    assert Client(sample.github, sample.github.user_token("outsider"))(f"GET {{repo}}/actions/{path}").status_code == 403
    assert administrator(f"GET {{repo}}/actions/{path}").status_code == 200


def test_the_settings_are_told(sample: Sample, administrator: Client) -> None:
    settings = sample.repository.actions_settings
    settings.secrets |= {"TOKEN"}
    settings.variables |= {"REGISTRY": "ghcr.io"}
    secrets = administrator("GET {repo}/actions/secrets").json()
    assert (secrets["total_count"], [secret["name"] for secret in secrets["secrets"]]) == (1, ["TOKEN"])
    (variable,) = administrator("GET {repo}/actions/variables").json()["variables"]
    assert (variable["name"], variable["value"]) == ("REGISTRY", "ghcr.io")
    assert administrator("GET {repo}/actions/permissions/selected-actions").status_code == 409
    settings.allowed_actions, settings.patterns_allowed = "selected", ["octo-org/*"]
    assert administrator("GET {repo}/actions/permissions").json()["selected_actions_url"].endswith("/selected-actions")
    assert administrator("GET {repo}/actions/permissions/selected-actions").json()["patterns_allowed"] == ["octo-org/*"]
    settings.enabled = False
    assert "allowed_actions" not in administrator("GET {repo}/actions/permissions").json()


def test_a_workflow_is_a_file_of_the_default_branch(sample: Sample, call: Client) -> None:
    assert call("GET {repo}/actions/workflows/mlops.yml").status_code == 404
    sample.repository.push("main", by="writer", files={FILE: "on: push"})
    assert call("GET {repo}/actions/workflows/mlops.yml").json()["state"] == "active"
    sample.repository.actions_settings.disabled_workflows.add(FILE)
    assert call("GET {repo}/actions/workflows/mlops.yml").json()["state"] == "disabled_manually"


def test_an_environment_has_protection_rules(sample: Sample, call: Client) -> None:
    assert call("GET {repo}/environments/production").status_code == 404
    sample.repository.actions_settings.environments["production"] = Environment(["maintainer"], 5, ["main"])
    environment = call("GET {repo}/environments/production").json()
    reviewers, timer, policy = sorted(environment["protection_rules"], key=lambda rule: "rwb".index(rule["type"][0]))
    assert [item["reviewer"]["login"] for item in reviewers["reviewers"]] == ["maintainer"]
    assert (timer["wait_timer"], policy["type"]) == (5, "branch_policy")
    assert environment["deployment_branch_policy"] == {"protected_branches": False, "custom_branch_policies": True}
    policies = call("GET {repo}/environments/production/deployment-branch-policies").json()
    assert [policy["name"] for policy in policies["branch_policies"]] == ["main"]


def test_an_administrator_changes_the_settings_and_others_do_not(sample: Sample, call: Client) -> None:
    sample.repository.collaborator("maintainer", "admin")
    admin = Client(sample.github, sample.github.user_token("maintainer"))
    changes: tuple[tuple[str, dict[str, object]], ...] = (
        ("PUT {repo}/actions/permissions", {"enabled": True, "allowed_actions": "selected"}),
        ("PUT {repo}/actions/permissions/selected-actions", {"patterns_allowed": ["a/b@*"]}),
        ("PUT {repo}/environments/production",
         {"deployment_branch_policy": {"protected_branches": False, "custom_branch_policies": True}}),
        ("POST {repo}/environments/production/deployment-branch-policies", {"name": "main"}),
        ("POST {repo}/actions/variables", {"name": "host", "value": "a"}),
    )  # fmt: skip
    for route, body in changes:
        assert call(route, body).status_code == 403, route
        assert admin(route, body).status_code < 300, route
    settings = sample.repository.actions_settings
    assert (settings.allowed_actions, settings.patterns_allowed) == ("selected", ["a/b@*"])
    assert settings.environments["production"].branches == ["main"]
    assert settings.variables == {"HOST": "a"}


@pytest.mark.parametrize(("private", "approval", "private_settings"), [(False, 200, 403), (True, 404, 200)])
def test_public_and_private_repositories_have_different_settings_for_forks(
    sample: Sample, private: bool, approval: int, private_settings: int
) -> None:
    sample.repository.private = private
    sample.repository.collaborator("maintainer", "admin")
    admin = Client(sample.github, sample.github.user_token("maintainer"))
    path = "GET {repo}/actions/permissions"
    assert admin(f"{path}/fork-pr-contributor-approval").status_code == approval
    assert admin(f"{path}/fork-pr-workflows-private-repos").status_code == private_settings


def test_a_classic_token_without_the_scope_repo_reads_no_settings(sample: Sample) -> None:
    sample.repository.collaborator("maintainer", "admin")
    token = Client(sample.github, sample.github.user_token("maintainer", ("gist",)))
    answer = token("GET {repo}")
    assert (answer.status_code, answer.headers["X-OAuth-Scopes"]) == (200, "gist")
    assert token("GET {repo}/actions/permissions").status_code == 404
    sample.repository.private = True
    assert token("GET {repo}").status_code == 404


def test_a_commit_is_found_by_a_tag_of_a_release(sample: Sample, call: Client) -> None:
    assert call("GET {repo}/releases/latest").status_code == 404
    sha = sample.repository.release("v1.2.0", "v1")
    assert call("GET {repo}/releases/latest").json()["tag_name"] == "v1.2.0"
    assert {call(f"GET {{repo}}/commits/{name}").json()["sha"] for name in ("v1", "v1.2.0", sha)} == {sha}
    assert call("GET {repo}/commits/v2").status_code == 422
