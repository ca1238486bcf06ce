"""The expressions of workflow files, `${{ … }}`: a pure evaluator of the part that the suite's workflows use.

What it knows behaves as GitHub documents it ("Evaluate expressions in workflows and actions"): loose equality,
case-blind comparison of strings, `&&` and `||` that give an operand, names looked up without regard to case, null for
what is not there. Ordering, `*` filters, `hashFiles`, `join`, `endsWith` and `case` are not known, and are an error.
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
_DEEPEST = 50


class ExpressionError(ValueError):
    """An expression that is malformed, or outside the part that is known; the message quotes it."""


@dataclass(frozen=True)
class Status:
    """What the status functions answer: the state of the job so far."""

    failed: bool = False
    cancelled: bool = False

    def answer(self, function: str) -> bool:
        """Value of `success`, `failure`, `always` or `cancelled`."""
        return {
            "always": True,
            "cancelled": self.cancelled,
            "failure": self.failed and not self.cancelled,
            "success": not self.failed and not self.cancelled,
        }[function]


@dataclass(frozen=True)
class Scope:
    """What an expression can see: the contexts (`github`, `steps`, …) and the job's status."""

    contexts: Mapping[str, Value]
    status: Status = Status()

    def evaluate(self, expression: str) -> Value:
        """Value of an expression without its `${{ }}`; raises ExpressionError."""
        return _Parser(expression, self).parse()()

    def render(self, text: str) -> str:
        """The text with each `${{ … }}` in it replaced by its value; raises ExpressionError."""
        return "".join(part if fixed else to_text(self.evaluate(part)) for fixed, part in split(text))

    def condition(self, text: str) -> bool:
        """Whether a step or job with this `if:` runs; `success()` is implied where no status function is named."""
        parts = list(split(text))
        if len(parts) > 1:
            raise ExpressionError(f"`if: {text}` mixes text and an expression, which GitHub takes for always true")
        expression = parts[0][1] if parts else ""
        parser = _Parser(expression or "success()", self)
        node = parser.parse()
        return (parser.asks_status or self.status.answer("success")) and truthy(node())


def split(text: str) -> Iterator[tuple[bool, str]]:
    """Yield (True, text) and (False, expression) in turn; `}}` within a string literal ends nothing."""
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
    """Everything but null, false, 0, NaN and the empty string."""
    if isinstance(value, float) and math.isnan(value):
        return False
    return isinstance(value, list | dict) or bool(value)


def to_text(value: Value) -> str:
    """What a value becomes within a text."""
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
    """GitHub's `==`: strings without regard to case, values of unlike types as numbers, arrays and objects only as one."""
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
    """Recursive descent into closures, so that the right side of `&&` and `||` is only evaluated where it counts."""

    def __init__(self, expression: str, scope: Scope) -> None:
        self._expression = expression
        self._scope = scope
        self._tokens = list(self._read(expression))
        self._at = 0
        self._depth = 0
        self.asks_status = False

    def parse(self) -> Node:
        """The whole expression; raises ExpressionError, as does calling the result."""
        node = self._either()
        if self._tokens[self._at][0] != "end":
            raise self._error(f"goes on after its end with `{self._tokens[self._at][1]}`")
        return node

    def _read(self, expression: str) -> Iterator[tuple[str, str]]:
        position = 0
        while position < len(expression.rstrip()):
            match = _TOKEN.match(expression, position)
            if not match or match.lastgroup is None:
                raise self._error(f"cannot be read from `{expression[position:].strip()[:20]}`")
            yield match.lastgroup, match[match.lastgroup]
            position = match.end()
        yield "end", ""

    def _error(self, what: str) -> ExpressionError:
        return ExpressionError(f"the expression `{self._expression}` {what}")

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

    def _either(self) -> Node:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise self._error("is nested too deeply")
        node = self._both()
        while self._take("||"):
            node = _choice(node, self._both(), stop_at=True)
        self._depth -= 1
        return node

    def _both(self) -> Node:
        node = self._equality()
        while self._take("&&"):
            node = _choice(node, self._equality(), stop_at=False)
        return node

    def _equality(self) -> Node:
        node = self._negation()
        while True:
            if self._take("=="):
                node = _comparison(node, self._negation(), wanted=True)
            elif self._take("!="):
                node = _comparison(node, self._negation(), wanted=False)
            else:
                return node

    def _negation(self) -> Node:
        turns = 0
        while self._take("!"):
            turns += 1
        node = self._path()
        return (lambda: truthy(node()) ^ (turns % 2 == 1)) if turns else node

    def _path(self) -> Node:
        node = self._primary()
        while True:
            if self._take("."):
                kind, name = self._next()
                if kind != "name":
                    raise self._error(f"has `{name or 'its end'}` where a property's name belongs")
                node = _property(node, _constant(name))
            elif self._take("["):
                index = self._either()
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
            node = self._either()
            self._expect(")")
            return node
        raise self._error(f"has `{text or 'its end'}` where a value belongs")

    def _named(self, name: str) -> Node:
        if name in _CONSTANTS:
            return _constant(_CONSTANTS[name])
        for context, value in self._scope.contexts.items():
            if context.lower() == name.lower():
                return _constant(value)
        known = ", ".join(sorted(self._scope.contexts))
        raise self._error(f"names the context `{name}`, which is none of: {known}")

    def _call(self, name: str) -> Node:
        arguments: list[Node] = []
        if not self._take(")"):
            arguments.append(self._either())
            while self._take(","):
                arguments.append(self._either())
            self._expect(")")
        if name.lower() in _STATUS:
            self.asks_status = True
            return _constant(self._scope.status.answer(name.lower()))
        for known, (least, most, function) in _FUNCTIONS.items():
            if known.lower() == name.lower():
                if not least <= len(arguments) <= most:
                    raise self._error(f"gives `{known}` {len(arguments)} arguments")
                return partial(self._apply, known, function, arguments)
        raise self._error(f"calls `{name}`, which is none of: {', '.join([*_FUNCTIONS, *_STATUS])}")

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


def _comparison(left: Node, right: Node, *, wanted: bool) -> Node:
    return lambda: equal(left(), right()) == wanted


def _property(of: Node, name: Node) -> Node:
    return lambda: _member(of(), name())


def _member(value: Value, name: Value) -> Value:
    if isinstance(value, list):
        position = _number(name)
        return value[int(position)] if position.is_integer() and 0 <= position < len(value) else None
    if isinstance(value, dict):
        wanted = to_text(name).lower()
        return next((item for key, item in value.items() if key.lower() == wanted), None)
    return None


def _contains(arguments: Sequence[Value]) -> Value:
    search, item = arguments
    if isinstance(search, list):
        return any(equal(element, item) for element in search)
    return to_text(item).lower() in to_text(search).lower()


def _starts_with(arguments: Sequence[Value]) -> Value:
    text, start = (to_text(argument).lower() for argument in arguments)
    return text.startswith(start)


def _format(arguments: Sequence[Value]) -> Value:
    pattern, *values = map(to_text, arguments)

    def fill(match: re.Match[str]) -> str:
        found = match[0]
        if found in ("{{", "}}"):
            return found[0]
        if match[1] is None or int(match[1]) >= len(values):
            raise ValueError(f"nothing stands for `{found}`")
        return values[int(match[1])]

    return re.sub(r"\{\{|\}\}|\{(\d+)\}|[{}]", fill, pattern)


def _from_json(arguments: Sequence[Value]) -> Value:
    value: Value = json.loads(to_text(arguments[0]))
    return value


def _to_json(arguments: Sequence[Value]) -> Value:
    return json.dumps(arguments[0], indent=2, ensure_ascii=False)


_FUNCTIONS: dict[str, tuple[int, int, Call]] = {
    "contains": (2, 2, _contains),
    "format": (1, 256, _format),
    "fromJSON": (1, 1, _from_json),
    "startsWith": (2, 2, _starts_with),
    "toJSON": (1, 1, _to_json),
}
