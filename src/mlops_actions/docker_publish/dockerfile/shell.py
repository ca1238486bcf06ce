"""Split text into words and replace variables as BuildKit does, which is nearly as a shell does. Pure.

Facts: BuildKit's frontend/dockerfile/shell/lex.go.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from mlops_actions.docker_publish.dockerfile.characters import BLANKS, BYTE_ORDER_MARK

_HEREDOC = re.compile(r"[0-9]*<<(-?)[\t\n\f\r ]*([^<]*)")
_HEREDOC_GAPS = "\t\r "
_SPECIAL_PARAMETERS = "@*#?-$!0"
_DEFAULT_ESCAPE = "\\"
# Characters that the variables of one text may stand for: `ENV A=$A$A` doubles them at each line.
_MAX_VALUES = 1 << 20
# What BuildKit sets itself, by the platform and the target that are built: BUILDPLATFORM, TARGETARCH and their like.
_AUTOMATIC = re.compile(r"(?:BUILD|TARGET)[A-Z]+")


class _Refused(Exception):
    """BuildKit refuses this text."""


class UnknownValue(Exception):
    """The text depends on a value, or on a rule, that is not known here."""


@dataclass(frozen=True)
class Heredoc:
    """The beginning of a here-document: the line that ends it, and whether tabs before that line count for nothing."""

    end: str
    ignores_tabs: bool


def heredocs(line: str) -> tuple[tuple[Heredoc, ...], bool]:
    """Find the here-documents that an instruction's line begins.

    The second value is false where versions of BuildKit differ about it. The escape directive has no effect here.
    """
    lexer = _Lexer(line, keeps_quotes=True, keeps_escapes=True)
    try:
        words = lexer.words()
    except _Refused:
        return (), True
    except RecursionError:
        return (), False
    found = []
    for word in words:
        match = _HEREDOC.fullmatch(word)
        ends = _unquoted_words(match[2]) if match else []
        if match and len(ends) == 1:
            found.append(Heredoc(ends[0], ignores_tabs=match[1] == "-"))
    return tuple(found), lexer.is_clear


def begins_heredoc(word: str) -> bool:
    """Tell whether a source of ADD or COPY is a here-document, not a path."""
    match = _HEREDOC.fullmatch(word)
    return match is not None and len(_unquoted_words(match[2])) == 1


def _unquoted_words(text: str) -> list[str]:
    try:
        return _Lexer(text).words()
    except (_Refused, RecursionError):
        return []


def expand(text: str, values: Callable[[str], str | None], escape: str = _DEFAULT_ESCAPE) -> str | None:
    """Replace variables, and remove quotes and escapes; None where the result is not known, or BuildKit refuses the text.

    `values` returns None for a variable that is not set, and raises UnknownValue where that is not known.
    """
    try:
        return _Lexer(text, escape=escape, values=values).text()
    except (_Refused, UnknownValue, RecursionError):
        return None


def unknown(name: str) -> str | None:
    """Know no variable: for `expand`."""
    raise UnknownValue(name)


@dataclass
class _Lexer:
    """Reads one text. Without `values` every variable stays as it is written."""

    source: str
    escape: str = _DEFAULT_ESCAPE
    keeps_quotes: bool = False
    keeps_escapes: bool = False
    values: Callable[[str], str | None] | None = None
    is_clear: bool = True
    _position: int = 0
    _expanded: int = 0
    _word: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.source = self.source.removeprefix(BYTE_ORDER_MARK)

    def text(self) -> str:
        """Return the whole text, blanks included."""
        return self._until("", self.keeps_escapes)[0]

    def words(self) -> list[str]:
        """Return the words."""
        return self._until("", self.keeps_escapes)[1]

    def _peek(self) -> str:
        return self.source[self._position : self._position + 1]

    def _next(self) -> str:
        character = self._peek()
        self._position += 1
        return character

    def _until(self, end: str, keeps_escapes: bool) -> tuple[str, list[str]]:
        """Read up to `end` (empty: the end of the text), which is read too."""
        outer, self.keeps_escapes = self.keeps_escapes, keeps_escapes
        result: list[str] = []
        words: list[str] = []
        while (character := self._peek()) and character != end:
            text = self._part(character)
            result.append(text)
            # Blanks part words, but not those that are quoted, escaped or behind `<<`.
            if character == "$" or (len(text) == 1 and character not in "'\"<" and character != self.escape):
                self._add(text, words)
            else:
                self._word.append(text)
        if end and self._next() != end:
            raise _Refused
        self.keeps_escapes = outer
        return "".join(result), [*words, *self._end_word()]

    def _part(self, character: str) -> str:
        if character == "$":
            return self._variable()
        if character == "<":
            return self._possible_heredoc()
        if character in "'\"":
            return self._quoted(character)
        self._next()
        if character != self.escape:
            return character
        return (character if self.keeps_escapes else "") + self._next()

    def _add(self, text: str, words: list[str]) -> None:
        for character in text:
            if character in BLANKS:
                words += self._end_word()
            else:
                self._word.append(character)

    def _end_word(self) -> list[str]:
        word = "".join(self._word)
        self._word.clear()
        return [word] if word else []

    def _possible_heredoc(self) -> str:
        self._next()
        if self._peek() != "<":
            return "<"
        text = "<" + self._next()
        while self._peek() and self._peek() in _HEREDOC_GAPS:
            text += self._next()
        return text

    def _quoted(self, quote: str) -> str:
        self._next()
        result = []
        while (character := self._peek()) != quote:
            if not character:
                raise _Refused
            if quote == '"' and character == "$":
                result.append(self._variable())
                continue
            self._next()
            if quote == '"' and character == self.escape:
                if self._peek() in ('"', "$", self.escape):
                    character = (character if self.keeps_escapes else "") + self._next()
                elif not self._peek():
                    raise _Refused
            result.append(character)
        self._next()
        text = "".join(result)
        return f"{quote}{text}{quote}" if self.keeps_quotes else text

    def _variable(self) -> str:
        start = self._position
        self._next()
        if self._peek() != "{":
            name = self._name()
            return self._value(name, f"${name}") if name else "$"
        self._next()
        if self._peek() in ("", "{", "}", ":"):
            raise _Refused
        name = self._name()
        operator = self._next()
        if operator == "}":
            return self._value(name, f"${{{name}}}")
        return self._substitution(name, operator, start)

    def _substitution(self, name: str, operator: str, start: int) -> str:
        """Read the rest of `${name:-word}` and its like."""
        before = "".join(self._word)
        counts_empty = operator != ":"
        if not counts_empty:
            operator = self._next()
        if self._refuses(operator, counts_empty=counts_empty):
            raise _Refused
        if operator == "/" and counts_empty:
            if self._peek() == "/":
                self._next()
            self._until("/", keeps_escapes=True)
        word = self._until("}", keeps_escapes=operator in ("#", "%", "/"))[0]
        self._word.clear()  # the same buffer serves both levels in BuildKit: the part of the word before is lost
        written = self.source[start : self._position]
        if self.values is None:
            # Rare enough to leave it: versions differ in the buffer, and in which escapes they keep.
            self.is_clear = self.is_clear and "<<" not in (before + written).replace(self.escape, "")
            return written
        if operator in ("#", "%", "/"):
            raise UnknownValue
        value = self._known(name)
        is_set = bool(value) if not counts_empty else value is not None
        if operator == "+":
            return word if is_set else ""
        if operator == "-":
            return (value or "") if is_set else word
        if not is_set:
            raise _Refused
        return value or ""

    def _refuses(self, operator: str, *, counts_empty: bool) -> bool:
        if counts_empty:
            return operator not in ("+", "-", "?", "#", "%", "/")
        if self.values is None:  # whatever follows the colon is looked at only where the variable is set
            return operator in ("", "#", "%")
        return operator not in ("+", "-", "?")

    def _value(self, name: str, written: str) -> str:
        if self.values is None:
            return written
        return self._known(name) or ""

    def _known(self, name: str) -> str | None:
        value = self.values(name) if self.values else None
        self._expanded += len(value or "")
        if self._expanded > _MAX_VALUES:
            raise UnknownValue(name)
        if value is None and _AUTOMATIC.fullmatch(name):
            raise UnknownValue
        return value

    def _name(self) -> str:
        """Read a variable's name: digits alone, one special character, or letters, digits and underscores."""
        first = self._peek()
        start = self._position
        if first and first in _SPECIAL_PARAMETERS and not first.isdecimal():
            return self._next()
        accepts = str.isdecimal if first.isdecimal() else _is_name_character
        while self._peek() and accepts(self._peek()):
            self._next()
        return self.source[start : self._position]


def _is_name_character(character: str) -> bool:
    return character.isalpha() or character.isdecimal() or character == "_"
