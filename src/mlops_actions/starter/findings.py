"""What a repository already says: its W&B project, its Dockerfiles, its Argo workflows. Pure; all of it is untrusted.

Code is parsed and never run. Each value is told with the place where it stands, and is only ever a proposal.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import PurePosixPath
from typing import Any, Protocol

import yaml

from mlops_actions.core import kubernetes_yaml, yaml_nodes
from mlops_actions.core.types import Json
from mlops_actions.starter import python_code

_YAML = (".yml", ".yaml")
# Parsing takes time: 100 KB of YAML take seconds. What people write of these is far smaller.
_MAX_YAML_CHARACTERS = 64 * 1024
_MAX_PARSED = {"yaml": 512 * 1024, "python": 4 * 1024 * 1024}
_KINDS = ("Workflow", "WorkflowTemplate", "CronWorkflow")
# A line `ENV` or `ARG` of a Dockerfile, and on it both `WANDB_PROJECT=x` and `WANDB_PROJECT x`.
_ENV = re.compile(r"^[ \t]*(?:ENV|ARG)[ \t](.*)$", re.MULTILINE | re.IGNORECASE)
_VARIABLE = re.compile(r"\b(WANDB_PROJECT|WANDB_ENTITY)(?:=|[ \t]+)(\"[^\"\n]*\"|'[^'\n]*'|\S+)")
_VARIABLES = {"WANDB_PROJECT": "project", "WANDB_ENTITY": "entity"}


class Files(Protocol):
    """The files of a repository."""

    def paths(self) -> list[str]:
        """Return the files, those near the top first."""

    def read(self, path: str) -> str:
        """Return a file's text; empty where it may not be read."""


@dataclass(frozen=True)
class Finding:
    """A value and the place where it stands, such as `train.py:12`."""

    value: str
    place: str


@dataclass(frozen=True)
class OwnManifest:
    """An Argo workflow of the repository. `parameters` maps names to defaults; None where the manifest has none.

    `computed` names the parameters whose value the cluster finds out (`valueFrom`).
    """

    path: str
    kind: str
    parameters: Mapping[str, str | None]
    service_account: str = ""
    namespace: str = ""
    computed: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Proposals:
    """What was found. `rendered` are Argo manifests that another tool (Helm, Kustomize) completes."""

    projects: tuple[Finding, ...] = ()
    entities: tuple[Finding, ...] = ()
    dockerfiles: tuple[str, ...] = ()
    manifests: tuple[OwnManifest, ...] = ()
    rendered: tuple[str, ...] = ()


def look(files: Files) -> Proposals:
    """Look through a repository."""
    paths = files.paths()
    rendered_folders = {
        str(PurePosixPath(path).parent)
        for path in paths
        if PurePosixPath(path).name in ("Chart.yaml", "kustomization.yaml", "kustomization.yml", "Kustomization")
    }
    values: dict[str, list[Finding]] = {"project": [], "entity": []}
    dockerfiles: list[str] = []
    manifests: list[OwnManifest] = []
    rendered: list[str] = []
    left = dict(_MAX_PARSED)
    for path in paths:
        if not path.isprintable():
            continue
        kind = _kind_of(path)
        text = files.read(path) if kind else ""
        is_rendered = any(str(parent) in rendered_folders for parent in PurePosixPath(path).parents)
        documents: list[Any] = []
        if _is_parsed(kind, text):
            left[kind] -= len(text)
            if left[kind] < 0:
                continue
            documents = _documents(text) if kind == "yaml" else []
        for name, finding in _wandb(kind, path, text, documents):
            values[name].append(finding)
        if kind == "dockerfile":
            dockerfiles.append(path)
        elif kind == "yaml" and "argoproj.io" in text and is_rendered:
            rendered.append(path)
        elif kind == "yaml" and "argoproj.io" in text:
            manifests += _manifests(path, documents)
    return Proposals(
        _distinct(values["project"]), _distinct(values["entity"]), tuple(dockerfiles), tuple(manifests), tuple(rendered)
    )


def manifests_of(path: str, text: str) -> list[OwnManifest]:
    """Return the whole Argo workflows of one file."""
    return list(_manifests(path, _documents(text)))


def _kind_of(path: str) -> str:
    name = PurePosixPath(path).name
    if name.endswith(".py"):
        return "python"
    if name.endswith(_YAML):
        return "yaml"
    is_dockerfile = name == "Dockerfile" or name.startswith("Dockerfile.") or name.endswith(".Dockerfile")
    return "dockerfile" if is_dockerfile and not name.endswith(".dockerignore") else ""


def _is_parsed(kind: str, text: str) -> bool:
    """Tell whether a file may say something, and is not too long to be read for it."""
    if kind == "yaml":
        return ("argoproj.io" in text or "WANDB_" in text) and len(text) <= _MAX_YAML_CHARACTERS
    return kind == "python" and "wandb" in text.lower()


def _wandb(kind: str, path: str, text: str, documents: list[Any]) -> Iterator[tuple[str, Finding]]:
    """Yield the name, `project` or `entity`, and the value, wherever a file sets them for the W&B SDK."""
    if "wandb" not in text.lower():
        return
    if kind == "python":
        for name, value, line in python_code.wandb_settings(text):
            yield name, Finding(value, f"{path}:{line}")
    elif kind == "dockerfile":
        for instruction in _ENV.finditer(text):
            for match in _VARIABLE.finditer(instruction[1]):
                yield _VARIABLES[match[1]], Finding(match[2].strip("\"'"), _place(path, text, instruction.start(1)))
    elif kind == "yaml" and "WANDB_" in text:
        for name, value in _variables(documents):
            yield name, Finding(value, path)


def _place(path: str, text: str, position: int) -> str:
    return f"{path}:{text.count(chr(10), 0, position) + 1}"


def _documents(text: str) -> list[Any]:
    """Return the documents of a YAML file; none where it is no YAML, or stands for too many values."""
    documents = []
    try:
        for node in kubernetes_yaml.nodes(text):
            # A few lines of aliases can stand for billions of values.
            if next(islice(yaml_nodes.expanded(node), yaml_nodes.MAX_NODES, None), None) is not None:
                return []
            documents.append(kubernetes_yaml.value_of(node))
    except (yaml.YAMLError, ValueError, RecursionError):  # also a template of Helm
        return []
    return documents


def _variables(documents: list[Any]) -> Iterator[tuple[str, str]]:
    """Yield the variables of W&B that containers or maps of a YAML file set to a text."""
    waiting = documents[::-1]
    while waiting:
        value = waiting.pop()
        if isinstance(value, list):
            waiting += value[::-1]
        elif isinstance(value, dict):
            pairs = {**value, str(value.get("name")): value.get("value")}
            for variable, name in _VARIABLES.items():
                if isinstance(text := pairs.get(variable), str) and "{{" not in text and "${" not in text:
                    yield name, text
            waiting += list(value.values())[::-1]


def _manifests(path: str, documents: list[Any]) -> Iterator[OwnManifest]:
    for document in documents:
        if not isinstance(document, dict) or document.get("kind") not in _KINDS:
            continue
        if not str(document.get("apiVersion", "")).startswith("argoproj.io/"):
            continue
        spec = document.get("spec")
        spec = spec.get("workflowSpec") if document["kind"] == "CronWorkflow" and isinstance(spec, dict) else spec
        # A patch of Kustomize has the kind of a workflow, and only some of its fields.
        if isinstance(spec, dict) and (spec.get("templates") or spec.get("workflowTemplateRef")):
            metadata = document.get("metadata")
            namespace = metadata.get("namespace") if isinstance(metadata, dict) else ""
            account = spec.get("serviceAccountName")
            yield OwnManifest(
                path,
                str(document["kind"]),
                _parameters(spec),
                _name(account),
                _name(namespace),
                frozenset(entry["name"] for entry in _declared(spec) if "value" not in entry and entry.get("valueFrom")),
            )


def _name(value: Any) -> str:
    return value if isinstance(value, str) and "{" not in value else ""


def _declared(spec: Json) -> list[Json]:
    arguments = spec.get("arguments")
    entries = arguments.get("parameters") if isinstance(arguments, dict) else None
    return [
        entry
        for entry in (entries if isinstance(entries, list) else [])
        if isinstance(entry, dict) and isinstance(entry.get("name"), str)
    ]


def _parameters(spec: Json) -> dict[str, str | None]:
    found: dict[str, str | None] = {}
    for entry in _declared(spec):
        value = entry.get("value", entry.get("default"))
        is_word = isinstance(value, bool)
        found[entry["name"]] = None if value is None else str(value).lower() if is_word else str(value)
    return found


def _distinct(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Return the first finding of each value."""
    by_value: dict[str, Finding] = {}
    for finding in findings:
        by_value.setdefault(finding.value, finding)
    return tuple(by_value.values())
