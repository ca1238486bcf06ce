"""What an Argo manifest refers to: secrets, service account, pull secrets, GPUs."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from mlops_actions.core.types import Json

INLINE = "the input 'workflow'"  # stands for the path of a manifest that the input itself holds
_GPU = re.compile(r"[a-z.]+/(?:gpu|.*gpu.*)")


@dataclass(frozen=True)
class ArgoManifest:
    """The workflow of a manifest, and what it needs of its namespace. Names with Argo's `{{…}}` are left out."""

    document: Json
    secrets: tuple[str, ...]
    pull_secrets: tuple[str, ...]
    service_account: str
    wants_gpu: bool
    left_out: tuple[str, ...] = ()  # a warning for each other document of the file


def needs_of(workflow: Json) -> ArgoManifest:
    """Return what a workflow refers to."""
    given = workflow.get("spec")
    spec = given if isinstance(given, Mapping) else {}
    pull_secrets = _names(entry for entry in (spec.get("imagePullSecrets") or ()) if isinstance(entry, Mapping))
    references = [*_mappings(spec, "secretKeyRef"), *_mappings(spec, "secretRef")]
    volumes = ({"name": entry.get("secretName")} for entry in _mappings(spec, "secret"))
    return ArgoManifest(
        document=workflow,
        secrets=_names([*references, *volumes]),
        pull_secrets=pull_secrets,
        service_account=str(spec.get("serviceAccountName") or ""),
        wants_gpu=any(_GPU.fullmatch(str(key)) for limits in _mappings(spec, "limits") for key in limits),
    )


def file_of(path: str) -> str:
    """Return what a command names as the manifest's file; `-` is the standard input, which an inline manifest goes to."""
    return "-" if path == INLINE else path


def _names(entries: Any) -> tuple[str, ...]:
    names = (entry.get("name") for entry in entries)
    return tuple(dict.fromkeys(name for name in names if isinstance(name, str) and name and "{{" not in name))


def _mappings(node: Any, key: str) -> Iterator[Mapping[str, Any]]:
    if isinstance(node, Mapping):
        for name, value in node.items():
            if name == key and isinstance(value, Mapping):
                yield value
            yield from _mappings(value, key)
    elif isinstance(node, list):
        for value in node:
            yield from _mappings(value, key)
