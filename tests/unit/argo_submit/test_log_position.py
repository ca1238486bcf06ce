"""A log that is opened again shows each of its lines once, with and without timestamps, also where it was rotated."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest

from mlops_actions.argo_submit.log_lines import LogLine
from mlops_actions.argo_submit.log_position import BEGINNING, WINDOW, LogPosition


def lines_of(*texts: str) -> list[LogLine]:
    return [LogLine(text.encode(), len(text)) for text in texts]


def stamped(*entries: tuple[float, str]) -> list[LogLine]:
    return lines_of(*(f"2026-01-01T00:00:{seconds:012.9f}Z {text}" for seconds, text in entries))


def read(position: LogPosition, stream: Sequence[LogLine]) -> list[LogLine]:
    position.reopen()
    return [new for line in stream for new in position.new_lines(line)]


STAMPED = stamped(
    (1, "a"), (1.2, "b"), (1.2, "b"), (1.2, "c"), (3.1, "d"), (3.05, "from the other stream"), (4, "e"), (4, "")
)
CONSTANT = lines_of(*["loss=0.5"] * 12)
DISTINCT = lines_of(*(f"epoch {number}" for number in range(12)))
REPEATING = lines_of("a", "b", "a", "b", "a", "c", "a", "b", "a", "b", "a", "d")


@pytest.mark.parametrize(
    "log", [STAMPED, CONSTANT, DISTINCT, REPEATING], ids=["timestamps", "constant", "distinct", "repeating"]
)
def test_every_line_is_new_once_wherever_the_log_was_cut(log: list[LogLine]) -> None:
    has_timestamps = log is STAMPED
    for first in range(len(log) + 1):
        for second in range(first, len(log) + 1):
            position = LogPosition()
            position.has_timestamps = has_timestamps
            seen = read(position, log[:first]) + read(position, log[:second]) + read(position, log)
            assert seen == log, (first, second)


def test_a_log_is_asked_for_from_a_second_before_its_last_line_on() -> None:
    position = LogPosition()
    assert position.since == ""
    read(position, stamped((7.9, "a")))
    assert position.since == "2026-01-01T00:00:06Z"
    assert read(position, stamped((6.5, "older, and never seen"), (7.9, "a"), (8, "b"))) != []


def test_a_container_cannot_move_the_time_from_which_its_log_is_read() -> None:
    position = LogPosition()
    position.has_timestamps = False
    read(position, lines_of("2100-01-01T00:00:00Z a line from the future"))
    assert position.since == ""


@pytest.mark.parametrize("count", [WINDOW, 3 * WINDOW])
def test_lines_that_are_remembered_no_longer_are_recognised_by_their_timestamps(count: int) -> None:
    log = stamped(*((number / 1000, f"line {number}") for number in range(count + 5)))
    position = LogPosition()
    assert read(position, log[:count]) == log[:count]
    assert read(position, log) == log[count:]  # a node may send all from the beginning


@pytest.mark.parametrize("read_before", [3, BEGINNING, BEGINNING + 20])
@pytest.mark.parametrize("kept", [0, 1, 2, 3])
def test_a_rotated_log_without_timestamps_shows_only_what_is_new(read_before: int, kept: int) -> None:
    log = lines_of(*(f"epoch {number}" for number in range(read_before + 6)))
    position = LogPosition()
    position.has_timestamps = False
    assert read(position, log[:read_before]) == log[:read_before]
    assert read(position, log[read_before - kept :]) == log[read_before:]


def test_a_rotated_log_prefers_the_longest_repetition_and_falls_back_to_a_shorter_one() -> None:
    position = LogPosition()
    position.has_timestamps = False
    read(position, lines_of("x", "a", "b", "a"))
    assert read(position, lines_of("a", "b", "c")) == lines_of("b", "c")


def test_streams_that_break_at_random_lose_and_repeat_nothing() -> None:
    generator = random.Random(7)
    for _ in range(200):
        log = stamped(*((number // 3 / 10, str(generator.randrange(3))) for number in range(40)))
        position, seen, end = LogPosition(), [], 0
        while end < len(log):
            end = min(end + generator.randrange(6), len(log))
            begin = next((i for i, one in enumerate(log) if one.timestamp >= position.since), 0)
            seen += read(position, log[begin:end])
        assert seen == log
