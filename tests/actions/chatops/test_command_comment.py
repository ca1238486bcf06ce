"""The comment of a command: from its start to its end, with the report of the actions that share its tag."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from mlops_actions.boundary.github import GitHub
from mlops_actions.boundary.github.transport import GitHubTransport
from mlops_actions.core.sticky import command_mark
from mlops_sandbox.github import Delivery, GitHubServer
from mlops_sandbox.github.discussion import Comment
from tests.actions.chatops.case import US
from tests.actions.chatops.step import PERMISSIONS, ChatopsStep
from tests.support.logs import RecordingLog
from tests.support.payloads import make_sample
from tests.support.step import StepRecord

INPUTS = {"commands": "train: {params: {lr: {type: float, default: 0.1}, data: {}}}", "pending-label": "busy"}


class Conversation:
    """Commands on one pull request, each in a workflow run of its own."""

    def __init__(self, github: GitHubServer, directory: Path) -> None:
        self.github = github
        self.sample = make_sample(github)
        self.stage = ChatopsStep(github, directory)
        self.log = RecordingLog()

    def start(self, run: int, body: str = "/train", **inputs: str) -> tuple[Delivery[Any], StepRecord]:
        self.stage.environ["GITHUB_RUN_ID"] = str(run)
        delivery = self.sample.pull.comment(body, by="maintainer")
        return delivery, self.stage.run(delivery, self.inputs(inputs))

    def end(
        self, begun: tuple[Delivery[Any], StepRecord], status: str = "success", minutes: float = 0, **inputs: str
    ) -> StepRecord:
        delivery, record = begun
        state = json.loads(record.state["feedback"])
        state["started"] = int(time.time() - minutes * 60)
        given = {**self.inputs(inputs), "job-status": status}
        return self.stage.run(delivery, given, post=True, state={"feedback": json.dumps(state)})

    def report(self, run: int, text: str, *, permissions: Mapping[str, str] = PERMISSIONS, final: bool = True) -> str:
        """Write as argo-submit and wandb-runs do, in the job of a run."""
        token = self.github.workflow_token(self.sample.repository, permissions).value
        client = GitHub(GitHubTransport(token, self.github.api_url, self.log), "octo-org/digits", run_id=str(run))
        return client.upsert_comment(self.sample.pull.number, "mlops", text, keep=final, replaces=final)

    @staticmethod
    def inputs(given: Mapping[str, str]) -> dict[str, str]:
        return {**INPUTS, **{name.replace("_", "-"): value for name, value in given.items()}}

    @property
    def comments(self) -> list[Comment]:
        return [comment for comment in self.sample.pull.comments if comment.user.login == US]


@pytest.fixture
def talk(github: GitHubServer, tmp_path: Path) -> Conversation:
    return Conversation(github, tmp_path)


def test_a_command_has_one_comment_from_its_start_to_its_end(talk: Conversation) -> None:
    begun = talk.start(7, "/train data=v2")
    (comment,) = talk.comments
    origin, sha = talk.github.origin, talk.sample.pull.head_sha
    for text in (
        f"⏳ **`/train` is running.** [Follow the run]({origin}/octo-org/digits/actions/runs/7)",
        f"`/train data=v2` by [maintainer]({origin}/maintainer) in [a comment](",
        f"for commit [`{sha[:7]}`]({origin}/octo-org/digits/commit/{sha}).",
        "| `data` | `v2` |",
        "| `lr` | `0.1` (default) |",
    ):
        assert text in comment.body, comment.body
    assert "@maintainer" not in comment.body
    talk.end(begun)
    assert [one.id for one in talk.comments] == [comment.id]
    assert "✅ **`/train` succeeded** after " in comment.body
    assert "`/train data=v2` by [maintainer]" in comment.body
    assert "running" not in comment.body


def test_a_command_that_a_later_job_runs_waits_for_it(talk: Conversation) -> None:
    delivery, begun = talk.start(7, conclude="false")
    (comment,) = talk.comments
    assert "⏳ **`/train` was accepted and waits for the job that runs it.**" in comment.body
    talk.stage.run(delivery, {"mode": "finish", "begun": begun.outputs["result"], "job-status": "failure"})
    assert [one.id for one in talk.comments] == [comment.id]
    assert "❌ **`/train` failed**" in comment.body
    assert talk.sample.pull.label_names == []


def test_a_comment_that_is_not_the_commands_own_stays_as_it_is(talk: Conversation) -> None:
    delivery, begun = talk.start(7, conclude="false")
    theirs = talk.sample.pull.comment("Mine", by="writer").subject
    result = json.loads(begun.outputs["result"])
    result["feedback"]["comment-id"] = theirs.id
    ended = talk.stage.run(delivery, {"mode": "finish", "begun": json.dumps(result), "job-status": "success"})
    assert (ended.exit_code, theirs.body) == (0, "Mine"), ended.log


def test_the_report_takes_the_place_in_the_commands_comment_and_the_outcome_follows(talk: Conversation) -> None:
    other, begun = talk.start(6), talk.start(7)
    first, second = talk.comments
    talk.report(7, "🏃 **Workflow w is running**", final=False)
    assert "Workflow w is running" in second.body
    assert "is running.**" not in second.body
    url = talk.report(7, "### 🟢 Gates passed\n\nnumbers")
    assert url.endswith(str(second.id))
    talk.end(begun)
    assert second.body.index("Gates passed") < second.body.index("numbers") < second.body.index("✅ **`/train` succeeded**")
    assert "⏳ **`/train` is running.**" in first.body, "the comment of another command"
    talk.end(other, "cancelled")
    assert "🚫 **`/train` was cancelled**" in first.body
    assert len(talk.comments) == 2


def test_without_a_comment_of_its_own_a_run_writes_into_the_newest_of_the_tag(talk: Conversation) -> None:
    talk.end(talk.start(6))
    talk.end(talk.start(7))
    assert talk.report(99, "### other").endswith(str(talk.comments[1].id))


def test_a_run_again_uses_the_comment_of_its_first_attempt(talk: Conversation) -> None:
    delivery, _ = talk.start(7)
    talk.report(7, "### first attempt")
    talk.stage.environ["GITHUB_RUN_ATTEMPT"] = "2"
    talk.stage.run(delivery, talk.inputs({}))
    (comment,) = talk.comments
    assert "is running" in comment.body
    assert "first attempt" not in comment.body


def test_reports_that_a_later_one_replaces_are_minimised(talk: Conversation) -> None:
    for run in (6, 7):
        begun = talk.start(run)
        talk.report(run, f"### report {run}")
        talk.end(begun)
    running, newest = talk.start(8), talk.start(9)
    talk.report(8, "### progress", final=False)
    talk.report(9, "### report 9")
    assert [comment.minimised for comment in talk.comments] == ["outdated", "outdated", "", ""]
    talk.end(newest)
    talk.end(running)
    assert talk.log.lines == []


@pytest.mark.parametrize("permissions", [{"issues": "write"}, {"issues": "write", "pull-requests": "read"}])
def test_a_report_is_written_also_where_nothing_may_be_minimised(talk: Conversation, permissions: dict[str, str]) -> None:
    talk.end(talk.start(6))
    talk.report(6, "### report 6")
    talk.start(7)
    talk.report(7, "### report 7", permissions=permissions)
    assert [comment.minimised for comment in talk.comments] == ["", ""]
    assert "### report 7" in talk.comments[1].body
    (warning,) = talk.log.lines
    assert "the earlier reports of this comment's tag stay as they are" in warning


@dataclass(frozen=True)
class Notice:
    """A command that ran for `minutes`: what the new comment to its commander says; empty: none is written."""

    name: str
    minutes: float
    says: tuple[str, ...] = ()
    status: str = "success"
    report: str = ""
    notify_after: str = ""
    reply: str = "always"


NOTICES = (
    Notice("short", 9),
    Notice("long", 11, ("@maintainer ✅ `/train` succeeded after 11m ", "[the report]")),
    Notice("failed", 125, ("@maintainer ❌ `/train` failed after 2h 05m",), status="failure"),
    Notice("cancelled", 11, ("🚫 `/train` was cancelled",), status="cancelled"),
    Notice("with a report", 11, ("> ❌ Gates failed for x",), report="### ❌ **Gates failed** for `x`\n\nnumbers"),
    Notice("hostile report", 11, ("> &#64;\u200bocto\\-org/all &#60;img",), report="@octo-org/all <img src=x>\n\n@x"),
    Notice("another limit", 3, ("@maintainer",), notify_after="2m"),
    Notice("never", 600, notify_after="never"),
    Notice("only refusals are explained", 600, reply="deny"),
    Notice("no comments", 600, reply="never"),
)


@pytest.mark.parametrize("case", NOTICES, ids=lambda case: case.name)
def test_a_long_command_ends_with_a_new_comment_to_its_commander(talk: Conversation, case: Notice) -> None:
    inputs = {"reply": case.reply} | ({"notify_after": case.notify_after} if case.notify_after else {})
    begun = talk.start(7, **inputs)
    if case.report:
        talk.report(7, case.report)
    before = len(talk.comments)
    talk.end(begun, case.status, case.minutes, **inputs)
    written = talk.comments[before:]
    assert len(written) == (1 if case.says else 0)
    for text in case.says:
        assert text in written[0].body, written[0].body
    assert not written or ("<img" not in written[0].body and "numbers" not in written[0].body)


def test_the_end_of_one_command_leaves_the_pending_label_to_another(talk: Conversation) -> None:
    first, second = talk.start(6), talk.start(7, pending_label="Busy")
    talk.end(first)
    assert talk.sample.pull.label_names == ["busy"]
    talk.end(second, pending_label="Busy")
    assert talk.sample.pull.label_names == []


def test_a_command_with_another_label_keeps_no_label(talk: Conversation) -> None:
    first, _ = talk.start(6), talk.start(7, pending_label="deploying")
    talk.end(first)
    assert talk.sample.pull.label_names == ["deploying"]


def test_a_marker_that_somebody_else_writes_keeps_no_label_and_gets_no_report(talk: Conversation) -> None:
    begun = talk.start(7)
    (comment,) = talk.comments
    forged = talk.sample.pull.comment(comment.body.replace(":7-1-", ":7-2-"), by="outsider").subject
    talk.report(7, "### report")
    talk.end(begun)
    assert talk.sample.pull.label_names == []
    assert "report" not in forged.body
    assert "succeeded" not in forged.body


def test_nothing_that_a_writer_changes_in_the_comment_is_believed(talk: Conversation) -> None:
    begun = talk.start(7, "/train data=v2")
    (comment,) = talk.comments
    forged = (
        comment.body.replace("maintainer", "mallory").replace("`v2`", "`evil`").replace(talk.sample.pull.head_sha, "e" * 40)
    )
    talk.sample.pull.edit_comment(comment, forged, by="writer")
    talk.end(begun)
    assert "by [maintainer](" in comment.body
    assert "| `data` | `v2` |" in comment.body
    for text in ("mallory", "evil", "e" * 40):
        assert text not in comment.body


def test_a_deleted_comment_is_not_written_again(talk: Conversation) -> None:
    begun = talk.start(7)
    talk.sample.pull.delete_comment(talk.comments[0])
    ran = talk.end(begun)
    assert (ran.exit_code, talk.comments, talk.sample.pull.label_names) == (0, [], [])


def test_a_comment_whose_answer_was_lost_is_found_by_its_mark(talk: Conversation) -> None:
    talk.github.faults.close("POST /repos/*/*/issues/*/comments", done=True)
    begun = talk.start(7)
    talk.github.faults.clear()
    talk.end(begun)
    (comment,) = talk.comments
    mark = command_mark(comment.body)
    assert mark is not None
    assert (mark.run, mark.is_open) == ("7", False)
    assert "✅ **`/train` succeeded**" in comment.body
