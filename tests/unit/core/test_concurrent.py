"""Calls that go together."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from mlops_actions.core.concurrent import gather, gather_values
from mlops_actions.core.errors import Cancelled, Unavailable


def test_calls_of_a_round_do_not_wait_for_one_another() -> None:
    together = threading.Barrier(4)
    calls: dict[int, Callable[[], int]] = {number: (lambda: together.wait(timeout=30)) for number in range(4)}
    assert sorted(gather(calls).values()) == [0, 1, 2, 3]  # type: ignore[type-var]


def test_the_answers_have_the_order_of_the_calls() -> None:
    is_done = threading.Event()
    calls: dict[str, Callable[[], bool]] = {"first": lambda: is_done.wait(30), "second": lambda: bool(is_done.set())}
    assert list(gather(calls)) == ["first", "second"]


def test_a_failed_call_does_not_affect_the_other_calls() -> None:
    def fail() -> int:
        raise error

    error = Unavailable("no answer", "")
    done: dict[str, object] = {}
    assert gather({"a": lambda: 1, "b": fail}, done.__setitem__) == {"a": 1, "b": error}
    assert done == {"a": 1, "b": error}
    assert gather({"b": fail}) == {"b": error}


def test_values_come_in_the_order_of_the_calls_or_the_first_error_does() -> None:
    def fail(cause: str) -> int:
        raise Unavailable(cause, "")

    assert gather_values([lambda: 1, lambda: 2]) == [1, 2]
    assert gather_values([]) == []
    with pytest.raises(Unavailable, match="first"):
        gather_values([lambda: 1, lambda: fail("first"), lambda: fail("second")])


def test_a_cancellation_comes_through() -> None:
    def cancelled() -> int:
        raise Cancelled(2)

    with pytest.raises(Cancelled):
        gather({"a": cancelled, "b": lambda: 1})
