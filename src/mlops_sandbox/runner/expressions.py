"""Evaluate the expressions of workflow files, `${{ … }}`: the part of the language that the suite's workflows use.

That part behaves as GitHub documents it ("Evaluate expressions in workflows and actions"): loose equality, strings
compared without regard to case, `&&` and `||` that return an operand, names found without regard to case, null for
missing values. Ordering, `*` filters, `hashFiles`, `join` and `case` are not supported, and are an error.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

Value = None | bool | int | float | str | list["Value"] | dict[str, "Value"]
Node = Callable[[], Value]
Call = Callable[[Sequence[Value]], Value]

_TOKEN = re.compile(
    r"""\s*(?:
      (?P<number>[-+]?(?:0x[0-9a-fA-F]+|(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)(?![\w.]))
    | (?P<string>'(?:[^']|'')*')
    | (?P<name>[A-Za-z_][\w-]*)
    | (?P<sign>==|!=|&&|\|\||[!()\[\].,])
    )""",
    re.VERBOSE,
)
_CONSTANTS: dict[str, Value] = {"null": None, "true": True, "false": False, "NaN": math.nan, "Infinity": math.inf}
_STATUS = ("success", "failure", "always", "cancelled")
MAX_DEPTH = 50


class ExpressionError(ValueError):
    """An expression is malformed or not supported; the message quotes it."""


@dataclass(frozen=True)
class Status:
    """The state of the job so far, which the status functions return."""

    failed: bool = False
    cancelled: bool = False

    def value_of(self, function: str) -> bool:
        """Return the value of `success`, `failure`, `always` or `cancelled`."""
        return {
            "always": True,
            "cancelled": self.cancelled,
            "failure": self.failed and not self.cancelled,
            "success": not self.failed and not self.cancelled,
        }[function]


@dataclass(frozen=True)
class Scope:
    """The contexts (`github`, `steps`, …) and the job status that an expression can use."""

    contexts: Mapping[str, Value]
    status: Status = Status()

    def evaluate(self, expression: str) -> Value:
        """Return the value of an expression without its `${{ }}`; raises ExpressionError."""
        return _Parser(expression, self).parse()()

    def render(self, text: str) -> str:
        """Return the text with each `${{ … }}` replaced by its value; raises ExpressionError."""
        return "".join(part if is_text else to_text(self.evaluate(part)) for is_text, part in split(text))

    def condition(self, text: str) -> bool:
        """Return whether a step or job with this `if:` runs; without a status function `success()` is implied."""
        parts = list(split(text))
        if len(parts) > 1:
            raise ExpressionError(f"`if: {text}` mixes text and an expression, which GitHub evaluates as always true")
        expression = parts[0][1] if parts else ""
        parser = _Parser(expression or "success()", self)
        node = parser.parse()
        return (parser.calls_status_function or self.status.value_of("success")) and truthy(node())


def split(text: str) -> Iterator[tuple[bool, str]]:
    """Yield (True, text) and (False, expression) in order; `}}` in a string literal does not end an expression."""
    position = 0
    while (start := text.find("${{", position)) >= 0:
        if start > position:
            yield True, text[position:start]
        end = start + 3
        quoted = False
        while quoted or not text.startswith("}}", end):
            if end >= len(text):
                raise ExpressionError(f"`{text[start:]}` is not closed by }}}}")
            quoted ^= text[end] == "'"
            end += 1
        yield False, text[start + 3 : end].strip()
        position = end + 2
    if position < len(text):
        yield True, text[position:]


def truthy(value: Value) -> bool:
    """Return whether a value counts as true: all but null, false, 0, NaN and the empty string."""
    if isinstance(value, float) and math.isnan(value):
        return False
    return isinstance(value, list | dict) or bool(value)


def to_text(value: Value) -> str:
    """Return a value as part of a text."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return f"{value:.15g}"
    return "Array" if isinstance(value, list) else "Object"


def equal(left: Value, right: Value) -> bool:
    """Compare as GitHub's `==`: strings without regard to case, unlike types as numbers, arrays and objects by identity."""
    if isinstance(left, str) and isinstance(right, str):
        return left.upper() == right.upper()
    if isinstance(left, list | dict) or isinstance(right, list | dict):
        return left is right
    if left is None and right is None:
        return True
    return _number(left) == _number(right)


def _number(value: Value) -> float:
    if value is None:
        return 0.0
    if isinstance(value, str):
        text = value.strip()
        if not text:
            return 0.0
        try:
            return float(int(text, 16)) if text.lower().startswith("0x") else float(text)
        except ValueError:
            return math.nan
    return float(value) if isinstance(value, bool | int | float) else math.nan


class _Parser:
    """A recursive descent parser into closures, so that `&&` and `||` evaluate their right side only where they need it."""

    def __init__(self, expression: str, scope: Scope) -> None:
        self._expression = expression
        self._scope = scope
        self._tokens = list(self._read(expression))
        self._at = 0
        self._depth = 0
        self.calls_status_function = False

    def parse(self) -> Node:
        """Parse the whole expression; raises ExpressionError, as does a call of the result."""
        node = self._disjunction()
        if self._tokens[self._at][0] != "end":
            raise self._error(f"has unexpected text after its end: `{self._tokens[self._at][1]}`")
        return node

    def _read(self, expression: str) -> Iterator[tuple[str, str]]:
        position = 0
        while position < len(expression.rstrip()):
            match = _TOKEN.match(expression, position)
            if not match or match.lastgroup is None:
                raise self._error(f"has an invalid token at `{expression[position:].strip()[:20]}`")
            yield match.lastgroup, match[match.lastgroup]
            position = match.end()
        yield "end", ""

    def _error(self, problem: str) -> ExpressionError:
        return ExpressionError(f"the expression `{self._expression}` {problem}")

    def _next(self) -> tuple[str, str]:
        token = self._tokens[self._at]
        self._at += token[0] != "end"
        return token

    def _take(self, sign: str) -> bool:
        if self._tokens[self._at] != ("sign", sign):
            return False
        self._at += 1
        return True

    def _expect(self, sign: str) -> None:
        if not self._take(sign):
            raise self._error(f"lacks `{sign}` before `{self._tokens[self._at][1] or 'its end'}`")

    def _disjunction(self) -> Node:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise self._error("is nested too deeply")
        node = self._conjunction()
        while self._take("||"):
            node = _choice(node, self._conjunction(), stop_at=True)
        self._depth -= 1
        return node

    def _conjunction(self) -> Node:
        node = self._equality()
        while self._take("&&"):
            node = _choice(node, self._equality(), stop_at=False)
        return node

    def _equality(self) -> Node:
        node = self._negation()
        while True:
            if self._take("=="):
                node = _comparison(node, self._negation(), expected=True)
            elif self._take("!="):
                node = _comparison(node, self._negation(), expected=False)
            else:
                return node

    def _negation(self) -> Node:
        count = 0
        while self._take("!"):
            count += 1
        node = self._path()
        return (lambda: truthy(node()) ^ (count % 2 == 1)) if count else node

    def _path(self) -> Node:
        node = self._primary()
        while True:
            if self._take("."):
                kind, name = self._next()
                if kind != "name":
                    raise self._error(f"has `{name or 'its end'}` in place of a property name")
                node = _property(node, _constant(name))
            elif self._take("["):
                index = self._disjunction()
                self._expect("]")
                node = _property(node, index)
            else:
                return node

    def _primary(self) -> Node:
        kind, text = self._next()
        if kind == "number":
            return _constant(_number(text))
        if kind == "string":
            return _constant(text[1:-1].replace("''", "'"))
        if kind == "name":
            return self._call(text) if self._take("(") else self._named(text)
        if (kind, text) == ("sign", "("):
            node = self._disjunction()
            self._expect(")")
            return node
        raise self._error(f"has `{text or 'its end'}` in place of a value")

    def _named(self, name: str) -> Node:
        if name in _CONSTANTS:
            return _constant(_CONSTANTS[name])
        for context, value in self._scope.contexts.items():
            if context.lower() == name.lower():
                return _constant(value)
        known = ", ".join(sorted(self._scope.contexts))
        raise self._error(f"uses the unknown context `{name}`; known are: {known}")

    def _call(self, name: str) -> Node:
        arguments: list[Node] = []
        if not self._take(")"):
            arguments.append(self._disjunction())
            while self._take(","):
                arguments.append(self._disjunction())
            self._expect(")")
        if name.lower() in _STATUS:
            self.calls_status_function = True
            return _constant(self._scope.status.value_of(name.lower()))
        for known, (minimum, maximum, function) in _FUNCTIONS.items():
            if known.lower() == name.lower():
                if not minimum <= len(arguments) <= maximum:
                    raise self._error(f"calls `{known}` with {len(arguments)} arguments")
                return partial(self._apply, known, function, arguments)
        raise self._error(f"calls the unknown function `{name}`; known are: {', '.join([*_FUNCTIONS, *_STATUS])}")

    def _apply(self, name: str, function: Call, arguments: Sequence[Node]) -> Value:
        try:
            return function([argument() for argument in arguments])
        except ExpressionError:
            raise
        except ValueError as error:
            raise self._error(f"fails in `{name}`: {error}") from error


def _constant(value: Value) -> Node:
    return lambda: value


def _choice(left: Node, right: Node, *, stop_at: bool) -> Node:
    def choose() -> Value:
        value = left()
        return value if truthy(value) == stop_at else right()

    return choose


def _comparison(left: Node, right: Node, *, expected: bool) -> Node:
    return lambda: equal(left(), right()) == expected


def _property(target: Node, name: Node) -> Node:
    return lambda: _member(target(), name())


def _member(value: Value, name: Value) -> Value:
    if isinstance(value, list):
        position = _number(name)
        return value[int(position)] if position.is_integer() and 0 <= position < len(value) else None
    if isinstance(value, dict):
        key = to_text(name).lower()
        return next((item for candidate, item in value.items() if candidate.lower() == key), None)
    return None


def _contains(arguments: Sequence[Value]) -> Value:
    search, item = arguments
    if isinstance(search, list):
        return any(equal(element, item) for element in search)
    return to_text(item).lower() in to_text(search).lower()


def _ends_with(arguments: Sequence[Value]) -> Value:
    text, end = (to_text(argument).lower() for argument in arguments)
    return text.endswith(end)


def _starts_with(arguments: Sequence[Value]) -> Value:
    text, start = (to_text(argument).lower() for argument in arguments)
    return text.startswith(start)


def _format(arguments: Sequence[Value]) -> Value:
    pattern, *values = map(to_text, arguments)

    def fill(match: re.Match[str]) -> str:
        placeholder = match[0]
        if placeholder in ("{{", "}}"):
            return placeholder[0]
        if match[1] is None or int(match[1]) >= len(values):
            raise ValueError(f"there is no argument for `{placeholder}`")
        return values[int(match[1])]

    return re.sub(r"\{\{|\}\}|\{(\d+)\}|[{}]", fill, pattern)


def _from_json(arguments: Sequence[Value]) -> Value:
    value: Value = json.loads(to_text(arguments[0]))
    return value


def _to_json(arguments: Sequence[Value]) -> Value:
    return json.dumps(arguments[0], indent=2, ensure_ascii=False)


_FUNCTIONS: dict[str, tuple[int, int, Call]] = {
    "contains": (2, 2, _contains),
    "endsWith": (2, 2, _ends_with),
    "format": (1, 256, _format),
    "fromJSON": (1, 1, _from_json),
    "startsWith": (2, 2, _starts_with),
    "toJSON": (1, 1, _to_json),
}
