"""Several workflows that know a command near a mistyped one reply together, by one comment."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

import pytest

from mlops_actions.boundary.github import Pace, transport
from mlops_sandbox.github import GitHubServer
from tests.actions.chatops.case import US
from tests.actions.chatops.step import ChatopsStep
from tests.support.payloads import Sample, make_sample
from tests.support.step import StepRecord


class Workflows:
    """Workflow files of one repository that all listen to its comments."""

    def __init__(self, github: GitHubServer, directory: Path) -> None:
        self.sample: Sample = make_sample(github)
        self.stage = ChatopsStep(github, directory)

    def comment(self, body: str, files: dict[str, str], by: str = "maintainer", **inputs: str) -> list[StepRecord]:
        """Let each file, with the commands that it declares, read one comment."""
        delivery = self.sample.pull.comment(body, by=by)
        records = []
        for number, (name, commands) in enumerate(files.items()):
            path = f"octo-org/digits/.github/workflows/{name}.yml@refs/heads/main"
            self.stage.environ |= {
                "GITHUB_WORKFLOW_REF": path,
                "GITHUB_REF": "refs/heads/main",
                "GITHUB_RUN_ID": str(100 + number),
            }
            records.append(self.stage.run(delivery, {"commands": commands, **inputs}))
            assert records[-1].exit_code == 0, records[-1].log
        return records

    @property
    def answers(self) -> list[str]:
        return [comment.body for comment in self.sample.pull.comments if comment.user.login == US]


@pytest.fixture
def workflows(github: GitHubServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workflows:
    monkeypatch.setattr(transport, "PACE", Pace(pause=0.0))
    return Workflows(github, tmp_path)


TWO = {"train": "/train", "trail": "/trail, /lint"}


def test_two_files_with_similar_names_ask_once(workflows: Workflows) -> None:
    records = workflows.comment("/trian lr=1", TWO)
    assert [record.outputs["reason"] for record in records] == ["unknown-command", "no-command"], "/trail is too far"
    workflows.comment("/traim", TWO | {"again": "/train"})
    assert len(workflows.answers) == 2, "one for each comment"
    assert workflows.answers[1].count("Correct the name.") == 1
    for name in ("train", "trail"):
        assert workflows.answers[1].count(f"/traim is not a command; did you mean /{name}?") == 1


def test_a_file_that_knows_nothing_near_is_silent(workflows: Workflows) -> None:
    records = workflows.comment("/trian", {"train": "/train", "deploy": "/deploy"})
    assert [record.outputs["reason"] for record in records] == ["unknown-command", "no-command"]
    assert len(workflows.answers) == 1


def test_a_stop_of_a_mistyped_command_is_asked_about_once(workflows: Workflows) -> None:
    workflows.stage.permissions = {"actions": "write", "checks": "read", "contents": "read", "pull-requests": "write"}
    main = workflows.sample.repository.push
    main("main", by="maintainer", files={f".github/workflows/{name}.yml": "on: issue_comment\n" for name in TWO})
    workflows.comment("/stop traim", TWO, controls="stop")
    (answer,) = workflows.answers
    assert "did you mean /trail?" in answer
    assert "did you mean /train?" in answer


@pytest.mark.parametrize("line", ["@octo-org/all", "/x is not a command; did you mean [y](http://evil)? now", "<b>"])
def test_text_that_a_writer_puts_into_the_comment_is_not_repeated(line: str, workflows: Workflows) -> None:
    workflows.comment("/trian", {"train": "/train"})
    comment = next(one for one in workflows.sample.pull.comments if one.user.login == US)
    planted = f"{comment.body}\n<!-- mlops-actions-meant-line:{quote(line, safe='')} -->\n{line}"
    workflows.sample.pull.edit_comment(comment, planted, by="writer")
    delivery = workflows.sample.pull.comments[0]
    assert delivery.body == "/trian"
    workflows.stage.environ |= {"GITHUB_RUN_ID": "200"}
    deliveries = [one for one in workflows.sample.github.deliveries if one.event == "issue_comment"]
    first = next(one for one in deliveries if one.payload["comment"]["body"] == "/trian")
    workflows.stage.run(first, {"commands": "/trial"})
    (answer,) = workflows.answers
    assert line not in answer
    assert "did you mean /trial?" in answer


@pytest.mark.parametrize(
    ("by", "inputs", "is_answered"),
    [
        ("maintainer", {}, True),
        ("writer", {}, True),
        ("triager", {}, False),
        ("outsider", {}, False),
        ("outsider", {"permission": "read"}, True),
        ("maintainer", {"allow-users": "writer"}, False),
    ],
)
def test_several_commands_are_answered_only_to_who_could_give_one(
    by: str, inputs: dict[str, str], is_answered: bool, workflows: Workflows
) -> None:
    (record,) = workflows.comment("/train lr=1\n\n/deploy", {"all": "{train: , deploy: {permission: admin}}"}, by, **inputs)
    assert (record.outputs["reason"], record.outputs["decision"]) == ("multiple-commands", "deny")
    assert len(workflows.answers) == is_answered
    assert len(workflows.sample.pull.comments[0].reactions) == is_answered
