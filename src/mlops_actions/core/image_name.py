"""Names of container images, as Docker reads them.

Grammar: github.com/distribution/reference (a first component with `.` or `:`, or `localhost`, is a registry's host).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from mlops_actions.core.registries import DOCKER_HUB, canonical, known

HOST = re.compile(
    r"(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*|\[[0-9a-f:]+\])(?::[0-9]{1,5})?"
)
COMPONENT = re.compile(r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*")
MAX_LENGTH = 255  # characters of the whole name, host included


@dataclass(frozen=True)
class ImageName:
    """A repository in a registry; `registry` is a host with an optional port, `repository` has no host and no tag."""

    registry: str
    repository: str

    def __str__(self) -> str:
        return f"{self.registry}/{self.repository}"

    def tagged(self, tag: str) -> str:
        """Return `registry/name:tag`."""
        return f"{self}:{tag}"

    def at(self, digest: str) -> str:
        """Return `registry/name@sha256:…`."""
        return f"{self}@{digest}"

    @property
    def familiar(self) -> str:
        """The name as Docker's own tools show it: without Docker Hub's host and the namespace of its official images."""
        entry = known(self.registry)
        return self.repository.removeprefix(f"{entry.official_namespace}/") if entry.host_is_implied else str(self)


@dataclass(frozen=True)
class ImageReference:
    """An image by tag or digest; `version` holds the one that was given, else `latest`."""

    name: ImageName
    version: str


def parse_reference(text: str) -> ImageReference:
    """Read an image reference as Docker does: `debian` is `docker.io/library/debian:latest`."""
    before_digest, at, digest = text.partition("@")
    path, tag = split_tag(before_digest)
    host, path = split_host(path)
    host = canonical(host) if host else DOCKER_HUB
    namespace = known(host).official_namespace
    if namespace and "/" not in path:
        path = f"{namespace}/{path}"
    return ImageReference(ImageName(host, path), digest if at else tag or "latest")


def shown(text: str) -> str:
    """Quote a text that should have been a name, for a message: one line of bounded length."""
    return repr(" ".join(text.split())[:80])


def split_tag(text: str) -> tuple[str, str]:
    """Split at a colon behind the last slash: before it, a colon belongs to a port."""
    before, slash, last = text.rpartition("/")
    name, _, tag = last.partition("@")[0].partition(":")
    return before + slash + name, tag


def split_host(path: str) -> tuple[str, str]:
    """Split a name into the registry's host (lower case, empty where it names none) and the rest."""
    first, slash, rest = path.partition("/")
    is_host = bool(slash) and ("." in first or ":" in first or first.lower() == "localhost")
    # A first component such as `.github` is no host: a host starts with a letter or digit.
    return (first.lower(), rest) if is_host and HOST.fullmatch(first.lower()) else ("", path)
