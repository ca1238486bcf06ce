"""Estimate a difference of two means, or a mean against a number, from few seeds. `docs/statistics.md` gives the reasons.

Each estimate holds one or two t tests of the same difference. Where there are two, each gets its share of the error, and
the narrower interval is valid: the shares sum to 1, so that the choice between them costs nothing in calibration.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from mlops_actions.core.statistics import student

MIN_SEEDS = 2  # one seed says nothing about its own spread
# Counts are alike where the larger exceeds the smaller by no more than a quarter (4 and 5, 8 and 10).
_ALIKE = 1.25
# Where the seeds are the same on both sides: the error that each of the two tests may use up.
_UNPAIRED_SHARE, _PAIRED_SHARE = 0.85, 0.15
# Against a number the skew of the noise does not cancel as it does between two groups of seeds.
_NUMBER_SHARE = 0.2
# Values that differ by less than this are equal but for rounding.
_ROUNDING = 1e-12
_BEYOND = "the values are beyond what can be computed"


@dataclass(frozen=True)
class Test:
    """One t test: standard error of the difference, degrees of freedom, and its share of the error (0 to 1)."""

    standard_error: float
    freedom: float
    share: float = 1.0


@dataclass(frozen=True)
class Estimate:
    """A difference in the unit of the values. Without `tests` it cannot be told from noise, for the `reason`."""

    difference: float
    tests: tuple[Test, ...] = ()
    reason: str = ""

    @property
    def paired(self) -> bool:
        """Whether the seeds of both sides were compared in pairs, too."""
        return len(self.tests) > 1

    def half_width(self, error: float) -> float | None:
        """Return half the width of the two-sided interval that misses the truth with a probability of at most `error`."""
        widths = [test.standard_error * student.critical(error * test.share, test.freedom) for test in self.tests]
        return min(filter(math.isfinite, widths), default=None)

    def probability(self) -> float | None:
        """Return the two-sided p-value of "no difference": the interval excludes 0 where it is below the error."""
        values = [student.two_sided(self.difference / test.standard_error, test.freedom) / test.share for test in self.tests]
        return min(1.0, *values) if values else None


def of_groups(values: Sequence[float], references: Sequence[float], *, scale: float = 1.0, paired: bool = False) -> Estimate:
    """Estimate the mean of `values` minus `scale` times the mean of `references` (at least one each, all finite).

    `paired` says that both lists have the same length, and that the same position is the same seed.
    """
    difference = _mean(values) - scale * _mean(references)
    if reason := _cannot_tell(values, "candidate") or _cannot_tell(references, "baseline"):
        return Estimate(difference, reason=reason)
    n, m = len(values), len(references)
    ours, theirs = variance(values) / n, scale * scale * variance(references) / m
    both = ours + theirs
    if not sys.float_info.min <= both < math.inf:  # a smaller number has lost digits
        return Estimate(difference, reason=_BEYOND)
    freedom = float(min(n, m) - 1)
    if max(n, m) <= _ALIKE * min(n, m):
        # By shares: the squares of small variances would vanish.
        freedom = 1 / ((ours / both) ** 2 / (n - 1) + (theirs / both) ** 2 / (m - 1))
    unpaired = Test(math.sqrt(both), freedom)
    if not paired:
        return _checked(difference, unpaired)
    within = [value - scale * reference for value, reference in zip(values, references, strict=True)]
    unpaired = Test(unpaired.standard_error, unpaired.freedom, _UNPAIRED_SHARE)
    if _is_constant(within):
        return _checked(difference, unpaired)
    return _checked(difference, unpaired, Test(math.sqrt(variance(within) / n), n - 1, _PAIRED_SHARE))


def of_number(values: Sequence[float], number: float) -> Estimate:
    """Estimate the mean of some values (at least one, all finite) minus a number that has no noise."""
    difference = _mean(values) - number
    if reason := _cannot_tell(values, "candidate"):
        return Estimate(difference, reason=reason)
    n = len(values)
    return _checked(difference, Test(math.sqrt(variance(values) / n), n - 1, _NUMBER_SHARE))


def variance(values: Sequence[float]) -> float:
    """Return the variance of a sample of at least two finite numbers; infinite where it is beyond a float."""
    center = _mean(values)
    try:
        return math.fsum((value - center) ** 2 for value in values) / (len(values) - 1)
    except OverflowError:
        return math.inf


def _mean(values: Sequence[float]) -> float:
    try:
        return fmean(values)
    except OverflowError:
        return math.inf


def _cannot_tell(values: Sequence[float], side: str) -> str:
    if len(values) < MIN_SEEDS:
        return f"one {side} seed says nothing about its own spread"
    if _is_constant(values):
        return f"all {len(values)} {side} seeds have the same value, so that their spread is not known"
    return ""


def _is_constant(values: Sequence[float]) -> bool:
    low, high = min(values), max(values)
    return high - low <= _ROUNDING * max(abs(low), abs(high))


def _checked(difference: float, *tests: Test) -> Estimate:
    usable = math.isfinite(difference) and all(0 < test.standard_error < math.inf for test in tests)
    return Estimate(difference, tests if usable else (), "" if usable else _BEYOND)
