"""As much of Google as a client of GKE meets: a token endpoint, and the description of a cluster."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route


class Google:
    """Gives tokens to whoever presents a signed assertion (unchecked), and describes `clusters` to who holds one.

    `clusters` maps `projects/P/locations/L/clusters/C` to the API's JSON. `lifetime` is the tokens', in seconds; `refuses`
    makes the token endpoint say so instead. `mint` makes the tokens, where a cluster is to know them.
    """

    def __init__(
        self, clusters: dict[str, dict[str, Any]], *, lifetime: int = 3600, mint: Callable[[], str] | None = None
    ) -> None:
        self.clusters = clusters
        self.lifetime = lifetime
        self.refuses = False
        self.tokens: list[str] = []
        numbers = itertools.count(1)
        self._mint = mint or (lambda: f"ya29.sandbox-{next(numbers)}")
        self.app = Starlette(routes=[
            Route("/token", self._token, methods=["POST"]),
            Route("/v1/{name:path}", self._cluster),
        ])  # fmt: skip

    async def _token(self, request: Request) -> Response:
        if self.refuses or b"assertion=" not in await request.body():
            return JSONResponse({"error": "invalid_grant", "error_description": "Account not found"}, 400)
        self.tokens.append(self._mint())
        return JSONResponse({"access_token": self.tokens[-1], "expires_in": self.lifetime, "token_type": "Bearer"})

    async def _cluster(self, request: Request) -> Response:
        if request.headers.get("authorization", "").removeprefix("Bearer ") not in self.tokens:
            return _error(401, "UNAUTHENTICATED", "Request had invalid authentication credentials.")
        name = request.path_params["name"]
        if "/forbidden/" in name:
            return _error(403, "PERMISSION_DENIED", 'Required "container.clusters.get" permission(s)')
        if name not in self.clusters:
            return _error(404, "NOT_FOUND", f"Not found: {name}.")
        return JSONResponse(self.clusters[name])


def _error(code: int, status: str, message: str) -> Response:
    return JSONResponse({"error": {"code": code, "status": status, "message": message}}, code)
