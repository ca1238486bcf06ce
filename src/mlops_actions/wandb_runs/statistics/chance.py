"""How often a candidate that was chosen among several passes a gate by chance alone. Pure.

The candidates and the baselines are taken as independent draws from one distribution: the candidates changed nothing.
"""

from __future__ import annotations

from statistics import NormalDist

_STEPS = 2000  # of the quadrature; enough for four decimals
_WIDTH = 8.0  # standard deviations on each side of it


def best_against_best(candidates: int, baselines: int = 1) -> float:
    """Return the probability that the best of N candidates is as good as the best of M baselines: N / (N + M).

    Every one of the N + M draws is the best with the same probability. It holds for any distribution without ties.
    """
    return candidates / (candidates + baselines)


def best_against_mean(candidates: int, baselines: int) -> float:
    """Return the probability that the best of N candidates is as good as the mean of M baselines, with normal noise.

    It is 1 - E[F(z)^N] for the mean z of M draws. With M = 1 it is N / (N + 1) for any distribution.
    """
    noise, mean = NormalDist(), NormalDist(0.0, baselines**-0.5)
    width = _WIDTH * mean.stdev
    step = 2 * width / _STEPS
    points = (-width + (index + 0.5) * step for index in range(_STEPS))
    return 1.0 - sum(mean.pdf(point) * noise.cdf(point) ** candidates for point in points) * step


def best_of_tries(candidates: int, chance: float) -> float:
    """Return the probability that the best of N candidates passes what each one passes with the probability `chance`."""
    return 1.0 - (1.0 - chance) ** candidates
