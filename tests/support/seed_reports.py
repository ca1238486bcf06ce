"""Simulate reports on seeds: how often one claims a difference where there is none, covers the truth, and finds a real one.

`make bench` simulates all settings, a unit test the worst ones.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from itertools import accumulate
from random import Random
from statistics import fmean, stdev

from mlops_actions.core.statistics import estimate, student
from mlops_actions.core.statistics.estimate import Estimate
from mlops_actions.wandb_runs.statistics import holm
from mlops_actions.wandb_runs.statistics.choice import NO_CHOICE, Choice

Values = list[list[float]]

REPORTS = 3000
METRICS = 10
ERROR = 0.05
MAX_FALSE, MIN_COVERAGE, MIN_POWER = 0.05, 0.93, 0.9
_SEED = 20260115
# The default of `max-baselines` allows so many groups of baselines.
CHOICES = (Choice(candidates=10), Choice(baselines=10), Choice(10, 10))
COUNTS = ((2, 2), (2, 3), (3, 3), (4, 4), (4, 5), (5, 5), (10, 10), (2, 10), (3, 10), (5, 10), (8, 10))


def _accuracy(examples: int, rate: float) -> Callable[[Random], float]:
    """Return the accuracy on a test set of so many examples, each right with the probability `rate`."""
    right = range(examples + 1)
    weights = list(accumulate(math.comb(examples, k) * rate**k * (1 - rate) ** (examples - k) for k in right))
    return lambda draw: draw.choices(right, cum_weights=weights)[0] / examples


def _student(draw: Random) -> float:
    """Return a number of the t distribution with 3 degrees of freedom: its variance is finite, its fourth moment is not."""
    return draw.gauss() / math.sqrt(draw.gammavariate(1.5, 2) / 3)


# Noise of one metric over seeds; every seed has the same mean.
NOISES: Mapping[str, Callable[[Random], float]] = {
    "normal": lambda draw: draw.gauss(),
    "skewed: exponential": lambda draw: draw.expovariate(1),
    "skewed: log-normal": lambda draw: draw.lognormvariate(0, 1),
    "accuracy: 90 % of 20": _accuracy(20, 0.9),
    "accuracy: 98 % of 50": _accuracy(50, 0.98),
    "accuracy: 95 % of 1,000": _accuracy(1000, 0.95),
    "heavy-tailed: t with 3": _student,
}


@dataclass(frozen=True)
class Setting:
    """What is simulated: counts on both sides, and how the metrics and the sides hang together (0: not at all, to 1).

    `together` is the correlation between the metrics of a run, `by_seed` that between the two runs of a seed (None: the
    seeds differ). `gain` is a real difference in standard deviations, `spread` how much wider the candidate's noise is.
    `choice` is out of how many equal groups the compared ones are the best by the first of the `metrics`.
    """

    noise: str
    candidates: int
    baselines: int
    together: float = 0.0
    by_seed: float | None = None
    gain: float = 0.0
    spread: float = 1.0
    reports: int = REPORTS
    # Outside the representation, which seeds the simulation.
    choice: Choice = field(default=NO_CHOICE, repr=False)
    metrics: int = field(default=METRICS, repr=False)

    @property
    def counts(self) -> str:
        """`3 v 10`."""
        return f"{self.candidates} v {self.baselines}"


@dataclass(frozen=True)
class Figures:
    """Shares from 0 to 1: reports with a false claim, intervals that cover the truth, intervals shown, real gains found.

    `welch` is the share of the gains that Welch's test with Holm's correction finds.
    """

    false: float
    coverage: float
    shown: float
    power: float
    welch: float


def simulate(setting: Setting) -> Figures:
    """Simulate reports; the same setting always gives the same figures."""
    draw, factor = Random(f"{_SEED} {setting}"), setting.choice.factor
    wrong = claims = covered = shown = by_welch = 0
    for _ in range(setting.reports):
        sides = list(zip(*_sides(setting, draw), strict=True))
        found = [estimate.of_groups(*pair, paired=setting.by_seed is not None) for pair in sides]
        claimed = _claims([each.probability() for each in found], factor)
        wrong, claims = wrong + (claimed > 0), claims + claimed
        known = [each for each in found if each.tests]
        shown += len(known)
        covered += sum(_covers(each, setting.gain, factor) for each in known)
        if setting.gain:
            by_welch += _claims([_welch(*pair) for pair in sides])
    total = setting.reports * setting.metrics
    return Figures(
        false=wrong / setting.reports,
        coverage=covered / shown if shown else 1.0,
        shown=shown / total,
        power=claims / total,
        welch=by_welch / total,
    )


def _claims(probabilities: Sequence[float | None], factor: float = 1.0) -> int:
    return sum(value is not None and value <= ERROR for value in holm.adjust(probabilities, factor))


def _covers(found: Estimate, truth: float, factor: float) -> bool:
    # The interval holds the truth exactly where the p-value of that truth is above the error, which is cheaper to compute.
    probability = Estimate(found.difference - truth, found.tests).probability()
    return probability is not None and probability > ERROR / factor


def _sides(setting: Setting, draw: Random) -> tuple[Values, Values]:
    """Draw both sides of one report: metrics × seeds."""
    noise = NOISES[setting.noise]

    def group(seeds: int) -> Values:
        own = [[noise(draw) for _ in range(seeds)] for _ in range(setting.metrics)]
        return _mixed(own, [[noise(draw) for _ in range(seeds)]] * setting.metrics, setting.together)

    candidates = [group(setting.candidates) for _ in range(setting.choice.candidates)]
    baselines = [group(setting.baselines) for _ in range(setting.choice.baselines)]
    if setting.by_seed:
        shared = group(setting.candidates)
        candidates, baselines = ([_mixed(own, shared, setting.by_seed) for own in side] for side in (candidates, baselines))
    ours, theirs = (max(side, key=lambda values: fmean(values[0])) for side in (candidates, baselines))
    return [[setting.spread * value + setting.gain for value in values] for values in ours], theirs


def _mixed(own: Values, shared: Values, correlation: float) -> Values:
    """Mix noise, so that the results correlate with each other as far as they share it."""
    if not correlation:
        return own
    a, b = math.sqrt(1 - correlation), math.sqrt(correlation)
    return [[a * x + b * y for x, y in zip(*pair, strict=True)] for pair in zip(own, shared, strict=True)]


def _welch(values: Sequence[float], references: Sequence[float]) -> float:
    """Return the p-value of Welch's test with Satterthwaite's degrees of freedom, as textbooks have it."""
    n, m = len(values), len(references)
    a, b = stdev(values) ** 2 / n, stdev(references) ** 2 / m
    if not a + b:
        return 1.0
    freedom = (a + b) ** 2 / (a * a / (n - 1) + b * b / (m - 1))
    return student.two_sided((fmean(values) - fmean(references)) / math.sqrt(a + b), freedom)


def all_of(settings: Sequence[Setting]) -> Iterator[tuple[Setting, Figures]]:
    """Simulate several settings, on all cores; yield them in their order."""
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        yield from zip(settings, pool.map(simulate, settings), strict=True)


def unpaired(reports: int = REPORTS) -> list[Setting]:
    """Return every noise at all counts, with independent metrics; and correlated ones of normal noise."""
    independent = [Setting(noise, *counts, reports=reports) for noise in NOISES for counts in COUNTS]
    return independent + [Setting("normal", *counts, together=0.8, reports=reports) for counts in COUNTS]


def paired(reports: int = REPORTS) -> list[Setting]:
    """Return the settings in which both sides have the same seeds."""
    noises = ("normal", "skewed: exponential", "heavy-tailed: t with 3")
    return [
        Setting(noise, seeds, seeds, by_seed=share, reports=reports)
        for noise in noises
        for seeds in (2, 3, 5, 10)
        for share in (0.0, 0.5, 0.9)
    ]


def chosen(reports: int = REPORTS) -> list[Setting]:
    """Return settings in which the values choose the groups: one metric, ten of them, and the same seeds on both sides."""
    counts = ((2, 2), (3, 3), (10, 10), (2, 10), (10, 2))
    return [
        setting
        for choice in CHOICES
        for setting in (
            *(Setting(noise, 5, 5, reports=reports, choice=choice, metrics=1) for noise in NOISES),
            *(Setting("normal", *pair, reports=reports, choice=choice, metrics=1) for pair in counts),
            *(Setting("normal", 5, 5, by_seed=share, reports=reports, choice=choice, metrics=1) for share in (0.0, 0.5)),
            *(Setting("normal", 5, 5, together=share, reports=reports, choice=choice) for share in (0.0, 0.8)),
        )
    ]


def gains(reports: int = REPORTS) -> list[Setting]:
    """Return settings with a real gain, at equal counts from 5 on: seeds that differ, and the same seeds."""
    return [
        Setting("normal", seeds, seeds, by_seed=share, gain=gain * (8 / seeds) ** 0.5, reports=reports)
        for seeds in (5, 7, 10)
        for share in (None, 0.0, 0.5, 0.9)
        for gain in (1.5, 2.0)
    ]


def spreads(reports: int = REPORTS) -> list[Setting]:
    """Return settings beyond the promise: one side's noise is several times as wide."""
    counts = ((3, 3), (5, 5), (10, 10), (3, 10), (10, 3))
    return [Setting("normal", *pair, spread=spread, reports=reports) for spread in (2.0, 3.0) for pair in counts]
