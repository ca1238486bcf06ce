"""A token that only reads builds and tests without pushing, and says so; a login that the user chose must push."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest

from mlops_actions.core.checkout import Checkout
from mlops_actions.core.errors import Refused
from mlops_sandbox.registry import Account, Fault, Registry
from tests.actions.docker_publish.publisher import Publisher

IMAGE = "ghcr.io/octo/digits"
JOB = {"image": IMAGE, "username": "octo", "password": "ghs_job", "github-token": "ghs_job"}
READER = Account("ghs_job", frozenset({"pull"}))
DENIED = b'{"errors":[{"code":"DENIED","message":"permission_denied: write_package"}]}'
BOT = {"GITHUB_ACTOR": "dependabot[bot]"}


@pytest.fixture(params=["basic", "bearer"])
def reader(request: pytest.FixtureRequest, publisher_of: Callable[[Registry], Publisher]) -> Publisher:
    """A publisher whose job's token may only read, and another account that may write."""
    accounts = {"octo": READER, "writer": Account("pw")}
    publisher = publisher_of(Registry(challenge=request.param, accounts=accounts))
    publisher.docker.addresses["ghcr.io"] = publisher.host
    return publisher


@pytest.mark.parametrize("environ", [{}, BOT])
@pytest.mark.parametrize("given", [{}, {"skip-unchanged": "false"}, {"tags": "stable"}])
def test_a_token_that_only_reads_builds_and_does_not_push(
    reader: Publisher, given: Mapping[str, str], environ: Mapping[str, str]
) -> None:
    outputs = reader.publish(JOB | dict(given), environ=environ).outputs
    assert (outputs["pushed"], outputs["ref"], outputs["digest"], outputs["built"]) == ("false", "", "", "true")
    assert outputs["image-id"]
    assert reader.tags == {}
    (build,) = reader.docker.builds
    assert "--push" not in build[0]
    assert not any(argument.startswith("--cache-to=type=registry") for argument in build[0])
    log = reader.log.getvalue()
    assert "::warning title=docker-publish%3A the image was not pushed::not pushed: ghcr.io refused" in log
    assert ("Dependabot" in log) is bool(environ)
    assert "built, not pushed" in reader.summary


def test_push_true_makes_it_a_failure_with_the_remedy(reader: Publisher) -> None:
    with pytest.raises(Refused, match=r"40[13]") as refused:
        reader.publish(JOB | {"push": "true"})
    assert "what this user may push" in refused.value.remedy
    assert reader.docker.builds == []


@pytest.mark.parametrize(
    ("event", "payload"),
    [
        (
            "issue_comment",
            {"issue": {"number": 7, "pull_request": {}}, "comment": {"id": 1, "body": "/train", "user": None}},
        ),
        ("workflow_dispatch", {"inputs": {}}),
        ("repository_dispatch", {"client_payload": {}}),
        ("workflow_run", {"workflow_run": {}}),
        ("release", {}),
    ],
)
def test_whoever_asks_for_work_gets_an_image_or_a_failure(reader: Publisher, event: str, payload: dict[str, object]) -> None:
    with pytest.raises(Refused, match=r"40[13]"):
        reader.publish(JOB, event=event, payload=payload)
    assert reader.docker.builds == []


@pytest.mark.parametrize("event", ["push", "merge_group", "schedule"])
def test_events_that_test_code_build_without_pushing(reader: Publisher, event: str) -> None:
    assert reader.publish(JOB, event=event).outputs["pushed"] == "false"


def test_an_image_that_could_be_reused_is_built_for_a_token_that_only_reads(reader: Publisher) -> None:
    reader.publish(JOB | {"username": "writer", "password": "pw"})
    before = reader.tags
    # The tags of this commit stand for this very image: there is nothing to write.
    assert reader.publish(JOB).outputs["pushed"] == "true"
    reader.checkout = Checkout("f" * 40, "main")
    outputs = reader.publish(JOB, GITHUB_SHA="f" * 40).outputs
    assert (outputs["pushed"], outputs["ref"]) == ("false", "")
    assert reader.tags == before


def test_a_login_of_the_user_s_own_must_push(reader: Publisher) -> None:
    for environ in ({}, BOT):
        with pytest.raises(Refused, match=r"40[13]"):
            reader.publish(JOB | {"github-token": "ghs_other"}, environ=environ)
    assert reader.docker.builds == []


def test_a_refusal_at_the_end_of_a_push_is_a_failure(publisher: Publisher) -> None:
    publisher.docker.addresses["ghcr.io"] = publisher.host
    publisher.registry.faults.append(Fault("PUT", r"/v2/.*/manifests/main", 403, body=DENIED))
    with pytest.raises(Refused, match="403"):
        publisher.publish(JOB)
    assert len(publisher.docker.builds) == 1


@pytest.mark.parametrize(("environ", "pushed"), [({}, ""), (BOT, "false")])
def test_a_run_of_dependabot_has_no_secrets_to_sign_in_with(
    publisher_of: Callable[[Registry], Publisher], environ: Mapping[str, str], pushed: str
) -> None:
    publisher = publisher_of(Registry(challenge="basic", accounts={"alice": Account("wonderland")}))
    if not pushed:
        with pytest.raises(Refused, match="401"):
            publisher.publish(environ=environ)
        return
    assert publisher.publish(environ=environ).outputs["pushed"] == pushed
    assert "none of the repository's secrets" in publisher.log.getvalue()


def test_an_image_that_is_pushed_says_so(publisher: Publisher) -> None:
    assert publisher.publish().outputs["pushed"] == "true"
    assert publisher.publish().outputs["pushed"] == "true"
    assert publisher.publish({"push": "false"}).outputs["pushed"] == "false"
