"""The collector of logs decides which containers are followed live, which wait, which are read first, and which never."""

from __future__ import annotations

import io
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, cast

import pytest

from mlops_actions.argo_submit import log_reader, logs, pods
from mlops_actions.argo_submit.log_printer import LogPrinter
from mlops_actions.argo_submit.logs import MAX_ENDED, MAX_LIVE, MAX_LIVE_OF_KIND, LogCollector
from mlops_actions.argo_submit.messages import LogEnded, Message, WatchRefused
from mlops_actions.argo_submit.pods import ObservedPod
from mlops_actions.argo_submit.ports import Cluster, NotFound
from mlops_actions.boundary.runner import GitHubRunner
from mlops_actions.core.errors import Refused, Unavailable

PATIENCE = 20.0  # of a test that would hang otherwise
RUNNING: dict[str, Any] = {"running": {}}


def ended(code: int = 0) -> dict[str, Any]:
    return {"terminated": {"exitCode": code}}


def pod(name: str, *, uid: str = "uid-1", restarts: int = 0, **containers: Any) -> dict[str, Any]:
    """A pod of the workflow `wf`; the containers of one are `main` unless they are named, and `init_…` ones come first."""
    states = {key.replace("_", "-"): state for key, state in (containers or {"main": RUNNING}).items()}
    entries = [{"name": key, "state": state, "restartCount": restarts} for key, state in states.items()]
    is_first = [name.startswith("init-") for name in states]
    return {
        "metadata": {
            "name": f"wf-{name}",
            "uid": uid,
            "labels": {"workflows.argoproj.io/workflow": "wf"},
            "annotations": {
                "workflows.argoproj.io/node-id": f"id-{name}",
                "workflows.argoproj.io/node-name": f"wf.{name}",
            },
        },
        "status": {
            "initContainerStatuses": [entry for entry, first in zip(entries, is_first, strict=True) if first],
            "containerStatuses": [entry for entry, first in zip(entries, is_first, strict=True) if not first],
        },
    }


class HeldStream:
    """A log that ends when the test lets it, or when it is closed."""

    def __init__(self, text: bytes, may_end: threading.Event) -> None:
        self._text = text
        self._may_end = may_end

    def __iter__(self) -> Iterator[bytes]:
        assert self._may_end.wait(PATIENCE)
        yield self._text

    def close(self) -> None:
        """See the port."""
        self._may_end.set()


class HeldLogs:
    """The part of `argo_submit.ports.Cluster` that reads logs: each waits for the test, and notes that it was opened."""

    def __init__(self) -> None:
        self.changed = threading.Condition()
        self.opened: list[str] = []  # `POD/CONTAINER`, each once, in order
        self.pods: dict[str, dict[str, Any]] = {}
        self.error: Exception | None = None
        self._may_end: dict[str, threading.Event] = {}

    def stream_log(self, namespace: str, pod: str, container: str, since: str, *, previous: bool = False) -> HeldStream:
        """See the port."""
        name = f"{pod.removeprefix('wf-')}/{container}"
        with self.changed:
            if name not in self.opened:
                self.opened.append(name)
                self.changed.notify_all()
            may_end = self._may_end.setdefault(name, threading.Event())
        if self.error is not None:
            raise self.error
        return HeldStream(f"2026-01-01T00:00:00Z log of {name}\n".encode(), may_end)

    def sends_timestamps(self, namespace: str, pod: str, container: str, first: bytes) -> bool:
        """See the port."""
        return True

    def get_pod(self, namespace: str, name: str) -> dict[str, Any]:
        """See the port."""
        if name not in self.pods:
            raise NotFound(f"pods {name!r} not found", "")
        return self.pods[name]

    def let_end(self, name: str) -> None:
        with self.changed:
            self._may_end.setdefault(name, threading.Event()).set()

    def let_all_end(self) -> None:
        with self.changed:
            names = list(self._may_end)
        for name in names:
            self.let_end(name)


@dataclass
class World:
    """A collector, the logs that it reads, and what it says."""

    cluster: HeldLogs
    collector: LogCollector
    messages: list[Message]
    out: io.StringIO

    def add(self, raw: dict[str, Any]) -> None:
        """Let a pod be seen, which the cluster then has."""
        self.cluster.pods[raw["metadata"]["name"]] = raw
        self.collector.add_pod(observed(raw))

    def end(self, name: str, **containers: Any) -> None:
        """End the containers of a pod that runs, and its logs."""
        states: dict[str, Any] = containers or {"main": ended()}
        self.add(pod(name, **states))
        for container in states:
            self.cluster.let_end(f"{name}/{container}")

    def opened(self, count: int) -> list[str]:
        """Wait for as many logs to be opened, and return them, sorted."""
        with self.cluster.changed:
            assert self.cluster.changed.wait_for(lambda: len(self.cluster.opened) >= count, PATIENCE), self.cluster.opened
            return sorted(self.cluster.opened)

    def finish(self) -> None:
        """Let every log end that is opened, until nothing is left to read."""
        while not self.collector.is_idle:
            with self.cluster.changed:
                self.cluster.changed.wait(0.01)
            self.cluster.let_all_end()

    @property
    def shown(self) -> list[str]:
        lines = self.out.getvalue().splitlines()
        return [line.partition("log of ")[2] for line in lines if "log of " in line]

    @property
    def titles(self) -> list[str]:
        lines = self.out.getvalue().splitlines()
        return [line.removeprefix("::group::Log of ") for line in lines if line.startswith("::group::Log of ")]


def observed(raw: dict[str, Any]) -> ObservedPod:
    found = pods.observe(raw)
    assert found is not None
    return found


def world(*, failed_only: bool = False) -> World:
    cluster, out, messages = HeldLogs(), io.StringIO(), list[Message]()
    printer = LogPrinter(GitHubRunner({}, out))
    collector = LogCollector(cast(Cluster, cluster), "ns", "wf", printer, messages.append, failed_only=failed_only)
    return World(cluster, collector, messages, out)


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_reader, "MIN_PAUSE", 0.0)


@pytest.fixture
def all_logs() -> Iterator[World]:
    made = world()
    yield made
    made.collector.stop()


@pytest.fixture
def failed_logs() -> Iterator[World]:
    made = world(failed_only=True)
    yield made
    made.collector.stop()


def names(prefix: str, count: int) -> list[str]:
    return [f"{prefix}({number}:x)" for number in range(count)]


# Which containers run, in order, and which are followed at once.
LIVE: dict[str, tuple[Sequence[str], Sequence[str]]] = {
    "the first eight": ("abcdefghi", "abcdefgh"),
    "of one loop six": (names("each", 9), names("each", MAX_LIVE_OF_KIND)),
    "of a loop and others": ([*names("each", 9), "a", "b", "c"], [*names("each", MAX_LIVE_OF_KIND), "a", "b"]),
    "the attempts of a retry are one kind": ([f"train({number})" for number in range(9)],
                                             [f"train({number})" for number in range(MAX_LIVE_OF_KIND)]),
    "two loops": ([*names("a", 5), *names("b", 5)], [*names("a", 5), *names("b", 3)]),
    "a loop in a loop": ([f"a({number}).b({number})" for number in range(8)], [f"a({n}).b({n})" for n in range(6)]),
}  # fmt: skip


@pytest.mark.parametrize(("running", "followed"), LIVE.values(), ids=LIVE)
def test_the_first_containers_are_followed_while_they_run(
    all_logs: World, running: Sequence[str], followed: Sequence[str]
) -> None:
    assert MAX_LIVE == 8
    for name in running:
        all_logs.add(pod(name))
    assert all_logs.opened(len(followed)) == sorted(f"{name}/main" for name in followed)
    assert not all_logs.collector.is_idle


@pytest.mark.parametrize("count", [9, 12])
def test_a_ninth_container_is_followed_when_another_one_has_ended(all_logs: World, count: int) -> None:
    running = "abcdefghijkl"[:count]
    for name in running:
        all_logs.add(pod(name))
    all_logs.opened(8)
    all_logs.end("d")
    assert all_logs.opened(9) == sorted(f"{name}/main" for name in "abcdefghi")


def test_a_container_of_a_full_kind_leaves_its_place_to_another_kind(all_logs: World) -> None:
    for name in (*names("each", 8), "other"):
        all_logs.add(pod(name))
    assert "other/main" in all_logs.opened(7)
    assert "each(6:x)/main" not in all_logs.cluster.opened
    all_logs.end("each(0:x)")
    assert "each(6:x)/main" in all_logs.opened(8)


def test_a_container_that_nobody_followed_is_read_when_it_has_ended(all_logs: World) -> None:
    for name in "abcdefghi":
        all_logs.add(pod(name))
    all_logs.opened(8)
    all_logs.end("i")
    assert "i/main" in all_logs.opened(9)
    for name in "abcdefgh":
        all_logs.end(name)
    all_logs.finish()
    assert sorted(all_logs.shown) == [f"{name}/main" for name in "abcdefghi"]
    assert all_logs.collector.done == 9


def test_of_those_that_have_ended_three_are_read_at_a_time_and_the_failed_ones_first(all_logs: World) -> None:
    for name in "abc":
        all_logs.add(pod(name, main=ended()))
    assert all_logs.opened(MAX_ENDED) == ["a/main", "b/main", "c/main"]
    for name, code in (("d", 0), ("e", 0), ("f", 137), ("g", 1)):
        all_logs.add(pod(name, main=ended(code)))
    all_logs.collector.add_failed(["id-e"])  # its record says so, though it has no exit code
    all_logs.cluster.let_end("a/main")
    assert all_logs.opened(4)[-1] == "f/main"
    all_logs.cluster.let_end("b/main")
    assert all_logs.opened(5)[-1] == "g/main"
    all_logs.cluster.let_end("c/main")
    assert all_logs.opened(6)[3:] == ["e/main", "f/main", "g/main"]
    all_logs.finish()
    assert (len(all_logs.shown), all_logs.collector.done) == (7, 7)


def test_the_containers_of_one_pod_have_a_log_each(all_logs: World) -> None:
    containers = {"init": ended(), "init-data": ended(), "main": RUNNING, "wait": RUNNING, "proxy": RUNNING}
    states: dict[str, Any] = {name.replace("-", "_"): state for name, state in containers.items()}
    all_logs.add(pod("a", **states))
    assert all_logs.opened(3) == ["a/init-data", "a/main", "a/proxy"]  # not those of Argo's executor
    all_logs.end("a", main=ended(), proxy=ended(143))
    all_logs.finish()
    all_logs.collector.stop()
    assert sorted(all_logs.titles) == ["a", "a · init-data", "a · proxy"]


@pytest.mark.parametrize("state", [{"waiting": {"reason": "ContainerCreating"}}, {}], ids=["it waits", "nothing is known"])
def test_a_container_that_has_not_started_has_no_log_yet(all_logs: World, state: dict[str, Any]) -> None:
    all_logs.add(pod("a", main=state))
    assert all_logs.collector.is_idle
    assert all_logs.collector.nodes == set()
    all_logs.add(pod("a"))
    assert all_logs.opened(1) == ["a/main"]
    assert all_logs.collector.nodes == {"id-a"}


ANEW: dict[str, dict[str, Any]] = {"made anew under its name": {"uid": "uid-2"}, "restarted": {"restarts": 1}}


@pytest.mark.parametrize("change", ANEW.values(), ids=ANEW)
def test_each_run_of_a_container_has_its_own_log(all_logs: World, change: dict[str, Any]) -> None:
    all_logs.add(pod("a", main=ended(1)))
    all_logs.opened(1)
    all_logs.finish()
    all_logs.add(pod("a", main=ended(), **change))
    all_logs.finish()
    assert all_logs.titles == ["a", "a (attempt 2)"]
    assert all_logs.collector.done == 2


def test_a_pod_that_is_seen_again_is_read_once(all_logs: World) -> None:
    for _ in range(3):
        all_logs.add(pod("a"))
    all_logs.opened(1)
    for _ in range(3):
        all_logs.end("a")
    all_logs.collector.add_failed(["id-a"])
    all_logs.finish()
    assert (all_logs.shown, all_logs.collector.done) == (["a/main"], 1)


# What happens to a node where only the logs of failed nodes are shown, and which of its logs are.
FAILED_ONLY: dict[str, tuple[list[dict[str, Any]], bool, list[str]]] = {
    "it succeeds": ([pod("a"), pod("a", main=ended())], False, []),
    "it fails": ([pod("a"), pod("a", main=ended(3))], False, ["a/main"]),
    "it fails before it was seen": ([pod("a", main=ended(3))], False, ["a/main"]),
    "its record says so later": ([pod("a", main=ended())], True, ["a/main"]),
    "its record knows it first": ([pod("a")], True, ["a/main"]),
    "a sidecar is ended with it": ([pod("a", main=ended(), proxy=ended(143))], False, []),
    "the node of a sidecar fails": ([pod("a", main=ended(1), proxy=ended(143))], True, ["a/main", "a/proxy"]),
    "its sidecar runs on": ([pod("a", main=ended(1), proxy=RUNNING)], True, ["a/main"]),
    "it never starts": ([pod("a", main={"waiting": {}})], True, []),
}


@pytest.mark.parametrize(("seen", "is_recorded", "shown"), FAILED_ONLY.values(), ids=FAILED_ONLY)
def test_only_the_logs_of_failed_nodes_are_read_where_that_is_asked(
    failed_logs: World, seen: list[dict[str, Any]], is_recorded: bool, shown: list[str]
) -> None:
    for raw in seen:
        failed_logs.add(raw)
    if is_recorded:
        failed_logs.collector.add_failed(["id-a", "id-unknown"])
        failed_logs.cluster.pods["wf-a"] = pod("a", main=ended(1), proxy=ended())
    failed_logs.finish()
    assert sorted(failed_logs.shown) == shown
    assert failed_logs.collector.done == len(shown)


def test_a_failure_that_is_recorded_after_the_stop_reads_nothing(failed_logs: World) -> None:
    failed_logs.add(pod("a", main=ended()))
    assert failed_logs.collector.stop() == []
    failed_logs.collector.add_failed(["id-a"])
    assert failed_logs.collector.is_idle
    assert failed_logs.cluster.opened == []


def test_a_failure_that_is_recorded_before_the_pod_is_seen_counts(failed_logs: World) -> None:
    failed_logs.collector.add_failed(["id-a"])
    failed_logs.add(pod("a", main=ended()))
    failed_logs.finish()
    assert failed_logs.shown == ["a/main"]


def test_the_last_lines_of_each_log_are_told(all_logs: World) -> None:
    for name in "ab":
        all_logs.add(pod(name, main=ended(1)))
    all_logs.opened(2)
    all_logs.finish()
    told = {message.node_id: message.last_lines for message in all_logs.messages if isinstance(message, LogEnded)}
    assert told == {"id-a": "log of a/main", "id-b": "log of b/main"}


def test_a_log_that_may_not_be_read_is_told_and_the_next_is_read_all_the_same(all_logs: World) -> None:
    all_logs.cluster.error = Refused("the user 'ci' may not get pods/log (403)", "")
    for name in "abcde":
        all_logs.add(pod(name, main=ended()))
    all_logs.opened(5)
    all_logs.finish()
    refusals = [message for message in all_logs.messages if isinstance(message, WatchRefused)]
    assert [message.logs_only for message in refusals] == [True] * 5
    assert all_logs.collector.done == 5


def test_stopping_ends_what_is_read_and_names_what_is_not(all_logs: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "JOIN_SECONDS", PATIENCE)
    for name in "abcdefgh":
        all_logs.add(pod(name))
    all_logs.opened(8)
    all_logs.add(pod("runs on"))
    for name in "klmno":
        all_logs.add(pod(name, main=ended()))
    all_logs.opened(8 + MAX_ENDED)
    all_logs.collector.add_failed(["id-o"])
    assert all_logs.collector.stop() == ["runs on", "o", "n"]
    assert all_logs.collector.is_idle
    assert sorted(all_logs.shown) == [f"{name}/main" for name in "abcdefghklm"]
    all_logs.add(pod("late"))
    all_logs.collector.add_failed(["id-late"])
    assert "late/main" not in all_logs.cluster.opened


def test_stopping_does_not_wait_for_a_server_that_does_not_answer(all_logs: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "JOIN_SECONDS", 0.0)
    answers = threading.Event()

    class Silent(HeldStream):
        def close(self) -> None:
            """Close nothing, as where the server is gone."""

    monkeypatch.setattr(all_logs.cluster, "stream_log", lambda *_, **__: Silent(b"", answers))
    all_logs.add(pod("a"))
    assert all_logs.collector.stop() == []
    assert "log-reader" in [thread.name for thread in threading.enumerate()]
    answers.set()


def test_hundreds_of_logs_are_read_by_a_few_threads(all_logs: World) -> None:
    before = threading.active_count()
    most = 0
    for number in range(200):
        all_logs.add(pod(f"n{number}", main=ended()))
        most = max(most, threading.active_count() - before)
    assert most <= MAX_LIVE + MAX_ENDED
    all_logs.finish()
    assert all_logs.collector.done == 200


def test_a_connection_that_breaks_is_no_reason_to_give_up(all_logs: World) -> None:
    all_logs.cluster.error = Unavailable("the connection broke", "")
    all_logs.add(pod("a", main=ended()))
    all_logs.opened(1)
    all_logs.cluster.error = None
    all_logs.finish()
    assert all_logs.shown == ["a/main"]
