"""What an image says about the build that made it: labels that this action writes, and no input can change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mlops_actions.core.errors import ActionError
from mlops_actions.core.image_name import ImageName
from mlops_actions.core.oci import Manifest, json_object
from mlops_actions.core.provenance import PREFIX, REPOSITORY, SHA, is_sha
from mlops_actions.docker_publish.ports import Registry
from mlops_actions.docker_publish.reuse import trust_scopes

TRUST = f"{PREFIX}/trust"


@dataclass(frozen=True)
class Origin:
    """The commit that built an image and its repository (empty where the image does not say), and its trust scope."""

    sha: str = ""
    repository: str = ""
    trust: str = trust_scopes.OPEN


def labels(sha: str, repository: str, trust_scope: str) -> dict[str, str]:
    """Return the labels of an image that is built now."""
    return {SHA: sha, REPOSITORY: repository, TRUST: trust_scope}


def read_origin(registry: Registry, name: ImageName, manifest: Manifest) -> Origin:
    """Read the labels of an image, or of the first image of an index; what cannot be read is not known."""
    try:
        document = manifest.document
        if "manifests" in document:
            child = registry.manifest(name.repository, document["manifests"][0]["digest"])
            document = child.document if child else {}
        return of_labels(json_object(registry.blob(name.repository, document["config"]["digest"]))["config"]["Labels"])
    except (ActionError, KeyError, IndexError, TypeError, AttributeError):
        return Origin()


def is_of_scope(registry: Registry, name: ImageName, tag: str, scopes: Sequence[str]) -> bool:
    """Tell whether the image of a tag is there, and of one of these trust scopes; what cannot be read is not."""
    try:
        manifest = registry.manifest(name.repository, tag)
    except ActionError:
        return False
    return manifest is not None and read_origin(registry, name, manifest).trust in scopes


def of_labels(texts: Mapping[str, object]) -> Origin:
    """Read the labels; an image without them was not built by this action, and is trusted as one of an open ref."""
    sha, repository, scope = (str(texts.get(name) or "") for name in (SHA, REPOSITORY, TRUST))
    return Origin(sha if is_sha(sha) else "", repository, scope or trust_scopes.OPEN)
