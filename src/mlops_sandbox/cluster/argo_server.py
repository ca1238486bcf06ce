"""The Argo Server's HTTP API over the same store as the Kubernetes API: the part that submits and follows workflows.

It behaves to clients as the real one (v4.0) does: a plain refusal is `{"code", "message"}` with gRPC's code, one in a stream
is `{"error": {...}}`, and a stream also ends so when the watch behind it closes. `fields` selects from the whole response, a
result or an error. The server sends no header before the first line. A followed log ends with the workflow.
"""

from __future__ import annotations

import contextlib
import copy
import json
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import replace
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from mlops_actions.core.types import Json
from mlops_sandbox.cluster import argo_control, resources, selectors, status, validation
from mlops_sandbox.cluster.access import Identity, authorize
from mlops_sandbox.cluster.api import Api
from mlops_sandbox.cluster.argo_logs import WATCH_SECONDS, ArgoCall, WorkflowLogs, has_ended
from mlops_sandbox.cluster.fields import select
from mlops_sandbox.cluster.logs import LogStore
from mlops_sandbox.cluster.representation import Form
from mlops_sandbox.cluster.resources import PODS, WORKFLOWS, Resource
from mlops_sandbox.cluster.status import ApiError
from mlops_sandbox.cluster.store import Store
from mlops_sandbox.cluster.watch import Watch, WatchRequest

# gRPC's codes by HTTP status, as the server maps them; any other status below 500 becomes an invalid argument.
GRPC_CODES = {401: 16, 403: 7, 404: 5, 409: 6, 429: 8, 500: 13, 501: 12, 503: 14, 504: 4}
HTTP_STATUSES = {3: 400, 4: 504, 5: 404, 6: 409, 7: 403, 8: 429, 12: 501, 13: 500, 14: 503, 16: 401}
Handler = Callable[["ArgoCall"], Coroutine[Any, Any, Response]]


class ArgoServer:
    """The server in authentication mode `client`: it acts with the caller's token."""

    def __init__(self, store: Store, logs: LogStore, api: Api, managed_namespace: str) -> None:
        self._store = store
        self._logs = logs
        self._api = api
        self._managed_namespace = managed_namespace
        self.archive: dict[str, Json] = {}  # by uid
        self.artifacts: dict[tuple[str, str, str], bytes | None] = {}  # by the workflow's uid, node and name; None: a folder
        of_workflow = "/api/v1/workflows/{namespace}/{name}"
        self.app = Starlette(routes=[
            self._route("/api/v1/version", self._version),
            self._route("/api/v1/info", self._info),
            self._route("/api/v1/workflows/{namespace}", self._create, "POST"),
            self._route("/api/v1/workflows/{namespace}", self._list),
            self._route("/api/v1/workflows/{namespace}/lint", self._lint, "POST"),
            self._route(of_workflow, self._get),
            self._route(f"{of_workflow}/resume", self._resume, "PUT"),
            self._route(f"{of_workflow}/set", self._set, "PUT"),
            self._route(f"{of_workflow}/retry", self._retry, "PUT"),
            self._route(f"{of_workflow}/stop", self._stop, "PUT"),
            self._route(f"{of_workflow}/terminate", self._terminate, "PUT"),
            self._route(f"{of_workflow}/log", self._log),
            self._route("/artifact-files/{namespace}/{source}/{name}/{node}/outputs/{artifact}", self._artifact),
            self._route("/api/v1/archived-workflows/{name}", self._get_archived),
            self._route("/api/v1/archived-workflows/{name}/retry", self._retry_archived, "PUT"),
            self._route("/api/v1/workflow-events/{namespace}", self._watch),
            self._route("/api/v1/workflow-templates/{namespace}/{name}", self._getter(resources.WORKFLOW_TEMPLATES)),
            self._route("/api/v1/cluster-workflow-templates/{name}", self._getter(resources.CLUSTER_WORKFLOW_TEMPLATES)),
            self._route("/api/v1/cron-workflows/{namespace}/{name}", self._getter(resources.CRON_WORKFLOWS)),
        ])  # fmt: skip

    def _route(self, path: str, handler: Handler, method: str = "GET") -> Route:
        async def answer(request: Request) -> Response:
            parameters = request.path_params
            try:
                identity = self._authenticate(request)
                if handler != self._lint:  # whose faults are its own: `lint_refusal`, `lint_missing`
                    self._api.faults.raise_next()
                return await handler(
                    ArgoCall(
                        request=request,
                        identity=identity,
                        namespace=parameters.get("namespace", ""),
                        name=parameters.get("name", ""),
                    )
                )
            except ApiError as refusal:
                body = _refusal(refusal, stream=handler in (self._watch, self._log))
                fields = request.query_params.get("fields", "")
                return JSONResponse(select(body, fields), HTTP_STATUSES[_code(refusal)], refusal.headers)

        return Route(path, answer, methods=[method])

    def _authenticate(self, request: Request) -> Identity:
        header = request.headers.get("authorization", "")
        if not header.startswith(("Bearer ", "Basic ")):
            raise ApiError(401, "Unauthorized", "token not valid")
        return self._api.access.authenticate(header)

    def _authorize(self, call: ArgoCall, verb: str, resource: Resource, subresource: str = "") -> None:
        plural = f"{resource.plural}/{subresource}".rstrip("/")
        self._api.requests.append((verb, plural))
        authorize(call.identity, verb, resource, subresource, call.namespace, call.name)

    async def _version(self, _call: ArgoCall) -> Response:
        return JSONResponse({"version": "v4.0.2+sandbox", "goVersion": "", "compiler": "", "platform": ""})

    async def _info(self, _call: ArgoCall) -> Response:
        return JSONResponse({"managedNamespace": self._managed_namespace, "modals": {}})

    async def _lint(self, call: ArgoCall) -> Response:
        """Check a workflow as `argo lint` does; the cluster's API is asked only for the templates of other objects."""
        if self._api.faults.lint_missing:
            raise ApiError(404, "NotFound", "Not Found")
        _, workflow = await _workflow(call)
        if self._api.faults.lint_refusal:  # the server does not translate this error, as it does when it creates
            raise ApiError(500, "InternalError", self._api.faults.lint_refusal)
        return JSONResponse(workflow)

    async def _create(self, call: ArgoCall) -> Response:
        body, workflow = await _workflow(call)
        if self._api.faults.lint_refusal:
            raise status.bad_request(self._api.faults.lint_refusal)
        dry_run = bool(body.get("serverDryRun"))
        self._authorize(call, "create", WORKFLOWS)
        validation.check(WORKFLOWS, call.namespace, workflow)
        self._store.get(resources.NAMESPACES, "", call.namespace)
        return JSONResponse(self._store.create(WORKFLOWS, call.namespace, workflow, dry_run=dry_run))

    async def _list(self, call: ArgoCall) -> Response:
        """The real one asks Kubernetes whether the caller may list, and answers from its own record."""
        try:
            self._authorize(call, "list", WORKFLOWS)
        except ApiError:
            message = (
                f'Permission denied, you are not allowed to list workflows in namespace "{call.namespace}". Maybe you want '
                f"to specify a namespace with query parameter `.namespace={call.namespace}`?"
            )
            raise ApiError(403, "Forbidden", message) from None
        selects = selectors.label_predicate(call.query("listOptions.labelSelector"))
        items, revision = self._store.items(WORKFLOWS, call.namespace)
        found = [item for item in items if selects(item)]
        limit = call.query("listOptions.limit")
        if limit.isdigit() and int(limit):
            found = found[: int(limit)]  # and without an archive v4.0 does not say that there are more
        listed = {"metadata": {"resourceVersion": str(revision)}, "items": found or None}
        return JSONResponse(select(listed, call.query("fields")))

    async def _get(self, call: ArgoCall) -> Response:
        self._authorize(call, "get", WORKFLOWS)
        try:
            workflow = self._store.get(WORKFLOWS, call.namespace, call.name)
        except ApiError:
            place = (call.namespace, call.name)
            archived = [
                one for one in self.archive.values() if (one["metadata"]["namespace"], one["metadata"]["name"]) == place
            ]
            if not archived:
                raise
            workflow = archived[-1]
        return JSONResponse(select(workflow, call.query("fields")))

    async def _artifact(self, call: ArgoCall) -> Response:
        """Answer 500 for whatever is missing, and send a folder on to its listing; a file comes with its name."""
        parameters = call.request.path_params
        try:
            if parameters["source"] == "archived-workflows":
                workflow = self._archived(call)
            else:
                self._authorize(call, "get", WORKFLOWS)
                workflow = self._store.get(WORKFLOWS, call.namespace, call.name)
            content = self.artifacts[workflow["metadata"]["uid"], parameters["node"], parameters["artifact"]]
        except (ApiError, KeyError):
            return PlainTextResponse("Internal Server Error\n", 500)
        if content is None:
            return Response(status_code=307, headers={"Location": f"{call.request.url}/"})
        media_type = "text/html" if content.startswith(b"<") else "application/octet-stream"
        headers = {"Content-Disposition": f'filename="{parameters["artifact"]}"'}
        return Response(content, media_type=media_type, headers=headers)

    async def _get_archived(self, call: ArgoCall) -> Response:
        return JSONResponse(self._archived(call))

    def _archived(self, call: ArgoCall) -> Json:
        if not self.archive:  # as of a server without a database
            raise ApiError(500, "InternalError", "getting archived workflows not supported")
        if call.name not in self.archive:
            raise ApiError(404, "NotFound", "not found")
        archived = self.archive[call.name]
        self._authorize(replace(call, namespace=archived["metadata"]["namespace"]), "get", WORKFLOWS)
        return archived

    async def _retry_archived(self, call: ArgoCall) -> Response:
        """Create the workflow anew, under the same name and another uid, with what has succeeded."""
        workflow = copy.deepcopy(self._archived(call))
        body = json.loads(await call.request.body() or b"{}")
        place = replace(call, namespace=str(body["namespace"]), name=workflow["metadata"]["name"])
        with contextlib.suppress(ApiError):
            self._store.get(WORKFLOWS, place.namespace, place.name)
            message = "Workflow already exists on cluster, use argo retry {name} instead"
            return JSONResponse(_refusal(ApiError(409, "AlreadyExists", message), stream=False), 409)
        retried = argo_control.retried(workflow, [str(text) for text in body.get("parameters") or []], _restart(body))
        self._authorize(place, "create", WORKFLOWS)
        retried["metadata"].pop("resourceVersion", None)
        return JSONResponse(self._store.create(WORKFLOWS, place.namespace, retried))

    def _getter(self, resource: Resource) -> Handler:
        async def get(call: ArgoCall) -> Response:
            self._authorize(call, "get", resource)
            return JSONResponse(self._store.get(resource, call.namespace, call.name))

        return get

    async def _resume(self, call: ArgoCall) -> Response:
        body = json.loads(await call.request.body() or b"{}")
        if selector := str(body.get("nodeFieldSelector") or ""):
            return self._update_nodes(call, selector, argo_control.NodeValues("Succeeded", "", {}))
        self._authorize(call, "get", WORKFLOWS)
        self._store.get(WORKFLOWS, call.namespace, call.name)
        resumed = argo_control.resumed(copy.deepcopy(self._store.get(WORKFLOWS, call.namespace, call.name)))
        if resumed != self._store.get(WORKFLOWS, call.namespace, call.name):
            try:
                self._authorize(call, "update", WORKFLOWS)
            except ApiError as refusal:
                raise argo_control.repeated(refusal.message) from None
        return JSONResponse(self._store.change(WORKFLOWS, call.namespace, call.name, argo_control.resumed))

    async def _set(self, call: ArgoCall) -> Response:
        body = json.loads(await call.request.body() or b"{}")
        return self._update_nodes(call, *argo_control.node_values(body))

    def _update_nodes(self, call: ArgoCall, selector: str, values: argo_control.NodeValues) -> Response:
        """Change waiting nodes; a refused write is not repeated here, other than where all of the workflow is resumed."""

        def edit(workflow: Json) -> Json:
            return argo_control.updated_nodes(workflow, selector, values)

        self._authorize(call, "get", WORKFLOWS)
        edit(copy.deepcopy(self._store.get(WORKFLOWS, call.namespace, call.name)))
        self._authorize(call, "update", WORKFLOWS)
        return JSONResponse(self._store.change(WORKFLOWS, call.namespace, call.name, edit))

    async def _retry(self, call: ArgoCall) -> Response:
        self._authorize(call, "get", WORKFLOWS)
        current = self._store.get(WORKFLOWS, call.namespace, call.name)
        body = json.loads(await call.request.body() or b"{}")
        parameters = [str(text) for text in body.get("parameters") or []]
        restart = _restart(body)
        argo_control.retried(copy.deepcopy(current), parameters, restart)  # may it be retried?
        for pod in argo_control.pods_to_delete(current, restart):
            self._authorize(call, "delete", PODS)
            with contextlib.suppress(ApiError):  # it is gone already
                self._store.delete(PODS, call.namespace, pod)
        self._authorize(call, "update", WORKFLOWS)

        def edit(workflow: Json) -> Json:
            return argo_control.retried(workflow, parameters, restart)

        return JSONResponse(self._store.change(WORKFLOWS, call.namespace, call.name, edit))

    async def _stop(self, call: ArgoCall) -> Response:
        return self._shut_down(call, "Stop")

    async def _terminate(self, call: ArgoCall) -> Response:
        return self._shut_down(call, "Terminate")

    def _shut_down(self, call: ArgoCall, strategy: str) -> Response:
        self._authorize(call, "get", WORKFLOWS)
        if has_ended(self._store.get(WORKFLOWS, call.namespace, call.name)):
            message = f'cannot shutdown a completed workflow: workflow: "{call.name}", namespace: "{call.namespace}"'
            raise ApiError(500, "InternalError", message)
        self._authorize(call, "patch", WORKFLOWS)

        def edit(workflow: Json) -> Json:
            workflow["spec"]["shutdown"] = strategy
            return workflow

        return JSONResponse(self._store.change(WORKFLOWS, call.namespace, call.name, edit))

    async def _watch(self, call: ArgoCall) -> Response:
        selector, version = call.query("listOptions.fieldSelector"), call.query("listOptions.resourceVersion")
        name = selector.removeprefix("metadata.name=") if selector.startswith("metadata.name=") else ""
        if name:
            self._authorize(call, "get", WORKFLOWS)
            self._store.get(WORKFLOWS, call.namespace, name)
        self._authorize(call, "watch", WORKFLOWS)
        seconds = float(call.query("listOptions.timeoutSeconds") or WATCH_SECONDS)
        watch = Watch(
            self._store,
            WatchRequest(
                resource=WORKFLOWS,
                namespace=call.namespace,
                selects=selectors.field_predicate(selector, WORKFLOWS),
                form=Form.OBJECT,
                include="",
                revision=int(version) if version.isdigit() and version != "0" else None,
                seconds=min(seconds, self._api.faults.watch_seconds or seconds),
                bookmarks=False,
                initial_events=False,
            ),
            self._api.watches,
        )

        async def lines() -> AsyncIterator[Json]:
            async for line in watch.lines():
                event = json.loads(line)
                if event["type"] == "ERROR":
                    error = event["object"]
                    raise ApiError(error["code"], error["reason"], error["message"])
                yield event
            raise ApiError(429, "Too Many Requests", "EOF")

        return await _stream(lines(), call.query("fields"))

    async def _log(self, call: ArgoCall) -> Response:
        self._authorize(call, "get", WORKFLOWS)
        self._store.get(WORKFLOWS, call.namespace, call.name)
        self._authorize(call, "watch", PODS)
        self._authorize(call, "list", PODS)
        return await _stream(WorkflowLogs(self._store, self._logs, call, self._api.faults).lines())


async def _stream(lines: AsyncIterator[Json], fields: str = "") -> Response:
    """Answer with one result a line; send no header before the first."""
    try:
        first = await anext(lines, None)
    except ApiError as refusal:
        return JSONResponse(select(_refusal(refusal, stream=True), fields), HTTP_STATUSES[_code(refusal)])

    async def rendered() -> AsyncIterator[bytes]:
        if first is not None:
            yield _line({"result": first}, fields)
            try:
                async for line in lines:
                    yield _line({"result": line}, fields)
            except ApiError as refusal:
                yield _line(_refusal(refusal, stream=True), fields)

    return StreamingResponse(rendered(), media_type="application/json")


def _line(value: Json, fields: str) -> bytes:
    return json.dumps(select(value, fields), separators=(",", ":")).encode() + b"\n"


async def _workflow(call: ArgoCall) -> tuple[Json, Json]:
    """Return the body and its workflow; the server parses it as a Workflow of any kind, and validates it."""
    try:
        body = json.loads(await call.request.body())
        workflow = dict(body["workflow"])
    except (ValueError, KeyError, TypeError):
        raise status.bad_request("workflow body not specified") from None
    workflow |= {"apiVersion": WORKFLOWS.api_version, "kind": WORKFLOWS.kind}
    _check_entrypoint(workflow)
    return body, workflow


def _check_entrypoint(workflow: Json) -> None:
    spec = workflow.get("spec") or {}
    entrypoint, templates = spec.get("entrypoint"), spec.get("templates") or []
    if entrypoint and templates and entrypoint not in [template.get("name") for template in templates]:
        raise status.bad_request(f"template name '{entrypoint}' undefined")


def _code(refusal: ApiError) -> int:
    return GRPC_CODES.get(refusal.code, 3 if refusal.code < 500 else 13)


def _restart(body: Json) -> str:
    """Return which successful nodes begin again; each of both fields has no effect without the other."""
    return str(body.get("nodeFieldSelector") or "") if body.get("restartSuccessful") else ""


def _refusal(refusal: ApiError, *, stream: bool) -> Json:
    code = _code(refusal)
    if not stream:
        return {"code": code, "message": refusal.message}
    return {
        "error": {
            "grpc_code": code,
            "http_code": HTTP_STATUSES[code],
            "message": refusal.message,
            "http_status": refusal.reason,
        }
    }
