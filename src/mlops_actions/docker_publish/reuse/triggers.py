"""What the base images of a build bring along: instructions of ONBUILD, which run in every build that starts from them.

They are looked at only where an image is built. One that reads what no hash covers gets no fingerprint's tag, so an image
that has such a tag needs no second look.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from mlops_actions.core.errors import ActionError
from mlops_actions.core.oci import json_object
from mlops_actions.docker_publish.dockerfile import bases, instructions, paths
from mlops_actions.docker_publish.ports import Registry
from mlops_actions.docker_publish.reuse import variables


def find_unknown(
    base_images: Iterable[str],
    triggers_of: Callable[[str], Sequence[str] | None],
    *,
    git: bool,
    left_out: Sequence[str] = (),
) -> str:
    """Say why a build from these images has an input that no fingerprint covers; empty: it has none.

    `triggers_of` returns the instructions of an image, None where they cannot be read; `git` tells whether the fingerprint
    covers the context's `.git`; `left_out` are the build arguments that it leaves out.
    """
    for image in base_images:
        triggers = triggers_of(image)
        if triggers is None:
            return f"the ONBUILD of {image!r} cannot be read"
        if not triggers:
            continue
        content = "\n".join(("FROM scratch", *triggers, "")).encode("utf-8", "replace")
        parsed = instructions.parse(content)
        found = bases.find_base_images(parsed, {})
        if found.reasons:
            return f"the ONBUILD of {image!r} reads what is not known here: {found.reasons[0].partition(': ')[2]}"
        if found.images:
            return f"the ONBUILD of {image!r} reads {found.images[0]!r}"
        if name := variables.unhashed(variables.searched_text(content, parsed), left_out):
            return f"the ONBUILD of {image!r} reads {name}, which differs between commits or builders"
        if not git and paths.sees_git(parsed, {}):
            return f"the ONBUILD of {image!r} copies '.git' (a line '.git' in .dockerignore helps)"
    return ""


def read_triggers(registry: Registry, repository: str, digest: str) -> tuple[str, ...] | None:
    """Return the instructions of an image in a registry, of all platforms together; None where they cannot be read."""
    try:
        manifest = registry.manifest(repository, digest)
        if manifest is None:
            return None
        if "manifests" in manifest.document:
            found: dict[str, None] = {}
            for entry in manifest.document["manifests"]:
                if _is_attestation(entry):
                    continue
                triggers = read_triggers(registry, repository, str(entry["digest"]))
                if triggers is None:
                    return None
                found |= dict.fromkeys(triggers)
            return tuple(found)
        config = json_object(registry.blob(repository, str(manifest.document["config"]["digest"]))).get("config") or {}
        return tuple(map(str, config.get("OnBuild") or ()))
    except (ActionError, KeyError, TypeError, AttributeError):
        return None


def _is_attestation(entry: dict[str, object]) -> bool:
    annotations = entry.get("annotations")
    return isinstance(annotations, dict) and "vnd.docker.reference.type" in annotations
