"""The REST API as an ASGI application: authentication, limits, faults, routing, and a record of every exchange."""

from __future__ import annotations

import asyncio
import itertools
import json
import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from mlops_sandbox.github.accounts import Token
from mlops_sandbox.github.faults import Fault, Faults, route_pattern
from mlops_sandbox.github.responses import ApiError, ApiResponse, not_found
from mlops_sandbox.github.rest.access import accepted_header, app_of, authorise, credential, token_of
from mlops_sandbox.github.rest.call import Call, Route
from mlops_sandbox.github.rest.routes import ROUTES
from mlops_sandbox.github.serializers.links import Links
from mlops_sandbox.github.state import GitHubState

# https://docs.github.com/rest/about-the-rest-api/api-versions
API_VERSIONS = ("2022-11-28", "2026-03-10")


@dataclass
class Exchange:
    """One request and its response; `status` 0 where the connection was cut.

    `path` is as in GitHub's documentation (no `/api/v3`); `route` is the template of the operation, None for none;
    `injected` marks the response of a fault.
    """

    method: str
    path: str
    query: dict[str, str]
    body: Any
    headers: dict[str, str]
    status: int = 0
    response: Any = None
    response_headers: dict[str, str] = field(default_factory=dict)
    route: str | None = None
    actor: str | None = None
    injected: bool = False

    def matches(self, route: str) -> bool:
        """Return whether the request is one of this route, in the form `METHOD /path/*`."""
        return route_pattern(route).fullmatch(f"{self.method} {self.path}") is not None

    def __str__(self) -> str:
        return f"{self.method} {self.path} → {self.status}"


class Api:
    """The part of the server under `/api/v3`; it appends each request to `exchanges`."""

    def __init__(self, state: GitHubState, faults: Faults, exchanges: list[Exchange]) -> None:
        self._state = state
        self._faults = faults
        self._exchanges = exchanges
        self._request_ids = itertools.count(1)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ApiResponse one request."""
        request = Request(scope, receive)
        raw = await request.body()
        path = _path(scope)
        exchange = Exchange(
            method=request.method,
            path=path,
            query=dict(request.query_params),
            body=_recorded_body(raw),
            headers=dict(request.headers.items()),
        )
        self._exchanges.append(exchange)
        fault = self._faults.take(exchange.method, path)
        if fault is not None and fault.kind != "delay":
            exchange.injected = True
            if fault.kind != "answer":
                if fault.done:
                    self._handle(exchange, Links(origin_of(request)), raw)
                await self._cut(fault, receive)
                return
            response = ApiResponse(fault.status, fault.body, dict(fault.headers))
        else:
            if fault is not None:
                await asyncio.sleep(fault.seconds)
            response = self._handle(exchange, Links(origin_of(request)), raw)
        await self._respond(exchange, response)(scope, receive, send)

    def _handle(self, exchange: Exchange, links: Links, raw: bytes) -> ApiResponse:
        token: Token | None = None
        try:
            route, params = _find_route(exchange)
            value = credential(exchange.headers.get("authorization"))
            if "user-agent" not in exchange.headers:
                raise ApiError(403, "Request forbidden by administrative rules. Please make sure your request has a "
                                    "User-Agent header.")  # fmt: skip
            version = exchange.headers.get("x-github-api-version", API_VERSIONS[0])
            if version not in API_VERSIONS:
                raise ApiError(400, f"{version} is not a supported version")
            if route is not None and route.authentication == "jwt":
                exchange.actor = app_of(self._state, value).slug
                params["credential"] = value or ""
            else:
                token = token_of(self._state, value)
                exchange.actor = token.actor.login if token else None
            self._state.limits.count(token, exchange.method, free=exchange.path == "/rate_limit")
            if route is None:
                raise not_found()
            exchange.route = route.path
            call = Call(
                state=self._state,
                route=route,
                links=links,
                params=params,
                query=exchange.query,
                body=_parse_body(raw),
                token=token,
                path=exchange.path,
            )
            authorise(call)
            response = route.handler(call)
            if route.authentication == "token":
                response.headers = accepted_header(route) | response.headers
        except ApiError as error:
            response = error.response
        if token is not None and token.scopes is not None:
            response.headers.setdefault("X-OAuth-Scopes", ", ".join(token.scopes))
        response.headers = self._state.limits.headers(token) | response.headers
        return response

    def _respond(self, exchange: Exchange, response: ApiResponse) -> Response:
        is_json = not isinstance(response.body, str | None)
        content = json.dumps(response.body) if is_json else response.body or ""
        headers = {
            "X-GitHub-Request-Id": f"{next(self._request_ids):08X}",
            "X-GitHub-Api-Version-Selected": exchange.headers.get("x-github-api-version", API_VERSIONS[0]),
            "X-GitHub-Media-Type": "github.v3; format=json",
            **response.headers,
        }
        if response.body is not None:
            headers.setdefault("Content-Type", f"{'application/json' if is_json else 'text/html'}; charset=utf-8")
        exchange.status, exchange.response, exchange.response_headers = response.status, response.body, headers
        return Response(content, response.status, headers)

    @staticmethod
    async def _cut(fault: Fault, receive: Receive) -> None:
        """Close the connection, at once or after a stall that ends early when the client disconnects."""
        if fault.kind == "stall":
            try:
                async with asyncio.timeout(fault.seconds):
                    while (await receive())["type"] != "http.disconnect":
                        pass
            except TimeoutError:
                pass
        # ASGI has no message to close a connection, so this uses uvicorn's request object, whose method `receive` is.
        transport = getattr(getattr(receive, "__self__", None), "transport", None)
        if transport is not None:
            transport.abort()
            while (await receive())["type"] != "http.disconnect":
                pass


def origin_of(request: Request) -> str:
    """Return the address that a request came to."""
    return f"{request.url.scheme}://{request.headers.get('host', request.url.netloc)}"


def _path(scope: Scope) -> str:
    """Return the path below the API's root, decoded except for slashes that are part of a name (`%2F`)."""
    raw: bytes = scope["raw_path"]
    path = re.sub("%2f", "%252F", raw.decode("ascii").partition("?")[0], flags=re.IGNORECASE)
    return unquote(path).removeprefix("/api/v3") or "/"


def _find_route(exchange: Exchange) -> tuple[Route | None, dict[str, str]]:
    for route in ROUTES:
        params = route.match(exchange.method, exchange.path)
        if params is not None:
            return route, params
    return None, {}


def _recorded_body(raw: bytes) -> Any:
    """Return the body as JSON, or as text where it is not JSON, for the exchange."""
    if not raw:
        return None
    try:
        return json.loads(raw)
    except ValueError:
        return raw.decode(errors="replace")


def _parse_body(raw: bytes) -> dict[str, Any]:
    """Return the body's object; a bare list (a form of sending labels) is under the empty key."""
    if not raw:
        return {}
    try:
        body = json.loads(raw)
    except ValueError:
        raise ApiError(400, "Problems parsing JSON") from None
    if isinstance(body, list):
        return {"": body}
    if not isinstance(body, dict):
        raise ApiError(400, "Body should be a JSON object")
    return body
