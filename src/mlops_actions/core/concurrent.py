"""Make several calls at once, so that all of them take as long as the slowest."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
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
    """Make all calls at once; return each call's value, or the ActionError that it raised, in the order of the calls.

    `done` is called in this thread as soon as a call has ended, so that its result is kept even if a later call is
    interrupted. Every other exception is raised here.
    """
    results: dict[Key, Value | ActionError] = {}

    def settle(key: Key, call: Callable[[], Value]) -> None:
        try:
            results[key] = call()
        except ActionError as error:
            results[key] = error
        if done:
            done(key, results[key])

    if len(calls) < 2:
        for key, call in calls.items():
            settle(key, call)
        return results
    for key, result in _as_completed(calls):
        settle(key, result)
    return {key: results[key] for key in calls}


def gather_values(calls: Sequence[Callable[[], Value]]) -> list[Value]:
    """Make all calls at once; return their values in the order of the calls, or raise the first error in that order."""
    values: list[Value] = []
    for result in gather(dict(enumerate(calls))).values():
        if isinstance(result, ActionError):
            raise result
        values.append(result)
    return values


def _as_completed(calls: Mapping[Key, Callable[[], Value]]) -> Iterator[tuple[Key, Callable[[], Value]]]:
    """Yield each call's key with a function that returns the call's value or raises its error, as the calls end.

    The threads are daemons, so that a cancelled job ends at once; an executor would join its threads and wait for answers
    that nobody reads.
    """
    ended: SimpleQueue[tuple[Key, Callable[[], Value]]] = SimpleQueue()

    def run_call(key: Key, call: Callable[[], Value]) -> None:
        try:
            value = call()
        except BaseException as error:  # noqa: BLE001 - the calling thread raises it
            ended.put((key, partial(_raise, error)))
        else:
            ended.put((key, lambda: value))

    for key, call in calls.items():
        Thread(target=run_call, args=(key, call), name="concurrent-call", daemon=True).start()
    for _ in calls:
        yield ended.get()


def _raise(error: BaseException) -> NoReturn:
    raise error
