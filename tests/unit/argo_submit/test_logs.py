"""Logs in bounds, and taken up again without a line lost or doubled."""

from __future__ import annotations

from mlops_actions.argo_submit.logs import HEAD_LINES, LINE_LENGTH, TAIL_LINES, Kept, Source, order
from mlops_actions.argo_submit.ports import Line

SOURCE = Source("id", "node", "pod", "main")


def stamp(number: int) -> str:
    return f"2026-01-01T00:00:{number // 10:02}.{number % 10}Z".replace(".0Z", "Z")


def test_stamps_sort_by_time_though_their_zeros_are_dropped() -> None:
    first, second, third, last = (f"2026-01-01T00:00:0{end}Z" for end in ("5", "5.1", "5.12", "6"))
    assert sorted([last, third, first, second], key=order) == [first, second, third, last]


def test_a_log_that_is_resumed_by_the_second_has_every_line_once() -> None:
    # Three lines bear one stamp, and the connection breaks between them.
    lines = [Line(stamp(1), "a"), Line(stamp(12), "b"), Line(stamp(12), "b"), Line(stamp(12), "c"), Line(stamp(13), "d")]
    for cut in range(len(lines) + 1):
        kept = Kept()
        for line in lines[:cut]:
            kept.add(line)
        resumed = kept.resumed()
        second = kept.stamp[:19]
        for line in [line for line in lines if line.stamp[:19] >= second]:
            if resumed.is_new(line):
                kept.add(line)
        assert kept.ended(SOURCE, "").lines == ("a", "b", "b", "c", "d"), cut


def test_the_middle_of_a_long_log_is_left_out() -> None:
    kept = Kept()
    count = HEAD_LINES + TAIL_LINES + 7
    for number in range(count):
        kept.add(Line(f"2026-01-01T00:00:00.{number:09}Z", str(number)))
    ended = kept.ended(SOURCE, "")
    assert (ended.lines[0], ended.lines[HEAD_LINES - 1], ended.lines[-1]) == ("0", str(HEAD_LINES - 1), str(count - 1))
    assert (ended.left_out, ended.head) == (7, HEAD_LINES)


def test_a_long_line_is_cut() -> None:
    kept = Kept()
    kept.add(Line(stamp(1), "x" * (LINE_LENGTH + 1)))
    assert kept.ended(SOURCE, "").lines == ("x" * LINE_LENGTH + "…",)
