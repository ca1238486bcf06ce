"""Every payload that tests derive is one that GitHub could send."""

from __future__ import annotations

import pytest

from tests.support.github_schema import problems_of_delivery
from tests.support.payloads import VARIANTS, make_fork_sample, make_sample


@pytest.mark.parametrize("name", VARIANTS)
def test_each_payload_matches_githubs_schema(name: str) -> None:
    assert problems_of_delivery(VARIANTS[name]()) == []


def test_a_missing_field_is_reported() -> None:
    delivery = make_sample().pull.comment("hello", by="writer")
    del delivery.payload["comment"]["author_association"]
    assert "author_association" in problems_of_delivery(delivery)[0]


def test_an_unknown_field_is_reported() -> None:
    delivery = make_sample().pull.comment("hello", by="writer")
    delivery.payload["comment"]["mood"] = "good"
    assert problems_of_delivery(delivery) == ["the payload of issue_comment: no field .comment.mood"]


def test_comment_on_a_pull_request_says_so_and_one_on_an_issue_does_not() -> None:
    sample = make_sample()
    assert "pull_request" in sample.pull.comment("x", by="writer").payload["issue"]
    assert "pull_request" not in sample.repository.open_issue(by="writer").comment("x", by="writer").payload["issue"]


def test_deleted_fork_leaves_a_head_without_repository() -> None:
    payload = make_fork_sample(deleted=True).pull.label("train", by="maintainer").payload
    assert payload["pull_request"]["head"]["repo"] is None
    assert payload["pull_request"]["base"]["repo"]["full_name"] == "octo-org/digits"


def test_editing_names_the_editor_as_sender_and_keeps_the_author() -> None:
    payload = VARIANTS["comment edited by another"]().payload
    assert payload["sender"]["login"] == "maintainer"
    assert payload["comment"]["user"]["login"] == "outsider"
    assert payload["changes"]["body"]["from"] == "Looks good."


def test_earlier_set_up_events_are_strictly_older() -> None:
    sample = make_sample()
    delivery = sample.pull.comment("x", by="writer")
    assert sample.repository.activity[-1].at < delivery.subject.created_at < sample.github.clock.tick()


def test_private_members_show_as_outsiders() -> None:
    sample = make_sample()
    sample.repository.grant(sample.github.team("octo-org/ml", ["insider"]), "write")
    payload = sample.pull.comment("x", by="insider").payload
    assert payload["comment"]["author_association"] == "NONE"
    assert sample.repository.role_of(sample.github.user("insider")) == ("write", "write")
