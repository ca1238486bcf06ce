"""Follow the logs of a workflow's containers: resume them where a connection broke, and keep their size within bounds."""

from __future__ import annotations

import queue
import re
import threading
import time
from collections import deque
from dataclasses import dataclass

from mlops_actions.argo_submit.messages import LogEnded, WatchRefused
from mlops_actions.argo_submit.pods import EXECUTOR_CONTAINERS
from mlops_actions.argo_submit.ports import Cluster, LogLine, NotFound
from mlops_actions.argo_submit.watch import Emit
from mlops_actions.core.argo import NODE_ID_ANNOTATION, NODE_NAME_ANNOTATION, WORKFLOW_LABEL
from mlops_actions.core.errors import ActionError, BadInput, Refused, Unavailable
from mlops_actions.core.types import Json

MAX_STREAMS = 8
HEAD_LINES = 1_000
TAIL_LINES = 4_000
MAX_LINE_LENGTH = 4_000
_COLORS = re.compile(r"(\x1b\[[0-9;:]{0,40}m)")
# Other escape sequences (cursor, clearing, titles, links), and all other control characters but tabs and carriage returns,
# which progress bars use.
_CONTROLS = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)?|\x1b[ -/]*[0-~]"
    r"|[\x00-\x08\x0a-\x0c\x0e-\x1f\x7f-\x9f]"
)
MIN_PAUSE = 0.1
MAX_PAUSE = 2.0
MAX_FAILING_SECONDS = 60.0  # how long a log may fail to open while the cluster answers
STABLE_SECONDS = 60.0  # a stream that stayed open this long had no lines to send, which is no failure


@dataclass(frozen=True, kw_only=True)
class LogSource:
    """One container of one pod; `node_name` has no workflow name in front."""

    node_id: str
    node_name: str
    pod: str
    container: str


class LogBuffer:
    """The first and the last lines of a log, and the timestamp that it has reached."""

    def __init__(self) -> None:
        self._head: list[str] = []
        self._tail: deque[str] = deque(maxlen=TAIL_LINES)
        self._count = 0
        self._last = ("", "")
        self._count_at_last = 0  # lines with the last timestamp
        self.timestamp = ""

    def repeated_lines(self) -> RepeatedLines:
        """Return the filter of the lines that the server repeats after the log is opened again."""
        return RepeatedLines(self._last, self._count_at_last)

    def add(self, line: LogLine) -> None:
        """Add a line."""
        key = timestamp_key(line.timestamp)
        self._count_at_last = self._count_at_last + 1 if key == self._last else 1
        self._last, self.timestamp = key, line.timestamp
        text = printable(line.text[: MAX_LINE_LENGTH + 1])
        text = text if len(line.text) <= MAX_LINE_LENGTH else text[:MAX_LINE_LENGTH] + "…"
        self._count += 1
        if len(self._head) < HEAD_LINES:
            self._head.append(text)
        else:
            self._tail.append(text)

    def ended(self, source: LogSource, note: str) -> LogEnded:
        """Return the lines; `note` says why some may be missing."""
        lines = (*self._head, *self._tail)
        return LogEnded(
            node_id=source.node_id,
            node_name=source.node_name,
            container=source.container,
            lines=lines,
            head=len(self._head),
            left_out=self._count - len(lines),
            note=note,
        )


class RepeatedLines:
    """Recognises repeated lines: a log is resumed by the second, so it begins with lines that were read before.

    These are the lines before the last timestamp, and as many lines with it as were read.
    """

    def __init__(self, last: tuple[str, str], count_at_last: int) -> None:
        self._last = last
        self._left = count_at_last

    def is_new(self, line: LogLine) -> bool:
        """Tell whether the line was not read before."""
        key = timestamp_key(line.timestamp)
        if key < self._last:
            return False
        if key == self._last and self._left > 0:
            self._left -= 1
            return False
        return True


class LogCollector:
    """Follows the logs of several containers at a time, and emits each log when its container has ended."""

    def __init__(self, cluster: Cluster, namespace: str, emit: Emit) -> None:
        self._cluster = cluster
        self._namespace = namespace
        self._emit = emit
        self._waiting: queue.SimpleQueue[LogSource] = queue.SimpleQueue()
        self._known: set[LogSource] = set()
        self._stop = threading.Event()
        self._workers = 0

    @property
    def nodes(self) -> set[str]:
        """The ids of the nodes whose pods were added."""
        return {source.node_id for source in self._known}

    @property
    def count(self) -> int:
        """The number of logs that will be emitted for the pods that were added."""
        return len(self._known)

    def add_pod(self, pod: Json) -> None:
        """Follow those of the pod's containers that have started and are not followed yet."""
        metadata = pod.get("metadata") or {}
        annotations = metadata.get("annotations") or {}
        workflow = str((metadata.get("labels") or {}).get(WORKFLOW_LABEL) or "")
        node_id = str(annotations.get(NODE_ID_ANNOTATION) or "")
        node_name = str(annotations.get(NODE_NAME_ANNOTATION) or node_id).removeprefix(f"{workflow}.")
        for container in (pod.get("status") or {}).get("containerStatuses") or []:
            state = container.get("state") or {}
            name = str(container.get("name") or "")
            source = LogSource(node_id=node_id, node_name=node_name, pod=str(metadata.get("name") or ""), container=name)
            started = "running" in state or "terminated" in state
            if node_id and started and name not in EXECUTOR_CONTAINERS and source not in self._known:
                self._known.add(source)
                self._waiting.put(source)
                if self._workers < MAX_STREAMS:
                    self._workers += 1
                    threading.Thread(target=self._work, name="log-follower", daemon=True).start()

    def stop(self) -> None:
        """Stop following; no further log is opened."""
        self._stop.set()

    def _work(self) -> None:
        while not self._stop.is_set():
            source = self._waiting.get()
            try:
                self._emit(self._collect(source))
            except Refused as error:
                self._emit(WatchRefused(error, logs_only=True))
                return

    def _collect(self, source: LogSource) -> LogEnded:
        buffer = LogBuffer()
        failures = 0
        last_success = time.monotonic()
        while not self._stop.is_set() and (opened := time.monotonic()) - last_success < MAX_FAILING_SECONDS:
            try:
                repeated = buffer.repeated_lines()
                for line in self._cluster.stream_log(self._namespace, source.pod, source.container, buffer.timestamp):
                    if repeated.is_new(line):
                        buffer.add(line)
                        failures, last_success = 0, time.monotonic()
                if self._container_has_ended(source):
                    return buffer.ended(source, "")
            except NotFound:
                return buffer.ended(source, "the pod was deleted; lines that it printed later are missing")
            except (Unavailable, BadInput):  # a broken connection, or a container that is just starting (400)
                if not self._is_reachable(source):  # the follower decides how long to wait for the cluster
                    last_success = time.monotonic()
            if time.monotonic() - opened >= STABLE_SECONDS:
                failures, last_success = 0, time.monotonic()
            self._stop.wait(min(MIN_PAUSE * 2**failures, MAX_PAUSE))
            failures += 1
        return buffer.ended(source, "the log broke off")

    def _is_reachable(self, source: LogSource) -> bool:
        try:
            self._cluster.get_pod(self._namespace, source.pod)
        except Unavailable:
            return False
        except ActionError:
            pass
        return True

    def _container_has_ended(self, source: LogSource) -> bool:
        """Ask the pod: a log that ends may have been cut off."""
        try:
            pod = self._cluster.get_pod(self._namespace, source.pod)
        except NotFound:
            return True
        for container in (pod.get("status") or {}).get("containerStatuses") or []:
            if container.get("name") == source.container:
                return "terminated" in (container.get("state") or {})
        return False


def printable(text: str) -> str:
    """Return a text with its colours, and without control characters that move or rewrite what a terminal shows."""
    if text.isprintable():
        return text
    parts = _COLORS.split(text)
    parts[::2] = [_CONTROLS.sub("", part) for part in parts[::2]]
    return "".join(parts) + ("\x1b[0m" if len(parts) > 1 else "")


def timestamp_key(timestamp: str) -> tuple[str, str]:
    """Return a key that sorts timestamps by time: their fractions have no trailing zeros, so their texts do not."""
    seconds, _, fraction = timestamp.removesuffix("Z").partition(".")
    return seconds, fraction.ljust(9, "0")
