"""JSON that another system sent: what is none raises ValueError, and nothing else."""

from __future__ import annotations

import pytest

from mlops_actions.core.json_text import parse_json

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


def test_of_a_repeated_name_the_last_value_counts() -> None:
    assert parse_json('{"state": "open", "state": "closed"}') == {"state": "closed"}
