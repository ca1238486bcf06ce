"""Messages from the threads that read from the cluster to the main thread, which decides what to do."""

from __future__ import annotations

from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from queue import Empty, SimpleQueue

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


class MessageQueue:
    """Hands messages to the main thread; those about the workflow overtake those about thousands of pods.

    A signal may raise `Cancelled` in the main thread at any instruction. That leaves a `queue.PriorityQueue` locked for
    good if it comes at the wrong moment; a deque and a `SimpleQueue` are written in C, and stay whole.
    """

    def __init__(self) -> None:
        self._urgent: deque[Message] = deque()
        self._later: deque[Message] = deque()
        self._wake_ups: SimpleQueue[None] = SimpleQueue()  # there may be more than messages

    def __bool__(self) -> bool:
        return bool(self._urgent or self._later)

    def put(self, message: Message) -> None:
        """Add a message, from any thread."""
        (self._later if isinstance(message, PodChanged | LogEnded) else self._urgent).append(message)
        self._wake_ups.put(None)

    def get(self, seconds: float = 0) -> Message | None:
        """Return the next message, or None where there is none within `seconds`, or sooner."""
        message = self._pop()
        if message is None and seconds > 0:
            with suppress(Empty):
                self._wake_ups.get(timeout=seconds)
            message = self._pop()
        return message

    def _pop(self) -> Message | None:
        for messages in (self._urgent, self._later):
            if messages:  # only the main thread takes messages
                return messages.popleft()
        return None
