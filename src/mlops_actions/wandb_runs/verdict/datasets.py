"""Whether candidates and baselines used the same datasets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mlops_actions.core.runs import Artifact, Run, RunDetails


@dataclass(frozen=True)
class DatasetComparison:
    """The datasets of the candidates and of the baselines; `same` is None where the runs recorded too little.

    `only_others_differ` says that the judged runs used the same data as all baselines, and other candidates did not.
    """

    same: bool | None
    only_others_differ: bool = False
    candidates: tuple[Artifact, ...] = ()
    baselines: tuple[Artifact, ...] = ()

    @property
    def difference(self) -> str:
        """Whose data are known to differ, in words; empty where they are not."""
        if self.same is not False:
            return ""
        return f"{'other candidates' if self.only_others_differ else 'candidates and baselines'} used different data"


def recorded_datasets(details: RunDetails | None) -> frozenset[Artifact] | None:
    """Return the datasets that a run used; None where the tracker did not answer, or the run recorded none."""
    return frozenset(details.datasets) if details and details.datasets else None


def compare_datasets(
    candidates: Sequence[Run], baselines: Sequence[Run], details: Mapping[str, RunDetails], judged: Sequence[Run] = ()
) -> DatasetComparison:
    """Compare the datasets: they are the same only where every run's datasets are known and have the same digests."""
    of_candidates = [recorded_datasets(details.get(run.id)) for run in candidates]
    of_baselines = [recorded_datasets(details.get(run.id)) for run in baselines]
    all_runs = [*of_candidates, *of_baselines]
    known = [used for used in all_runs if used is not None]
    distinct = set(map(_digests, known))
    same: bool | None = None
    if len(distinct) > 1:
        same = False
    elif known and len(known) == len(all_runs) and of_candidates and of_baselines:
        same = True
    decisive = {_digests(recorded_datasets(details.get(run.id))) for run in (*judged, *baselines)}
    only_others = same is False and bool(judged) and len(decisive) == 1 and None not in decisive
    return DatasetComparison(same, only_others, candidates=_union(of_candidates), baselines=_union(of_baselines))


def _digests(used: frozenset[Artifact] | None) -> frozenset[tuple[str, str]] | None:
    return None if used is None else frozenset((artifact.name, artifact.digest) for artifact in used)


def _union(datasets: Sequence[frozenset[Artifact] | None]) -> tuple[Artifact, ...]:
    artifacts = {artifact for used in datasets if used for artifact in used}
    return tuple(sorted(artifacts, key=lambda artifact: (artifact.name, artifact.version)))
