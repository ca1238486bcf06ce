"""The settings of Actions in a repository: what may run, secrets, variables, environments."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

FORK_WORKFLOWS = (
    "run_workflows_from_fork_pull_requests",
    "send_write_tokens_to_workflows",
    "send_secrets_and_variables",
    "require_approval_for_fork_pr_workflows",
)


@dataclass(eq=False)
class Environment:
    """An environment with its protection rules; `reviewers` are logins.

    `branches` is `all`, `protected`, or the patterns of the branches that may deploy to it.
    """

    reviewers: list[str] = field(default_factory=list)
    wait_minutes: int = 0
    branches: Literal["all", "protected"] | list[str] = "all"


@dataclass(eq=False)
class ActionsSettings:
    """A repository's settings, as a new repository has them. Tests may set every field.

    `secrets` holds names: the API never tells a value. `disabled_workflows` holds paths. `fork_workflows` holds what the
    workflows of pull requests from forks get in a private repository, and `access_level` who may use its actions.
    """

    enabled: bool = True
    allowed_actions: Literal["all", "local_only", "selected"] = "all"
    sha_pinning_required: bool = False
    github_owned_allowed: bool = True
    patterns_allowed: list[str] = field(default_factory=list)
    default_workflow_permissions: Literal["read", "write"] = "read"
    secrets: set[str] = field(default_factory=set)
    organization_secrets: set[str] = field(default_factory=set)
    variables: dict[str, str] = field(default_factory=dict)
    organization_variables: dict[str, str] = field(default_factory=dict)
    disabled_workflows: set[str] = field(default_factory=set)
    environments: dict[str, Environment] = field(default_factory=dict)
    fork_approval: str = "first_time_contributors"
    fork_workflows: dict[str, bool] = field(default_factory=lambda: dict.fromkeys(FORK_WORKFLOWS, False))
    access_level: Literal["none", "user", "organization"] = "none"
