"""Cut the bytes of a container's log into lines, find their timestamps, and make them fit to be shown. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

MAX_LINE_BYTES = 65_536
# The part of an over-long line that is kept in any case: a timestamp fits in it.
_HEAD_BYTES = 64
# So many are kept of a line with its timestamp, which does not count.
MAX_KEPT_BYTES = MAX_LINE_BYTES + _HEAD_BYTES
_BINARY_MIN_LENGTH = 16
_BINARY_SHARE = 0.3
_COLORS = re.compile(r"(\x1b\[[0-9;:]{0,40}m)")
# Other escape sequences (cursor, clearing, titles, links), and all other control characters but tabs.
_CONTROLS = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)?|\x1b[ -/]*[0-~]|[\x00-\x08\x0a-\x1f\x7f-\x9f]"
)
_UNREADABLE = re.compile("[\x00-\x08\x0e-\x1a\x1c-\x1f\ufffd]")
# RFC 3339 with or without fractions, as `timestamps=true` asks for:
# https://kubernetes.io/docs/reference/generated/kubernetes-api/v1.35/#read-log-pod-v1-core
_TIMESTAMP = re.compile(rb"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)) ")
# Kubelets before 1.27 also put one into a long line wherever its container runtime has cut it: Docker and containerd cut
# after 16 KiB, CRI-O after 8 (https://github.com/kubernetes/kubernetes/issues/77603).
_CHUNK_BYTES = (16_384, 8_192)


@dataclass(frozen=True, slots=True)
class LogLine:
    """A line without its end; of an over-long one only a part is kept. `size` counts all its bytes."""

    data: bytes
    size: int

    @property
    def key(self) -> int:
        """A number that tells lines apart, and does not depend on which part of an over-long line was kept."""
        return hash(self.data) if self.size <= MAX_LINE_BYTES else hash((self.data[:_HEAD_BYTES], self.size))

    @property
    def timestamp(self) -> str:
        """The timestamp at the line's start; empty where there is none."""
        match = _TIMESTAMP.match(self.data)
        return match[1].decode() if match else ""

    @property
    def has_states(self) -> bool:
        """Whether carriage returns rewrite the line, as progress bars do."""
        return b"\r" in self.data


class LineAssembler:
    """Makes lines of the blocks of bytes that a stream brings. It holds at most `MAX_KEPT_BYTES` and one block."""

    def __init__(self) -> None:
        self._data = bytearray()
        self._size = 0

    def lines(self, block: bytes) -> Iterator[LogLine]:
        """Yield the lines that a block ends."""
        *ended, rest = block.split(b"\n")
        for part in ended:
            self._add(part)
            yield LogLine(bytes(self._data), self._size)
            self._data.clear()
            self._size = 0
        self._add(rest)

    def unfinished(self) -> LogLine | None:
        """Return the line whose end has not arrived; None where there is none."""
        return LogLine(bytes(self._data), self._size) if self._size else None

    def _add(self, part: bytes) -> None:
        self._size += len(part)
        self._data += part
        if len(self._data) > MAX_KEPT_BYTES:
            # Of a progress bar the last state counts, of any other line its start.
            last = self._data.rstrip(b"\r").rfind(b"\r", _HEAD_BYTES)
            if last > _HEAD_BYTES:
                del self._data[_HEAD_BYTES:last]
            del self._data[MAX_KEPT_BYTES:]


def without_timestamp(line: LogLine) -> LogLine:
    """Return the line without the timestamp at its start, where there is one, and without those at the cuts within it."""
    first = _TIMESTAMP.match(line.data)
    if first is None:
        return line
    start = first.end()
    for chunk in _CHUNK_BYTES:
        pieces = _pieces(line.data, start, chunk)
        if len(pieces) > 1:
            data = b"".join(pieces)
            return LogLine(data, line.size - (len(line.data) - len(data)))
    return LogLine(line.data[start:], line.size - start)


def _pieces(data: bytes, start: int, chunk: int) -> list[bytes]:
    """Cut a line where a timestamp follows each so many bytes."""
    pieces = []
    while (cut := _TIMESTAMP.match(data, start + chunk)) is not None:
        pieces.append(data[start : cut.start()])
        start = cut.end()
    return [*pieces, data[start:]]


def shown(line: LogLine) -> str:
    """Return a line's text as a log shows it: its last state, without control characters; bytes are counted, not shown."""
    cut = line.size > MAX_LINE_BYTES and not line.has_states
    text = last_state((line.data[:MAX_LINE_BYTES] if cut else line.data).decode(errors="replace"))
    if len(text) >= _BINARY_MIN_LENGTH and len(_UNREADABLE.findall(text)) > _BINARY_SHARE * len(text):
        return f"({line.size:,} bytes that are no text)"
    return printable(text) + (f" … (a line of {line.size:,} bytes)" if cut else "")


def last_state(text: str) -> str:
    """Return what a terminal shows after the line's last carriage return; a state of spaces alone does not count."""
    if "\r" not in text:
        return text
    states = [state for state in text.split("\r") if state.strip()]
    return states[-1] if states else ""


def printable(text: str) -> str:
    """Return a text with its colours, and without control characters that move or rewrite what a terminal shows."""
    if text.isprintable():
        return text
    parts = _COLORS.split(text)
    parts[::2] = [_CONTROLS.sub("", part) for part in parts[::2]]
    return "".join(parts) + ("\x1b[0m" if len(parts) > 1 else "")


def timestamp_key(timestamp: str) -> tuple[str, str]:
    """Return a key that sorts timestamps by time: their fractions have no trailing zeros, so their texts do not."""
    seconds, _, fraction = timestamp.removesuffix("Z").partition(".")
    return seconds, fraction.ljust(9, "0")
