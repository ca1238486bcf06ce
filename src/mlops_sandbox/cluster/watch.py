"""Watches: the changes after a resourceVersion, as lines of JSON, until a timeout or a close."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass

from mlops_actions.core.types import Json
from mlops_sandbox.cluster import representation
from mlops_sandbox.cluster.representation import Form
from mlops_sandbox.cluster.resources import Resource
from mlops_sandbox.cluster.selectors import Predicate
from mlops_sandbox.cluster.status import ApiError
from mlops_sandbox.cluster.store import Change, Store
from mlops_sandbox.cluster.wakeup import Wakeup


class WatchRegistry:
    """The open watches, so that a test (or a restart) can close them all."""

    def __init__(self) -> None:
        self._open: set[Watch] = set()

    def add(self, watch: Watch) -> None:
        """Register an open watch."""
        self._open.add(watch)

    def discard(self, watch: Watch) -> None:
        """Remove a watch that ended."""
        self._open.discard(watch)

    def close_all(self) -> int:
        """End every open watch, as an API server that shuts down does; returns how many there were."""
        closing = list(self._open)
        for watch in closing:
            watch.close()
        return len(closing)


@dataclass(frozen=True)
class WatchRequest:
    """The objects that a client watches; revision None means the current objects first, then the changes."""

    resource: Resource
    namespace: str | None
    selects: Predicate
    form: Form
    include: str
    revision: int | None
    seconds: float
    bookmarks: bool
    initial_events: bool  # `sendInitialEvents`: the current objects, then a bookmark that ends them


class Watch:
    """One watch; iterate over `lines()` once."""

    def __init__(self, store: Store, request: WatchRequest, registry: WatchRegistry) -> None:
        self._store = store
        self._request = request
        self._registry = registry
        self._wakeup = Wakeup()
        self._closed = False
        self._first_table = True

    def close(self) -> None:
        """End the stream, from any thread."""
        self._closed = True
        self._wakeup.set()

    async def lines(self) -> AsyncIterator[bytes]:
        """Yield one event a line; ends with an ERROR event (410) where the history does not reach back far enough."""
        unsubscribe = self._store.subscribe(self._wake)
        self._registry.add(self)
        try:
            async for event in self._events():
                yield json.dumps(event, separators=(",", ":")).encode() + b"\n"
        finally:
            self._registry.discard(self)
            unsubscribe()

    def _wake(self, _change: Change) -> None:
        self._wakeup.set()

    async def _events(self) -> AsyncIterator[Json]:
        request = self._request
        end = asyncio.get_running_loop().time() + request.seconds
        if request.revision is None or request.initial_events:
            items, cursor = self._store.items(request.resource, request.namespace)
            for value in items:
                if request.selects(value):
                    yield self._event("ADDED", value)
            if request.initial_events and request.bookmarks:
                yield self._bookmark(cursor, {"k8s.io/initial-events-end": "true"})
        else:
            cursor = request.revision
        while not self._closed:
            try:
                changes = self._store.changes_since(cursor)
            except ApiError as error:
                yield {"type": "ERROR", "object": error.status()}
                return
            for change in changes:
                cursor = change.revision
                for event in self._selected_events(change):
                    yield event
            remaining = end - asyncio.get_running_loop().time()
            if remaining <= 0 or not await self._wakeup.wait(remaining):
                break
        if request.bookmarks and not self._closed:
            yield self._bookmark(cursor, {})

    def _bookmark(self, revision: int, annotations: dict[str, str]) -> Json:
        resource = self._request.resource
        metadata: Json = {"resourceVersion": str(revision), "creationTimestamp": None}
        if annotations:
            metadata["annotations"] = annotations
        bookmark = {"kind": resource.kind, "apiVersion": resource.api_version, "metadata": metadata}
        return {"type": "BOOKMARK", "object": bookmark}

    def _selected_events(self, change: Change) -> Iterator[Json]:
        """Yield the change as a client with a selector sees it: entering is ADDED, leaving is DELETED."""
        request = self._request
        if change.resource is not request.resource:
            return
        if request.namespace not in (None, change.value["metadata"].get("namespace")):
            return
        before = change.before is not None and request.selects(change.before)
        after = change.kind != "DELETED" and request.selects(change.value)
        if before and after:
            yield self._event("MODIFIED", change.value)
        elif after:
            yield self._event("ADDED", change.value)
        elif before:
            yield self._event("DELETED", change.value)

    def _event(self, kind: str, value: Json) -> Json:
        document = representation.of_object(self._request.form, self._request.resource, value, self._request.include)
        if self._request.form is Form.TABLE:
            if not self._first_table:
                document["columnDefinitions"] = None  # sent once a watch, as Kubernetes does
            self._first_table = False
        return {"type": kind, "object": document}
