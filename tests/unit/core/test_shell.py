from __future__ import annotations

import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops_actions.core import shell


@pytest.mark.parametrize(
    "value", ["main", "feature/x-1", "ghcr.io/o/r:v1", "a@b.c", "user=x,y", ".github/workflows/mlops.yml"]
)
def test_a_harmless_value_stays_without_quotes(value: str) -> None:
    assert shell.word(value) == shell.operand(value) == value


@given(st.text(st.characters(categories=("L", "N", "P", "S", "Zs")), min_size=1))
def test_a_value_is_one_word(value: str) -> None:
    assert shlex.split(shell.word(value)) == ["".join(each if each.isprintable() else " " for each in value)]


@pytest.mark.parametrize("end", ["\n", "\r", "\x0b", "\x1b[2K", "\x85", "\u2028", "\x00"])
def test_a_value_ends_no_line_and_reaches_no_terminal_as_a_command(end: str) -> None:
    (line,) = shell.word(f"a{end}rm -rf x").splitlines()
    assert line.isprintable()
    assert len(shlex.split(line)) == 1


def test_a_value_is_no_option() -> None:
    assert shlex.split(shell.operand("--kubeconfig=x y")) == ["--", "--kubeconfig=x y"]
    assert shell.word("") == "''"
