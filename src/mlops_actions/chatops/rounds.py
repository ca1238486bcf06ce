"""Calls that go together: one round of them takes as long as its slowest."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

from mlops_actions.core.errors import ActionError

Key = TypeVar("Key")
Value = TypeVar("Value")
_MOST_AT_ONCE = 8


def gather(
    calls: Mapping[Key, Callable[[], Value]], done: Callable[[Key, Value], None] | None = None
) -> dict[Key, Value | ActionError]:
    """Make all calls at once; returns each one's value or the ActionError it raised.

    `done` is called in this thread as soon as a call has returned, so that nothing achieved is forgotten when a later one
    is interrupted. Any other exception is raised here.
    """
    found: dict[Key, Value | ActionError] = {}

    def settle(key: Key, call: Callable[[], Value]) -> None:
        try:
            value = call()
        except ActionError as error:
            found[key] = error
            return
        found[key] = value
        if done:
            done(key, value)

    if len(calls) < 2:
        for key, call in calls.items():
            settle(key, call)
        return found
    from concurrent.futures import ThreadPoolExecutor, as_completed

    executor = ThreadPoolExecutor(min(len(calls), _MOST_AT_ONCE), thread_name_prefix="github")
    try:
        futures = {executor.submit(call): key for key, call in calls.items()}
        for future in as_completed(futures):
            settle(futures[future], future.result)
    finally:
        # A cancelled job must not wait for what is under way.
        executor.shutdown(wait=False, cancel_futures=True)
    return found
