"""Student's t distribution: tail probabilities and critical values, with the standard library only."""

from __future__ import annotations

import math
from functools import lru_cache

_MAX_TERMS = 500
_TINY = 1e-300  # keeps a denominator of the continued fraction from being zero
_PRECISION = 1e-15


def two_sided(statistic: float, freedom: float) -> float:
    """Return the probability that |t| exceeds |`statistic`|, for `freedom` > 0 degrees of freedom (any real number)."""
    square = statistic * statistic
    if math.isinf(square):
        return 0.0
    return _incomplete_beta(freedom / (freedom + square), freedom / 2, 0.5)


@lru_cache(maxsize=4096)
def critical(error: float, freedom: float) -> float:
    """Return the value that |t| exceeds with the probability `error` (0 < error < 1): the inverse of `two_sided`."""
    low, high = 0.0, 1.0
    while two_sided(high, freedom) > error:
        low, high = high, high * 2
    while high - low > 1e-12 * high:
        middle = (low + high) / 2
        if two_sided(middle, freedom) > error:
            low = middle
        else:
            high = middle
    return high


def _incomplete_beta(x: float, a: float, b: float) -> float:
    """Return the regularised incomplete beta function I_x(a, b), by its continued fraction (DLMF 8.17.22)."""
    if x <= 0 or x >= 1:
        return float(x >= 1)
    # The fraction converges fast below the mean of the distribution; above it the symmetry (DLMF 8.17.4) serves.
    if x > (a + 1) / (a + b + 2):
        return 1 - _incomplete_beta(1 - x, b, a)
    log_front = a * math.log(x) + b * math.log1p(-x) + math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b)
    return math.exp(log_front) / a * _continued_fraction(x, a, b)


def _continued_fraction(x: float, a: float, b: float) -> float:
    """Evaluate the fraction from its front, by Lentz's method."""
    numerator, denominator = 1.0, 1 / _nonzero(1 - (a + b) * x / (a + 1))
    value = denominator
    for m in range(1, _MAX_TERMS):
        for term in (
            m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
            -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)),
        ):
            denominator = 1 / _nonzero(1 + term * denominator)
            numerator = _nonzero(1 + term / numerator)
            change = denominator * numerator
            value *= change
        if abs(change - 1) < _PRECISION:
            break
    return value


def _nonzero(number: float) -> float:
    return number if abs(number) > _TINY else _TINY
