"""Images for several platforms from several jobs: each pushes one by its digest, a last step merges them."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from mlops_actions.core.errors import BadInput, Refused
from mlops_actions.core.oci import IMAGE_INDEX, IMAGE_MANIFEST
from mlops_actions.core.outcome import RESULT_SCHEMA_VERSION, Outcome
from mlops_sandbox.registry import Account, Registry
from mlops_sandbox.registry.store import StoredManifest
from tests.actions.docker_publish.publisher import Publisher
from tests.support.docker_publish import SHA
from tests.support.local_docker import LocalDaemon
from tests.support.result_schemas import check_result

PLATFORMS = ("linux/amd64", "linux/arm64")
LEG = {"push-by-digest": "true", "cache": "none"}


def build(publisher: Publisher, platform: str, given: Mapping[str, str] | None = None) -> Outcome:
    """Run the step of one job of the matrix, on a machine of that platform."""
    publisher.docker.facts = LocalDaemon(platform=platform)
    return publisher.publish({**LEG, **(given or {})})


def merge(publisher: Publisher, *digests: str, **given: str) -> Outcome:
    return publisher.publish({"merge": "\n".join(digests), **given})


def index_of(publisher: Publisher, tag: str) -> Any:
    return json.loads(publisher.registry.store.repositories[publisher.repository].manifest(tag).content)


def platforms_of(index: Any) -> list[str]:
    return [f"{entry['platform']['os']}/{entry['platform']['architecture']}" for entry in index["manifests"]]


def test_images_of_two_machines_become_one_image(publisher: Publisher) -> None:
    legs = [build(publisher, platform) for platform in PLATFORMS]
    assert [leg.outputs["tags"] for leg in legs] == ["", ""]
    assert [leg.outputs["tag"] for leg in legs] == ["", ""]
    assert {tag.partition("-")[0] for tag in publisher.tags} == {"ctx"}
    merged = merge(publisher, *(leg.outputs["ref"] for leg in legs), platforms=", ".join(PLATFORMS))
    assert merged.outputs["tags"].splitlines() == [SHA[:12], "main", "latest"]
    index = index_of(publisher, "latest")
    assert platforms_of(index) == list(PLATFORMS)
    assert [entry["digest"] for entry in index["manifests"]] == [leg.outputs["digest"] for leg in legs]
    assert index["annotations"]["org.opencontainers.image.revision"] == SHA
    assert index["annotations"]["org.opencontainers.image.source"] == "https://github.com/Octo/Digits"
    assert merged.outputs["digest"] == publisher.tags["latest"] == publisher.tags[SHA[:12]]
    assert merged.outputs["ref"].endswith(merged.outputs["digest"])
    assert merged.outputs["built"] == "false"
    assert merged.outputs["context-hash"] == ""
    report: Any = merged.result["layer-report"]
    assert report["platform"] == PLATFORMS[0]
    assert list(report["platform-sizes"]) == list(PLATFORMS)
    assert report["platform-sizes"][PLATFORMS[0]] == report["size"] > 0
    assert f"Other platforms: {PLATFORMS[1]} " in publisher.summary
    for outcome in (*legs, merged):
        check_result("docker-publish", json.dumps({"schema": RESULT_SCHEMA_VERSION, **outcome.result}))
    assert "### Image merged" in publisher.summary
    assert "merged linux/arm64 sha256" in publisher.summary


def test_merging_again_gives_the_same_digest(publisher: Publisher) -> None:
    digests = [build(publisher, platform).outputs["digest"] for platform in PLATFORMS]
    first = merge(publisher, *digests)
    publisher.clock.sleep(90)
    assert merge(publisher, *reversed(digests)).outputs["digest"] == first.outputs["digest"]
    publisher.checkout = None  # a job that merges needs no checkout; the commit's time is not known then
    without_checkout = merge(publisher, *digests)
    publisher.clock.sleep(90)
    assert merge(publisher, *digests).outputs["digest"] == without_checkout.outputs["digest"]


def test_a_job_of_the_matrix_reuses_its_own_image(publisher: Publisher) -> None:
    first = [build(publisher, platform).outputs for platform in PLATFORMS]
    second = [build(publisher, platform).outputs for platform in PLATFORMS]
    assert [outputs["built"] for outputs in (*first, *second)] == ["true", "true", "false", "false"]
    assert [outputs["ref"] for outputs in first] == [outputs["ref"] for outputs in second]
    assert first[0]["context-hash"] != first[1]["context-hash"]


def test_an_image_without_a_fingerprint_is_kept_under_a_tag_that_no_lookup_asks_for(publisher: Publisher) -> None:
    legs = [build(publisher, platform, {"skip-unchanged": "false"}) for platform in PLATFORMS]
    expected = {f"ctx-none-{SHA[:12]}-{platform.replace('/', '-')}" for platform in PLATFORMS}
    assert publisher.tags.keys() == expected
    assert {publisher.tags[tag] for tag in expected} == {leg.outputs["digest"] for leg in legs}


def test_an_image_that_is_not_pushed_has_its_usual_tags(publisher: Publisher) -> None:
    outputs = publisher.publish({**LEG, "push": "false"}).outputs
    assert outputs["tags"].splitlines() == [SHA[:12], "main", "latest"]
    assert (outputs["ref"], publisher.tags) == ("", {})


def test_a_merge_needs_neither_files_nor_a_daemon(publisher: Publisher) -> None:
    digests = [build(publisher, platform).outputs["digest"] for platform in PLATFORMS]
    for path in publisher.workspace.iterdir():
        path.unlink()
    builds = len(publisher.docker.builds)
    merge(publisher, *digests)
    assert len(publisher.docker.builds) == builds
    assert platforms_of(index_of(publisher, "latest")) == list(PLATFORMS)


def put(publisher: Publisher, document: Any, media_type: str = IMAGE_INDEX) -> str:
    manifest = StoredManifest(json.dumps(document).encode(), media_type)
    publisher.registry.store.put_manifest(publisher.repository, manifest.digest, manifest)
    return manifest.digest


def with_attestation(publisher: Publisher, image: str) -> str:
    """Return an index as BuildKit pushes it for one platform with provenance."""
    repository = publisher.registry.store.repositories[publisher.repository]
    content = repository.manifest(image).content
    described = {"mediaType": IMAGE_MANIFEST, "digest": image, "size": len(content)}
    attestation = {
        **described,
        "annotations": {"vnd.docker.reference.type": "attestation-manifest", "vnd.docker.reference.digest": image},
    }
    unknown = {"platform": {"os": "unknown", "architecture": "unknown"}}
    entries = [{**described, "platform": {"os": "linux", "architecture": "amd64"}}, {**attestation, **unknown}]
    return put(publisher, {"schemaVersion": 2, "mediaType": IMAGE_INDEX, "manifests": entries})


def test_attestations_of_the_images_are_kept(publisher: Publisher) -> None:
    image = build(publisher, "linux/amd64").outputs["digest"]
    merge(publisher, with_attestation(publisher, image))
    first, second = index_of(publisher, "latest")["manifests"]
    assert (first["digest"], first["platform"]) == (image, {"os": "linux", "architecture": "amd64"})
    assert second["annotations"]["vnd.docker.reference.digest"] == image


@pytest.mark.parametrize(
    ("given", "cause"),
    [
        ({"merge": "sha256:" + "0" * 64}, "is not in"),
        ({"merge": "latest"}, "no digest"),
        ({"platforms": "linux/amd64, linux/arm64"}, "no image for linux/arm64"),
        ({"platforms": "linux/arm64"}, "an image for linux/amd64"),
        ({"push": "false"}, "does not push"),
        ({"context": "."}, "'merge' and 'context' exclude each other"),
        ({"build-args": "A=1"}, "'merge' and 'build-args' exclude each other"),
        ({"buildargs": "A"}, "exclude each other"),
        ({"force": "true"}, "'merge' and 'force' exclude each other"),
        ({"push-by-digest": "true"}, "'merge' and 'push-by-digest' exclude each other"),
    ],
)
def test_a_merge_that_cannot_be_is_refused_and_moves_no_tag(publisher: Publisher, given: dict[str, str], cause: str) -> None:
    digest = build(publisher, "linux/amd64").outputs["digest"]
    before = publisher.tags
    with pytest.raises(BadInput) as caught:
        publisher.publish({"merge": digest, **given})
    assert cause in caught.value.cause
    assert caught.value.remedy
    assert publisher.tags == before


def test_a_token_that_may_only_read_cannot_merge(publisher_of: Callable[[Registry], Publisher]) -> None:
    accounts = {"octo": Account("pw"), "reader": Account("pw", actions=frozenset({"pull"}))}
    publisher = publisher_of(Registry(challenge="basic", accounts=accounts))
    digest = build(publisher, "linux/amd64", {"username": "octo", "password": "pw"}).outputs["digest"]
    with pytest.raises(Refused):
        merge(publisher, digest, username="reader", password="pw")
    assert "latest" not in publisher.tags
