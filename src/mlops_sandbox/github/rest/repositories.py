"""Repositories, branches, the activity of branches, dispatches."""

from __future__ import annotations

import json
from typing import Any

from mlops_sandbox.github.rest.call import Answer, ApiError, Call, Routes, refused_body
from mlops_sandbox.github.rest.discussions import REPO
from mlops_sandbox.github.shapes import repository as shapes

routes = Routes()

DISPATCH_PROPERTIES = 10
DISPATCH_TYPE_LENGTH = 100
DISPATCH_BYTES = 65_535


@routes("GET", REPO, "metadata=read")
def get_repository(call: Call) -> Answer:
    """Read a repository."""
    viewer = call.token.actor if call.token and call.token.permissions is None else None
    return Answer(200, shapes.full(call.repository, viewer, call.links))


@routes("GET", f"{REPO}/activity", "contents=read")
def list_activity(call: Call) -> Answer:
    """List what happened to branches, newest first; `ref`, `actor` and `activity_type` narrow it."""
    repo, ref, actor = call.repository, call.query.get("ref"), call.query.get("actor")
    kind = call.query.get("activity_type")
    full_ref = ref if ref is None or ref.startswith("refs/") else f"refs/heads/{ref}"
    found = [
        item
        for item in repo.activity
        if full_ref in (None, item.ref) and actor in (None, item.actor.login) and kind in (None, item.kind)
    ]
    if call.query.get("direction", "desc") == "desc":
        found.reverse()
    return call.page(found, lambda item: shapes.activity(item, call.links))


@routes("GET", f"{REPO}/branches/{{branch:path}}", "contents=read")
def get_branch(call: Call) -> Answer:
    """Read a branch with what protects it."""
    if call.params["branch"] not in call.repository.branches:
        raise ApiError(404, "Branch not found")
    return Answer(200, shapes.branch(call.params["branch"], call.repository, call.links))


@routes("POST", f"{REPO}/dispatches", "contents=write", role="write")
def create_dispatch(call: Call) -> Answer:
    """Send a `repository_dispatch`."""
    event_type = call.text("event_type", resource="RepositoryDispatch", required=True) or ""
    payload: Any = call.body.get("client_payload", {})
    if len(event_type) > DISPATCH_TYPE_LENGTH:
        raise refused_body(f"event_type is too long (maximum is {DISPATCH_TYPE_LENGTH} characters)")
    if not isinstance(payload, dict):
        raise refused_body("For 'properties/client_payload', the value is not an object.")
    if len(payload) > DISPATCH_PROPERTIES:
        raise refused_body(f"No more than {DISPATCH_PROPERTIES} properties are allowed; {len(payload)} were supplied.")
    if len(json.dumps(payload).encode()) > DISPATCH_BYTES:
        raise refused_body("client_payload is too large.")
    call.repository.dispatch(event_type, payload, by=call.actor)
    return Answer(204)


@routes("GET", f"{REPO}/forks", "metadata=read")
def list_forks(call: Call) -> Answer:
    """List forks."""
    forks = [fork for fork in call.repository.forks if not fork.deleted]
    return call.page(forks, lambda fork: shapes.minimal(fork, call.links))
