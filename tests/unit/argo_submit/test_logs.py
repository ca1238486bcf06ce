"""Logs are kept within bounds, and resumed without losing or repeating a line."""

from __future__ import annotations

from mlops_actions.argo_submit.logs import HEAD_LINES, MAX_LINE_LENGTH, TAIL_LINES, LogBuffer, LogSource, timestamp_key
from mlops_actions.argo_submit.ports import LogLine

SOURCE = LogSource(node_id="id", node_name="node", pod="pod", container="main")


def timestamp(number: int) -> str:
    return f"2026-01-01T00:00:{number // 10:02}.{number % 10}Z".replace(".0Z", "Z")


def test_timestamps_without_trailing_zeros_sort_by_time() -> None:
    first, second, third, last = (f"2026-01-01T00:00:0{end}Z" for end in ("5", "5.1", "5.12", "6"))
    assert sorted([last, third, first, second], key=timestamp_key) == [first, second, third, last]


def test_a_log_that_is_resumed_by_the_second_has_every_line_once() -> None:
    # Three lines bear one timestamp, and the connection breaks between them.
    lines = [
        LogLine(timestamp(1), "a"),
        LogLine(timestamp(12), "b"),
        LogLine(timestamp(12), "b"),
        LogLine(timestamp(12), "c"),
        LogLine(timestamp(13), "d"),
    ]
    for cut in range(len(lines) + 1):
        buffer = LogBuffer()
        for line in lines[:cut]:
            buffer.add(line)
        repeated = buffer.repeated_lines()
        second = buffer.timestamp[:19]
        for line in [line for line in lines if line.timestamp[:19] >= second]:
            if repeated.is_new(line):
                buffer.add(line)
        assert buffer.ended(SOURCE, "").lines == ("a", "b", "b", "c", "d"), cut


def test_the_middle_of_a_long_log_is_left_out() -> None:
    buffer = LogBuffer()
    count = HEAD_LINES + TAIL_LINES + 7
    for number in range(count):
        buffer.add(LogLine(f"2026-01-01T00:00:00.{number:09}Z", str(number)))
    ended = buffer.ended(SOURCE, "")
    assert (ended.lines[0], ended.lines[HEAD_LINES - 1], ended.lines[-1]) == ("0", str(HEAD_LINES - 1), str(count - 1))
    assert (ended.left_out, ended.head) == (7, HEAD_LINES)


def test_a_long_line_is_cut() -> None:
    buffer = LogBuffer()
    buffer.add(LogLine(timestamp(1), "x" * (MAX_LINE_LENGTH + 1)))
    assert buffer.ended(SOURCE, "").lines == ("x" * MAX_LINE_LENGTH + "…",)
