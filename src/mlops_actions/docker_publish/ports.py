"""The ports of docker-publish; `boundary` implements them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from mlops_actions.core.checkout import Checkout
from mlops_actions.core.docker_config import StoredLogin
from mlops_actions.core.oci import Manifest
from mlops_actions.core.ports import Clock, Runner, Workspace
from mlops_actions.docker_publish.tags.standing import History


class Registry(Protocol):
    """The registry an image is pushed to; every call raises Refused or Unavailable."""

    @property
    def speaks_http(self) -> bool:
        """Whether it is asked in plain HTTP."""

    def require_push(self, repository: str) -> None:
        """Raise Refused unless pushing is allowed."""

    def digest_of(self, repository: str, reference: str) -> str | None:
        """Return the digest that a tag stands for, or None."""

    def manifest(self, repository: str, reference: str) -> Manifest | None:
        """Return the manifest of a tag or digest, or None."""

    def mount_blob(self, repository: str, digest: str, source: str) -> bool:
        """Share a blob of the repository `source`; return False where the registry does not share blobs."""

    def has_blob(self, repository: str, digest: str) -> bool:
        """Tell whether the registry still has a blob; callable from several threads."""

    def put_blob(self, repository: str, digest: str, size: int, open_source: Callable[[], Iterator[bytes]]) -> None:
        """Store a blob of `size` bytes; the source may be opened several times."""

    def put_manifest(self, repository: str, reference: str, content: bytes, media_type: str) -> None:
        """Store these very bytes under a tag or digest."""

    def tags(self, repository: str) -> list[str]:
        """List all tags."""

    def blob(self, repository: str, digest: str) -> bytes:
        """Return a small blob."""

    def stream_blob(self, repository: str, digest: str) -> Iterator[bytes]:
        """Yield a blob piece by piece, as long as the caller goes on; it is not checked against its digest."""


class Daemon(Protocol):
    """The runner's Docker daemon: its version and what it can do."""

    @property
    def version(self) -> str:
        """Its version."""

    @property
    def containerd_store(self) -> bool:
        """Whether containerd keeps the images: several platforms and attestations are possible then."""

    @property
    def platform(self) -> str:
        """The platform it builds for by default, such as `linux/amd64`."""

    @property
    def http_hosts(self) -> tuple[str, ...]:
        """The registries that it asks in plain HTTP too, by their hosts."""

    @property
    def http_networks(self) -> tuple[str, ...]:
        """The networks (CIDR) whose registries it asks in plain HTTP too."""


class BuildxBuilder(Protocol):
    """A BuildKit that builds instead of the daemon's own."""

    @property
    def name(self) -> str:
        """The name by which `docker buildx` knows it."""

    @property
    def platform(self) -> str:
        """The platform it builds for by default; empty where unknown."""


class LocalHistory(Protocol):
    """What an image in the daemon is made of."""

    @property
    def platform(self) -> str:
        """Its platform, such as `linux/amd64`."""

    @property
    def entries(self) -> Sequence[tuple[str, int]]:
        """Its instructions, oldest first, each with the bytes of its layer on the disk (0: it made none)."""

    @property
    def environment(self) -> Sequence[str]:
        """Its variables, as `NAME=value`."""


class LocalImage(Protocol):
    """An image in the daemon."""

    @property
    def digest(self) -> str:
        """Its digest in the registry that it came from, else its id."""

    @property
    def digests(self) -> tuple[str, ...]:
        """Its digests in registries; none for an image that no registry has."""

    @property
    def platform(self) -> str:
        """Its platform, such as `linux/amd64`."""

    @property
    def triggers(self) -> tuple[str, ...]:
        """The instructions of its ONBUILD, which run in a build that starts from it."""


class Docker(Protocol):
    """The docker command line with its private configuration, and the daemon behind it."""

    def daemon(self) -> Daemon:
        """Ask the daemon; raises BadInput where none answers."""

    def sign_in(self, registry: str, username: str, password: str) -> None:
        """Let builds pull from and push to a registry; nothing outside the private configuration is written."""

    def find_started_builder(self) -> str:
        """Name the BuildKit that an earlier step has started beside the daemon; empty where there is none, or several."""

    def use_builder(self, builder: str) -> BuildxBuilder:
        """Prepare a builder by its name or address; raises BadInput."""

    def build(self, arguments: Sequence[str], environment: Mapping[str, str], line: Callable[[str], None]) -> int:
        """Run `docker buildx build`, handing over each line it prints; return its exit code; raises BadInput without it."""

    def image_size(self, reference: str) -> int | None:
        """Return the size in bytes of an image in the daemon, or None."""

    def image_history(self, reference: str) -> LocalHistory | None:
        """Return what an image in the daemon is made of, or None."""

    def pull(self, reference: str) -> str:
        """Pull an image into the daemon; return the cause of a failure, else nothing."""

    def retag(self, reference: str, references: Sequence[str]) -> str:
        """Replace the name of an image by these names, if the daemon has it; return the cause of a failure, else nothing."""

    def local_image(self, repository: str, reference: str) -> LocalImage | None:
        """Describe an image in the daemon; None where the daemon does not have it."""

    def name_image(self, identities: Sequence[str], references: Sequence[str]) -> str:
        """Give these names to the image with one of these digests or ids, and return `named`, where the daemon has it.

        Else take the names from whatever image has them, and return `freed` where one had, `absent` where none had.
        """

    def local_digest(self, repository: str, reference: str) -> str | None:
        """Return the registry digest of an image in the daemon, else its id; None where the daemon does not have it."""


class OpenRegistry(Protocol):
    """Makes the client of a registry."""

    def __call__(self, host: str, username: str | None, password: str | None, *, pushes_to: str = "") -> Registry:
        """Sign in as this user (None, None: anonymous), with the right to write to one repository."""


@dataclass(frozen=True, kw_only=True)
class Ports:
    """The outside systems of docker-publish. `private_directory` makes a directory that no other user can read, once.

    `open_history` makes the client of GitHub that orders commits: loaded late, since most steps never ask.
    `cloud_token` gives the password of a cloud's registry, by its host, from the job's credentials for that cloud; it raises
    BadInput, Refused or Unavailable. `find_login` returns what a `docker login` that this step can see has kept for a host;
    `login_hosts` lists the hosts that it has kept something for.
    `find_socket` returns where this step sees a path of the runner, or None. `read_checkout` reads the repository that is
    checked out in a directory; None where there is none.
    """

    runner: Runner
    docker: Docker
    open_registry: OpenRegistry
    workspace: Workspace
    read_checkout: Callable[[Path], Checkout | None]
    open_history: Callable[[], History]
    cloud_token: Callable[[str], str]
    find_login: Callable[[str], StoredLogin | None]
    login_hosts: Callable[[], Iterable[str]]
    private_directory: Callable[[], Path]
    find_socket: Callable[[str], str | None]
    clock: Clock
