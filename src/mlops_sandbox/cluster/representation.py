"""The representations of an object: whole, metadata only, or the rows of a table (`kubectl get`)."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import Enum

from mlops_actions.core.types import Json
from mlops_sandbox.cluster import status
from mlops_sandbox.cluster.fields import text_at
from mlops_sandbox.cluster.resources import PODS, WORKFLOWS, Resource

META = "meta.k8s.io/v1"


class Form(Enum):
    """The representation that `Accept` asks for."""

    OBJECT = "object"
    METADATA = "metadata"
    TABLE = "table"


_MESSAGE = ("Message", ("status", "message"))
_STATUS = ("Status", ("status", "phase"))
_COLUMNS: dict[str, tuple[tuple[str, tuple[str, ...]], ...]] = {
    WORKFLOWS.plural: (_STATUS, _MESSAGE),
    PODS.plural: (_STATUS,),
}


def negotiate(accept: str) -> Form:
    """Return the first form of an `Accept` header that is served; raises ApiError 406 where none is."""
    for choice in accept.split(",") if accept.strip() else ["*/*"]:
        media, *options = (part.strip() for part in choice.split(";"))
        if media not in ("application/json", "application/*", "*/*"):
            continue
        parameters = dict(option.split("=", 1) for option in options if "=" in option)
        kind = parameters.get("as", "")
        if not kind:
            return Form.OBJECT
        if parameters.get("g") == "meta.k8s.io" and parameters.get("v") == "v1":
            if kind == "Table":
                return Form.TABLE
            if kind in ("PartialObjectMetadata", "PartialObjectMetadataList"):
                return Form.METADATA
    raise status.not_acceptable()


def of_object(form: Form, resource: Resource, value: Json, include: str) -> Json:
    """Return one object in a form; `include` is the request's `includeObject` (None, Metadata, Object)."""
    if form is Form.METADATA:
        return _metadata(value)
    if form is Form.TABLE:
        return _table(resource, [value], include, value["metadata"].get("resourceVersion", ""))
    return value


def of_list(form: Form, resource: Resource, items: list[Json], list_metadata: Json, include: str) -> Json:
    """Return a list of objects in a form."""
    if form is Form.TABLE:
        return {**_table(resource, items, include, ""), "metadata": list_metadata}
    if form is Form.METADATA:
        return {
            "kind": "PartialObjectMetadataList",
            "apiVersion": META,
            "metadata": list_metadata,
            "items": [_metadata(item) for item in items],
        }
    return {
        "kind": f"{resource.kind}List",
        "apiVersion": resource.api_version,
        "metadata": list_metadata,
        "items": items,
    }


def _metadata(value: Json) -> Json:
    return {"kind": "PartialObjectMetadata", "apiVersion": META, "metadata": value["metadata"]}


def _table(resource: Resource, items: list[Json], include: str, revision: str) -> Json:
    columns = _COLUMNS.get(resource.plural, ())
    names = ["Name", *(name for name, _ in columns), "Age"]
    return {
        "kind": "Table",
        "apiVersion": META,
        "metadata": {"resourceVersion": revision},
        "columnDefinitions": [
            {"name": name, "type": "string", "format": "name" if name == "Name" else "", "description": "", "priority": 0}
            for name in names
        ],
        "rows": [_row(value, [path for _, path in columns], include) for value in items],
    }


def _row(value: Json, paths: list[tuple[str, ...]], include: str) -> Json:
    row: Json = {"cells": [value["metadata"]["name"], *(text_at(value, path) for path in paths), _age(value)]}
    if include == "Object":
        row["object"] = value
    elif include != "None":
        row["object"] = _metadata(value)
    return row


def _age(value: Json) -> str:
    created = datetime.fromisoformat(value["metadata"]["creationTimestamp"])
    return f"{int((datetime.now(UTC) - created).total_seconds())}s"
