"""The REST API: one module a subject, each a list of operations."""

from __future__ import annotations

from . import apps, checks, contents, deployments, discussions, people, pulls, repositories
from .call import Route

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
