"""Mask secrets as the runner does: whole, line by line, of any length, and in the encodings that programs write them in.

From the runner's source: SecretMasker.cs (positions), ValueEncoders.cs and HostContext.cs (encodings), Worker.cs (secrets of
the job), ActionCommandManager.cs (`add-mask`), https://github.com/actions/runner.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Iterator
from urllib.parse import quote
from xml.sax.saxutils import escape

_MASK = "***"
_LINE_ENDS = re.compile(r"[\r\n]")
_XML_QUOTES = {'"': "&quot;", "'": "&apos;"}


def _base64_from(shift: int) -> Callable[[str], str]:
    """Return the base64 of a value that stands `shift` bytes into what is encoded, as after `user:` in a login."""

    def encode(value: str) -> str:
        data = value.encode()
        return base64.b64encode(data[shift:] if len(data) > shift else data).decode()

    return encode


def _without_quotes(value: str) -> str:
    return value[1:-1] if len(value) > 8 and value.startswith('"') and value.endswith('"') else ""


def _around_ampersand(value: str) -> Iterator[str]:
    """Yield the two parts of a value that PowerShell colours apart at `&`; parts of fewer than 6 characters are left out."""
    if "&" in value:
        sign = "&+" if "&+" in value else "&"
        at = value.index(sign) if sign == "&+" else value.rindex(sign)
        end = at + len(sign)
        yield from (part for part in (value[:end], value[end + (sign == "&+") :]) if len(part) >= 6)


_ENCODERS: tuple[Callable[[str], str], ...] = (
    *(_base64_from(shift) for shift in range(3)),
    lambda value: value.replace('"', '\\"'),
    lambda value: value.replace("'", "''"),
    lambda value: json.dumps(value, ensure_ascii=False)[1:-1],
    lambda value: quote(value, safe="-._~"),
    lambda value: escape(value, _XML_QUOTES),
    _without_quotes,
)


class Masks:
    """The texts that a job's log hides. A job output that holds one of them is dropped."""

    def __init__(self) -> None:
        self._texts: set[str] = set()

    def add(self, value: str) -> None:
        """Hide a value and each of its lines, however short; blanks around a line do not belong to it."""
        for text in (value, *(line.strip() for line in _LINE_ENDS.split(value))):
            if text.strip():
                self._texts.update((text, *(encode(text) for encode in _ENCODERS), *_around_ampersand(text)))
        self._texts.discard("")

    def apply(self, text: str) -> str:
        """Return the text with each stretch of masked texts, overlapping or adjacent, replaced by one `***`."""
        positions = sorted(position for value in self._texts for position in _positions(text, value))
        parts: list[str] = []
        masked_until = 0
        for start, end in positions:
            if not parts or start > masked_until:
                parts += [text[masked_until:start], _MASK]
            masked_until = max(masked_until, end)
        return "".join([*parts, text[masked_until:]])


def _positions(text: str, value: str) -> Iterator[tuple[int, int]]:
    start = text.find(value)
    while start >= 0:
        yield start, start + len(value)
        start = text.find(value, start + 1)
