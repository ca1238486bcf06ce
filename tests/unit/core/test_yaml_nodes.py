"""The guard against YAML aliases that stand for more values than memory holds."""

from __future__ import annotations

import json
from itertools import chain, islice

import pytest
import yaml

from mlops_actions.core.kubernetes_yaml import nodes
from mlops_actions.core.parsers import yaml_value
from mlops_actions.core.yaml_nodes import MAX_DEPTH, MAX_NODES, expanded

LEVELS = (f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 10)}]" for level in range(1, 9))
BOMB = "\n".join(["a0: &a0 [x, x, x, x, x, x, x, x, x, x]", *LEVELS])


def test_aliases_are_counted_as_often_as_they_are_used() -> None:
    root = yaml.compose("{a: &a [1, 2], b: *a}", Loader=yaml.SafeLoader)
    assert root is not None
    assert sum(1 for _ in expanded(root)) == 9


def test_counting_nodes_stops_at_the_limit() -> None:
    root = yaml.compose(BOMB, Loader=yaml.SafeLoader)
    assert root is not None
    assert sum(1 for _ in islice(expanded(root), MAX_NODES + 1)) == MAX_NODES + 1


def test_an_input_with_too_many_aliases_is_refused() -> None:
    with pytest.raises(ValueError, match="aliases written out"):
        yaml_value(BOMB)


DEEPEST = "[" * MAX_DEPTH + "]" * MAX_DEPTH
TOO_DEEP = {
    "flow lists": f"[{DEEPEST}]",
    "flow mappings": "{a: " * (MAX_DEPTH + 1) + "}" * (MAX_DEPTH + 1),
    "block lists": "- " * (MAX_DEPTH + 1) + "x",
    "lists without end": "[" * 100_000,
    "keys": "? " * (MAX_DEPTH + 1) + "x",
    "an alias below its own anchor": "&a [*a]",
    "aliases of aliases": "[&a0 [x], " + ", ".join(f"&a{level} [*a{level - 1}]" for level in range(1, MAX_DEPTH)) + "]",
}


@pytest.mark.parametrize("name", TOO_DEEP)
def test_yaml_that_is_nested_too_deeply_is_refused_at_its_place(name: str) -> None:
    with pytest.raises(ValueError, match=r"line 1, column \d+\): nested too deeply, in more than 64 levels"):
        yaml_value(TOO_DEEP[name])
    with pytest.raises(yaml.MarkedYAMLError, match="nested too deeply"):
        list(chain.from_iterable(map(expanded, nodes(TOO_DEEP[name]))))


def test_yaml_may_have_as_many_levels_as_the_limit_says() -> None:
    assert yaml_value(DEEPEST) == json.loads(DEEPEST)
    assert sum(1 for root in nodes(DEEPEST) for _ in expanded(root)) == MAX_DEPTH
