"""Decode W&B's answers tolerantly: a field of an unexpected form counts as empty."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, TypeGuard

from mlops_actions.boundary.wandb.requests import PATCH
from mlops_actions.core.json_text import refuse_deep_nesting
from mlops_actions.core.runs import Artifact, LoggedModel, Points, Run, finite_number, logged_number
from mlops_actions.core.types import Json

INTERNAL_KEY = "_wandb"  # the config key under which W&B keeps its own records
METRICS_KEY = "m"  # among these, the settings of `define_metric`
MACHINES_KEY = "e"  # and the machines of the run's processes
TELEMETRY_KEY = "t"  # and what its SDK used
# Numbers of W&B's telemetry (wandb_telemetry.proto): the list of features, and the feature of a run without a connection.
_FEATURES, _OFFLINE = "3", 4
RUNTIME_KEY = "_runtime"  # the summary's seconds from the start of the run to its last step
# W&B keeps the settings of `define_metric` under these numbers (wandb_telemetry.proto, MetricRecord).
_METRIC_NAME, _METRIC_SUMMARY, _METRIC_GOAL = "1", "7", "8"
_DIRECTIONS = {1: "min", 2: "max"}
# Types of input artifacts that are no data: code, models, and those that W&B itself creates.
MODEL = "model"
_NOT_DATA = frozenset({MODEL, "code", "job", "run_table"})
_WANDB_TYPES = "wandb-"
_DECODER = json.JSONDecoder(strict=False)  # takes line breaks in texts


def with_first_parts(names: Sequence[str]) -> list[str]:
    """Return the names and the first part of each dotted name, since a summary may be nested, or a name hold a dot."""
    first_parts = [name.partition(".")[0] for name in names if "." in name]
    return list(dict.fromkeys([*names, *first_parts]))


def names_in(tree: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    """Yield the names of a summary's values; a dot separates the levels of a nested one."""
    for key, value in tree.items():
        if isinstance(value, Mapping) and value:
            yield from names_in(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}"


def json_object(value: Any) -> Json:
    """Return a field that holds a JSON object as text; an empty object for anything else."""
    if isinstance(value, str):
        try:
            refuse_deep_nesting(value)
            value = _DECODER.decode(value)
        except ValueError:
            return {}
    return value if isinstance(value, dict) else {}


def config_value(entry: Any) -> Any:
    """Return the value of a config entry."""
    return entry["value"] if isinstance(entry, Mapping) and "value" in entry else entry


def time_of(text: Any) -> datetime | None:
    """Return a time; W&B's times are UTC, with or without `Z`."""
    try:
        time = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return time if time.tzinfo else time.replace(tzinfo=UTC)


def directions(internal: Any) -> Iterator[tuple[str, str]]:
    """Yield metrics and their directions from the run's `define_metric` calls: by the goal, else by the kept aggregate.

    `internal` are W&B's own records in the config. `config` and `wandbConfig` may each hold these calls, or not.
    """
    entries = internal.get(METRICS_KEY) if isinstance(internal, Mapping) else None
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


def run(node: Mapping[str, Any], *, entity: str, project: str, url: str) -> Run:
    """Decode a run; `url` is the address of its page."""
    config, summary = json_object(node.get("config")), json_object(node.get("summaryMetrics"))
    internal = (json_object(node.get("wandbConfig")), config_value(config.get(INTERNAL_KEY)))
    gpus, gpu_name = _gpus(internal)
    return Run(
        id=str(node["name"]),
        name=str(node.get("displayName") or ""),
        state=str(node.get("state") or ""),
        url=url,
        entity=entity,
        project=project,
        tags=tuple(str(tag) for tag in tags) if isinstance(tags := node.get("tags"), list) else (),
        commit=str(node.get("commit") or "").lower(),
        group=str(node.get("group") or ""),
        sweep=str(node.get("sweepName") or ""),
        description=str(node.get("description") or ""),
        created=time_of(node.get("createdAt")),
        heartbeat=time_of(node.get("heartbeatAt")),
        config=config_values(config),
        summary={key: value for key, value in summary.items() if key != INTERNAL_KEY},
        directions={metric: direction for records in internal for metric, direction in directions(records)},
        seconds=_seconds(summary),
        gpus=gpus,
        gpu_name=gpu_name,
        uploaded_early=any(map(_was_offline, internal)) and _lacks_its_end(summary),
    )


def _was_offline(records: Any) -> bool:
    telemetry = records.get(TELEMETRY_KEY) if isinstance(records, Mapping) else None
    features = telemetry.get(_FEATURES) if isinstance(telemetry, Mapping) else None
    return isinstance(features, list) and _OFFLINE in features


def _lacks_its_end(summary: Mapping[str, Any]) -> bool:
    """Tell whether the upload of an offline run held no record of the process's end.

    Tried with SDK 0.31: the end writes whole seconds as `_runtime`. Without it `_runtime` is that of the last step, with a
    fraction; `wandb sync` then gives the run the state `failed`, although it may still train.
    """
    runtime = finite_number(summary.get(RUNTIME_KEY))
    return runtime is not None and not runtime.is_integer()


def _seconds(summary: Mapping[str, Any]) -> float | None:
    """Return how long a run's process ran: W&B's own count, else the time of the last step."""
    internal = summary.get(INTERNAL_KEY)
    of_process = finite_number(internal.get("runtime")) if isinstance(internal, Mapping) else None
    seconds = of_process if of_process is not None else finite_number(summary.get(RUNTIME_KEY))
    return seconds if seconds is not None and seconds >= 0 else None


def _gpus(internal: Sequence[Any]) -> tuple[int | None, str]:
    """Return how many GPUs a run's machine had, and their model.

    The SDK records the machine of each process that wrote the run. Several are either the parts of one job,
    whose GPUs add up, or the same job continued: the record does not tell which, so the number is unknown then.
    """
    for records in internal:
        machines = records.get(MACHINES_KEY) if isinstance(records, Mapping) else None
        entries = list(machines.values()) if isinstance(machines, Mapping) else []
        if len(entries) == 1 and isinstance(entries[0], Mapping):
            count, name = entries[0].get("gpu_count", 0), entries[0].get("gpu")
            known = isinstance(count, int) and not isinstance(count, bool) and count >= 0
            return (count if known else None), (name if isinstance(name, str) else "")
    return None, ""


def datasets(connection: Mapping[str, Any]) -> Iterator[Artifact]:
    """Decode the datasets of one page of the artifacts that a run used."""
    for artifact in artifacts(connection):
        if artifact.type not in _NOT_DATA and not artifact.type.startswith(_WANDB_TYPES):
            yield artifact


def has_patch(files: Mapping[str, Any]) -> bool:
    """Return whether a page of a run's files holds uncommitted changes; a file without a name may be the one asked for."""
    # A size that cannot be read is content: a checkout counts as clean only where that is certain.
    return any(file.get("name", PATCH) == PATCH and file.get("sizeBytes") not in (None, 0, "0") for file in nodes(files))


def whole_config(answer: Any) -> Mapping[str, Any] | None:
    """Decode a whole config; None where the answer is none."""
    return config_values(json_object(answer)) if isinstance(answer, str | dict) else None


def config_values(config: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the values of a config, without W&B's own records."""
    return {key: config_value(value) for key, value in config.items() if key != INTERNAL_KEY}


def nodes(connection: Any) -> Iterator[Mapping[str, Any]]:
    """Yield the nodes of a page; anything else has none."""
    edges = connection.get("edges") if isinstance(connection, Mapping) else None
    for edge in edges if isinstance(edges, list) else ():
        if isinstance(edge, Mapping) and isinstance(node := edge.get("node"), Mapping):
            yield node


def artifacts(connection: Mapping[str, Any]) -> Iterator[Artifact]:
    """Decode the artifacts of one page."""
    return map(_artifact, nodes(connection))


def tells_artifacts(connection: Any) -> TypeGuard[Mapping[str, Any]]:
    """Tell whether a page of artifacts gives each one's name, type, version and digest as W&B does."""
    return tells_files(connection) and all(_is_artifact(edge.get("node")) for edge in connection["edges"])


def tells_files(connection: Any) -> TypeGuard[Mapping[str, Any]]:
    """Tell whether this is a page of a list at all."""
    edges = connection.get("edges") if isinstance(connection, Mapping) else None
    return isinstance(edges, list) and all(
        isinstance(edge, Mapping) and isinstance(edge.get("node"), Mapping) for edge in edges
    )


def _is_artifact(node: Any) -> bool:
    if not isinstance(node, Mapping) or not isinstance(node.get("digest"), str):
        return False
    version = node.get("versionIndex")
    is_version = isinstance(version, int) and not isinstance(version, bool) and 0 <= version < 1 << 63
    return is_version and bool(_name(node.get("artifactType"))) and bool(_name(node.get("artifactSequence")))


def models(connection: Mapping[str, Any]) -> Iterator[LoggedModel]:
    """Decode the models of one page of artifacts, each with its aliases; a linked version has those of other names too."""
    for node in nodes(connection):
        if (artifact := _artifact(node)).type == MODEL:
            entries = aliases if isinstance(aliases := node.get("aliases"), list) else ()
            own = (entry for entry in entries if isinstance(entry, Mapping) and _is_own(entry, artifact))
            yield LoggedModel(artifact, tuple(str(entry["alias"]) for entry in own))


def _is_own(alias: Mapping[str, Any], artifact: Artifact) -> bool:
    return isinstance(alias.get("alias"), str) and _name(alias.get("artifactCollection")) == artifact.name


def _artifact(node: Mapping[str, Any]) -> Artifact:
    version = node.get("versionIndex")
    return Artifact(
        name=_name(node.get("artifactSequence")),
        version=version if isinstance(version, int) else 0,
        type=_name(node.get("artifactType")),
        digest=str(node.get("digest") or ""),
    )


def _name(value: Any) -> str:
    name = value.get("name") if isinstance(value, Mapping) else None
    return name if isinstance(name, str) else ""


def points(rows: Any, name: str) -> Points | None:
    """Return (step, value) of a history's rows; a value may be NaN or infinite. None where the answer is no history."""
    if not isinstance(rows, list):
        return None
    read = ((logged_number(row.get("_step")), logged_number(row.get(name))) for row in rows if isinstance(row, Mapping))
    return [(step, value) for step, value in read if step is not None and value is not None and math.isfinite(step)]
