"""A job that is cancelled while GitHub is silent."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from mlops_actions.sandbox.github import GitHubServer
from tests.contract.chatops.stage import Stage
from tests.payloads import scene

INPUTS = {"commands": "/train", "pending-label": "training", "check-name": "model"}


def wait_for(condition: Callable[[], bool]) -> None:
    """Wait for something another process does; the server has no event to wait on."""
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.01)


@pytest.mark.parametrize(("number", "exits"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize("silent", ["GET /repos/*/*/collaborators/*/permission", "GET /repos/*/*/activity"])
def test_it_ends_at_once(github: GitHubServer, tmp_path: Path, number: signal.Signals, exits: int, silent: str) -> None:
    it = scene(github)
    github.faults.stall(silent)
    stage = Stage(github, tmp_path)
    with stage.start(it.pull.comment("/train", by="maintainer"), INPUTS) as process:
        wait_for(lambda: bool(github.requests(silent)))
        process.send_signal(number)
        # The runner kills 10 s after its first signal; a request may be silent for 15 s.
        log, _ = process.communicate(timeout=8)
    assert process.returncode == exits, log


def test_what_had_begun_is_concluded_by_the_post_step(github: GitHubServer, tmp_path: Path) -> None:
    it = scene(github)
    delivery = it.pull.comment("/train", by="maintainer")
    github.faults.stall("GET /repos/*/*/pulls/*", skip=1)
    stage = Stage(github, tmp_path)
    with stage.start(delivery, INPUTS) as process:
        wait_for(lambda: bool(it.pull.label_names and 'check_run": 1' in (tmp_path / "state").read_text()))
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=8)
    assert process.returncode == 130
    github.faults.clear()
    state = stage.state()
    stage.run(delivery, {**INPUTS, "job-status": "cancelled"}, post=True, state=state)
    assert it.pull.label_names == []
    assert [run.conclusion for run in it.repository.check_runs.values()] == ["cancelled"]
    assert [reaction.content for reaction in delivery.subject.reactions] == ["confused"]
