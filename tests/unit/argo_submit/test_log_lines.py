"""Bytes of a log become lines of bounded length, without their timestamps, in a form that a job's log can show."""

from __future__ import annotations

import tracemalloc

import pytest

from mlops_actions.argo_submit.log_lines import (
    MAX_KEPT_BYTES,
    MAX_LINE_BYTES,
    LineAssembler,
    LogLine,
    shown,
    timestamp_key,
    without_timestamp,
)

STAMP = b"2026-01-01T00:00:00.123456789Z "


def line(data: bytes) -> LogLine:
    return LogLine(data, len(data))


@pytest.mark.parametrize("size", [1, 2, 3, 7, 100])
def test_lines_do_not_depend_on_the_blocks_in_which_they_arrive(size: int) -> None:
    text = b"one\n\ntwo\r\nlast words\nno end"
    assembler = LineAssembler()
    lines = [one for at in range(0, len(text), size) for one in assembler.lines(text[at : at + size])]
    assert [one.data for one in lines] == [b"one", b"", b"two\r", b"last words"]
    assert assembler.unfinished() == line(b"no end")


@pytest.mark.parametrize(
    ("data", "kept", "stamp"),
    [
        (b"2026-01-01T00:00:00.123456789Z text", b"text", "2026-01-01T00:00:00.123456789Z"),
        (b"2026-01-01T00:00:00Z text", b"text", "2026-01-01T00:00:00Z"),
        (b"2026-01-01T00:00:00.5+02:00 a b", b"a b", "2026-01-01T00:00:00.5+02:00"),
        (STAMP, b"", STAMP.decode().strip()),
        (STAMP + STAMP + b"text", STAMP + b"text", STAMP.decode().strip()),
        (b"2026-01-01T00:00:00Z", b"2026-01-01T00:00:00Z", ""),
        (b"2026-01-01T00:00:00Z\ttext", b"2026-01-01T00:00:00Z\ttext", ""),
        (b"2026-01-01 12:00:00,123 INFO", b"2026-01-01 12:00:00,123 INFO", ""),
        (b"2026-01-01T00:00:00 text", b"2026-01-01T00:00:00 text", ""),
        (b"epoch 1 of 3", b"epoch 1 of 3", ""),
        (b"", b"", ""),
    ],
)
def test_only_a_timestamp_is_taken_off(data: bytes, kept: bytes, stamp: str) -> None:
    assert (without_timestamp(line(data)), line(data).timestamp) == (line(kept), stamp)


@pytest.mark.parametrize("chunk", [16_384, 8_192])
@pytest.mark.parametrize("length", [0, 1, 8_191, 8_192, 8_193, 16_383, 16_384, 16_385, 40_000, 60_000])
def test_the_timestamps_of_old_kubelets_within_a_long_line_are_taken_off(chunk: int, length: int) -> None:
    text = bytes(range(97, 123)) * (length // 26 + 1)
    text = text[:length]
    data = b"".join(STAMP + text[at : at + chunk] for at in range(0, max(length, 1), chunk))
    assert without_timestamp(line(data)) == line(text)
    assert without_timestamp(line(STAMP + text)) == line(text)


def test_what_only_looks_like_a_timestamp_within_a_long_line_is_kept() -> None:
    text = b"x" * 10_000 + STAMP + b"x" * 10_000
    assert without_timestamp(line(STAMP + text)) == line(text)


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"plain", "plain"),
        (b"windows\r", "windows"),
        (b"\r10%\r50%\r100%", "100%"),
        (b"\r100%\r    \r", "100%"),
        (b"\r\r", ""),
        (b"caf\xc3\xa9 \xff", "café \ufffd"),
        (b"bell\x07 and nul\x00", "bell and nul"),
        (bytes(range(256)) * 4, "(1,024 bytes that are no text)"),
        ("Füße".encode("latin-1"), "F\ufffd\ufffde"),
        (b"::set-output::x", "::set-output::x"),
    ],
)
def test_a_line_is_shown_as_text(data: bytes, text: str) -> None:
    assert shown(line(data)) == text


def test_a_line_of_20_mb_is_cut_and_the_lines_after_it_are_kept() -> None:
    assembler = LineAssembler()
    block, lines = b"x" * 65_536, []
    tracemalloc.start()
    for _ in range(320):
        lines += list(assembler.lines(block))
    lines += list(assembler.lines(b"\nafter\n"))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert [shown(one) for one in lines] == ["x" * MAX_LINE_BYTES + " … (a line of 20,971,520 bytes)", "after"]
    assert peak < 1_000_000


@pytest.mark.parametrize("stamp", [STAMP, b""], ids=["with a timestamp", "without one"])
@pytest.mark.parametrize("size", [MAX_LINE_BYTES - 31, MAX_LINE_BYTES, MAX_LINE_BYTES + 1])
def test_a_line_is_whole_up_to_its_bound_and_a_cut_is_always_said(size: int, stamp: bytes) -> None:
    (one,) = LineAssembler().lines(stamp + b"x" * size + b"\n")
    note = f" … (a line of {size:,} bytes)" if size > MAX_LINE_BYTES else ""
    assert shown(without_timestamp(one)) == "x" * min(size, MAX_LINE_BYTES) + note


def test_a_progress_bar_without_line_ends_keeps_its_timestamp_and_its_last_state() -> None:
    assembler = LineAssembler()
    list(assembler.lines(STAMP))
    for number in range(20_000):
        assert list(assembler.lines(b"\r%6d/20000 |####      |" % number)) == []
    unfinished = assembler.unfinished()
    assert unfinished is not None
    assert len(unfinished.data) <= MAX_KEPT_BYTES
    assert (unfinished.timestamp, shown(without_timestamp(unfinished))) == (
        STAMP.decode().strip(),
        " 19999/20000 |####      |",
    )
    assert unfinished.has_states


def test_timestamps_without_trailing_zeros_sort_by_time() -> None:
    first, second, third, last = (f"2026-01-01T00:00:0{end}Z" for end in ("5", "5.1", "5.12", "6"))
    assert sorted([last, third, first, second], key=timestamp_key) == [first, second, third, last]
