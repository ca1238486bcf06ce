"""Follow a workflow to its end: read it when a watch reports a change, log its progress, explain what keeps it waiting."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from mlops_actions.argo_submit import gone, pods, progress, status
from mlops_actions.argo_submit.artifacts import OutputArtifact
from mlops_actions.argo_submit.log_printer import LogPrinter
from mlops_actions.argo_submit.logs import LogCollector
from mlops_actions.argo_submit.messages import (
    LogEnded,
    Message,
    MessageQueue,
    PodChanged,
    WatchRefused,
    WorkflowChanged,
    WorkflowDeleted,
)
from mlops_actions.argo_submit.node_status import NodeStatus
from mlops_actions.argo_submit.ports import Cluster, NotFound
from mlops_actions.argo_submit.status import WorkflowStatus
from mlops_actions.argo_submit.wait_tracker import WaitTracker
from mlops_actions.argo_submit.waiting import Waiting
from mlops_actions.argo_submit.watch import PodWatch, Watch, WorkflowWatch
from mlops_actions.core import shell
from mlops_actions.core.argo import ENDED_PHASES, FAILED_PHASES
from mlops_actions.core.errors import ActionError, TimedOut, Unavailable, WorkFailed
from mlops_actions.core.ports import Clock, Log
from mlops_actions.core.types import Json

# A whole workflow can take 1 MiB, so it is read only after its metadata has changed, ever less often, and once a minute in
# any case. When it ends it is read at once.
MIN_READ_INTERVAL = 1.0
READ_INTERVAL_GROWTH = 1.5
MAX_READ_INTERVAL = 15.0
UNCHANGED_READ_INTERVAL = 60.0
# A large workflow is read even less often: its progress alone is not worth a higher rate.
BYTES_PER_SECOND = 1_000
MAX_READ_INTERVAL_OF_LARGE = 300.0
NO_CONTROLLER_SECONDS = 60.0
UNREACHABLE_SECONDS = 600.0
# How long logs are read after the workflow's end: while any of them comes to its end, and in all.
DRAIN_SECONDS = 30.0
MAX_DRAIN_SECONDS = 600.0
STRAGGLER_SECONDS = 3.0
EXPLAIN_INTERVAL = timedelta(seconds=1)  # how often what pods wait for is looked at
TICK_SECONDS = 1.0  # how long lines of logs may be held
MAX_NAMES = 10
MAX_WARNINGS = 30


@dataclass(frozen=True, kw_only=True)
class FollowTarget:
    """The workflow to follow, and how; `logs` is `all`, `failed` or `none`."""

    namespace: str
    name: str
    uid: str
    resource_version: str
    logs: str
    deadline: datetime
    limits: Mapping[str, float] = field(default_factory=dict)  # seconds by reason of waiting


@dataclass(frozen=True)
class FollowResult:
    """The last status, and the last log lines of the failed nodes by node id."""

    status: WorkflowStatus
    last_lines: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    artifacts: Sequence[OutputArtifact] = ()


# Called with each status of a workflow that has not ended, and what it waits for.
OnRead = Callable[[WorkflowStatus, Sequence[Waiting]], None]


class Follower:
    """Follows one workflow; `follow` is called once, in the main thread, where a cancellation may interrupt it."""

    def __init__(
        self, cluster: Cluster, target: FollowTarget, log: Log, clock: Clock, on_read: OnRead | None = None
    ) -> None:
        self._cluster = cluster
        self._target = target
        self._log = LogPrinter(log)
        self._clock = clock
        self._on_read = on_read
        self._messages = MessageQueue()
        self._collector = LogCollector(
            cluster,
            target.namespace,
            target.name,
            self._log,
            self._messages.put,
            failed_only=target.logs == "failed",
        )
        self._last_lines: dict[str, str] = {}  # by node
        self._pod_nodes: dict[str, NodeStatus] = {}
        self._waits = WaitTracker(self._log, target.limits)
        self._explained_at = clock.now()
        self._recorded: WorkflowStatus | None = None  # the last status, as the workflow's own record has it
        self._shown: WorkflowStatus | None = None  # the last status, completed by the pods
        self._without_logs = target.logs == "none"
        self._warned: set[str] = set()
        self._unreachable_since: datetime | None = None
        self._read_interval = MIN_READ_INTERVAL
        self._has_ended = False
        self._metadata: Json = {}  # the last that the watch received
        self._was_deleted = False
        self._polls = False  # because the cluster refuses the watch

    @property
    def waiting(self) -> list[Waiting]:
        """What was waited for at the last look."""
        return self._waits.reasons

    def follow(self) -> FollowResult:
        """Return when the workflow has ended; raises TimedOut, WorkFailed (deleted), Refused, Unavailable."""
        with self._watching():
            last = self._until_end()
            self._has_ended = True
            if not self._without_logs:
                self._drain(self._recorded or last)
        last = pods.with_pod_nodes(self._recorded or last, self._pod_nodes.values())
        return FollowResult(last, self._lines_of_failed(last))

    def so_far(self) -> FollowResult | None:
        """Return what is known of a workflow whose end this step does not see; None where it was never read."""
        if self._recorded is None:
            return None
        last = pods.with_pod_nodes(self._recorded, self._pod_nodes.values())
        return FollowResult(last, self._lines_of_failed(last))

    @contextmanager
    def _watching(self) -> Iterator[None]:
        target, emit = self._target, self._messages.put
        workflow_watch = WorkflowWatch(
            cluster=self._cluster,
            namespace=target.namespace,
            workflow=target.name,
            resource_version=target.resource_version,
            emit=emit,
        )
        watches: list[Watch] = [workflow_watch]
        if not self._without_logs:
            watches.append(PodWatch(cluster=self._cluster, namespace=target.namespace, workflow=target.name, emit=emit))
        for watch in watches:
            watch.start()
        try:
            yield
        finally:
            for watch in watches:
                watch.stop()
            self._stop_logs()

    def _until_end(self) -> WorkflowStatus:
        started = self._clock.now()
        last_read, changed = datetime.min.replace(tzinfo=started.tzinfo), True
        while True:
            now = self._clock.now()
            interval = self._read_interval if changed else max(self._read_interval, UNCHANGED_READ_INTERVAL)
            due = last_read + timedelta(seconds=interval)
            is_late = now >= self._target.deadline
            if now >= due or is_late:  # also once after the deadline: the workflow may have ended just before it
                current = self._read(is_late)
                if current is not None and current.ended:
                    return current
                if is_late:
                    if current is not None:
                        self._waits.explain(current, now)
                    raise self._timed_out()
                last_read, changed = self._clock.now(), current is None or self._polls
                if current is not None:
                    self._explain_waiting(current, last_read - started)
                continue
            if self._waits.has_news and self._shown is not None and now - self._explained_at >= EXPLAIN_INTERVAL:
                self._explain_waits(self._shown)
            message = self._next(min((due - now).total_seconds(), (self._target.deadline - now).total_seconds()))
            if self._requires_read(message):
                last_read = datetime.min.replace(tzinfo=now.tzinfo)
            changed = changed or message is not None

    def _requires_read(self, message: Message | None) -> bool:
        """Take note of a message about the workflow; tell whether the workflow must be read at once."""
        if isinstance(message, WorkflowChanged):
            self._metadata = message.metadata
            return status.has_ended(message.metadata)
        if isinstance(message, WorkflowDeleted):
            self._metadata, self._was_deleted = message.metadata or self._metadata, True
            return True
        if isinstance(message, WatchRefused):
            # Where the credentials are refused altogether, the next read says so.
            self._polls = True
            self._warn_once("poll", f"the workflow is read now and then, since it cannot be watched: {message.error}")
            return True
        return False

    def _next(self, seconds: float) -> Message | None:
        """Handle the next message about pods and logs, or return the next about the workflow; None after `seconds`."""
        self._log.flush()
        message = self._messages.get(min(seconds, TICK_SECONDS))
        if isinstance(message, PodChanged):
            node = message.pod.node
            self._pod_nodes[node.id] = node
            self._waits.see(message.pod)
            if not self._without_logs:
                self._collector.add_pod(message.pod)
        elif isinstance(message, LogEnded):
            self._keep_last_lines(message)
        elif isinstance(message, WatchRefused) and message.logs_only:
            if not self._without_logs:
                self._without_logs = True
                self._collector.stop()
                self._log.warning(f"the logs are not shown: {message.error}", title="argo-submit")
        else:
            return message
        return None

    def _read(self, is_late: bool = False) -> WorkflowStatus | None:
        """Read the whole workflow and log its changes; None where the cluster cannot be reached for the moment.

        Past the deadline (`is_late`) that it cannot be reached is no error: the timeout is.
        """
        target = self._target
        try:
            current = status.read(self._cluster.get_workflow(target.namespace, target.name), self._recorded)
        except NotFound:
            return self._read_gone("was deleted")
        except Unavailable as error:
            now = self._clock.now()
            self._unreachable_since = self._unreachable_since or now
            if not is_late and (now - self._unreachable_since).total_seconds() >= UNREACHABLE_SECONDS:
                raise
            limit = progress.duration(UNREACHABLE_SECONDS)
            self._warn_once("unreachable", f"{error.cause}; this step keeps trying for {limit}")
            return None
        self._unreachable_since = None
        self._warned.discard("unreachable")
        if current.uid != target.uid:
            return self._read_gone("was deleted, and another of the same name was created,")
        self._recorded = current
        current = pods.with_pod_nodes(current, self._pod_nodes.values())
        lines = progress.changes(self._shown, current)
        if lines:
            self._log.info("\n".join([*lines, f"  {current.progress} done" if current.progress else ""]).rstrip())
        longer = min(self._read_interval * READ_INTERVAL_GROWTH, MAX_READ_INTERVAL)
        interval = MIN_READ_INTERVAL if self._shown is None else longer
        self._read_interval = max(interval, min(current.size / BYTES_PER_SECOND, MAX_READ_INTERVAL_OF_LARGE))
        self._shown = current
        self._collector.add_failed(node.id for node in current.nodes.values() if node.phase in FAILED_PHASES)
        return current

    def _read_gone(self, event: str) -> WorkflowStatus:
        """Return the last status of a workflow that is gone, from the archive or the watches; raises WorkFailed."""
        target = self._target
        known = self._recorded
        try:
            last = status.read(self._cluster.get_archived(target.namespace, target.name, target.uid), known)
            current: WorkflowStatus | None = last if last.ended and last.uid == target.uid else None
            in_vain = "the archive shows another workflow, or no end"
        except NotFound:
            current, in_vain = None, ""
        except ActionError as error:
            current, in_vain = None, f"the archive could not be read: {error.cause}"
        if current is None:
            self._await_last_event()
            while self._messages:  # also what is known of its pods
                self._requires_read(self._next(0))
            current = gone.status_of_gone(known, self._metadata, self._pod_nodes.values())
        if current is None:
            raise self._deleted(event, in_vain)
        self._recorded = self._shown = current
        for note in current.notes:
            self._warn_once(note, note)
        return current

    def _await_last_event(self) -> None:
        """Give the watch a moment for the event of the deletion, which holds the last labels."""
        started = self._clock.now()
        while not (self._polls or self._was_deleted or status.has_ended(self._metadata)):
            left = STRAGGLER_SECONDS - (self._clock.now() - started).total_seconds()
            if left <= 0:
                return
            self._requires_read(self._next(left))

    def _timed_out(self) -> TimedOut:
        return TimedOut(
            f"workflow '{self._target.name}' did not end in time{self._progress()}",
            "raise 'timeout', or see which node takes so long",
        )

    def _explain_waiting(self, current: WorkflowStatus, waited: timedelta) -> None:
        name, namespace = current.name, current.namespace
        if (
            not (current.phase or current.message or current.is_suspended)
            and waited.total_seconds() >= NO_CONTROLLER_SECONDS
        ):
            self._warn_once(
                "controller",
                f"no controller has started workflow '{name}' yet: is Argo's workflow-controller running, does it manage "
                f"the namespace '{namespace}', and does it expect a label workflows.argoproj.io/controller-instanceid?",
            )
        for note in current.notes:
            self._warn_once(note, note)
        self._explain_waits(current)

    def _explain_waits(self, current: WorkflowStatus) -> None:
        now = self._clock.now()
        self._waits.explain(current, now)
        self._explained_at = now
        self._waits.check_limits(current, now)
        if self._on_read is not None:
            self._on_read(current, self.waiting)

    def _warn_once(self, key: str, text: str) -> None:
        if key not in self._warned and len(self._warned) < MAX_WARNINGS:
            self._warned.add(key)
            self._log.warning(text, title="argo-submit")

    def _deleted(self, event: str, in_vain: str) -> WorkFailed:
        return WorkFailed(
            f"workflow '{self._target.name}' {event} while this step followed it{self._progress()}"
            + (f"; {in_vain}" if in_vain else ""),
            "find out who deleted it: a person, a time to live (ttlStrategy), or another job",
        )

    def _progress(self) -> str:
        if self._shown is None or not self._shown.progress:
            return ""
        return f" ({self._shown.progress} done)"

    def _drain(self, last: WorkflowStatus) -> None:
        """Wait, within bounds, for the logs of containers that ended with the workflow."""
        ended = {node.id for node in last.nodes.values() if node.type == "Pod" and node.phase in ENDED_PHASES}
        self._collector.add_failed(node.id for node in last.failed())
        started = progressed = self._clock.now()
        done = -1
        while not self._without_logs:
            now = self._clock.now()
            if done != self._collector.done:
                done, progressed = self._collector.done, now
            # In this order: a reader emits its message before it counts as done.
            complete = self._collector.is_idle and not self._messages
            seconds = (now - started).total_seconds()
            # Where the nodes' record cannot be read, only time tells whether the watch has reported every pod.
            if complete and ((last.readable and ended <= self._collector.nodes) or seconds >= STRAGGLER_SECONDS):
                return
            if (now - progressed).total_seconds() >= DRAIN_SECONDS or seconds >= MAX_DRAIN_SECONDS:
                return
            self._next(STRAGGLER_SECONDS if not complete else STRAGGLER_SECONDS - seconds)

    def _keep_last_lines(self, ended: LogEnded) -> None:
        before = self._last_lines.get(ended.node_id)
        self._last_lines[ended.node_id] = f"{before}\n{ended.last_lines}" if before else ended.last_lines

    def _lines_of_failed(self, last: WorkflowStatus) -> dict[str, tuple[str, ...]]:
        lines = {node.id: self._last_lines.get(node.id, "") for node in last.failed()}
        return {node: tuple(text.split("\n")) for node, text in lines.items() if text}

    def _stop_logs(self) -> None:
        """Show all that was read, and say which logs are missing and how to read them."""
        unread = self._collector.stop()
        self._log.close()
        while self._messages:
            message = self._messages.get()
            if isinstance(message, LogEnded):
                self._keep_last_lines(message)
        command = f"argo logs -n {shell.word(self._target.namespace)} {shell.operand(self._target.name)}"
        for names, reason in (
            (unread, "were not read before this step ended"),
            (list(self._log.unshown), "are not shown, since all logs together are too long"),
        ):
            if names:
                shown = ", ".join(names[:MAX_NAMES]) + (" …" if len(names) > MAX_NAMES else "")
                self._log.warning(f"{len(names)} logs {reason} ({shown}). To read them: {command}", title="argo-submit")
