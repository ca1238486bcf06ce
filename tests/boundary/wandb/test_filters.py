"""Tracker-neutral queries in W&B's filter language."""

from __future__ import annotations

import pytest

from mlops_actions.boundary.wandb.filters import filter_of
from mlops_actions.core.errors import BadInput
from mlops_actions.core.runs import RunQuery
from mlops_actions.core.types import Json

SHA, OTHER = "a" * 40, "b" * 40
OF_SHA = {"$or": [{"config.github_sha": SHA}, {"commit": SHA}]}
OF_OTHER = {"$or": [{"config.github_sha": OTHER}, {"commit": OTHER}]}
OF_TAGS = {"tags": {"$in": ["baseline", "reference"]}}


def of_commit(sha: str) -> RunQuery:
    return RunQuery(commit=sha, commit_config_key="github_sha")


TAGGED = RunQuery(tags=("baseline", "reference"))
FILTERS = [
    (RunQuery(), {}),
    (RunQuery(run_ids=("5ssh20e7",)), {"name": "5ssh20e7"}),
    (RunQuery(run_ids=("a", "b")), {"name": {"$in": ["a", "b"]}}),
    (of_commit(SHA), OF_SHA),
    (
        RunQuery(states=("finished",), commits=(SHA, OTHER), commit_config_key="github_sha"),
        {
            "$and": [
                {"state": "finished"},
                {"$or": [{"config.github_sha": {"$in": [SHA, OTHER]}}, {"commit": {"$in": [SHA, OTHER]}}]},
            ]
        },
    ),
    (RunQuery(config={"secondary_sha": "v2"}), {"config.secondary_sha": "v2"}),
    (RunQuery(group="seeds"), {"group": "seeds"}),
    (TAGGED, OF_TAGS),
    (RunQuery(tracker_filter={"config.lr": {"$lt": 0.1}}), {"config.lr": {"$lt": 0.1}}),
    (RunQuery(states=("finished",), any_of=(TAGGED,)), {"$and": [{"state": "finished"}, OF_TAGS]}),
    (
        RunQuery(states=("finished",), any_of=(TAGGED, of_commit(OTHER))),
        {"$and": [{"state": "finished"}, {"$or": [OF_TAGS, OF_OTHER]}]},
    ),
    (
        RunQuery(
            commit=SHA,
            commit_config_key="github_sha",
            config={"secondary_sha": "v2"},
            group="seeds",
            tracker_filter={"tags": "best"},
        ),
        {"$and": [OF_SHA, {"config.secondary_sha": "v2"}, {"group": "seeds"}, {"tags": "best"}]},
    ),
]


@pytest.mark.parametrize(("query", "expected"), FILTERS, ids=[str(expected)[:60] for _, expected in FILTERS])
def test_a_query_becomes_a_filter(query: RunQuery, expected: Json) -> None:
    assert filter_of(query) == expected


GOOD = [
    {"state": "finished", "group": {"$ne": "x"}},
    {"tags": {"$in": ["best"]}},
    {"$and": [{"$or": [{"config.lr": {"$lt": 1, "$gte": 0.1}}]}, {"$nor": [{"tags": "old"}]}]},
    {"config.nothing": None, "config.layers": [64, 10], "config.x": {"depth": 3}},
    {"display_name": {"$regex": "^run"}, "summary_metrics.acc": {"$exists": True}},
]
# Each with parts of the cause and of the remedy.
BAD = [
    ({"$where": "1"}, "no operator $where", "$regex"),
    ({"$not": {"state": "finished"}}, "no operator $not", "$nor"),
    ({"$an": []}, "did you mean '$and'?", "$and"),
    ({"state": {"$not": {"$eq": "finished"}}}, "no operator $not", "$ne"),
    ({"tags": {"$all": ["a"]}}, "no operator $all", "$in"),
    ({"tags": {"$size": 2}}, "no operator $size", "$in"),
    ({"display_name": {"$contains": "x"}}, "no operator $contains", "$regex"),
    ({"$or": [{"group": "x"}, {"config.lr": {"$like": 1}}]}, "no operator $like", "$lt"),
    ({"config.lr": {"$or": [{"$lt": 1}, {"$gt": 2}]}}, "$or stands below a field", 'write {"$or": ['),
    ({"$in": ["a"]}, "$in stands without a field", '{"FIELD": {"$in": …}}'),
    ({"tags": ["a"]}, "'tags' is given a list", '{"tags": {"$in": […]}}'),
    ({"tags": {"$in": "a"}}, "$in needs a list", '{"$in": […]}'),
    ({"summary.acc": {"$gt": 0.9}}, "no field 'summary.acc'", "summary_metrics.acc"),
    ({"$and": []}, "not empty", '{"$and": [{…}, {…}]}'),
    ({"$or": {"state": "finished"}}, "$or needs a list", '{"$or": [{…}, {…}]}'),
    ({"$and": ["state"]}, "'state' where a JSON object must stand", "object"),
]


@pytest.mark.parametrize("condition", GOOD, ids=str)
def test_a_filter_of_the_documented_operators_is_passed_on_as_it_is(condition: Json) -> None:
    assert filter_of(RunQuery(tracker_filter=condition)) == condition


@pytest.mark.parametrize(("condition", "cause", "remedy"), BAD, ids=[str(condition) for condition, _, _ in BAD])
def test_a_filter_that_the_service_cannot_read_is_bad_input(condition: Json, cause: str, remedy: str) -> None:
    with pytest.raises(BadInput) as caught:
        filter_of(RunQuery(tracker_filter=condition))
    assert caught.value.cause.startswith("input 'filters' is no filter of W&B")
    assert cause in caught.value.cause
    assert remedy in caught.value.remedy
