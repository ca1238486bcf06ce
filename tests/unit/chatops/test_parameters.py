"""Declared commands, typed parameters, suggestions."""

from __future__ import annotations

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops_actions.chatops import comment, grammar
from mlops_actions.chatops.command_schema import parse_commands
from mlops_actions.chatops.parameters import Value, bind
from mlops_actions.core.suggest import nearest
from tests.support.counting import count_calls

TRAIN = """
train:
  description: Train a model on the cluster
  permission: maintain
  label: training
  params:
    lr: {type: float, default: 3e-4, min: 0, max: 1}
    epochs: {type: int, required: true, min: 1}
    data: {choices: [small, full], default: small, positional: true}
    note: {pattern: "[a-z ]*"}
    fast: {type: bool}
"""


def bound(rest: str, text: str = TRAIN) -> tuple[dict[str, Value], list[str]]:
    (command,) = parse_commands(text, "/")
    return bind(command, grammar.parse_arguments(rest, command.switches))


def test_values_are_typed_and_defaults_filled_in() -> None:
    assert bound("epochs=20 --fast full --note 'a b'") == (
        {"lr": 3e-4, "epochs": 20, "data": "full", "note": "a b", "fast": True},
        [],
    )


def test_a_repeated_key_is_a_list() -> None:
    assert bound("epochs=1 lr=1e-3 lr=1e-4") == ({"lr": [1e-3, 1e-4], "epochs": 1, "data": "small"}, [])


def test_without_declared_parameters_values_stay_text() -> None:
    assert bound("a=1 --b --no-c d=1 d=2 x", "[train]") == ({"a": "1", "b": "true", "c": "false", "d": ["1", "2"]}, [])


@pytest.mark.parametrize(
    ("rest", "problem"),
    [
        ("", "epochs: is required (a whole number, at least 1), and was not given"),
        ("epochs=0", "epochs: must be a whole number, at least 1, not '0'"),
        ("epochs=1.5", "epochs: must be a whole number, at least 1, not '1.5'"),
        ("epochs=1_0", "epochs: must be a whole number, at least 1, not '1_0'"),
        ("epochs=٣", "epochs: must be a whole number, at least 1, not '٣'"),
        ("epochs=1 lr=nan", "lr: must be a number from 0 to 1, not 'nan'"),
        ("epochs=1 lr=1e999", "lr: must be a number from 0 to 1, not '1e999'"),
        ("epochs=1 data=smal", "data: must be one of small, full, not 'smal' (did you mean small?)"),
        ("epochs=1 note=A", "note: must be text matching [a-z ]*, not 'A'"),
        ("epochs=1 fast=1", "fast: must be true or false, not '1'"),
        ("--epochs", "epochs: needs a value, a whole number, at least 1"),
        ("epoch=1 epochs=1", "'epoch' is not a parameter: known are lr, epochs, data, note, fast (did you mean epochs?)"),
        ("epochs=1 full more", "'more' is one positional argument too many: this command takes only data without a name"),
    ],
)
def test_a_problem_names_the_parameter_and_the_allowed_values(rest: str, problem: str) -> None:
    assert bound(rest)[1] == [problem]


def test_all_problems_are_found_together() -> None:
    assert len(bound("lr=x epochs=y data=z zzz=1 a b")[1]) == 6


def test_a_long_value_is_cut_in_the_message() -> None:
    assert all(len(problem) < 300 for problem in bound("epochs=" + "9" * 60_000 + " " + "z" * 5000 + "=1")[1])


def test_usage_marks_optional_parameters() -> None:
    (command,) = parse_commands(TRAIN, "/")
    assert command.usage("/") == "/train [lr=float] epochs=int [<data>] [note=str] [fast=bool]"


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("trian", "train"),
        ("tran", "train"),
        ("trains", "train"),
        ("trainer", ""),
        ("lgtm", ""),
        ("Train", "train"),
        ("deploymnt", "deployment"),
    ],
)
def test_only_a_similar_name_is_suggested(name: str, found: str) -> None:
    assert nearest(name, ["train", "deployment"]) == found


@pytest.mark.parametrize("piece", ["x", "/t\n", "x x ", "--epochz=1 ", "--sha ", '"a" '])
def test_time_is_linear_in_the_length_of_a_comment(piece: str) -> None:
    def work(size: int) -> int:
        body = (piece * size)[:size]

        def read() -> None:
            grammar.find_commands(comment.read(body), "/")
            grammar.find_last_phrase(body, "x x")
            with contextlib.suppress(grammar.ArgumentError):
                bound(body.partition("\n")[0])

        return count_calls(read)

    assert work(32_768) < 3 * work(16_384)


@given(st.text(max_size=200))
def test_any_arguments_bind_to_json_or_to_problems(rest: str) -> None:
    try:
        values, problems = bound(rest)
    except grammar.ArgumentError:
        return
    json.dumps(values, allow_nan=False)
    assert all("\n" not in problem for problem in problems)
