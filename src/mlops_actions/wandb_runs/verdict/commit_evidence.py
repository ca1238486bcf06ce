"""Whether the candidates belong to the commit that the user named: by what the tracker recorded, and by their config."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mlops_actions.core.provenance import differ, is_sha
from mlops_actions.core.runs import Run, RunDetails, value_at

RECORDED = "recorded"  # the tracker itself recorded this commit
CLAIMED = "claimed"  # only the run's config names the commit: whoever started the run could write any commit there
CONTRADICTED = "contradicted"  # the tracker recorded another commit, or the config names another
UNKNOWN = ""  # neither the tracker nor the config names a commit


def evidence_of(run: Run, sha: str, config_key: str) -> str:
    """Return what ties a run to the commit `sha`."""
    value = value_at(run.config, config_key)
    claimed = value if isinstance(value, str) else ""
    if run.commit and (run.commit != sha if is_sha(sha) else differ(run.commit, sha)):
        return CONTRADICTED
    if differ(claimed, sha):
        return CONTRADICTED
    if run.commit == sha:
        return RECORDED
    return CLAIMED if claimed == sha else UNKNOWN


@dataclass(frozen=True)
class CommitEvidence:
    """The candidates by what ties them to the commit; `dirty` candidates ran with uncommitted changes."""

    sha: str
    recorded: int = 0
    claimed: int = 0
    contradicted: tuple[Run, ...] = ()
    unknown: int = 0
    dirty: tuple[Run, ...] = ()

    @property
    def verified(self) -> bool:
        """Whether the tracker recorded the commit for every candidate; False without candidates or a commit."""
        return bool(self.sha and self.recorded and not (self.claimed or self.contradicted or self.unknown))


def collect(candidates: Sequence[Run], sha: str, config_key: str, details: Mapping[str, RunDetails]) -> CommitEvidence:
    """Collect the evidence of all candidates."""
    evidence = {run.id: evidence_of(run, sha, config_key) if sha else UNKNOWN for run in candidates}
    kinds = list(evidence.values())
    return CommitEvidence(
        sha=sha,
        recorded=kinds.count(RECORDED),
        claimed=kinds.count(CLAIMED),
        contradicted=tuple(run for run in candidates if evidence[run.id] == CONTRADICTED),
        unknown=kinds.count(UNKNOWN),
        dirty=tuple(run for run in candidates if run.id in details and details[run.id].has_uncommitted_changes),
    )
