"""Fields of an unexpected form are empty, and crash nothing."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest

from mlops_actions.boundary.wandb import decode
from mlops_actions.core.runs import Artifact

ODD: tuple[Any, ...] = (None, "text", 5, 1.5, True, [], [5], {}, {"a": 1}, [[]])


def _connection(node: Any) -> dict[str, Any]:
    return {"edges": [{"node": node}]}


@pytest.mark.parametrize("value", ODD, ids=repr)
def test_a_field_of_a_run_of_an_unexpected_form_is_empty(value: Any) -> None:
    fields = (
        "displayName",
        "state",
        "tags",
        "commit",
        "group",
        "createdAt",
        "heartbeatAt",
        "config",
        "summaryMetrics",
        "wandbConfig",
    )
    for field in fields:
        run = decode.run({"name": "r", field: value}, entity="e", project="p", url="https://wandb.test")
        assert run.id == "r"
        assert run.directions == {}
    assert decode.run({"name": "r", "tags": ["a", 5]}, entity="e", project="p", url="u").tags == ("a", "5")


@pytest.mark.parametrize("value", ODD, ids=repr)
def test_an_artifact_of_an_unexpected_form_has_no_name(value: Any) -> None:
    for field in ("artifactSequence", "artifactType", "digest"):
        [artifact] = decode.artifacts(_connection({"versionIndex": 3, field: value}))
        assert artifact.version == 3
        assert (artifact.name, artifact.type) == ("", "")
    assert list(decode.artifacts({"edges": value})) == []
    assert list(decode.artifacts(_connection(value))) in ([], [Artifact(name="", version=0, type="", digest="")])


@pytest.mark.parametrize(("version", "read"), [(7, 7), (0, 0), (None, 0), ("7", 0), ([7], 0), (1.5, 0), ({}, 0)])
def test_a_version_is_a_whole_number_or_none(version: Any, read: int) -> None:
    [artifact] = decode.artifacts(_connection({"versionIndex": version}))
    assert artifact.version == read


@pytest.mark.parametrize(
    ("size", "is_clean"),
    [(0, True), ("0", True), (None, True), (1, False), ("12", False), ("many", False), ([], False), ({}, False)],
)
def test_a_checkout_is_clean_only_where_the_size_of_its_changes_is_known_to_be_zero(size: Any, is_clean: bool) -> None:
    for file in ({"sizeBytes": size}, {"sizeBytes": size, "name": "diff.patch"}):
        assert decode.has_patch(_connection(file)) is not is_clean
    assert not decode.has_patch(_connection({"sizeBytes": size, "name": "config.yaml"}))


@pytest.mark.parametrize("value", ODD, ids=repr)
def test_curves_of_an_unexpected_form_are_left_out(value: Any) -> None:
    assert not decode.points(value, "loss")
    assert decode.points([value], "loss") == []
    assert decode.points([{"_step": value, "loss": 1}], "loss") == ([(value, 1)] if value in (5, 1.5) else [])


POINTS: dict[str, tuple[Any, float | None]] = {
    "a number": (0.5, 0.5),
    "an integer": (3, 3.0),
    "NaN as text": ("NaN", math.nan),
    "NaN": (math.nan, math.nan),
    "infinity as text": ("Infinity", math.inf),
    "minus infinity as text": ("-Infinity", -math.inf),
    "a number as text": ("0.5", 0.5),
    "a small number as text": ("-1e-3", -0.001),
    "other text": ("high", None),
    "no text": ("", None),
    "text of a program": ("1_000", None),
    "too large a number": (10**400, None),
    "a truth value": (True, None),
    "null": (None, None),
    "a list": ([0.5], None),
}


@pytest.mark.parametrize("name", POINTS)
def test_a_curve_keeps_what_is_no_finite_number(name: str) -> None:
    logged, expected = POINTS[name]
    rows = [{"_step": 0, "loss": 1.0}, {"_step": 1, "loss": logged}]
    points = decode.points(rows, "loss")
    assert points is not None
    wanted = [(0.0, 1.0)] if expected is None else [(0.0, 1.0), (1.0, pytest.approx(expected, nan_ok=True))]
    assert list(points) == wanted


ONE_MACHINE = {"w1": {"gpu": "L40S", "gpu_count": 4, "cpu_count": 24}}
COSTS: dict[str, tuple[dict[str, Any], dict[str, Any], tuple[float | None, int | None, str]]] = {
    "W&B's own seconds and one machine": (
        {"_wandb": {"runtime": 90}, "_runtime": 88.5},
        ONE_MACHINE,
        (90, 4, "L40S"),
    ),
    "the last step's seconds": ({"_runtime": 88.5}, ONE_MACHINE, (88.5, 4, "L40S")),
    "a run of no second": ({"_wandb": {"runtime": 0}}, {}, (0, None, "")),
    "seconds that are no number": ({"_wandb": {"runtime": "long"}, "_runtime": True}, {}, (None, None, "")),
    "seconds before the start": ({"_runtime": -1}, {}, (None, None, "")),
    "a machine without a GPU": ({}, {"w1": {"cpu_count": 2}}, (None, 0, "")),
    "several machines": ({}, {"w1": {"gpu_count": 8}, "w2": {"gpu_count": 8}}, (None, None, "")),
    "a count that is no number": ({}, {"w1": {"gpu_count": "4", "gpu": 3}}, (None, None, "")),
    "a negative count": ({}, {"w1": {"gpu_count": -1}}, (None, None, "")),
    "no record of machines": ({}, {}, (None, None, "")),
}


@pytest.mark.parametrize("holder", ["config", "wandbConfig"])
@pytest.mark.parametrize(("summary", "machines", "expected"), COSTS.values(), ids=COSTS)
def test_seconds_and_gpus_of_a_run(
    summary: dict[str, Any], machines: dict[str, Any], expected: tuple[float | None, int | None, str], holder: str
) -> None:
    record = {"e": machines}
    config = {"_wandb": {"value": record}} if holder == "config" else record
    node = {"name": "r", "summaryMetrics": json.dumps(summary), holder: json.dumps(config)}
    decoded = decode.run(node, entity="e", project="p", url="u")
    assert (decoded.seconds, decoded.gpus, decoded.gpu_name) == expected
    assert "_wandb" not in decoded.summary


OFFLINE: dict[str, object] = {"t": {"3": [2, 4, 14], "5": "0.31.0"}}
UPLOADS: dict[str, tuple[dict[str, object], dict[str, object], bool]] = {
    # As SDK 0.31 logged them to a server: name → internal records, summary, whether it was uploaded before its end
    "an offline run that finished": (OFFLINE, {"_runtime": 3, "_wandb": {"runtime": 3}}, False),
    "an offline run that failed": (OFFLINE, {"_runtime": 1, "_wandb": {"runtime": 1}}, False),
    "an offline run that still trains": (OFFLINE, {"_runtime": 6.124805851, "_wandb": {"runtime": 6}}, True),
    "a run with a connection that still trains": ({"t": {"3": [2, 14]}}, {"_runtime": 6.12}, False),
    "no telemetry": ({}, {"_runtime": 6.12}, False),
    "telemetry of another form": ({"t": {"3": "4"}}, {"_runtime": 6.12}, False),
    "telemetry that is no object": ({"t": [4]}, {"_runtime": 6.12}, False),
    "no seconds": (OFFLINE, {}, False),
    "seconds that are text": (OFFLINE, {"_runtime": "6.12"}, False),
}


@pytest.mark.parametrize("place", ["wandbConfig", "config"])
@pytest.mark.parametrize("name", UPLOADS)
def test_an_offline_run_that_was_uploaded_before_its_end(name: str, place: str) -> None:
    internal, summary, expected = UPLOADS[name]
    config = internal if place == "wandbConfig" else {"_wandb": {"value": internal}}
    node = {"name": "r", "state": "failed", place: json.dumps(config), "summaryMetrics": json.dumps(summary)}
    assert decode.run(node, entity="e", project="p", url="").uploaded_early is expected
