"""Accounts that are renamed: the id stays, the login changes everywhere at once, and the old login is free.

Source: https://docs.github.com/account-and-profile/concepts/username-changes. That the API answers 404 to the old login, as
the page of the old profile does, was reported by clients and not seen on the live service by this project.
"""

from __future__ import annotations

import pytest

from tests.standins.github.conftest import Client
from tests.support.payloads import Sample


@pytest.mark.parametrize("login", ["keeper", "Maintainer"], ids=["renamed", "in case only"])
def test_a_new_login_is_everywhere_with_the_same_id(sample: Sample, call: Client, login: str) -> None:
    team = sample.github.team("octo-org/ml", ["maintainer"])
    user = sample.github.user("maintainer")
    delivery = sample.pull.comment("Fine.", by=user)
    sample.pull.review("APPROVED", by=user)
    sample.github.rename("maintainer", login)
    answers = [
        call("GET {repo}/issues/1/comments").json()[0]["user"],
        call("GET {repo}/pulls/1/reviews").json()[0]["user"],
        call(f"GET /users/{login}").json(),
        call(f"GET /user/{user.id}").json(),
        sample.pull.comment("Still me.", by=user).payload["sender"],
    ]
    assert {(answer["login"], answer["id"]) for answer in answers} == {(login, user.id)}
    permission = call(f"GET {{repo}}/collaborators/{login}/permission").json()
    assert (permission["role_name"], permission["user"]["id"]) == ("maintain", user.id)
    assert team.membership(user) == "member"
    # A job that waited meanwhile has the payload of then.
    assert delivery.payload["sender"]["login"] == delivery.payload["comment"]["user"]["login"] == "maintainer"
    assert delivery.payload["sender"]["id"] == user.id


def test_an_old_login_is_unknown_until_somebody_takes_it(sample: Sample, call: Client) -> None:
    renamed = sample.github.rename("maintainer", "keeper")
    for route in ("GET /users/maintainer", "GET {repo}/collaborators/maintainer/permission"):
        assert call(route).status_code == 404
    taker = sample.github.user("maintainer")
    assert (call("GET /users/maintainer").json()["id"], taker.id != renamed.id) == (taker.id, True)
    assert call("GET {repo}/collaborators/maintainer/permission").json()["role_name"] == "read"


def test_a_login_that_is_taken_cannot_be_chosen(sample: Sample) -> None:
    with pytest.raises(ValueError, match="taken"):
        sample.github.rename("outsider", "Writer")
    assert sample.github.user("outsider").login == "outsider"


def test_repositories_teams_and_tokens_follow_a_renamed_owner(sample: Sample, call: Client) -> None:
    sample.github.team("octo-org/ml", ["writer"])
    sample.github.rename("octo-org", "octo-labs")
    assert sample.repository.full_name == "octo-labs/digits"
    assert call("GET /repos/octo-labs/digits/collaborators/writer/permission").json()["role_name"] == "write"
    assert call("POST /repos/octo-labs/digits/issues/1/comments", {"body": "Hello."}).status_code == 201
    assert ("octo-labs", "ml") in sample.github.teams
