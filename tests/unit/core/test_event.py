"""Event files and payloads, valid and invalid."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from mlops_actions.core import event
from mlops_actions.core.context import Context
from mlops_actions.core.errors import BadInput
from mlops_actions.core.user import User

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


def test_a_comment_on_a_pull_request_is_read() -> None:
    parsed = event.read("issue_comment", COMMENTED)
    assert isinstance(parsed, event.CommentEvent)
    assert (parsed.number, parsed.on_pull_request, parsed.comment.body, parsed.sender.login) == (
        7,
        True,
        "/train",
        "octocat",
    )


def test_a_comment_on_a_plain_issue_belongs_to_no_pull_request() -> None:
    parsed = event.read("issue_comment", {**COMMENTED, "issue": {"number": 7}})
    assert isinstance(parsed, event.CommentEvent)
    assert not parsed.on_pull_request


def test_a_label_on_a_pull_request_from_a_fork_is_read() -> None:
    parsed = event.read(
        "pull_request_target",
        {"action": "labeled", "sender": USER, "repository": REPOSITORY, "pull_request": PULL, "label": {"name": "train"}},
    )
    assert isinstance(parsed, event.PullRequestEvent)
    assert (parsed.label, parsed.pull_request.from_fork, parsed.pull_request.head.repository) == (
        "train",
        True,
        "fork/digits",
    )


def test_a_deleted_fork_is_a_fork() -> None:
    deleted_fork = copy.deepcopy(PULL)
    deleted_fork["head"]["repo"] = None  # type: ignore[index]
    assert event.pull_request(deleted_fork).from_fork
    both_deleted = copy.deepcopy(deleted_fork)
    both_deleted["base"]["repo"] = None  # type: ignore[index]
    assert event.pull_request(both_deleted).from_fork


def test_a_review_without_text_and_a_dispatch_without_inputs_are_read() -> None:
    review = {"action": "submitted", "sender": USER, "repository": REPOSITORY, "pull_request": PULL}
    parsed = event.read(
        "pull_request_review", {**review, "review": {**COMMENT, "body": None, "submitted_at": "2026-01-01T00:00:00Z"}}
    )
    assert isinstance(parsed, event.CommentEvent)
    assert (parsed.comment.body, parsed.number) == ("", 7)
    dispatched = event.read("workflow_dispatch", {"inputs": None, "sender": USER, "repository": REPOSITORY})
    assert isinstance(dispatched, event.DispatchEvent)
    assert dispatched.inputs == {}


def test_an_event_that_no_action_handles_is_a_plain_event() -> None:
    assert type(event.read("push", {"repository": REPOSITORY})) is event.Event


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"comment": None}, "no 'comment.id'"),
        ({"comment": {**COMMENT, "id": "5"}}, "'comment.id' is str"),
        ({"comment": {**COMMENT, "id": True}}, "'comment.id' is bool"),
        ({"issue": []}, "no 'issue.number'"),
        ({"sender": "octocat"}, "no 'sender.login'"),
    ],
)
def test_a_payload_of_another_shape_names_the_place(change: dict[str, Any], message: str) -> None:
    with pytest.raises(BadInput, match=message):
        event.read("issue_comment", {**COMMENTED, **change})


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "does not exist"),
        (b"{", "cannot be read as JSON"),
        (b"\xff\xfe\x00", "cannot be read as JSON"),
        (b"[1]", "holds list"),
        (b"[" * 99_999, "cannot be read"),
    ],
    ids=["missing", "cut", "binary", "list", "deep"],
)
def test_an_event_file_that_cannot_be_read_is_bad_input(tmp_path: Path, content: bytes | None, message: str) -> None:
    path = tmp_path / "event.json"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(BadInput, match=message):
        event.load_file("issue_comment", path)


def test_an_event_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "event.json"
    path.write_text(json.dumps(COMMENTED))
    assert event.load_file("issue_comment", path).repository == "octo/digits"


# Which step has an event


def context_of(path: str) -> Context:
    return Context.from_environ(
        {"GITHUB_REPOSITORY": "octo/digits", "GITHUB_EVENT_NAME": "issue_comment", "GITHUB_EVENT_PATH": path}
    )


def test_a_step_without_an_event_path_has_no_event() -> None:
    assert event.load(context_of("")) is None
    with pytest.raises(BadInput, match="there is no event"):
        event.require(context_of(""))


def test_an_event_path_that_names_no_file_is_an_error(tmp_path: Path) -> None:
    for read in (event.load, event.require):
        with pytest.raises(BadInput, match="does not exist"):
            read(context_of(str(tmp_path / "event.json")))


# Which pull request an event belongs to

HEAD = "a" * 40
REVIEW = {"id": 9, "body": "/train", "user": USER, "submitted_at": "2026-01-01T00:00:00Z", "commit_id": HEAD}
LISTED = {"number": 7, "head": {"sha": HEAD}, "base": {"repo": {"id": 1}}}
QUEUE = f"refs/heads/gh-readonly-queue/main/pr-7-{HEAD}"


def run_payload(name: str, *pulls: Any, sha: str = HEAD) -> dict[str, Any]:
    return {"action": "completed", "repository": REPOSITORY, name: {"head_sha": sha, "pull_requests": list(pulls)}}


def run_of_fork(owner: Any, branch: Any) -> dict[str, Any]:
    payload = run_payload("workflow_run")
    payload["workflow_run"] |= {"head_branch": branch, "head_repository": {"owner": {"login": owner}}}
    return payload


@pytest.mark.parametrize(
    ("name", "payload", "number"),
    [
        ("issue_comment", COMMENTED, 7),
        ("issue_comment", {**COMMENTED, "issue": {"number": 7}}, None),
        ("pull_request", {"action": "opened", "sender": USER, "repository": REPOSITORY, "pull_request": PULL}, 7),
        ("pull_request_target", {"action": "labeled", "label": {"name": "train"}, "pull_request": PULL}, 7),
        ("pull_request_review", {"action": "submitted", "pull_request": PULL, "review": REVIEW}, 7),
        ("pull_request_review_comment", {"action": "created", "pull_request": PULL, "comment": COMMENT}, 7),
        ("workflow_dispatch", {"inputs": {"pr-number": "7"}}, 7),
        ("workflow_dispatch", {"inputs": {"pr-number": "#7"}}, 7),
        ("workflow_dispatch", {"inputs": {"pr-number": " #7 "}}, 7),
        ("workflow_dispatch", {"inputs": {"pr_number": "7"}}, 7),
        ("workflow_dispatch", {"inputs": {"pr-number": ""}}, None),
        ("workflow_dispatch", {"inputs": {"pr-number": "seven"}}, None),
        ("workflow_dispatch", {"inputs": {"pr-number": "##7"}}, None),
        ("workflow_dispatch", {"inputs": {"pr-number": "0"}}, None),
        ("workflow_dispatch", {"inputs": {"pr-number": "-7"}}, None),
        ("workflow_dispatch", {"inputs": {"pr-number": "٧"}}, None),
        ("workflow_dispatch", {"inputs": {"pr-number": "7" * 11}}, None),
        ("workflow_dispatch", {"inputs": None}, None),
        ("workflow_dispatch", {}, None),
        ("repository_dispatch", {"action": "x", "client_payload": {"pr-number": 7}}, 7),
        ("repository_dispatch", {"action": "x", "client_payload": {"pr": 7}}, 7),
        ("repository_dispatch", {"action": "x", "client_payload": {"pr": "#7"}}, 7),
        ("repository_dispatch", {"action": "x", "client_payload": {"pr": True}}, None),
        ("repository_dispatch", {"action": "x", "client_payload": {"pr": 7.5}}, None),
        ("repository_dispatch", {"action": "x", "client_payload": {"pr": [7]}}, None),
        ("merge_group", {"merge_group": {"head_ref": QUEUE}}, 7),
        ("merge_group", {"merge_group": {"head_ref": QUEUE.replace("main", "release/pr-3")}}, 7),
        ("merge_group", {"merge_group": {"head_ref": "refs/heads/pr-7"}}, None),
        ("merge_group", {"merge_group": None}, None),
        ("merge_group", {}, None),
        ("workflow_run", run_payload("workflow_run", LISTED), 7),
        ("check_run", run_payload("check_run", LISTED), 7),
        ("check_suite", run_payload("check_suite", LISTED), 7),
        ("workflow_run", run_payload("workflow_run", {"number": 7}), 7),
        # Without a token nobody can say more than the payload does.
        ("workflow_run", run_payload("workflow_run"), None),
        ("workflow_run", run_payload("workflow_run", LISTED, {**LISTED, "number": 8}), None),
        ("workflow_run", run_payload("workflow_run", {**LISTED, "base": {"repo": {"id": 2}}}), None),
        ("workflow_run", run_payload("workflow_run", {**LISTED, "head": {"sha": "b" * 40}}), None),
        ("workflow_run", run_payload("workflow_run", None, "7", {}, {"number": None}), None),
        ("workflow_run", {"workflow_run": "text"}, None),
        ("push", {"after": HEAD}, None),
        ("schedule", {}, None),
    ],
)
def test_the_pull_request_that_an_event_belongs_to(name: str, payload: dict[str, Any], number: int | None) -> None:
    assert event.pull_request_of(event.read(name, payload)).number == number


def test_a_step_without_an_event_belongs_to_no_pull_request() -> None:
    assert event.pull_request_of(None) == event.EventPullRequest()


@pytest.mark.parametrize(
    ("name", "payload", "asked"),
    [
        ("push", {"after": HEAD}, [HEAD]),
        ("push", {"after": "0" * 40}, []),  # a branch was deleted
        ("push", {"after": "main"}, []),
        ("push", {}, []),
        ("workflow_run", run_payload("workflow_run"), [HEAD]),  # a fork's head: GitHub lists none
        ("workflow_run", run_of_fork("ada", "topic"), [f"{HEAD} ada:topic"]),
        ("workflow_run", run_of_fork("ada", "feature/a:b"), [f"{HEAD} ada:feature/a:b"]),
        ("workflow_run", run_of_fork("ada", None), [HEAD]),
        ("workflow_run", run_of_fork("", "topic"), [HEAD]),
        ("workflow_run", run_of_fork(None, "topic"), [HEAD]),
        ("workflow_run", run_of_fork({"login": 7}, "topic"), [HEAD]),
        ("workflow_run", run_payload("workflow_run", LISTED), []),
        ("check_suite", run_payload("check_suite"), [HEAD]),
        ("issue_comment", {**COMMENTED, "issue": {"number": 7}}, []),
        ("workflow_dispatch", {"inputs": {}}, []),
    ],
)
def test_github_is_asked_by_commit_where_the_payload_does_not_say(
    name: str, payload: dict[str, Any], asked: list[str]
) -> None:
    commits: list[str] = []

    def by_commit(sha: str, head: str) -> int:
        commits.append(f"{sha} {head}".strip())
        return 12

    number = event.pull_request_of(event.read(name, payload), by_commit).number
    assert commits == asked
    assert number == (12 if asked else 7 if LISTED in payload.get("workflow_run", {}).get("pull_requests", []) else None)


def test_the_payload_holds_the_pull_request_where_it_is_whole() -> None:
    labeled = event.read("pull_request_target", {"action": "labeled", "label": {"name": "x"}, "pull_request": PULL})
    assert event.pull_request_of(labeled).from_fork is True
    assert event.pull_request_of(event.read("issue_comment", COMMENTED)).from_fork is None


@pytest.mark.parametrize(("name", "commit"), [("push", HEAD), ("issue_comment", ""), ("pull_request_review", "")])
def test_a_comment_s_commit_says_nothing_of_the_pull_request(name: str, commit: str) -> None:
    payloads = {"push": {}, "issue_comment": COMMENTED, "pull_request_review": {"pull_request": PULL, "review": REVIEW}}
    context = Context.from_environ({"GITHUB_REPOSITORY": "octo/digits", "GITHUB_SHA": HEAD})
    assert event.commit_of(event.read(name, payloads[name]), context) == commit


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (User("a", "User", 1), User("A", "User", 1), True),
        (User("a", "User", 1), User("a", "User", 2), False),
        (User("a", "User"), User("a", "User"), False),
        (User("a", "User", 1), User("a", "User"), False),
    ],
)
def test_an_account_without_an_id_is_nobody(one: User, other: User, same: bool) -> None:
    assert one.is_same_as(other) is same


@pytest.mark.parametrize(
    ("user", "names", "found"),
    [
        (User("Anna", "User", 7), ("anna",), True),
        (User("Anna", "User", 7), ("7",), True),
        (User("7", "User", 8), ("7",), False),
        (User("8", "User", 8), ("8",), True),
        (User("", "User"), ("", "0"), False),
    ],
)
def test_an_account_is_found_by_its_login_or_its_id(user: User, names: tuple[str, ...], found: bool) -> None:
    assert user.is_among(names) is found
