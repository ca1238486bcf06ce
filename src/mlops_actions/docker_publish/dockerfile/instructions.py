"""Read a Dockerfile's instructions as BuildKit reads them. Pure.

Facts: BuildKit's frontend/dockerfile/parser/parser.go. tests/e2e/test_dockerfile_reader.py holds this reader to BuildKit's.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from mlops_actions.docker_publish.dockerfile import arguments, directives, shell
from mlops_actions.docker_publish.dockerfile.characters import BLANKS, BYTE_ORDER_MARK, GAP, decode

_KEYWORDS = frozenset({
    "ADD", "ARG", "CMD", "COPY", "ENTRYPOINT", "ENV", "EXPOSE", "FROM", "HEALTHCHECK", "LABEL", "MAINTAINER", "ONBUILD",
    "RUN", "SHELL", "STOPSIGNAL", "USER", "VOLUME", "WORKDIR",
})  # fmt: skip
_TAKES_HEREDOC = frozenset({"RUN", "COPY", "ADD"})
_STEP = re.compile(r"\[(?:([^\]]*?) +)?[0-9]+/[0-9]+\]\s*")
_MAX_DEPTH = 2  # ONBUILD and its instruction: BuildKit refuses ONBUILD ONBUILD


@dataclass(frozen=True)
class Instruction:
    """One instruction.

    `keyword` is upper-case, `arguments` all that follows it, on one line: `flags`, here without quotes, and `operands`.
    `line` and `end_line` count from 1. `heredocs` holds the lines of its here-documents. `trigger` is the instruction that
    an ONBUILD holds, as a build runs it.
    """

    keyword: str
    arguments: str
    line: int
    end_line: int = 0
    heredocs: str = ""
    flags: tuple[str, ...] = ()
    operands: str = ""
    trigger: Instruction | None = None


@dataclass(frozen=True)
class Dockerfile:
    """All instructions, the parser directives by lower-case name, the escape character, and the frontend image, if named.

    `unclear` holds the lines that versions of BuildKit read differently: what they say is not known.
    """

    instructions: tuple[Instruction, ...]
    directives: Mapping[str, str]
    escape: str = "\\"
    frontend: str = ""
    unclear: tuple[int, ...] = ()


def parse(content: bytes | str) -> Dockerfile:
    """Read a Dockerfile. Text that BuildKit refuses is read as far as possible: BuildKit itself reports it."""
    text = decode(content) if isinstance(content, bytes) else content
    frontend = directives.frontend(text)
    lines = text.removeprefix(BYTE_ORDER_MARK).split("\n")
    found = directives.read([line.rstrip("\r") for line in lines])
    reader = _Reader(lines, found.escape)
    return Dockerfile(
        instructions=tuple(reader.instructions()),
        directives=found.values,
        escape=found.escape,
        frontend=frontend,
        unclear=(*(() if found.is_clear else (1,)), *reader.unclear),
    )


class _Reader:
    """Reads physical lines into instructions."""

    def __init__(self, lines: Sequence[str], escape: str, depth: int = 1) -> None:
        self.unclear: list[int] = []
        self._lines = lines
        self._escape = escape
        self._depth = depth
        self._next = 0
        self._places: dict[bool, dict[str, list[int]]] = {}
        # A doubled escape character does not continue a line.
        mark = re.escape(escape)
        self._continued = re.compile(rf"(?<!{mark}){mark}[ \t]*\Z")

    def instructions(self) -> list[Instruction]:
        found = []
        while self._next < len(self._lines):
            line = self._next + 1
            text = self._logical_line()
            if text is not None:
                found.append(self._instruction(text, line))
        return found

    def _logical_line(self) -> str | None:
        """Read a line and those that continue it, without the comments and blank lines between them; or None."""
        first = self._lines[self._next].lstrip(BLANKS)
        self._next += 1
        if not first or first.startswith("#"):
            return None
        text, is_continued = self._part(first)
        parts = [text]
        while is_continued and self._next < len(self._lines):
            line = self._lines[self._next]
            self._next += 1
            content = line.rstrip("\r").lstrip(BLANKS)
            if content and not content.startswith("#"):
                text, is_continued = self._part(line)
                parts.append(text)
        return "".join(parts)

    def _part(self, line: str) -> tuple[str, bool]:
        """Return a line without its end and escape character, and whether the next line continues it."""
        line = line.rstrip("\r")
        match = self._continued.search(line)
        return (line[: match.start()], True) if match else (line, False)

    def _instruction(self, text: str, line: int) -> Instruction:
        keyword, _, rest = _partition(text.strip(BLANKS))
        flags, operands = arguments.split_flags(rest, self._escape)
        operands = operands.strip(BLANKS)
        heredocs, content = self._heredocs(text, keyword, operands, line)
        trigger = self._trigger(rest.lstrip(BLANKS), content) if keyword == "ONBUILD" and self._depth < _MAX_DEPTH else None
        return Instruction(
            keyword=keyword,
            arguments=rest.strip(BLANKS),
            line=line,
            end_line=self._next,
            heredocs=heredocs,
            flags=flags,
            operands=operands,
            trigger=trigger and replace(trigger, line=line, end_line=self._next),
        )

    def _heredocs(self, text: str, keyword: str, operands: str, line: int) -> tuple[str, list[str]]:
        """Read the here-documents that the line begins; return their lines, and the same with the lines that end them."""
        if keyword == "ONBUILD":
            keyword, _, rest = _partition(operands)
            operands = arguments.split_flags(rest, self._escape)[1].strip(BLANKS)
        if keyword not in _TAKES_HEREDOC or "<<" not in text or arguments.json_list(operands) is not None:
            return "", []
        heredocs, is_clear = shell.heredocs(text)
        if not is_clear:
            self.unclear.append(line)
        collected: list[str] = []
        all_lines: list[str] = []
        for heredoc in heredocs:
            body = self._body(heredoc)
            # BuildKit refuses one without an end; older versions read `<< NAME` as text.
            if body is None:
                break
            if self._may_be_instructions(body, heredoc.end):
                self.unclear.append(line)
            collected += body
            all_lines += [*body, heredoc.end]
        return "\n".join(collected), all_lines

    def _may_be_instructions(self, body: Sequence[str], end: str) -> bool:
        """Tell whether a BuildKit without here-documents (before 0.10) may accept these lines as a part of the Dockerfile.

        It refuses them all where the line that ends them is no instruction.
        """
        contents = [line.strip(BLANKS) for line in (*body, end)]
        lines = [line for line in contents if line and not line.startswith("#")]
        if not contents[-1] or contents[-1].startswith("#") or _partition(contents[-1])[0] in _KEYWORDS:
            return True
        return len(lines) > 1 and self._continued.search(lines[-2]) is not None

    def _body(self, heredoc: shell.Heredoc) -> list[str] | None:
        places = self._places_of(heredoc)
        first = bisect_left(places, self._next)
        if first == len(places):
            return None
        body = [text.removesuffix("\r") for text in self._lines[self._next : places[first]]]
        self._next = places[first] + 1
        return body

    def _places_of(self, heredoc: shell.Heredoc) -> Sequence[int]:
        """Return the indices of all lines that may end a here-document; read once, for any number of them."""
        if heredoc.ignores_tabs not in self._places:
            places: dict[str, list[int]] = {}
            for index, text in enumerate(self._lines):
                line = text.rstrip("\r")
                places.setdefault(line.lstrip("\t") if heredoc.ignores_tabs else line, []).append(index)
            self._places[heredoc.ignores_tabs] = places
        return self._places[heredoc.ignores_tabs].get(heredoc.end, ())

    def _trigger(self, expression: str, heredocs: Sequence[str]) -> Instruction | None:
        """Read the instruction of an ONBUILD: BuildKit reads it anew, with the default escape character."""
        reader = _Reader([expression, *heredocs], "\\", self._depth + 1)
        triggers = reader.instructions()
        self.unclear += [self._next] * len(reader.unclear)
        return triggers[0] if len(triggers) == 1 else None


def _partition(text: str) -> tuple[str, str, str]:
    """Return the upper-case keyword, the gap, and the rest."""
    gap = GAP.search(text)
    return (text[: gap.start()].upper(), gap[0], text[gap.end() :]) if gap else (text.upper(), "", "")


def line_of(dockerfile: Dockerfile, step: str) -> int:
    """Return the line of the instruction BuildKit shows as `[stage 2/3] RUN …`, or 0 where it is not found."""
    shown = _STEP.match(step)
    stage = (shown[1] or "").rpartition(" ")[2] if shown else ""
    text = _with_single_blanks(step[shown.end() :] if shown else step)
    found = [(name, instruction.line) for name, instruction in _by_stage(dockerfile) if _is_shown_as(instruction, text)]
    # Stages may hold the same instruction. One that ONBUILD holds is shown in another stage than its own.
    return next((line for name, line in found if name == stage), found[0][1] if found else 0)


def _by_stage(dockerfile: Dockerfile) -> Iterator[tuple[str, Instruction]]:
    """Yield every instruction, and what ONBUILD holds, with its stage's name as BuildKit shows it."""
    number, name = -1, ""
    for instruction in dockerfile.instructions:
        if instruction.keyword == "FROM":
            number += 1
            words = GAP.split(instruction.operands)
            name = words[2].lower() if len(words) > 2 else f"stage-{number}"
        yield name, instruction
        if instruction.trigger:
            yield name, instruction.trigger


def _is_shown_as(instruction: Instruction, shown: str) -> bool:
    text = _with_single_blanks(f"{instruction.keyword} {instruction.arguments}")
    # A here-document follows the line in parentheses, shortened; a very long line is shortened too.
    if instruction.heredocs and shown.startswith(f"{text} ("):
        return True
    return text == shown or (len(shown) > 20 and text.startswith(shown))


def _with_single_blanks(text: str) -> str:
    return " ".join(text.split())
