"""A stand-in for Google: token endpoints, the metadata server, and the description of a GKE cluster."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route


class Google:
    """Gives tokens to whoever presents what Google would ask for (unchecked), and describes `clusters` to who holds one.

    That is a signed assertion (a service account's key), another provider's token (workload identity federation, with or
    without a service account to impersonate), or nothing but being on the machine (the metadata server).
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
        self.presented: list[str] = []  # other providers' tokens
        self.project = "acme"
        numbers = itertools.count(1)
        self._mint = mint or (lambda: f"ya29.sandbox-{next(numbers)}")
        self.app = Starlette(routes=[
            Route("/token", self._token, methods=["POST"]),
            Route("/v1/token", self._exchange, methods=["POST"]),
            Route("/v1/projects/-/serviceAccounts/{account}:generateAccessToken", self._impersonate, methods=["POST"]),
            Route("/", self._metadata),
            Route("/computeMetadata/v1/{path:path}", self._metadata),
            Route("/v1/{name:path}", self._cluster),
        ])  # fmt: skip

    async def _token(self, request: Request) -> Response:
        if self.refuses or b"assertion=" not in await request.body():
            return JSONResponse({"error": "invalid_grant", "error_description": "Account not found"}, 400)
        return JSONResponse(self._made())

    def _made(self) -> dict[str, Any]:
        self.tokens.append(self._mint())
        return {"access_token": self.tokens[-1], "expires_in": self.lifetime, "token_type": "Bearer"}

    async def _exchange(self, request: Request) -> Response:
        """Google's security token service: another provider's token for one of its own."""
        form = parse_qs((await request.body()).decode())
        self.presented += form.get("subject_token", [])
        if self.refuses or not form.get("subject_token"):
            return JSONResponse({"error": "invalid_grant", "error_description": "The given credential is rejected."}, 400)
        return JSONResponse({**self._made(), "issued_token_type": "urn:ietf:params:oauth:token-type:access_token"})

    async def _impersonate(self, request: Request) -> Response:
        if request.headers.get("authorization", "").removeprefix("Bearer ") not in self.tokens:
            return _error(401, "UNAUTHENTICATED", "Request had invalid authentication credentials.")
        end = datetime.now(UTC) + timedelta(seconds=self.lifetime)
        return JSONResponse({"accessToken": self._made()["access_token"], "expireTime": end.strftime("%Y-%m-%dT%H:%M:%SZ")})

    async def _metadata(self, request: Request) -> Response:
        """The metadata server of a machine of Google's: it answers only who says that it knows whom it asks."""
        headers = {"Metadata-Flavor": "Google"}
        path = request.path_params.get("path", "")
        if request.headers.get("metadata-flavor") != "Google":
            return PlainTextResponse("Missing Metadata-Flavor:Google header.", 403)
        if path.endswith("/token"):
            return JSONResponse(self._made(), headers=headers)
        if path == "project/project-id":
            return Response(self.project, headers=headers, media_type="application/text")
        account = {"email": "machine@acme.test", "scopes": ["https://www.googleapis.com/auth/cloud-platform"], "aliases": []}
        return JSONResponse(account, headers=headers) if path else PlainTextResponse("", headers=headers)

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
