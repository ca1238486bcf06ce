"""Read one container's log to its end: resume it where its stream broke, until a whole stream brings nothing new."""

from __future__ import annotations

import re
import threading
import time
from dataclasses import dataclass

from mlops_actions.argo_submit import log_lines, pods
from mlops_actions.argo_submit.log_lines import LineAssembler, LogLine
from mlops_actions.argo_submit.log_position import LogPosition
from mlops_actions.argo_submit.log_printer import LogOutput
from mlops_actions.argo_submit.ports import Cluster, Expired, NotFound, Stream
from mlops_actions.core.errors import ActionError, BadInput, Unavailable

MIN_PAUSE = 0.1
MAX_PAUSE = 2.0
_MAX_DOUBLINGS = 10  # a cluster may be out of reach for hours, and the power of a large number is no float
MAX_FAILING_SECONDS = 60.0  # how long a log may fail to open while the cluster answers
STABLE_SECONDS = 60.0  # a stream that stayed open this long had no lines to send, which is no failure
NEVER_READ = "the pod was deleted before its log could be read"
CUT_SHORT = "the pod was deleted; lines that it printed later are missing"
RESTARTED = "the container was restarted, and the rest of this log is gone"
BROKEN = "the log could not be read any further"
STOPPED = "this step ended before the log did"
_ITEM = re.compile(r"\([^()]*\)")


@dataclass(frozen=True, kw_only=True, slots=True)
class LogSource:
    """One run of a container of one pod; `node_name` is the node's path in its workflow.

    Pods that were made anew under one name differ in `uid`, the runs of a container in `restarts`.
    """

    node_id: str
    node_name: str
    pod: str
    container: str
    uid: str = ""
    host: str = ""
    restarts: int = 0

    @property
    def kind(self) -> str:
        """The name that the items of a loop, and the attempts of a retry, have in common."""
        return f"{_ITEM.sub('', self.node_name)} {self.container}"


class TimestampedHosts:
    """Which machines of the cluster put timestamps before the lines of a log; virtual ones may not."""

    def __init__(self, cluster: Cluster, namespace: str) -> None:
        self._cluster = cluster
        self._namespace = namespace
        self._lock = threading.Lock()
        self._known: dict[str, bool] = {}

    def obeys(self, source: LogSource, first: LogLine) -> bool:
        """Tell whether the timestamp at the start of a log's first line is the machine's, not the container's own."""
        with self._lock:
            known = self._known.get(source.host)
        if known is None:
            try:
                known = self._cluster.sends_timestamps(self._namespace, source.pod, source.container, first.data)
            except ActionError:
                return True
            with self._lock:
                self._known[source.host] = known
        return known


class LogReader:
    """Reads one log in the thread that calls `read`; any thread may `stop` it."""

    def __init__(
        self, cluster: Cluster, namespace: str, source: LogSource, output: LogOutput, hosts: TimestampedHosts
    ) -> None:
        self._cluster = cluster
        self._namespace = namespace
        self.source = source
        self.output = output
        self._hosts = hosts
        self._position = LogPosition()
        self._is_first_line = True
        self._fragment: LogLine | None = None  # what the last stream brought of a line that has no end
        self._is_settled = False  # whether the last two streams brought the same of it
        self._new = 0  # the lines that the last stream brought
        self._has_ended = False
        self._previous = False
        self._was_opened = False
        self._ended_properly = False
        self._stopped = threading.Event()
        self._lock = threading.Lock()
        self._stream: Stream[bytes] | None = None

    def stop(self) -> None:
        """End the reading, also while it waits for the server."""
        self._stopped.set()
        with self._lock:
            if self._stream is not None:
                self._stream.close()

    def read(self, *, has_ended: bool) -> str:
        """Read to the end, and return why lines may be missing (empty: none is); `has_ended` is known of the container.

        Raises Refused.
        """
        self._has_ended = has_ended
        failures, last_success = 0, time.monotonic()
        while not self._stopped.is_set() and (opened := time.monotonic()) - last_success < MAX_FAILING_SECONDS:
            self._new = 0
            try:
                note = self._read_once()
                if note is not None:
                    return note
                failing = not self._new and not self._has_ended
            except NotFound:
                return self._finished("" if self._ended_properly else CUT_SHORT if self._was_opened else NEVER_READ)
            except (Unavailable, BadInput, Expired):  # a broken connection, or a container that is just starting (400)
                if self._previous and not self._new:
                    return RESTARTED
                if not self._is_reachable():  # the follower decides how long to wait for the cluster
                    last_success = time.monotonic()
                failing = not self._new
            if not failing or time.monotonic() - opened >= STABLE_SECONDS:
                failures, last_success = 0, time.monotonic()
            if failing:
                self._stopped.wait(min(MIN_PAUSE * 2**failures, MAX_PAUSE))
                failures = min(failures + 1, _MAX_DOUBLINGS)
        return self._finished(STOPPED if self._stopped.is_set() else BROKEN)

    def _read_once(self) -> str | None:
        """Read one stream to its end; return the note once the log is complete, None before.

        The API server ends a stream in good order also where the machine did not send all of it. So a log is complete only
        where a stream that was opened after the container's end brought nothing new.
        """
        had_ended = self._has_ended
        self._ended_properly = False
        self._read_stream()
        self._ended_properly = True
        if had_ended and not self._new and self._is_settled:
            return self._finished("")
        if not had_ended:
            self._has_ended = self._container_has_ended()
        return None

    def _finished(self, note: str) -> str:
        """Show what the log holds after its last line end, and return the note."""
        if self._fragment is not None:
            self.output.add([self._text(self._fragment)])
            self._fragment = None
        return note

    def _read_stream(self) -> None:
        source, position, assembler = self.source, self._position, LineAssembler()
        position.reopen()
        self._open()
        for block in self._stream or ():
            new = [one for line in assembler.lines(block) for one in self._new_lines(line)]
            self._new += len(new)
            if new:
                self.output.add([self._text(line) for line in new])
            state = assembler.unfinished()
            if state is not None and state.has_states and not position.is_repeating:
                self._decide(state)
                self.output.state(self._text(state))
        fragment = assembler.unfinished()
        self._is_settled, self._fragment = fragment == self._fragment, fragment
        if self._stopped.is_set():
            raise Unavailable(f"the log of {source.pod} is read no further", "")

    def _open(self) -> None:
        source = self.source
        stream = self._cluster.stream_log(
            self._namespace, source.pod, source.container, self._position.since, previous=self._previous
        )
        self._was_opened = True
        with self._lock:
            self._stream = stream
            if self._stopped.is_set():
                stream.close()

    def _new_lines(self, line: LogLine) -> list[LogLine]:
        self._decide(line)
        return self._position.new_lines(line)

    def _decide(self, line: LogLine) -> None:
        """Find out by the log's first line whether its lines begin with timestamps."""
        if self._is_first_line:
            self._is_first_line = False
            self._position.has_timestamps = bool(line.timestamp) and self._hosts.obeys(self.source, line)

    def _text(self, line: LogLine) -> str:
        return log_lines.shown(log_lines.without_timestamp(line) if self._position.has_timestamps else line)

    def _is_reachable(self) -> bool:
        try:
            self._cluster.get_pod(self._namespace, self.source.pod)
        except Unavailable:
            return False
        except ActionError:
            pass
        return True

    def _container_has_ended(self) -> bool:
        """Ask the pod: a log that ends may have been cut off. Raises NotFound where the pod is gone."""
        source = self.source
        pod = pods.observe(self._cluster.get_pod(self._namespace, source.pod))
        if pod is None or (source.uid and pod.uid != source.uid):
            raise NotFound(f"the pod {source.pod} was made anew", "")
        container = pod.containers.get(source.container)
        if container is None:
            return False
        if container.restarts > source.restarts:
            self._previous = True
            return True
        return container.has_ended
