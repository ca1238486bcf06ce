"""What the image is called: inputs → registry and repository. Pure; what had to be changed is said in `notes`.

Grammar: github.com/distribution/reference (a first component with `.` or `:`, or `localhost`, is a registry's host).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from mlops_actions.core.errors import BadInput

GITHUB = "ghcr.io"
DOCKER_HUB = "docker.io"
# Names under which Docker Hub is known; its API answers at the last one.
_DOCKER_HUB_NAMES = frozenset({"docker.io", "index.docker.io", "hub.docker.com", "registry-1.docker.io"})
# GitHub closed docker.pkg.github.com on 2025-02-24 and serves its images from ghcr.io.
_CLOSED = frozenset({"docker.pkg.github.com", "docker.github.com"})

_HOST = re.compile(
    r"(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*|\[[0-9a-f:]+\])(?::[0-9]{1,5})?"
)
_COMPONENT = re.compile(r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*")
_NAME_LIMIT = 255  # characters of the whole name, host included (distribution/reference)


@dataclass(frozen=True)
class ImageName:
    """A repository in a registry; `registry` is a host with an optional port, `repository` has no host and no tag."""

    registry: str
    repository: str

    def __str__(self) -> str:
        return f"{self.registry}/{self.repository}"

    def tagged(self, tag: str) -> str:
        """`registry/name:tag`."""
        return f"{self}:{tag}"

    def at(self, digest: str) -> str:
        """`registry/name@sha256:…`."""
        return f"{self}@{digest}"


@dataclass(frozen=True)
class Resolved:
    """A name, the tag that stood behind it (legacy `name` only, else empty), and what was changed on the way."""

    name: ImageName
    tag: str = ""
    notes: tuple[str, ...] = ()


def resolve(image: str, registry: str | None, repository: str) -> Resolved:
    """Name the image that the input `image` means; `repository` is the GitHub repository, `owner/name`.

    Raises BadInput for a tag or digest in the name, a second registry that contradicts it, or nothing usable.
    """
    text = _scheme_off(image.strip())
    path, tag = _split_tag(text)
    if tag or "@" in text:
        raise BadInput(
            f"input 'image' holds a tag or digest: {image!r}", "give the name alone in 'image' and the tag in 'tags'"
        )
    host, path = _split_host(path)
    given_host, prefix = _registry(registry) if registry else ("", "")
    if host and given_host and _canonical(host) != given_host:
        raise BadInput(
            f"input 'image' names the registry {host!r}, but input 'registry' names {given_host!r}",
            "give the registry in one of the two",
        )
    host = _canonical(host) if host else given_host or GITHUB
    if prefix and not (path + "/").lower().startswith(prefix + "/"):
        path = f"{prefix}/{path}"
    if host == GITHUB and "/" not in path:
        path = f"{repository}/{path}"
    if host == DOCKER_HUB and "/" not in path:
        raise BadInput(
            f"input 'image' is {image!r}, but on Docker Hub an image belongs to an account",
            f"write 'account/{path}' with your Docker Hub account",
        )
    return _made(image, host, path, _moved(host, image, registry))


def resolve_package(image_name: str, registry: str | None, repository: str) -> Resolved:
    """Name the image of the legacy `image_name`: GitHub Packages kept it below the repository; so does ghcr.io."""
    path, tag = _split_tag(image_name.strip())
    if tag or "@" in image_name:
        raise BadInput(f"input 'image_name' holds a tag: {image_name!r}", "give the tag in 'tag'")
    host, prefix = _registry(registry) if registry else (GITHUB, "")
    note = f"docker.pkg.github.com is closed: the image goes to {host}/{repository.lower()}"
    return _made(image_name, host, "/".join(part for part in (prefix, repository, path) if part), (note,))


def resolve_legacy_name(name: str, registry: str | None) -> Resolved:
    """Name the image of the legacy `name`: `[registry/]owner/name[:tag]`; Docker Hub where no registry is given."""
    text = _scheme_off(name.strip())
    path, tag = _split_tag(text)
    if "@" in text:
        raise BadInput(f"input 'name' holds a digest: {name!r}", "give a name, with or without a tag")
    host, path = _split_host(path)
    given_host, prefix = _registry(registry) if registry else ("", "")
    if host and given_host and _canonical(host) != given_host:
        raise BadInput(
            f"input 'name' names the registry {host!r}, but input 'registry' names {given_host!r}",
            "give the registry in one of the two",
        )
    if prefix and not (path + "/").lower().startswith(prefix + "/"):
        path = f"{prefix}/{path}"
    host = _canonical(host) if host else given_host or DOCKER_HUB
    if host == DOCKER_HUB and "/" not in path:
        path = f"library/{path}"  # what Docker itself makes of a bare name
    made = _made(name, host, path, _moved(host, name, registry))
    return Resolved(made.name, tag, made.notes)


def has_host(text: str) -> bool:
    """Whether a name says which registry it is in."""
    return bool(_split_host(_scheme_off(text.strip()))[0])


def parse_reference(text: str) -> tuple[str, str, str]:
    """Split an image reference as Docker reads it into registry, repository and tag or digest (`debian` → docker.io …)."""
    before, at, digest = text.partition("@")
    path, tag = _split_tag(before)
    host, path = _split_host(path)
    host = _canonical(host) if host else DOCKER_HUB
    if host == DOCKER_HUB and "/" not in path:
        path = f"library/{path}"
    return host, path, digest if at else tag or "latest"


def _scheme_off(text: str) -> str:
    return re.sub(r"^[a-z]+://", "", text, flags=re.IGNORECASE).strip("/")


def _split_tag(text: str) -> tuple[str, str]:
    """Split at a colon behind the last slash: before it, a colon belongs to a port."""
    before, slash, last = text.rpartition("/")
    name, _, tag = last.partition("@")[0].partition(":")
    return before + slash + name, tag


def _split_host(path: str) -> tuple[str, str]:
    first, slash, rest = path.partition("/")
    is_host = bool(slash) and ("." in first or ":" in first or first.lower() == "localhost")
    # A first component such as `.github` is no host: a host starts with a letter or digit.
    return (first.lower(), rest) if is_host and _HOST.fullmatch(first.lower()) else ("", path)


def _registry(text: str) -> tuple[str, str]:
    """Split the input `registry` into its host and a path that names are put below (`europe-docker.pkg.dev/p/r`)."""
    host, _, prefix = _scheme_off(text.strip()).lower().partition("/")
    # Docker Hub's own address carries an API version: https://index.docker.io/v1/
    if _canonical(host) == DOCKER_HUB or prefix in ("v1", "v2"):
        prefix = ""
    if not _HOST.fullmatch(host):
        raise BadInput(f"input 'registry' is not a host: {text!r}", "write it as in 'ghcr.io' or 'localhost:5000'")
    return _canonical(host), prefix.strip("/")


def _canonical(host: str) -> str:
    if host in _CLOSED:
        return GITHUB
    return DOCKER_HUB if host in _DOCKER_HUB_NAMES else host


def _moved(host: str, *given: str | None) -> tuple[str, ...]:
    text = " ".join(part or "" for part in given).lower()
    closed = next((name for name in sorted(_CLOSED) if name in text), "")
    return (f"{closed} is closed: the image goes to {host}",) if closed and host == GITHUB else ()


def _made(given: str, host: str, path: str, notes: tuple[str, ...]) -> Resolved:
    """Make the repository valid; the notes say what was changed. Raises BadInput where nothing is left of it."""
    parts = [_component(part) for part in path.split("/") if part.strip()]
    repository = "/".join(part for part in parts if part)
    if not repository or not all(parts) or len(f"{host}/{repository}") > _NAME_LIMIT:
        raise BadInput(
            f"no valid image name can be made of {given!r}",
            "use lower-case letters, digits and single '.', '_' or '-' between them, as in 'owner/name'",
        )
    if repository != path:
        notes += (f"the name {path!r} was made valid: {repository}",)
    return Resolved(ImageName(host, repository), notes=notes)


def _component(text: str) -> str:
    lowered = text.strip().lower()
    if _COMPONENT.fullmatch(lowered):
        return lowered
    # Unsafe characters become `-`; of a run of separators the registry's grammar knows `.`, `_`, `__` and dashes.
    safe = re.sub(r"[^a-z0-9._-]+", "-", lowered)
    safe = re.sub(r"[._-]{2,}", lambda run: run[0] if run[0] == "__" or set(run[0]) == {"-"} else "-", safe)
    return safe.strip("._-")
