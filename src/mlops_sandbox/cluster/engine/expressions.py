"""The two small languages of a workflow's control flow: `when` conditions and a DAG task's `depends`.

Text is split into tokens before anything is put into it, so a parameter's value is an operand and never an operator.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping

from mlops_sandbox.cluster.engine.substitution import TAG, WorkflowSpecError, substitute

_TOKEN = re.compile(
    r"\s*(?:(?P<op>&&|\|\||==|!=|<=|>=|!|<|>|\(|\))"
    r"|'(?P<single>(?:[^'\\]|\\.)*)'|\"(?P<double>(?:[^\"\\]|\\.)*)\""
    rf"|(?P<word>(?:{TAG.pattern}|[^\s&|=!<>()'\"])+))"
)
_COMPARISONS: Mapping[str, Callable[[float | str, float | str], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}

Token = tuple[str, str]  # kind (`op`, `text` or `word`) and text
Value = bool | float | str


class _Parser:
    """Recursive descent over tokens; `word` gives a bare word its value."""

    def __init__(self, expression: str, tokens: list[Token], word: Callable[[str], Value]) -> None:
        self._expression = expression
        self._tokens = [*tokens, ("end", "")]
        self._position = 0
        self._word = word

    def evaluate(self) -> bool:
        value = self._either()
        if self._tokens[self._position][0] != "end":
            raise self._problem()
        if not isinstance(value, bool):
            raise WorkflowSpecError(f"the expression {self._expression!r} is neither true nor false")
        return value

    def _take(self, *operators: str) -> str | None:
        kind, text = self._tokens[self._position]
        if kind == "op" and text in operators:
            self._position += 1
            return text
        return None

    def _either(self) -> Value:
        value = self._both()
        while self._take("||"):
            other = self._both()
            value = bool(value) or bool(other)
        return value

    def _both(self) -> Value:
        value = self._comparison()
        while self._take("&&"):
            other = self._comparison()
            value = bool(value) and bool(other)
        return value

    def _comparison(self) -> Value:
        left = self._operand()
        symbol = self._take("==", "!=", *_COMPARISONS)
        if symbol is None:
            return left
        right = self._operand()
        if symbol in ("==", "!="):
            return (left == right) is (symbol == "==")
        if isinstance(left, float) and isinstance(right, float):
            return _COMPARISONS[symbol](left, right)
        return _COMPARISONS[symbol](str(left), str(right))

    def _operand(self) -> Value:
        if self._take("!"):
            return not self._operand()
        if self._take("("):
            value = self._either()
            if not self._take(")"):
                raise self._problem()
            return value
        kind, text = self._tokens[self._position]
        if kind not in ("text", "word"):
            raise self._problem()
        self._position += 1
        return text if kind == "text" else self._word(text)

    def _problem(self) -> WorkflowSpecError:
        return WorkflowSpecError(f"invalid expression: {self._expression!r}")


def condition(expression: str, values: Mapping[str, str]) -> bool:
    """Evaluate a `when`; raises WorkflowSpecError where it does not parse or names what is unknown."""
    return _Parser(expression, _tokens(expression, values), _literal).evaluate()


def dependency(expression: str, holds: Callable[[str], bool]) -> bool:
    """Evaluate a `depends`; `holds` says whether one operand (`task`, `task.Failed`, …) does."""
    return _Parser(expression, _tokens(expression, {}), holds).evaluate()


def operands(expression: str) -> list[str]:
    """Return the operands that a `depends` names, in order."""
    return [text for kind, text in _tokens(expression, {}) if kind == "word"]


def _tokens(expression: str, values: Mapping[str, str]) -> list[Token]:
    tokens: list[Token] = []
    position, text = 0, expression.rstrip()
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            raise WorkflowSpecError(f"invalid expression: {expression!r}")
        position = match.end()
        kind = str(match.lastgroup)
        if kind in ("single", "double"):
            tokens.append(("text", str(substitute(re.sub(r"\\(.)", r"\1", match[kind]), values))))
        elif kind == "word":
            tokens.append(("word", str(substitute(match["word"], values))))
        else:
            tokens.append(("op", match["op"]))
    return tokens


def _literal(word: str) -> Value:
    if word.lower() in ("true", "false"):
        return word.lower() == "true"
    try:
        return float(word)
    except ValueError:
        return word
