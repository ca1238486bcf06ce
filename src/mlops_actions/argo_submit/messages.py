"""Messages from the threads that read from the cluster to the main thread, which decides what to do."""

from __future__ import annotations

from dataclasses import dataclass

from mlops_actions.argo_submit.pods import ObservedPod
from mlops_actions.core.errors import ActionError
from mlops_actions.core.types import Json


@dataclass(frozen=True)
class WorkflowChanged:
    """The workflow has changed; `metadata` is all that the watch received of it."""

    metadata: Json


@dataclass(frozen=True)
class WorkflowDeleted:
    """The workflow no longer exists, as far as the watch can tell; `metadata` is the last that the watch received of it."""

    metadata: Json


@dataclass(frozen=True)
class ConnectionLost:
    """A connection broke, or the cluster refused it for the moment; the watch tries again."""

    error: ActionError


@dataclass(frozen=True)
class WatchRefused:
    """A watch has ended because the cluster keeps refusing it; `logs_only` says that only the logs depend on it."""

    error: ActionError
    logs_only: bool


@dataclass(frozen=True)
class PodChanged:
    """A pod of the workflow is new or has changed."""

    pod: ObservedPod


@dataclass(frozen=True)
class LogEnded:
    """The log of one of a node's containers was read to its end; `last_lines` is its end, of bounded length."""

    node_id: str
    last_lines: str


Message = WorkflowChanged | WorkflowDeleted | ConnectionLost | WatchRefused | PodChanged | LogEnded
