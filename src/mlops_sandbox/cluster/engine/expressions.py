"""Evaluate the expressions of a workflow's control flow: `when` conditions and `depends` of DAG tasks.

The text is split into tokens before tags are replaced, so the value of a parameter is an operand and never an operator.
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
    """A recursive descent parser; `word` returns the value of a bare word."""

    def __init__(self, expression: str, tokens: list[Token], word: Callable[[str], Value]) -> None:
        self._expression = expression
        self._tokens = [*tokens, ("end", "")]
        self._position = 0
        self._word = word

    def evaluate(self) -> bool:
        value = self._disjunction()
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

    def _disjunction(self) -> Value:
        value = self._conjunction()
        while self._take("||"):
            right = self._conjunction()
            value = bool(value) or bool(right)
        return value

    def _conjunction(self) -> Value:
        value = self._comparison()
        while self._take("&&"):
            right = self._comparison()
            value = bool(value) and bool(right)
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
            value = self._disjunction()
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
    """Evaluate a `when`; raises WorkflowSpecError where it does not parse or has an unknown tag."""
    return _Parser(expression, _tokens(expression, values), _literal).evaluate()


def dependency(expression: str, holds: Callable[[str], bool]) -> bool:
    """Evaluate a `depends`; `holds` returns whether one operand (`task`, `task.Failed`, …) is true."""
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
