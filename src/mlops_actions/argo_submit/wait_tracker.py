"""Keep what a workflow waits for while it is followed, say each reason once, and end the wait where one lasts too long."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from mlops_actions.argo_submit import progress, waiting
from mlops_actions.argo_submit.log_printer import LogPrinter
from mlops_actions.argo_submit.pods import ObservedPod, PodWaiting
from mlops_actions.argo_submit.status import WorkflowStatus
from mlops_actions.argo_submit.waiting import Waiting
from mlops_actions.core.errors import TimedOut

MAX_SAID = 30


class WaitedTooLong(TimedOut):
    """A workflow waits longer than `fail-on` allows."""


class WaitTracker:
    """What one workflow waits for, by its status and its pods; `limits` are seconds by reason."""

    def __init__(self, log: LogPrinter, limits: Mapping[str, float]) -> None:
        self._log = log
        self._limits = limits
        self._pods: dict[str, PodWaiting] = {}  # by node
        self._said: set[tuple[str, str, str]] = set()
        self._seen_since: dict[tuple[str, str, str], datetime] = {}
        self.has_news = False  # whether pods have told something since the last explanation
        self.reasons: list[Waiting] = []

    def see(self, pod: ObservedPod) -> None:
        """Take note of what a pod waits for."""
        before = self._pods.get(pod.node.id)
        if pod.waiting is not None:
            self._pods[pod.node.id] = pod.waiting
        else:
            self._pods.pop(pod.node.id, None)
        self.has_news = self.has_news or before != pod.waiting

    def explain(self, current: WorkflowStatus, now: datetime) -> None:
        """Find what is waited for, and log each reason once."""
        self.has_news = False
        self.reasons = waiting.reasons(current, self._pods, now)
        self._seen_since = {one.key: self._seen_since.get(one.key, now) for one in self.reasons}
        for one in self.reasons:
            if one.key in self._said or len(self._said) >= MAX_SAID:
                continue
            self._said.add(one.key)
            remedy = f". To resume it: {waiting.resume_command(one, current)}" if one.reason == waiting.SUSPENDED else ""
            text = f"{one.text()}{remedy}"
            if one.is_as_ordered:
                self._log.info(text)
            else:
                self._log.warning(text, title="argo-submit")

    def check_limits(self, current: WorkflowStatus, now: datetime) -> None:
        """Raise WaitedTooLong where something is waited for longer than the inputs allow."""
        one = waiting.overdue(current, self._pods, self._limits, now) or self._seen_for_too_long(now)
        if one is not None:
            limit = progress.duration(self._limits[one.reason])
            raise WaitedTooLong(
                f"workflow '{current.name}': {one.text(now)}, and 'fail-on' allows {limit}",
                f"remove what holds it up, or allow more than '{one.reason}>{limit.replace(' ', '')}' in 'fail-on'",
            )

    def _seen_for_too_long(self, now: datetime) -> Waiting | None:
        """Return what has no time of its own, such as a suspension, and was seen for longer than its limit."""
        for one in self.reasons:
            limit = self._limits.get(one.reason)
            if limit is not None and one.since is None and (now - self._seen_since[one.key]).total_seconds() > limit:
                return one
        return None
