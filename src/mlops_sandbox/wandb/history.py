"""What the server answers about a run's history: rows by keys, thinned evenly."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from mlops_sandbox.wandb.filters import MISSING, follow

T = TypeVar("T")
DEFAULT_SAMPLES = 500


def thin(rows: Sequence[T], samples: int) -> list[T]:
    """At most `samples` of the rows, evenly spread, first and last among them."""
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
    least, most = spec.get("minStep"), spec.get("maxStep")
    found = []
    for row in rows:
        step = row.get("_step", 0)
        if (least is not None and step < least) or (most is not None and step >= most):
            continue
        values = {key: follow(row, key) for key in keys} if keys else dict(row)
        if all(value is not MISSING and value is not None for value in values.values()):
            found.append(values)
    return thin(found, int(spec.get("samples", DEFAULT_SAMPLES)))


def keys(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """`historyKeys`: every key with how often it was logged and its last value, and the last step."""
    seen: dict[str, dict[str, Any]] = {}
    for row in rows:
        for key, value in row.items():
            kind = "number" if isinstance(value, int | float) and not isinstance(value, bool) else "other"
            entry = seen.setdefault(key, {"typeCounts": [{"type": kind, "count": 0}]})
            entry["typeCounts"][0]["count"] += 1
            entry["previousValue"] = value
    return {"sets": [], "keys": seen, "lastStep": rows[-1].get("_step", -1) if rows else -1}
