"""The logs of containers are shown as they come, in groups, within bounds."""

from __future__ import annotations

import io
from collections.abc import Iterator

import pytest

from mlops_actions.argo_submit import log_printer
from mlops_actions.argo_submit.log_printer import HOLD_SECONDS, STATE_SECONDS, LogOutput, LogPrinter
from mlops_actions.boundary.runner import GitHubRunner

COMMAND = "argo logs -n ns wf pod -c main"


class Screen:
    """A job's log, and the time that passes while it is written."""

    def __init__(self) -> None:
        self._out = io.StringIO()
        self.seconds = 0.0
        self.printer = LogPrinter(GitHubRunner({}, self._out), lambda: self.seconds)

    def open(self, title: str, *, is_live: bool = True, is_failed: bool = False) -> LogOutput:
        return self.printer.open(title, COMMAND, is_live=is_live, is_failed=is_failed)

    def wait(self, seconds: float) -> None:
        self.seconds += seconds
        self.printer.flush()

    @property
    def lines(self) -> list[str]:
        return self._out.getvalue().splitlines()


@pytest.fixture
def screen() -> Iterator[Screen]:
    screen = Screen()
    yield screen
    screen.printer.close()


def test_a_log_is_shown_while_it_runs(screen: Screen) -> None:
    log = screen.open("train")
    log.add(["epoch 1"])
    assert screen.lines == []
    assert screen.printer.is_holding
    screen.wait(HOLD_SECONDS)
    assert screen.lines == ["::group::Log of train", "epoch 1"]
    log.add(["epoch 2"])
    assert screen.lines[-1] == "epoch 2"
    assert log.end("") == "epoch 1\nepoch 2"
    assert screen.lines[2:] == ["epoch 2", "::endgroup::"]


def test_a_log_of_a_moment_is_shown_in_one_piece(screen: Screen) -> None:
    log = screen.open("short")
    log.add(["one"])
    screen.printer.info("▶ short")
    log.add(["two"])
    log.end("the pod was deleted")
    assert screen.lines == ["▶ short", "::group::Log of short", "one", "two", "(the pod was deleted)", "::endgroup::"]


def test_a_message_ends_the_group_and_the_log_goes_on_in_another(screen: Screen) -> None:
    log = screen.open("train")
    log.add(["epoch 1"])
    screen.wait(HOLD_SECONDS)
    screen.printer.info("✔ other")
    log.add(["epoch 2"])
    assert screen.lines[2:] == ["::endgroup::", "✔ other", "::group::Log of train (continued)", "epoch 2"]


def test_lines_of_several_nodes_are_prefixed(screen: Screen) -> None:
    first, second = screen.open("first"), screen.open("second")
    first.add(["a"])
    screen.wait(HOLD_SECONDS)
    second.add(["b"])
    screen.wait(HOLD_SECONDS)
    first.add(["c"])
    second.add(["d"])
    second.end("")
    first.add(["e"])
    assert screen.lines == [
        "::group::Log of first",
        "a",
        "::endgroup::",
        "::group::Logs of several nodes",
        "second: b",
        "first: c",
        "second: d",
        "::endgroup::",
        "::group::Log of first (continued)",
        "e",
    ]


def test_a_log_that_is_read_after_its_end_is_in_one_piece_among_others(screen: Screen) -> None:
    live, ended = screen.open("live"), screen.open("ended", is_live=False)
    live.add(["a"])
    ended.add(["b"])
    screen.wait(HOLD_SECONDS)
    ended.add(["c"])
    ended.end("")
    live.add(["d"])
    assert screen.lines == [
        "::group::Log of live",
        "a",
        "::endgroup::",
        "::group::Log of ended",
        "b",
        "c",
        "::endgroup::",
        "::group::Log of live (continued)",
        "d",
    ]


def test_everything_that_was_read_is_shown_at_the_end(screen: Screen) -> None:
    live, ended = screen.open("live"), screen.open("ended", is_live=False)
    live.add(["a"])
    ended.add(["b"])
    screen.printer.close()
    assert [line for line in screen.lines if not line.startswith("::")] == ["a", "b"]
    ended.add(["too late"])
    assert "too late" not in screen.lines


def test_an_empty_log_says_so(screen: Screen) -> None:
    screen.open("quiet").end("")
    assert screen.lines == ["::group::Log of quiet", "(the container printed nothing)", "::endgroup::"]


def test_a_progress_bar_shows_its_state_now_and_then(screen: Screen) -> None:
    log = screen.open("train")
    for percent in range(100):
        log.state(f"{percent}%")
        screen.wait(STATE_SECONDS / 10)
    log.add(["100%"])
    log.end("")
    shown = [line for line in screen.lines if not line.startswith("::")]
    assert shown == [*(f"{percent}%" for percent in range(10, 100, 10)), "100%"]


def test_hostile_lines_and_names_command_nothing(screen: Screen) -> None:
    first, second = screen.open("a\n::error::b"), screen.open("::warning::c")
    for log in (first, second):
        log.add(["::add-mask::the", "##[error]x"])
    screen.wait(HOLD_SECONDS)
    commands = [line.split("::")[1] for line in screen.lines if line.startswith("::")]
    assert set(commands) <= {"group", "endgroup"}
    assert not any("##[" in line for line in screen.lines)


@pytest.mark.parametrize("is_live", [True, False])
def test_a_log_over_its_bound_shows_its_beginning_and_its_end(
    screen: Screen, monkeypatch: pytest.MonkeyPatch, is_live: bool
) -> None:
    monkeypatch.setattr(log_printer, "MAX_LOG_BYTES", log_printer.TAIL_BYTES + 1000)
    log = screen.open("loud", is_live=is_live)
    for number in range(0, 10_000, 100):
        log.add([f"{line:09}" for line in range(number, number + 100)])
    log.end("")
    text = [line for line in screen.lines if not line.startswith("::")]
    assert text[:100] == [f"{line:09}" for line in range(100)]
    assert text[100] == f"… 9,700 lines (0.1 MB) are left out here; to read them: {COMMAND} …"
    assert text[101:] == [f"{line:09}" for line in range(9_800, 10_000)]


def test_all_logs_have_a_bound_and_those_that_failed_have_room_of_their_own(
    screen: Screen, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_printer, "MAX_ALL_BYTES", 1000)
    monkeypatch.setattr(log_printer, "RESERVED_BYTES", 300)
    bounded = Screen()
    for number in range(9):
        log = bounded.open(f"node {number}", is_live=False)
        log.add(["x" * 99])
        log.end("")
    failed = bounded.open("failed", is_live=False, is_failed=True)
    failed.add(["the reason"])
    assert failed.end("") == "the reason"
    shown = [line for line in bounded.lines if not line.startswith("::")]
    assert shown == ["x" * 99] * 7 + ["the reason"]
    assert bounded.printer.unshown == {"node 7": 1, "node 8": 1}
