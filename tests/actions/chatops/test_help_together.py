"""Several workflows answer one `/help` by one comment, whatever they do at once and whoever edits it."""

from __future__ import annotations

import base64
import json
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mlops_actions.boundary.github import Pace, transport
from mlops_sandbox.github import Delivery, GitHubServer
from mlops_sandbox.github.discussion import Comment
from tests.actions.chatops.case import US
from tests.actions.chatops.step import ChatopsStep
from tests.support.payloads import make_sample

LIST = "GET /repos/*/*/issues/*/comments"
TRAIN = "train: {description: Train it, params: {lr: {type: float, default: 0.1, description: Rate}}}"


class Workflows:
    """Workflows of one repository that all listen to its comments."""

    def __init__(self, github: GitHubServer, directory: Path) -> None:
        self.github = github
        self.sample = make_sample(github)
        self.stage = ChatopsStep(github, directory)
        self.asked: Delivery[Any] = self.ask()

    def ask(self, body: str = "/help") -> Delivery[Any]:
        return self.sample.pull.comment(body, by="outsider")

    def run(self, name: str, commands: str, *, file: str = "", asked: Delivery[Any] | None = None) -> None:
        path = f"octo-org/digits/.github/workflows/{file or name.lower()}.yml@refs/heads/main"
        self.stage.environ |= {"GITHUB_WORKFLOW": name, "GITHUB_WORKFLOW_REF": path, "GITHUB_JOB": "listen"}
        record = self.stage.run(asked or self.asked, {"commands": commands})
        assert (record.exit_code, record.outputs["reason"]) == (0, "help"), record.log

    @property
    def answers(self) -> list[Comment]:
        return [comment for comment in self.sample.pull.comments if comment.user.login == US]

    @property
    def answer(self) -> str:
        (comment,) = self.answers
        return comment.body

    def edit(self, text: str) -> None:
        self.sample.pull.edit_comment(self.answers[0], text, by="writer")


@pytest.fixture
def workflows(github: GitHubServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workflows:
    monkeypatch.setattr(transport, "PACE", Pace(pause=0.0))
    return Workflows(github, tmp_path)


def in_order(text: str, *parts: str) -> bool:
    positions = [text.find(part) for part in parts]
    return -1 not in positions and positions == sorted(positions)


def test_three_workflows_answer_by_one_comment_in_the_order_of_their_names(workflows: Workflows) -> None:
    workflows.run("Train", TRAIN)
    alone = workflows.answer
    assert "**Train**" not in alone
    workflows.run("Deploy", "/deploy")
    workflows.run("Lint", "/lint, /format")
    assert in_order(
        workflows.answer, "**Deploy**", "`/deploy`", "**Lint**", "`/format`", "**Train**", "`/train [lr=float]`", "Rate"
    )
    assert workflows.answer.count("You can use these commands here") == 1


def test_a_workflow_that_answers_again_changes_nothing(workflows: Workflows) -> None:
    workflows.run("Train", TRAIN)
    workflows.run("Deploy", "/deploy")
    before = workflows.answer
    workflows.run("Train", TRAIN)
    assert workflows.answer == before


def test_two_workflows_of_one_name_are_told_apart_by_their_files(workflows: Workflows) -> None:
    workflows.run("CI", "/train", file="train")
    workflows.run("CI", "/deploy", file="deploy")
    assert in_order(workflows.answer, "`/deploy`", "`/train`")


def test_each_comment_that_asks_has_an_answer_of_its_own(workflows: Workflows) -> None:
    workflows.run("Train", TRAIN)
    workflows.run("Deploy", "/deploy", asked=workflows.ask())
    assert [("/train" in one.body, "/deploy" in one.body) for one in workflows.answers] == [(True, False), (False, True)]


def test_one_workflow_needs_three_requests(workflows: Workflows) -> None:
    workflows.run("Train", TRAIN)
    assert [exchange.method for exchange in workflows.github.exchanges] == ["GET", "POST", "GET"]


def test_of_two_answers_that_are_written_at_once_the_newer_goes_into_the_older(workflows: Workflows) -> None:
    workflows.run("Train", TRAIN)
    # The second workflow looked before the first one wrote.
    workflows.github.faults.answer(LIST, 200, [], times=1)
    workflows.run("Deploy", "/deploy")
    assert in_order(workflows.answer, "`/deploy`", "`/train [lr=float]`")


def during_the_pause(monkeypatch: pytest.MonkeyPatch, act: Callable[[], None]) -> None:
    """Do this once, where a workflow waits before it looks again."""
    waiting = [act]

    def pause(seconds: float) -> None:
        if waiting:
            waiting.pop()()

    monkeypatch.setattr(time, "sleep", pause)


def test_a_part_that_another_workflow_overwrote_is_added_again(
    workflows: Workflows, monkeypatch: pytest.MonkeyPatch
) -> None:
    workflows.run("Train", TRAIN)
    stale = workflows.answer
    during_the_pause(monkeypatch, lambda: workflows.edit(stale))
    workflows.run("Deploy", "/deploy")
    assert in_order(workflows.answer, "`/deploy`", "`/train [lr=float]`")


def test_an_answer_that_somebody_deletes_meanwhile_is_written_again(
    workflows: Workflows, monkeypatch: pytest.MonkeyPatch
) -> None:
    workflows.run("Train", TRAIN)
    during_the_pause(monkeypatch, lambda: workflows.sample.pull.comments.remove(workflows.answers[0]))
    workflows.run("Deploy", "/deploy")
    assert "`/deploy`" in workflows.answer


def forged(content: object) -> str:
    return f"<!-- mlops-actions-help-section:{base64.b64encode(json.dumps(content).encode()).decode()} -->"


EVIL = "@octo-org/all [x](https://evil.example) <img src=x> ```\n/train"
FORGED = {
    "hostile texts": forged([EVIL, EVIL, [["/x " + EVIL, EVIL, "write", [[EVIL] * 4]]], True]),
    "an unknown role": forged(["W", "w", [["/x", "", EVIL, []]], True]),
    "a long text": forged(["W", "w", [["/x", "y" * 301, "write", []]], True]),
    "no section": forged({"a": 1}),
    "numbers": forged([1, 2, [[3, 4, 5, 6]], 7]),
    "a deep one": forged(json.loads("[" * 90 + "]" * 90)),
    "no base64": "<!-- mlops-actions-help-section:%%% -->",
    "no JSON": "<!-- mlops-actions-help-section:AAAA -->",
    "other text": EVIL,
}


@pytest.mark.parametrize("name", FORGED)
def test_what_a_writer_puts_into_the_answer_is_dropped_or_shown_as_text(workflows: Workflows, name: str) -> None:
    workflows.run("Train", TRAIN)
    workflows.edit(f"{workflows.answer}\n\n{FORGED[name]}")
    workflows.run("Deploy", "/deploy")
    shown = workflows.answer
    assert in_order(shown, "`/deploy`", "`/train [lr=float]`")
    assert ("evil" in shown) == (name == "hostile texts")
    outside_code = re.sub(r"(?<!`)(`+)(?!`).+?(?<!`)\1(?!`)", "", shown)
    for markup in ("](https://evil", "<img", "@octo", "\n/train", "yyyy"):
        assert markup not in outside_code


def test_a_comment_of_somebody_else_with_the_mark_is_left_alone(workflows: Workflows) -> None:
    workflows.run("Train", TRAIN)
    copied = workflows.answer
    asked = workflows.ask()
    workflows.sample.pull.comment(copied.replace(str(workflows.asked.subject.id), str(asked.subject.id)), by="outsider")
    workflows.run("Deploy", "/deploy", asked=asked)
    assert "/train" not in workflows.answers[-1].body


def test_more_commands_than_a_comment_holds_leave_out_other_workflows(workflows: Workflows) -> None:
    for name in ("A", "B", "C", "E"):
        params = ", ".join(f"p{number}: {{description: {'x' * 250}}}" for number in range(30))
        workflows.run(name, f"{{run-{name.lower()}: {{params: {{{params}}}}}}}")
    workflows.run("Deploy", "/deploy")
    assert len(workflows.answer) <= 65_536
    assert "There are more commands" in workflows.answer
    assert "`/deploy`" in workflows.answer


def test_commands_that_no_comment_has_room_for_are_cut(workflows: Workflows) -> None:
    params = ", ".join(f"p{number}: {{description: {'x' * 290}}}" for number in range(99))
    workflows.run("Train", f"{{train: {{params: {{{params}}}}}, deploy: {{params: {{{params}}}}}}}")
    assert len(workflows.answer) <= 65_536
    assert "`p0`" in workflows.answer
