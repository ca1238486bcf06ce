"""Everything that one execution found out, before it is written anywhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from mlops_actions.core.runs import ENDED_STATES, Artifact, Run, RunDetails, Sweep, TrackerInfo, metric_value, value_at
from mlops_actions.core.types import Json
from mlops_actions.wandb_runs.differences import MetricRow
from mlops_actions.wandb_runs.metrics.metric import Metric
from mlops_actions.wandb_runs.selection.baseline_bar import Bar
from mlops_actions.wandb_runs.selection.judged import Judged
from mlops_actions.wandb_runs.selection.runs import RunCounts, RunSelection
from mlops_actions.wandb_runs.statistics.seeds import SeedComparison, SeedGroup
from mlops_actions.wandb_runs.values import as_json
from mlops_actions.wandb_runs.verdict.commit_evidence import CommitEvidence
from mlops_actions.wandb_runs.verdict.datasets import DatasetComparison
from mlops_actions.wandb_runs.verdict.gates import GateResult
from mlops_actions.wandb_runs.verdict.requirements import RequirementResult
from mlops_actions.wandb_runs.verdict.verdict import Verdict, VerdictFacts, decide


@dataclass(frozen=True)
class Findings:
    """All findings. `candidates` and `baselines` are newest first; `rows` compare the judged one with `bar`.

    `gates` are the results of the judged candidate, and `accepted_gates` those of the one that a passed verdict is about.
    `silent` are the ids of runs whose state is `running` and that stopped reporting. `seeds` compares groups, where the user
    asked for that.

    `sweep` is the sweep whose runs are the candidates, where the user named one; `swept` are the config keys that it varies.

    `baseline_commit` is the commit of the base branch that the baselines are of, where they were looked for by commit.

    `patterns` are the names with `*` that the user gave for metrics: `metrics` holds those that they stand for.

    `doubts` are sentences about what makes the verdict doubtful: the report shows them first, and no cut removes them.
    `notes` are sentences about requests that could not be fulfilled. `timed_out` is whether the wait timed out, `too_few`
    whether it did so with fewer candidates than asked for; `partial` asks to judge although candidates still run;
    `read_at` is a moment just before the runs were read.
    """

    tracker: TrackerInfo
    project: str
    selection: RunSelection
    metrics: tuple[Metric, ...]
    config_keys: tuple[str, ...]
    candidates: tuple[Run, ...]
    baselines: tuple[Run, ...]
    counts: RunCounts
    judged: Judged
    rows: tuple[MetricRow, ...]
    gates: tuple[GateResult, ...]
    seeds: tuple[SeedComparison, ...]
    commit: CommitEvidence
    datasets: DatasetComparison | None
    accepted_gates: tuple[GateResult, ...] = ()
    bar: Bar | None = None
    baseline_commit: str = ""
    requirements: tuple[RequirementResult, ...] = ()
    details: Mapping[str, RunDetails] = field(default_factory=dict)
    curves: tuple[str, ...] = ()
    patterns: tuple[str, ...] = ()
    silent: frozenset[str] = frozenset()
    doubts: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    timed_out: bool = False
    too_few: bool = False
    partial: bool = False
    read_at: datetime | None = None
    sweep: Sweep | None = None

    @property
    def swept(self) -> tuple[str, ...]:
        """The config keys that the sweep varies; their values are in each run's config."""
        return self.sweep.parameters if self.sweep else ()

    @property
    def best(self) -> Run | None:
        """The best finished candidate: a run, or one that represents a group."""
        return self.judged.best.run if self.judged.best else None

    @property
    def judged_members(self) -> tuple[Run, ...]:
        """The runs that are judged: one, the members of a group, or with `judge: mean` all that finished."""
        return self.judged.group.members if self.judged.group else ()

    @property
    def accepted(self) -> SeedGroup | None:
        """The candidate that may be promoted and attested where the verdict is a pass, with its members."""
        return self.judged.accepted

    @property
    def failed_gates(self) -> tuple[GateResult, ...]:
        """The gates that failed."""
        return tuple(result for result in self.gates if result.failed)

    @property
    def neutral_gates(self) -> tuple[GateResult, ...]:
        """The gates that were not judged since there is no baseline, and so did not pass either."""
        return tuple(result for result in self.gates if not result.judged and not result.passed)

    @property
    def excused_gates(self) -> tuple[GateResult, ...]:
        """The gates that were not judged since there is no baseline, and that the user lets pass."""
        return tuple(result for result in self.gates if not result.judged and result.passed)

    @property
    def unmet_requirements(self) -> tuple[RequirementResult, ...]:
        """The requirements that do not hold."""
        return tuple(result for result in self.requirements if not result.holds)

    @property
    def running(self) -> tuple[Run, ...]:
        """The candidates that have not ended; a run of another commit is no candidate."""
        others = {run.id for run in self.commit.contradicted}
        alive = (run for run in self.candidates if run.state not in ENDED_STATES and run.id not in self.silent)
        return tuple(run for run in alive if run.id not in others)

    @property
    def all_contradicted(self) -> bool:
        """Whether there are candidates, and each is of another commit: then there is no candidate."""
        return 0 < len(self.candidates) == len(self.commit.contradicted)

    @property
    def why_none_is_judged(self) -> str:
        """Why no candidate can be judged, in words; empty where one is."""
        if self.judged.run is not None:
            return ""
        states = "" if self.counts.finished else self.counts.unfinished
        return f"{self.judged.reason} ({states})" if states else self.judged.reason

    @property
    def verdict(self) -> Verdict:
        """The verdict on the candidates, and what follows from it."""
        contradicted = {run.id for run in self.commit.contradicted}
        return decide(
            VerdictFacts(
                gates=len(self.gates),
                failed_gates=len(self.failed_gates),
                neutral_gates=len(self.neutral_gates),
                excused_gates=len(self.excused_gates),
                requirements=len(self.requirements),
                unmet_requirements=len(self.unmet_requirements),
                waiting_requirements=sum(result.waits for result in self.unmet_requirements),
                candidates=len(self.candidates),
                running=len(self.running),
                contradicted=len(contradicted),
                is_judged=self.judged.run is not None,
                judged_contradicted=any(run.id in contradicted for run in self.judged_members),
                same_data=self.same_data,
                baselines_unknown=bool(self.selection.base and self.selection.base.error),
                partial=self.partial,
                timed_out=self.timed_out,
                too_few=self.too_few,
            )
        )

    @property
    def gate_status(self) -> str:
        """`passed`, `failed`, `pending`, `neutral` or `none`."""
        return self.verdict.gate

    @property
    def requirement_status(self) -> str:
        """`passed`, `failed`, `pending` or `none`."""
        return self.verdict.requirements

    @property
    def same_data(self) -> bool | None:
        """Whether candidates and baselines used the same datasets; None where that is not known."""
        return self.datasets.same if self.datasets else None

    @property
    def data_difference(self) -> str:
        """Whose data are known to differ, in words; empty where they are not."""
        return self.datasets.difference if self.datasets else ""

    @property
    def baseline_place(self) -> str:
        """Where the baselines stand on the base branch, in words; empty where they were not looked for there."""
        base = self.selection.base
        return base.place_of(self.baseline_commit) if base and self.baseline_commit else ""

    def state_of(self, run: Run) -> str:
        """Return a run's state in words for people."""
        return "stopped reporting" if run.id in self.silent else run.state

    def document(self, max_candidates: int | None = None) -> Json:
        """Return the findings as JSON values, with the newest `max_candidates` of the candidates (None: all).

        `RESULT` in `inputs.py` declares the keys. A key with an output's name has the output's value.
        """
        counts, best, datasets = self.counts, self.best, self.datasets
        values: Json = {
            "project": self.project,
            "sha": self.selection.sha or None,
            "complete": counts.complete,
            "single-run": counts.single_run,
            "timed-out": self.timed_out,
            **{f"num-{state}": number for state, number in vars(counts).items()},
            "metrics": [_metric(metric) for metric in self.metrics],
            "candidates": [self._run(run) for run in self.candidates[:max_candidates]],
            "baselines": [self._run(run) for run in self.baselines],
            "judged-run-id": self.judged.run_id or None,
            "selected-by": self.judged.selected_by or None,
            "judged": _judged(self.judged),
            "best-run-id": best.id if best else None,
            "best-run-url": best.url if best else None,
            "bar": _bar(self.bar) if self.bar else None,
            "baseline-commit": self.baseline_commit or None,
            "baseline-place": self.baseline_place or None,
            "comparison": [_row(row) for row in self.rows],
            "seeds": [_seeds(comparison) for comparison in self.seeds],
            "gate": self.gate_status,
            "gate-results": [_gate(result) for result in self.gates],
            "requirements": self.requirement_status,
            "requirement-results": [_requirement(result) for result in self.requirements],
            "verified": self.commit.verified,
            "commit": {
                "recorded": self.commit.recorded,
                "claimed": self.commit.claimed,
                "contradicted": [run.id for run in self.commit.contradicted],
                "unknown": self.commit.unknown,
                "dirty": [run.id for run in self.commit.dirty],
            },
            "same-data": self.same_data,
            "data": {
                "candidates": _artifacts(datasets.candidates if datasets else ()),
                "baselines": _artifacts(datasets.baselines if datasets else ()),
            },
            "notes": list(self.notes),
        }
        return {name: as_json(value) for name, value in values.items()}

    def _run(self, run: Run) -> Json:
        return {
            "id": run.id,
            "name": run.name,
            "url": run.url,
            "state": self.state_of(run),
            "tags": list(run.tags),
            "group": run.group or None,
            "commit": run.commit or None,
            "created": run.created.isoformat() if run.created else None,
            "metrics": {metric.name: metric_value(run, metric.name) for metric in self.metrics},
            "config": {key: value_at(run.config, key) for key in self.config_keys},
        }


def _metric(metric: Metric) -> Json:
    return {"name": metric.name, "direction": metric.direction, "source": metric.source, "unit": metric.unit or None}


def _judged(judged: Judged) -> Json:
    return {
        "judge": judged.judge,
        "name": judged.run.title if judged.run else None,
        "out-of": len(judged.candidates),
        "tied": judged.tied,
        "reason": judged.reason or None,
    }


def _row(row: MetricRow) -> Json:
    differences = {"bar": row.bar, "best": row.best, "mean": row.mean, "latest": row.latest}
    return {
        "metric": row.metric.name,
        "direction": row.metric.direction or None,
        "value": as_json(row.value),
        **{name: vars(difference) if difference else None for name, difference in differences.items()},
    }


def _bar(bar: Bar) -> Json:
    return {
        "run-id": bar.run.id,
        "name": bar.run.title,
        "url": bar.run.url,
        "members": [run.id for run in bar.members],
        "selected-by": bar.selected_by.name if bar.selected_by else None,
        "out-of": bar.out_of,
        "choice": bar.choice,
    }


def _seeds(comparison: SeedComparison) -> Json:
    return {
        "metric": comparison.metric.name,
        "candidates": vars(comparison.candidates),
        "baselines": vars(comparison.baselines),
        "difference": comparison.difference,
        "against": comparison.against,
        "interval": None if comparison.low is None else [comparison.low, comparison.high],
        "probability": comparison.probability,
        "paired": comparison.paired,
        "seeds-needed": comparison.seeds_needed,
        "verdict": comparison.verdict,
    }


def _gate(result: GateResult) -> Json:
    return {
        "gate": result.gate.text,
        "run-id": result.run.id if result.run else None,
        "passed": result.passed,
        "judged": result.judged,
        "value": result.value,
        "required": result.required,
        "bound": result.bound,
        "against": result.against or None,
        "reason": result.reason or None,
    }


def _requirement(result: RequirementResult) -> Json:
    return {"name": result.name, "holds": result.holds, "reason": result.reason or None}


def _artifacts(artifacts: Sequence[Artifact]) -> list[dict[str, Any]]:
    return [vars(artifact) for artifact in artifacts]
