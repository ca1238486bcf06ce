"""The ports of the verifier: a registry and a tracker. All calls raise ActionError."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from mlops_actions.core.oci import Manifest
from mlops_actions.core.runs import (
    Artifact,
    ArtifactFile,
    DetailsQuery,
    LoggedModel,
    Run,
    RunDetails,
    RunKeys,
    RunQuery,
    TrackerInfo,
    TrackerResult,
)


class RegistryReader(Protocol):
    """One registry."""

    def manifest(self, repository: str, reference: str) -> Manifest | None:
        """Return the manifest of a tag or digest; None where there is none."""

    def blob(self, repository: str, digest: str) -> bytes:
        """Return an image's configuration, checked against its digest."""


class TrackerReader(Protocol):
    """One project of the experiment tracker."""

    @property
    def info(self) -> TrackerInfo:
        """The tracker's name, and the addresses of its server and of the project."""

    def find(self, candidates: RunQuery, baselines: RunQuery | None, keys: RunKeys) -> TrackerResult:
        """Return the runs of a query, with the named keys."""

    def details(self, query: DetailsQuery) -> Mapping[str, RunDetails]:
        """Return the details of runs, by run id; what the tracker does not answer is unknown."""

    def models(self, run: Run) -> tuple[LoggedModel, ...]:
        """Return every version of a model artifact that a run logged."""

    def files(self, artifact: Artifact, max_bytes: int) -> tuple[ArtifactFile, ...]:
        """Return the files of an artifact, which it reads to compute their SHA-256; refuse more than `max_bytes`."""


@dataclass(frozen=True)
class Ports:
    """Everything outside of the verifier: `registry` by a host, `tracker` by a project on the tracker's own server."""

    registry: Callable[[str], RegistryReader]
    tracker: Callable[[str], TrackerReader]
