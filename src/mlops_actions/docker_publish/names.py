"""Name the image that the inputs mean. Pure; `notes` say what was changed."""

from __future__ import annotations

import re
from dataclasses import dataclass

from mlops_actions.core import image_name, registries
from mlops_actions.core.errors import BadInput
from mlops_actions.core.image_name import ImageName
from mlops_actions.core.registries import DOCKER_HUB, GITHUB, BareName


@dataclass(frozen=True)
class ResolvedName:
    """A name, the tag given with it (by the older `name` only, else empty), and notes about changes."""

    name: ImageName
    tag: str = ""
    notes: tuple[str, ...] = ()


def resolve(image: str, registry: str | None, repository: str, github: str = GITHUB) -> ResolvedName:
    """Name the image that the input `image` means; `repository` is the GitHub repository, `owner/name`.

    `github` is the registry of the job's GitHub, which a bare name means.

    Raises BadInput for a tag or digest in the name, a second registry that contradicts it, or nothing usable.
    """
    text = _without_scheme(image)
    path, tag = image_name.split_tag(text)
    if tag or "@" in text:
        raise BadInput(
            f"input 'image' holds a tag or digest: {image!r}", "give the name alone in 'image' and the tag in 'tags'"
        )
    host, path = _in_registry("image", path, registry, default=github)
    if "/" not in path:
        bare_name = BareName.BELOW_THE_REPOSITORY if host == github else registries.known(host).bare_name
        if bare_name is BareName.BELOW_THE_REPOSITORY:
            path = f"{repository}/{path}"
        elif bare_name is BareName.NEEDS_AN_ACCOUNT:
            raise BadInput(
                f"input 'image' is {image!r}, but on Docker Hub an image belongs to an account",
                f"write 'account/{path}' with your Docker Hub account",
            )
    return _valid(image, host, path, notes=_closed_registry_notes(host, f"{image} {registry or ''}"))


def resolve_below_repository(image: str, registry: str | None, repository: str, github: str = GITHUB) -> ResolvedName:
    """Name the image of the older `image_name`: GitHub Packages kept it below the repository; so does ghcr.io."""
    path, tag = image_name.split_tag(image.strip())
    if tag or "@" in image:
        raise BadInput(f"input 'image_name' holds a tag: {image!r}", "give the tag in 'tag'")
    host, prefix = _split_registry(registry) if registry else (github, "")
    note = f"docker.pkg.github.com is closed: the image goes to {host}/{repository.lower()}"
    return _valid(image, host, "/".join(part for part in (prefix, repository, path) if part), notes=(note,))


def resolve_with_tag(image: str, registry: str | None) -> ResolvedName:
    """Name the image of the older `name`: `[registry/]owner/name[:tag]`; Docker Hub where no registry is given."""
    text = _without_scheme(image)
    path, tag = image_name.split_tag(text)
    if "@" in text:
        raise BadInput(f"input 'name' holds a digest: {image!r}", "give a name, with or without a tag")
    host, path = _in_registry("name", path, registry, default=DOCKER_HUB)
    namespace = registries.known(host).official_namespace
    if namespace and "/" not in path:
        path = f"{namespace}/{path}"
    return _valid(image, host, path, tag=tag, notes=_closed_registry_notes(host, f"{image} {registry or ''}"))


def has_host(text: str) -> bool:
    """Tell whether a name says which registry it is in."""
    return bool(image_name.split_host(_without_scheme(text))[0])


def _without_scheme(text: str) -> str:
    return re.sub(r"^[a-z]+://", "", text.strip(), flags=re.IGNORECASE).strip("/")


def _in_registry(input_name: str, path: str, registry: str | None, *, default: str) -> tuple[str, str]:
    """Return the host of the registry and the path in it, from a name and the input `registry`."""
    host, path = image_name.split_host(path)
    given_host, prefix = _split_registry(registry) if registry else ("", "")
    if host and given_host and registries.canonical(host) != given_host:
        raise BadInput(
            f"input '{input_name}' names the registry {host!r}, but input 'registry' names {given_host!r}",
            "give the registry in one of the two",
        )
    if prefix and not (path + "/").lower().startswith(prefix + "/"):
        path = f"{prefix}/{path}"
    return (registries.canonical(host) if host else given_host or default), path


def _split_registry(text: str) -> tuple[str, str]:
    """Split the input `registry` into its host and a path above all names (`europe-docker.pkg.dev/p/r`)."""
    host, _, prefix = _without_scheme(text).lower().partition("/")
    # Docker Hub's own address carries an API version: https://index.docker.io/v1/
    if registries.canonical(host) == DOCKER_HUB or prefix in ("v1", "v2"):
        prefix = ""
    if not image_name.HOST.fullmatch(host):
        raise BadInput(f"input 'registry' is not a host: {text!r}", "write it as in 'ghcr.io' or 'localhost:5000'")
    return registries.canonical(host), prefix.strip("/")


def _closed_registry_notes(host: str, text: str) -> tuple[str, ...]:
    closed = registries.closed_host_in(text)
    return (f"{closed} is closed: the image goes to {host}",) if closed and registries.canonical(closed) == host else ()


def _valid(image: str, host: str, path: str, *, tag: str = "", notes: tuple[str, ...]) -> ResolvedName:
    """Make the repository valid, and note the changes; raises BadInput where nothing is left."""
    parts = [_valid_component(part) for part in path.split("/") if part.strip()]
    repository = "/".join(part for part in parts if part)
    if not repository or not all(parts) or len(f"{host}/{repository}") > image_name.MAX_LENGTH:
        raise BadInput(
            f"no valid image name can be made of {image!r}",
            "use lower-case letters, digits and single '.', '_' or '-' between them, as in 'owner/name'",
        )
    if repository != path:
        notes += (f"the name {path!r} was made valid: {repository}",)
    return ResolvedName(ImageName(host, repository), tag, notes)


def _valid_component(text: str) -> str:
    lowered = text.strip().lower()
    if image_name.COMPONENT.fullmatch(lowered):
        return lowered
    # Unsafe characters become `-`. As separators the grammar allows `.`, `_`, `__` and any number of dashes.
    safe = re.sub(r"[^a-z0-9._-]+", "-", lowered)
    safe = re.sub(r"[._-]{2,}", lambda run: run[0] if run[0] == "__" or set(run[0]) == {"-"} else "-", safe)
    return safe.strip("._-")
