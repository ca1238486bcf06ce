"""Read YAML as `kubectl` and `argo` read it, which differs from YAML 1.1 as PyYAML reads it. Pure; the text is untrusted.

Both use sigs.k8s.io/yaml, which turns YAML into JSON:

- `12:30`, `2026-01-01` and `=` are texts; `y`, `on` and `off` are booleans, as in YAML 1.1.
- `010` is 8, `0o10` is 8, `08` is the number 8, `1e3` is the number 1000, and `1e999` a text.
- JSON has no integers of their own: `1.0` arrives as 1.
- Keys are texts: `1: x` has the key "1", and `on: x` the key "true".
- A merge key overrides what stands above it, and what stands below overrides the merge key.
- `!!binary` becomes the text that it encodes.

One difference is meant: kubectl ignores an unknown tag, such as `!!python/object`, and this module refuses it. The test
tests/unit/core/test_kubernetes_yaml.py compares the two.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import json
import math
import re
import struct
from collections.abc import Iterator
from typing import Any

import yaml
from yaml.parser import Parser
from yaml.reader import Reader
from yaml.resolver import BaseResolver
from yaml.scanner import Scanner

from mlops_actions.core.json_text import refuse_deep_nesting
from mlops_actions.core.yaml_nodes import BoundedComposer

_WORDS: dict[str, bool | float | None] = {
    **dict.fromkeys(("y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"), True),
    **dict.fromkeys(("n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"), False),
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), math.nan),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), math.inf),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), -math.inf),
}
_INTEGER = re.compile(r"([-+]?)(?:0[xX]([0-9a-fA-F]+)|0[bB]([01]+)|0[oO]?([0-7]+)|(0|[1-9][0-9]*))")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_FRACTION = re.compile(r"\.[0-9]+(_[0-9]+)*([eE][-+]?[0-9]+(_[0-9]+)*)?")
_DATE = re.compile(r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}([Tt ].*)?")
_STANDARD = "tag:yaml.org,2002:"
_TAGS = ("", "str", "bool", "null", "int", "float", "timestamp", "binary", "map", "seq", "set", "omap", "pairs", "merge")
_TYPES = {
    "bool": (bool,), "null": (type(None),), "int": (int,), "float": (int, float), "timestamp": (str,),
}  # fmt: skip


class _Composer(Reader, Scanner, Parser, BoundedComposer, BaseResolver):
    """Compose the documents of a text; a plain scalar without a tag has the tag "", so that `value_of` decides its type."""

    def __init__(self, text: str) -> None:
        Reader.__init__(self, text)
        Scanner.__init__(self)
        Parser.__init__(self)
        BoundedComposer.__init__(self)
        BaseResolver.__init__(self)

    def resolve(self, kind: type[yaml.Node], value: Any, implicit: Any) -> Any:
        """Return the tag of a node that has none of its own."""
        if kind is yaml.ScalarNode and implicit[0]:
            return ""
        return super().resolve(kind, value, implicit)  # type: ignore[no-untyped-call]

    def compose_node(self, parent: Any, index: Any) -> Any:
        """Compose the next node; an anchor may be given again, and names the newer node then."""
        event = self.peek_event()  # type: ignore[no-untyped-call]
        if not isinstance(event, yaml.AliasEvent):
            self.anchors.pop(event.anchor, None)
        return super().compose_node(parent, index)

    def scan_to_next_token(self) -> None:
        """Skip blanks and comments; tabs are blanks where no indentation can be."""
        super().scan_to_next_token()
        while self.peek() == "\t" and (self.flow_level or not self.allow_simple_key):
            self.forward()
            super().scan_to_next_token()

    def scan_plain_spaces(self, indent: Any, start_mark: Any) -> Any:
        """Return the blanks within a plain scalar, among them tabs; those at a line's end are lost."""
        length = 0
        while self.peek(length) in (" ", "\t"):
            length += 1
        blanks = self.prefix(length)
        if "\t" not in blanks:
            return super().scan_plain_spaces(indent, start_mark)
        self.forward(length)
        if self.peek() in "\r\n\x85\u2028\u2029":
            return super().scan_plain_spaces(indent, start_mark)
        return [blanks]

    def compose_scalar_node(self, anchor: Any) -> Any:
        """Compose a scalar; the tag `!` alone makes it a text."""
        event = self.peek_event()  # type: ignore[no-untyped-call]
        if event.tag == "!":
            event.implicit = (False, True)
        return super().compose_scalar_node(anchor)


def nodes(text: str) -> Iterator[yaml.Node]:
    """Yield the root node of every document; raises yaml.YAMLError."""
    composer = _Composer(_without_tabs(text))
    try:
        while composer.check_node():
            node = composer.get_node()
            if node is not None:
                yield node
    finally:
        composer.dispose()


def value_of(node: yaml.Node) -> Any:
    """Return a node as the JSON value that arrives in the cluster.

    Raises yaml.MarkedYAMLError for what JSON cannot hold. The caller limits aliases by `core.yaml_nodes.expanded` first.
    """
    if node.tag.removeprefix(_STANDARD) not in _TAGS:
        raise _error(node, f"the tag '{node.tag}' means nothing in Kubernetes; remove it")
    if isinstance(node, yaml.MappingNode):
        mapping: dict[str, Any] = {}
        for key, value in node.value:
            if is_merge(key):
                for merged in _merged(value):
                    mapping.update(merged)
            else:
                mapping[key_of(key)] = value_of(value)
        return mapping
    if isinstance(node, yaml.SequenceNode):
        return [value_of(item) for item in node.value]
    value = _scalar(node)
    if isinstance(value, float):
        if not math.isfinite(value):
            raise _error(node, f"JSON has no number for '{node.value}'; quote it if it is a text")
        return int(value) if value.is_integer() and abs(value) < 2**63 else value
    return float(value) if isinstance(value, int) and not isinstance(value, bool) and value >= 2**63 else value


def is_merge(key: yaml.Node) -> bool:
    """Return whether a key is `<<` without quotes."""
    return isinstance(key, yaml.ScalarNode) and key.value == "<<" and key.tag in ("", f"{_STANDARD}merge")


def key_of(key: yaml.Node) -> str:
    """Return the text that a key becomes; raises yaml.MarkedYAMLError for null, large numbers, lists and mappings."""
    value = _scalar(key) if isinstance(key, yaml.ScalarNode) else key
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int) and -(2**63) <= value < 2**63:
        return str(value)
    if isinstance(value, float):
        return _float_key(value)
    raise _error(key, "a key must be a text; quote it")


def plain_value(text: str) -> Any:
    """Return the value of a plain scalar: a text, a number, a boolean or None."""
    if text in _WORDS:
        return _WORDS[text]
    if text[0] == ".":
        return float(text) if _FRACTION.fullmatch(text) and math.isfinite(float(text)) else text
    if text[0] not in "+-0123456789":
        return text
    plain = text.replace("_", "")
    if match := _INTEGER.fullmatch(plain):
        sign, *digits = match.groups()
        number = next(int(part, base) for part, base in zip(digits, (16, 2, 8, 10), strict=True) if part is not None)
        number = -number if sign == "-" else number
        if -(2**63) <= number < (2**63 if sign else 2**64):
            return number
    if _FLOAT.fullmatch(plain) and math.isfinite(value := float(plain)):
        return value
    return text


def _without_tabs(text: str) -> str:
    """Replace the tabs of a JSON document, which YAML refuses as indentation; a text in JSON holds none."""
    if "\t" in text and text.lstrip().startswith("{"):
        with contextlib.suppress(ValueError):
            refuse_deep_nesting(text)
            json.loads(text)
            return text.replace("\t", " ")
    return text


def _scalar(node: yaml.Node) -> Any:
    if node.tag == "":
        return plain_value(node.value)
    kind = node.tag.removeprefix(_STANDARD)
    if kind == "binary":
        try:
            return base64.b64decode(re.sub(r"[\r\n]", "", node.value), validate=True).decode("utf-8", "replace")
        except binascii.Error:
            raise _error(node, "!!binary needs base64") from None
    if kind not in _TYPES:
        return node.value
    value = plain_value(node.value)
    is_date = kind != "timestamp" or _DATE.fullmatch(node.value)
    if not is_date or not isinstance(value, _TYPES[kind]) or (kind != "bool" and isinstance(value, bool)):
        raise _error(node, f"'{node.value}' is not a !!{kind}")
    return float(value) if kind == "float" and isinstance(value, int) else value


def _merged(value: yaml.Node) -> Iterator[dict[str, Any]]:
    """Yield the mappings of a merge key, the one that counts most last."""
    nodes = list(reversed(value.value)) if isinstance(value, yaml.SequenceNode) else [value]
    for node in nodes:
        if not isinstance(node, yaml.MappingNode):
            raise _error(node, "'<<' needs a mapping, or a list of mappings")
        yield value_of(node)


def _float_key(value: float) -> str:
    """Return a number as a key: the shortest digits that give it in single precision, with an exponent from 1e6 on."""
    if not math.isfinite(value):
        return {"inf": ".inf", "-inf": "-.inf"}.get(str(value), ".nan")
    try:
        shortest = next(text for digits in range(17) if _single(float(text := f"{value:.{digits}e}")) == _single(value))
    except OverflowError:
        return ".inf" if value > 0 else "-.inf"
    digits, exponent = shortest.split("e")
    if -4 <= int(exponent) < 6:
        return f"{float(shortest):.{max(len(digits.lstrip('-').replace('.', '')) - 1 - int(exponent), 0)}f}"
    return shortest


def _single(value: float) -> bytes:
    return struct.pack("<f", value)


def _error(node: yaml.Node, problem: str) -> yaml.MarkedYAMLError:
    return yaml.MarkedYAMLError(problem=problem, problem_mark=node.start_mark)
