"""Publishing to registries that differ from distribution: one quirk of the sandbox's registry at a time."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from mlops_actions.core.checkout import Checkout
from mlops_actions.core.errors import ActionError, Refused, Unavailable
from mlops_sandbox.registry import Account, Fault, Registry
from mlops_sandbox.registry.specification import OCI_INDEX, OCI_MANIFEST
from mlops_sandbox.registry.store import StoredManifest
from tests.actions.docker_publish.publisher import Publisher
from tests.support.docker_publish import COMMITTED, SHA
from tests.support.registries import PASSWORD, USER

LOGIN = {"username": USER, "password": PASSWORD}
BUILDERS = pytest.mark.parametrize("builder", [{}, {"builder": "started"}], ids=["dockerd", "buildkit"])
SERVICES = pytest.mark.parametrize("service", ["ecr", "gar", "harbor", "acr", "quay"])
NEXT_SHA = "f" * 40


@pytest.fixture
def publisher(publisher_of: Callable[[Registry], Publisher]) -> Publisher:
    """A publisher to a registry that issues tokens, as most hosted ones do."""
    return publisher_of(Registry(challenge="bearer", accounts={USER: Account(PASSWORD)}))


def turn_on(publisher: Publisher, quirks: dict[str, Any]) -> None:
    for name, value in quirks.items():
        assert hasattr(publisher.registry.quirks, name)
        setattr(publisher.registry.quirks, name, value)


def next_commit(publisher: Publisher) -> None:
    """Check the next commit out, with the same files."""
    publisher.checkout = Checkout(NEXT_SHA, "main", committed=COMMITTED + 60)


def writes(publisher: Publisher) -> list[str]:
    """The manifests that were put."""
    return [entry.path for entry in publisher.registry.log if entry.method == "PUT" and "/manifests/" in entry.path]


@BUILDERS
@pytest.mark.parametrize(
    "quirks",
    [
        {"challenge": "basic first"},
        {"challenge": "bearer first"},
        {"challenge": "two headers"},
        {"challenge": "unquoted"},
        {"redirect_writes": "path"},
        {"redirect_writes": "address"},
        {"manifest_status": 202},
        {"digest_header": False},
        {"head_status": 405},
        {"head_status": 405, "digest_header": False},
        {"upload_location": "path"},
        {"upload_location": "path", "upload_state": False},
        {"upload_state": False},
        {"token_fields": ("token",)},
        {"token_fields": ("access_token",)},
        {"media_type_suffix": "; charset=utf-8"},
        {"mounts": False},
        {"tags_page": 1},
    ],
    ids=str,
)
def test_an_image_is_published_and_reused(publisher: Publisher, builder: dict[str, str], quirks: dict[str, Any]) -> None:
    turn_on(publisher, quirks)
    given = {**LOGIN, **builder}
    first = publisher.publish(given).outputs
    assert publisher.tags == dict.fromkeys([f"ctx-{first['context-hash']}", SHA[:12], "main", "latest"], first["digest"])
    next_commit(publisher)
    second = publisher.publish(given).outputs
    assert (second["built"], second["digest"]) == ("false", first["digest"])
    assert publisher.tags[NEXT_SHA[:12]] == first["digest"]


@pytest.mark.parametrize("link", ["path", "address", "other scheme"])
def test_all_pages_of_versions_decide_what_latest_is(publisher: Publisher, link: str) -> None:
    """The newest versions stand on the last page: a client that stops early moves `latest` and `1` back."""
    publisher.publish(LOGIN | {"tags": "v1.0.0\nv1.2.0\nv2.0.0\nv10.0.0"})
    turn_on(publisher, {"tags_page": 2, "tags_link": link})
    (publisher.workspace / "train.py").write_text("print('a fix of an old version')\n")
    publisher.checkout = Checkout(NEXT_SHA, "", tags=("refs/tags/v1.0.1",), committed=COMMITTED + 60)
    tags = publisher.publish(LOGIN, GITHUB_SHA=NEXT_SHA, GITHUB_REF="refs/tags/v1.0.1").outputs["tags"].splitlines()
    assert {"1.0.1", "1.0"} <= set(tags)
    assert {"1", "latest"}.isdisjoint(tags)


@BUILDERS
@pytest.mark.parametrize("is_stored", [False, True], ids=["lost", "stored"])
@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_a_push_that_fails_at_its_end_is_tried_again(
    publisher: Publisher, builder: dict[str, str], status: int, is_stored: bool
) -> None:
    turn_on(publisher, {"late_statuses": [status], "late_is_stored": is_stored})
    outputs = publisher.publish({**LOGIN, **builder}).outputs
    assert (outputs["built"], publisher.tags["latest"]) == ("true", outputs["digest"])
    assert len(publisher.docker.builds) == 2


@BUILDERS
def test_a_token_that_runs_out_in_a_push_is_fetched_again(publisher: Publisher, builder: dict[str, str]) -> None:
    turn_on(publisher, {"late_statuses": [401]})
    outputs = publisher.publish({**LOGIN, **builder}).outputs
    assert (outputs["built"], publisher.tags["latest"]) == ("true", outputs["digest"])
    assert publisher.log.getvalue().count("::warning") == 1


def test_a_login_that_is_withdrawn_during_a_build_is_refused_once(publisher: Publisher) -> None:
    """No fresh token can be had: the registry is asked for one, and the push is not tried again."""
    turn_on(publisher, {"late_statuses": [401]})
    publisher.clock.events = [lambda: setattr(publisher.registry.access, "accounts", {})]
    with pytest.raises(Refused, match="pushing to"):
        publisher.publish(LOGIN)
    assert len(publisher.docker.builds) == 1


def test_the_access_token_of_a_cloud_is_fetched_anew_for_the_next_attempt(publisher: Publisher) -> None:
    """It lives an hour, and a build may take two."""
    publisher.google_token = "ya29.first"
    publisher.registry.access.accounts = {"oauth2accesstoken": Account("ya29.first")}

    def expire() -> None:
        publisher.google_token = "ya29.second"
        publisher.registry.access.accounts = {"oauth2accesstoken": Account("ya29.second")}

    turn_on(publisher, {"late_statuses": [401]})
    publisher.clock.events = [expire]
    publisher.docker.addresses["europe-docker.pkg.dev"] = publisher.host
    outputs = publisher.publish({"image": "europe-docker.pkg.dev/octo/digits/train"}).outputs
    assert outputs["built"] == "true"
    assert len(publisher.docker.builds) == 2
    assert publisher.docker.signed_in["europe-docker.pkg.dev"] == ("oauth2accesstoken", "ya29.second")


@BUILDERS
@pytest.mark.parametrize(
    ("status", "error", "remedy"),
    [
        (403, Refused, "what this user may push"),
        (404, Refused, "the repository must exist"),
        (413, Refused, "client_max_body_size"),
        (415, Refused, "kind of image"),
        (507, Unavailable, "delete old images"),
    ],
)
def test_a_refusal_that_will_stay_is_not_tried_again(
    publisher: Publisher, builder: dict[str, str], status: int, error: type[ActionError], remedy: str
) -> None:
    turn_on(publisher, {"late_statuses": [status] * 9})
    with pytest.raises(error, match="pushing to") as refused:
        publisher.publish({**LOGIN, **builder})
    assert remedy in refused.value.remedy
    assert len(publisher.docker.builds) == 1
    assert "::warning" not in publisher.log.getvalue()


@pytest.mark.parametrize("asked", ["1", "0", "never"])
def test_the_registry_s_wait_is_kept_before_the_next_attempt(publisher: Publisher, asked: str) -> None:
    """BuildKit does not tell what Retry-After says, so that the registry is asked again before the push is."""
    turn_on(publisher, {"late_statuses": [429]})
    busy = Fault("POST", "/v2/.*/blobs/uploads/", 429, {"Retry-After": asked})
    publisher.clock.events = [lambda: publisher.registry.faults.append(busy)]
    began = time.monotonic()
    assert publisher.publish(LOGIN).outputs["built"] == "true"
    assert len(publisher.docker.builds) == 2
    assert busy.times == 0
    assert time.monotonic() - began >= (1 if asked == "1" else 0)


@pytest.mark.parametrize("status", [401, 429, 500, 502, 503, 504])
def test_a_tag_that_fails_late_is_put_again(publisher: Publisher, status: int) -> None:
    first = publisher.publish(LOGIN).outputs
    next_commit(publisher)
    turn_on(publisher, {"late_statuses": [status]})
    second = publisher.publish(LOGIN).outputs
    assert (second["built"], publisher.tags[NEXT_SHA[:12]]) == ("false", first["digest"])


@pytest.mark.parametrize("requests", [1, 2, 3, 5])
def test_a_token_that_runs_out_between_requests_is_fetched_again(publisher: Publisher, requests: int) -> None:
    first = publisher.publish(LOGIN).outputs
    next_commit(publisher)
    turn_on(publisher, {"token_requests": requests})
    assert publisher.publish(LOGIN).outputs["digest"] == first["digest"]
    assert publisher.tags[NEXT_SHA[:12]] == first["digest"]


@BUILDERS
@pytest.mark.parametrize("status", [429, 500, 502])
def test_a_push_that_fails_at_its_end_for_good_is_no_failed_build(
    publisher: Publisher, builder: dict[str, str], status: int
) -> None:
    turn_on(publisher, {"late_statuses": [status] * 9})
    with pytest.raises(Unavailable, match=f"pushing to .* failed.*{status}"):
        publisher.publish({**LOGIN, **builder, "retries": "1"})
    assert len(publisher.docker.builds) == 2


def test_the_name_of_an_image_is_not_the_cause_of_a_failed_push(publisher: Publisher) -> None:
    turn_on(publisher, {"late_statuses": [502]})
    given = {**LOGIN, "builder": "started", "image": f"{publisher.host}/octo/authorization-service"}
    assert publisher.publish(given).outputs["built"] == "true"


@SERVICES
def test_a_second_run_of_a_commit_finds_its_immutable_tags_in_place(publisher: Publisher, service: str) -> None:
    first = publisher.publish(LOGIN).outputs
    turn_on(publisher, {"immutable_tags": service})
    second = publisher.publish(LOGIN).outputs
    assert (second["built"], second["digest"], second["tags"]) == ("false", first["digest"], first["tags"])


@SERVICES
def test_an_immutable_tag_that_would_move_is_named_with_the_remedy(publisher: Publisher, service: str) -> None:
    given = LOGIN | {"tags": "sha, stable"}
    publisher.publish(given)
    turn_on(publisher, {"immutable_tags": service})
    (publisher.workspace / "train.py").write_text("print('changed')\n")
    next_commit(publisher)
    with pytest.raises(Refused, match=r"tagging .*/octo/digits:stable failed") as refused:
        publisher.publish(given, GITHUB_SHA=NEXT_SHA)
    assert "cannot be moved: leave moving ones such as 'latest' out of 'tags'" in refused.value.remedy


@BUILDERS
@SERVICES
def test_a_build_for_an_immutable_tag_is_refused_once(publisher: Publisher, builder: dict[str, str], service: str) -> None:
    given = {**LOGIN, **builder, "skip-unchanged": "false", "tags": "v1.0.0"}
    publisher.publish(given)
    (publisher.workspace / "train.py").write_text("print('changed')\n")
    turn_on(publisher, {"immutable_tags": service})
    with pytest.raises(Refused, match="pushing to") as refused:
        publisher.publish(given)
    assert "cannot be moved" in refused.value.remedy
    assert len(publisher.docker.builds) == 2


@SERVICES
@pytest.mark.parametrize(("renews", "value"), [("force", "true"), ("skip-unchanged", "false")])
def test_a_new_image_of_the_same_commit_says_why_an_immutable_tag_keeps_the_old_one(
    publisher: Publisher, service: str, renews: str, value: str
) -> None:
    first = publisher.publish(LOGIN | {"tags": "sha"}).outputs
    turn_on(publisher, {"immutable_tags": service})
    publisher.clock.at += timedelta(hours=2)
    publisher.docker.ran.clear()  # another machine
    with pytest.raises(Refused, match="pushing to") as refused:
        publisher.publish(LOGIN | {"tags": "sha", renews: value})
    assert f"stands for {first['digest']} already" in refused.value.cause
    assert f"'{renews}' has an image built anew" in refused.value.cause
    assert f"leave '{renews}' out" in refused.value.remedy
    assert publisher.tags[SHA[:12]] == first["digest"]


@SERVICES
def test_an_image_that_max_age_renews_names_what_an_immutable_tag_stands_for(publisher: Publisher, service: str) -> None:
    """It is pushed by a fingerprint of its own, so only the user's tag is refused."""
    first = publisher.publish(LOGIN | {"tags": "sha"}).outputs
    turn_on(publisher, {"immutable_tags": service})
    with pytest.raises(Refused, match=f"the tag stands for {first['digest']}"):
        publisher.publish(LOGIN | {"tags": "sha", "max-age": "1h"})
    assert publisher.tags[SHA[:12]] == first["digest"]


@SERVICES
def test_the_tag_of_the_fingerprint_may_stay_where_the_user_s_tags_can_move(publisher: Publisher, service: str) -> None:
    """A repository whose rules let only the user's tags move, as Amazon ECR's exclusion filters do."""
    publisher.publish(LOGIN)
    turn_on(publisher, {"immutable_tags": service, "movable_tags": ("latest", "ma*")})
    publisher.clock.at += timedelta(hours=2)
    outputs = publisher.publish(LOGIN | {"force": "true", "tags": "main\nlatest"}).outputs
    assert publisher.tags["main"] == publisher.tags["latest"] == outputs["digest"]
    assert publisher.tags[f"ctx-{outputs['context-hash']}"] != outputs["digest"]
    assert "exempt the tags that begin with" in publisher.summary


@SERVICES
def test_dockerd_s_second_push_of_one_image_is_no_failure(publisher: Publisher, service: str) -> None:
    """It puts the manifest again, which some services refuse although nothing moves."""
    given = {**LOGIN, "skip-unchanged": "false", "tags": "sha"}
    first = publisher.publish(given).outputs
    turn_on(publisher, {"immutable_tags": service})
    second = publisher.publish(given).outputs
    assert (second["digest"], second["tags"]) == (first["digest"], first["tags"])


def test_a_lost_answer_and_an_immutable_tag_are_no_failure(publisher: Publisher) -> None:
    """The first attempt stored the tag; the second one finds that it must not move."""
    first = publisher.publish(LOGIN).outputs
    next_commit(publisher)
    turn_on(publisher, {"immutable_tags": "ecr", "late_statuses": [502], "late_is_stored": True})
    publisher.registry.store.repositories[publisher.repository].tags.pop("main")
    publisher.registry.store.repositories[publisher.repository].tags.pop("latest")
    assert publisher.publish(LOGIN).outputs["digest"] == first["digest"]
    assert set(publisher.tags.values()) == {first["digest"]}


def test_writes_that_are_redirected_to_another_registry_are_refused(publisher: Publisher) -> None:
    turn_on(publisher, {"redirect_writes": "http://127.0.0.2:9"})
    with pytest.raises(Refused, match=r"redirects writes to http://127\.0\.0\.2:9") as refused:
        publisher.publish(LOGIN)
    assert "'registry'" in refused.value.remedy
    assert publisher.docker.builds == []


def test_layers_that_a_registry_does_not_share_are_built(publisher: Publisher) -> None:
    publisher.publish(LOGIN | {"image": f"{publisher.host}/octo/other"})
    turn_on(publisher, {"mounts": False})
    outputs = publisher.publish(LOGIN | {"reuse-from": "octo/other"}).outputs
    assert outputs["built"] == "true"
    assert "does not share the layers of octo/other" in publisher.log.getvalue()


def _layer(publisher: Publisher, digest: str) -> str:
    return next(blob for blob in publisher.registry.store.repositories[publisher.repository].blobs if blob != digest)


@pytest.mark.parametrize(("part", "name"), [("config", "configuration"), ("layer", "layer"), ("child", "manifest")])
def test_a_damaged_image_is_built_anew(publisher: Publisher, part: str, name: str) -> None:
    first = publisher.publish(LOGIN).outputs
    store = publisher.registry.store
    repository = store.repositories[publisher.repository]
    lost = {"config": first["image-id"], "layer": _layer(publisher, first["image-id"]), "child": first["digest"]}[part]
    if part == "child":
        child = repository.manifest("latest")
        described = {"mediaType": OCI_MANIFEST, "digest": child.digest, "size": len(child.content)}
        index = StoredManifest(f'{{"schemaVersion": 2, "manifests": [{json.dumps(described)}]}}'.encode(), OCI_INDEX)
        store.put_manifest(publisher.repository, f"ctx-{first['context-hash']}", index)
    store.lose(publisher.repository, lost)
    second = publisher.publish(LOGIN).outputs
    assert second["built"] == "true"
    assert f"is damaged: the registry lost its {name} {lost}" in publisher.log.getvalue()
    # What was lost is there again, so the next run reuses it.
    assert publisher.publish(LOGIN).outputs["built"] == "false"


def test_the_build_of_a_damaged_image_reads_no_cache_of_its_repository(publisher: Publisher) -> None:
    """The cache names the same layers: a build that relies on a lost one fails."""
    first = publisher.publish(LOGIN).outputs
    publisher.registry.store.lose(publisher.repository, _layer(publisher, first["image-id"]))
    publisher.publish(LOGIN)
    (publisher.workspace / "train.py").write_text("print('changed')\n")
    publisher.publish(LOGIN)
    reads = [any(word.startswith("--cache-from") for word in arguments) for arguments, _ in publisher.docker.builds]
    assert reads == [False, False, True]


def test_another_image_is_reused_where_the_first_one_is_damaged(publisher: Publisher) -> None:
    """A pull request may reuse main's image or its own: a damaged one of main must not cost a build each time."""
    own, person = {"full_name": "Octo/Digits", "id": 1}, {"login": "mona", "type": "User"}
    sides = {side: {"ref": side, "sha": SHA, "repo": own} for side in ("head", "base")}
    payload = {
        "action": "opened",
        "sender": person,
        "pull_request": {"number": 7, "state": "open", "user": person, **sides},
    }
    publisher.publish(LOGIN, environ={"GITHUB_REF_PROTECTED": "true"})
    main = publisher.tags["main"]
    config = json.loads(publisher.registry.store.repositories[publisher.repository].manifest(main).content)["config"]
    publisher.registry.store.lose(publisher.repository, config["digest"])
    next_commit(publisher)
    assert publisher.publish(LOGIN, event="pull_request", payload=payload).outputs["built"] == "true"
    publisher.registry.store.lose(publisher.repository, config["digest"])
    assert publisher.publish(LOGIN, event="pull_request", payload=payload).outputs["built"] == "false"
