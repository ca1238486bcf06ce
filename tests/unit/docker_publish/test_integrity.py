"""Which parts of an image are looked for before it is handed out again."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

import pytest

from mlops_actions.core.errors import Refused
from mlops_actions.core.image_name import ImageName
from mlops_actions.core.oci import IMAGE_INDEX, IMAGE_MANIFEST, Manifest
from mlops_actions.docker_publish.reuse.integrity import find_damage

NAME = ImageName("ghcr.io", "octo/app")


def digest(content: bytes) -> str:
    return "sha256:" + sha256(content).hexdigest()


def descriptor(name: str, **more: Any) -> dict[str, Any]:
    return {"digest": digest(name.encode()), "size": 1, **more}


def made(document: Mapping[str, Any], media_type: str = IMAGE_MANIFEST) -> Manifest:
    content = json.dumps(document).encode()
    return Manifest(digest(content), media_type, content)


def image(config: str, *layers: str) -> Manifest:
    return made({"config": descriptor(config), "layers": [descriptor(layer) for layer in layers]})


def index(*images: Manifest) -> Manifest:
    return made({"manifests": [{"digest": entry.digest, "size": 1} for entry in images]}, IMAGE_INDEX)


@dataclass
class Shelf:
    """A registry of which parts are lost; `asked` counts the questions for each digest."""

    manifests: dict[str, Manifest] = field(default_factory=dict)
    lost: frozenset[str] = frozenset()
    refuses: bool = False
    asked: list[str] = field(default_factory=list)
    together: threading.Barrier | None = None

    def manifest(self, repository: str, reference: str) -> Manifest | None:
        return None if reference in self.lost else self.manifests.get(reference)

    def has_blob(self, repository: str, blob: str) -> bool:
        assert repository == NAME.repository
        if self.together:
            self.together.wait(timeout=30)
        if self.refuses:
            raise Refused("looking for a layer failed with status 403", "")
        self.asked.append(blob)
        return blob not in self.lost


AMD, ARM, ATTESTATION = image("config-amd", "base", "amd"), image("config-arm", "base", "arm"), image("statement", "in-toto")
FOREIGN = made(
    {"config": descriptor("config"), "layers": [descriptor("windows", urls=["https://x.example/"]), descriptor("own")]}
)
NESTED = index(index(AMD))


def lost(*names: str) -> frozenset[str]:
    return frozenset(digest(name.encode()) for name in names)


@pytest.mark.parametrize(
    ("manifest", "gone", "expected"),
    [
        pytest.param(AMD, lost(), "", id="an image"),
        pytest.param(AMD, lost("config-amd"), "configuration", id="its configuration"),
        pytest.param(AMD, lost("base"), "layer", id="its first layer"),
        pytest.param(AMD, lost("amd"), "layer", id="its last layer"),
        pytest.param(AMD, lost("arm"), "", id="another image's layer"),
        pytest.param(index(AMD, ARM), lost(), "", id="an index"),
        pytest.param(index(AMD, ARM), frozenset({ARM.digest}), "manifest", id="a child of an index"),
        pytest.param(index(AMD, ARM), lost("arm"), "layer", id="a layer of one platform"),
        pytest.param(index(AMD, ARM), lost("config-arm"), "configuration", id="the configuration of one platform"),
        pytest.param(index(AMD, ATTESTATION), lost(), "", id="an index with an attestation"),
        pytest.param(index(AMD, ATTESTATION), frozenset({ATTESTATION.digest}), "manifest", id="an attestation"),
        pytest.param(index(AMD, ATTESTATION), lost("in-toto"), "layer", id="the statement of an attestation"),
        pytest.param(FOREIGN, lost("windows"), "", id="a foreign layer, which is kept elsewhere"),
        pytest.param(FOREIGN, lost("own"), "layer", id="a layer beside a foreign one"),
        pytest.param(index(), lost(), "", id="an empty index"),
        pytest.param(image("config-amd"), lost(), "", id="an image without layers"),
        pytest.param(NESTED, lost(), "index again", id="an index in an index"),
        pytest.param(image("config-amd", *map(str, range(3000))), lost(), "too many", id="more layers than an image has"),
    ],
)
def test_each_part_of_an_image_is_looked_for(manifest: Manifest, gone: frozenset[str], expected: str) -> None:
    known = {entry.digest: entry for entry in (AMD, ARM, ATTESTATION, index(AMD))}
    damage = find_damage(Shelf(known, gone), NAME, manifest)  # type: ignore[arg-type]
    assert bool(damage) == bool(expected)
    assert expected in damage


def test_a_layer_that_several_platforms_share_is_asked_for_once() -> None:
    shelf = Shelf({entry.digest: entry for entry in (AMD, ARM)})
    assert find_damage(shelf, NAME, index(AMD, ARM)) == ""  # type: ignore[arg-type]
    assert len(shelf.asked) == len(set(shelf.asked)) == 5


def test_parts_are_asked_for_together() -> None:
    shelf = Shelf(together=threading.Barrier(8))
    assert find_damage(shelf, NAME, image("config", *map(str, range(15)))) == ""  # type: ignore[arg-type]


def test_a_registry_that_refuses_is_no_damage() -> None:
    with pytest.raises(Refused, match="403"):
        find_damage(Shelf(refuses=True), NAME, AMD)  # type: ignore[arg-type]
