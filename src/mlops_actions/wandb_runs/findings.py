"""Everything an execution learned, before it is written anywhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mlops_actions.wandb_runs.compare import Row
from mlops_actions.wandb_runs.gates import Verdict
from mlops_actions.wandb_runs.metrics import Metric
from mlops_actions.wandb_runs.model import Artifact, Details, Run, metric_value, value_at
from mlops_actions.wandb_runs.require import Requirement
from mlops_actions.wandb_runs.seeds import Interval
from mlops_actions.wandb_runs.select import Choice, Counts
from mlops_actions.wandb_runs.show import jsonable
from mlops_actions.wandb_runs.trust import Commit, Data

PASSED, FAILED, NOT_ASKED = "passed", "failed", "none"


@dataclass(frozen=True)
class Findings:
    """`candidates` and `baselines` are newest first; `rows` compare `best` (a run, or a group's) with the baselines.

    `members` are the runs that `best` stands for: itself, or its group's.

    `silent` are runs that call themselves running and stopped reporting; `seeds` compares groups where that was asked.

    `notes` are plain sentences about what could not be done as asked; `timed_out` is whether the wait was given up.
    """

    project: str
    project_url: str
    choice: Choice
    metrics: tuple[Metric, ...]
    config_keys: tuple[str, ...]
    candidates: tuple[Run, ...]
    baselines: tuple[Run, ...]
    counts: Counts
    best: Run | None
    rows: tuple[Row, ...]
    verdicts: tuple[Verdict, ...]
    seeds: tuple[Interval, ...]
    commit: Commit
    data: Data | None
    members: tuple[Run, ...] = ()
    requirements: tuple[Requirement, ...] = ()
    details: Mapping[str, Details] = field(default_factory=dict)
    curves: tuple[str, ...] = ()
    silent: frozenset[str] = frozenset()
    notes: tuple[str, ...] = ()
    timed_out: bool = False

    @property
    def gate(self) -> str:
        """`passed`, `failed` or `none`."""
        return _sum([verdict.passed for verdict in self.verdicts])

    @property
    def required(self) -> str:
        """`passed`, `failed` or `none`."""
        return _sum([requirement.holds for requirement in self.requirements])

    @property
    def refused(self) -> bool:
        """Whether a gate or a requirement failed."""
        return FAILED in (self.gate, self.required)

    def state(self, run: Run) -> str:
        """The state as people should read it."""
        return "stopped reporting" if run.id in self.silent else run.state

    def document(self, most: int | None = None) -> dict[str, Any]:
        """The findings as JSON values; `most` is how many of the candidates, newest first, are listed."""
        found = {
            "project": self.project,
            "sha": self.choice.sha or None,
            "complete": self.counts.complete,
            "timed_out": self.timed_out,
            "counts": vars(self.counts),
            "metrics": [vars(metric) for metric in self.metrics],
            "candidates": [self._run(run) for run in self.candidates[:most]],
            "baselines": [self._run(run) for run in self.baselines],
            "best": self.best.id if self.best else None,
            "comparison": [_row(row) for row in self.rows],
            "seeds": [_interval(interval) for interval in self.seeds],
            "gate": self.gate,
            "gates": [_verdict(verdict) for verdict in self.verdicts],
            "required": self.required,
            "requirements": [_requirement(requirement) for requirement in self.requirements],
            "verified": self.commit.verified,
            "commit": {
                "recorded": self.commit.recorded,
                "claimed": self.commit.claimed,
                "contradicted": [run.id for run in self.commit.contradicted],
                "untied": self.commit.untied,
                "dirty": [run.id for run in self.commit.dirty],
            },
            "data": _data(self.data) if self.data else None,
            "notes": list(self.notes),
        }
        return {name: jsonable(value) for name, value in found.items()}

    def _run(self, run: Run) -> dict[str, Any]:
        return {
            "id": run.id,
            "name": run.name,
            "url": run.url,
            "state": self.state(run),
            "tags": list(run.tags),
            "group": run.group or None,
            "commit": run.commit or None,
            "created": run.created.isoformat() if run.created else None,
            "metrics": {metric.name: jsonable(metric_value(run, metric.name)) for metric in self.metrics},
            "config": {key: jsonable(value_at(run.config, key)) for key in self.config_keys},
        }


def _sum(answers: Sequence[bool]) -> str:
    return NOT_ASKED if not answers else PASSED if all(answers) else FAILED


def _row(row: Row) -> dict[str, Any]:
    return {
        "metric": row.metric.name,
        "direction": row.metric.direction or None,
        "value": jsonable(row.value),
        **{
            name: vars(against) if against else None
            for name, against in (("best", row.best), ("mean", row.mean), ("latest", row.latest))
        },
    }


def _interval(interval: Interval) -> dict[str, Any]:
    return {
        "metric": interval.metric.name,
        "candidates": vars(interval.ours),
        "baselines": vars(interval.theirs),
        "difference": interval.difference,
        "interval": None if interval.low is None else [interval.low, interval.high],
        "verdict": interval.sentence,
    }


def _verdict(verdict: Verdict) -> dict[str, Any]:
    return {
        "gate": verdict.gate.text,
        "passed": verdict.passed,
        "value": verdict.value,
        "required": jsonable(verdict.required),
        "reason": verdict.reason or None,
    }


def _requirement(requirement: Requirement) -> dict[str, Any]:
    return {"name": requirement.name, "holds": requirement.holds, "reason": requirement.reason or None}


def _data(data: Data) -> dict[str, Any]:
    def listed(artifacts: tuple[Artifact, ...]) -> list[dict[str, Any]]:
        return [vars(artifact) for artifact in artifacts]

    return {"same": data.same, "candidates": listed(data.candidates), "baselines": listed(data.baselines)}
