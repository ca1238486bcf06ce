"""What the threads that listen to the cluster tell the one that decides."""

from __future__ import annotations

from dataclasses import dataclass

from mlops_actions.core.errors import ActionError
from mlops_actions.core.types import Json


@dataclass(frozen=True)
class Moved:
    """The workflow changed; its metadata."""

    metadata: Json


@dataclass(frozen=True)
class Deleted:
    """The workflow seems to be gone."""


@dataclass(frozen=True)
class Lost:
    """A connection broke, or was refused for the moment; whoever tells this tries on."""

    error: ActionError


@dataclass(frozen=True)
class GivenUp:
    """A listener has ended, since the cluster refuses what it asks for; `logs`: only the logs will be missing."""

    error: ActionError
    logs: bool


@dataclass(frozen=True)
class PodSeen:
    """A pod of the workflow, new or changed."""

    pod: Json


@dataclass(frozen=True)
class LogEnded:
    """All that a container printed, as far as it was kept; `left_out` lines are missing after the first `head` ones."""

    node: str  # id
    name: str  # of the node
    container: str
    lines: tuple[str, ...]
    head: int
    left_out: int
    note: str = ""


Message = Moved | Deleted | Lost | GivenUp | PodSeen | LogEnded
