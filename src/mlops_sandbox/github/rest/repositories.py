"""Repositories, branches, the activity of branches, dispatches."""

from __future__ import annotations

import json
from typing import Any

from mlops_sandbox.github.responses import ApiError, ApiResponse, invalid_request
from mlops_sandbox.github.rest.call import REPO, Call, Routes
from mlops_sandbox.github.serializers import repository as serializers

routes = Routes()

MAX_DISPATCH_PROPERTIES = 10
MAX_DISPATCH_TYPE_LENGTH = 100
MAX_DISPATCH_BYTES = 65_535


@routes("GET", REPO)
def get_repository(call: Call) -> ApiResponse:
    """Read a repository."""
    viewer = call.token.actor if call.token and call.token.permissions is None else None
    return ApiResponse(200, serializers.full(call.repository, viewer, call.links))


@routes("GET", f"{REPO}/activity")
def list_activity(call: Call) -> ApiResponse:
    """List the activity of branches, newest first; `ref`, `actor` and `activity_type` filter it."""
    repo, ref, actor = call.repository, call.query.get("ref"), call.query.get("actor")
    kind = call.query.get("activity_type")
    full_ref = ref if ref is None or ref.startswith("refs/") else f"refs/heads/{ref}"
    items = [
        item
        for item in repo.activity
        if full_ref in (None, item.ref) and actor in (None, item.actor.login) and kind in (None, item.kind)
    ]
    if call.query.get("direction", "desc") == "desc":
        items.reverse()
    return call.page(items, lambda item: serializers.activity(item, call.links))


@routes("GET", f"{REPO}/branches/{{branch:path}}")
def get_branch(call: Call) -> ApiResponse:
    """Read a branch with its protection."""
    if call.params["branch"] not in call.repository.branches:
        raise ApiError(404, "Branch not items")
    return ApiResponse(200, serializers.branch(call.params["branch"], call.repository, call.links))


@routes("POST", f"{REPO}/dispatches", role="write")
def create_dispatch(call: Call) -> ApiResponse:
    """Send a `repository_dispatch`."""
    event_type = call.text("event_type", resource="RepositoryDispatch", required=True) or ""
    payload: Any = call.body.get("client_payload", {})
    if len(event_type) > MAX_DISPATCH_TYPE_LENGTH:
        raise invalid_request(f"event_type is too long (maximum is {MAX_DISPATCH_TYPE_LENGTH} characters)")
    if not isinstance(payload, dict):
        raise invalid_request("For 'properties/client_payload', the value is not an object.")
    if len(payload) > MAX_DISPATCH_PROPERTIES:
        raise invalid_request(
            f"No more than {MAX_DISPATCH_PROPERTIES} properties are allowed; {len(payload)} were supplied."
        )
    if len(json.dumps(payload).encode()) > MAX_DISPATCH_BYTES:
        raise invalid_request("client_payload is too large.")
    call.repository.dispatch(event_type, payload, by=call.actor)
    return ApiResponse(204)


@routes("GET", f"{REPO}/forks")
def list_forks(call: Call) -> ApiResponse:
    """List forks."""
    forks = [fork for fork in call.repository.forks if not fork.deleted]
    return call.page(forks, lambda fork: serializers.minimal(fork, call.links))
