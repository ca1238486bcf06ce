"""What W&B's answers hold, read tolerantly: a field that is not as it should be is an empty one."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from mlops_actions.wandb_runs.model import Artifact, Details, number

# W&B keeps what `define_metric` was told under these numbers (wandb_telemetry.proto, MetricRecord).
_METRIC_NAME, _METRIC_SUMMARY, _METRIC_GOAL = "1", "7", "8"
_DIRECTIONS = {1: "min", 2: "max"}


def expanded(names: Sequence[str]) -> list[str]:
    """The names, and the first part of each dotted one: a summary may be nested, and a dot may be part of a name."""
    heads = [name.partition(".")[0] for name in names if "." in name]
    return list(dict.fromkeys([*names, *heads]))


def document(text: Any) -> dict[str, Any]:
    """A field that holds JSON as text; whatever is not an object is an empty one."""
    if isinstance(text, str):
        try:
            text = json.loads(text, strict=False)
        except (ValueError, RecursionError):
            return {}
    return text if isinstance(text, dict) else {}


def unwrapped(value: Any) -> Any:
    """The value of a config entry."""
    return value["value"] if isinstance(value, Mapping) and "value" in value else value


def moment(text: Any) -> datetime | None:
    """W&B's moments are UTC, with or without `Z`."""
    try:
        found = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def hints(config: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Which way metrics are better, as the run's `define_metric` calls said: by goal, else by what is kept of them."""
    internal = unwrapped(config.get("_wandb"))
    entries = internal.get("m") if isinstance(internal, Mapping) else None
    for entry in entries if isinstance(entries, list) else ():
        if not isinstance(entry, Mapping) or not isinstance(entry.get(_METRIC_NAME), str):
            continue
        summary = entry.get(_METRIC_SUMMARY)
        kept = set(filter(None, map(_direction, summary if isinstance(summary, list) else ())))
        direction = _direction(entry.get(_METRIC_GOAL)) or (kept.pop() if len(kept) == 1 else "")
        if direction:
            yield entry[_METRIC_NAME], direction


def _direction(code: Any) -> str:
    return _DIRECTIONS.get(code, "") if isinstance(code, int) and not isinstance(code, bool) else ""


def detailed(node: Mapping[str, Any], curves: Sequence[str], lineage: bool) -> Details:
    """What is told about one run; `curves` are the metrics in the order of its histories."""
    histories = node.get("sampledHistory")
    drawn = {
        name: _points(rows, name)
        for name, rows in zip(curves, histories if isinstance(histories, list) else [], strict=False)
    }
    used = node.get("inputArtifacts")
    files = node.get("files")
    return Details(
        inputs=tuple(artifacts(used)) if lineage and isinstance(used, Mapping) else None,
        curves={name: points for name, points in drawn.items() if points},
        dirty=any((entry.get("sizeBytes") or 0) > 0 for entry in _nodes(files)) if isinstance(files, Mapping) else None,
    )


def _nodes(connection: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for edge in connection.get("edges") or ():
        if isinstance(node := (edge or {}).get("node"), Mapping):
            yield node


def artifacts(connection: Mapping[str, Any]) -> Iterator[Artifact]:
    """The artifacts of one page."""
    for node in _nodes(connection):
        yield Artifact(
            name=str((node.get("artifactSequence") or {}).get("name") or ""),
            version=int(node.get("versionIndex") or 0),
            type=str((node.get("artifactType") or {}).get("name") or ""),
            digest=str(node.get("digest") or ""),
        )


def _points(rows: Any, name: str) -> list[tuple[float, float]]:
    """(step, value) of rows; W&B writes NaN and infinities as text, and neither can be drawn."""
    points = []
    for row in rows if isinstance(rows, list) else ():
        if not isinstance(row, Mapping):
            continue
        step, value = number(row.get("_step")), number(row.get(name))
        if step is not None and value is not None and math.isfinite(value):
            points.append((step, value))
    return points
