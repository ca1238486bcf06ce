"""Which image `docker run image:tag` runs in later steps of the job: the input `load`."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from mlops_actions.core.errors import BadInput
from tests.actions.docker_publish.publisher import Publisher
from tests.support.docker_publish import SHA

OLD = "sha256:" + "0" * 64
PULLS, FREE, ABSENT = "pulled into the runner's daemon", "stood for another image", "is not in the runner's daemon"


def names(publisher: Publisher) -> dict[str, str]:
    """The image's tags in the daemon."""
    prefix = f"{publisher.host}/octo/digits:"
    return {name.removeprefix(prefix): image for name, image in publisher.docker.images.items() if name.startswith(prefix)}


@pytest.mark.parametrize(
    ("given", "local", "kept", "note"),
    [
        ({}, "the image", "the image", "has it under these tags now"),
        ({}, "nothing", "nothing", ABSENT),
        ({}, "another image", "nothing", FREE),
        ({"load": "true"}, "the image", "the image", "has it under these tags now"),
        ({"load": "true"}, "nothing", "the image", PULLS),
        ({"load": "true"}, "another image", "the image", PULLS),
        ({"load": "false"}, "another image", "another image", ""),
        ({"load": "false"}, "nothing", "nothing", ""),
        ({"builder": "started", "platforms": "linux/amd64"}, "another image", "another image", ""),
        ({"builder": "started", "platforms": "linux/amd64", "load": "true"}, "nothing", "the image", PULLS),
    ],
    ids=str,
)
def test_after_a_reuse_a_tag_in_the_daemon_is_that_image_or_none(
    publisher: Publisher, given: Mapping[str, str], local: str, kept: str, note: str
) -> None:
    first = publisher.publish(given).outputs
    publisher.docker.images.clear()
    image = first["image-id"]
    if local == "the image":
        publisher.docker.images["earlier:name"] = image
    elif local == "another image":
        publisher.docker.images[f"{publisher.host}/octo/digits:main"] = OLD
    outcome = publisher.publish(given)
    assert outcome.outputs["built"] == "false"
    found = names(publisher)
    expected = {"the image": {SHA[:12], "main", "latest"}, "another image": {"main"}, "nothing": set()}[kept]
    assert found.keys() == expected
    assert set(found.values()) <= ({OLD} if kept == "another image" else {image, first["digest"]})
    assert outcome.outputs["loaded"] == str(kept == "the image").lower()
    assert outcome.result["loaded"] == (kept == "the image")
    assert note in publisher.log.getvalue()


@pytest.mark.parametrize(
    ("given", "loaded"),
    [
        ({}, True),
        ({"load": "true"}, True),
        ({"load": "false"}, False),
        ({"builder": "started"}, False),
        ({"builder": "started", "load": "true"}, True),
        ({"push": "false"}, True),
        ({"push": "false", "builder": "started"}, False),
        ({"push": "false", "builder": "started", "load": "true"}, True),
    ],
    ids=str,
)
def test_after_a_build_the_daemon_has_the_image_as_load_says(
    publisher: Publisher, given: Mapping[str, str], loaded: bool
) -> None:
    outputs = publisher.publish(given).outputs
    assert outputs["loaded"] == str(loaded).lower()
    if "builder" not in given:
        assert names(publisher).keys() == ({SHA[:12], "main", "latest"} if loaded else set())
    loads = given.get("load") == "true" and given.get("push") == "false" and "builder" in given
    assert ("--load" in publisher.docker.builds[0][0]) == loads


def test_a_daemon_that_is_missing_fails_only_who_asks_for_it(publisher: Publisher, monkeypatch: pytest.MonkeyPatch) -> None:
    given = {"platforms": "linux/amd64"}
    publisher.publish(given)

    def none(*_: object) -> str:
        raise BadInput("no Docker daemon answers at unix:///var/run/docker.sock", "run this on a runner with Docker")

    monkeypatch.setattr(publisher.docker, "name_image", none)
    assert publisher.publish(given).outputs["loaded"] == "false"
    with pytest.raises(BadInput, match="no Docker daemon"):
        publisher.publish(given | {"load": "true"})


def test_several_platforms_are_loaded_from_a_registry_only(publisher: Publisher) -> None:
    given = {"builder": "started", "platforms": "linux/amd64,linux/arm64", "load": "true"}
    with pytest.raises(BadInput, match="'load' is true"):
        publisher.publish(given | {"push": "false"})
    assert publisher.publish(given).outputs["loaded"] == "true"
