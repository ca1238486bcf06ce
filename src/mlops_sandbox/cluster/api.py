"""The HTTP interface of the API server: objects, lists, watches and logs."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from mlops_actions.core.types import Json
from mlops_sandbox.cluster import addressing, representation, selectors, status, validation
from mlops_sandbox.cluster.access import REVIEWS_PATH, Access, access_review, authorize
from mlops_sandbox.cluster.addressing import Target
from mlops_sandbox.cluster.logs import LogQuery, LogStore
from mlops_sandbox.cluster.resources import NAMESPACES, PODS
from mlops_sandbox.cluster.selectors import Predicate
from mlops_sandbox.cluster.status import ApiError
from mlops_sandbox.cluster.store import Store, merge_patch
from mlops_sandbox.cluster.watch import Watch, WatchRegistry, WatchRequest

MERGE_PATCH = "application/merge-patch+json"
DEFAULT_WATCH_SECONDS = 1800.0
HEALTH_PATHS = ("/healthz", "/livez", "/readyz")
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")


@dataclass
class Faults:
    """Faults that a test injects; each field may be set at any time, from any thread.

    Logs of pods on virtual nodes have no timestamps and begin at their start, whatever a client asks for
    (https://github.com/virtual-kubelet/virtual-kubelet/issues/820, https://github.com/stackabletech/agent/issues/143): then
    `log_timestamps` and `log_since` are false. `log_cuts` are the numbers of lines after which the next logs end, as where
    the connection between the API server and the node breaks: the API server ends its own answer properly then, with
    `log_cut_bytes` of the next line at its end. `log_chunk_bytes` puts a timestamp before each so many bytes of a line
    (https://github.com/kubernetes/kubernetes/issues/77603). `logs_waiting` is the number of logs that are still refused
    because their container has not started, although the pod says that it has.
    """

    watch_seconds: float | None = None  # close every watch after this time at the latest
    watch_refusal: ApiError | None = None  # answer every watch with this error
    refusals: int = 0  # the number of requests that are still answered with `refusal`
    refusal: ApiError | None = None
    log_timestamps: bool = True
    log_since: bool = True
    log_cuts: list[int] = field(default_factory=list)
    log_cut_bytes: int = 0
    log_chunk_bytes: int | None = None
    logs_waiting: int = 0
    warnings: list[str] = field(default_factory=list)  # of an admission policy, with each object that is created
    deprecations: dict[str, str] = field(default_factory=dict)  # by verb: a warning with each answer to it
    unknown_fields: list[str] = field(default_factory=list)  # as Argo's full definitions of an older line lack them
    lint_refusal: str = ""  # what the Argo Server's own lint says of each workflow
    lint_missing: bool = False  # serve as an Argo Server without this call
    argo_missing: bool = False  # serve as a cluster without Argo's custom resource definitions
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def refuse(self, count: int, code: int, reason: str, message: str, *, retry_after: int | None = None) -> None:
        """Answer the next `count` requests with an error."""
        headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
        self.refusals, self.refusal = count, ApiError(code, reason, message, headers=headers)

    def takes_waiting_log(self) -> bool:
        """Count a log that is refused because its container has not started; false where none is left."""
        with self._lock:
            self.logs_waiting -= 1 if (is_left := self.logs_waiting > 0) else 0
            return is_left

    def limit(self, query: LogQuery) -> LogQuery:
        """Return what the node gives of the part of a log that was asked for."""
        with self._lock:
            cut = self.log_cuts.pop(0) if self.log_cuts else None
        timestamps, since = query.timestamps and self.log_timestamps, query.since if self.log_since else None
        return replace(
            query,
            timestamps=timestamps,
            since=since,
            max_lines=cut,
            spare_bytes=self.log_cut_bytes,
            chunk_bytes=self.log_chunk_bytes,
        )

    def raise_next(self) -> None:
        """Raise the injected error while requests are left to refuse."""
        with self._lock:
            if self.refusals <= 0 or self.refusal is None:
                return
            self.refusals -= 1
            raise self.refusal


class Api:
    """The API server; `app` is the ASGI application."""

    def __init__(self, store: Store, logs: LogStore, access: Access) -> None:
        self._store = store
        self._logs = logs
        self.access = access
        self.faults = Faults()
        self.watches = WatchRegistry()
        self.requests: list[tuple[str, str]] = []  # verb and plural (with subresource), in order
        self.app = Starlette(routes=[Route("/{path:path}", self._answer, methods=list(METHODS))])

    async def _answer(self, request: Request) -> Response:
        try:
            return await self._respond(request)
        except ApiError as refusal:
            return JSONResponse(refusal.status(), refusal.code, refusal.headers)

    async def _respond(self, request: Request) -> Response:
        path = request.url.path
        # A token that is unknown is refused whatever is asked; without one, the health and the version are anybody's.
        identity = self.access.authenticate(request.headers.get("authorization", ""))
        identity = self.access.impersonated(identity, request.headers.items())
        if path in HEALTH_PATHS:
            return PlainTextResponse("ok")
        if path == "/version":
            return JSONResponse(addressing.VERSION_DOCUMENT)
        if path == REVIEWS_PATH and request.method == "POST":
            return JSONResponse(access_review(identity, await _body(request)), 201)
        if self.faults.argo_missing and addressing.GROUP in path:
            raise status.no_such_path()
        document = addressing.discovery(path) if request.method == "GET" else None
        if document is not None:
            return JSONResponse(document)
        target = addressing.parse(path)
        watching = request.query_params.get("watch", "").lower() in ("1", "true")
        verb = addressing.verb_of(request.method, target, watch=watching)
        self.requests.append((verb, f"{target.resource.plural}/{target.subresource}".rstrip("/")))
        authorize(identity, verb, target.resource, target.subresource, target.namespace, target.name)
        self.faults.raise_next()
        if target.subresource == "log":
            return self._log(request, target)
        handlers: dict[str, Callable[[Request, Target], Any]] = {
            "get": self._get,
            "list": self._list,
            "watch": self._watch,
            "create": self._create,
            "update": self._update,
            "patch": self._patch,
            "delete": self._delete,
        }
        response = cast(Response, await handlers[verb](request, target))
        if text := self.faults.deprecations.get(verb):
            response.headers.append("Warning", _warning(text))
        return response

    async def _get(self, request: Request, target: Target) -> Response:
        value = self._store.get(target.resource, target.namespace, target.name)
        return self._object(request, target, value)

    async def _list(self, request: Request, target: Target) -> Response:
        form = representation.negotiate(request.headers.get("accept", ""))
        selects = _predicate(request, target)
        items, revision = self._store.items(target.resource, target.namespace or None)
        items = [item for item in items if selects(item)]
        metadata: Json = {"resourceVersion": str(revision)}
        items = self._page(request, items, metadata)
        include = request.query_params.get("includeObject", "")
        return JSONResponse(representation.of_list(form, target.resource, items, metadata, include))

    def _page(self, request: Request, items: list[Json], metadata: Json) -> list[Json]:
        """Cut the list to `limit`, starting at `continue`; a token older than the history is Gone (410)."""
        token, limit = request.query_params.get("continue", ""), _number(request, "limit")
        if token:
            try:
                cursor = json.loads(base64.urlsafe_b64decode(token))
                start, revision = str(cursor["start"]), int(cursor["rv"])
            except (ValueError, KeyError, TypeError):
                raise status.bad_request("continue key is not valid") from None
            self._store.changes_since(revision)
            items = [item for item in items if _key(item) >= start]
            metadata["resourceVersion"] = str(revision)
        if limit and len(items) > limit:
            next_cursor = {"start": _key(items[limit]), "rv": metadata["resourceVersion"]}
            metadata["continue"] = base64.urlsafe_b64encode(json.dumps(next_cursor).encode()).decode()
            metadata["remainingItemCount"] = len(items) - limit
            items = items[:limit]
        return items

    async def _watch(self, request: Request, target: Target) -> Response:
        if self.faults.watch_refusal is not None:
            raise self.faults.watch_refusal
        query = request.query_params
        revision = query.get("resourceVersion", "")
        if revision and not revision.isdigit():
            raise status.bad_request(f'invalid resource version "{revision}"')
        seconds = _number(request, "timeoutSeconds") or DEFAULT_WATCH_SECONDS
        watch = Watch(
            self._store,
            WatchRequest(
                resource=target.resource,
                namespace=target.namespace or None,
                selects=_predicate(request, target),
                form=representation.negotiate(request.headers.get("accept", "")),
                include=query.get("includeObject", ""),
                revision=None if revision in ("", "0") else int(revision),
                seconds=min(seconds, self.faults.watch_seconds or seconds),
                bookmarks=query.get("allowWatchBookmarks", "").lower() in ("1", "true"),
                initial_events=query.get("sendInitialEvents", "").lower() in ("1", "true"),
            ),
            self.watches,
        )
        return StreamingResponse(watch.lines(), media_type="application/json;stream=watch")

    async def _create(self, request: Request, target: Target) -> Response:
        value = validation.check(target.resource, target.namespace, await _body(request))
        if target.resource.namespaced:
            self._store.get(NAMESPACES, "", target.namespace)
        level, missing = request.query_params.get("fieldValidation", ""), self.faults.unknown_fields
        warnings = validation.check_fields(target.resource, value, level, missing) if target.resource.group else []
        created = self._store.create(target.resource, target.namespace, value, dry_run=_dry_run(request))
        response = self._object(request, target, created, code=201)
        for text in [*warnings, *self.faults.warnings]:
            response.headers.append("Warning", _warning(text))
        return response

    async def _update(self, request: Request, target: Target) -> Response:
        value = validation.check(target.resource, target.namespace, await _body(request))
        if value["metadata"].get("name") != target.name:
            raise status.bad_request("the name of the object does not match the name on the URL")
        changed = self._store.change(
            target.resource, target.namespace, target.name, lambda _current: value, dry_run=_dry_run(request)
        )
        return self._object(request, target, changed)

    async def _patch(self, request: Request, target: Target) -> Response:
        if request.headers.get("content-type", "").partition(";")[0].strip() != MERGE_PATCH:
            raise status.unsupported_media_type(MERGE_PATCH)
        patch = await _body(request)

        def edit(current: Json) -> Json:
            return validation.check(target.resource, target.namespace, merge_patch(current, patch))

        changed = self._store.change(target.resource, target.namespace, target.name, edit, dry_run=_dry_run(request))
        return self._object(request, target, changed)

    async def _delete(self, request: Request, target: Target) -> Response:
        deleted = self._store.delete(target.resource, target.namespace, target.name, dry_run=_dry_run(request))
        details = {
            "name": target.name,
            "group": target.resource.group,
            "kind": target.resource.plural,
            "uid": deleted["metadata"]["uid"],
        }
        return JSONResponse({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details})

    def _object(self, request: Request, target: Target, value: Json, *, code: int = 200) -> Response:
        form = representation.negotiate(request.headers.get("accept", ""))
        include = request.query_params.get("includeObject", "")
        return JSONResponse(representation.of_object(form, target.resource, value, include), code)

    def _log(self, request: Request, target: Target) -> Response:
        pod = self._store.get(PODS, target.namespace, target.name)
        names = [spec["name"] for spec in pod["spec"]["containers"]]
        container = request.query_params.get("container", "") or names[0]
        if container not in names:
            raise status.bad_request(f"container {container} is not valid for pod {target.name}")
        uid = pod["metadata"]["uid"]
        previous = request.query_params.get("previous", "").lower() == "true"
        log = self._logs.previous(uid, container) if previous else self._logs.open(uid, container)
        if log is None:
            raise status.bad_request(f'previous terminated container "{container}" in pod "{target.name}" not found')
        if pod["status"]["phase"] == "Pending" or self.faults.takes_waiting_log():
            raise status.bad_request(
                f'container "{container}" in pod "{target.name}" is waiting to start: ContainerCreating'
            )
        query = self.faults.limit(
            LogQuery(
                follow=request.query_params.get("follow", "").lower() == "true",
                timestamps=request.query_params.get("timestamps", "").lower() == "true",
                since=_since(request),
                tail_lines=_number(request, "tailLines"),
                limit_bytes=_number(request, "limitBytes"),
            )
        )
        return StreamingResponse(log.read(query), media_type="text/plain")


def _warning(text: str) -> str:
    return f"299 - {json.dumps(text, ensure_ascii=True)}"


def _key(value: Json) -> str:
    return f"{value['metadata'].get('namespace', '')}/{value['metadata']['name']}"


def _predicate(request: Request, target: Target) -> Predicate:
    by_label = selectors.label_predicate(request.query_params.get("labelSelector", ""))
    by_field = selectors.field_predicate(request.query_params.get("fieldSelector", ""), target.resource)
    if target.name:  # the deprecated watch of one object: its own path with ?watch=1
        return lambda value: value["metadata"]["name"] == target.name and by_label(value) and by_field(value)
    return lambda value: by_label(value) and by_field(value)


def _number(request: Request, name: str) -> int | None:
    text = request.query_params.get(name, "")
    if not text:
        return None
    if not text.isdigit():
        raise status.bad_request(f'strconv.ParseInt: parsing "{text}": invalid syntax')
    return int(text)


def _since(request: Request) -> datetime | None:
    if text := request.query_params.get("sinceTime", ""):
        try:
            # The API server sends whole seconds to the node: fractions are lost.
            return datetime.fromisoformat(text).replace(microsecond=0)
        except ValueError:
            raise status.bad_request(f'parsing time "{text}" as RFC3339 failed') from None
    seconds = _number(request, "sinceSeconds")
    return None if seconds is None else datetime.now(UTC) - timedelta(seconds=seconds)


def _dry_run(request: Request) -> bool:
    values = request.query_params.getlist("dryRun")
    if any(value != "All" for value in values):
        raise status.bad_request(f"invalid dryRun value: {values}")
    return bool(values)


async def _body(request: Request) -> object:
    try:
        return json.loads(await request.body())
    except ValueError as error:
        raise status.bad_request(f"the object provided is not JSON: {error}") from None
