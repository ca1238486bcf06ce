"""A call of an action, what rests on its answer, and how the answers are tried out."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from mlops_sandbox.github.faults import route_pattern
from tests.actions.odd_answers.answers import AS_USUAL, NO_CONTENT, ODD, OF_THE_BODY, wrong_values
from tests.support.interceptor import Change, Interceptor
from tests.support.step import StepRecord, annotation_messages

Play = Callable[[], StepRecord]


@dataclass(frozen=True)
class Call:
    """A call that `scenario` makes; `fields` are those of its answer that the action reads, `[]` for the items of a list.

    Of the fields that end in `?` the service may also say null or nothing. Without an `occurrence` (from 1 on) the answer to
    each call of the route is odd. `kind`: a decision rests on the answer, or it is feedback, or the answer is that of a
    creation (or another change), which the action finds by itself, or the content of an artifact (or tells
    whose it is).
    """

    route: str
    scenario: str
    kind: Literal["decision", "feedback", "creation", "artifact"]
    fields: tuple[str, ...] = ()
    occurrence: int = 0
    empty: bool = False  # the true answer has no body
    absence: str = ""  # the reason of the decision where 404 is an answer: there is no such thing
    names: str = ""  # a pattern of what a message may name instead of the call
    fails: tuple[str, ...] = ()  # beginnings of the names of odd answers after which the work counts as failed
    silent: tuple[str, ...] = ()  # beginnings of the names of odd answers that are as good as the true one

    def __str__(self) -> str:
        return f"{self.route}{f' #{self.occurrence}' if self.occurrence else ''} ({self.scenario})"

    @property
    def field_paths(self) -> tuple[str, ...]:
        """The fields without their marks."""
        return tuple(name.rstrip("?") for name in self.fields)


def odd_answers(call: Call, true_body: bytes) -> Iterator[tuple[str, Change]]:
    """Yield the odd answers to a call; `true_body` is the body of the true one."""
    yield from ODD.items()
    if call.empty:
        return
    yield from NO_CONTENT.items()
    yield from OF_THE_BODY.items()
    for name in call.fields:
        for shown, change in wrong_values(name.rstrip("?"), true_body):
            if not (name.endswith("?") and shown.endswith((" is missing", " is null"))):
                yield shown, change


def usual_answers(call: Call) -> Iterable[tuple[str, Change]]:
    """Return the answers to a call after which the action goes on as usual."""
    return NO_CONTENT.items() if call.empty else AS_USUAL.items()


def undeclared(calls: Iterable[str], table: Iterable[Call]) -> set[str]:
    """Return the calls that an action made and that are not in its table."""
    patterns = [route_pattern(call.route) for call in table]
    return {call for call in calls if not any(pattern.fullmatch(call) for pattern in patterns)}


def times_asked(interceptor: Interceptor, call: Call) -> int:
    """Return how often the route of a call was asked."""
    pattern = route_pattern(call.route)
    return sum(pattern.fullmatch(asked) is not None for asked in interceptor.calls)


def told(record: StepRecord) -> list[str]:
    """Return the messages of a step's errors and warnings."""
    return [*annotation_messages(record.log, "error"), *annotation_messages(record.log, "warning")]


def problems_of_decision(
    record: StepRecord, call: Call, *, exits: Iterable[int], forbidden: Mapping[str, str]
) -> Iterator[str]:
    """Yield what is wrong with a step whose decision got an odd answer; it must not have the `forbidden` outputs."""
    yield from _problems_of_log(record)
    if record.exit_code not in exits:
        yield f"it ended with exit code {record.exit_code}"
    yield from (f"{name} is {value!r}" for name, value in forbidden.items() if record.outputs.get(name) == value)
    if not any(_explains(message, call) for message in told(record)):
        yield f"nobody is told the call, the cause and the remedy: {record.log}"


def problems_of_feedback(
    record: StepRecord, usual: StepRecord, *, call: Call, outputs: Iterable[str], answer: str
) -> Iterator[str]:
    """Yield what is wrong with a step whose feedback got an odd answer, compared with the `usual` step."""
    yield from _problems_of_log(record)
    if record.exit_code != usual.exit_code:
        yield f"it ended with exit code {record.exit_code}"
    yield from (f"{name} differs" for name in outputs if record.outputs.get(name) != usual.outputs.get(name))
    messages = told(record)
    if len(messages) != (0 if answer.startswith(call.silent) else 1):
        yield f"{len(messages)} warnings: {messages}"
    elif not all(_explains(message, call) for message in messages):
        yield f"the warning names no call, cause and remedy: {messages}"


def _explains(message: str, call: Call) -> bool:
    """Tell whether a message names the call with its cause, and a remedy."""
    *causes, remedy = message.splitlines()
    return (
        bool(remedy) and re.search(call.names or f"{call.route.partition(' ')[0]} (/|http)", "\n".join(causes)) is not None
    )


def _problems_of_log(record: StepRecord) -> Iterator[str]:
    if "unexpected" in record.log or "Traceback" in record.log:
        yield "it crashed: " + record.log[record.log.find("unexpected") :][:300]


def shown(problems: Mapping[str, Iterable[str]]) -> str:
    """Return the problems by the odd answer that led to them, one a line."""
    return "\n".join(f"{name}: {problem}" for name, found in problems.items() for problem in found)
