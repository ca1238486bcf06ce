"""The logs of a workflow's containers: followed while they run, taken up again where a connection broke, kept in bounds."""

from __future__ import annotations

import queue
import re
import threading
import time
from collections import deque
from dataclasses import dataclass
from typing import Final

from mlops_actions.argo_submit.listen import Tell
from mlops_actions.argo_submit.messages import GivenUp, LogEnded
from mlops_actions.argo_submit.pods import ARGOS_OWN, NODE_ID, NODE_NAME, WORKFLOW
from mlops_actions.argo_submit.ports import Cluster, Line, NotFound
from mlops_actions.core.errors import BadInput, Refused, Unavailable
from mlops_actions.core.types import Json

FOLLOWED_AT_ONCE: Final = 8
HEAD_LINES: Final = 1_000
TAIL_LINES: Final = 4_000
LINE_LENGTH: Final = 4_000
_COLOURS: Final = re.compile(r"(\x1b\[[0-9;:]{0,40}m)")
# Other escape sequences (moving the cursor, clearing, titles, links), then whatever control characters are left but tabs
# and returns, which progress bars use.
_CONTROLS: Final = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)?|\x1b[ -/]*[0-~]"
    r"|[\x00-\x08\x0a-\x0c\x0e-\x1f\x7f-\x9f]"
)
FIRST_PAUSE: Final = 0.1
LONGEST_PAUSE: Final = 2.0
PATIENCE: Final = 60.0  # with a log that does not open although the cluster answers
LONG: Final = 60.0  # who held a connection for so long had nothing to say, and that is no failure


@dataclass(frozen=True)
class Source:
    """One container of one pod."""

    node: str
    name: str  # of the node, without the workflow's
    pod: str
    container: str


class Kept:
    """The first and the last lines of a log, and where it stands."""

    def __init__(self) -> None:
        self._head: list[str] = []
        self._tail: deque[str] = deque(maxlen=TAIL_LINES)
        self._count = 0
        self._last = ("", "")
        self._at_last = 0  # lines that bear the last stamp
        self.stamp = ""

    def resumed(self) -> Resumed:
        """Return what tells new lines from repeated ones after the log was opened anew."""
        return Resumed(self._last, self._at_last)

    def add(self, line: Line) -> None:
        """Keep a line."""
        key = order(line.stamp)
        self._at_last = self._at_last + 1 if key == self._last else 1
        self._last, self.stamp = key, line.stamp
        text = printable(line.text[: LINE_LENGTH + 1])
        text = text if len(line.text) <= LINE_LENGTH else text[:LINE_LENGTH] + "…"
        self._count += 1
        if len(self._head) < HEAD_LINES:
            self._head.append(text)
        else:
            self._tail.append(text)

    def ended(self, source: Source, note: str) -> LogEnded:
        """Return what was kept."""
        lines = (*self._head, *self._tail)
        return LogEnded(source.node, source.name, source.container, lines, len(self._head), self._count - len(lines), note)


class Resumed:
    """A log is resumed by the second, so it begins with known lines: those before the last stamp, and so many with it."""

    def __init__(self, last: tuple[str, str], at_last: int) -> None:
        self._last = last
        self._left = at_last

    def is_new(self, line: Line) -> bool:
        """Tell whether the line was not there before."""
        key = order(line.stamp)
        if key < self._last:
            return False
        if key == self._last and self._left > 0:
            self._left -= 1
            return False
        return True


class LogCollector:
    """Follows containers, several at a time, and tells what each printed when it has ended."""

    def __init__(self, cluster: Cluster, namespace: str, tell: Tell) -> None:
        self._cluster = cluster
        self._namespace = namespace
        self._tell = tell
        self._waiting: queue.SimpleQueue[Source] = queue.SimpleQueue()
        self._known: set[Source] = set()
        self._stop = threading.Event()
        self._workers = 0

    @property
    def nodes(self) -> set[str]:
        """The ids of the nodes whose pods were seen."""
        return {source.node for source in self._known}

    @property
    def count(self) -> int:
        """How many logs there will be in all, as far as is known."""
        return len(self._known)

    def see(self, pod: Json) -> None:
        """Follow those of the pod's containers that have started and are not followed yet."""
        metadata = pod.get("metadata") or {}
        annotations = metadata.get("annotations") or {}
        workflow = str((metadata.get("labels") or {}).get(WORKFLOW) or "")
        node = str(annotations.get(NODE_ID) or "")
        node_name = str(annotations.get(NODE_NAME) or node).removeprefix(f"{workflow}.")
        for container in (pod.get("status") or {}).get("containerStatuses") or []:
            state = container.get("state") or {}
            name = str(container.get("name") or "")
            source = Source(node, node_name, str(metadata.get("name") or ""), name)
            started = "running" in state or "terminated" in state
            if node and started and name not in ARGOS_OWN and source not in self._known:
                self._known.add(source)
                self._waiting.put(source)
                if self._workers < FOLLOWED_AT_ONCE:
                    self._workers += 1
                    threading.Thread(target=self._work, name="log-follower", daemon=True).start()

    def stop(self) -> None:
        """Take nothing up any more."""
        self._stop.set()

    def _work(self) -> None:
        while not self._stop.is_set():
            source = self._waiting.get()
            try:
                self._tell(self._collect(source))
            except Refused as error:
                self._tell(GivenUp(error, logs=True))
                return

    def _collect(self, source: Source) -> LogEnded:
        kept = Kept()
        failures = 0
        good = time.monotonic()
        while not self._stop.is_set() and (begun := time.monotonic()) - good < PATIENCE:
            try:
                resumed = kept.resumed()
                stream = self._cluster.log(self._namespace, source.pod, source.container, kept.stamp)
                for line in stream:
                    if resumed.is_new(line):
                        kept.add(line)
                        failures, good = 0, time.monotonic()
                if self._is_over(source):
                    return kept.ended(source, "")
            except NotFound:
                return kept.ended(source, "the pod is gone; what it printed afterwards is not known")
            except (Unavailable, BadInput):  # a broken connection, or a container that is just starting (400)
                if not self._in_reach(source):  # how long to wait for the cluster is the follower's to say
                    good = time.monotonic()
            if time.monotonic() - begun >= LONG:
                failures, good = 0, time.monotonic()
            self._stop.wait(min(FIRST_PAUSE * 2**failures, LONGEST_PAUSE))
            failures += 1
        return kept.ended(source, "the log broke off")

    def _in_reach(self, source: Source) -> bool:
        try:
            self._cluster.pod(self._namespace, source.pod)
        except Unavailable:
            return False
        except Refused:
            pass
        return True

    def _is_over(self, source: Source) -> bool:
        """A log that ends may have been cut; only the pod knows whether its container has ended."""
        try:
            pod = self._cluster.pod(self._namespace, source.pod)
        except NotFound:
            return True
        for container in (pod.get("status") or {}).get("containerStatuses") or []:
            if container.get("name") == source.container:
                return "terminated" in (container.get("state") or {})
        return False


def printable(text: str) -> str:
    """Return a text with its colours, and without what else moves or rewrites a terminal."""
    if text.isprintable():
        return text
    parts = _COLOURS.split(text)
    parts[::2] = [_CONTROLS.sub("", part) for part in parts[::2]]
    return "".join(parts) + ("\x1b[0m" if len(parts) > 1 else "")


def order(stamp: str) -> tuple[str, str]:
    """Return what sorts stamps by time: their fractions have no trailing zeros, so their texts do not sort."""
    seconds, _, fraction = stamp.removesuffix("Z").partition(".")
    return seconds, fraction.ljust(9, "0")
