"""Tracker-neutral queries in W&B's filter language."""

from __future__ import annotations

import pytest

from mlops_actions.boundary.wandb.filters import filter_of
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
