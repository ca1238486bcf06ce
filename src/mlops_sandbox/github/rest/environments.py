"""Environments, with their protection rules and the branches that may deploy to them.

https://docs.github.com/rest/deployments/environments and https://docs.github.com/rest/deployments/branch-policies
"""

from __future__ import annotations

import zlib

from mlops_actions.core.types import Json
from mlops_sandbox.github.actions_settings import Environment
from mlops_sandbox.github.responses import ApiError, ApiResponse, not_found
from mlops_sandbox.github.rest.call import REPO, Call, Routes
from mlops_sandbox.github.serializers import accounts
from mlops_sandbox.github.serializers.accounts import node_id
from mlops_sandbox.timestamps import timestamp

routes = Routes()
_ENVIRONMENT = f"{REPO}/environments/{{environment}}"


def _environment(call: Call) -> Environment:
    environment = call.repository.actions_settings.environments.get(call.params["environment"])
    if environment is None:
        raise not_found()
    return environment


@routes("GET", _ENVIRONMENT)
def get_environment(call: Call) -> ApiResponse:
    """Read an environment with its protection rules."""
    return ApiResponse(200, _document(call, _environment(call)))


@routes("PUT", _ENVIRONMENT, role="admin", always=True)
def set_environment(call: Call) -> ApiResponse:
    """Create an environment, or set which branches may deploy to it."""
    environments = call.repository.actions_settings.environments
    environment = environments.setdefault(call.params["environment"], Environment())
    policy = call.body.get("deployment_branch_policy")
    if isinstance(policy, dict):
        if policy.get("protected_branches") == policy.get("custom_branch_policies"):
            raise ApiError(422, "protected_branches and custom_branch_policies cannot have the same value")
        environment.branches = "protected" if policy.get("protected_branches") else []
    return ApiResponse(200, _document(call, environment))


@routes("GET", f"{_ENVIRONMENT}/deployment-branch-policies")
def list_branch_policies(call: Call) -> ApiResponse:
    """List the patterns of branches; 404 where there is no such policy."""
    branches = _environment(call).branches
    if isinstance(branches, str):
        raise not_found()
    return call.page(branches, _policy, within="branch_policies")


@routes("POST", f"{_ENVIRONMENT}/deployment-branch-policies", role="admin", always=True)
def create_branch_policy(call: Call) -> ApiResponse:
    """Let branches of a pattern deploy; 404 where the environment takes no patterns."""
    branches = _environment(call).branches
    if isinstance(branches, str):
        raise not_found()
    name = call.text("name", resource="DeploymentBranchPolicy", required=True) or ""
    branches.append(name)
    return ApiResponse(200, _policy(name))


def _policy(name: str) -> Json:
    number = zlib.crc32(name.encode())
    return {"id": number, "node_id": node_id("GateBranchPolicy", number), "name": name, "type": "branch"}


def _document(call: Call, environment: Environment) -> Json:
    repo, name = call.repository, call.params["environment"]
    number, at = zlib.crc32(name.encode()), timestamp(repo.created_at)
    rules: list[Json] = []
    if environment.wait_minutes:
        rules.append({"type": "wait_timer", "wait_timer": environment.wait_minutes})
    if environment.reviewers:
        users = (accounts.user(repo.instance.account(login), call.links) for login in environment.reviewers)
        reviewers = [{"type": "User", "reviewer": user} for user in users]
        rules.append({"type": "required_reviewers", "prevent_self_review": False, "reviewers": reviewers})
    policy: Json | None = None
    if environment.branches != "all":
        rules.append({"type": "branch_policy"})
        is_protected = environment.branches == "protected"
        policy = {"protected_branches": is_protected, "custom_branch_policies": not is_protected}
    protection = [{"id": index, "node_id": node_id("Gate", index), **rule} for index, rule in enumerate(rules, start=1)]
    return {
        "id": number,
        "node_id": node_id("Environment", number),
        "name": name,
        "url": call.links.api("repos", repo.full_name, "environments", name),
        "html_url": call.links.web(repo.full_name, "deployments", "activity_log"),
        "created_at": at,
        "updated_at": at,
        "protection_rules": protection,
        "deployment_branch_policy": policy,
    }
