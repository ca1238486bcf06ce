"""A log is read to its end, whatever happens to its streams, its container and its pod."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any, cast

import pytest

from mlops_actions.argo_submit import log_reader
from mlops_actions.argo_submit.log_printer import LogPrinter
from mlops_actions.argo_submit.log_reader import CUT_SHORT, NEVER_READ, RESTARTED, LogReader, LogSource, TimestampedHosts
from mlops_actions.argo_submit.ports import Cluster
from mlops_actions.boundary.runner import GitHubRunner
from mlops_actions.core.errors import BadInput
from tests.support.scripted_logs import BROKEN, ScriptedLogs, Step


def stamped(*texts: str, start: int = 1) -> bytes:
    return b"".join(f"2026-01-01T00:00:{number:02}.5Z {text}\n".encode() for number, text in enumerate(texts, start))


ABC = stamped("a", "b", "c")
EMPTY = "(the container printed nothing)"
NOTHING: list[Step] = [b""]


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_reader, "MIN_PAUSE", 0.0)


def read(cluster: ScriptedLogs, *, has_ended: bool = True) -> tuple[list[str], str]:
    """The lines that are shown, and the reader's note."""
    out = io.StringIO()
    printer = LogPrinter(GitHubRunner({}, out))
    source = LogSource(node_id="wf-1", node_name="n", pod="pod", container="main", uid="uid-1")
    output = printer.open("n", "argo logs", is_live=False)
    port = cast(Cluster, cluster)
    note = LogReader(port, "ns", source, output, TimestampedHosts(port, "ns")).read(has_ended=has_ended)
    output.end("")
    return [line for line in out.getvalue().splitlines() if not line.startswith("::")], note


def change(cluster: ScriptedLogs, **values: Any) -> Callable[[], object]:
    return lambda: [setattr(cluster, name, value) for name, value in values.items()]


ENDED = {"terminated": {"exitCode": 0}}


@pytest.mark.parametrize(
    "streams",
    [
        [[ABC]],
        [[ABC[:40], ABC[40:]]],
        [[BROKEN], [ABC]],
        [[ABC[:31], BROKEN], [ABC]],  # within a timestamp
        [[ABC[:-1], BROKEN], [ABC]],
        [[ABC[:29]], [ABC[:58]], [ABC]],  # the server ends each stream in good order
        [[ABC[:45]], [ABC]],
        [[ABC[:29], BROKEN], [BadInput("is waiting to start", "")], [BROKEN], [ABC]],
        [[stamped("a", "b")], [stamped("b", start=2) + stamped("c", start=3)], NOTHING],
    ],
)  # fmt: skip
@pytest.mark.parametrize("has_ended", [True, False])
def test_every_line_is_read_once_wherever_a_stream_ends(streams: list[list[Step]], has_ended: bool) -> None:
    assert read(ScriptedLogs([list(one) for one in streams]), has_ended=has_ended) == (["a", "b", "c"], "")


def test_a_log_is_complete_only_when_a_stream_after_the_end_brings_nothing_new() -> None:
    cluster = ScriptedLogs([[ABC[:29]], [ABC[:58]], [ABC], [ABC]])
    assert read(cluster) == (["a", "b", "c"], "")
    assert [since for since, _ in cluster.asked] == [
        "",
        "2026-01-01T00:00:00Z",
        "2026-01-01T00:00:01Z",
        "2026-01-01T00:00:02Z",
    ]


@pytest.mark.parametrize(("text", "lines"), [(b"no end", ["no end"]), (b"a\nno end", ["a", "no end"]), (b"", [EMPTY])])
def test_a_last_line_without_an_end_is_shown(text: bytes, lines: list[str]) -> None:
    cluster = ScriptedLogs([[text]], sends=False)
    assert read(cluster) == (lines, "")


def test_a_part_of_a_line_that_was_read_before_is_not_shown_again() -> None:
    assert read(ScriptedLogs([[ABC], [ABC[:40]], [ABC]])) == (["a", "b", "c"], "")


def test_a_container_that_runs_on_is_followed() -> None:
    cluster = ScriptedLogs([], state={"running": {}})
    cluster.streams = [[ABC[:29]], NOTHING, [ABC[:58]], [ABC, change(cluster, state=ENDED)]]
    assert read(cluster, has_ended=False) == (["a", "b", "c"], "")


@pytest.mark.parametrize(
    ("streams", "note", "lines"),
    [
        (lambda cluster: [[change(cluster, exists=False), BROKEN]], CUT_SHORT, [EMPTY]),
        (lambda cluster: [[ABC, change(cluster, exists=False), BROKEN]], CUT_SHORT, ["a", "b", "c"]),
        (lambda cluster: [[ABC, change(cluster, exists=False)]], "", ["a", "b", "c"]),
        (lambda cluster: [[ABC, change(cluster, uid="uid-2")], [stamped("other")]], "", ["a", "b", "c"]),
    ],
)  # fmt: skip
def test_a_deleted_pod_loses_nothing_that_was_read(
    streams: Callable[[ScriptedLogs], list[list[Step]]], note: str, lines: list[str]
) -> None:
    cluster = ScriptedLogs([], state={"running": {}})
    cluster.streams = streams(cluster)
    assert read(cluster, has_ended=False) == (lines, note)


def test_a_pod_that_is_gone_before_its_log_was_read_is_said() -> None:
    assert read(ScriptedLogs([[ABC]], exists=False))[1] == NEVER_READ


def test_a_restarted_container_has_the_log_of_its_first_run() -> None:
    cluster = ScriptedLogs([], state={"running": {}})
    cluster.streams = [[ABC[:29], change(cluster, restarts=1)], [ABC], [ABC]]
    assert read(cluster, has_ended=False) == (["a", "b", "c"], "")
    assert [previous for _, previous in cluster.asked] == [False, True, True]


def test_a_first_run_whose_log_is_gone_is_said() -> None:
    cluster = ScriptedLogs([], state={"running": {}})
    gone = BadInput("previous terminated container not found", "")
    cluster.streams = [[ABC[:29], change(cluster, restarts=1)], [gone]]
    assert read(cluster, has_ended=False) == (["a"], RESTARTED)


@pytest.mark.parametrize("sends", [True, False])
def test_a_container_may_print_timestamps_of_its_own(sends: bool) -> None:
    own = "2026-01-01T00:00:00.123456789Z epoch"
    log = stamped(own, own) if sends else f"{own}\n{own}\n".encode()
    assert read(ScriptedLogs([[log]], sends=sends)) == ([own, own], "")


def test_a_log_without_timestamps_is_read_from_its_beginning_again() -> None:
    cluster = ScriptedLogs([[b"a\nb", BROKEN], [b"a\nb\nc\n"]], sends=False)
    assert read(cluster) == (["a", "b", "c"], "")
    assert {since for since, _ in cluster.asked} == {""}
