"""Confirmations: each conversation on a GitHub of its own, over HTTP."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from mlops_sandbox.github import Delivery, GitHubServer
from tests.actions.chatops.case import US
from tests.actions.chatops.cases_confirm import COMMANDS, STORIES, Runs, Says, Story
from tests.actions.chatops.step import ChatopsStep
from tests.support.payloads import Sample, make_sample
from tests.support.step import StepRecord

BY_NAME = {story.name: story for story in STORIES}


class Conversation:
    """A pull request whose comments start chatops."""

    def __init__(self, github: GitHubServer, directory: Path, inputs: Mapping[str, str]) -> None:
        self.sample: Sample = make_sample(github)
        self.stage = ChatopsStep(github, directory)
        self._inputs = {"commands": COMMANDS, **inputs}
        self._said: list[Delivery[Any]] = []

    def say(self, by: str, body: str) -> Delivery[Any]:
        """Write a comment, and do not run anything yet."""
        self._said.append(self.sample.pull.comment(body, by=by))
        return self._said[-1]

    def run(self, number: int, environ: Mapping[str, str]) -> StepRecord:
        """Run chatops on a comment."""
        self.stage.environ = dict(environ)
        return self.stage.run(self._said[number], self._inputs)

    def play(self, story: Story) -> StepRecord | None:
        """Play a story; each run must decide as it says."""
        record = None
        for act in story.acts:
            if isinstance(act, Says):
                self.say(act.by, act.body)
            if isinstance(act, Says | Runs):
                number = act.number if isinstance(act, Runs) else len(self._said) - 1
                if act.reason is not None:
                    record = self.run(number, act.environ)
                    assert record.outputs["reason"] == act.reason, (act, record.log)
            else:
                act(self.sample)
        return record


@pytest.mark.parametrize("name", BY_NAME)
def test_a_confirmation_has_its_outcome(name: str, github: GitHubServer, tmp_path: Path) -> None:
    story = BY_NAME[name]
    conversation = Conversation(github, tmp_path, story.inputs)
    record = conversation.play(story)
    assert record is not None
    assert record.exit_code == 0, record.log
    sample, started = conversation.sample, record.outputs["triggered"] == "true"
    assert started == (record.outputs["reason"] == "ok")
    assert record.outputs.get("sha", "") == (sample.pull.head_sha if started else "")
    for output, value in story.outputs.items():
        assert record.outputs.get(output, "") == value
    newest = [comment.body for comment in sample.pull.comments if comment.user.login == US][-1:]
    position = 0
    for text in story.reply:
        found = newest[0].find(text, position)
        assert found >= 0, (text, newest[0])
        position = found + len(text)


def test_story_names_are_unique() -> None:
    assert len(BY_NAME) == len(STORIES) >= 25
