"""Holm's correction: with ten metrics in one report, one of them differs by chance far too often."""

from __future__ import annotations

from collections.abc import Sequence


def adjust(probabilities: Sequence[float | None], factor: float = 1.0) -> tuple[float | None, ...]:
    """Return each p-value as it counts among all of them (None: nothing was told, but it counts as a metric).

    Claims where the result is at most 0.05 are all true with a probability of at least 95 %. `factor` multiplies all
    of them: `Choice.factor`, where the compared groups were chosen by their values.
    """
    count = len(probabilities)
    known = sorted((value, index) for index, value in enumerate(probabilities) if value is not None)
    adjusted: list[float | None] = [None] * count
    largest = 0.0
    for rank, (value, index) in enumerate(known):
        largest = max(largest, min(1.0, value * (count - rank) * factor))
        adjusted[index] = largest
    return tuple(adjusted)
