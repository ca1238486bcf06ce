"""After the story: comments that are written in the browser start what they start on GitHub, and Ctrl-C ends everything."""

from __future__ import annotations

import io
import os
import signal
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from mlops_sandbox.cluster.resources import WORKFLOWS
from mlops_sandbox.demo import repository
from mlops_sandbox.demo.audience import COMMENTERS, serve_until_stopped
from mlops_sandbox.demo.stage import CONTRIBUTOR, MAINTAINER, STRANGER, Stage
from mlops_sandbox.github import PullRequest

pytestmark = pytest.mark.timeout(300)
_SECONDS = 120.0


@pytest.fixture
def pull(stage: Stage) -> PullRequest:
    """The pull request of the demo, as the story leaves it to the audience."""
    stage.repository.push(repository.BRANCH, by=CONTRIBUTOR, message=repository.TITLE, sha=stage.digits.branch)
    pull = stage.repository.open_pull_request(by=CONTRIBUTOR, head=repository.BRANCH, title=repository.TITLE)
    stage.sandbox.github.clock.catch_up()
    stage.recording.pull = pull
    return pull


def wait(condition: Callable[[], object]) -> None:
    until = time.monotonic() + _SECONDS
    while not condition():
        assert time.monotonic() < until, "it did not happen"
        time.sleep(0.05)


def visit(stage: Stage, script: Callable[[Callable[[str, str], int]], None]) -> None:
    """Serve, let the script write comments by the form of the page, then interrupt as Ctrl-C does."""
    github = stage.sandbox.github
    assert stage.recording.pull is not None
    address = stage.page(stage.recording.pull)

    def comment(by: str, body: str) -> int:
        sent = requests.post(
            address, data={"by": by, "body": body}, headers={"Origin": github.origin}, allow_redirects=False, timeout=10
        )
        return sent.status_code

    def browse() -> None:
        try:
            wait(lambda: github.observers)
            wait(lambda: "<form" in requests.get(address, timeout=10).text)
            script(comment)
        finally:
            os.kill(os.getpid(), signal.SIGINT)

    with ThreadPoolExecutor(1) as pool:
        visit = pool.submit(browse)
        serve_until_stopped(stage)
        visit.result(_SECONDS)


def test_a_comment_is_answered_and_a_stranger_is_refused(stage: Stage, pull: PullRequest, printed: io.StringIO) -> None:
    def script(comment: Callable[[str, str], int]) -> None:
        assert comment(MAINTAINER, "/help") == 303
        wait(lambda: any("/train" in one.body for one in pull.comments if one.user.is_bot))
        assert comment(STRANGER, "/train") == 303
        wait(lambda: any("the command needs 'write'" in one.body for one in pull.comments))

    visit(stage, script)
    assert stage.page(pull) in printed.getvalue()
    assert stage.sandbox.wandb_url in printed.getvalue()
    assert requests.get(f"{stage.sandbox.argo_url}/workflows", timeout=10).status_code == 200
    assert "stranger comments: /train" in printed.getvalue()


def test_an_interrupt_cancels_a_training_and_stops_its_workflow(stage: Stage, pull: PullRequest) -> None:
    store = stage.sandbox.cluster.store

    def script(comment: Callable[[str, str], int]) -> None:
        assert comment(CONTRIBUTOR, "/train epochs=2 approval=true") == 303
        wait(lambda: "Suspend" in str(store.items(WORKFLOWS)[0]))

    visit(stage, script)
    stage.__exit__(None, None, None)
    runs = {act.run.workflow.name: act.run.result for act in stage.recording.acts}
    assert runs["MLOps"] is not None
    assert runs["MLOps"].conclusion == "cancelled"
    assert [one["status"]["phase"] for one in store.items(WORKFLOWS)[0]] == ["Failed"]
    assert "<form" not in requests.get(stage.page(pull), timeout=10).text


def test_what_is_no_comment_of_a_person_starts_nothing(stage: Stage, pull: PullRequest) -> None:
    def script(comment: Callable[[str, str], int]) -> None:
        pull.label("training", by=MAINTAINER)
        pull.add_comment(
            "/train",
            stage.sandbox.github.actions_app.bot,
            at=stage.sandbox.github.clock.now(),
            token=stage.sandbox.github.workflow_token(stage.repository),
        )
        assert comment("somebody-else", "/train") == 422

    visit(stage, script)
    assert stage.recording.acts == []


def test_the_form_offers_every_role_of_the_story() -> None:
    assert COMMENTERS == (MAINTAINER, CONTRIBUTOR, "reviewer", STRANGER)
