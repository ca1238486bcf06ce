"""A reader of GraphQL documents: the executable part of the language, as plain data.

Operations, fragments, aliases, arguments, variables with defaults and directives are understood; type system documents
are not, since no client sends them. Section numbers refer to the GraphQL specification of October 2021.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

MAX_DEPTH = 40


class SyntaxProblem(ValueError):
    """The document is not GraphQL; the message is the one a server would give."""


@dataclass(frozen=True)
class Variable:
    """`$name` in the place of a value."""

    name: str


@dataclass(frozen=True)
class Directive:
    """`@name(arguments)`."""

    name: str
    arguments: Mapping[str, Any]


@dataclass(frozen=True)
class Field:
    """One field of a selection set; `key` is where its value goes in the answer."""

    name: str
    key: str
    arguments: Mapping[str, Any]
    directives: tuple[Directive, ...]
    selections: tuple[Selection, ...]


@dataclass(frozen=True)
class Spread:
    """`...name`."""

    name: str
    directives: tuple[Directive, ...]


@dataclass(frozen=True)
class Inline:
    """`... on Type {}`; `on` is empty where no type is named."""

    on: str
    directives: tuple[Directive, ...]
    selections: tuple[Selection, ...]


Selection = Field | Spread | Inline


@dataclass(frozen=True)
class VariableDefinition:
    """`$name: Type = default`; `required` is a non-null type without a default."""

    type: str
    required: bool
    has_default: bool = False
    default: Any = None


@dataclass(frozen=True)
class Operation:
    """A query or a mutation; `name` is empty for an anonymous one."""

    kind: str
    name: str
    variables: Mapping[str, VariableDefinition]
    selections: tuple[Selection, ...]


@dataclass(frozen=True)
class Fragment:
    """A named fragment and the type it is on."""

    name: str
    on: str
    selections: tuple[Selection, ...]


@dataclass(frozen=True)
class Document:
    """All operations and fragments of one request."""

    operations: tuple[Operation, ...] = ()
    fragments: Mapping[str, Fragment] = field(default_factory=dict)

    def operation(self, name: str = "") -> Operation:
        """The operation to run; raises SyntaxProblem where `name` does not decide it (section 6.1)."""
        if not name:
            if len(self.operations) != 1:
                raise SyntaxProblem("Must provide operation name if query contains multiple operations.")
            return self.operations[0]
        for operation in self.operations:
            if operation.name == name:
                return operation
        raise SyntaxProblem(f'Unknown operation named "{name}".')


# Section 2.1: commas, blanks and comments separate tokens and mean nothing.
_TOKEN = re.compile(
    r"""(?P<blank>[\s,\ufeff]+|\#[^\n\r]*)
    |(?P<punctuator>\.\.\.|[!$&()\[\]{}:=@|])
    |(?P<name>[_A-Za-z][_0-9A-Za-z]*)
    |(?P<number>-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?)
    |(?P<block>\"\"\"(?:\\\"\"\"|(?!\"\"\").)*\"\"\")
    |(?P<string>"(?:\\.|[^"\\\n\r])*")
    """,
    re.VERBOSE | re.DOTALL,
)


def _tokens(text: str) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    position = 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            raise SyntaxProblem(f"Syntax Error: Unexpected character {text[position]!r} at offset {position}.")
        if match.lastgroup != "blank":
            found.append((str(match.lastgroup), match.group()))
        position = match.end()
    found.append(("end", "<EOF>"))
    return found


def _block_text(raw: str) -> str:
    lines = raw[3:-3].replace('\\"""', '"""').splitlines()
    indents = [len(line) - len(line.lstrip()) for line in lines[1:] if line.strip()]
    common = min(indents, default=0)
    return "\n".join([*lines[:1], *(line[common:] for line in lines[1:])]).strip("\n")


class _Reader:
    """Recursive descent over the tokens of one document."""

    def __init__(self, text: str) -> None:
        self._tokens = _tokens(text)
        self._at = 0
        self._depth = 0

    def _peek(self, text: str) -> bool:
        kind, value = self._tokens[self._at]
        return value == text and kind in {"punctuator", "name", "end"}

    def _take(self, text: str) -> bool:
        found = self._peek(text)
        self._at += found
        return found

    def _expect(self, text: str) -> None:
        if not self._take(text):
            raise SyntaxProblem(f"Syntax Error: Expected {text!r}, found {self._tokens[self._at][1]!r}.")

    def _name(self) -> str:
        kind, value = self._tokens[self._at]
        if kind != "name":
            raise SyntaxProblem(f"Syntax Error: Expected Name, found {value!r}.")
        self._at += 1
        return value

    def document(self) -> Document:
        operations: list[Operation] = []
        fragments: dict[str, Fragment] = {}
        while not self._peek("<EOF>"):
            if self._take("fragment"):
                name = self._name()
                self._expect("on")
                fragments[name] = Fragment(name, self._name(), self._selections())
            else:
                operations.append(self._operation())
        return Document(tuple(operations), fragments)

    def _operation(self) -> Operation:
        if self._peek("{"):
            return Operation("query", "", {}, self._selections())
        kind = self._name()
        if kind not in {"query", "mutation"}:
            raise SyntaxProblem(f"Syntax Error: Unexpected Name {kind!r}.")
        name = "" if self._peek("(") or self._peek("{") or self._peek("@") else self._name()
        variables: dict[str, VariableDefinition] = {}
        if self._take("("):
            while not self._take(")"):
                self._expect("$")
                variable = self._name()
                self._expect(":")
                variables[variable] = self._definition()
        self._directives()
        return Operation(kind, name, variables, self._selections())

    def _definition(self) -> VariableDefinition:
        written = self._type()
        if self._take("="):
            return VariableDefinition(written, False, True, self._value())
        return VariableDefinition(written, written.endswith("!"))

    def _type(self) -> str:
        if self._take("["):
            written = f"[{self._type()}"
            self._expect("]")
            written += "]"
        else:
            written = self._name()
        return written + "!" if self._take("!") else written

    def _selections(self) -> tuple[Selection, ...]:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise SyntaxProblem(f"Syntax Error: selections are nested deeper than {MAX_DEPTH}.")
        self._expect("{")
        found: list[Selection] = []
        while not self._take("}"):
            found.append(self._selection())
        self._depth -= 1
        if not found:
            raise SyntaxProblem("Syntax Error: Expected Name, found '}'.")
        return tuple(found)

    def _selection(self) -> Selection:
        if self._take("..."):
            if self._take("on"):
                on = self._name()
                return Inline(on, self._directives(), self._selections())
            if self._peek("{") or self._peek("@"):
                return Inline("", self._directives(), self._selections())
            return Spread(self._name(), self._directives())
        key = name = self._name()
        if self._take(":"):
            name = self._name()
        arguments = self._arguments()
        directives = self._directives()
        return Field(name, key, arguments, directives, self._selections() if self._peek("{") else ())

    def _arguments(self) -> dict[str, Any]:
        found: dict[str, Any] = {}
        if self._take("("):
            while not self._take(")"):
                name = self._name()
                self._expect(":")
                found[name] = self._value()
        return found

    def _directives(self) -> tuple[Directive, ...]:
        found: list[Directive] = []
        while self._take("@"):
            name = self._name()
            found.append(Directive(name, self._arguments()))
        return tuple(found)

    def _value(self) -> Any:
        """A Python value, with `Variable` where one stands; an enum value is its name."""
        if self._take("$"):
            return Variable(self._name())
        if self._take("["):
            items = []
            while not self._take("]"):
                items.append(self._value())
            return items
        if self._take("{"):
            entries = {}
            while not self._take("}"):
                name = self._name()
                self._expect(":")
                entries[name] = self._value()
            return entries
        kind, text = self._tokens[self._at]
        self._at += 1
        if kind == "number":
            return json.loads(text)
        if kind == "string":
            return json.loads(text, strict=False)
        if kind == "block":
            return _block_text(text)
        if kind == "name":
            return {"true": True, "false": False, "null": None}.get(text, text)
        raise SyntaxProblem(f"Syntax Error: Unexpected {text!r}.")


def parse(text: str) -> Document:
    """Read a document; raises SyntaxProblem."""
    try:
        return _Reader(text).document()
    except RecursionError:
        raise SyntaxProblem("Syntax Error: the document is nested too deeply.") from None
    except json.JSONDecodeError as error:
        raise SyntaxProblem(f"Syntax Error: Invalid literal: {error.msg}.") from None


def substitute(value: Any, variables: Mapping[str, Any]) -> Any:
    """`value` with its variables filled in; a variable that was not given is None."""
    if isinstance(value, Variable):
        return variables.get(value.name)
    if isinstance(value, list):
        return [substitute(item, variables) for item in value]
    if isinstance(value, dict):
        return {
            key: substitute(item, variables)
            for key, item in value.items()
            if not (isinstance(item, Variable) and item.name not in variables)
        }
    return value
