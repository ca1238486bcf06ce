"""The images that have this image's tags now, as the registry shows them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from mlops_actions.core.errors import ActionError
from mlops_actions.core.image_name import ImageName
from mlops_actions.core.oci import json_object
from mlops_actions.docker_publish.ports import Registry


class RegistryImages:
    """Reads what a tag stands for, each once."""

    def __init__(self, registry: Registry, name: ImageName) -> None:
        self._registry = registry
        self._name = name
        self.labels = cache(self._labels)

    def digest(self, tag: str) -> str | None:
        """Return the digest of a tag, None where no image has it; raises Refused and Unavailable."""
        return self._registry.digest_of(self._name.repository, tag)

    def _labels(self, tag: str) -> Mapping[str, str]:
        """Return the labels of the image with a tag, none where they cannot be read; an index's annotations come first."""
        repository = self._name.repository
        try:
            manifest = self._registry.manifest(repository, tag)
            document = manifest.document if manifest else {}
            annotations = _texts(document.get("annotations"))
            if "manifests" in document:
                child = self._registry.manifest(repository, str(document["manifests"][0]["digest"]))
                document = child.document if child else {}
            config = json_object(self._registry.blob(repository, str(document["config"]["digest"])))
            return {**_texts(config["config"].get("Labels")), **annotations}
        except (ActionError, KeyError, IndexError, TypeError, AttributeError):
            return {}


def _texts(value: object) -> dict[str, str]:
    return {str(key): str(text) for key, text in value.items()} if isinstance(value, dict) else {}
