"""Commands that must be confirmed, as conversations: who says what, and what comes of each comment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from mlops_sandbox.github.discussion import Comment
from tests.actions.chatops.case import US, Arrange
from tests.support.payloads import Sample

EVIL = "e" * 40
COMMANDS = """
deploy:
  confirm: true
  params:
    target: {type: str, positional: true, default: staging}
train:
  lock: GPU.pool
release:
  confirm: second
  confirm-timeout: 2m
  permission: maintain
"""


@dataclass(frozen=True)
class Says:
    """A comment, and the reason that its run decides for; None: its run comes later, by `Runs`."""

    by: str
    body: str
    reason: str | None
    environ: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Runs:
    """The run of an earlier comment, counted from the first one that somebody says: late, or again."""

    number: int
    reason: str
    environ: Mapping[str, str] = field(default_factory=dict)


Act: TypeAlias = "Says | Runs | Arrange"


@dataclass(frozen=True)
class Story:
    """A conversation. `reply` is what the newest comment of ours says, in order; `outputs` are those of the last run."""

    name: str
    acts: tuple[Act, ...]
    reply: tuple[str, ...] = ()
    inputs: Mapping[str, str] = field(default_factory=dict)
    outputs: Mapping[str, str] = field(default_factory=dict)


def deploys(reason: str | None = "confirmation", *, by: str = "maintainer", body: str = "/deploy prod") -> Says:
    """Give the command that its commander confirms."""
    return Says(by, body, reason)


def releases(reason: str = "confirmation", *, by: str = "maintainer") -> Says:
    """Give the command that somebody else confirms."""
    return Says(by, "/release", reason)


def confirms(reason: str | None, *, by: str = "maintainer", body: str = "/confirm") -> Says:
    """Confirm."""
    return Says(by, body, reason)


def two_maintainers(sample: Sample) -> None:
    """Let a second person have the role."""
    sample.repository.collaborator("second", "maintain")


def pushes(sample: Sample) -> None:
    """Push another commit."""
    sample.pull.push(sha=EVIL)


def _comment(sample: Sample, number: int) -> Comment:
    return sample.pull.comments[number]


def edits(number: int, body: str, *, by: str = "writer") -> Arrange:
    """Edit a comment, counted from the first in the conversation."""
    return lambda sample: sample.pull.edit_comment(_comment(sample, number), body, by=by)


def edited_and_back(number: int) -> Arrange:
    """Edit a comment, and give it its first text again: somebody may have read the other one."""

    def arrange(sample: Sample) -> None:
        body = _comment(sample, number).body
        for text in (body.replace("prod", "test"), body):
            sample.pull.edit_comment(_comment(sample, number), text, by="writer")

    return arrange


def rewrites(number: int, old: str, new: str) -> Arrange:
    """Change a text within a comment so that its times do not tell."""

    def arrange(sample: Sample) -> None:
        comment = _comment(sample, number)
        assert old in comment.body
        comment.body = comment.body.replace(old, new)

    return arrange


def deletes(number: int) -> Arrange:
    """Delete a comment."""
    return lambda sample: sample.pull.delete_comment(_comment(sample, number))


def waits(seconds: float) -> Arrange:
    """Let time pass."""
    return lambda sample: sample.github.clock.advance(seconds)


def loses_role(login: str) -> Arrange:
    """Take the role away."""
    return lambda sample: sample.repository.collaborator(login, "read")


def renamed(login: str, name: str) -> Arrange:
    """Write a login in another case."""

    def arrange(sample: Sample) -> None:
        sample.github.users[login].login = name

    return arrange


def reopened(sample: Sample) -> None:
    """Close and reopen the pull request."""
    sample.pull.close(by="writer")
    sample.pull.reopen(by="writer")


def forged_question(sample: Sample) -> None:
    """Write what looks like a question, for a comment that nobody was asked about."""
    number = sample.pull.comments[0].id
    sample.pull.comment(f"<!-- mlops-actions-confirmation:{number}:deploy:{'0' * 16} -->\nconfirm me", by="outsider")


def question_of_another_file(sample: Sample) -> None:
    """Let another workflow file of the repository ask about its own command."""
    number = sample.pull.comments[0].id
    text = f"<!-- mlops-actions-confirmation:{number}:publish:{'0' * 16} -->\nconfirm me"
    sample.pull.comment(text, by=US)


AGAIN = {"GITHUB_RUN_ATTEMPT": "2"}
STORIES = [
    Story(
        "a question shows what would run",
        (deploys(),),
        reply=(
            "`/deploy` waits for a confirmation",
            "`/deploy prod` by [maintainer](",
            "| `target` | `prod` |",
            "[maintainer](",
            "within 10m",
            "/confirm",
        ),
        outputs={"triggered": "false", "decision": "ignore", "sha": "", "command": "deploy"},
    ),
    Story(
        "the commander confirms",
        (deploys(), confirms("ok")),
        reply=(
            "`/deploy` is running",
            "`/deploy prod` by [maintainer](",
            "confirmed by [maintainer](",
            "| `target` | `prod` |",
        ),
        outputs={"command": "deploy", "params": '{"target": "prod"}', "actor": "maintainer"},
    ),
    Story(
        "somebody else who may asks for a second person",
        (two_maintainers, releases(), confirms("ok", by="second")),
        reply=("`/release` is running", "by [maintainer](", "confirmed by [second]("),
        outputs={"actor": "maintainer"},
    ),
    Story("a command without a confirmation", (Says("maintainer", "/train", "ok"),), outputs={"lock": "lock-gpu.pool"}),
    Story("refused before it is asked about", (Says("outsider", "/deploy", "permission"),), reply=("Ask somebody",)),
    Story(
        "asked with wrong parameters", (Says("maintainer", "/deploy a b", "parameters"),), reply=("Correct the parameters",)
    ),
    # Nothing to confirm
    Story("a confirmation of nothing", (confirms("nothing-to-confirm"),), reply=("Give the command first",)),
    Story(
        "a confirmation before the question",
        (deploys(None), confirms("nothing-to-confirm"), Runs(0, "confirmation"), confirms("ok")),
    ),
    Story(
        "a confirmation with arguments",
        (deploys(), confirms("parameters", body="/confirm prod")),
        reply=("usage: /confirm",),
    ),
    Story(
        "a command with parameters below it",
        (deploys(body="/deploy\ntarget: prod"), confirms("ok", body="/confirm\n\nThanks!")),
        outputs={"params": '{"target": "prod"}'},
    ),
    Story(
        "a parameter below the command was edited in its first second",
        (deploys(body="/deploy\ntarget: prod"), rewrites(0, "prod", "evil"), confirms("confirmation-changed")),
    ),
    Story("a confirmation in a quote", (deploys(), confirms("no-command", body="> /confirm\n\nI would not."))),
    Story("a confirmation in the comment of the command", (deploys("multiple-commands", body="/deploy\n/confirm"),)),
    Story(
        "a command that collapsed details hide",
        (deploys("no-command", body="<details>\n\n/deploy\n\n</details>\n\nHi /there"), confirms("nothing-to-confirm")),
    ),
    Story(
        "a mistyped confirmation",
        (deploys(), confirms("unknown-command", body="/confrm")),
        reply=("did you mean /confirm?",),
    ),
    # By whom
    Story(
        "somebody else confirms what its commander must",
        (two_maintainers, deploys(), confirms("may-not-confirm", by="second")),
        reply=("only who gave the command may confirm it: maintainer",),
    ),
    Story(
        "an outsider confirms, which uses nothing up",
        (deploys(), confirms("may-not-confirm", by="outsider"), confirms("ok")),
    ),
    Story("the commander as the second person", (releases(), confirms("may-not-confirm")), reply=("somebody else",)),
    Story(
        "the commander as the second person by a login in another case",
        (releases(), renamed("maintainer", "MAINTAINER"), confirms("may-not-confirm", by="MAINTAINER")),
    ),
    Story(
        "a second person with a lower role",
        (releases(), confirms("permission", by="writer")),
        reply=("writer has the role 'write' here; the command needs 'maintain'",),
    ),
    Story(
        "a lower role uses nothing up",
        (two_maintainers, releases(), confirms("permission", by="writer"), confirms("ok", by="second")),
    ),
    Story(
        "a bot as the second person",
        (releases(), confirms("may-not-confirm", by="ci[bot]")),
        inputs={"allow-bots": "ci[bot]"},
        reply=("somebody else",),
    ),
    Story("a bot that may not command", (deploys(), confirms("bot", by="ci[bot]"))),
    Story(
        "the second person is not among the allowed users",
        (two_maintainers, releases(), confirms("not-allowed", by="second")),
        inputs={"allow-users": "maintainer"},
    ),
    Story(
        "the commander lost the role meanwhile",
        (two_maintainers, releases(), loses_role("maintainer"), confirms("permission", by="second")),
        reply=("maintainer has the role 'read' here",),
    ),
    Story(
        "the second person runs a job of the first again",
        (
            two_maintainers,
            releases(),
            confirms("ok", by="second"),
            Runs(1, "rerun-permission", AGAIN | {"GITHUB_TRIGGERING_ACTOR": "writer"}),
        ),
    ),
    # Once
    Story("confirmed twice", (deploys(), confirms("ok"), confirms("confirmed-before")), reply=("It was confirmed before",)),
    Story(
        "confirmed twice at once", (deploys(), confirms(None), confirms(None), Runs(2, "confirmed-before"), Runs(1, "ok"))
    ),
    Story(
        "confirmed twice at once, the first one first",
        (deploys(), confirms(None), confirms(None), Runs(1, "ok"), Runs(2, "confirmed-before")),
    ),
    Story(
        "two second persons at once",
        (
            two_maintainers,
            lambda sample: sample.repository.collaborator("third", "admin"),
            releases(),
            confirms(None, by="second"),
            confirms(None, by="third"),
            Runs(2, "confirmed-before"),
            Runs(1, "ok"),
        ),
    ),
    Story("given again after a confirmation", (deploys(), confirms("ok"), deploys(), confirms("ok"))),
    Story("the run of a confirmation again", (deploys(), confirms("ok"), Runs(1, "ok", AGAIN))),
    # The newest command
    Story(
        "the newer of two commands is confirmed",
        (deploys(body="/deploy a"), deploys(body="/deploy b"), confirms("ok")),
        outputs={"params": '{"target": "b"}'},
    ),
    Story(
        "a newer command that is not asked about yet",
        (deploys(body="/deploy a"), deploys(None, body="/deploy b"), confirms("confirmation-early")),
        reply=("newer command",),
    ),
    Story(
        "two commands asked about in the other order",
        (
            deploys(None, body="/deploy a"),
            deploys(body="/deploy b"),
            Runs(0, "confirmation"),
            confirms("confirmation-early"),
        ),
    ),
    Story(
        "a newer command of somebody else who may not",
        (deploys(), Says("outsider", "/deploy x", "permission"), confirms("ok")),
        outputs={"params": '{"target": "prod"}'},
    ),
    Story("a question of another workflow file", (deploys(), question_of_another_file, confirms("no-command"))),
    Story("somebody forges a question", (deploys(), forged_question, confirms("ok"))),
    Story("somebody forges the only question", (deploys(None), forged_question, confirms("nothing-to-confirm"))),
    # What would run has changed
    Story("pushed after the question", (deploys(), pushes, confirms("head-not-seen")), reply=(f"/deploy sha={EVIL} prod",)),
    Story(
        "pushed after the question, and the head is not checked",
        (deploys(), pushes, confirms("confirmation-changed")),
        inputs={"head": "latest"},
    ),
    Story(
        "the command was edited",
        (deploys(), edits(0, "/deploy evil"), confirms("confirmation-changed")),
        reply=("what would run now is not what the question showed",),
    ),
    Story(
        "the command was edited and edited back",
        (deploys(), edits(0, "/deploy evil"), edits(0, "/deploy prod"), confirms("confirmation-changed")),
        reply=("what would run now is not what the question showed",),
    ),
    Story("the question was edited and edited back", (deploys(), edited_and_back(1), confirms("confirmation-changed"))),
    Story(
        "the command was edited in its first second",
        (deploys(), rewrites(0, "prod", "evil"), confirms("confirmation-changed")),
    ),
    Story("the command was deleted", (deploys(), deletes(0), confirms("confirmation-changed"))),
    Story("the question was edited", (deploys(), edits(1, "/deploy to staging waits"), confirms("nothing-to-confirm"))),
    Story(
        "the question was edited in its first second",
        (deploys(), rewrites(1, "prod", "test"), confirms("confirmation-changed")),
    ),
    Story(
        "the question was turned to another comment",
        (
            Says("writer", "/deploy evil", "confirmation"),
            deploys(),
            lambda sample: rewrites(3, f":{_comment(sample, 2).id}:", f":{_comment(sample, 0).id}:")(sample),
            confirms("confirmation-early"),
        ),
    ),
    Story("the question was deleted", (deploys(), deletes(1), confirms("nothing-to-confirm"))),
    Story("closed meanwhile", (deploys(), lambda sample: sample.pull.close(by="writer"), confirms("closed"))),
    Story("closed and reopened meanwhile", (deploys(), reopened, confirms("reopened"))),
    Story(
        "a draft by now",
        (deploys(), lambda sample: sample.pull.set_draft(True, by="writer"), confirms("draft")),
        inputs={"drafts": "deny"},
    ),
    Story("confirmed at the last moment", (deploys(), waits(598), confirms("ok"))),
    Story("confirmed too late", (deploys(), waits(601), confirms("confirmation-expired")), reply=("is over",)),
    Story(
        "each command has its own time",
        (two_maintainers, releases(), waits(121), confirms("confirmation-expired", by="second")),
    ),
    Story("confirmed a day later", (deploys(), waits(86400), confirms("nothing-to-confirm"))),
]
