"""Read what BuildKit says about the Dockerfile itself: its warnings, and the line of an error in its text. Pure.

BuildKit 0.14 and newer check the Dockerfile while they build it; buildx prints the warnings behind everything else (its
commands/build.go), and a place and the lines around it before an error (BuildKit's solver/errdefs/source.go).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_HEADING = re.compile(r"[0-9]+ warnings? found\b.*")
_WARNING = re.compile(r"- (?:([A-Z][A-Za-z]{2,60}): )?(.+?)(?: \(line ([0-9]{1,6})\))?")
_SYNTAX = re.compile(r"dockerfile parse error (?:on )?line ([0-9]{1,6}):", re.IGNORECASE)
_PLACE = re.compile(r"[^\s:]+:([0-9]{1,6})")
_FRAME = "--------------------"


@dataclass(frozen=True)
class DockerfileWarning:
    """One warning: the rule that it breaks (empty: none is named), the text, and the line (0: none is named)."""

    rule: str
    text: str
    line: int


class DockerfileChecks:
    """The warnings, and the line where an error is, read from the lines that belong to no step."""

    def __init__(self) -> None:
        self.warnings: list[DockerfileWarning] = []
        self.failing_line = 0
        self._is_list = False
        self._place = 0

    def line(self, text: str) -> None:
        """Read one line."""
        text = _COLOUR.sub("", text).strip()
        if text == _FRAME and self._place:
            self.failing_line = self._place
        place = _PLACE.fullmatch(text)
        self._place = int(place[1]) if place else 0
        syntax = _SYNTAX.search(text) if text.startswith(("ERROR: ", "error: ")) else None
        if syntax is not None:
            self.failing_line = int(syntax[1])
        warning = _WARNING.fullmatch(text) if self._is_list else None
        if warning is not None:
            self.warnings.append(DockerfileWarning(warning[1] or "", warning[2], int(warning[3] or 0)))
        elif text:
            self._is_list = _HEADING.fullmatch(text) is not None
