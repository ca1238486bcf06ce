"""Into how many charts the curves of one metric go, and which steps each of them shows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mlops_actions.wandb_runs.report.curve_points import Curve, Plot, plot

_MAX_CHARTS = 3  # of one metric
_CLIP = 5.0  # the first steps are left out where that divides the range of the values by so much
_CLIPPED_PART = 10  # at most this part of the places is left out: 1/10


@dataclass(frozen=True)
class Chart:
    """One chart. `left_out` are the values of the first steps where the chart leaves these out."""

    plot: Plot
    left_out: tuple[float, ...] = ()

    @property
    def start(self) -> float:
        """The first step that the chart shows."""
        return self.plot.places[0]


def charts_of(curves: Sequence[Curve]) -> list[Chart]:
    """Return the charts of one metric: another one begins where a curve begins late, or goes on after a gap."""
    charts: list[Chart] = []
    drawn = plot(curves)
    while drawn and len(charts) < _MAX_CHARTS:
        if drawn.places:
            charts.append(_without_first_steps(curves, drawn))
        following = [step for step in drawn.resumes if step is not None]
        drawn = plot(curves, min(following)) if following else None
    return charts


def _without_first_steps(curves: Sequence[Curve], drawn: Plot) -> Chart:
    """Leave out the first steps where their values would flatten all others, as those of a loss before it falls."""
    steps = list(dict.fromkeys(drawn.places))
    values = drawn.values
    starts = {line[0] for lines in drawn.curves for line in lines}
    # A value that stands out for another reason than that the training began is never left out.
    if not starts & {min(values), max(values)}:
        return Chart(drawn)
    for start in steps[1 : 1 + len(steps) // _CLIPPED_PART]:
        rest = plot(curves, start)
        if rest is None or [bool(lines) for lines in rest.curves] != [bool(lines) for lines in drawn.curves]:
            break
        if 0 < _span(rest.values) * _CLIP <= _span(values):
            dropped = {value for curve in curves for step, value in curve.finite if steps[0] <= step < start}
            return Chart(rest, tuple(sorted(dropped)))
    return Chart(drawn)


def _span(values: Sequence[float]) -> float:
    return max(values) - min(values)
