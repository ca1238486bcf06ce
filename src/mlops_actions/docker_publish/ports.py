"""What docker-publish needs of the world. Implemented in `boundary`; the shapes are here so that nothing here imports it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from mlops_actions.core.ports import Runner


class Checkout(Protocol):
    """What is checked out in the workspace (see `boundary.git`)."""

    @property
    def sha(self) -> str:
        """The commit."""

    @property
    def branch(self) -> str:
        """The branch's name; empty where HEAD is detached."""

    @property
    def tags(self) -> tuple[str, ...]:
        """Full refs of the tags at the commit."""

    @property
    def pulls(self) -> tuple[str, ...]:
        """Full refs of pull requests at the commit."""

    @property
    def committed(self) -> int | None:
        """When it was committed, in seconds since 1970."""


class Manifest(Protocol):
    """A manifest, byte for byte."""

    @property
    def digest(self) -> str:
        """`sha256:…` of the bytes."""

    @property
    def media_type(self) -> str:
        """Its Content-Type."""

    @property
    def content(self) -> bytes:
        """The bytes."""

    @property
    def document(self) -> Mapping[str, Any]:
        """The bytes, parsed."""


class Registry(Protocol):
    """The registry an image is pushed to; every call raises Refused or Unavailable."""

    def require_push(self, repository: str) -> None:
        """Raise Refused unless pushing is allowed."""

    def digest_of(self, repository: str, reference: str) -> str | None:
        """Return the digest behind a tag, or None."""

    def manifest(self, repository: str, reference: str) -> Manifest | None:
        """Return the manifest behind a tag or digest, or None."""

    def mount(self, repository: str, digest: str, source: str) -> bool:
        """Share a blob of the repository `source`; False where the registry does not do that."""

    def put(self, repository: str, tag: str, content: bytes, media_type: str) -> None:
        """Store these very bytes under a tag."""

    def tags(self, repository: str) -> list[str]:
        """List all tags."""

    def blob(self, repository: str, digest: str) -> bytes:
        """Return a small blob."""


class Daemon(Protocol):
    """What the runner's Docker daemon is and can do."""

    @property
    def version(self) -> str:
        """Its version."""

    @property
    def containerd_store(self) -> bool:
        """Whether images are kept by containerd: several platforms and attestations are possible then."""

    @property
    def platform(self) -> str:
        """What it builds for by default, such as `linux/amd64`."""


class Builder(Protocol):
    """A BuildKit that builds instead of the daemon's own."""

    @property
    def name(self) -> str:
        """The name to build with."""

    @property
    def platform(self) -> str:
        """What it builds for by default; empty where unknown."""


class Docker(Protocol):
    """The docker command line with its private configuration, and the daemon behind it."""

    def daemon(self) -> Daemon:
        """Ask the daemon; raises BadInput where none answers."""

    def sign_in(self, registry: str, username: str, password: str) -> None:
        """Let builds pull from and push to a registry; nothing outside the private configuration is written."""

    def find_builder(self) -> str:
        """Name the BuildKit that an earlier step has started beside the daemon; empty where there is none, or several."""

    def use_builder(self, builder: str) -> Builder:
        """Prepare a builder by its name or address; raises BadInput."""

    def build(self, arguments: Sequence[str], environment: Mapping[str, str], line: Callable[[str], None]) -> int:
        """Run `docker buildx build`, handing over each line it prints; return its exit code; raises BadInput without it."""

    def image_size(self, reference: str) -> int | None:
        """Return the bytes of an image in the daemon, or None."""

    def pull(self, reference: str) -> str:
        """Bring an image into the daemon; return why that failed, or nothing."""

    def rename(self, reference: str, references: Sequence[str]) -> str:
        """Give an image, if the daemon has it, these names instead of that one; return why that failed, or nothing."""

    def local_digest(self, repository: str, reference: str) -> str | None:
        """Return what identifies an image in the daemon: its registry digest, else its id; None where it is not there."""


class Clock(Protocol):
    """Time, as the tests may move it."""

    def now(self) -> datetime:
        """The current moment, UTC."""

    def sleep(self, seconds: float) -> None:
        """Let time pass."""


class OpenRegistry(Protocol):
    """Makes the client of a registry."""

    def __call__(self, host: str, username: str | None, password: str | None, *, pushes_to: str = "") -> Registry:
        """Sign in as this user (None, None: anonymous), with leave to write to one repository."""


GoogleToken = Callable[[], str]
ReadCheckout = Callable[[Path], Checkout | None]


@dataclass(frozen=True)
class Ports:
    """The world. `scratch` makes a private folder, once.

    `google_token` gives an access token of the job's Google credentials, or raises BadInput, Refused or Unavailable.
    """

    runner: Runner
    docker: Docker
    registry: OpenRegistry
    read_checkout: ReadCheckout
    google_token: GoogleToken
    scratch: Callable[[], Path]
    clock: Clock
