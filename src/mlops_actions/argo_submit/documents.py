"""YAML text → documents with the lines they come from. Pure; the text is untrusted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import yaml

from mlops_actions.core.errors import BadInput
from mlops_actions.core.yaml_nodes import MAX_NODES, expanded

# A few lines of aliases can stand for billions of nodes ("billion laughs"); a workflow of 1 MiB has far fewer than this.


@dataclass(frozen=True)
class SourceLocation:
    """Where something stands: `file` relative to the workspace (empty: inline), `line` from 1."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file or 'workflow'}:{self.line}"


class InvalidManifest(BadInput):
    """A manifest that cannot be submitted, with the place to annotate."""

    def __init__(self, location: SourceLocation, problem: str, remedy: str) -> None:
        super().__init__(f"{location}: {problem}", remedy)
        self.location = location


@dataclass(frozen=True)
class ManifestDocument:
    """One YAML document: its value, and the node it was made of (for lines)."""

    value: Any
    file: str
    node: yaml.Node

    @property
    def location(self) -> SourceLocation:
        """Where it begins."""
        return SourceLocation(self.file, self.node.start_mark.line + 1)

    def at(self, *path: str | int) -> SourceLocation:
        """Return where a value inside stands; as far down the path as it exists."""
        node = self.node
        line = node.start_mark.line
        for part in path:
            found = _child(node, part)
            if found is None:
                break
            line, node = found
        return SourceLocation(self.file, line + 1)


def parse(text: str, file: str) -> list[ManifestDocument]:
    """Return the documents that are not empty; raises InvalidManifest."""
    loader = yaml.SafeLoader(text)
    documents = []
    try:
        while loader.check_node():
            node = loader.get_node()
            if node is None:
                break
            _check(node, file)
            value = loader.construct_document(node)
            if value is not None:
                documents.append(ManifestDocument(value, file, node))
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or str(error).splitlines()[0]
        raise InvalidManifest(
            SourceLocation(file, mark.line + 1 if mark else 1), f"not valid YAML: {problem}", "correct the YAML at this line"
        ) from None
    except RecursionError:
        raise InvalidManifest(SourceLocation(file, 1), "nested too deep", "flatten the document") from None
    finally:
        loader.dispose()
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
    """Refuse what a loader would quietly take: a key given twice, and aliases that stand for too much."""
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
                if isinstance(key, yaml.ScalarNode):
                    if key.value in seen and key.value != "<<":
                        raise InvalidManifest(
                            SourceLocation(file, key.start_mark.line + 1),
                            f"the key '{key.value}' is given twice",
                            "keep one of them",
                        )
                    seen.add(key.value)
