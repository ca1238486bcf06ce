"""The layers of an image: what made each, by its history and the Dockerfile, and what changed against another image."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest

from mlops_actions.core.errors import Unavailable
from mlops_actions.core.image_name import ImageName
from mlops_actions.core.oci import IMAGE_INDEX, IMAGE_MANIFEST, Manifest
from mlops_actions.docker_publish.dockerfile import instructions
from mlops_actions.docker_publish.layers import growth, image_layers, made_by
from mlops_actions.docker_publish.layers.image_layers import HistoryEntry, ImageLayers, Layer
from mlops_actions.docker_publish.layers.made_by import DividedImage

NAME = ImageName("registry.example.com", "octo/digits")


class Images:
    """The reading half of a registry."""

    def __init__(self) -> None:
        self.manifests: dict[str, Manifest] = {}
        self.blobs: dict[str, bytes] = {}

    def manifest(self, repository: str, reference: str) -> Manifest | None:
        return self.manifests.get(reference)

    def blob(self, repository: str, digest: str) -> bytes:
        if digest not in self.blobs:
            raise Unavailable("gone", "build it again")
        return self.blobs[digest]

    def add(self, document: dict[str, Any], config: dict[str, Any] | None = None) -> Manifest:
        digest = f"sha256:{len(self.manifests):064}"
        if config is not None:
            self.blobs[digest] = json.dumps(config).encode()
            document["config"] = {"digest": digest, "size": 1}
        kind = IMAGE_INDEX if "manifests" in document else IMAGE_MANIFEST
        self.manifests[digest] = Manifest(digest, kind, json.dumps(document).encode())
        return self.manifests[digest]


def read(images: Images, manifest: Manifest, platform: str = "") -> ImageLayers | None:
    return image_layers.read(images, NAME, manifest, platform)  # type: ignore[arg-type]


def descriptors(*sizes: int) -> list[dict[str, Any]]:
    return [{"digest": f"sha256:{size:064}", "size": size, "mediaType": "x.tar+gzip"} for size in sizes]


# As BuildKit, the classic builder, kaniko and buildah record instructions.
@pytest.mark.parametrize(
    ("created_by", "command"),
    [
        ("RUN /bin/sh -c pip install torch # buildkit", "RUN pip install torch"),
        ('RUN |1 GREETING=hello /bin/sh -c echo "$GREETING" # buildkit', 'RUN echo "$GREETING"'),
        ("RUN |2 A=1 B=two words /bin/sh -c make # buildkit", "RUN make"),
        ("RUN |1 TOKEN=tr0ub4dor python train.py # buildkit", "RUN python train.py"),
        ("RUN /bin/bash -o pipefail -c curl x | sh # buildkit", "RUN curl x | sh"),
        ("RUN /bin/bash -euo pipefail -c make # buildkit", "RUN make"),
        (
            "RUN /bin/sh -c apt-get update &&     apt-get install -y git # buildkit",
            "RUN apt-get update && apt-get install -y git",
        ),
        ("COPY . /app # buildkit", "COPY . /app"),
        ("WORKDIR /app", "WORKDIR /app"),
        ("/bin/sh -c #(nop) ADD file:1234 in / ", "ADD file:1234 in /"),
        ('/bin/sh -c #(nop)  CMD ["bash"]', 'CMD ["bash"]'),
        ("/bin/sh -c apt-get update", "RUN apt-get update"),
        ("# debian.sh --arch 'amd64' out/ 'trixie'", "# debian.sh --arch 'amd64' out/ 'trixie'"),
        ("", ""),
    ],
)
def test_an_instruction_is_shown_as_it_was_written(created_by: str, command: str) -> None:
    assert image_layers.plain_command(created_by) == command


CONFIG: dict[str, Any] = {
    "os": "linux",
    "architecture": "amd64",
    "config": {"Env": ["PIP_NO_CACHE_DIR=1", "PATH=/bin:/usr/bin"]},
    "history": [
        {"created_by": "ENV A=1", "empty_layer": True},
        {"created_by": "COPY . /app # buildkit"},
        {"created_by": "RUN /bin/sh -c make # buildkit"},
    ],
}


def test_layers_are_assigned_to_the_history() -> None:
    images = Images()
    image = read(images, images.add({"layers": descriptors(5, 7)}, CONFIG))
    assert image is not None
    assert image.platform == "linux/amd64"
    assert image.size == 12
    assert image.environment["PIP_NO_CACHE_DIR"] == "1"
    assert [image.command_of(index) for index in range(2)] == ["COPY . /app", "RUN make"]


@pytest.mark.parametrize(
    "history", [None, [], [{"created_by": "RUN x"}], [{"created_by": None}] * 3, [{"empty_layer": True}]]
)
def test_a_history_that_does_not_fit_is_not_used(history: Any) -> None:
    images = Images()
    image = read(images, images.add({"layers": descriptors(5, 7)}, CONFIG | {"history": history}))
    assert image is not None
    assert image.history == ()


@pytest.mark.parametrize(
    ("document", "config"),
    [
        ({}, CONFIG),
        ({"layers": [{"digest": "x"}]}, CONFIG),
        ({"layers": [5]}, CONFIG),
        ({"layers": descriptors(1)}, None),
        ({"layers": descriptors(1)}, {"history": [5]}),
        ({"layers": descriptors(1)}, {"config": {"Env": 5}}),
        ({"manifests": []}, None),
        ({"manifests": [{"digest": "sha256:gone"}]}, None),
        ({"manifests": "x"}, None),
    ],
)
def test_what_cannot_be_read_has_no_layers(document: dict[str, Any], config: dict[str, Any] | None) -> None:
    images = Images()
    assert read(images, images.add(document, config)) is None


@pytest.mark.parametrize(
    ("asked", "sizes"), [("", [5]), ("linux/arm64/v8", [9]), ("windows/amd64", [5]), ("linux/amd64", [5])]
)
def test_one_platform_of_an_index_is_read(asked: str, sizes: list[int]) -> None:
    images = Images()
    arm = images.add({"layers": descriptors(9)}, CONFIG | {"architecture": "arm64", "variant": "v8", "history": []})
    amd = images.add({"layers": descriptors(5)}, CONFIG | {"history": []})
    attestation = {"digest": "sha256:x", "annotations": {"vnd.docker.reference.type": "attestation-manifest"}}
    entries = [
        attestation | {"platform": {"os": "unknown", "architecture": "unknown"}},
        {"digest": arm.digest, "platform": {"os": "linux", "architecture": "arm64", "variant": "v8"}},
        {"digest": amd.digest, "platform": {"os": "linux", "architecture": "amd64"}},
    ]
    image = read(images, images.add({"manifests": entries}), asked)
    assert image is not None
    assert [layer.size for layer in image.layers] == sizes


def image_of(*entries: tuple[str, int]) -> ImageLayers:
    """An image from its history: each instruction with its layer's size, 0 for none; the digest is the size."""
    layers: list[Layer] = []
    history: list[HistoryEntry] = []
    for command, size in entries:
        history.append(HistoryEntry(command, len(layers) if size else None))
        if size:
            layers.append(Layer(f"sha256:{size:064}", size, "x.tar+gzip"))
    return ImageLayers("linux/amd64", tuple(layers), tuple(history))


BASE = (("ADD rootfs", 100), ("ENV PATH=/usr/bin", 0), ("RUN apt-get update", 50), ("CMD bash", 0))


@pytest.mark.parametrize(
    ("dockerfile", "target", "entries", "base", "base_sizes", "own"),
    [
        ("FROM cuda\nCOPY . /a\nRUN make\n", "", (("COPY . /a", 7), ("RUN make", 9)), "cuda", [100, 50], [(2, 7), (3, 9)]),
        ("FROM cuda\nENV A=1\nCMD x\n", "", (("ENV A=1", 0), ("CMD x", 0)), "cuda", [100, 50], []),
        (
            "FROM cuda AS base\nRUN one\nFROM base\nRUN two\n",
            "",
            (("RUN one", 7), ("RUN two", 9)),
            "cuda",
            [100, 50],
            [(2, 7), (4, 9)],
        ),
        (
            "FROM cuda AS a\nRUN one\nFROM other AS b\nRUN two\n",
            "a",
            (("RUN one", 7),),
            "cuda",
            [100, 50],
            [(2, 7)],
        ),
        (
            "FROM cuda\nRUN one\nFROM 0\nRUN two\n",
            "",
            (("RUN one", 7), ("RUN two", 9)),
            "cuda",
            [100, 50],
            [(2, 7), (4, 9)],
        ),
        (
            "FROM --platform=linux/amd64 cuda\nARG A\nWORKDIR /a\n",
            "",
            (("ARG A", 0), ("WORKDIR /a", 3)),
            "cuda",
            [100, 50],
            [(3, 3)],
        ),
        ("FROM cuda\nONBUILD RUN x\nRUN one\n", "", (("RUN one", 7),), "cuda", [100, 50], [(3, 7)]),
        ("FROM cuda\nRUN one\n", "", (("RUN one", 7), ("LABEL a=b", 0)), "cuda", [100, 50], [(2, 7)]),
        ("FROM cuda\nCOPY a /a\nADD b /b\n", "", (("COPY a /a", 7),), "", [], [(0, 100), (0, 50), (0, 7)]),
        ("", "", (("COPY a /a", 7),), "", [], [(0, 100), (0, 50), (0, 7)]),
    ],
)
def test_layers_belong_to_the_base_or_to_lines(
    dockerfile: str,
    target: str,
    entries: Sequence[tuple[str, int]],
    base: str,
    base_sizes: list[int],
    own: list[tuple[int, int]],
) -> None:
    divided = made_by.divide(image_of(*BASE, *entries), instructions.parse(dockerfile), target)
    assert divided.base == base
    assert [layer.size for layer in divided.base_layers] == base_sizes
    assert [(made.line, made.layer.size) for made in divided.own] == own


def test_without_a_history_layers_have_no_lines() -> None:
    image = ImageLayers("linux/amd64", image_of(*BASE).layers, ())
    divided = made_by.divide(image, instructions.parse("FROM x\nRUN y\n"))
    assert [(made.index, made.line, made.command) for made in divided.own] == [(0, 0, ""), (1, 0, "")]


def own_image(*entries: tuple[str, int]) -> DividedImage:
    dockerfile = "FROM cuda\n" + "\n".join(command for command, _ in entries) + "\n"
    return made_by.divide(image_of(*BASE, *entries), instructions.parse(dockerfile))


NEWER_BASE = (("ADD rootfs", 110), ("ENV PATH=/usr/bin", 0), ("RUN apt-get update", 60))


@pytest.mark.parametrize(
    ("image", "earlier", "layers", "base_before", "removed"),
    [
        (own_image(("RUN a", 7)), image_of(*BASE, ("RUN a", 7)), [(7, True)], 150, []),
        (own_image(("RUN a", 9)), image_of(*BASE, ("RUN a", 7)), [(7, False)], 150, []),
        (own_image(("RUN a", 7), ("RUN b", 8)), image_of(*BASE, ("RUN a", 7)), [(7, True), (None, False)], 150, []),
        (own_image(("RUN b", 8)), image_of(*BASE, ("RUN a", 7), ("RUN b", 8)), [(8, True)], 150, [("RUN a", 7)]),
        (own_image(("RUN a", 9)), image_of(*NEWER_BASE, ("RUN a", 7)), [(7, False)], 170, []),
        (own_image(("RUN a", 9)), image_of(*NEWER_BASE, ("RUN b", 7), ("RUN a", 8)), [(8, False)], 177, []),
        (own_image(("RUN a", 7), ("RUN a", 8)), image_of(*BASE, ("RUN a", 8)), [(None, False), (8, True)], 150, []),
        (own_image(("RUN a", 7)), ImageLayers("", image_of(*BASE, ("", 7)).layers, ()), [(7, True)], 150, []),
    ],
)
def test_growth(
    image: DividedImage,
    earlier: ImageLayers,
    layers: list[tuple[int | None, bool]],
    base_before: int,
    removed: list[tuple[str, int]],
) -> None:
    found = growth.compare(image, earlier)
    assert [(layer.before, layer.kept) for layer in found.layers] == layers
    assert found.base_before == base_before
    assert list(found.removed) == removed
    assert found.before == earlier.size
    # Nothing is counted twice or lost: the changes add up to the difference of the two sizes.
    changes = sum(layer.made.layer.size - (layer.before or 0) for layer in found.layers)
    changes += found.base_size - base_before - sum(size for _, size in removed)
    assert changes == found.size - earlier.size


def test_without_an_earlier_image_nothing_is_compared() -> None:
    found = growth.compare(own_image(("RUN a", 7)), None)
    assert (found.size, found.before, found.base_size, found.base_before) == (157, None, 150, None)
    assert [(layer.before, layer.kept) for layer in found.layers] == [(None, False)]
