"""Parse YAML documents and keep the line of every value, for errors. Pure; the text is untrusted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import yaml

from mlops_actions.core import kubernetes_yaml
from mlops_actions.core.errors import BadInput
from mlops_actions.core.yaml_nodes import MAX_NODES, expanded


@dataclass(frozen=True)
class SourceLocation:
    """A place in a manifest: `file` is relative to the workspace (empty: inline YAML), `line` counts from 1."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file or 'workflow'}:{self.line}"


class InvalidManifest(BadInput):
    """A manifest that cannot be submitted, with the location to annotate."""

    def __init__(self, location: SourceLocation, problem: str, remedy: str) -> None:
        super().__init__(f"{location}: {problem}", remedy)
        self.location = location


@dataclass(frozen=True)
class ManifestDocument:
    """One YAML document: its value, and the YAML node that knows the lines."""

    value: Any
    file: str
    node: yaml.Node

    @property
    def location(self) -> SourceLocation:
        """The document's first line."""
        return SourceLocation(self.file, self.node.start_mark.line + 1)

    def at(self, *path: str | int) -> SourceLocation:
        """Return the location of a value inside the document; of its nearest existing parent where it is missing."""
        node = self.node
        line = node.start_mark.line
        for part in path:
            child = _child(node, part)
            if child is None:
                break
            line, node = child
        return SourceLocation(self.file, line + 1)


def parse(text: str, file: str) -> list[ManifestDocument]:
    """Return the documents, without empty ones; raises InvalidManifest."""
    documents = []
    try:
        for node in kubernetes_yaml.nodes(text):
            _check(node, file)
            value = kubernetes_yaml.value_of(node)
            if value is not None:
                documents.append(ManifestDocument(value, file, node))
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or str(error).splitlines()[0]
        raise InvalidManifest(
            SourceLocation(file, mark.line + 1 if mark else 1), f"not valid YAML: {problem}", "correct the YAML at this line"
        ) from None
    return documents


def _child(node: yaml.Node, part: str | int) -> tuple[int, yaml.Node] | None:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if isinstance(key, yaml.ScalarNode) and key.value == part:
                return key.start_mark.line, value
    if isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
        return node.value[part].start_mark.line, node.value[part]
    return None


def _check(root: yaml.Node, file: str) -> None:
    """Refuse what PyYAML accepts silently: a repeated key, and aliases that expand to too many nodes."""
    for count, node in enumerate(expanded(root)):
        if count > MAX_NODES:
            raise InvalidManifest(
                SourceLocation(file, root.start_mark.line + 1),
                f"holds more than {MAX_NODES} nodes",
                "remove the nested aliases",
            )
        if isinstance(node, yaml.MappingNode):
            seen: set[str] = set()
            for key, _ in node.value:
                if kubernetes_yaml.is_merge(key):
                    continue
                name = kubernetes_yaml.key_of(key)  # `1` and "1" are the same key
                if name in seen:
                    raise InvalidManifest(
                        SourceLocation(file, key.start_mark.line + 1), f"the key '{name}' is given twice", "keep one of them"
                    )
                seen.add(name)
