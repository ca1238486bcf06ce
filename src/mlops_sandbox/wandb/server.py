"""The HTTP interface of the stand-in: GraphQL, the file stream, file storage, and pages of projects and runs."""

from __future__ import annotations

import asyncio
import base64
import binascii
import gzip
import json
import re
import secrets
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs

from starlette.applications import Starlette
from starlette.requests import Request as HttpRequest
from starlette.responses import HTMLResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from mlops_sandbox.graphql_execution import execute
from mlops_sandbox.wandb import filestream, pages
from mlops_sandbox.wandb.context import NO_QUIRKS, Quirks, RequestContext, User
from mlops_sandbox.wandb.schema import wandb_schema
from mlops_sandbox.wandb.store import Store

_OPERATION = re.compile(r"\b(?:query|mutation)\s+(\w+)")
_NOT_LOGGED_IN = json.dumps(
    {"errors": [{"message": "user is not logged in", "extensions": {"code": "PERMISSION_ERROR"}}], "data": None}
)
_JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
Handler = Callable[[HttpRequest, bytes, User], Awaitable[Response]]


@dataclass
class Fault:
    """A fault for the next `times` requests whose operation (or path) contains `match`.

    `status` and `body` replace the answer; `cut` breaks the connection in the middle of the real answer; `stall` delays the
    answer by this many seconds; `meanwhile` is called between the answer and the next request.
    """

    status: int = 0
    body: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    match: str = ""
    times: int = 1
    cut: bool = False
    stall: float = 0.0
    meanwhile: Callable[[], object] | None = None


def rate_limit(seconds: float, *, times: int = 1) -> Fault:
    """Return the answer of a spent quota. W&B's numbers are floats, also where the names suggest whole numbers."""
    headers = {"RateLimit-Remaining": "0.0", "RateLimit-Reset": str(float(seconds))}
    return Fault(429, json.dumps({"error": "rate limit exceeded"}), headers, times=times)


@dataclass(frozen=True)
class Refusal:
    """How a server refuses a document that its schema does not allow.

    `status` is 400 with W&B and graphql-js, 422 with gqlgen, 200 with graph-gophers, which also leaves `data` out (not
    `with_data`). A server that is `one_at_a_time` names only the first problem.
    """

    status: int = 400
    with_data: bool = True
    one_at_a_time: bool = False

    def of(self, errors: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """Return the body of the answer."""
        named = list(errors[:1] if self.one_at_a_time else errors)
        return {"data": None, "errors": named} if self.with_data else {"errors": named}


AT_ONCE = Refusal()


@dataclass(frozen=True)
class Exchange:
    """One request and its response; `operation` is the name of the GraphQL operation, or empty."""

    method: str
    path: str
    operation: str
    headers: Mapping[str, str]
    body: bytes
    status: int
    answer_size: int


class WandbServer:
    """A W&B server on loopback, with one user.

    Clients must send `api_key` (random unless given); they log to the team `entity`. `identity_token` is a JWT that the
    server exchanges for an access token instead (OIDC federation). `requests` holds the requests, newest last; `faults`
    apply to those they match. Tests may fill and read `store` directly.

    A server can be made to know less: `lacks` names the fields and arguments that its schema lacks (see `wandb_schema`),
    `refusal` is how it refuses a document, and `quirks` are other ways in which servers differ.
    """

    def __init__(
        self,
        *,
        api_key: str = "",
        entity: str = "sandbox",
        username: str = "trainer",
        lacks: Iterable[str] = (),
        refusal: Refusal = AT_ONCE,
        quirks: Quirks = NO_QUIRKS,
        clock: Callable[[], datetime] | None = None,
    ) -> None:
        self.api_key = api_key or secrets.token_hex(20)
        self.identity_token = f"{secrets.token_urlsafe(12)}.{secrets.token_urlsafe(24)}.{secrets.token_urlsafe(24)}"
        self._access_tokens: set[str] = set()
        self.entity = entity
        self.user = User(username, (entity, username) if username != entity else (entity,))
        self.store = Store(clock)
        self.faults: list[Fault] = []
        self.requests: deque[Exchange] = deque(maxlen=10_000)
        self.refusal = refusal
        self.quirks = quirks
        self.lack(*lacks)
        self.app = Starlette(
            routes=[
                Route("/graphql", self._handler(self._graphql), methods=["POST"]),
                Route(
                    "/files/{entity}/{project}/{run}/file_stream",
                    self._handler(self._file_stream),
                    methods=["POST"],
                ),
                Route("/oidc/token", self._token, methods=["POST"]),
                Route("/storage/{blob}", self._storage, methods=["GET", "PUT"]),
                Route("/", self._index),
                Route("/{entity}/{project}", self._project_page),
                Route("/{entity}/{project}/runs/{run}", self._run_page),
            ]
        )

    def lack(self, *parts: str) -> None:
        """Answer from now on as a server that lacks these fields and arguments, and no others."""
        self._schema = wandb_schema(frozenset(parts))

    def environment(self, url: str) -> dict[str, str]:
        """Return the variables of a process that logs to this server at `url`."""
        return {"WANDB_BASE_URL": url, "WANDB_API_KEY": self.api_key, "WANDB_ENTITY": self.entity}

    def clear(self) -> None:
        """Delete everything that was logged and requested, and the faults; the key stays."""
        self.store = Store(self.store.now)
        self.faults.clear()
        self.requests.clear()

    def _handler(self, handler: Handler) -> Callable[[HttpRequest], Awaitable[Response]]:
        """Authenticate the request, apply a fault, and record the exchange."""

        async def answer(request: HttpRequest) -> Response:
            body = await request.body()
            if request.headers.get("content-encoding") == "gzip":
                body = gzip.decompress(body)
            operation = _operation(body) if request.url.path == "/graphql" else ""
            fault = self._next_fault(operation or request.url.path)
            if fault and fault.stall:
                await asyncio.sleep(fault.stall)
            response: Response
            if fault and fault.status:
                response = Response(fault.body, fault.status, fault.headers, "application/json")
            elif not self._is_authenticated(request.headers.get("authorization", "")):
                response = Response(_NOT_LOGGED_IN, 401, media_type="application/json")
            else:
                response = await handler(request, body, self.user)
            if fault and fault.meanwhile:
                fault.meanwhile()
            self.requests.append(
                Exchange(
                    method=request.method,
                    path=request.url.path,
                    operation=operation,
                    headers=dict(request.headers),
                    body=body,
                    status=response.status_code,
                    answer_size=len(response.body),
                )
            )
            if fault and fault.cut:
                return StreamingResponse(_half(bytes(response.body)), media_type="application/json")
            return response

        return answer

    def _next_fault(self, target: str) -> Fault | None:
        for fault in self.faults:
            if fault.times > 0 and fault.match in target:
                fault.times -= 1
                return fault
        return None

    def _is_authenticated(self, authorization: str) -> bool:
        scheme, _, value = authorization.partition(" ")
        if scheme.lower() == "bearer":
            return value in self._access_tokens
        if scheme.lower() != "basic":
            return False
        try:
            key = base64.b64decode(value, validate=True).partition(b":")[2]
        except binascii.Error:
            return False
        return secrets.compare_digest(key, self.api_key.encode())

    async def _token(self, request: HttpRequest) -> Response:
        """Exchange a JWT for an access token (RFC 7523)."""
        form = parse_qs((await request.body()).decode("utf-8", "replace"))
        assertion = (form.get("assertion") or [""])[0]
        if form.get("grant_type") != [_JWT_BEARER] or not secrets.compare_digest(assertion, self.identity_token):
            return Response(json.dumps({"error": "invalid_grant"}), 400, media_type="application/json")
        token = secrets.token_urlsafe(30)
        self._access_tokens.add(token)
        answer = {"access_token": token, "token_type": "Bearer", "expires_in": 3600}
        return Response(json.dumps(answer), media_type="application/json")

    async def _graphql(self, request: HttpRequest, body: bytes, user: User) -> Response:
        try:
            document = json.loads(body)
            query = str(document["query"])
        except (ValueError, KeyError, TypeError):
            return PlainTextResponse("the body must be JSON with a query", 400)
        context = RequestContext(self.store, user, str(request.base_url).rstrip("/"), self.quirks)
        variables, operation_name = document.get("variables"), document.get("operationName") or ""
        with self.store.lock:
            answer = execute(self._schema, query, variables, operation_name, context)
            if answer.status == 400:
                text, status = json.dumps(self.refusal.of(answer.errors)), self.refusal.status
            else:
                text, status = json.dumps(answer.body()), answer.status
        return Response(text, status, media_type="application/json")

    async def _file_stream(self, request: HttpRequest, body: bytes, user: User) -> Response:
        entity, project, name = (request.path_params[key] for key in ("entity", "project", "run"))
        with self.store.lock:
            parent = self.store.projects.get((entity, project))
            run = parent.runs.get(name) if parent and entity in user.entities else None
            if run is None:
                return Response(json.dumps({"error": "run not found"}), 404, media_type="application/json")
            try:
                filestream.receive(run, json.loads(body))
            except (ValueError, TypeError, AttributeError) as error:
                return Response(json.dumps({"error": str(error)}), 400, media_type="application/json")
        return Response("{}", media_type="application/json")

    async def _storage(self, request: HttpRequest) -> Response:
        blob = request.path_params["blob"]
        if blob not in self.store.blobs:
            return PlainTextResponse("no such file", 404)
        if request.method == "PUT":
            self.store.blobs[blob] = await request.body()
            return PlainTextResponse("")
        return Response(self.store.blobs[blob], media_type="application/octet-stream")

    async def _index(self, _request: HttpRequest) -> Response:
        with self.store.lock:
            return HTMLResponse(pages.index(self.store))

    async def _project_page(self, request: HttpRequest) -> Response:
        with self.store.lock:
            project = self.store.projects.get((request.path_params["entity"], request.path_params["project"]))
            if project is None:
                return PlainTextResponse("no such project", 404)
            return HTMLResponse(pages.project(project))

    async def _run_page(self, request: HttpRequest) -> Response:
        parts: dict[str, Any] = request.path_params
        with self.store.lock:
            project = self.store.projects.get((parts["entity"], parts["project"]))
            run = project.runs.get(parts["run"]) if project else None
            if run is None:
                return PlainTextResponse("no such run", 404)
            return HTMLResponse(pages.run(run))


def _operation(body: bytes) -> str:
    """Return the name of the request's GraphQL operation; empty where it has none."""
    try:
        match = _OPERATION.search(json.loads(body)["query"])
    except (ValueError, KeyError, TypeError):
        return ""
    return match.group(1) if match else ""


async def _half(body: bytes) -> Any:
    yield body[: len(body) // 2]
    raise ConnectionError("cut by a fault")
