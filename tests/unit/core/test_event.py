"""Event files, good and bad."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from mlops_actions.core import event
from mlops_actions.core.errors import BadInput

REPOSITORY = {"id": 1, "full_name": "octo/digits", "default_branch": "main"}
USER = {"login": "octocat", "type": "User"}
PULL = {
    "number": 7, "state": "open", "draft": False, "merged": False, "user": USER, "html_url": "https://x/7",
    "head": {"ref": "lr", "sha": "a" * 40, "repo": {"id": 2, "full_name": "fork/digits"}},
    "base": {"ref": "main", "sha": "b" * 40, "repo": REPOSITORY},
}  # fmt: skip
COMMENT = {"id": 5, "body": "/train", "user": USER, "html_url": "https://x/c", "created_at": "2026-01-01T00:00:00Z"}
COMMENTED: dict[str, Any] = {
    "action": "created", "sender": USER, "repository": REPOSITORY, "comment": COMMENT,
    "issue": {"number": 7, "pull_request": {}},
}  # fmt: skip


def test_a_comment_on_a_pull_request() -> None:
    made = event.read("issue_comment", COMMENTED)
    assert isinstance(made, event.CommentEvent)
    assert (made.number, made.on_pull_request, made.comment.body, made.sender.login) == (7, True, "/train", "octocat")


def test_a_comment_on_a_plain_issue() -> None:
    made = event.read("issue_comment", {**COMMENTED, "issue": {"number": 7}})
    assert isinstance(made, event.CommentEvent)
    assert not made.on_pull_request


def test_a_label_on_a_fork() -> None:
    made = event.read(
        "pull_request_target",
        {"action": "labeled", "sender": USER, "repository": REPOSITORY, "pull_request": PULL, "label": {"name": "train"}},
    )
    assert isinstance(made, event.PullRequestEvent)
    assert (made.label, made.pull_request.from_fork, made.pull_request.head.repository) == ("train", True, "fork/digits")


def test_a_deleted_fork_is_a_fork() -> None:
    gone = copy.deepcopy(PULL)
    gone["head"]["repo"] = None  # type: ignore[index]
    assert event.pull_request(gone).from_fork
    both = copy.deepcopy(gone)
    both["base"]["repo"] = None  # type: ignore[index]
    assert event.pull_request(both).from_fork


def test_a_review_and_a_dispatch() -> None:
    review = {"action": "submitted", "sender": USER, "repository": REPOSITORY, "pull_request": PULL}
    made = event.read(
        "pull_request_review", {**review, "review": {**COMMENT, "body": None, "submitted_at": "2026-01-01T00:00:00Z"}}
    )
    assert isinstance(made, event.CommentEvent)
    assert (made.comment.body, made.number) == ("", 7)
    dispatched = event.read("workflow_dispatch", {"inputs": None, "sender": USER, "repository": REPOSITORY})
    assert isinstance(dispatched, event.DispatchEvent)
    assert dispatched.inputs == {}


def test_an_event_nobody_knows_is_plain() -> None:
    assert type(event.read("push", {"repository": REPOSITORY})) is event.Event


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"comment": None}, "no 'comment.id'"),
        ({"comment": {**COMMENT, "id": "5"}}, "'comment.id' is str"),
        ({"comment": {**COMMENT, "id": True}}, "'comment.id' is bool"),
        ({"issue": []}, "no 'issue.number'"),
        ({"sender": "octocat"}, "no 'sender.login'"),
    ],
)
def test_a_payload_of_another_shape_names_the_place(change: dict[str, Any], said: str) -> None:
    with pytest.raises(BadInput, match=said):
        event.read("issue_comment", {**COMMENTED, **change})


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "does not exist"),
        (b"{", "cannot be read as JSON"),
        (b"\xff\xfe\x00", "cannot be read as JSON"),
        (b"[1]", "holds list"),
        (b"[" * 99_999, "cannot be read"),
    ],
    ids=["missing", "cut", "binary", "list", "deep"],
)
def test_a_bad_event_file(tmp_path: Path, content: bytes | None, said: str) -> None:
    path = tmp_path / "event.json"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(BadInput, match=said):
        event.load("issue_comment", path)


def test_a_good_event_file(tmp_path: Path) -> None:
    path = tmp_path / "event.json"
    path.write_text(json.dumps(COMMENTED))
    assert event.load("issue_comment", path).repository == "octo/digits"
