"""The Gantt chart and the critical path, of 3 nodes and of 300."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from mlops_actions.argo_submit import timeline
from mlops_actions.argo_submit.status import WorkflowStatus, read
from tests.support.payloads.hostile import HOSTILE

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)


def node(name: str, start: float, end: float | None, /, *children: str, **fields: Any) -> dict[str, Any]:
    """A pod that ran from second `start` to second `end`."""
    return {
        "id": name,
        "name": f"wf.{name}",
        "displayName": name,
        "type": "Pod",
        "phase": "Succeeded" if end is not None else "Running",
        "startedAt": (BEGIN + timedelta(seconds=start)).isoformat(),
        "finishedAt": None if end is None else (BEGIN + timedelta(seconds=end)).isoformat(),
        "children": list(children),
        **fields,
    }


def workflow(*nodes: dict[str, Any]) -> WorkflowStatus:
    return read({"metadata": {"name": "wf"}, "status": {"phase": "Running", "nodes": {one["id"]: one for one in nodes}}})


DIAMOND = (
    node("wf", 0, 100, "load", type="DAG"),
    node("load", 0, 10, "quick", "group"),
    node("quick", 10, 15, "report"),
    node("group", 10, 80, "slow", type="TaskGroup"),
    node("slow", 12, 80, "report"),
    node("report", 81, 100),
)


def test_the_critical_path_holds_the_nodes_that_the_end_waited_for() -> None:
    current = workflow(*DIAMOND)
    assert [one.id for one in timeline.critical_path(current)] == ["load", "slow", "report"]
    assert timeline.describe(current) == (
        "**Critical path** (1m 40s, of which 3s between them): load (10s) → slow (1m 08s) → report (19s)"
    )


def test_an_exit_handler_follows_every_node() -> None:
    current = workflow(*DIAMOND, node("bye", 101, 105, name="wf.onExit"))
    assert [one.id for one in timeline.critical_path(current)] == ["load", "slow", "report", "bye"]


def test_skipped_nodes_are_passed_over_on_the_critical_path() -> None:
    skipped = node("maybe", 10, 10, "after", type="Skipped", phase="Skipped")
    current = workflow(node("load", 0, 10, "maybe"), skipped, node("after", 11, 20))
    assert [one.id for one in timeline.critical_path(current)] == ["load", "after"]


def test_a_retry_represents_its_attempts() -> None:
    current = workflow(
        node("wf", 0, 60, "try", type="DAG"),
        node("try", 0, 50, "try(0)", "try(1)", type="Retry"),
        node("try(0)", 0, 20, phase="Failed"),
        node("try(1)", 25, 50, "after"),
        node("after", 50, 60),
    )
    assert [one.id for one in timeline.critical_path(current)] == ["try", "after"]


def test_a_circle_of_nodes_ends_the_critical_path() -> None:
    assert len(timeline.critical_path(workflow(node("a", 0, 5, "b"), node("b", 0, 5, "a")))) == 2


def test_a_long_path_is_shortened() -> None:
    chain = [node(f"n{number}", number, number + 1, f"n{number + 1}") for number in range(30)]
    text = timeline.describe(workflow(*chain))
    assert "n3 (1s) → … 22 more … → n26 (1s)" in text


@pytest.mark.parametrize("nodes", [(), (node("wf", 0, 1),), (node("a", 0, None), node("b", 0, None))])
def test_nodes_without_successors_have_no_critical_path(nodes: tuple[dict[str, Any], ...]) -> None:
    assert timeline.describe(workflow(*nodes)) == ""


def test_every_node_of_a_small_workflow_has_its_bar() -> None:
    chart = timeline.draw(workflow(*DIAMOND, node("open", 90, None)))
    fence, look, *lines = chart.splitlines()
    assert fence == "```mermaid"
    assert json.loads(look.removeprefix("%%{init: ").removesuffix("}%%"))["gantt"]
    assert lines == [
        "gantt",
        "  dateFormat x",
        "  axisFormat %H:%M:%S",
        "  ✔ load 10s :active, n0, 1767225600000, 1767225610000",
        "  ✔ quick 5s :done, n1, 1767225610000, 1767225615000",
        "  ✔ slow 1m 08s :active, n2, 1767225612000, 1767225680000",
        "  ✔ report 19s :active, n3, 1767225681000, 1767225700000",
        "  ▶ open :done, n4, 1767225690000, 1767225700000",
        "```",
    ]


def test_a_tolerated_failure_is_not_drawn_as_the_failure_of_the_workflow() -> None:
    tolerated, fatal = node("a", 0, 9, phase="Failed"), node("b", 0, 9, phase="Failed")
    nodes = {one["id"]: one for one in (node("wf", 0, 9, "a", "b", type="DAG", phase="Failed"), tolerated, fatal)}
    template = {"name": "main", "dag": {"tasks": [{"name": "a", "continueOn": {"failed": True}}, {"name": "b"}]}}
    for name, one in nodes.items():
        one |= {"templateName": "main", "boundaryID": "wf"} if name != "wf" else {"name": "wf", "templateName": "main"}
    status = {"phase": "Failed", "finishedAt": nodes["wf"]["finishedAt"], "nodes": nodes}
    drawn = timeline.draw(read({"metadata": {"name": "wf"}, "spec": {"templates": [template]}, "status": status}))
    colours = {line.split()[1]: line.partition(" :")[2].partition(",")[0] for line in drawn.splitlines() if " :" in line}
    assert (colours["a"], colours["b"]) == ("done", "crit")


def test_a_loop_of_300_is_one_bar() -> None:
    items = [node(f"each({n}:{n})", n + 1, n + 10, "after", phase="Failed" if n == 7 else "Succeeded") for n in range(300)]
    bars = _bars(
        timeline.draw(workflow(node("first", 0, 1, *(one["id"] for one in items)), *items, node("after", 310, 320)))
    )
    assert [bar.partition(" :")[0] for bar in bars] == ["✔ first 1s", "✖ each ×300 1 failed 5m 08s", "✔ after 10s"]


def test_of_300_different_nodes_the_most_important_have_bars() -> None:
    chain = [node(f"n{n}", n, n + (400 if n == 250 else 2), phase="Failed" if n == 99 else "Succeeded") for n in range(300)]
    chart = timeline.draw(workflow(*chain))
    names = [bar.split()[1] for bar in _bars(chart)]
    assert len(names) == timeline.MAX_BARS
    assert {"n99", "n250"} <= set(names)
    assert names == sorted(names, key=lambda name: int(name[1:]))
    assert "_24 of 300 bars: failed nodes, the critical path, and the nodes that took longest._" in chart


def test_a_node_that_did_not_run_has_no_bar() -> None:
    chart = timeline.draw(workflow(*DIAMOND, node("never", 90, 90, type="Skipped", phase="Skipped")))
    assert "never" not in chart


@pytest.mark.parametrize(
    "name", [*HOSTILE, "section x", "click a", "title x", "a :crit, x, 1, 2", "a\nsection b", "%%{init}%%"]
)
def test_a_name_cannot_leave_its_bar(name: str) -> None:
    chart = timeline.draw(workflow(node("a", 0, 5, "b", displayName=name), node("b", 5, 9)))
    for bar, plain in zip(
        _bars(chart), ("n0, 1767225600000, 1767225605000", "n1, 1767225605000, 1767225609000"), strict=True
    ):
        assert bar.startswith("✔ ")
        assert bar.endswith(f" :active, {plain}")
        assert bar.count(":") == 1
        assert "%%" not in bar


def _bars(chart: str) -> list[str]:
    return [line.strip() for line in chart.splitlines()[2:] if " :" in line]
