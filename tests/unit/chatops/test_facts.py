"""GitHub's answers in the form the decision reads."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from mlops_actions.chatops.check_facts import RequiredCheck, check_states, state_of, told_apart
from mlops_actions.chatops.facts import (
    approvers,
    first_created,
    heads_at,
    parse_time,
    pusher_of,
    reopened_since,
    updates_since,
)
from mlops_actions.core.types import Json

MOMENT = "2026-01-01T12:00:00Z"


REF = "refs/heads/topic"


def at(second: int) -> str:
    return f"2026-01-01T12:00:{second:02d}Z" if second >= 0 else "2026-01-01T11:59:00Z"


def update(second: int, after: str, *, ref: str = REF, by: int | None = 1) -> dict[str, Any]:
    return {"ref": ref, "timestamp": at(second), "after": after, "actor": {"id": by} if by else None}


@pytest.mark.parametrize(
    ("activity", "shown"),
    [
        ([], ()),
        ([update(5, "late")], ()),
        ([update(5, "late"), update(-1, "a")], ("a",)),
        ([update(-1, "a"), update(-1, "b")], ("a",)),
        ([update(0, "now"), update(-1, "a")], ("now", "a")),
        ([update(0, "a"), update(-1, "a")], ("a",)),
        ([update(0, "now")], ("now", "")),
        ([update(-1, "x", ref="refs/heads/other"), update(-1, "a")], ("a",)),
        ([update(-1, "x", ref="refs/tags/topic")], ()),
        ([update(0, "x", ref="refs/heads/topic2"), update(-1, "a")], ("a",)),
    ],
)
def test_activity_shows_the_head_at_a_moment(activity: list[dict[str, Any]], shown: tuple[str, ...]) -> None:
    assert heads_at(updates_since(activity, REF, MOMENT), MOMENT) == shown


def test_activity_is_read_no_further_than_needed() -> None:
    def pages() -> Iterator[Json]:
        yield update(-1, "a")
        raise AssertionError("read on")

    assert heads_at(updates_since(pages(), REF, MOMENT), MOMENT) == ("a",)
    assert [one.after for one in updates_since(pages(), REF, "")] == ["a"]


@pytest.mark.parametrize(
    ("activity", "pusher"),
    [
        ([update(-1, "a", by=3)], 3),
        ([update(5, "a", by=4), update(3, "b", by=5), update(-1, "a", by=3)], 4),
        ([update(-1, "b", by=3)], 0),
        ([update(-1, "a", by=None)], 0),
        ([update(-1, "a", ref="refs/heads/other")], 0),
        ([], 0),
    ],
)
def test_the_newest_update_to_a_commit_tells_who_pushed_it(activity: list[dict[str, Any]], pusher: int) -> None:
    assert pusher_of(updates_since(activity, REF, MOMENT), "a") == pusher


def happened(*events: tuple[int, str]) -> list[dict[str, Any]]:
    return [{"created_at": at(second), "event": event} for second, event in events]


@pytest.mark.parametrize(
    ("events", "is_reopened"),
    [
        ([], False),
        (happened((5, "reopened")), True),
        (happened((0, "reopened")), True),
        (happened((-1, "reopened")), False),
        (happened((9, "labeled"), (5, "reopened"), (-1, "closed")), True),
        (happened((9, "closed"), (8, "labeled"), (-1, "reopened")), False),
    ],
)
def test_a_reopening_at_the_moment_or_later_counts(events: list[dict[str, Any]], is_reopened: bool) -> None:
    assert reopened_since(events, MOMENT) is is_reopened


def test_times_are_compared_across_zones_and_fractions() -> None:
    assert parse_time("2026-01-01T13:00:00+01:00") == parse_time(MOMENT)
    assert parse_time("2026-01-01T12:00:00.001Z") > parse_time(MOMENT)
    with pytest.raises(ValueError, match="time zone"):
        parse_time("2026-01-01T12:00:00")


def test_the_first_check_suite_counts() -> None:
    suites: list[Json] = [
        {"created_at": "2026-01-02T00:00:00Z", "head_branch": "b"},
        {"created_at": MOMENT, "head_branch": "b"},
        {"created_at": None, "head_branch": "b"},
        {"created_at": "2025-01-01T00:00:00Z", "head_branch": "other"},
        {"created_at": "2025-01-01T00:00:00Z", "head_branch": None},
    ]
    assert first_created(suites, "b") == MOMENT
    assert first_created([], "b") == ""


def review(login: str | None, state: str, commit: str = "c") -> dict[str, Any]:
    return {"user": {"login": login, "id": ord(login.lower())} if login else None, "state": state, "commit_id": commit}


@pytest.mark.parametrize(
    ("reviews", "found"),
    [
        ([review("a", "APPROVED")], ("a",)),
        ([review("a", "approved")], ("a",)),
        ([review("a", "APPROVED", "older")], ()),
        ([review("a", "APPROVED"), review("a", "COMMENTED", "older")], ("a",)),
        ([review("a", "APPROVED"), review("a", "CHANGES_REQUESTED")], ()),
        ([review("a", "CHANGES_REQUESTED"), review("a", "APPROVED")], ("a",)),
        ([review("a", "DISMISSED")], ()),
        ([review("a", "PENDING")], ()),
        ([review(None, "APPROVED")], ()),
        ([review("a", "APPROVED"), review("b", "CHANGES_REQUESTED")], ("a",)),
        ([review("a", "APPROVED"), review("A", "CHANGES_REQUESTED")], ()),
    ],
)
def test_the_latest_review_of_each_user_counts(reviews: list[dict[str, Any]], found: tuple[str, ...]) -> None:
    assert tuple(user.login for user in approvers(reviews, "c")) == found


def run(conclusion: str | None, status: str = "completed") -> dict[str, Any]:
    return {"name": "x", "status": status, "conclusion": conclusion}


@pytest.mark.parametrize(
    ("runs", "statuses", "state"),
    [
        ([run("success")], [], "passed"),
        ([run("something new")], [], "failed"),
        ([run(None)], [], "failed"),
        ([run(None, "queued")], [], "pending"),
        ([run("success", "something new")], [], "pending"),
        ([run("success"), run("failure")], [], "failed"),
        ([run("success")], [{"context": "x", "state": "pending"}], "pending"),
        ([], [{"context": "x", "state": "something new"}], "unknown"),
        ([], [], None),
    ],
)
def test_only_known_conclusions_pass(runs: list[Any], statuses: list[Any], state: str | None) -> None:
    assert state_of(RequiredCheck("x"), check_states(runs, statuses)) == state


def test_a_check_of_another_app_does_not_count() -> None:
    states = check_states(
        [{**run("success"), "app": {"id": 1}}, {**run("failure"), "app": {"id": 2}}], [{"context": "x", "state": "pending"}]
    )
    assert [state_of(RequiredCheck("x", app), states) for app in (1, 2, 3, 0)] == ["passed", "failed", None, "failed"]


def test_the_checks_of_a_runs_own_jobs_are_told_by_their_address() -> None:
    address = "https://github.com/o/r/actions/runs/{}/job/1"
    actions = {"id": 5, "slug": "github-actions"}
    runs: list[Json] = [
        {"name": "mine", "app": actions, "details_url": address.format(42)},
        {"name": "other", "app": actions, "details_url": address.format(421)},
        {"name": "elsewhere", "app": actions, "details_url": None},
        {"name": "of an App that chose the address", "app": {"id": 6, "slug": "ci"}, "details_url": address.format(42)},
    ]
    own, others = told_apart(runs, "42")
    assert ([one["name"] for one in own], [one["name"] for one in others]) == (
        ["mine"],
        ["other", "elsewhere", "of an App that chose the address"],
    )
    assert told_apart(runs, "") == ([], runs)
