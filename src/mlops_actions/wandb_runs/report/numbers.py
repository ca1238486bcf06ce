"""Numbers and other values as the report shows them: with the digits that help a reader."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from decimal import Context, Decimal
from typing import Any, Self

from mlops_actions.core import markdown
from mlops_actions.core.decimals import significant, subtract
from mlops_actions.core.runs import MISSING, finite_number
from mlops_actions.wandb_runs.values import as_text, truncate

NO_VALUE = "–"
DIGITS = 4  # significant digits: what a reader compares at a glance
_MINUS = "\u2212"
_MAX_CELL = 80  # characters of a value in a table; a longer one makes the table unreadable
_MAX_DIGITS = 18  # digits, also behind the point, that tell any two numbers apart that count as different
_SPREAD = 3  # orders of magnitude, beyond which numbers are not aligned: one of them would show no digit, or too many
_EXACT = Context(prec=50)  # digits that hold any difference of two shown numbers with equal decimals
_FIXED = (-4, 15)  # powers of ten between which a number is written without an exponent


def format_number(value: float, digits: int = DIGITS) -> str:
    """Format a number with so many significant digits, never fewer than its integer part has."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "∞" if value > 0 else "-∞"
    if value == 0:
        return "0"
    # An integer is exact: it can be a seed.
    if isinstance(value, int) and abs(value) < 10**20:
        return str(value)
    power = _power(value)
    if power >= _FIXED[1]:
        return f"{value:.{digits}g}"
    return str(int(value)) if value == int(value) else f"{value:.{max(digits, power + 1)}g}"


def _power(value: float) -> int:
    """Return the power of ten of a number's first digit."""
    return math.floor(math.log10(abs(value)))


@dataclass(frozen=True)
class NumberFormat:
    """How the numbers of one row or column are written: with `decimals`, or, where these do not suit, with `digits`."""

    decimals: int | None
    digits: int

    @classmethod
    def of(cls, values: Sequence[Any], apart: Iterable[Sequence[Any]] | None = None, digits: int = DIGITS) -> Self:
        """Choose the format for numbers that stand below or beside each other; values that are none do not count.

        The largest gets `digits` significant digits. There are more where two numbers differ and would look alike: any two,
        or any two within one group of `apart`. Numbers of very different magnitudes are not aligned.
        """
        numbers = _numbers(values)
        told = [numbers] if apart is None else [_numbers(group) for group in apart]
        decimals = _decimals(numbers, told, digits)
        return cls(decimals, _telling(told, digits, format_number) if decimals is None else digits)

    def text(self, value: Any) -> str:
        """Format a value; one that is no finite number as any cell."""
        number = finite_number(value)
        if number is None:
            return table_cell(value)
        number = significant(number)
        return format_number(number, self.digits) if self.decimals is None else f"{number:.{self.decimals}f}"

    def difference(self, value: float, reference: float) -> str:
        """Format the difference of two of the numbers, with its sign and as many decimals as they have.

        It is the difference of the numbers as they are shown: the exact one can differ in its last digit from what a reader
        subtracts, and would look like a mistake. Numbers that are not aligned have a difference of as many digits.
        """
        exact = subtract(value, reference)
        if not exact or (isinstance(value, int) and isinstance(reference, int)):
            return format_difference(exact, self.digits)
        shown = _EXACT.subtract(Decimal(self.text(value)), Decimal(self.text(reference)))
        if not shown:  # two numbers that nobody asked to tell apart
            return format_difference(exact, self.digits)
        if self.decimals is None:
            return format_difference(float(shown), self.digits)
        return f"{'+' if shown > 0 else _MINUS}{abs(shown):.{self.decimals}f}"


def aligned(values: Sequence[Any], apart: Iterable[Sequence[Any]] | None = None, digits: int = DIGITS) -> list[str]:
    """Format values that stand below or beside each other, as `NumberFormat.of` chooses."""
    chosen = NumberFormat.of(values, apart, digits)
    return [chosen.text(value) for value in values]


def _numbers(values: Iterable[Any]) -> set[float]:
    return {significant(number) for value in values if (number := finite_number(value)) is not None}


def _decimals(numbers: set[float], told: Sequence[set[float]], digits: int) -> int | None:
    """Return how many decimals to write, so that those of each set of `told` differ; None where that does not suit."""
    powers = [_power(number) for number in numbers if number]
    if not powers or all(number == int(number) for number in numbers):
        return None
    if min(powers) < _FIXED[0] or max(powers) >= _FIXED[1] or max(powers) - min(powers) > _SPREAD:
        return None
    # At least two digits of the smallest.
    first = max(0, digits - 1 - max(powers), 1 - min(powers))
    decimals = _telling(told, first, lambda number, count: f"{number:.{count}f}")
    # Zeros at the end of every number say nothing.
    texts = [f"{number:.{decimals}f}" for number in numbers]
    while decimals and all(text.endswith("0") for text in texts):
        decimals, texts = decimals - 1, [text[:-1] for text in texts]
    return decimals


def _telling(groups: Sequence[set[float]], first: int, write: Callable[[float, int], str]) -> int:
    """Return the smallest count of digits, from the first on, with which numbers that differ are written differently."""
    for count in range(first, _MAX_DIGITS + 1):
        if all(len({write(number, count) for number in numbers}) == len(numbers) for numbers in groups):
            return count
    return first


def format_difference(value: float, digits: int = DIGITS) -> str:
    """Format a difference with its sign; zero has none."""
    text = format_number(abs(value), digits)
    return "0" if text == "0" else f"+{text}" if value > 0 else f"{_MINUS}{text}"


def format_percent(value: float) -> str:
    """Format a relative difference with at most two decimals; a tiny one is not rounded to zero."""
    if value and abs(value) < 0.01:
        return f"{'+' if value > 0 else _MINUS}<0.01 %"
    text = "∞" if math.isinf(value) else f"{abs(value):.2f}" if abs(value) < 100 else f"{abs(value):.0f}"
    return f"{'+' if value > 0 else _MINUS if value < 0 else ''}{text} %"


def table_cell(value: Any) -> str:
    """Format any value as the Markdown of a table's cell."""
    if value is MISSING or value is None:
        return NO_VALUE
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return _number_cell(value)
    return markdown.code(truncate(as_text(value), _MAX_CELL))


def _number_cell(value: float) -> str:
    try:
        return format_number(value)
    except (OverflowError, ValueError):  # an integer too long to convert
        return "a huge number"
