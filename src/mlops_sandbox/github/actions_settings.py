"""The settings of Actions in a repository: what may run, secrets, variables, environments."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal


@dataclass(eq=False)
class ActionsSettings:
    """A repository's settings, as a new repository has them. Tests may set every field.

    `secrets` holds names: the API never tells a value. `disabled_workflows` holds paths, and `environments` the names of
    environments with the types of their protection rules.
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
    environments: dict[str, list[str]] = field(default_factory=dict)
