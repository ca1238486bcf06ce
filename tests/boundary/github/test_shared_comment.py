"""Jobs that write the sections of one comment at the same time: every section is in it at the end."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from mlops_actions.boundary.github import GitHub, GitHubTransport, Pace
from mlops_actions.boundary.github.shapes import Shape
from mlops_actions.core import sticky
from mlops_actions.core.errors import Unavailable
from mlops_actions.core.section import CommentSection as Section
from mlops_sandbox.github import GitHubServer
from tests.support.logs import RecordingLog
from tests.support.payloads import Sample, make_sample

REPOSITORY, TAG = "octo-org/digits", "mlops"


def leg(index: int) -> Section:
    return Section(f"k{index}", f"l{index}", "w1", f"Train · report ({index})", in_matrix=True)


class Jobs:
    """The jobs of one workflow run on one pull request; `hook` runs before a job's next request with a method."""

    def __init__(self, github: GitHubServer) -> None:
        self.github = github
        self.sample: Sample = make_sample(github)
        self.token = github.workflow_token(self.sample.repository, {"pull-requests": "write"}).value

    def client(self, section: Section | None, *, run: str = "10", pause: float = 0.0, transport: Any = None) -> GitHub:
        pace = Pace(backoff=0.0, pause=pause)
        wire = (transport or GitHubTransport)(self.token, self.github.api_url, RecordingLog(), pace=pace)
        return GitHub(wire, REPOSITORY, run_id=run, section=section)

    def write(self, section: Section, text: str, *, pause: float = 0.0, transport: Any = None, run: str = "10") -> str:
        client = self.client(section, pause=pause, transport=transport, run=run)
        return client.upsert_comment(self.sample.pull.number, TAG, text, keep=True, replaces=True)

    @property
    def comments(self) -> list[str]:
        return [comment.body for comment in self.sample.pull.comments]


@pytest.fixture
def jobs(github: GitHubServer) -> Jobs:
    return Jobs(github)


def before(awaited: str, act: Callable[[], object], *, path_part: str = "", skip: int = 0) -> type[GitHubTransport]:
    """Return a transport that acts before a request with this method (to a path with this part), after `skip` of them."""
    acts: list[Callable[[], object]] = [act, *[lambda: None] * skip]

    class Hooked(GitHubTransport):
        def send(self, method: str, path: str, shape: Shape, **options: Any) -> tuple[Any, Any]:
            if method == awaited and path_part in path and acts:
                acts.pop()()
            return super().send(method, path, shape, **options)

    return Hooked


@pytest.mark.parametrize("present", [False, True], ids=["no comment yet", "a comment of the run before"])
@pytest.mark.parametrize("number", [2, 8])
def test_legs_that_end_at_once_all_stand_in_one_comment(jobs: Jobs, number: int, present: bool) -> None:
    if present:
        for index in range(number):
            jobs.write(leg(index), f"### ✅ old {index}", run="9")
    start = threading.Barrier(number)

    def write(index: int) -> str:
        start.wait()
        return jobs.write(leg(index), f"### {'❌' if index == 1 else '✅'} leg {index}\n\nnumbers {index}", pause=0.5)

    with ThreadPoolExecutor(number) as pool:
        addresses = set(pool.map(write, range(number)))
    (comment,) = jobs.comments
    assert len(addresses) == 1
    assert all(f"numbers {index}" in comment for index in range(number))
    assert f"### ❌ 1 of {number} reports failed" in comment
    assert comment.count("<!-- mlops-actions-earlier -->") == int(present)


def test_a_text_that_another_job_replaced_is_written_again(jobs: Jobs, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another leg has read the comment before this one wrote, and writes after it."""
    jobs.write(leg(0), "### ✅ zero")
    (comment,) = jobs.sample.pull.comments
    stale = sticky.compose(TAG, "### ✅ two", before=comment.body, run="10", keep=True, section=leg(2))
    pauses: list[float] = []

    def pause(seconds: float) -> None:
        if not pauses:
            comment.body = stale
        pauses.append(seconds)

    monkeypatch.setattr(time, "sleep", pause)
    jobs.write(leg(1), "### ✅ one")
    for text in ("### ✅ zero", "### ✅ one", "### ✅ two"):
        assert text in comment.body


ONE_COMMENT = "/issues/comments/"


@pytest.mark.parametrize("skip", [0, 1], ids=["before its first write", "before it writes again"])
@pytest.mark.parametrize("others", [1, 3])
def test_a_job_that_is_held_up_between_reading_and_writing_loses_no_section(
    jobs: Jobs, monkeypatch: pytest.MonkeyPatch, skip: int, others: int
) -> None:
    """While one job is held up, the others write their sections, look again, and end."""
    jobs.write(leg(0), "### ✅ zero")
    (comment,) = jobs.sample.pull.comments
    stale = [comment.body]

    def write_the_others() -> None:
        for index in range(2, 2 + others):
            jobs.write(leg(index), f"### ✅ other {index}")

    def pause(_: float) -> None:
        if skip and stale:  # another one replaced the first write, so that there is a second
            comment.body = stale.pop()

    monkeypatch.setattr(time, "sleep", pause)
    jobs.write(leg(1), "### ✅ one", transport=before("GET", write_the_others, path_part=ONE_COMMENT, skip=skip))
    for text in ("### ✅ zero", "### ✅ one", *(f"### ✅ other {index}" for index in range(2, 2 + others))):
        assert text in comment.body


def test_a_comment_that_is_deleted_while_a_job_is_held_up_is_written_anew(jobs: Jobs) -> None:
    jobs.write(leg(0), "### ✅ zero")
    hooked = before("GET", jobs.sample.pull.comments.clear, path_part=ONE_COMMENT)
    jobs.write(leg(1), "### ✅ one", transport=hooked)
    (comment,) = jobs.comments
    assert "### ✅ one" in comment


def test_a_job_without_company_reads_its_text_no_second_time(jobs: Jobs) -> None:
    alone = replace(leg(0), in_matrix=False)
    for text in ("### ✅ first", "### ✅ second"):
        jobs.github.exchanges.clear()
        jobs.write(alone, text)
    lists = jobs.github.requests("GET /repos/*/*/issues/*/comments")
    assert (len(lists), len(jobs.github.requests("PATCH /repos/*/*/issues/comments/*"))) == (1, 1)


def test_progress_is_not_waited_for(jobs: Jobs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "sleep", lambda _: pytest.fail("progress is written again anyway"))
    for index in (0, 1, 0):
        jobs.client(leg(index)).upsert_comment(jobs.sample.pull.number, TAG, f"🏃 leg {index}")
    (comment,) = jobs.comments
    assert comment.count("🏃 leg") == 4  # once in the overview, once below


def test_a_comment_that_others_replace_for_ever_is_an_error_with_a_remedy(
    jobs: Jobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs.write(leg(0), "### ✅ zero")
    (comment,) = jobs.sample.pull.comments
    theirs = comment.body

    def replace_it(_: float) -> None:
        comment.body = theirs

    monkeypatch.setattr(time, "sleep", replace_it)
    with pytest.raises(Unavailable, match="other jobs replaced the comment 'mlops' 8 times") as caught:
        jobs.write(leg(1), "### ✅ one")
    assert "comment-tag" in caught.value.remedy


def test_jobs_that_both_create_the_comment_leave_one_with_both(jobs: Jobs) -> None:
    hooked = before("POST", lambda: jobs.write(leg(1), "### ✅ one"))
    jobs.write(leg(0), "### ✅ zero", transport=hooked)
    (comment,) = jobs.comments
    assert "### ✅ zero" in comment
    assert "### ✅ one" in comment


def test_a_command_s_comment_has_the_sections_of_its_own_run(jobs: Jobs) -> None:
    mark = sticky.CommandMark("10-1")
    jobs.client(None).begin_command(jobs.sample.pull.number, TAG, mark, "⏳ **`/train` is running.**")
    jobs.write(leg(0), "### ✅ zero")
    jobs.write(leg(1), "### ❌ one")
    (comment,) = jobs.comments
    assert "### ❌ 1 of 2 reports failed" in comment
    client = jobs.client(None)
    _, headline = client.end_command(jobs.sample.pull.number, 0, TAG, replace(mark, is_open=False), "❌ **`/train` failed**")
    assert headline == "❌ 1 of 2 reports failed"
    (comment,) = jobs.comments
    assert comment.rstrip().endswith("❌ **`/train` failed**")
    assert sticky.number_of_parts(comment) == 2
