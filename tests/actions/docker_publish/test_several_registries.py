"""Logins for the registries of base images, and one image in several registries."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from mlops_actions.core.errors import BadInput, Refused, Unavailable
from mlops_sandbox.host import Host
from mlops_sandbox.registry import Account, Fault, Registry
from tests.actions.docker_publish.publisher import Publisher

SECRET = "s3cr3t-0123"


@dataclass
class Other:
    """A second registry, which asks for a login, and how `registries` names it."""

    registry: Registry
    host: str

    def entry(self, push: str = "true", password: str = SECRET) -> str:
        return f"{self.host}: {{username: robot, password: {password}, push: {push}}}"

    def tags(self, repository: str) -> dict[str, str]:
        found = self.registry.store.repositories.get(repository)
        return dict(found.tags) if found else {}

    def uploads(self) -> list[str]:
        return [entry.path for entry in self.registry.log if entry.method == "PUT" and "/blobs/uploads/" in entry.path]


@pytest.fixture
def other() -> Iterator[Other]:
    registry = Registry(challenge="bearer", accounts={"robot": Account(SECRET)})
    with Host(registry.app) as host:
        yield Other(registry, host.url.removeprefix("http://"))


def test_one_build_is_pushed_to_several_registries_with_one_digest(publisher: Publisher, other: Other) -> None:
    outputs = publisher.publish({"registries": other.entry()}).outputs
    assert len(publisher.docker.builds) == 1
    assert set(other.tags("octo/digits")) == {"0123456789ab", "main", "latest"}
    assert set(other.tags("octo/digits").values()) == {outputs["digest"]}
    assert f"also pushed to {other.host}/octo/digits@{outputs['digest']}" in publisher.log.getvalue()
    assert SECRET not in publisher.log.getvalue().replace(f"::add-mask::{SECRET}", "")


def test_the_copy_may_have_another_path(publisher: Publisher, other: Other) -> None:
    outputs = publisher.publish({"registries": other.entry("mirror/train")}).outputs
    assert set(other.tags("mirror/train").values()) == {outputs["digest"]}
    assert outputs["image"] == f"{publisher.host}/octo/digits"


def test_an_unchanged_image_is_copied_without_sending_a_layer(publisher: Publisher, other: Other) -> None:
    publisher.publish({"registries": other.entry()})
    sent = len(other.uploads())
    outputs = publisher.publish({"registries": other.entry(), "tags": "v2"}).outputs
    assert outputs["built"] == "false"
    assert other.tags("octo/digits")["v2"] == outputs["digest"]
    assert len(other.uploads()) == sent
    assert "every layer was there" in publisher.log.getvalue()


def test_an_image_that_was_pushed_to_one_registry_is_brought_to_the_next(publisher: Publisher, other: Other) -> None:
    publisher.publish()
    outputs = publisher.publish({"registries": other.entry()}).outputs
    assert outputs["built"] == "false"
    assert set(other.tags("octo/digits").values()) == {outputs["digest"]}


@pytest.mark.parametrize("push", ["", "true"])
def test_a_run_without_secrets_does_not_push_elsewhere_unless_it_must(publisher: Publisher, other: Other, push: str) -> None:
    """Runs for a fork's pull request, and Dependabot's, get empty secrets."""
    given = {"registries": other.entry(password="''"), "push": push}
    if push:
        with pytest.raises(Refused, match="401"):
            publisher.publish(given)
        return
    assert publisher.publish(given).outputs["built"] == "true"
    assert not other.tags("octo/digits")
    assert f"not pushed to {other.host}: its password in 'registries' is empty" in publisher.log.getvalue()


def test_the_refusal_of_another_registry_is_no_reason_to_push_nowhere(publisher: Publisher, other: Other) -> None:
    other.registry.access.accounts = {"robot": Account(SECRET, frozenset({"pull"}))}
    given = {"registries": other.entry(), "username": "octo", "password": "ghs_job", "github-token": "ghs_job"}
    with pytest.raises(Refused, match=other.host):
        publisher.publish(given, environ={"GITHUB_SERVER_URL": f"http://{publisher.host.partition(':')[0]}"})


def test_nothing_is_pushed_elsewhere_where_nothing_is_pushed(publisher: Publisher, other: Other) -> None:
    publisher.publish({"registries": other.entry(), "push": "false"})
    assert not other.registry.store.repositories


def test_a_registry_that_may_not_be_pushed_to_is_known_before_the_build(publisher: Publisher, other: Other) -> None:
    other.registry.access.accounts = {"robot": Account(SECRET, frozenset({"pull"}))}
    with pytest.raises(Refused) as refused:
        publisher.publish({"registries": other.entry()})
    assert other.host in str(refused.value)
    assert SECRET not in str(refused.value)
    assert not publisher.docker.builds


def test_a_wrong_password_is_known_before_the_build(publisher: Publisher, other: Other) -> None:
    with pytest.raises(Refused, match=r"signing in to 127\.0\.0\.1") as refused:
        publisher.publish({"registries": other.entry(password="wrong-0123")})
    assert "wrong-0123" not in str(refused.value)
    assert not publisher.docker.builds


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_an_upload_that_fails_is_tried_again(publisher: Publisher, other: Other, status: int) -> None:
    other.registry.faults.append(Fault("PUT", ".*/blobs/uploads/.*", status, {"Retry-After": "0"}))
    outputs = publisher.publish({"registries": other.entry()}).outputs
    assert other.tags("octo/digits")["latest"] == outputs["digest"]


def test_a_token_that_runs_out_during_a_copy_is_fetched_again(publisher: Publisher, other: Other) -> None:
    other.registry.faults.append(Fault("PUT", ".*/blobs/uploads/.*", 401, times=2))
    outputs = publisher.publish({"registries": other.entry()}).outputs
    assert other.tags("octo/digits")["latest"] == outputs["digest"]


def test_a_copy_that_fails_says_where_the_image_is(publisher: Publisher, other: Other) -> None:
    other.registry.faults.append(Fault("PUT", ".*/blobs/uploads/.*", 503, {"Retry-After": "0"}, times=99))
    with pytest.raises(Unavailable) as failed:
        publisher.publish({"registries": other.entry()})
    digest = publisher.tags["latest"]
    assert f"the image is in its registry as {publisher.host}/octo/digits@{digest}" in failed.value.cause
    assert f"could not be copied to {other.host}/octo/digits" in failed.value.cause
    assert not other.tags("octo/digits")


@dataclass
class LateFault(Fault):
    """A fault that lets the first `spared` requests pass."""

    spared: int = 0

    def matches(self, method: str, path: str) -> bool:
        if not super().matches(method, path):
            return False
        self.spared -= 1
        return self.spared < 0


def test_an_image_that_is_gone_before_the_copy_is_told(publisher: Publisher, other: Other) -> None:
    """As by a clean-up that deletes new images; without an error, nobody would know that the copy is missing."""
    given = {"registries": other.entry()}
    publisher.publish(given)
    before = len(publisher.registry.log)
    publisher.publish(given)
    path = "/v2/octo/digits/manifests/sha256:"
    reads = [entry for entry in publisher.registry.log[before:] if entry.method == "GET" and entry.path.startswith(path)]
    publisher.registry.faults.append(LateFault("GET", f"{path}.*", 404, spared=len(reads) - 1))
    with pytest.raises(Unavailable, match=f"is gone, so it could not be copied to {other.host}/octo/digits") as failed:
        publisher.publish(given)
    assert "run the job again" in failed.value.remedy


def test_uploads_are_redirected_within_the_registry_and_to_no_other_host(publisher: Publisher, other: Other) -> None:
    with Host((elsewhere := Registry()).app) as host:
        moved = {"Location": f"{host.url}/v2/octo/digits/blobs/uploads/1"}
        other.registry.faults.append(Fault("POST", ".*/blobs/uploads/", 202, moved, times=99))
        with pytest.raises(Refused, match="to another host"):
            publisher.publish({"registries": other.entry()})
        assert not elsewhere.log


def test_a_base_image_of_a_private_registry_is_found_with_its_login(publisher: Publisher, other: Other) -> None:
    outputs = publisher.publish({"registries": other.entry("base/cuda")}).outputs  # puts something there
    (publisher.workspace / "Dockerfile").write_text(f"FROM {other.host}/base/cuda:main\nCOPY train.py /train.py\n")
    with_login = publisher.publish({"registries": other.entry("false")}).outputs
    assert with_login["context-hash"] != outputs["context-hash"]
    assert with_login["context-hash"]
    assert publisher.docker.signed_in[other.host] == ("robot", SECRET)
    without = publisher.publish({}).outputs
    assert without["context-hash"] == ""  # its digest is unknown, so nothing is reused


def test_a_build_may_pull_from_every_registry_that_is_named(publisher: Publisher) -> None:
    publisher.publish({"registries": f"nvcr.io: {{username: $oauthtoken, password: {SECRET}}}", "push": "false"})
    assert publisher.docker.signed_in == {"nvcr.io": ("$oauthtoken", SECRET)}


def test_google_s_registry_gets_a_token_where_no_login_is_given(publisher: Publisher) -> None:
    publisher.publish({"registries": "europe-docker.pkg.dev:", "push": "false"})
    assert publisher.docker.signed_in == {"europe-docker.pkg.dev": ("oauth2accesstoken", "ya29.google")}


def test_an_image_index_is_copied_with_the_images_it_names(publisher: Publisher, other: Other) -> None:
    digest = publisher.publish({"push-by-digest": "true"}).outputs["digest"]
    outputs = publisher.publish({"merge": digest, "registries": other.entry()}).outputs
    assert other.tags("octo/digits")["latest"] == outputs["digest"]
    index = json.loads(other.registry.store.repositories["octo/digits"].manifest("latest").content)
    assert [entry["digest"] for entry in index["manifests"]] == [digest]
    assert other.registry.store.repositories["octo/digits"].manifest(digest)


def test_a_mistake_in_the_input_starts_nothing(publisher: Publisher) -> None:
    with pytest.raises(BadInput, match=r"a password for nvcr\.io and no username") as refused:
        publisher.publish({"registries": f"nvcr.io: {{password: {SECRET}}}"})
    assert SECRET not in str(refused.value)
    assert not publisher.docker.builds


def docker_login(publisher: Publisher, document: object, folder: str = "config") -> dict[str, str]:
    """Write Docker's configuration into a folder of the workspace, as a step before this one would."""
    directory = publisher.workspace / folder
    directory.mkdir()
    (directory / "config.json").write_text(document if isinstance(document, str) else json.dumps(document))
    return {"DOCKER_CONFIG": str(directory)}


def auth(user: str, password: str) -> dict[str, str]:
    return {"auth": base64.b64encode(f"{user}:{password}".encode()).decode()}


def test_a_docker_login_that_the_step_sees_is_used(publisher: Publisher, other: Other, tmp_path: Path) -> None:
    (tmp_path / "home" / ".docker").mkdir(parents=True)
    config = {"auths": {other.host: auth("robot", SECRET)}}
    (tmp_path / "home" / ".docker" / "config.json").write_text(json.dumps(config))
    image = f"{other.host}/octo/digits"
    given = {"image": image, "username": "octo", "password": "ghs_job", "github-token": "ghs_job"}
    outputs = publisher.publish(given, environ={"HOME": str(tmp_path / "home")}).outputs
    assert other.tags("octo/digits")["latest"] == outputs["digest"]
    assert "ghs_job" not in str(publisher.docker.signed_in)


def test_a_build_may_pull_with_every_docker_login_that_the_step_sees(publisher: Publisher, tmp_path: Path) -> None:
    document = {"auths": {"nvcr.io": auth("$oauthtoken", SECRET), "r.example": {}}, "credsStore": "desktop"}
    (tmp_path / "config.json").write_text(json.dumps(document))
    publisher.publish({"push": "false"}, environ={"DOCKER_CONFIG": str(tmp_path)})
    assert publisher.docker.signed_in == {"nvcr.io": ("$oauthtoken", SECRET)}
    assert "r.example" not in publisher.log.getvalue()  # it is no part of this build


def test_a_login_that_a_commit_may_have_brought_is_refused(publisher: Publisher, other: Other) -> None:
    """Without a repository around the file nobody can tell who wrote it."""
    environ = docker_login(publisher, {"auths": {other.host: auth("robot", SECRET)}})
    with pytest.raises(BadInput, match="Docker's logins are in the file") as refused:
        publisher.publish({"image": f"{other.host}/octo/digits"}, environ=environ)
    assert SECRET not in str(refused.value)
    assert not publisher.docker.builds


def test_a_login_that_a_program_keeps_is_said(publisher: Publisher, other: Other, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"auths": {other.host: {}}, "credsStore": "desktop"}))
    with pytest.raises(Refused):
        publisher.publish({"image": f"{other.host}/octo/digits"}, environ={"DOCKER_CONFIG": str(tmp_path)})
    assert (
        f"there is no login for {other.host}: the program 'docker-credential-desktop' keeps it" in publisher.log.getvalue()
    )


def test_a_helper_of_a_cloud_is_replaced_by_its_token(publisher: Publisher, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"credHelpers": {"eu.gcr.io": "gcloud"}}))
    publisher.docker.addresses["eu.gcr.io"] = publisher.host
    given = {"image": "eu.gcr.io/octo/digits", "push": "false"}
    publisher.publish(given, environ={"DOCKER_CONFIG": str(tmp_path)})
    assert publisher.docker.signed_in == {"eu.gcr.io": ("oauth2accesstoken", "ya29.google")}


def test_a_configuration_that_is_no_json_is_named(publisher: Publisher, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("auths:")
    with pytest.raises(BadInput, match="is not JSON"):
        publisher.publish(environ={"DOCKER_CONFIG": str(tmp_path)})
