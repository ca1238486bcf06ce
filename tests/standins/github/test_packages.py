"""The visibility of a package, and who is told it."""

from __future__ import annotations

import pytest

from tests.standins.github.conftest import Client
from tests.support.payloads import Sample

PATH = "packages/container/digits%2Ftrain"
SCOPES = ("repo", "read:packages")


def test_a_new_package_is_private_and_its_owner_is_told_so(sample: Sample) -> None:
    owner = sample.repository.owner
    sample.github.package(sample.repository, "digits/train")
    ask = Client(sample.github, sample.github.user_token("maintainer", SCOPES))
    answer = ask(f"GET /orgs/{owner.login}/{PATH}")
    assert answer.status_code == 200
    package = answer.json()
    assert (package["name"], package["visibility"], package["owner"]["login"]) == ("digits/train", "private", owner.login)
    assert ask(f"GET /users/{owner.login}/{PATH}").status_code == 404  # it is an organisation's
    assert ask(f"GET /orgs/{owner.login}/packages/container/other").json()["message"] == "Package not found."


@pytest.mark.parametrize(("visibility", "status"), [("private", 404), ("public", 200)])
def test_a_stranger_is_told_of_public_packages_alone(sample: Sample, visibility: str, status: int) -> None:
    sample.repository.private = True
    sample.github.package(sample.repository, "digits/train", visibility)  # type: ignore[arg-type]
    ask = Client(sample.github, sample.github.user_token("stranger", SCOPES))
    assert ask(f"GET /orgs/{sample.repository.owner.login}/{PATH}").status_code == status


def test_only_a_classic_token_with_the_scope_is_told(sample: Sample) -> None:
    path = f"GET /orgs/{sample.repository.owner.login}/{PATH}"
    sample.github.package(sample.repository, "digits/train", "public")
    fine_grained = sample.github.user_token("maintainer")
    fine_grained.scopes = None
    refusals = {
        None: (401, "Requires authentication"),
        sample.github.user_token("maintainer", ("repo",)): (403, "You need at least read:packages scope to get a package."),
        fine_grained: (403, "Resource not accessible by personal access token"),
        sample.github.workflow_token(sample.repository, "write-all"): (403, "Resource not accessible by integration"),
    }
    for token, expected in refusals.items():
        answer = Client(sample.github, token)(path)
        assert (answer.status_code, answer.json()["message"]) == expected
