"""The base images of a build, as its builder takes them: what they bring along, and whether a newer one is there."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from mlops_actions.docker_publish.build.builder import Builder
from mlops_actions.docker_publish.ports import Registry
from mlops_actions.docker_publish.reuse import triggers
from mlops_actions.docker_publish.reuse.build_input import Fingerprints


@dataclass(frozen=True)
class BasesOfBuild:
    """The base images that the fingerprints cover; `client` makes the client of a registry by its host."""

    builder: Builder
    fingerprints: Fingerprints
    client: Callable[[str], Registry]

    def unknown_input(self) -> str:
        """Say which input a base image brings along that the fingerprints do not cover; empty: none."""
        known = self.fingerprints
        return triggers.find_unknown(known.bases, self._triggers_of, git=known.covers_git, left_out=known.left_out)

    def notes(self) -> list[str]:
        """Name the images that the registry has replaced since the daemon got them, and that the daemon builds from."""
        return [
            f"the daemon's copy of the base image {reference} is older than the registry's: "
            "'build-options: --pull' builds from the newer one"
            for reference in self.fingerprints.bases
            if self.builder.is_replaced(reference, self.client)
        ]

    def _triggers_of(self, reference: str) -> Sequence[str] | None:
        return self.builder.triggers(reference, self.fingerprints.bases[reference], self.client)
