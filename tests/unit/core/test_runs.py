"""Values of runs by dotted names."""

from __future__ import annotations

import math
from typing import Any

import pytest

from mlops_actions.core.runs import MISSING, Run, matches_pattern, metric_value, value_at


def run(name: str, **summary: object) -> Run:
    return Run(id=name, name=name, state="finished", url="", entity="team", project="digits", summary=summary)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("a.b", 1),
        ("a", {"c": 2}),
        ("a.c", 2),
        ("x.y.z", 3),
        ("x.q.r", 4),
        ("x.none", MISSING),
        ("", MISSING),
        ("a.b.c", MISSING),
    ],
)
def test_a_dotted_name_is_a_whole_key_first_and_then_nested(name: str, value: Any) -> None:
    assert value_at({"a.b": 1, "a": {"c": 2}, "x": {"y.z": 3, "q": {"r": 4}}}, name) == value


def test_metric_values_are_read_from_the_summary() -> None:
    strange = run("r", a={"min": 0.5}, b={"min": 1, "max": 2}, c="NaN", d="-Infinity", e=None, f="text", g={"depth": 1})
    assert metric_value(strange, "a") == metric_value(strange, "a.min") == 0.5
    assert metric_value(strange, "b") == {"min": 1, "max": 2}
    assert math.isnan(metric_value(strange, "c"))
    assert metric_value(strange, "d") == -math.inf
    assert metric_value(strange, "e") is MISSING
    assert metric_value(strange, "f") == "text"
    assert metric_value(strange, "g") == {"depth": 1}


@pytest.mark.parametrize(
    ("name", "pattern", "matches"),
    [
        ("eval/acc", "eval/*", True),
        ("eval/", "eval/*", True),
        ("eval/en/acc", "eval/*/acc", True),
        ("eval/acc", "eval/*/acc", False),
        ("evalX/acc", "eval/*", False),
        ("my eval/acc", "eval/*", False),
        ("loss", "loss", True),
        ("losses", "loss", False),
        ("a.b", "a?b", False),
        ("map[0]", "map[*]", True),
        ("map0", "map[0]", False),
        ("eval/new\nline", "eval/*", True),
        ("anything", "*", True),
    ],
)
def test_a_pattern_knows_only_the_star(name: str, pattern: str, matches: bool) -> None:
    assert matches_pattern(name, pattern) is matches
