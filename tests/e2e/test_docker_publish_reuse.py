"""Reuse on a real daemon, a real BuildKit and a real registry: what runs again, what is shared, what is found damaged."""

from __future__ import annotations

import json
import time
import urllib.request
import uuid
from base64 import b64encode
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.container_step import ContainerRunner
from tests.e2e.debian_registry import DebianRegistry
from tests.e2e.docker_daemon import Docker
from tests.e2e.publishing import BASE, Publisher
from tests.support.step import StepRecord

# Each run of RUN makes another file; two stages, since a layer may be copied from a stage that ran long ago. The daemon
# keeps its layers from one run of the tests to the next, so that each test has a Dockerfile of its own.
DOCKERFILE = """\
FROM {base} AS tools
RUN : {run} && cat /proc/sys/kernel/random/uuid > /tool
FROM {base}
RUN : {run} && cat /proc/sys/kernel/random/uuid > /ran
COPY --from=tools /tool /tool
COPY train.py /train.py
"""
MAX_AGE = 20.0  # seconds


@pytest.fixture(scope="module")
def base(docker: Docker, registry: DebianRegistry, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The base image in the registry, where every builder finds it."""
    image = f"{registry.host}/reuse/base:1"
    docker("tag", BASE, image)
    docker("--config", str(registry.log_in(tmp_path_factory.mktemp("login"))), "push", "--quiet", image)
    return image


@pytest.fixture(params=["dockerd", "buildkit"])
def builder(request: pytest.FixtureRequest) -> Mapping[str, str]:
    if request.param == "dockerd":
        return {}
    return {"builder": request.getfixturevalue("address"), "platforms": "linux/amd64", "cache": "registry"}


@pytest.fixture
def publisher(
    request: pytest.FixtureRequest, runner: ContainerRunner, registry: DebianRegistry, base: str
) -> Publisher[DebianRegistry]:
    name = "".join(letter if letter.isalnum() else "-" for letter in request.node.name.lower())
    return Publisher(runner, registry, f"reuse/{name.strip('-')}", DOCKERFILE.format(base=base, run=uuid.uuid4()))


def published(publisher: Publisher[DebianRegistry], given: Mapping[str, str]) -> StepRecord:
    finished = publisher.publish(given)
    assert finished.exit_code == 0, finished.log
    return finished


def config(publisher: Publisher[DebianRegistry], digest: str) -> dict[str, Any]:
    manifest: Any = publisher.registry.manifest(publisher.repository, digest)
    document: dict[str, Any] = json.loads(publisher.registry.blob(publisher.repository, manifest["config"]["digest"]))
    return document


def ran(publisher: Publisher[DebianRegistry], finished: StepRecord) -> tuple[str, str]:
    """The layers of the two RUN instructions: the one of this stage, and what was copied of the other."""
    layers = config(publisher, finished.outputs["digest"])["rootfs"]["diff_ids"]
    return layers[-3], layers[-2]


def change(publisher: Publisher[DebianRegistry], text: str) -> None:
    (publisher.workspace / "train.py").write_text(text)
    publisher.commit()


def test_what_is_asked_to_run_runs_and_the_rest_comes_from_the_cache(
    publisher: Publisher[DebianRegistry], builder: Mapping[str, str]
) -> None:
    first = published(publisher, builder)
    change(publisher, "print('second')\n")
    second = published(publisher, builder)
    assert second.outputs["built"] == "true"
    assert ran(publisher, second) == ran(publisher, first)
    for given in ({"force": "true"}, {"build-options": "--no-cache"}, {"max-age": "0"}):
        before = ran(publisher, second)
        second = published(publisher, {**builder, **given})
        assert second.outputs["built"] == "true", given
        assert set(ran(publisher, second)).isdisjoint(before), given
    # What was built without a cache is the image of this input from now on.
    third = published(publisher, builder)
    assert (third.outputs["built"], third.outputs["digest"]) == ("false", second.outputs["digest"])


def test_no_layer_is_older_than_max_age_whatever_cache_has_it(
    publisher: Publisher[DebianRegistry], builder: Mapping[str, str]
) -> None:
    """A change of a file builds anew, and would take the layers of `RUN` from a cache of any age."""
    given = {**builder, "max-age": f"{MAX_AGE:.0f}s"}
    first, started = published(publisher, given), time.monotonic()
    time.sleep(max(0.0, MAX_AGE + 1 - (time.monotonic() - started)))
    change(publisher, "print('later')\n")
    later = published(publisher, given)
    assert later.outputs["built"] == "true"
    assert set(ran(publisher, later)).isdisjoint(ran(publisher, first))
    # Nothing of the bound is in the image.
    assert "invalid" not in json.dumps(config(publisher, later.outputs["digest"]))


def test_layers_and_images_are_shared_within_max_age(
    publisher: Publisher[DebianRegistry], builder: Mapping[str, str]
) -> None:
    given = {**builder, "max-age": "720h"}
    first = published(publisher, given)
    assert published(publisher, given).outputs["digest"] == first.outputs["digest"]
    change(publisher, "print('soon')\n")
    soon = published(publisher, given)
    assert soon.outputs["built"] == "true"
    assert ran(publisher, soon) == ran(publisher, first)


def delete(registry: DebianRegistry, path: str) -> None:
    token = b64encode(f"{registry.username}:{registry.password}".encode()).decode()
    request = urllib.request.Request(registry.url + path, method="DELETE", headers={"Authorization": f"Basic {token}"})
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=30) as answer:
        assert answer.status == 202


@pytest.mark.parametrize("part", ["layer", "base layer", "configuration"])
def test_a_damaged_image_is_built_anew_and_whole(
    publisher: Publisher[DebianRegistry], builder: Mapping[str, str], docker: Docker, part: str
) -> None:
    digest = published(publisher, builder).outputs["digest"]
    manifest: Any = publisher.registry.manifest(publisher.repository, digest)
    lost = {"layer": manifest["layers"][-3], "base layer": manifest["layers"][0], "configuration": manifest["config"]}[part]
    delete(publisher.registry, f"/v2/{publisher.repository}/blobs/{lost['digest']}")
    publisher.commit()
    second = published(publisher, builder)
    assert second.outputs["built"] == "true"
    assert f"is damaged: the registry lost its {part.removeprefix('base ')} {lost['digest']}" in second.log
    image = f"{publisher.image}@{second.outputs['digest']}"
    docker("--config", str(publisher.registry.log_in(publisher.workspace / "ignored")), "pull", "--quiet", image)
    assert docker("run", "--rm", image, "cat", "/train.py") == "print('training')\n"
    assert published(publisher, builder).outputs["built"] == "false"


def test_an_index_that_lost_a_child_is_built_anew(publisher: Publisher[DebianRegistry], address: str) -> None:
    given = {"builder": address, "platforms": "linux/amd64", "cache": "registry", "provenance": "true"}
    digest = published(publisher, given).outputs["digest"]
    for number in (0, 1):  # the image, and its attestation
        index: Any = publisher.registry.manifest(publisher.repository, digest)
        child = index["manifests"][number]["digest"]
        delete(publisher.registry, f"/v2/{publisher.repository}/manifests/{child}")
        publisher.commit()
        second = published(publisher, given)
        assert second.outputs["built"] == "true"
        assert f"is damaged: the registry lost its manifest {child}" in second.log
        digest = second.outputs["digest"]
        assert published(publisher, given).outputs["built"] == "false"


def test_a_reused_image_names_the_commit_that_built_it(
    publisher: Publisher[DebianRegistry], builder: Mapping[str, str]
) -> None:
    labels = (
        "org.opencontainers.image.created={0}\norg.opencontainers.image.version={0}\norg.opencontainers.image.revision={0}"
    )
    first = published(publisher, {**builder, "labels": labels.format(1)})
    built = publisher.sha
    publisher.commit()
    second = published(publisher, {**builder, "labels": labels.format(2)})
    assert (second.outputs["built"], second.outputs["digest"]) == ("false", first.outputs["digest"])
    assert (second.outputs["built-sha"], json.loads(second.outputs["result"])["sha"]) == (built, publisher.sha)
    assert config(publisher, second.outputs["digest"])["config"]["Labels"]["mlops-actions.dev/sha"] == built


def push(docker: Docker, publisher: Publisher[DebianRegistry], image: str, dockerfile: str) -> None:
    """Build an image and push it."""
    docker("build", "--quiet", "--tag", image, "-", input=dockerfile.encode())
    docker("--config", str(publisher.registry.log_in(publisher.workspace / "ignored")), "push", "--quiet", image)


def test_the_onbuild_of_a_base_image_is_input(
    publisher: Publisher[DebianRegistry], base: str, docker: Docker, address: str, tmp_path: Path
) -> None:
    """It may read an image that the Dockerfile does not name, and that may change; Docker 20.10 finds nothing in it."""
    image = f"{publisher.registry.host}/reuse/onbuild:1"
    push(docker, publisher, image, f"FROM {BASE}\nONBUILD COPY --from={base} /etc/debian_version /copied\n")
    (publisher.workspace / "Dockerfile").write_text(f"FROM {image}\nCOPY train.py /\n")
    publisher.commit()
    for _ in range(2):
        finished = published(publisher, {"builder": address, "platforms": "linux/amd64"})
        assert (finished.outputs["built"], finished.outputs["context-hash"]) == ("true", "")
        assert f"reads '{base}'" in finished.log
    image = finished.outputs["ref"]
    docker("--config", str(publisher.registry.log_in(tmp_path / "login")), "pull", "--quiet", image)
    assert docker("run", "--rm", image, "cat", "/copied").startswith("13")


def test_a_base_image_that_the_registry_has_replaced_is_noted(publisher: Publisher[DebianRegistry], docker: Docker) -> None:
    image = f"{publisher.registry.host}/reuse/moving:1"
    push(docker, publisher, image, f"FROM {BASE}\nLABEL version=1\n")
    docker("tag", image, "mlops-actions-e2e/old")
    (publisher.workspace / "Dockerfile").write_text(f"FROM {image}\nCOPY train.py /\n")
    publisher.commit()
    note = f"the daemon's copy of the base image {image} is older"
    assert note not in published(publisher, {}).log
    push(docker, publisher, image, f"FROM {BASE}\nLABEL version=2\n")
    docker("tag", "mlops-actions-e2e/old", image)
    reused = published(publisher, {})
    # The daemon builds from its own copy, so the image is that of before.
    assert (reused.outputs["built"], note in reused.log) == ("false", True)
    assert published(publisher, {"build-options": "--pull"}).outputs["built"] == "true"


def test_a_tag_in_the_daemon_is_the_reused_image_or_none(publisher: Publisher[DebianRegistry], docker: Docker) -> None:
    latest = f"{publisher.image}:latest"
    first = published(publisher, {})
    assert first.outputs["loaded"] == "true"
    docker("tag", BASE, latest)  # what an earlier job left on a runner that is not cleaned
    docker("tag", latest, f"{publisher.image}:main")
    kept = published(publisher, {})
    assert (kept.outputs["built"], kept.outputs["loaded"]) == ("false", "true")
    assert docker("run", "--rm", latest, "cat", "/train.py") == "print('training')\n"
    names = [f"{publisher.image}:{tag}" for tag in first.outputs["tags"].splitlines()]
    docker("rmi", "--force", *names)
    docker("tag", BASE, latest)
    freed = published(publisher, {})
    assert (freed.outputs["built"], freed.outputs["loaded"]) == ("false", "false")
    assert "stood for another image" in freed.log
    assert docker("image", "ls", "--quiet", latest).strip() == ""
    pulled = published(publisher, {"load": "true"})
    assert (pulled.outputs["built"], pulled.outputs["loaded"]) == ("false", "true")
    assert docker("run", "--rm", latest, "cat", "/train.py") == "print('training')\n"
