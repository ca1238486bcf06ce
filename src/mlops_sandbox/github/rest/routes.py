"""All operations of the REST API; each module declares those of one subject."""

from __future__ import annotations

from mlops_sandbox.github.rest import (
    accounts,
    actions,
    apps,
    authoring,
    checks,
    contents,
    deployments,
    environments,
    issues,
    packages,
    pulls,
    repositories,
    workflow_runs,
)
from mlops_sandbox.github.rest.call import Route

ROUTES: list[Route] = [
    *issues.routes.all,
    *pulls.routes.all,
    *checks.routes.all,
    *deployments.routes.all,
    *accounts.routes.all,
    *repositories.routes.all,
    *contents.routes.all,
    *apps.routes.all,
    *actions.routes.all,
    *workflow_runs.routes.all,
    *environments.routes.all,
    *authoring.routes.all,
    *packages.routes.all,
]
