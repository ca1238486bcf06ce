"""One node of a workflow."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

# Nodes that hold others: the items of a loop and the steps of a group belong to the same boundary as their group.
GROUPS = frozenset({"StepGroup", "TaskGroup"})
COMPOSITES = GROUPS | {"DAG", "Steps", "Retry"}
# Argo writes "main: Error (exit code 3)", "OOMKilled (exit code 137)" or "Evicted: The node was low on memory".
_REASON = re.compile(r"(?:[a-z0-9-]+: )?([A-Z][A-Za-z]+)(?: \(exit code|:|$)")
_ITEM = re.compile(r"\((\d+)(?::.*)?\)$", re.DOTALL)


def seconds_between(started: datetime | None, finished: datetime | None) -> float | None:
    """Return a duration; None before its end."""
    return None if started is None or finished is None else (finished - started).total_seconds()


@dataclass(frozen=True, slots=True)
class NodeStatus:
    """One entry of `status.nodes`."""

    id: str
    name: str
    display_name: str
    type: str
    template: str
    phase: str
    message: str = ""
    started: datetime | None = None
    finished: datetime | None = None
    children: tuple[str, ...] = ()
    boundary: str = ""
    exit_code: str = ""
    progress: str = ""  # `N/M` of a node that runs
    parameters: Mapping[str, str] = field(default_factory=dict)
    host: str = ""  # the machine
    is_cached: bool = False  # by memoization
    artifacts: tuple[tuple[str, str, str], ...] = ()  # name, bucket and key
    resources: Mapping[str, int] = field(default_factory=dict)  # `resourcesDuration`
    failed_container: str = ""  # of a container set: the one that failed first

    @property
    def seconds(self) -> float | None:
        """The node's duration; None while it runs."""
        return seconds_between(self.started, self.finished)

    @property
    def reason(self) -> str:
        """The word by which Kubernetes names the reason of a failure, such as `OOMKilled`; empty where there is none."""
        match = _REASON.match(self.message)
        return match[1] if match else ""

    @property
    def loop_name(self) -> str:
        """The display name without the number and item that a loop or a retry adds."""
        return _ITEM.sub("", self.display_name)
