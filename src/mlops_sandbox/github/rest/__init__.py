"""The REST API: one module a subject, each a list of operations."""

from __future__ import annotations

from mlops_sandbox.github.rest import apps, checks, contents, deployments, discussions, people, pulls, repositories
from mlops_sandbox.github.rest.call import Route

ROUTES: list[Route] = [
    *discussions.routes.all,
    *pulls.routes.all,
    *checks.routes.all,
    *deployments.routes.all,
    *people.routes.all,
    *repositories.routes.all,
    *contents.routes.all,
    *apps.routes.all,
]
