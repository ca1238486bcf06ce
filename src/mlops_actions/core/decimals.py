"""Numbers as people read and log them: in decimals, so that no comparison is decided by binary rounding. Pure.

As floats 0.3 - 0.1 is less than 0.2, and the mean of three values of 0.8 is more than 0.8. Here every number stands for the
shortest decimal that is this float, as `repr` writes it, and is computed with exactly.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import ROUND_HALF_EVEN, Context, Decimal

# Every decimal of so many significant digits is another float than its neighbours: more digits are noise of rounding.
DIGITS = 15
# Digits that hold every sum of floats, from 5e-324 to 1.8e308. Without traps, what is not defined becomes NaN.
EXACT = Context(prec=700, rounding=ROUND_HALF_EVEN, traps=[])
_QUOTIENT = Context(prec=40, rounding=ROUND_HALF_EVEN, traps=[])  # more digits than a float can hold
_SIGNIFICANT = Context(prec=DIGITS, rounding=ROUND_HALF_EVEN, traps=[])


def decimal(value: float) -> Decimal:
    """Return the decimal that a number stands for."""
    return Decimal(repr(float(value)))


def significant(value: float | Decimal) -> float:
    """Return a number with at most 15 significant digits, but with every digit of its integer part.

    Numbers that are equal but for rounding become equal, and the order of numbers is kept.
    """
    exact = value if isinstance(value, Decimal) else decimal(value)
    if not exact.is_finite() or exact == exact.to_integral_value(context=EXACT):
        return float(exact)
    if exact.adjusted() >= DIGITS:
        return float(exact.to_integral_value(ROUND_HALF_EVEN, EXACT))
    return float(_SIGNIFICANT.plus(exact))


def subtract(value: float, reference: float) -> float:
    """Return the difference of two numbers, each with its significant digits; zero where these are equal."""
    return float(EXACT.subtract(decimal(significant(value)), decimal(significant(reference))))


def percent(value: float, reference: float) -> float | None:
    """Return the difference of two numbers in per cent of the reference's magnitude; None for a reference of zero."""
    difference, base = decimal(subtract(value, reference)), decimal(significant(reference)).copy_abs()
    return float(_QUOTIENT.divide(EXACT.scaleb(difference, 2), base)) if base else None


def mean(values: Sequence[float]) -> float:
    """Return the arithmetic mean of finite numbers (at least one): that of equal numbers is this number."""
    total = Decimal(0)
    for value in values:
        total = EXACT.add(total, decimal(value))
    return float(_QUOTIENT.divide(total, Decimal(len(values))))
