"""Which logged values a chart draws.

mermaid gives all lines of a chart the same places, evenly spaced (xychartDb.ts, `transformDataWithoutCategory`). So the
steps are divided into buckets, and a line has in each bucket its lowest and its highest logged value: no value is
interpolated, and no extreme is lost.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import fmean

from mlops_actions.core.runs import Points

MAX_STEPS = 60  # so many logged steps are drawn one by one; more are drawn by buckets
_BUCKETS = 30
_MAX_JOINED = 3  # buckets without a finite value that a line may bridge; a wider gap ends it
_MAX_MAGNITUDE = 1e300  # beyond it differences are no finite numbers any more
_EVEN = 2.0  # the largest distance of two steps, by the median distance, at which steps count as evenly spaced


@dataclass(frozen=True)
class LoggedValues:
    """One run's values by step, in order. `lost` are the steps at which it logged NaN, an infinity or a number too large."""

    finite: tuple[tuple[float, float], ...]
    lost: tuple[tuple[float, float], ...] = ()

    @property
    def first(self) -> float:
        """The step of the first finite value."""
        return self.finite[0][0]

    @property
    def last(self) -> float:
        """The step of the last finite value."""
        return self.finite[-1][0]

    def since(self, step: float) -> LoggedValues:
        """Return the values from a step on."""
        return LoggedValues(*(tuple(point for point in points if point[0] >= step) for points in (self.finite, self.lost)))


def logged_values(points: Points) -> LoggedValues:
    """Sort points by step; of several values of one step the last counts, as in the run's own record."""
    values = {step: value for step, value in points if abs(step) <= _MAX_MAGNITUDE}
    ordered = sorted(values.items())
    return LoggedValues(
        finite=tuple(point for point in ordered if abs(point[1]) <= _MAX_MAGNITUDE),
        lost=tuple(point for point in ordered if not abs(point[1]) <= _MAX_MAGNITUDE),
    )


@dataclass(frozen=True)
class Curve:
    """What one row of a chart's table stands for: a run, or the runs of a group. `label` is Markdown."""

    label: str
    runs: tuple[LoggedValues, ...]

    @classmethod
    def of(cls, label: str, *runs: Points) -> Curve:
        """Return the curve of a run's points, or of those of each run of a group."""
        return cls(label, tuple(map(logged_values, runs)))

    @property
    def is_group(self) -> bool:
        """Whether the curve stands for several runs."""
        return len(self.runs) > 1

    @property
    def finite(self) -> list[tuple[float, float]]:
        """The finite (step, value) points of all runs."""
        return [point for run in self.runs for point in run.finite]

    @property
    def lost(self) -> list[tuple[float, float]]:
        """The points of all runs that are no finite numbers."""
        return [point for run in self.runs for point in run.lost]


# The values of one line of a chart, one for each place from the left. A line with fewer values than places ends early.
Line = tuple[float, ...]


@dataclass(frozen=True)
class Plot:
    """The lines of one chart.

    `places` are the steps at the places on the x-axis: the first step of the bucket that the place belongs to. A curve that
    cannot be drawn has no line. `ends` are the last steps that the lines of each curve reach; `resumes` are the steps at
    which values begin that the chart leaves out, None where it draws all of a curve. `even` is whether the steps are evenly
    spaced.
    """

    places: tuple[float, ...]
    curves: tuple[tuple[Line, ...], ...]
    ends: tuple[float | None, ...]
    resumes: tuple[float | None, ...]
    even: bool

    @property
    def values(self) -> list[float]:
        """All values of all lines."""
        return [value for lines in self.curves for line in lines for value in line]


Bucket = tuple[float, float]  # the first and the last step that belong to it
# The values of one curve's lines in one bucket: those of a run, or the lowest, the mean and the highest of several runs.
_Cell = tuple[tuple[float, ...], ...]


def plot(curves: Sequence[Curve], start: float = -math.inf) -> Plot | None:
    """Divide the steps from `start` on into buckets, and choose the values of each curve; None where nothing can be drawn.

    A run is drawn as one line, a group as their lowest values, their mean and their highest.
    """
    cropped = [[run.since(start) for run in curve.runs] for curve in curves]
    drawable = [runs if all(len(run.finite) > 1 for run in runs) else [] for runs in cropped]
    histories = [run for runs in drawable for run in runs]
    if not histories:
        return None
    single = all(len(runs) <= 1 for runs in drawable)
    buckets, even = _buckets(histories, _BUCKETS if single else MAX_STEPS)
    buckets = _join_gaps(buckets, histories)
    cells = [_cells(runs, buckets) for runs in drawable]
    longest = max(map(len, cells))
    widths = [max(len(found[index][0]) for found in cells if index < len(found)) for index in range(longest)]
    return Plot(
        places=tuple(low for (low, _), width in zip(buckets, widths, strict=False) for _ in range(width)),
        curves=tuple(_lines(found, widths) for found in cells),
        ends=tuple(buckets[len(found) - 1][1] if found else None for found in cells),
        resumes=tuple(
            _resumes(runs, buckets[len(found)][0]) if len(found) < len(buckets) else None
            for runs, found in zip(drawable, cells, strict=True)
        ),
        even=even,
    )


def _resumes(runs: Sequence[LoggedValues], step: float) -> float | None:
    """Return where the runs have values again from a step on, enough for a line."""
    rests = [run.since(step).finite for run in runs]
    return max(rest[0][0] for rest in rests) if rests and all(len(rest) > 1 for rest in rests) else None


def _lines(cells: Sequence[_Cell], widths: Sequence[int]) -> tuple[Line, ...]:
    """Give each bucket its number of places; where a line has fewer values, its last one is repeated."""
    return tuple(
        tuple(
            cell[number][min(index, len(cell[number]) - 1)]
            for cell, width in zip(cells, widths, strict=False)
            for index in range(width)
        )
        for number in range(len(cells[0]) if cells else 0)
    )


def _buckets(histories: Sequence[LoggedValues], number: int) -> tuple[list[Bucket], bool]:
    """Return the buckets from the first to the last finite value, and whether they are evenly spaced."""
    first, last = min(run.first for run in histories), max(run.last for run in histories)
    logged = {step for run in histories for step, _ in (*run.finite, *run.lost)}
    steps = sorted(step for step in logged if first <= step <= last)
    if len(steps) <= MAX_STEPS:
        return [(step, step) for step in steps], _evenly(steps)
    # The first and the last step are buckets of their own, so that a curve starts and ends where its run did.
    inner = steps[1:-1]
    edges = [first + (last - first) * index / number for index in range(1, number)]
    parts = list(_split(inner, [0, *(bisect_left(inner, edge) for edge in edges), len(inner)]))
    even = len(parts) >= number // 2
    if not even:  # most steps lie close together, such as 1, 2, 4, 8, …: as many steps in each bucket
        parts = list(_split(inner, [len(inner) * index // number for index in range(number + 1)]))
    return [(first, first), *((part[0], part[-1]) for part in parts), (last, last)], even


def _split(steps: Sequence[float], bounds: Sequence[int]) -> Iterable[Sequence[float]]:
    return (steps[left:right] for left, right in pairwise(bounds) if left < right)


def _evenly(steps: Sequence[float]) -> bool:
    distances = sorted(right - left for left, right in pairwise(steps))
    return not distances or distances[-1] <= _EVEN * distances[len(distances) // 2]


def _join_gaps(buckets: list[Bucket], histories: Sequence[LoggedValues]) -> list[Bucket]:
    """Join buckets in which a run has no finite value, although it logged one, to the next in which it has one.

    So its line bridges a short gap. A wide one is left as it is.
    """
    joined: set[int] = set()  # the buckets that are part of the next one
    for run in histories:
        gap: list[int] = []
        for index, bucket in enumerate(buckets):
            if _within(run.finite, bucket):
                joined.update(gap if len(gap) <= _MAX_JOINED else ())
                gap = []
            elif _within(run.lost, bucket) or bucket[1] < run.first:
                gap.append(index)
    kept: list[Bucket] = []
    start: float | None = None
    for index, (low, high) in enumerate(buckets):
        start = low if start is None else start
        if index not in joined:
            kept.append((start, high))
            start = None
    return kept


def _within(points: Points, bucket: Bucket) -> Points:
    low, high = bucket
    return points[bisect_left(points, (low, -math.inf)) : bisect_right(points, (high, math.inf))]


def _cells(runs: Sequence[LoggedValues], buckets: Sequence[Bucket]) -> list[_Cell]:
    """Return a curve's values, bucket by bucket, up to the first one that one of its runs does not reach."""
    by_run = [list(_values(run, buckets)) for run in runs]
    if len(by_run) == 1:
        return [
            (_extremes(values, first=not index, last=index + 1 == len(by_run[0])),) for index, values in enumerate(by_run[0])
        ]
    return [
        (
            (min(min(values) for values in seeds),),
            (fmean(fmean(values) for values in seeds),),
            (max(max(values) for values in seeds),),
        )
        for seeds in zip(*by_run, strict=False)
    ]


def _values(run: LoggedValues, buckets: Sequence[Bucket]) -> Iterable[Sequence[float]]:
    """Yield a run's finite values in each bucket; where it logged nothing, its latest value.

    It ends with its last value, or where it logged no finite number in a bucket.
    """
    values: Sequence[float] = ()
    for bucket in buckets:
        here = [value for _, value in _within(run.finite, bucket)]
        if bucket[0] > run.last or (not here and (_within(run.lost, bucket) or not values)):
            return
        values = here or values[-1:]
        yield values


def _extremes(values: Sequence[float], *, first: bool, last: bool) -> tuple[float, ...]:
    """Return the lowest and the highest value in their order, at the ends of a line also its first or last value."""
    if min(values) == max(values):
        return (values[0],)
    chosen = {values.index(min(values)), values.index(max(values))}
    chosen |= {0} if first else set()
    chosen |= {len(values) - 1} if last else set()
    return tuple(values[index] for index in sorted(chosen))
