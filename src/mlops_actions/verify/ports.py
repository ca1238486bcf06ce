"""What verifying needs of the world outside. All calls raise ActionError."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from mlops_actions.wandb_runs.model import Artifact, Details, Keys, Query, Run
from mlops_actions.wandb_runs.ports import Found


class Manifest(Protocol):
    """A manifest or index; `digest` is that of its very bytes."""

    @property
    def digest(self) -> str:
        """`sha256:…`."""

    @property
    def document(self) -> Mapping[str, Any]:
        """The parsed JSON."""


class Registry(Protocol):
    """One registry."""

    def manifest(self, repository: str, reference: str) -> Manifest | None:
        """Return the manifest behind a tag or digest; None where there is none."""

    def blob(self, repository: str, digest: str) -> bytes:
        """Return an image's configuration, checked against its digest."""


class Tracker(Protocol):
    """One project of the experiment tracker."""

    def find(self, candidates: Query, baselines: Query | None, keys: Keys) -> Found:
        """Return the runs that a filter chooses, with the named keys."""

    def details(self, runs: Sequence[Run], *, curves: Sequence[str], lineage: bool, samples: int) -> Mapping[str, Details]:
        """Return what the runs used, by run id."""

    def model(self, run: Run) -> Artifact | None:
        """Return the newest model artifact that a run logged."""
