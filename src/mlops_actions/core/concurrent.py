"""Calls that go together: one round of them takes as long as its slowest."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from queue import SimpleQueue
from threading import Thread
from typing import NoReturn, TypeVar

from mlops_actions.core.errors import ActionError

Key = TypeVar("Key")
Value = TypeVar("Value")


def gather(
    calls: Mapping[Key, Callable[[], Value]], done: Callable[[Key, Value | ActionError], None] | None = None
) -> dict[Key, Value | ActionError]:
    """Make all calls at once; returns each one's value or the ActionError it raised.

    `done` is called in this thread as soon as a call has ended, so that nothing that is known is forgotten when a later one
    is interrupted. Any other exception is raised here.
    """
    found: dict[Key, Value | ActionError] = {}

    def settle(key: Key, call: Callable[[], Value]) -> None:
        try:
            found[key] = call()
        except ActionError as error:
            found[key] = error
        if done:
            done(key, found[key])

    if len(calls) < 2:
        for key, call in calls.items():
            settle(key, call)
        return found
    for key, outcome in _at_once(calls):
        settle(key, outcome)
    return found


def _at_once(calls: Mapping[Key, Callable[[], Value]]) -> Iterator[tuple[Key, Callable[[], Value]]]:
    """Yield each call's key with a function that returns or raises what the call did, in the order they end.

    The threads are daemons: a cancelled job ends at once instead of waiting for answers that nobody will read (an executor
    would join its threads).
    """
    ended: SimpleQueue[tuple[Key, Callable[[], Value]]] = SimpleQueue()

    def work(key: Key, call: Callable[[], Value]) -> None:
        try:
            value = call()
        except BaseException as error:  # noqa: BLE001 - handed to the thread that asked, which raises it
            ended.put((key, partial(_raise, error)))
        else:
            ended.put((key, lambda: value))

    for key, call in calls.items():
        Thread(target=work, args=(key, call), name="github", daemon=True).start()
    for _ in calls:
        yield ended.get()


def _raise(error: BaseException) -> NoReturn:
    raise error
