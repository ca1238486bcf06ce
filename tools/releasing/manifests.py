"""The index that makes the images of several platforms one."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from mlops_actions.core.errors import BadInput

_DOCKER = "application/vnd.docker.distribution.manifest.v2+json"
_DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
_OCI = "application/vnd.oci.image.manifest.v1+json"
_OCI_INDEX = "application/vnd.oci.image.index.v1+json"


@dataclass(frozen=True)
class Pushed:
    """One image of one platform, as its registry knows it."""

    action: str
    platform: str
    digest: str
    size: int
    media_type: str


def index(images: Sequence[Pushed], platforms: Sequence[str]) -> tuple[bytes, str]:
    """The index of an action's images and its media type; a platform that is missing or there twice is refused."""
    found = [image.platform for image in images]
    if sorted(found) != sorted(platforms):
        raise BadInput(
            f"{images[0].action if images else 'an action'} was built for {', '.join(found) or 'nothing'}, "
            f"and the release is for {', '.join(platforms)}",
            "build each platform once, on a machine of its kind",
        )
    kinds = {image.media_type for image in images}
    if not kinds <= {_DOCKER, _OCI}:
        raise BadInput(
            f"no index can hold manifests of {', '.join(sorted(kinds))}", "push plain images, without attestations"
        )
    media_type = _DOCKER_LIST if kinds == {_DOCKER} else _OCI_INDEX
    document = {
        "schemaVersion": 2,
        "mediaType": media_type,
        "manifests": [
            {
                "mediaType": image.media_type,
                "digest": image.digest,
                "size": image.size,
                "platform": dict(zip(("os", "architecture"), image.platform.split("/"), strict=True)),
            }
            for image in sorted(images, key=lambda one: one.platform)
        ],
    }
    return json.dumps(document, indent=2).encode(), media_type


def to_json(images: Sequence[Pushed]) -> str:
    """Hand images on to the next job."""
    return json.dumps([asdict(image) for image in images], indent=2) + "\n"


def from_json(text: str) -> list[Pushed]:
    """Read what `to_json` wrote."""
    return [Pushed(**entry) for entry in json.loads(text)]
