"""The images that a Docker daemon has: what they are, and their names."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from mlops_actions.core.errors import BadInput

if TYPE_CHECKING:
    import docker

T = TypeVar("T")

# An image's name with a tag or a digest; no part is empty or consists of dots alone.
_REFERENCE = re.compile(r"[A-Za-z0-9][\w.-]*(:[0-9]+)?(/[A-Za-z0-9][\w.-]*)*(:[\w.-]+|@sha256:[0-9a-f]+)?", re.ASCII)


@dataclass(frozen=True)
class ImageFacts:
    """An image in the daemon: its digest (else its id), all its digests in registries, its platform, its ONBUILD."""

    digest: str
    digests: tuple[str, ...]
    platform: str
    triggers: tuple[str, ...]


@dataclass(frozen=True)
class ImageHistory:
    """What an image in the daemon is made of: instructions, oldest first, with their bytes, and variables."""

    platform: str
    entries: tuple[tuple[str, int], ...]
    environment: tuple[str, ...]


class DaemonImages(ABC):
    """The images of one daemon; raises BadInput where it does not answer."""

    @abstractmethod
    def _ask(self, call: Callable[[docker.DockerClient], T]) -> T | None:
        """Call the daemon; return None for an object it does not have; raises BadInput where it does not answer."""

    def image_size(self, reference: str) -> int | None:
        """Return the size in bytes of an image in the daemon, or None where it is not there."""
        return self._ask(lambda client: int(client.images.get(reference).attrs.get("Size") or 0))

    def image_history(self, reference: str) -> ImageHistory | None:
        """Return an image's instructions with their bytes, oldest first, and its variables; None where it is not there."""

        def read(client: docker.DockerClient) -> ImageHistory:
            image = client.images.get(reference)
            entries = [(str(entry.get("CreatedBy") or ""), int(entry.get("Size") or 0)) for entry in image.history()]
            variables = (image.attrs.get("Config") or {}).get("Env") or []
            parts = (image.attrs.get("Os"), image.attrs.get("Architecture"), image.attrs.get("Variant"))
            platform = "/".join(str(part) for part in parts if part)
            return ImageHistory(platform, tuple(reversed(entries)), tuple(map(str, variables)))

        return self._ask(read)

    def retag(self, reference: str, references: Sequence[str]) -> str:
        """Replace the name of an image by these names, if the daemon has it; return the cause of a failure, else nothing."""

        def tag_and_remove(client: docker.DockerClient) -> None:
            for name in references:
                repository, _, tag = name.rpartition(":")
                client.api.tag(reference, repository, tag)
            if reference not in references:
                client.api.remove_image(reference, noprune=True)

        try:
            self._ask(tag_and_remove)
        except BadInput as error:
            return error.cause
        return ""

    def local_digest(self, repository: str, reference: str) -> str | None:
        """Return the registry digest of a pulled image, the id of any other image, None where the daemon has none."""
        image = self.local_image(repository, reference)
        return image.digest if image else None

    def local_image(self, repository: str, reference: str) -> ImageFacts | None:
        """Describe an image in the daemon; None where the daemon does not have it."""
        separator = "@" if reference.startswith("sha256:") else ":"
        name = f"{repository}{separator}{reference}"
        if not _REFERENCE.fullmatch(name):  # the name comes from a Dockerfile: it must not reach other paths of the API
            return None

        def describe(client: docker.DockerClient) -> ImageFacts:
            attributes = client.images.get(name).attrs
            digests = tuple(str(entry).partition("@")[2] for entry in attributes.get("RepoDigests") or [])
            parts = (attributes.get(key) or "" for key in ("Os", "Architecture", "Variant"))
            triggers = (attributes.get("Config") or {}).get("OnBuild") or []
            return ImageFacts(
                digest=digests[0] if digests else str(attributes["Id"]),
                digests=digests,
                platform="/".join(filter(None, parts)),
                triggers=tuple(map(str, triggers)),
            )

        return self._ask(describe)

    def name_image(self, identities: Sequence[str], references: Sequence[str]) -> str:
        """Give these names to the image with one of these digests or ids, and return `named`, where the daemon has it.

        Else take the names from whatever image has them, and return `freed` where one had, `absent` where none had. The
        stores disagree about an image's id: in the classic one it is the configuration's digest, in containerd's the
        manifest's or the index's. Raises BadInput where no daemon answers.
        """
        identity = next((text for text in identities if self._has(text)), "")
        if identity:
            for reference in references:
                repository, _, tag = reference.rpartition(":")
                self._ask(lambda client, to=repository, tag=tag: client.api.tag(identity, to, tag))  # type: ignore[misc]
            return "named"
        had = [reference for reference in references if self._has(reference)]
        for reference in had:
            self._ask(lambda client, name=reference: client.api.remove_image(name, noprune=True))  # type: ignore[misc]
        return "freed" if had else "absent"

    def _has(self, name: str) -> bool:
        return self._ask(lambda client: client.images.get(name)) is not None
