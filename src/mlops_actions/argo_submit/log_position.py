"""Know how far a log was read, and recognise what a stream that is opened again repeats. Pure.

A log is asked for again from a second before its last timestamp on: the API counts in whole seconds, and lines of the two
output streams may be out of order by a little. A node that sends no timestamps sends the log from its beginning.
"""

from __future__ import annotations

from collections import Counter, deque
from datetime import UTC, datetime, timedelta

from mlops_actions.argo_submit.log_lines import LogLine, timestamp_key

# Lines that are remembered. Older ones are recognised by their timestamps, and without these by their number.
WINDOW = 2_000
# So many lines at its beginning show that a log without timestamps is the one that was read before, and was not rotated.
BEGINNING = 50
# Lines that may be new or repeated are held; more of them count as repeated.
MAX_HELD_BYTES = 1 << 20


class LogPosition:
    """The lines of one log that were read; `has_timestamps` says whether the node puts one before each of them."""

    def __init__(self) -> None:
        self.has_timestamps = True
        self._count = 0
        self._timestamp = ""
        self._recent: deque[tuple[tuple[str, str], int]] = deque(maxlen=WINDOW)
        self._forgotten = ("", "")  # the key of the last timestamp that has left the window
        self._beginning: list[int] = []
        self._repeated: _Repeated | None = None

    @property
    def since(self) -> str:
        """The time from which on the log is to be asked for; empty: from its beginning."""
        try:
            time = datetime.fromisoformat(self._timestamp).astimezone(UTC) if self._timestamp else None
        except ValueError:
            time = None
        return "" if time is None else f"{time - timedelta(seconds=1):%Y-%m-%dT%H:%M:%S}Z"

    def reopen(self) -> None:
        """Expect the lines of a stream that is opened again."""
        if not self._count:
            self._repeated = None
        elif self._timestamp:
            self._repeated = _RepeatedByTime(Counter(key for _, key in self._recent), self._forgotten)
        else:
            self._repeated = _RepeatedByText(self._beginning, [key for _, key in self._recent], self._count)

    def new_lines(self, line: LogLine) -> list[LogLine]:
        """Return the lines that are known to be new after this one has arrived: none where it repeats one."""
        lines = [line] if self._repeated is None else self._repeated.new_lines(line)
        if lines:
            self._repeated = None
        for one in lines:
            self._add(one)
        return lines

    @property
    def is_repeating(self) -> bool:
        """Whether the stream has brought only lines so far that were read before."""
        return self._repeated is not None

    def _add(self, line: LogLine) -> None:
        self._count += 1
        self._timestamp = (line.timestamp if self.has_timestamps else "") or self._timestamp
        if len(self._beginning) < BEGINNING:
            self._beginning.append(line.key)
        if len(self._recent) == WINDOW:
            self._forgotten = self._recent[0][0]
        self._recent.append((timestamp_key(self._timestamp), line.key))


class _Repeated:
    """Recognises repeated lines; once `new_lines` returns one, all lines that follow are new."""

    def new_lines(self, line: LogLine) -> list[LogLine]:
        """Return the lines that are new, now that this one has arrived."""
        raise NotImplementedError


class _RepeatedByTime(_Repeated):
    """Lines that are among those of the window, or older than it."""

    def __init__(self, known: Counter[int], forgotten: tuple[str, str]) -> None:
        self._known = known
        self._forgotten = forgotten

    def new_lines(self, line: LogLine) -> list[LogLine]:
        """See the base class."""
        timestamp = line.timestamp
        if timestamp and timestamp_key(timestamp) <= self._forgotten:
            return []
        if self._known[line.key] > 0:
            self._known[line.key] -= 1
            return []
        return [line]


class _RepeatedByText(_Repeated):
    """The lines of a log that begins as it did before; or, where the log was rotated, those that repeat its last lines."""

    def __init__(self, beginning: list[int], recent: list[int], count: int) -> None:
        self._beginning = beginning
        self._recent = recent
        self._left = count
        self._seen = 0
        self._held: list[LogLine] = []
        self._held_bytes = 0
        self._overlap = 0
        self._starts: list[int] | None = None  # where in `recent` the stream may begin; None: at the log's beginning

    def new_lines(self, line: LogLine) -> list[LogLine]:
        """See the base class."""
        if self._starts is None:
            if self._left <= 0:
                return [line]
            if self._seen >= len(self._beginning) or line.key == self._beginning[self._seen]:
                self._seen += 1
                self._left -= 1
                if self._seen <= len(self._beginning):
                    self._held.append(line)
                return []
            self._starts = list(range(len(self._recent)))
            held, self._held = self._held, []
            return [new for one in (*held, line) for new in self._aligned(one)]
        return self._aligned(line)

    def _aligned(self, line: LogLine) -> list[LogLine]:
        """Hold a line while it, and the lines before it, repeat the last lines that were read."""
        position, left = len(self._held), []
        self._held.append(line)
        self._held_bytes += len(line.data)
        for at in self._starts or ():
            if at + position == len(self._recent):
                self._overlap = position  # the longest one that is complete
            elif self._recent[at + position] == line.key:
                left.append(at)
        if left and self._held_bytes > MAX_HELD_BYTES:
            self._overlap = position + 1
            left = []
        self._starts = left
        if left:
            return []
        new, self._held, self._overlap = self._held[self._overlap :], [], 0
        return new
