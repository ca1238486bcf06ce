"""Render the index that joins the images of several platforms."""

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
class PushedImage:
    """An image of one platform, as the registry describes it."""

    action: str
    platform: str
    digest: str
    size: int
    media_type: str


def index(images: Sequence[PushedImage], platforms: Sequence[str]) -> tuple[bytes, str]:
    """Return the index of an action's images and its media type; refuse a missing or repeated platform."""
    built = [image.platform for image in images]
    if sorted(built) != sorted(platforms):
        raise BadInput(
            f"{images[0].action if images else 'an action'} was built for {', '.join(built) or 'nothing'}, "
            f"and the release is for {', '.join(platforms)}",
            "build each platform once, on a machine of that platform",
        )
    kinds = {image.media_type for image in images}
    if not kinds <= {_DOCKER, _OCI}:
        raise BadInput(
            f"an index cannot hold manifests of type {', '.join(sorted(kinds))}", "push plain images, without attestations"
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
            for image in sorted(images, key=lambda image: image.platform)
        ],
    }
    return json.dumps(document, indent=2).encode(), media_type


def to_json(images: Sequence[PushedImage]) -> str:
    """Write images for the next job."""
    return json.dumps([asdict(image) for image in images], indent=2) + "\n"


def from_json(text: str) -> list[PushedImage]:
    """Read the text that `to_json` wrote."""
    return [PushedImage(**entry) for entry in json.loads(text)]
