"""The grammar of `metrics`: `NAME`, `NAME:min`, `NAME[UNIT]`, `NAME[UNIT]:max`; a `*` in a name stands for any text.

A name in quotes is taken as it is: `"map[box]":max` is the metric `map[box]` without a unit.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from mlops_actions.wandb_runs.metrics.metric import GIVEN, MAX, MIN, Metric

ANY = "*"
_DIRECTION = r"(?:\s*:\s*(?P<direction>min|max))?"
# A unit has a letter or a sign such as `%`: the brackets of `layer[0]` belong to the name.
_UNIT = r"(?:\s*\[\s*(?P<unit>(?=[^\[\]]*[^\W\d_]|[^\[\]]*[%‰°$€£])[^\[\]]{1,20}?)\s*\])?"
_QUOTED = re.compile(rf'\s*"(?P<name>[^"]*)"{_UNIT}{_DIRECTION}\s*', re.IGNORECASE)
_PLAIN = re.compile(rf"\s*(?P<name>.*?){_UNIT}{_DIRECTION}\s*", re.IGNORECASE | re.DOTALL)


def parse(entries: Sequence[str]) -> tuple[Metric, ...]:
    """Parse the entries of `metrics`; a name given twice is one metric. Raises ValueError.

    A colon before anything but a direction belongs to the name.
    """
    return _distinct([(entry, parse_one(entry)) for entry in entries])


def parse_one(entry: str) -> Metric:
    """Parse one entry; raises ValueError."""
    quoted = _QUOTED.fullmatch(entry)
    match = quoted or _PLAIN.fullmatch(entry)
    name = match["name"].strip() if match else ""
    if not match or not name:
        raise ValueError(f"has a metric without a name: {entry!r}")
    direction = (match["direction"] or "").lower()
    return Metric(
        name,
        direction,
        GIVEN if direction else "",
        unit=match["unit"] or "",
        is_pattern=ANY in name and not quoted,
    )


def parse_plain(entries: Sequence[str]) -> tuple[Metric, ...]:
    """Parse the entries of the older input, whose names have neither units nor patterns. Raises ValueError."""
    metrics = []
    for entry in entries:
        name, colon, word = entry.rpartition(":")
        direction = word.strip().lower() if colon else ""
        metric = Metric(name.strip(), direction, GIVEN) if direction in (MIN, MAX) else Metric(entry.strip())
        if not metric.name:
            raise ValueError(f"has a metric without a name: {entry!r}")
        metrics.append((entry, metric))
    return _distinct(metrics)


def _distinct(parsed: Sequence[tuple[str, Metric]]) -> tuple[Metric, ...]:
    """Make one metric of the entries with one name: each may say what the others leave open."""
    metrics: dict[tuple[str, bool], Metric] = {}
    for entry, metric in parsed:
        key = metric.name, metric.is_pattern
        earlier = metrics.get(key, metric)
        if earlier.direction and metric.direction and earlier.direction != metric.direction:
            raise ValueError(f"gives {metric.name!r} two directions")
        if earlier.unit and metric.unit and earlier.unit != metric.unit:
            raise ValueError(f"gives {metric.name!r} two units: {earlier.unit!r}, and then {entry!r}")
        source = earlier.source or metric.source
        direction, unit = earlier.direction or metric.direction, earlier.unit or metric.unit
        metrics[key] = replace(metric, direction=direction, source=source, unit=unit)
    return tuple(metrics.values())
