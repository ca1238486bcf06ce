"""The objects of the cluster, their history, and the subscribers to changes.

One counter numbers every change of every object, as etcd does: an object's `resourceVersion` is the number of its last
change, and a list's is the counter itself. The store keeps the last `window` changes.
"""

from __future__ import annotations

import copy
import itertools
import secrets
import string
import threading
import uuid
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from mlops_actions.core.types import Json
from mlops_sandbox.cluster import resources, status
from mlops_sandbox.cluster.resources import Resource
from mlops_sandbox.timestamps import timestamp

DEFAULT_WINDOW = 2_000
# Kubernetes appends five characters to generateName and first cuts it to 58: so names stay within 63.
NAME_SUFFIX_LENGTH = 5
MAX_GENERATE_NAME_LENGTH = 58
NAME_SUFFIX_ALPHABET = "".join(sorted(set(string.ascii_lowercase + string.digits) - set("aeiou013")))

Listener = Callable[["Change"], None]


@dataclass(frozen=True)
class Change:
    """One numbered change; `value` is the object after it (after a deletion: as it was, with the deletion's number)."""

    revision: int
    kind: Literal["ADDED", "MODIFIED", "DELETED"]
    resource: Resource
    value: Json
    before: Json | None


def merge_patch(target: object, patch: object) -> object:
    """Apply a JSON merge patch (RFC 7396): null removes, objects merge, anything else replaces."""
    if not isinstance(patch, dict):
        return patch
    merged = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = merge_patch(merged.get(key), value)
    return merged


class Store:
    """All objects, safe to use from any thread.

    Callers share the objects it returns, so they never change one in place: they `create`, `change` and `delete`.
    """

    def __init__(self, *, window: int = DEFAULT_WINDOW) -> None:
        # The message of an admission webhook that denies every new workflow; empty: there is no such webhook.
        self.denied_by_webhook = ""
        self._lock = threading.RLock()
        self._objects: dict[tuple[str, str, str], Json] = {}
        self._history: deque[Change] = deque(maxlen=window)
        self._revision = 1
        self._compacted = 0  # watches cannot start below this revision
        self._listeners: list[Listener] = []

    @property
    def revision(self) -> int:
        """The number of the last change."""
        with self._lock:
            return self._revision

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Call `listener` after every change, in the thread of the change; returns a function that unsubscribes."""
        with self._lock:
            self._listeners.append(listener)

        def unsubscribe() -> None:
            with self._lock:
                if listener in self._listeners:
                    self._listeners.remove(listener)

        return unsubscribe

    def get(self, resource: Resource, namespace: str, name: str) -> Json:
        """Return one object; raises ApiError 404."""
        with self._lock:
            value = self._objects.get((resource.qualified, namespace, name))
        if value is None:
            raise status.not_found(resource.qualified, name)
        return value

    def items(self, resource: Resource, namespace: str | None = None) -> tuple[list[Json], int]:
        """Return the objects of a namespace (of all of them: None) by name, and their revision."""
        with self._lock:
            items = [
                value
                for (kind, where, _), value in sorted(self._objects.items())
                if kind == resource.qualified and namespace in (None, where)
            ]
            return items, self._revision

    def create(self, resource: Resource, namespace: str, value: Json, *, dry_run: bool = False) -> Json:
        """Store a new object under its name, or under one generated from its generateName; raises ApiError 409 or 400."""
        if self.denied_by_webhook and resource is resources.WORKFLOWS:
            raise status.denied_by_webhook(self.denied_by_webhook)
        created = copy.deepcopy(value)
        metadata: Json = created.setdefault("metadata", {})
        with self._lock:
            if not metadata.get("name"):
                metadata["name"] = self._generate_name(resource, namespace, str(metadata.get("generateName", "")))
            name = metadata["name"]
            key = (resource.qualified, namespace, name)
            if key in self._objects:
                raise status.already_exists(resource.qualified, name)
            metadata.update(uid=str(uuid.uuid4()), creationTimestamp=timestamp(), generation=1)
            if resource.namespaced:
                metadata["namespace"] = namespace
            created.update(apiVersion=resource.api_version, kind=resource.kind)
            if dry_run:
                return created
            change = self._record("ADDED", resource, created, None)
            self._objects[key] = created
        self._notify(change)
        return created

    def change(
        self, resource: Resource, namespace: str, name: str, edit: Callable[[Json], Json], *, dry_run: bool = False
    ) -> Json:
        """Replace an object by `edit(a copy of it)`; the metadata that the server owns stays. Raises ApiError.

        A resourceVersion or uid in the new object that is not the current one is a conflict (409). An edit that
        changes nothing leaves the revision as it is.
        """
        with self._lock:
            current = self.get(resource, namespace, name)
            edited = edit(copy.deepcopy(current))
            metadata: Json = edited.setdefault("metadata", {})
            for field in ("resourceVersion", "uid"):
                if metadata.get(field) not in (None, "", current["metadata"][field]):
                    raise status.conflict(resource.qualified, name)
            for field in ("name", "namespace", "uid", "creationTimestamp", "generation", "resourceVersion"):
                if field in current["metadata"]:
                    metadata[field] = current["metadata"][field]
            edited.update(apiVersion=resource.api_version, kind=resource.kind)
            if edited == current or dry_run:
                return edited
            if edited.get("spec") != current.get("spec"):
                metadata["generation"] = current["metadata"]["generation"] + 1
            change = self._record("MODIFIED", resource, edited, current)
            self._objects[(resource.qualified, namespace, name)] = edited
        self._notify(change)
        return edited

    def delete(self, resource: Resource, namespace: str, name: str, *, dry_run: bool = False) -> Json:
        """Remove an object and the objects it owns; returns it as it was. Raises ApiError 404."""
        with self._lock:
            current = self.get(resource, namespace, name)
            if dry_run:
                return current
            changes = [self._remove(resource, namespace, current)]
            changes += [
                self._remove(owned_resource, namespace, owned)
                for owned_resource, owned in self._owned_by(current["metadata"]["uid"], namespace)
            ]
        for change in changes:
            self._notify(change)
        return current

    def changes_since(self, revision: int) -> list[Change]:
        """Return the changes after `revision`, oldest first; raises ApiError 410 where the history is too short."""
        with self._lock:
            oldest = self._history[0].revision if self._history else self._revision + 1
            if revision < max(self._compacted, oldest - 1):
                raise status.expired(f"too old resource version: {revision} ({oldest})")
            newer = itertools.takewhile(lambda change: change.revision > revision, reversed(self._history))
            return list(newer)[::-1]

    def compact(self) -> None:
        """Drop all changes so far, as etcd does from time to time: older resourceVersions are Gone from now on."""
        with self._lock:
            self._revision += 1
            self._compacted = self._revision
            self._history.clear()

    def _generate_name(self, resource: Resource, namespace: str, base: str) -> str:
        while True:
            suffix = "".join(secrets.choice(NAME_SUFFIX_ALPHABET) for _ in range(NAME_SUFFIX_LENGTH))
            name = base[:MAX_GENERATE_NAME_LENGTH] + suffix
            if (resource.qualified, namespace, name) not in self._objects:
                return name

    def _record(
        self, kind: Literal["ADDED", "MODIFIED", "DELETED"], resource: Resource, value: Json, before: Json | None
    ) -> Change:
        self._revision += 1
        value["metadata"]["resourceVersion"] = str(self._revision)
        change = Change(revision=self._revision, kind=kind, resource=resource, value=value, before=before)
        self._history.append(change)
        return change

    def _remove(self, resource: Resource, namespace: str, current: Json) -> Change:
        del self._objects[(resource.qualified, namespace, current["metadata"]["name"])]
        deleted = {**current, "metadata": dict(current["metadata"])}
        return self._record("DELETED", resource, deleted, current)

    def _owned_by(self, uid: str, namespace: str) -> list[tuple[Resource, Json]]:
        by_name = {resource.qualified: resource for resource in resources.ALL}
        return [
            (by_name[kind], value)
            for (kind, where, _), value in list(self._objects.items())
            if where == namespace and any(owner.get("uid") == uid for owner in value["metadata"].get("ownerReferences", []))
        ]

    def _notify(self, change: Change) -> None:
        with self._lock:
            listeners = list(self._listeners)
        for listener in listeners:
            listener(change)
