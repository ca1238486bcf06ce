"""The filter language against a table: one run, a filter, whether it is chosen."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from mlops_sandbox.wandb.filters import FilterError, matches
from mlops_sandbox.wandb.store import Run, Store

CREATED = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def run() -> Run:
    return Store(lambda: CREATED + timedelta(hours=1)).add_run(
        "team",
        "digits",
        name="abc123",
        username="ada",
        state="finished",
        created=CREATED,
        heartbeat=CREATED + timedelta(seconds=90),
        config={
            "lr": 0.1,
            "epochs": 5,
            "github_sha": "f" * 40,
            "optimizer": "adam",
            "frozen": True,
            "nothing": None,
            "layers": [64, 10],
            "nested": {"depth": 3},
            "dotted.key": 7,
            "dash-key": "x",
        },
        summary={"dotted.key": 7, "val_acc": 0.93, "loss": {"min": 0.2}, "odd": "NaN", "eval/top1": 0.9},
        tags=["baseline", "v2"],
        group="seeds",
        job_type="train",
        commit="f" * 40,
        host="node-1",
        display_name="brave-run",
    )


CHOSEN = [
    {},
    {"state": "finished"},
    {"state": {"$eq": "finished"}},
    {"state": {"$ne": "running"}},
    {"state": {"$in": ["finished", "failed"]}},
    {"state": {"$nin": ["running", "crashed"]}},
    {"name": "abc123"},
    {"displayName": "brave-run"},
    {"display_name": {"$regex": "^brave"}},
    {"displayName": {"$regex": "run$"}},
    {"group": "seeds"},
    {"jobType": "train"},
    {"job_type": "train"},
    {"host": "node-1"},
    {"username": "ada"},
    {"commit": "f" * 40},
    {"commit": {"$regex": "^f{7}"}},
    {"duration": {"$gte": 90}},
    {"duration": {"$lt": 91}},
    {"createdAt": {"$gt": "2026-03-01T00:00:00Z"}},
    {"created_at": {"$lte": "2026-03-01T12:00:00Z"}},
    {"tags": "baseline"},
    {"tags": {"$in": ["baseline", "other"]}},
    {"tags": {"$nin": ["other"]}},
    {"tags": {"$ne": "other"}},
    {"tags": {"$regex": "^v[0-9]$"}},
    {"config.lr": 0.1},
    {"config.lr.value": 0.1},
    {"config.lr": {"$gt": 0.05, "$lt": 0.2}},
    {"config.epochs": {"$gte": 5}},
    {"config.epochs": 5.0},
    {"config.github_sha": "f" * 40},
    {"config.frozen": True},
    {"config.frozen": {"$ne": 1}},
    {"config.nested.depth": 3},
    {"config.dash-key": "x"},
    {"config.layers": 64},
    {"config.layers": [64, 10]},
    {"config.nothing": None},
    {"config.absent": None},
    {"config.absent": {"$exists": False}},
    {"config.nothing": {"$exists": True}},
    {"config.lr": {"$exists": True}},
    {"config.absent": {"$ne": 3}},
    {"config.absent": {"$nin": [3]}},
    {"summary_metrics.val_acc": {"$gte": 0.9}},
    {"summaryMetrics.val_acc": {"$gt": 0.9}},
    {"summary_metrics.loss.min": {"$lte": 0.2}},
    {"summary_metrics.eval/top1": 0.9},
    {"summary_metrics.odd": "NaN"},
    {"$and": [{"state": "finished"}, {"tags": "baseline"}]},
    {"$or": [{"state": "running"}, {"group": "seeds"}]},
    {"$nor": [{"state": "running"}, {"group": "other"}]},
    {"$and": [{"$or": [{"group": "x"}, {"config.lr": {"$lt": 1}}]}, {"tags": {"$in": ["v2"]}}]},
    {"state": "finished", "group": "seeds"},
]

PASSED_OVER = [
    {"state": "running"},
    {"state": {"$ne": "finished"}},
    {"state": {"$nin": ["finished"]}},
    {"state": {"$in": []}},
    {"name": "ABC123"},
    {"displayName": {"$regex": "^run"}},
    {"tags": "base"},
    {"tags": {"$in": ["other"]}},
    {"tags": {"$in": []}},
    {"tags": {"$ne": "baseline"}},
    {"tags": {"$nin": ["v2"]}},
    {"config.dotted.key": 7},
    {"config.dotted.key": {"$exists": True}},
    {"config.dotted.key.value": 7},
    {"summary_metrics.dotted.key": 7},
    {"config.lr": "0.1"},
    {"config.lr": {"$gt": "0"}},
    {"config.lr": {"$gt": 0.1}},
    {"config.frozen": 1},
    {"config.epochs": True},
    {"config.absent": {"$gt": 0}},
    {"config.absent": {"$lt": 10}},
    {"config.absent": {"$exists": True}},
    {"config.nested": {"$exists": False}},
    {"config.optimizer": {"$regex": "^sgd"}},
    {"config.lr": {"$regex": "0"}},
    {"summary_metrics.val_acc": {"$lt": 0.9}},
    {"summary_metrics.loss": {"$lt": 1}},
    {"summary_metrics.odd": {"$gt": 0}},
    {"commit": None},
    {"$and": [{"state": "finished"}, {"tags": "other"}]},
    {"$or": [{"state": "running"}, {"group": "other"}]},
    {"$nor": [{"state": "finished"}]},
    {"unknownField": 1},
]

# Each with the status of the whole answer; 200 is a GraphQL error.
REFUSED = [
    ({"$where": "1"}, 500),
    ({"$not": {"state": "finished"}}, 500),
    ({"state": {"$like": "f%"}}, 500),
    ({"state": {"$not": {"$eq": "finished"}}}, 500),
    ({"tags": {"$all": ["baseline"]}}, 500),
    ({"$or": [{"group": "x"}, {"tags": {"$size": 2}}]}, 500),
    ({"tags": ["baseline", "v2"]}, 500),
    ({"summary.val_acc": 1}, 400),
    ({"$and": {}}, 200),
    ({"$or": []}, 200),
    ({"tags": {"$in": "baseline"}}, 200),
    ({"displayName": {"$regex": "("}}, 200),
    ({"$and": ["state"]}, 200),
]


@pytest.mark.parametrize("condition", CHOSEN, ids=str)
def test_a_filter_selects_matching_runs(run: Run, condition: dict[str, Any]) -> None:
    assert matches(condition, run)


@pytest.mark.parametrize("condition", PASSED_OVER, ids=str)
def test_a_filter_excludes_other_runs(run: Run, condition: dict[str, Any]) -> None:
    assert not matches(condition, run)


@pytest.mark.parametrize(("condition", "status"), REFUSED, ids=str)
def test_an_invalid_filter_is_refused(run: Run, condition: dict[str, Any], status: int) -> None:
    with pytest.raises(FilterError) as caught:
        matches(condition, run)
    assert caught.value.status == status


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        ("", ["a", "b", "c"]),
        ("+created_at", ["a", "b", "c"]),
        ("-created_at", ["c", "b", "a"]),
        ("-config.lr.value", ["b", "a", "c"]),
        ("+summary_metrics.acc", ["c", "a", "b"]),
        ("-summary_metrics.acc", ["a", "c", "b"]),
        ("-heartbeat_at", ["a", "b", "c"]),
    ],
)
def test_runs_without_the_ordering_value_come_last(order: str, expected: list[str]) -> None:
    store = Store()
    for index, (name, config, summary) in enumerate(
        [("a", {"lr": 1}, {"acc": 0.9}), ("b", {"lr": 2}, {}), ("c", {}, {"acc": 0.1})]
    ):
        store.add_run(
            "team",
            "digits",
            name=name,
            config=config,
            summary=summary,
            created=CREATED + timedelta(milliseconds=index),
            heartbeat=CREATED + timedelta(days=1, seconds=-index),
        )
    assert [run.name for run in store.project("team", "digits").select({}, order)] == expected
