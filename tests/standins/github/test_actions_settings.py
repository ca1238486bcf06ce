"""Settings of Actions, secrets, variables, workflows, environments; who may read them."""

from __future__ import annotations

import pytest

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
    sample.repository.actions_settings.environments["production"] = ["required_reviewers"]
    environment = call("GET {repo}/environments/production").json()
    assert [rule["type"] for rule in environment["protection_rules"]] == ["required_reviewers"]
