"""Compose and walk the nodes of a YAML document before it is constructed, with limits for nesting and aliases.

A few lines of nested aliases can stand for billions of values ("billion laughs"). Code that writes them out, or merges them,
would use all memory. So every reader of YAML from outside counts the nodes first. PyYAML and what comes after it recurse
into each level; none of them may run into Python's recursion limit, where finalizers that happen to run fail as well.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import yaml
from yaml.composer import Composer

from mlops_actions.core.json_text import with_whole_characters

MAX_NODES = 200_000  # aliases written out; Argo's own limit for a workflow (etcd's 1.5 MB) is far below that
MAX_DEPTH = 64  # a workflow of Argo's examples has 16 levels at most; each inline template adds 4


class BoundedComposer(Composer):
    """A composer that raises yaml.MarkedYAMLError for more than MAX_DEPTH levels."""

    _depth = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        """Compose the node of the next event, and those below it."""
        if self._depth == MAX_DEPTH:
            raise _too_deep(self.peek_event().start_mark)  # type: ignore[attr-defined]
        self._depth += 1
        try:
            return super().compose_node(parent, index)
        finally:
            self._depth -= 1

    def compose_scalar_node(self, anchor: Any) -> Any:
        """Compose a scalar; its escapes may have written a character in halves, as JSON does."""
        node = super().compose_scalar_node(anchor)
        node.value = with_whole_characters(node.value)
        return node


class SafeLoader(BoundedComposer, yaml.SafeLoader):
    """PyYAML's safe loader with that limit."""


class BaseLoader(BoundedComposer, yaml.BaseLoader):
    """PyYAML's loader of texts, lists and mappings alone, with that limit."""


def expanded(root: yaml.Node) -> Iterator[yaml.Node]:
    """Yield every node below and including `root`, each alias as often as it is used: many more than the text has.

    Raises yaml.MarkedYAMLError for more than MAX_DEPTH levels, for instance where an alias stands below its own anchor.
    """
    stack = [(root, 1)]
    while stack:
        node, depth = stack.pop()
        if depth > MAX_DEPTH:
            raise _too_deep(node.start_mark)
        yield node
        if isinstance(node, yaml.MappingNode):
            stack.extend((part, depth + 1) for pair in node.value for part in pair)
        elif isinstance(node, yaml.SequenceNode):
            stack.extend((item, depth + 1) for item in node.value)


def _too_deep(mark: Any) -> yaml.MarkedYAMLError:
    return yaml.MarkedYAMLError(problem=f"nested too deeply, in more than {MAX_DEPTH} levels", problem_mark=mark)
