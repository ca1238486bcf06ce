"""Read a Dockerfile's instructions: enough to find a failing line, and the images and addresses that a build reads. Pure.

Grammar: docs.docker.com/reference/dockerfile (parser directives, line continuation, here-documents).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

_DIRECTIVE = re.compile(r"#\s*([A-Za-z][A-Za-z0-9]*)\s*=\s*(.+?)\s*")
_HEREDOC = re.compile(r"<<(-?)\s*([\"']?)([A-Za-z_][A-Za-z0-9_]*)\2")
_TAKES_HEREDOC = frozenset({"RUN", "COPY", "ADD"})
_VARIABLE = re.compile(r"\\\$|\$(?:\{([A-Za-z_][A-Za-z0-9_]*)(?::?([-+])([^}]*))?\}|([A-Za-z_][A-Za-z0-9_]*))")


@dataclass(frozen=True)
class Instruction:
    """One instruction: upper-case keyword, arguments on one line, the line it starts at (from 1), its here-documents."""

    keyword: str
    arguments: str
    line: int
    heredocs: str = ""


@dataclass(frozen=True)
class Dockerfile:
    """All instructions, and the parser directives by lower-case name (`syntax`, `escape`, `check`)."""

    instructions: tuple[Instruction, ...]
    directives: Mapping[str, str]


def parse(text: str) -> Dockerfile:
    """Read a Dockerfile. Text that BuildKit refuses is read as far as possible: BuildKit itself reports it."""
    lines = text.removeprefix("\ufeff").splitlines()
    directives, start = _directives(lines)
    escape = directives.get("escape", "\\")
    instructions: list[Instruction] = []
    index = start
    while index < len(lines):
        stripped = lines[index].strip()
        if not stripped or stripped.startswith("#"):
            index += 1
            continue
        first = index
        text, index = _logical_line(lines, index, escape)
        keyword, _, arguments = text.strip().partition(" ")
        heredocs = ""
        if keyword.upper() in _TAKES_HEREDOC:
            heredocs, index = _heredocs(lines, index, arguments)
        instructions.append(Instruction(keyword.upper(), arguments.strip(), line=first + 1, heredocs=heredocs))
    return Dockerfile(tuple(instructions), directives)


def _directives(lines: Sequence[str]) -> tuple[dict[str, str], int]:
    """Read the parser directives at the top; the first line that is no directive ends them."""
    directives: dict[str, str] = {}
    for index, line in enumerate(lines):
        match = _DIRECTIVE.fullmatch(line.strip())
        if match is None or match[1].lower() in directives:
            return directives, index
        directives[match[1].lower()] = match[2]
    return directives, len(lines)


def _logical_line(lines: Sequence[str], index: int, escape: str) -> tuple[str, int]:
    """Join continued lines, dropping the comments and blank lines between them; return the text and the next index."""
    parts: list[str] = []
    while index < len(lines):
        line = lines[index]
        index += 1
        if parts and (not line.strip() or line.lstrip().startswith("#")):
            continue
        body = line.rstrip()
        if not body.endswith(escape):
            parts.append(body)
            break
        parts.append(body[: -len(escape)])
    return "".join(parts).replace("\t", " "), index


def _heredocs(lines: Sequence[str], index: int, arguments: str) -> tuple[str, int]:
    collected: list[str] = []
    for dash, _, name in _HEREDOC.findall(arguments):
        while index < len(lines):
            line = lines[index]
            index += 1
            if (line.lstrip("\t") if dash else line) == name:
                break
            collected.append(line)
    return "\n".join(collected), index


def line_of(dockerfile: Dockerfile, step: str) -> int:
    """Return the line of the instruction BuildKit shows as `[stage 2/3] RUN …`, or 0 where it is not found."""
    shown_text = _with_single_blanks(re.sub(r"^\[[^\]]*\]\s*", "", step))
    for instruction in dockerfile.instructions:
        text = _with_single_blanks(f"{instruction.keyword} {instruction.arguments}")
        if text == shown_text or (len(shown_text) > 20 and text.startswith(shown_text)):
            return instruction.line
    return 0


def _with_single_blanks(text: str) -> str:
    return " ".join(text.split())


def expand(text: str, values: Mapping[str, str]) -> str | None:
    """Replace `$NAME`, `${NAME}`, `${NAME:-word}`, `${NAME:+word}`; None where a variable has no known value."""
    unknown = False

    def replacement(match: re.Match[str]) -> str:
        nonlocal unknown
        name = match[1] or match[4]
        if name is None:
            return "$"
        value, operator, word = values.get(name, ""), match[2], match[3] or ""
        if operator == "-":
            return value or word
        if operator == "+":
            return word if value else ""
        unknown = unknown or not value
        return value

    expanded = _VARIABLE.sub(replacement, text)
    return None if unknown or "$" in expanded.replace("\\$", "") else expanded
