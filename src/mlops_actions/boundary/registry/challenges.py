"""Read the challenges of a 401 answer: several may stand in one header, and some registries leave out the quotes. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

_WORD = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
# A parameter, or the scheme that begins the next challenge. A value without quotes may be an address (cp.icr.io sends
# `realm=https://…`), which RFC 9110 (section 11.2) has no room for: it ends at a comma or a space.
_PART = re.compile(
    rf'(?P<name>{_WORD})[ \t]*=[ \t]*(?:"(?P<quoted>(?:[^"\\]|\\.)*)"|(?P<bare>[^\s",]+))|(?P<scheme>{_WORD})', re.DOTALL
)


@dataclass(frozen=True)
class Challenge:
    """What a registry asks for: the scheme in small letters, and its parameters by their names in small letters."""

    scheme: str
    parameters: Mapping[str, str] = field(default_factory=dict)


def parse(headers: Iterable[str]) -> list[Challenge]:
    """Return the challenges of the headers WWW-Authenticate, in order; what cannot be read is left out."""
    challenges: list[Challenge] = []
    for header in headers:
        parameters: dict[str, str] | None = None  # those of the challenge that is being read; none before the first scheme
        for part in _PART.finditer(header):
            if part["scheme"]:
                parameters = {}
                challenges.append(Challenge(part["scheme"].lower(), parameters))
            elif parameters is not None:
                value = part["bare"] if part["quoted"] is None else re.sub(r"\\(.)", r"\1", part["quoted"])
                parameters.setdefault(part["name"].lower(), value)
    return challenges
