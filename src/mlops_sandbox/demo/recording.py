"""What happened in a demo, as it is shown afterwards."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from mlops_actions.core.types import Json
from mlops_sandbox.actions import ActionsRun
from mlops_sandbox.demo.command import Ended
from mlops_sandbox.github import Delivery, PullRequest
from mlops_sandbox.github.discussion import Comment
from mlops_sandbox.runner.job import StepResult


@dataclass(frozen=True)
class Act:
    """Somebody did something, and a run of a workflow file followed; `log` is the name of its log."""

    by: str
    delivery: Delivery[Any]
    run: ActionsRun
    log: str

    @property
    def comment(self) -> Comment | None:
        """The comment that started the run, where one did."""
        subject = self.delivery.subject
        return subject if isinstance(subject, Comment) else None

    @property
    def at(self) -> datetime:
        """When it happened."""
        return self.comment.created_at if self.comment else self.run.record.created_at

    def step(self, action: str) -> StepResult | None:
        """Return the first step of this action that has run."""
        steps = self.run.result.steps if self.run.result else []
        return next((step for step in steps if step.action == action and step.outcome != "skipped"), None)


@dataclass(frozen=True)
class Evidence:
    """A statement about the deployed run, and what `mlops-actions verify` said of it."""

    statement: Json
    path: str
    verified: Ended


@dataclass
class Recording:
    """All of it, in the order in which it happened; what did not happen is None or empty."""

    without_docker: str = ""
    acts: list[Act] = field(default_factory=list)
    pull: PullRequest | None = None
    difference: list[str] = field(default_factory=list)
    evidence: Evidence | None = None
    doctor: Ended | None = None
    seconds: float = 0.0

    def act(self, log: str) -> Act:
        """Return the act with this log; raises StopIteration where there is none."""
        return next(act for act in self.acts if act.log == log)
