"""The `permissions:` line of every call: a refusal names it, and with it alone the call is not refused."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from mlops_actions.boundary.github import GitHub
from mlops_actions.boundary.github.failures import GitHubRefused
from mlops_actions.boundary.github.transport import GitHubTransport, Pace
from mlops_actions.core.errors import ActionError
from mlops_actions.core.sticky import CommandMark
from mlops_sandbox.github import GitHubServer, Token
from tests.support.logs import RecordingLog
from tests.support.payloads import Sample, make_sample

Call = Callable[[GitHub, Sample], object]
SHA = "a" * 40


def _comment(sample: Sample) -> str:
    return f"issues/comments/{sample.pull.comments[0].id}"


def _line(sample: Sample) -> str:
    return f"pulls/comments/{sample.pull.review_comments[0].id}"


def _read(name: str, *arguments: object) -> Call:
    """Return a call that reads a whole list."""
    return lambda client, _: list(getattr(client, name)(*arguments))


# Every method of the client, with the line that it needs in a private repository, by what a job may call it on.
CALLS: dict[str, tuple[str, Call]] = {
    "pull_request": ("pull-requests: read", lambda client, _: client.pull_request(1)),
    "pull_request_of_commit": ("pull-requests: read", lambda client, _: client.pull_request_of_commit(SHA)),
    "permission": ("", lambda client, _: client.permission("writer")),
    "reviews": ("pull-requests: read", _read("reviews", 1)),
    "files": ("pull-requests: read", _read("files", 1)),
    "file": ("contents: read", lambda client, _: client.file("CODEOWNERS", "main", 9)),
    "events": ("pull-requests: read", _read("events", 1)),
    "commits": ("pull-requests: read", _read("commits", 1)),
    "workflow_run": ("actions: read", lambda client, _: client.workflow_run(7)),
    "conversation": ("pull-requests: write", _read("conversation", 1, "2020-01-01T00:00:00Z")),
    "account": ("", lambda client, _: client.account()),
    "activity": ("contents: read", _read("activity", "octo-org/digits", "refs/heads/main")),
    "check_suites": ("checks: read", _read("check_suites", SHA)),
    "check_runs": ("checks: read", _read("check_runs", SHA)),
    "check_runs_named": ("checks: read", _read("check_runs_named", "a", SHA)),
    "find_check_run": ("checks: read", lambda client, _: client.find_check_run("a", SHA, "x")),
    "statuses": ("statuses: read", _read("statuses", SHA)),
    "every_status": ("statuses: read", _read("every_status", SHA)),
    "app_id": ("", lambda client, _: client.app_id("github-actions")),
    "required_checks": ("contents: read", lambda client, _: client.required_checks("main")),
    "react": ("pull-requests: write", lambda client, sample: client.react(_comment(sample), "eyes")),
    "react to a line": ("pull-requests: write", lambda client, sample: client.react(_line(sample), "eyes")),
    "react to the pull request": ("pull-requests: write", lambda client, _: client.react("issues/1", "eyes")),
    "unreact": ("pull-requests: write", lambda client, sample: client.unreact(_comment(sample), 1)),
    "unreact on a line": ("pull-requests: write", lambda client, sample: client.unreact(_line(sample), 1)),
    "comment": ("pull-requests: write", lambda client, _: client.comment(1, "x")),
    "upsert_comment": ("pull-requests: write", lambda client, _: client.upsert_comment(1, "tag", "x")),
    "share_comment": (
        "pull-requests: write",
        lambda client, _: client.share_comment(1, "<!-- x -->", lambda texts: "<!-- x --> y"),
    ),
    "begin_command": (
        "pull-requests: write",
        lambda client, _: client.begin_command(1, "tag", CommandMark("7-1-a"), "x", again=False),
    ),
    "begin_command again": (
        "pull-requests: write",
        lambda client, _: client.begin_command(1, "tag", CommandMark("7-1-a"), "x", again=True),
    ),
    "end_command": (
        "pull-requests: write",
        lambda client, _: client.end_command(1, 0, "tag", CommandMark("7-1-a", is_open=False), "x"),
    ),
    "command_comments": ("pull-requests: write", lambda client, _: client.command_comments(1)),
    "open_commands": ("pull-requests: write", lambda client, _: client.open_commands(1, "training")),
    "add_labels": ("pull-requests: write", lambda client, _: client.add_labels(1, ["bug"])),
    "remove_label": ("pull-requests: write", lambda client, _: client.remove_label(1, "bug")),
    "create_check_run": (
        "checks: write",
        lambda client, sample: client.create_check_run("a", sample.pull.head_sha, url="", title="t", summary="s"),
    ),
    "conclude_check_run": (
        "checks: write",
        lambda client, _: client.conclude_check_run(1, "success", title="t", summary="s"),
    ),
    "report_check_run": (
        "checks: write",
        lambda client, sample: client.report_check_run(
            "a", sample.pull.head_sha, "success", external_id="e", url="", title="t", summary="s"
        ),
    ),
    "create_deployment": (
        "deployments: write",
        lambda client, sample: client.create_deployment(sample.pull.head_sha, "staging", {}, "d"),
    ),
    "deployment_status": (
        "deployments: write",
        lambda client, _: client.deployment_status(1, "success", url="", description="d"),
    ),
    "deployments": ("deployments: read", _read("deployments", SHA, "staging")),
    "deployment_state": ("deployments: read", lambda client, _: client.deployment_state(1)),
    "find_deployment": ("deployments: read", lambda client, _: client.find_deployment(SHA, "staging", "d")),
}
ONLY_AN_APP = {"is_team_member"}


@pytest.fixture
def sample() -> Iterator[Sample]:
    """A private repository with a pull request, a comment on it and one on a line."""
    github = GitHubServer()
    with github.serve():
        made = make_sample(github)
        made.repository.private = True
        made.pull.comment("/train", by="writer")
        made.pull.review_comment("Here.", by="writer")
        yield made


def _client(sample: Sample, token: Token, *, as_app: bool = False) -> GitHub:
    pace = Pace(attempts=1, backoff=0.0)
    transport = GitHubTransport(token.value, sample.github.api_url, RecordingLog(), as_app=as_app, pace=pace)
    return GitHub(transport, sample.repository.full_name)


def _granted(line: str) -> dict[str, str]:
    name, _, level = line.partition(": ")
    return {name: level} if line else {}


def _refusal(call: Callable[[], Any]) -> GitHubRefused | None:
    """Return the 403 of a call, None where it was answered otherwise (also that something does not exist)."""
    try:
        call()
    except GitHubRefused as refused:
        return refused if refused.status == 403 else None
    except ActionError:
        return None
    return None


def test_every_call_of_the_client_is_here() -> None:
    methods = {name for name, _ in inspect.getmembers(GitHub, inspect.isfunction) if not name.startswith("_")}
    assert methods == {name for name in CALLS if " " not in name} | ONLY_AN_APP


@pytest.mark.parametrize("name", CALLS)
def test_a_refusal_names_the_line_that_mends_it(name: str, sample: Sample) -> None:
    line, call = CALLS[name]
    without = _refusal(lambda: call(_client(sample, sample.github.workflow_token(sample.repository, {})), sample))
    assert (without is None) == (line == "")
    if without is not None:
        assert f"give the job 'permissions: {{ {line} }}'" in without.remedy
    token = sample.github.workflow_token(sample.repository, _granted(line))
    assert _refusal(lambda: call(_client(sample, token), sample)) is None


@pytest.mark.parametrize("name", [name for name in CALLS if CALLS[name][0]])
def test_a_refused_app_is_told_its_own_permission(name: str, sample: Sample) -> None:
    line, call = CALLS[name]
    app = sample.github.register_app("ml-bot", permissions={"pages": "read"}, repositories=[sample.repository])
    token = sample.github.installation_token(app.installations[0], {"pages": "read"}, None)
    refused = _refusal(lambda: call(_client(sample, token, as_app=True), sample))
    assert refused is not None
    assert f"give the GitHub App '{line.replace('-', '_')}' in its settings" in refused.remedy
    assert "permissions: {" not in refused.remedy


@pytest.mark.parametrize("level", ["none", "read", "write"])
def test_a_team_is_never_seen_by_a_job(level: str, sample: Sample) -> None:
    sample.github.team("octo-org/ml", ["writer"])
    token = sample.github.workflow_token(sample.repository, {"members": level})
    refused = _refusal(lambda: _client(sample, token).is_team_member("octo-org/ml", "writer"))
    assert refused is not None
    assert (
        "give the step 'app-id' and 'app-private-key' of a GitHub App with the permission 'members: read'" in refused.remedy
    )
    assert "permissions: {" not in refused.remedy


def test_a_team_is_seen_by_an_app_and_by_a_person(sample: Sample) -> None:
    sample.github.team("octo-org/ml", ["writer"])
    app = sample.github.register_app("ml-bot", permissions={"members": "read"}, repositories=[sample.repository])
    for token in (
        sample.github.installation_token(app.installations[0], {"members": "read"}, None),
        sample.github.user_token("maintainer"),
    ):
        assert _client(sample, token).is_team_member("octo-org/ml", "writer")


def test_a_label_that_had_to_be_created_is_named_with_both_remedies(sample: Sample) -> None:
    token = sample.github.workflow_token(sample.repository, {"pull-requests": "write"})
    refused = _refusal(lambda: _client(sample, token).add_labels(1, ["in training", "bug"]))
    assert refused is not None
    there = f"-R {sample.github.origin.partition('//')[2]}/octo-org/digits"  # a server of its own, as `gh` names it
    assert f"gh label create 'in training' {there} && gh label create bug {there}" in refused.remedy
    assert "give the job 'permissions: { issues: write }'" in refused.remedy
    sample.repository.define_label("IN training")
    assert _refusal(lambda: _client(sample, token).add_labels(1, ["in training", "bug"])) is None


@pytest.mark.parametrize(
    ("header", "added"),
    [
        ("issues=write; pull_requests=write", ""),
        ("pull_requests=write", ""),
        ("issues=write", " (GitHub's answer names 'issues: write')"),
        (
            "contents=read,pages=write; issues=write",
            " (GitHub's answer names 'contents: read, pages: write' or 'issues: write')",
        ),
        ("metadata=read", ""),
        ("allows_permissionless_access=true", ""),
        ("", ""),
        ("::error::=write; <b>=read, issues=owner", ""),
    ],
)
def test_githubs_header_only_adds_to_what_is_known(header: str, added: str, sample: Sample) -> None:
    headers = {"X-Accepted-GitHub-Permissions": header} if header else {}
    sample.github.faults.answer("POST /repos/*/*/issues/*/comments", 403, headers=headers)
    refused = _refusal(lambda: _client(sample, sample.github.workflow_token(sample.repository, {})).comment(1, "x"))
    assert refused is not None
    assert refused.remedy == f"the token may not do this: give the job 'permissions: {{ pull-requests: write }}'{added}"
