"""Decode a sweep: what its author wrote is YAML, and untrusted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import yaml

from mlops_actions.core.runs import Sweep

_MAX_PARAMETERS, _MAX_DEPTH = 100, 5
_MAX_CHARACTERS = 1 << 20
_DIRECTIONS = {"minimize": "min", "maximize": "max"}


def decode(node: Mapping[str, Any], *, sweep_id: str, url: str) -> Sweep:
    """Decode a sweep; fields of an unexpected form are empty. Without a goal W&B minimises the metric, as its SDK does."""
    config = _config(node.get("config"))
    metric = config.get("metric")
    name = metric.get("name") if isinstance(metric, Mapping) else None
    goal = metric.get("goal", "minimize") if isinstance(metric, Mapping) else None
    title = node.get("displayName") or config.get("name")
    known = isinstance(name, str) and bool(name)
    return Sweep(
        id=sweep_id,
        name=title if isinstance(title, str) else sweep_id,
        url=url,
        metric=str(name) if known else "",
        direction=_DIRECTIONS.get(str(goal), "") if known else "",
        parameters=tuple(dict.fromkeys(_varied(config.get("parameters"))))[:_MAX_PARAMETERS],
    )


def _config(text: Any) -> Mapping[str, Any]:
    if not isinstance(text, str) or len(text) > _MAX_CHARACTERS:
        return {}
    try:
        config = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError):
        return {}
    return config if isinstance(config, Mapping) else {}


def _varied(parameters: Any, prefix: str = "", depth: int = 1) -> Iterator[str]:
    """Yield the names of the parameters that have more than one value; nested ones stand under `parameters` again."""
    if not isinstance(parameters, Mapping) or depth > _MAX_DEPTH:
        return
    for name, parameter in list(parameters.items())[:_MAX_PARAMETERS]:
        if not isinstance(parameter, Mapping):
            continue
        if isinstance(parameter.get("parameters"), Mapping):
            yield from _varied(parameter["parameters"], f"{prefix}{name}.", depth + 1)
        elif not _is_fixed(parameter):
            yield f"{prefix}{name}"


def _is_fixed(parameter: Mapping[str, Any]) -> bool:
    values = parameter.get("values")
    return (
        "value" in parameter or parameter.get("distribution") == "constant" or (isinstance(values, list) and len(values) < 2)
    )
