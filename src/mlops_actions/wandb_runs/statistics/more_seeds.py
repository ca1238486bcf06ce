"""How many seeds would tell a difference of the size that was seen: an estimate from the seeds' own spread."""

from __future__ import annotations

import math
from statistics import NormalDist

from mlops_actions.core.statistics import student

MAX_SEEDS = 1000  # more than anybody trains
# A difference that is really as large as the one seen is then told in four of five such experiments.
_POWER = NormalDist().inv_cdf(0.8)


def seeds_a_side(difference: float, deviations: tuple[float, float], error: float) -> int | None:
    """Return the seeds on each side that would tell a difference; None where even `MAX_SEEDS` would not.

    `deviations` are the standard deviations of both sides (0 for a number without noise), `error` is the two-sided error.
    """
    spread = math.hypot(*deviations)
    if not (difference and math.isfinite(spread)):
        return None
    if not _tells(difference, spread, error, MAX_SEEDS):
        return None
    low, high = 1, MAX_SEEDS
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if _tells(difference, spread, error, middle) else (middle, high)
    return high


def _tells(difference: float, spread: float, error: float, seeds: int) -> bool:
    return abs(difference) >= (student.critical(error, 2 * seeds - 2) + _POWER) * spread / math.sqrt(seeds)
