"""Select rows of a run's history by keys, and sample them evenly."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from mlops_sandbox.wandb.filters import MISSING, follow

Row = TypeVar("Row")
DEFAULT_SAMPLES = 500


def thin(rows: Sequence[Row], samples: int) -> list[Row]:
    """Return at most `samples` of the rows, evenly spaced, with the first and the last."""
    if samples <= 0 or not rows:
        return []
    if len(rows) <= samples:
        return list(rows)
    if samples == 1:
        return [rows[-1]]
    step = (len(rows) - 1) / (samples - 1)
    return [rows[round(index * step)] for index in range(samples)]


def sampled(rows: Sequence[Mapping[str, Any]], spec: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Answer one spec `{"keys": […], "samples": N, "minStep", "maxStep"}`: only rows that hold **all** its keys."""
    keys = [str(key) for key in spec.get("keys", [])]
    min_step, max_step = spec.get("minStep"), spec.get("maxStep")
    selected = []
    for row in rows:
        step = row.get("_step", 0)
        if (min_step is not None and step < min_step) or (max_step is not None and step >= max_step):
            continue
        values = {key: follow(row, key) for key in keys} if keys else dict(row)
        if all(value is not MISSING and value is not None for value in values.values()):
            selected.append(values)
    return thin(selected, int(spec.get("samples", DEFAULT_SAMPLES)))


def keys(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return `historyKeys`: every key with its count and last value, and the last step."""
    entries: dict[str, dict[str, Any]] = {}
    for row in rows:
        for key, value in row.items():
            kind = "number" if isinstance(value, int | float) and not isinstance(value, bool) else "other"
            entry = entries.setdefault(key, {"typeCounts": [{"type": kind, "count": 0}]})
            entry["typeCounts"][0]["count"] += 1
            entry["previousValue"] = value
    return {"sets": [], "keys": entries, "lastStep": rows[-1].get("_step", -1) if rows else -1}
