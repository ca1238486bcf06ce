"""A cluster whose pods and logs follow a script: what each stream brings, and what happens before it is opened."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from mlops_actions.argo_submit.ports import NotFound
from mlops_actions.core.errors import Unavailable

# Bytes that arrive, an error that breaks the stream, or something that happens.
Step = bytes | Exception | Callable[[], object]
BROKEN = Unavailable("the connection broke", "try again")


class ScriptedStream:
    """One answer; see `argo_submit.ports.Stream`."""

    def __init__(self, steps: list[Step]) -> None:
        self._steps = steps

    def __iter__(self) -> Iterator[bytes]:
        for step in self._steps:
            if isinstance(step, bytes):
                yield step
            elif isinstance(step, Exception):
                raise step
            else:
                step()

    def close(self) -> None:
        """See the port."""


@dataclass
class ScriptedLogs:
    """The part of `argo_submit.ports.Cluster` that reads logs. Each stream takes the next script; the last one repeats."""

    streams: list[list[Step]]
    state: dict[str, Any] = field(default_factory=lambda: {"terminated": {"exitCode": 0}})
    restarts: int = 0
    uid: str = "uid-1"
    exists: bool = True
    sends: bool = True
    asked: list[tuple[str, bool]] = field(default_factory=list)  # since, previous

    def stream_log(
        self,
        namespace: str,
        pod: str,
        container: str,
        since: str,
        *,
        previous: bool = False,
    ) -> ScriptedStream:
        """See the port."""
        if not self.exists:
            raise NotFound(f"pods {pod!r} not found", "")
        self.asked.append((since, previous))
        steps = self.streams.pop(0) if len(self.streams) > 1 else self.streams[0]
        return ScriptedStream(steps)

    def sends_timestamps(self, namespace: str, pod: str, container: str, first: bytes) -> bool:
        """See the port."""
        return self.sends

    def get_pod(self, namespace: str, name: str) -> dict[str, Any]:
        """See the port."""
        if not self.exists:
            raise NotFound(f"pods {name!r} not found", "")
        return {
            "metadata": {
                "name": name,
                "uid": self.uid,
                "labels": {"workflows.argoproj.io/workflow": "wf"},
                "annotations": {"workflows.argoproj.io/node-id": "wf-1"},
            },
            "status": {"containerStatuses": [{"name": "main", "state": self.state, "restartCount": self.restarts}]},
        }
