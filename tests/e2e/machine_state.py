"""Leave the machine's Docker daemon as it was: remove the tests' images, then compare bridges, containers and the rest.

"As it was" means the same bridge interfaces, networks, containers, volumes and images (names and IDs). Exempt are:

- BuildKit's build cache, which is no image and makes the next run quick. Docker prunes it by its own rules.
- Images under the names in `OWN_NAMES`, which are the tests' alone: they go in any case, also those of a killed run.

The base image is removed too, unless it was there before. `tools/e2e/base-image.sh` keeps a copy of it as a file.
"""

from __future__ import annotations

import contextlib
import fcntl
from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Protocol, Self

# The images that the tests build, and those that act names after this repository's actions.
OWN_NAMES = ("mlops-actions-e2e/", "act-machine-learning-apps-mlops-actions-")
# The tests' registries listen there, each on a port that no other process has.
LOOPBACK_REGISTRIES = ("127.0.0.1:", "localhost:")
BASE_IMAGE = "debian:trixie-slim"
UNTAGGED = "<none>"


class DockerCommand(Protocol):
    """Run `docker ARGUMENTS` and return its standard output."""

    def __call__(self, *arguments: str, check: bool = True) -> str: ...


@dataclass(frozen=True, order=True)
class Image:
    """One line of `docker image ls`: a name of an image, or an image without a name."""

    repository: str
    tag: str
    digest: str
    identifier: str

    @property
    def reference(self) -> str:
        """What `docker image rm` takes to remove this name alone."""
        if self.tag != UNTAGGED:
            return f"{self.repository}:{self.tag}"
        return self.identifier if self.repository == UNTAGGED else f"{self.repository}@{self.digest}"

    @property
    def is_own(self) -> bool:
        """Whether only the tests use this name."""
        return self.repository.startswith(OWN_NAMES)


@dataclass(frozen=True)
class MachineState:
    """The bridge interfaces of the machine, and the objects of its Docker daemon."""

    bridges: frozenset[str]
    networks: frozenset[str]
    containers: frozenset[str]
    volumes: frozenset[str]
    images: frozenset[Image]

    @classmethod
    def read(cls, docker: DockerCommand) -> Self:
        """Ask the daemon and the kernel."""

        def lines(*arguments: str) -> frozenset[str]:
            return frozenset(docker(*arguments).splitlines())

        listed = lines(
            *("image", "ls", "--digests", "--no-trunc"), "--format={{.Repository}}\t{{.Tag}}\t{{.Digest}}\t{{.ID}}"
        )
        return cls(
            bridges=frozenset(path.parent.name for path in Path("/sys/class/net").glob("*/bridge")),
            networks=lines("network", "ls", "--no-trunc", "--format={{.Name}} {{.ID}}"),
            containers=lines("ps", "--all", "--no-trunc", "--format={{.Names}} {{.ID}}"),
            volumes=lines("volume", "ls", "--format={{.Name}}"),
            images=frozenset(Image(*line.split("\t")) for line in listed),
        )

    @property
    def foreign_images(self) -> frozenset[Image]:
        """The images that are not under the tests' own names; without digests, which a push adds to an image."""
        return frozenset(
            Image(image.repository, image.tag, "", image.identifier) for image in self.images if not image.is_own
        )

    def differences(self, later: MachineState) -> list[str]:
        """Describe each object that is gone or new in a later state."""
        described = []
        for kind in (field.name for field in fields(self)):
            name = "foreign_images" if kind == "images" else kind
            before, after = getattr(self, name), getattr(later, name)
            described += [f"{kind}: removed {entry}" for entry in sorted(before - after)]
            described += [f"{kind}: left {entry}" for entry in sorted(after - before)]
        return described


def left_by_tests(before: MachineState, now: MachineState) -> list[Image]:
    """Choose the images to remove: the tests' own names, new unnamed ones, new ones of loopback registries, the base."""
    kept = {image.identifier for image in before.images if not image.is_own}
    names = {(image.repository, image.tag) for image in before.images}
    chosen = []
    for image in now.images:
        is_new = (image.repository, image.tag) not in names
        is_unnamed = image.repository == UNTAGGED and image.identifier not in kept
        is_from_tests = image.repository.startswith(LOOPBACK_REGISTRIES) or image.reference == BASE_IMAGE
        if image.is_own or is_unnamed or (is_new and is_from_tests):
            chosen.append(image)
    return sorted(chosen, reverse=True)


def remove_images(docker: DockerCommand, before: MachineState) -> None:
    """Remove the tests' images, a layer of unnamed ones after the other."""
    remaining: list[Image] = []
    while (images := left_by_tests(before, MachineState.read(docker))) and images != remaining:
        remaining = images
        for image in images:
            docker("image", "rm", image.reference, check=False)


@contextlib.contextmanager
def unchanged(docker: DockerCommand, lock: Path) -> Iterator[None]:
    """Remove the tests' images at the end of the block; raise AssertionError where anything else differs from its start.

    Of several runs at once on one daemon, which hold `lock` together, the last one does so.
    """
    with lock.open("w") as users:
        fcntl.flock(users, fcntl.LOCK_SH)
        before = MachineState.read(docker)
        yield
        try:
            fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return
        remove_images(docker, before)
        differences = before.differences(MachineState.read(docker))
    assert not differences, "the tests changed the machine's Docker daemon:\n" + "\n".join(differences)
