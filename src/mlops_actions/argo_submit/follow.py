"""Following a workflow to its end: reads when a listener tells it to, logs progress, notices what is wrong."""

from __future__ import annotations

import queue
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from mlops_actions.argo_submit import pods, progress, status
from mlops_actions.argo_submit.listen import Listener, PodListener, WorkflowListener
from mlops_actions.argo_submit.logs import LogCollector
from mlops_actions.argo_submit.messages import Deleted, GivenUp, LogEnded, Lost, Message, Moved, PodSeen
from mlops_actions.argo_submit.ports import Clock, Cluster, NotFound
from mlops_actions.argo_submit.status import Node, Status
from mlops_actions.core.errors import TimedOut, Unavailable, WorkFailed
from mlops_actions.core.ports import Log

# A whole workflow can be 1 MiB: it is read when its metadata says that it moved, ever more rarely, and once in a while.
# The end is read at once.
FIRST_LOOK: Final = 1.0
LOOK_GROWTH: Final = 1.5
LONGEST_LOOK: Final = 15.0
LOOK_ANYWAY: Final = 60.0
# A large one is read more rarely still: for its progress alone it is not worth more than this.
BYTES_A_SECOND: Final = 1_000
LONGEST_LARGE_LOOK: Final = 300.0
NO_CONTROLLER_SECONDS: Final = 60.0
UNREACHABLE_SECONDS: Final = 600.0
DRAIN_SECONDS: Final = 30.0
STRAGGLER_SECONDS: Final = 3.0
LAST_LINES: Final = 15


@dataclass(frozen=True)
class Target:
    """What is followed, and how. `logs` is `all`, `failed` or `none`."""

    namespace: str
    name: str
    uid: str
    version: str
    logs: str
    deadline: datetime


@dataclass
class Followed:
    """What was learned: the last status, and the ends of the failed nodes' logs by node id."""

    status: Status
    last_lines: dict[str, list[str]] = field(default_factory=dict)


class Follower:
    """Follows one workflow; `follow` is called once, in the main thread, where a cancellation may interrupt it."""

    def __init__(self, cluster: Cluster, target: Target, log: Log, clock: Clock) -> None:
        self._cluster = cluster
        self._target = target
        self._log = log
        self._clock = clock
        self._messages: queue.SimpleQueue[Message] = queue.SimpleQueue()
        self._collector = LogCollector(cluster, target.namespace, self._messages.put)
        self._ended_logs: list[LogEnded] = []
        self._pods: dict[str, Node] = {}
        self._bare: Status | None = None  # the last status, as the workflow's own record has it
        self._logs_given_up = target.logs == "none"
        self._before: Status | None = None
        self._said: set[str] = set()
        self._gone_since: datetime | None = None
        self._pause = FIRST_LOOK
        self._over = False

    def follow(self) -> Followed:
        """Return when the workflow has ended; raises TimedOut, WorkFailed (deleted), Refused, Unavailable."""
        with self._listening():
            found = self._until_end()
            self._over = True
            if not self._logs_given_up:
                self._drain(self._bare or found)
        found = pods.supplied(self._bare or found, self._pods.values())
        return Followed(found, self._close_logs(found))

    @contextmanager
    def _listening(self) -> Iterator[None]:
        target, tell = self._target, self._messages.put
        listeners: list[Listener] = [WorkflowListener(self._cluster, target.namespace, target.name, target.version, tell)]
        if not self._logs_given_up:
            listeners.append(PodListener(self._cluster, target.namespace, target.name, tell))
        for listener in listeners:
            listener.start()
        try:
            yield
        finally:
            for listener in listeners:
                listener.stop()
            self._collector.stop()

    def _until_end(self) -> Status:
        begun = looked = self._clock.now()
        moved = True
        while True:
            now = self._clock.now()
            wait = self._pause if moved else max(self._pause, LOOK_ANYWAY)
            due = looked + timedelta(seconds=0 if self._before is None else wait)
            if now >= due:
                found = self._look()
                if found is not None and found.ended:
                    return found
                looked, moved = self._clock.now(), found is None
                self._say_what_is_wrong(found, looked - begun)
                continue
            if now >= self._target.deadline:
                raise TimedOut(
                    f"workflow '{self._target.name}' had not ended in time{self._how_far()}",
                    "raise 'timeout', or see which node takes so long",
                )
            message = self._next(min((due - now).total_seconds(), (self._target.deadline - now).total_seconds()))
            if isinstance(message, Moved):
                moved = True
                if status.has_ended(message.metadata):
                    looked = datetime.min.replace(tzinfo=now.tzinfo)
            elif isinstance(message, Deleted | Lost):
                moved = True
                looked = datetime.min.replace(tzinfo=now.tzinfo) if isinstance(message, Deleted) else looked

    def _next(self, seconds: float) -> Message | None:
        """Return the next message that is not about logs, None where the time is over."""
        try:
            message = self._messages.get(timeout=max(seconds, 0))
        except queue.Empty:
            return None
        if isinstance(message, PodSeen):
            if (node := pods.node_of(message.pod, self._target.name)) is not None:
                self._pods[node.id] = node
            if not self._logs_given_up:
                self._collector.see(message.pod)
        elif isinstance(message, LogEnded):
            self._take_log(message)
        elif isinstance(message, GivenUp):
            if not message.logs and not self._over:
                raise message.error
            if message.logs and not self._logs_given_up:
                self._logs_given_up = True
                self._log.warning(f"the logs are not shown: {message.error}", title="argo-submit")
        else:
            return message
        return None

    def _look(self) -> Status | None:
        """Read the whole workflow and log what is new; None where the cluster cannot be reached for the moment."""
        target = self._target
        try:
            found = status.read(self._cluster.get(target.namespace, target.name), self._bare)
        except NotFound:
            raise self._deleted("was deleted") from None
        except Unavailable as error:
            now = self._clock.now()
            self._gone_since = self._gone_since or now
            if (now - self._gone_since).total_seconds() >= UNREACHABLE_SECONDS:
                raise
            self._once("unreachable", f"{error.cause}; trying on for {progress.duration(UNREACHABLE_SECONDS)}")
            return None
        self._gone_since = None
        self._said.discard("unreachable")
        if found.uid != target.uid:
            raise self._deleted("was deleted, and another of its name was created,")
        self._bare = found
        found = pods.supplied(found, self._pods.values())
        lines = progress.changes(self._before, found)
        if lines:
            self._log.info("\n".join([*lines, f"  {found.progress} done" if found.progress else ""]).rstrip())
        grown = FIRST_LOOK if self._before is None else min(self._pause * LOOK_GROWTH, LONGEST_LOOK)
        self._pause = max(grown, min(found.size / BYTES_A_SECOND, LONGEST_LARGE_LOOK))
        self._before = found
        return found

    def _say_what_is_wrong(self, found: Status | None, waited: timedelta) -> None:
        if found is None:
            return
        name, namespace = found.name, found.namespace
        if not found.phase and waited.total_seconds() >= NO_CONTROLLER_SECONDS:
            self._once(
                "controller",
                f"no controller has taken up workflow '{name}' yet: is Argo's workflow-controller running, does it manage "
                f"the namespace '{namespace}', and does it expect a label workflows.argoproj.io/controller-instanceid?",
            )
        for node in progress.suspended(found):
            self._once(
                f"suspended {node.id}",
                f"'{node.display_name}' is suspended and waits: argo resume {name} -n {namespace} "
                f"--node-field-selector id={node.id}",
            )
        for node in found.nodes.values():
            if node.phase == "Pending" and node.message:
                self._once(f"pending {node.message}", f"'{node.display_name}' cannot start yet: {node.message}")
        for note in found.notes:
            self._once(note, note)

    def _once(self, key: str, text: str) -> None:
        if key not in self._said:
            self._said.add(key)
            self._log.warning(text, title="argo-submit")

    def _deleted(self, what: str) -> WorkFailed:
        return WorkFailed(
            f"workflow '{self._target.name}' {what} while it was followed{self._how_far()}",
            "see who removed it: a person, a time to live (ttlStrategy), or another job",
        )

    def _how_far(self) -> str:
        if self._before is None or not self._before.progress:
            return ""
        return f" ({self._before.progress} done)"

    def _take_log(self, ended: LogEnded) -> None:
        self._ended_logs.append(ended)
        if self._target.logs == "all":
            self._show(ended)

    def _drain(self, found: Status) -> None:
        """Wait, within bounds, for the logs of containers that ended with the workflow."""
        ended = {node.id for node in found.nodes.values() if node.type == "Pod" and node.phase in status.ENDED}
        begun = self._clock.now()
        while not self._logs_given_up:
            seconds = (self._clock.now() - begun).total_seconds()
            complete = len(self._ended_logs) >= self._collector.count
            # Without a record of the nodes only time tells whether every pod has been heard of.
            if complete and ((found.readable and ended <= self._collector.nodes) or seconds >= STRAGGLER_SECONDS):
                return
            if seconds >= DRAIN_SECONDS:
                self._log.warning("some logs did not come to their end in time", title="argo-submit")
                return
            self._next(STRAGGLER_SECONDS if not complete else STRAGGLER_SECONDS - seconds)

    def _close_logs(self, found: Status) -> dict[str, list[str]]:
        failed = {node.id for node in found.failed()}
        if self._target.logs == "failed":
            for ended in self._ended_logs:
                if ended.node in failed:
                    self._show(ended, found)
        return {ended.node: list(ended.lines[-LAST_LINES:]) for ended in self._ended_logs if ended.node in failed}

    def _show(self, ended: LogEnded, found: Status | None = None) -> None:
        known = found or self._before
        node: Node | None = known.nodes.get(ended.node) if known else None
        name = node.display_name if node else ended.name
        title = name if ended.container == "main" else f"{name} · {ended.container}"
        with self._log.group(f"Log of {title}"):
            self._log.info("\n".join(_shown(ended)))


def _shown(ended: LogEnded) -> Sequence[str]:
    lines = list(ended.lines)
    if ended.left_out:
        lines.insert(ended.head, f"… {ended.left_out} lines are left out here …")
    if ended.note:
        lines.append(f"({ended.note})")
    return lines or ["(nothing was printed)"]
