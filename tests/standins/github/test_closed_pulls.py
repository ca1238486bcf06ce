"""Pull requests that are closed: the head they keep, when GitHub opens them again, and what events and timeline tell.

Sources: https://docs.github.com/rest/using-the-rest-api/issue-event-types for the events; answers that clients quote for the
refusals to reopen (isaacs/github#361, cilium/cilium#47088). Not seen on the live service by this project.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.standins.github.conftest import Client
from tests.support.payloads import Sample


def heads(sample: Sample, call: Client) -> set[str]:
    """Return every head that the API and a webhook payload name."""
    number = sample.pull.number
    payload = sample.pull.label("x", by="writer").payload["pull_request"]
    return {
        call(f"GET {{repo}}/pulls/{number}").json()["head"]["sha"],
        call("GET {repo}/pulls", state="all").json()[0]["head"]["sha"],
        call(f"GET {{repo}}/pulls/{number}/commits").json()[-1]["sha"],
        call(f"GET {{repo}}/git/ref/pull/{number}/head").json()["object"]["sha"],
        payload["head"]["sha"],
    }


def told(sample: Sample, call: Client, name: str) -> list[str]:
    documents = call(f"GET {{repo}}/issues/{sample.pull.number}/{name}").json()
    return [document["event"] for document in documents if document["event"] not in ("labeled", "commented")]


def test_a_closed_pull_request_keeps_its_head_while_its_branch_goes_on(sample: Sample, call: Client) -> None:
    first = sample.pull.head_sha
    assert call("GET {repo}/git/ref/pull/1/merge").status_code == 200
    closed = sample.pull.close(by="writer")
    assert (closed.payload["action"], closed.payload["pull_request"]["head"]["sha"]) == ("closed", first)
    second = sample.pull.push(by="writer").sha
    assert heads(sample, call) == {first}
    assert call("GET {repo}/git/ref/heads/schedule").json()["object"]["sha"] == second
    assert call("GET {repo}/git/ref/pull/1/merge").status_code == 404
    assert call("GET {repo}/activity", ref="schedule").json()[0]["after"] == second
    assert [pull["number"] for pull in call(f"GET {{repo}}/commits/{second}/pulls").json()] == []
    assert "synchronize" not in {delivery.action for delivery in sample.github.deliveries}


def test_reopening_moves_the_head_to_where_the_branch_is(sample: Sample, call: Client) -> None:
    first = sample.pull.head_sha
    assert call("PATCH {repo}/pulls/1", {"state": "closed"}).json()["head"]["sha"] == first
    second = sample.pull.push(by="writer").sha
    assert told(sample, call, "timeline") == ["committed", "closed"]
    answer = call("PATCH {repo}/pulls/1", {"state": "open"}).json()
    assert (answer["state"], answer["closed_at"], answer["head"]["sha"]) == ("open", None, second)
    reopened = sample.github.deliveries[-1]
    assert (reopened.action, reopened.payload["pull_request"]["head"]["sha"]) == ("reopened", second)
    assert heads(sample, call) == {second}
    assert told(sample, call, "timeline") == ["committed", "closed", "reopened", "committed"]
    assert told(sample, call, "events") == ["closed", "reopened"]


def test_a_merged_pull_request_keeps_its_head_and_tells_both_events(sample: Sample, call: Client) -> None:
    first = sample.pull.head_sha
    sample.pull.merge(by="maintainer")
    sample.pull.push(by="writer")
    assert heads(sample, call) == {first}
    assert told(sample, call, "events") == ["merged", "closed"]
    merged = call("GET {repo}/issues/1/events").json()[0]
    assert (merged["commit_id"], merged["actor"]["login"]) == (first, "maintainer")


def _force(sample: Sample) -> None:
    sample.pull.push(by="writer", force=True)


def _recreate(sample: Sample) -> None:
    sample.repository.delete_branch("schedule", by="writer")
    sample.repository.push("schedule", by="writer")


def _open_another(sample: Sample) -> None:
    sample.pull.push(by="writer", sha=sample.repository.branches["main"], force=True)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (_force, "The schedule branch was force-pushed or recreated."),
        (_open_another, "The schedule branch was force-pushed or recreated."),
        (_recreate, "The schedule branch was force-pushed or recreated."),
        (lambda sample: sample.repository.delete_branch("schedule", by="writer"), "The schedule branch has been deleted."),
    ],
    ids=["amended", "reset", "recreated", "deleted"],
)
def test_reopening_is_refused_where_the_branch_lost_the_head(
    sample: Sample, call: Client, change: Any, problem: str
) -> None:
    sample.pull.close(by="writer")
    change(sample)
    refused = call("PATCH {repo}/pulls/1", {"state": "open"})
    assert (refused.status_code, sample.pull.state) == (422, "closed")
    assert refused.json()["errors"][0]["message"] == f"state cannot be changed. {problem}"
    with pytest.raises(ValueError, match=problem):
        sample.pull.reopen(by="writer")


def test_reopening_is_possible_again_where_the_head_is_back(sample: Sample, call: Client) -> None:
    first = sample.pull.head_sha
    sample.pull.close(by="writer")
    sample.pull.push(by="writer", force=True)
    sample.pull.push(by="writer", sha=first, force=True)
    assert call("PATCH {repo}/pulls/1", {"state": "open"}).json()["head"]["sha"] == first


def test_a_merged_pull_request_is_not_reopened(sample: Sample, call: Client) -> None:
    sample.pull.merge(by="maintainer")
    assert call("PATCH {repo}/pulls/1", {"state": "open"}).status_code == 422


def test_deleting_a_branch_closes_the_pull_requests_from_it_and_to_it(sample: Sample, call: Client) -> None:
    stacked = sample.repository.open_pull_request(by="writer", head="next", base="schedule")
    sample.repository.delete_branch("schedule", by="writer")
    assert (sample.pull.state, stacked.state) == ("closed", "closed")
    assert told(sample, call, "events") == ["head_ref_deleted", "closed"]
    push = next(delivery for delivery in reversed(sample.github.deliveries) if delivery.event == "push")
    assert (push.payload["deleted"], push.payload["head_commit"]) == (True, None)
    assert call("GET {repo}/activity", ref="schedule").json()[0]["activity_type"] == "branch_deletion"


def test_the_timeline_has_the_commits_of_now_and_names_a_forced_push(sample: Sample, call: Client) -> None:
    sample.pull.comment("Fine.", by="maintainer")
    sample.pull.review("APPROVED", by="maintainer")
    new = sample.pull.push(by="writer", force=True).sha
    documents = call("GET {repo}/issues/1/timeline").json()
    assert [document["event"] for document in documents] == ["commented", "reviewed", "head_ref_force_pushed", "committed"]
    forced, committed = documents[2:]
    assert (forced["actor"]["login"], forced["commit_id"], committed["sha"]) == ("writer", new, new)
    assert "created_at" not in committed, "a commit has only the dates that its author chose"


def test_an_issue_is_closed_and_reopened_with_its_reason(sample: Sample, call: Client) -> None:
    issue = sample.repository.open_issue(by="outsider")
    assert (issue.close(by="writer").event, issue.reopen(by="writer").payload["action"]) == ("issues", "reopened")
    documents = call(f"GET {{repo}}/issues/{issue.number}/timeline").json()
    assert [(document["event"], document["state_reason"]) for document in documents] == [
        ("closed", "completed"), ("reopened", "reopened"),
    ]  # fmt: skip
