"""The comment moves with a workflow that runs, at most twice a minute."""

from __future__ import annotations

import re
import threading
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from mlops_actions.argo_submit import live_report, report
from mlops_actions.argo_submit.live_comment import MIN_INTERVAL_SECONDS, LiveComment
from mlops_actions.argo_submit.live_report import LiveFacts
from mlops_actions.argo_submit.node_status import NodeStatus
from mlops_actions.argo_submit.status import WorkflowStatus
from mlops_actions.argo_submit.waiting import SUSPENDED, Waiting
from tests.support.clock import FakeClock

NOW = datetime(2026, 1, 1, 1, tzinfo=UTC)
STATUS = replace(WorkflowStatus.unread("ns", "wf"), phase="Running", started=NOW - timedelta(minutes=10))


def node(number: int, progress: str = "0/1") -> NodeStatus:
    started = NOW - timedelta(minutes=5)
    kind, name = "Pod", f"train({number})"
    return NodeStatus(f"wf-{number}", f"wf.{name}", name, kind, "t", "Running", started=started, progress=progress)


class Comments:
    """Where comments are written; `address` is what the writer is told."""

    def __init__(self) -> None:
        self.written: list[str] = []
        self.address = "https://github.test/c/1"
        self.may_answer = threading.Event()
        self.may_answer.set()

    def write(self, status: WorkflowStatus, waits: Sequence[Waiting]) -> str:
        self.may_answer.wait(30)
        self.written.append(status.progress)
        return self.address


def step(live: LiveComment, clock: FakeClock, seconds: float, progress: str, *, finished: bool = True) -> None:
    clock.sleep(seconds)
    live.update(replace(STATUS, progress=progress), ())
    if finished:
        live.finish()


def test_a_change_is_shown_at_most_twice_a_minute() -> None:
    clock, comments = FakeClock(at=NOW), Comments()
    live = LiveComment(comments.write, clock)
    for number in range(1, 61):
        step(live, clock, 2, f"{number}/60")
    assert len(comments.written) == 120 / MIN_INTERVAL_SECONDS
    assert comments.written == ["15/60", "30/60", "45/60", "60/60"]


def test_a_wait_for_a_person_is_shown_at_once_and_still_only_two_comments_in_a_minute() -> None:
    clock, comments = FakeClock(at=NOW), Comments()
    live = LiveComment(comments.write, clock)
    step(live, clock, 2, "1/60")
    clock.sleep(2)
    live.update(replace(STATUS, progress="2/60"), [Waiting(SUSPENDED, nodes=("approve",))])
    live.finish()
    for number in range(3, 33):
        step(live, clock, 2, f"{number}/60")
    assert comments.written == ["2/60", "30/60"], "4 and 60 seconds after the first comment"


def test_what_has_not_changed_is_not_written_again() -> None:
    clock, comments = FakeClock(at=NOW), Comments()
    live = LiveComment(comments.write, clock)
    for _ in range(3):
        step(live, clock, 60, "1/2")
    assert comments.written == ["1/2"]


def test_a_comment_that_cannot_be_written_is_not_tried_again() -> None:
    clock, comments = FakeClock(at=NOW), Comments()
    comments.address = ""
    live = LiveComment(comments.write, clock)
    step(live, clock, 60, "1/2")
    step(live, clock, 60, "2/2")
    assert comments.written == ["1/2"]


def test_a_slow_comment_holds_nobody_up_and_is_over_before_the_next() -> None:
    clock, comments = FakeClock(at=NOW), Comments()
    comments.may_answer.clear()
    live = LiveComment(comments.write, clock)
    step(live, clock, 60, "1/3", finished=False)
    step(live, clock, 60, "2/3", finished=False)
    assert comments.written == []
    comments.may_answer.set()
    live.finish()
    assert comments.written == ["1/3"]


@pytest.mark.parametrize(
    ("progress", "bar"),
    [
        ("0/4", "`░░░░░░░░░░░░░░░░░░░░` 0 % (0/4)"),
        ("1/4", "`█████░░░░░░░░░░░░░░░` 25 % (1/4)"),
        ("4/4", "`████████████████████` 100 % (4/4)"),
        ("9/4", "`████████████████████` 100 % (9/4)"),
        ("0/0", ""),
        ("", ""),
        ("-1/4", ""),
        ("1/4`x`", ""),
    ],
)
def test_the_progress_is_a_bar(progress: str, bar: str) -> None:
    assert live_report.progress_bar(progress) == bar


def test_a_running_workflow_shows_its_nodes_what_it_waits_for_and_its_expected_end() -> None:
    nodes = {one.id: one for one in [node(0, "40/100"), *(node(number) for number in range(1, 8))]}
    waits = [Waiting("Lock", "ns/Mutex/<b>", nodes=("x",), since=NOW - timedelta(minutes=1))]
    facts = LiveFacts(NOW, waits, expected=1200.0)
    shown = live_report.parts(replace(STATUS, nodes=nodes, progress="1/2"), facts)
    assert shown == [
        "`██████████░░░░░░░░░░` 50 % (1/2)",
        "Running: `train(0)` (40/100, for 5m 00s), `train(1)` (for 5m 00s), `train(2)` (for 5m 00s), "
        "`train(3)` (for 5m 00s), `train(4)` (for 5m 00s) and 3 more",
        "- ⏸ 'x' waits for the lock ns/Mutex/&#60;b&#62; \\(for 1m 00s\\)",
        "Expected to end in 10m 00s: the last run took 20m 00s.",
    ]
    assert live_report.parts(replace(STATUS, nodes=nodes), LiveFacts(NOW, (), 60.0))[-1] == (
        "It takes longer than before: the last run took 1m 00s."
    )
    assert live_report.parts(replace(STATUS, nodes=nodes, ended=True), facts) == []


@pytest.mark.parametrize(
    ("nodes", "waits", "first"),
    [
        ((), (), "🏃 **Workflow `wf` is running** (1/2)"),
        ((), (Waiting(SUSPENDED, nodes=("approve",)),), "⏸️ **Workflow `wf` waits to be resumed** (1/2)"),
        ((node(1),), (Waiting(SUSPENDED, nodes=("approve",)),), "🏃 **Workflow `wf` is running** (1/2)"),
        ((), (Waiting("Lock", "ns/Mutex/a"),), "🏃 **Workflow `wf` is running** (1/2)"),
    ],
)
def test_the_first_line_says_that_nothing_runs_before_a_person_acts(
    nodes: Sequence[NodeStatus], waits: Sequence[Waiting], first: str
) -> None:
    status = replace(STATUS, nodes={one.id: one for one in nodes}, progress="1/2")
    body = report.comment(status, report.WorkflowReportContext(), facts=LiveFacts(NOW, waits))
    assert body.partition("\n")[0] == first


HOSTILE = [
    "a`b`", "a\nb", "<img src=x onerror=alert(1)>", "@octo-org/admins", "[x](https://evil.test)", "a | b | c", "**bold**",
    "![x](https://evil.test/a.png)", "```\ncode", "<!-- mlops-actions -->", "#1", "https://evil.test/", "&lt;b&gt;",
    "\x1b[31m",
]  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_of_a_node_stays_text(name: str) -> None:
    running = replace(node(0), display_name=name)
    waits = [Waiting("Suspended", "id", message=name, nodes=(name,), node_id="id", since=NOW)]
    status = replace(STATUS, nodes={"id": running}, progress="1/2")
    _, nodes, lines, *_ = live_report.parts(status, LiveFacts(NOW, waits))
    for text in (nodes, lines):
        outside = re.sub(r"<code>.*?</code>|(`+)(?!`).*?(?<!`)\1(?!`)", "", text)
        assert "\n" not in text
        for mark in ("<", "](", "@o", "**", "://evil", " #1", "'#1", "\x1b"):
            assert mark not in outside, text
