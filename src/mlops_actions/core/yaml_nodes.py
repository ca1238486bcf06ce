"""Walk the node graph of a YAML document before it is constructed, with a limit for aliases.

A few lines of nested aliases can stand for billions of values ("billion laughs"). Code that writes them out, or merges them,
would use all memory. So every reader of YAML from outside counts the nodes first.
"""

from __future__ import annotations

from collections.abc import Iterator

import yaml

MAX_NODES = 200_000  # aliases written out; Argo's own limit for a workflow (etcd's 1.5 MB) is far below that


def expanded(root: yaml.Node) -> Iterator[yaml.Node]:
    """Yield every node below and including `root`, each alias as often as it is used; may yield without end."""
    stack = [root]
    while stack:
        node = stack.pop()
        yield node
        if isinstance(node, yaml.MappingNode):
            stack.extend(part for pair in node.value for part in pair)
        elif isinstance(node, yaml.SequenceNode):
            stack.extend(node.value)
