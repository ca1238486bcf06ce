"""JSON that another system sent: what is none raises ValueError, and nothing else."""

from __future__ import annotations

import gc
import json
import sys

import pytest

from mlops_actions.core.json_text import MAX_DEPTH, parse_json

NOT_JSON = {
    "nothing": b"",
    "a page": b"<html>",
    "cut off": b'{"id": 1',
    "no UTF-8": b'{"id": "\xff"}',
    "nested without end": b"[" * 100_000 + b"]" * 100_000,
    "not a number": b'{"id": NaN}',
    "no end": b'{"id": -Infinity}',
    "more digits than a number may have": b'{"id": ' + b"9" * 5000 + b"}",
}


@pytest.mark.parametrize("name", NOT_JSON)
def test_what_is_no_json_raises_value_error(name: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        parse_json(NOT_JSON[name])


def test_a_half_of_a_character_becomes_the_replacement_character() -> None:
    assert parse_json(r'{"\ud83d": ["a\uDE00b", {"c": "\ud83d\ude00"}, 1, null]}') == {
        "\ufffd": ["a\ufffdb", {"c": "😀"}, 1, None]
    }


def test_of_a_repeated_name_the_last_value_counts() -> None:
    assert parse_json('{"state": "open", "state": "closed"}') == {"state": "closed"}


DEPTHS = {
    "lists, as deep as they may be": ("[" * MAX_DEPTH + "]" * MAX_DEPTH, True),
    "lists, one level more": ("[" * (MAX_DEPTH + 1) + "]" * (MAX_DEPTH + 1), False),
    "objects and lists in turn": ('{"a": [' * MAX_DEPTH + "]}" * MAX_DEPTH, False),
    "many brackets side by side": ("[" + ",".join(["{}"] * 10_000) + "]", True),
    "brackets in a string": ('["' + "[{" * 10_000 + '"]', True),
    "brackets after an escaped quote": ('["\\"' + "[" * 10_000 + '"]', True),
    "brackets after an escaped backslash": ('["\\\\", ' + "[" * 10_000 + "]" * 10_001, False),
    "closing brackets in a string": ('{"a": "]]]]", "b": ' * 300 + "1" + "}" * 300, False),
}


@pytest.mark.parametrize(
    ("text", "accepted"),
    DEPTHS.values(),
    ids=DEPTHS,
)
def test_levels_are_counted_outside_strings(text: str, accepted: bool) -> None:
    if accepted:
        assert parse_json(text) == json.loads(text)
    else:
        with pytest.raises(ValueError, match="nested too deeply"):
            parse_json(text)


@pytest.mark.parametrize("opening", [b"[", b'{"a":'])
def test_a_finalizer_that_runs_while_deep_json_is_refused_does_not_fail(
    opening: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    failures: list[str] = []
    monkeypatch.setattr(sys, "unraisablehook", lambda failure: failures.append(repr(failure.exc_value)))
    thresholds = gc.get_threshold()
    try:
        for allocations in range(500, sys.getrecursionlimit()):
            gc.collect(0)
            gc.set_threshold(allocations)  # the collector runs after so many levels
            _Finalized()
            with pytest.raises(ValueError, match="nested too deeply"):
                parse_json(opening * 2000)
    finally:
        gc.set_threshold(*thresholds)
    assert not failures


class _Finalized:
    """An object that only the garbage collector removes, and that runs Python code then."""

    def __init__(self) -> None:
        self.itself = self

    def __del__(self) -> None:
        _level(5)


def _level(number: int) -> None:
    if number:
        _level(number - 1)
