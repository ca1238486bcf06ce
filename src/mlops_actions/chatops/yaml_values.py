"""Read parameters that a comment holds as YAML: every scalar is the text that was written, a list is several values.

Nothing is constructed, so that no value changes: `3e-4`, `on` and `007` stay text. Anchors, aliases, tags and merge keys are
refused: a few lines of them can stand for billions of values, or for code.
"""

from __future__ import annotations

import re
from typing import Any

import yaml

from mlops_actions.chatops import typography
from mlops_actions.core import yaml_nodes

# PyYAML reads slowly, and nobody writes so many parameters.
_MAX_BLOCK = 16_384  # characters
_NAME = re.compile(r"[^\W\d][\w.-]*")
_CODE = re.compile(r"(`+)(?!`)(.+?)(?<!`)\1", re.DOTALL)
# With these begins something else than plain text in YAML, or its plain text ends.
_NOT_PLAIN = re.compile(r"[\"'\[\]{}&*!|>%@`#,]|[-?:](?:\s|$)|.*?(?::(?:\s|$)|\s#)", re.DOTALL)
_PLAIN = re.compile(r"(?:[^\W_]|[-+.](?=[0-9]))[\w./+-]*")
_NEEDS_QUOTES = "cannot be read as it is: put the value in straight quotes"
# Characters that Markdown or YAML may take for something else.
_ESCAPED = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "<": "\\x3c", "[": "\\x5b", "]": "\\x5d", "`": "\\x60"}


class NotTaken(ValueError):
    """A value, or a whole block, cannot be taken; `line` counts the lines of the block from 0."""

    def __init__(self, problem: str, line: int = 0) -> None:
        super().__init__(problem)
        self.line = line


class _Loader(yaml_nodes.BaseLoader):
    """A loader of text that refuses what stands for something else."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        """Compose the next node; raises yaml.MarkedYAMLError."""
        event = self.peek_event()  # type: ignore[no-untyped-call]
        is_tagged = getattr(event, "tag", None) is not None
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None) or is_tagged:
            raise yaml.MarkedYAMLError(
                problem="anchors (&), aliases (*) and tags (!) are not read", problem_mark=event.start_mark
            )
        return super().compose_node(parent, index)


def value_texts(value: str) -> list[str]:
    """Return the values of `name: value`: one, or those of a list; raises NotTaken."""
    if code := _CODE.fullmatch(value):
        return [code[2].strip()]
    value = _straightened(value)
    if not _NOT_PLAIN.match(value):
        return [value]
    texts, problem = _texts(_node(value))
    if problem:
        raise NotTaken(problem)
    return texts


def _straightened(value: str) -> str:
    """Return a value with the straight quotes and dashes that a keyboard has replaced; raises NotTaken."""
    if value.isascii() or not (len(value.split()) == 1 or not value[0].isalnum()):
        return value
    value = typography.straightened(f"x={value}")[2:]
    if typography.not_understood(f"x={value}"):
        raise NotTaken(_NEEDS_QUOTES)
    return value


def _node(value: str) -> yaml.Node | None:
    try:
        node: yaml.Node | None = yaml.compose(value, Loader=_Loader)
    except yaml.YAMLError:
        raise NotTaken(_NEEDS_QUOTES) from None
    return node


def block_values(text: str) -> list[tuple[int, str, list[str], str]]:
    """Return line (from 0), name, values and problem of each parameter in a block; raises NotTaken.

    The block is a mapping, or a list of mappings. A parameter with a problem has no values.
    """
    if len(text) > _MAX_BLOCK:
        raise NotTaken(f"the block has more than {_MAX_BLOCK} characters")
    try:
        root = yaml.compose(text, Loader=_Loader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        reason = getattr(error, "problem", None) or getattr(error, "reason", None) or "it is not YAML"
        raise NotTaken(f"the block cannot be read as YAML: {reason}", mark.line if mark else 0) from None
    mappings: list[Any] = root.value if isinstance(root, yaml.SequenceNode) else [root]
    if not all(isinstance(mapping, yaml.MappingNode) for mapping in mappings):
        raise NotTaken("the block is not a mapping of names to values")
    values: list[tuple[int, str, list[str], str]] = []
    for mapping in mappings:
        for key, node in mapping.value:
            name = str(key.value) if isinstance(key, yaml.ScalarNode) else "?"
            texts, problem = _texts(node)
            if not _NAME.fullmatch(name):
                texts, problem = [], "is not the name of a parameter"
            values.append((key.start_mark.line, name, texts, problem))
    return values


def _texts(node: yaml.Node | None) -> tuple[list[str], str]:
    """Return the values of a node, or why it has none."""
    nodes: list[Any] = node.value if isinstance(node, yaml.SequenceNode) else [node]
    texts: list[str] = []
    for item in nodes:
        if isinstance(item, yaml.MappingNode | yaml.SequenceNode):
            return [], "is not taken: a value is one text or number, or a list of them"
        if item is None or (not item.value and item.style is None):
            return [], "needs a value"
        try:
            texts.append(item.value if item.style else _plain_text(item.value))
        except NotTaken as error:
            return [], str(error)
    return texts, "" if texts else "needs a value"


def _plain_text(text: str) -> str:
    """Return the text of a scalar without quotes, or of one in quotes that a keyboard has replaced; raises NotTaken."""
    straight = _straightened(text)
    if straight == text or straight[0] not in "\"'":
        return straight
    node = _node(straight)
    if not isinstance(node, yaml.ScalarNode):
        raise NotTaken(_NEEDS_QUOTES)
    return str(node.value)


def written_value(text: str) -> str:
    """Return a value as `name: value` gives it, in quotes where it needs them."""
    if _PLAIN.fullmatch(text):
        return text
    return '"' + "".join(map(_escaped, text)) + '"'


def _escaped(character: str) -> str:
    known = _ESCAPED.get(character)
    return known or (character if character.isprintable() else f"\\U{ord(character):08x}")
