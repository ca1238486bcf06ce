"""A workflow object as the cluster shows it → what is known of its progress. Pure; tolerant of what is missing."""

from __future__ import annotations

import base64
import binascii
import contextlib
import importlib
import json
import re
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

Json = dict[str, Any]

LABEL_COMPLETED: Final = "workflows.argoproj.io/completed"
LABEL_PHASE: Final = "workflows.argoproj.io/phase"
ENDED: Final = frozenset({"Succeeded", "Failed", "Error"})
UNSUCCESSFUL: Final = frozenset({"Failed", "Error"})
COMPOSITES: Final = frozenset({"DAG", "Steps", "StepGroup", "TaskGroup", "Retry"})
UNREAD: Final = "the nodes are shown as far as their pods tell"
GZIP: Final = b"\x1f\x8b"
ZSTANDARD: Final = b"\x28\xb5\x2f\xfd"
# Node status is compressed to fit 1 MiB; what claims to be far larger than that could become is not unpacked.
MOST_UNPACKED: Final = 64 * 1024 * 1024
_ITEM: Final = re.compile(r"\((\d+)(?::.*)?\)$", re.DOTALL)


@dataclass(frozen=True)
class Node:
    """One entry of `status.nodes`."""

    id: str
    name: str
    display_name: str
    type: str
    template: str
    phase: str
    message: str = ""
    started: datetime | None = None
    finished: datetime | None = None
    children: tuple[str, ...] = ()
    boundary: str = ""
    exit_code: str = ""
    parameters: Mapping[str, str] = field(default_factory=dict)

    @property
    def seconds(self) -> float | None:
        """How long it took; None while it runs."""
        if self.started is None or self.finished is None:
            return None
        return (self.finished - self.started).total_seconds()

    @property
    def loop_name(self) -> str:
        """The display name without the number and item that a loop or a retry adds."""
        return _ITEM.sub("", self.display_name)


@dataclass(frozen=True)
class Status:
    """A workflow at one moment; `notes` says what of it could not be read."""

    name: str
    namespace: str
    uid: str
    version: str
    phase: str
    message: str = ""
    ended: bool = False
    started: datetime | None = None
    finished: datetime | None = None
    progress: str = ""
    nodes: Mapping[str, Node] = field(default_factory=dict)
    outputs: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def seconds(self) -> float | None:
        """How long the workflow took; None while it runs."""
        if self.started is None or self.finished is None:
            return None
        return (self.finished - self.started).total_seconds()

    @property
    def readable(self) -> bool:
        """Whether the record of the nodes could be read."""
        return bool(self.nodes) or not self.notes

    @property
    def root(self) -> Node | None:
        """The entrypoint's node: its id is the workflow's name."""
        return self.nodes.get(self.name)

    def failed(self) -> list[Node]:
        """Return the nodes to blame: failed ones that hold no others, without the attempts of a retry that came right."""
        forgiven = {
            child
            for node in self.nodes.values()
            if node.type == "Retry"
            for child in (node.children if node.phase not in UNSUCCESSFUL else node.children[:-1])
        }
        leaves = [
            node
            for node in self.nodes.values()
            if node.phase in UNSUCCESSFUL and node.type not in COMPOSITES and node.id not in forgiven
        ]
        if not leaves and self.root and self.root.phase in UNSUCCESSFUL:
            leaves = [self.root]
        return sorted(leaves, key=lambda node: (node.finished is None, str(node.finished), node.name))


def has_ended(metadata: Mapping[str, Any]) -> bool:
    """Tell from a workflow's metadata alone whether it has ended."""
    labels = metadata.get("labels") or {}
    return labels.get(LABEL_COMPLETED) == "true" or labels.get(LABEL_PHASE) in ENDED


def read(workflow: Mapping[str, Any]) -> Status:
    """Read a whole workflow object."""
    metadata, status = workflow.get("metadata") or {}, workflow.get("status") or {}
    notes: list[str] = []
    raw = _nodes(status, notes)
    name = str(metadata.get("name") or "")
    nodes = {str(key): _node(str(key), one, name) for key, one in raw.items() if isinstance(one, dict)}
    phase = str(status.get("phase") or "")
    root = nodes.get(name)
    return Status(
        name=name,
        namespace=str(metadata.get("namespace") or ""),
        uid=str(metadata.get("uid") or ""),
        version=str(metadata.get("resourceVersion") or ""),
        phase=phase,
        message=str(status.get("message") or ""),
        ended=phase in ENDED or (metadata.get("labels") or {}).get(LABEL_COMPLETED) == "true",
        started=moment(status.get("startedAt")),
        finished=moment(status.get("finishedAt")),
        progress=str(status.get("progress") or ""),
        nodes=nodes,
        outputs={**(root.parameters if root else {}), **_parameters(status.get("outputs"))},
        notes=tuple(notes),
    )


def _nodes(status: Mapping[str, Any], notes: list[str]) -> Mapping[str, Any]:
    nodes = status.get("nodes")
    if isinstance(nodes, dict) and nodes:
        return nodes
    if packed := status.get("compressedNodes"):
        try:
            return _unpacked(str(packed))
        except ValueError as problem:
            notes.append(f"{UNREAD}: {problem}")
    elif status.get("offloadNodeStatusVersion"):
        notes.append(f"{UNREAD}: Argo keeps the record of a workflow of this size in its database")
    return {}


def _unpacked(packed: str) -> Mapping[str, Any]:
    try:
        data = base64.b64decode(packed, validate=True)
    except binascii.Error:
        raise ValueError("their record is not base64") from None
    text = _inflated(data) if data.startswith(GZIP) else _from_zstandard(data)
    found = json.loads(text)
    if not isinstance(found, dict):
        raise ValueError("their record is no mapping")
    return found


def _inflated(data: bytes) -> bytes:
    inflate = zlib.decompressobj(wbits=31)
    try:
        text = inflate.decompress(data, MOST_UNPACKED)
    except zlib.error:
        raise ValueError("their record is damaged") from None
    if inflate.unconsumed_tail:
        raise ValueError("unpacked, their record would be too large")
    return text


def _from_zstandard(data: bytes) -> bytes:
    """Unpack Zstandard, which Python knows from 3.14 on; brotli, which bears no mark, it does not know."""
    if not data.startswith(ZSTANDARD):
        raise ValueError("their record is compressed by a method that is not known here (set Argo's to gzip)")
    zstd = _zstandard()
    unpack = zstd.ZstdDecompressor()
    try:
        text: bytes = unpack.decompress(data, MOST_UNPACKED)
    except zstd.ZstdError:
        raise ValueError("their record is damaged") from None
    if unpack.needs_input and not unpack.eof:
        raise ValueError("their record is damaged")
    if not unpack.eof:
        raise ValueError("unpacked, their record would be too large")
    return text


def _zstandard() -> Any:
    for name in ("compression.zstd", "backports.zstd"):
        with contextlib.suppress(ModuleNotFoundError):
            return importlib.import_module(name)
    raise ValueError("their record is compressed by Zstandard: install backports.zstd, or set Argo's to gzip")


def _node(identity: str, raw: Mapping[str, Any], workflow: str) -> Node:
    display = str(raw.get("displayName") or raw.get("name") or identity)
    outputs = raw.get("outputs") or {}
    return Node(
        id=identity,
        name=str(raw.get("name") or identity),
        display_name=display.removeprefix(f"{workflow}."),  # an exit handler's is NAME.onExit
        type=str(raw.get("type") or ""),
        template=str(raw.get("templateName") or (raw.get("templateRef") or {}).get("template") or ""),
        phase=str(raw.get("phase") or ""),
        message=str(raw.get("message") or ""),
        started=moment(raw.get("startedAt")),
        finished=moment(raw.get("finishedAt")),
        children=tuple(str(child) for child in raw.get("children") or ()),
        boundary=str(raw.get("boundaryID") or ""),
        exit_code=str(outputs.get("exitCode") or ""),
        parameters=_parameters(outputs),
    )


def _parameters(outputs: object) -> dict[str, str]:
    entries = outputs.get("parameters") if isinstance(outputs, dict) else None
    return {
        str(one["name"]): str(one["value"])
        for one in entries or ()
        if isinstance(one, dict) and one.get("name") and one.get("value") is not None
    }


def moment(text: object) -> datetime | None:
    """Read a time of Kubernetes; None for what is none."""
    try:
        return datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None
