"""The input `compression`: how it reaches BuildKit, where it is refused, and that reuse keeps it apart."""

from __future__ import annotations

import pytest

from mlops_actions.core.errors import BadInput
from tests.actions.docker_publish.publisher import Publisher
from tests.support.local_docker import LocalDaemon

ZSTD = "--output=type=image,push=true,compression=zstd,oci-mediatypes=true"
BUILDER = {"builder": "tcp://buildkit.example.com:1234", "platforms": "linux/amd64"}


@pytest.mark.parametrize(
    ("given", "containerd_store", "pushing"),
    [
        ({}, False, "--push"),
        ({"compression": "gzip"}, False, "--push"),
        ({"compression": "gzip"}, True, "--push"),
        ({"compression": "zstd"}, True, ZSTD),
        ({"compression": "ZSTD"}, True, ZSTD),
        ({"compression": "zstd", **BUILDER}, False, ZSTD),
        ({"compression": "zstd"}, False, ""),
        ({"compression": "zstd", "push": "false"}, False, None),
        ({"compression": "brotli"}, True, ""),
        ({"compression": "zstd", "merge": f"sha256:{'0' * 64}"}, True, ""),
    ],
)
def test_the_compression_of_a_push(
    publisher: Publisher, given: dict[str, str], containerd_store: bool, pushing: str | None
) -> None:
    publisher.docker.facts = LocalDaemon(containerd_store=containerd_store)
    if pushing == "":
        with pytest.raises(BadInput, match="compression"):
            publisher.publish(given)
        assert publisher.docker.builds == []
        return
    publisher.publish(given)
    arguments = publisher.docker.builds[0][0]
    assert [text for text in arguments if text == "--push" or text.startswith("--output")] == ([pushing] if pushing else [])


def test_a_push_that_is_tried_again_keeps_the_compression(publisher: Publisher) -> None:
    publisher.docker.failures = [
        [
            "#1 exporting to image",
            "#1 pushing layers",
            "#1 ERROR: failed to push x: 503 Service Unavailable",
            "ERROR: failed to push",
        ]
    ]
    publisher.publish({"compression": "zstd", **BUILDER})
    assert [ZSTD in arguments for arguments, _ in publisher.docker.builds] == [True, True]


def test_an_image_of_another_compression_is_not_reused(publisher: Publisher) -> None:
    publisher.docker.facts = LocalDaemon(containerd_store=True)
    built = [publisher.publish({"compression": kind}).outputs["built"] for kind in ("gzip", "zstd", "zstd", "gzip")]
    assert built == ["true", "true", "false", "false"]
