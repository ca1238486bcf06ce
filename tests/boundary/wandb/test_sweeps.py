"""What a sweep's author wrote is untrusted YAML."""

from __future__ import annotations

from typing import Any

import pytest

from mlops_actions.boundary.wandb import sweeps

NESTED = "parameters:\n  a: {parameters: {b: {values: [1, 2]}, c: {value: 3}}}\n  d: {min: 0, max: 1}\n"
ALIASES = "parameters: &p\n  a: {parameters: *p}\n  b: {values: [1, 2]}\n"
CASES: dict[str, tuple[Any, tuple[str, str], tuple[str, ...]]] = {
    "nested parameters": (NESTED, ("", ""), ("a.b", "d")),
    "a metric": ("metric: {name: val/acc, goal: maximize}", ("val/acc", "max"), ()),
    "a metric without a goal": ("metric: {name: loss}", ("loss", "min"), ()),
    "an unknown goal": ("metric: {name: loss, goal: up}", ("loss", ""), ()),
    "one value": (
        "parameters: {a: {values: [1]}, b: {distribution: constant, value: 2}, c: {values: [1, 2]}}",
        ("", ""),
        ("c",),
    ),
    "a parameter that holds itself": (ALIASES, ("", ""), ("a.a.a.a.b", "a.a.a.b", "a.a.b", "a.b", "b")),
    "no YAML": ("{", ("", ""), ()),
    "a program": ("!!python/object/apply:os.system [ls]", ("", ""), ()),
    "a list": ("[1, 2]", ("", ""), ()),
    "deep nesting": ("[" * 20_000, ("", ""), ()),
    "too long a text": ("a: " + "x" * (1 << 21), ("", ""), ()),
    "no text": (5, ("", ""), ()),
    "nothing": (None, ("", ""), ()),
}


@pytest.mark.parametrize("case", CASES)
def test_what_a_sweep_optimises_and_varies(case: str) -> None:
    config, metric, parameters = CASES[case]
    sweep = sweeps.decode({"config": config}, sweep_id="s1", url="u")
    assert ((sweep.metric, sweep.direction), sweep.parameters) == (metric, parameters)
    assert sweep.name == "s1"
