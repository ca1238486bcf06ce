"""The guard against YAML aliases that stand for more values than memory holds."""

from __future__ import annotations

from itertools import islice

import pytest
import yaml

from mlops_actions.core.parsers import yaml_value
from mlops_actions.core.yaml_nodes import MAX_NODES, expanded

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
