"""Whether the numbers belong to the commit, and whether they come from the same data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mlops_actions.wandb_runs.model import Artifact, Details, Run, value_at

# How a run is tied to the SHA that was asked for.
RECORDED = "recorded"  # W&B itself recorded this commit
CLAIMED = "claimed"  # only the run's own config says so: whoever started it could write anything there
CONTRADICTED = "contradicted"  # W&B recorded another commit, or the config names another

# Inputs that are no data: what W&B makes itself, and the code and models a run starts from.
_NOT_DATA = frozenset({"model", "code", "job", "run_table"})


def evidence(run: Run, sha: str, config_key: str) -> str:
    """How the run is tied to `sha`; empty where nothing ties it at all (it was chosen by another way)."""
    claimed = value_at(run.config, config_key)
    says = claimed if isinstance(claimed, str) and claimed else ""
    if (run.commit and run.commit != sha) or (run.commit and says and says != sha):
        return CONTRADICTED
    if run.commit == sha:
        return RECORDED
    if says:
        return CLAIMED if says == sha else CONTRADICTED
    return ""


@dataclass(frozen=True)
class Commit:
    """What ties the candidates to the SHA, counted. `dirty` are runs from a tree with uncommitted changes."""

    sha: str
    recorded: int = 0
    claimed: int = 0
    contradicted: tuple[Run, ...] = ()
    untied: int = 0
    dirty: tuple[Run, ...] = ()

    @property
    def verified(self) -> bool:
        """Every candidate's recorded commit is the SHA asked for; without candidates or a SHA nothing is verified."""
        return bool(self.sha and self.recorded and not (self.claimed or self.contradicted or self.untied))


def commit(candidates: Sequence[Run], sha: str, config_key: str, details: Mapping[str, Details]) -> Commit:
    """Sum the evidence up."""
    found = {run.id: evidence(run, sha, config_key) if sha else "" for run in candidates}
    return Commit(
        sha=sha,
        recorded=sum(kind == RECORDED for kind in found.values()),
        claimed=sum(kind == CLAIMED for kind in found.values()),
        contradicted=tuple(run for run in candidates if found[run.id] == CONTRADICTED),
        untied=sum(not kind for kind in found.values()),
        dirty=tuple(run for run in candidates if (seen := details.get(run.id)) and seen.dirty),
    )


@dataclass(frozen=True)
class Data:
    """The datasets of the candidates and the baselines. `same` is None where it cannot be told."""

    same: bool | None
    candidates: tuple[Artifact, ...] = ()
    baselines: tuple[Artifact, ...] = ()
    unknown: int = 0


def datasets(details: Details | None) -> frozenset[Artifact] | None:
    """The datasets a run used; None where the tracker would not say, or the run recorded none."""
    if details is None or details.inputs is None:
        return None
    kept = frozenset(
        artifact for artifact in details.inputs if artifact.type not in _NOT_DATA and not artifact.type.startswith("wandb-")
    )
    return kept or None


def data(candidates: Sequence[Run], baselines: Sequence[Run], details: Mapping[str, Details]) -> Data:
    """Compare what the runs used: the same only where every run's datasets are known and have the same digests."""
    ours = [datasets(details.get(run.id)) for run in candidates]
    theirs = [datasets(details.get(run.id)) for run in baselines]
    known = [used for used in (*ours, *theirs) if used is not None]
    unknown = len(ours) + len(theirs) - len(known)
    digests = {frozenset((artifact.name, artifact.digest) for artifact in used) for used in known}
    same: bool | None = None
    if len(digests) > 1:
        same = False
    elif known and not unknown and ours and theirs:
        same = True
    return Data(same, _union(ours), _union(theirs), unknown)


def _union(found: Sequence[frozenset[Artifact] | None]) -> tuple[Artifact, ...]:
    everything = {artifact for used in found if used for artifact in used}
    return tuple(sorted(everything, key=lambda artifact: (artifact.name, artifact.version)))
