"""What an Argo manifest refers to: secrets, service account, pull secrets, GPUs."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from mlops_actions.core import kubernetes_yaml
from mlops_actions.core.errors import BadInput
from mlops_actions.core.types import Json
from mlops_actions.core.yaml_nodes import MAX_NODES, expanded

_GPU = re.compile(r"[a-z.]+/(?:gpu|.*gpu.*)")


@dataclass(frozen=True)
class ArgoManifest:
    """A manifest and what it needs of its namespace. Names with Argo's `{{…}}` are left out."""

    document: Json
    secrets: tuple[str, ...]
    pull_secrets: tuple[str, ...]
    service_account: str
    wants_gpu: bool


def parse(text: str, path: str) -> ArgoManifest:
    """Read the manifest's first workflow; raises BadInput."""
    try:
        documents = [document for document in _documents(text, path) if isinstance(document, dict)]
    except yaml.YAMLError as error:
        raise BadInput(f"{path} is not YAML: {' '.join(str(error).split())}", "correct the file") from None
    document = next((document for document in documents if document.get("kind") == "Workflow"), None)
    if document is None:
        raise BadInput(f"{path} holds no object of the kind Workflow", "name an Argo workflow in the input 'workflow'")
    given = document.get("spec")
    spec = given if isinstance(given, Mapping) else {}
    pull_secrets = _names(entry for entry in (spec.get("imagePullSecrets") or ()) if isinstance(entry, Mapping))
    references = [*_mappings(spec, "secretKeyRef"), *_mappings(spec, "secretRef")]
    volumes = ({"name": entry.get("secretName")} for entry in _mappings(spec, "secret"))
    return ArgoManifest(
        document=document,
        secrets=_names([*references, *volumes]),
        pull_secrets=pull_secrets,
        service_account=str(spec.get("serviceAccountName") or ""),
        wants_gpu=any(_GPU.fullmatch(str(key)) for limits in _mappings(spec, "limits") for key in limits),
    )


def _documents(text: str, path: str) -> Iterator[Any]:
    """Yield the documents as they arrive in the cluster; raises BadInput and yaml.YAMLError."""
    for node in kubernetes_yaml.nodes(text):
        if any(count > MAX_NODES for count, _ in enumerate(expanded(node), 1)):
            raise BadInput(f"{path} holds more than {MAX_NODES} nodes", "remove the nested aliases")
        yield kubernetes_yaml.value_of(node)


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
