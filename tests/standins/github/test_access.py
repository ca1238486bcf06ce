"""Who may do what, with the refusals GitHub gives."""

from __future__ import annotations

import base64
import time
from collections.abc import Callable
from typing import Any

import jwt
import pytest
import requests

from mlops_sandbox.github import App, Token
from tests.standins.github.conftest import Client
from tests.support.payloads import COMMAND, Sample, make_fork_sample

INACCESSIBLE = "Resource not accessible by integration"


def _client(sample: Sample, permissions: dict[str, str] | str, *, from_fork: bool = False) -> Client:
    return Client(sample.github, sample.github.workflow_token(sample.repository, permissions, from_fork=from_fork))


def test_unknown_and_missing_tokens_are_refused(sample: Sample) -> None:
    wrong = Client(sample.github, "ghs_wrong")("GET {repo}")
    assert (wrong.status_code, wrong.json()["message"]) == (401, "Bad credentials")
    nobody = Client(sample.github, None)
    assert nobody("GET {repo}").status_code == 200
    assert nobody(f"POST {{repo}}/issues/{sample.pull.number}/comments", {"body": "x"}).status_code == 401
    assert nobody("GET {repo}/collaborators/writer/permission").status_code == 401


def test_graphql_returns_the_viewer_of_every_token(sample: Sample, call: Client) -> None:
    address = sample.github.api_url.replace("/v3", "/graphql")
    app = sample.github.register_app("ml-bot", permissions={"issues": "write"}, repositories=[sample.repository])
    installation = sample.github.installation_token(app.installations[0], {}, None)
    logins = {"github-actions[bot]": call.token, "ml-bot[bot]": installation, "writer": sample.github.user_token("writer")}
    for login, token in logins.items():
        assert isinstance(token, Token)
        headers = {"Authorization": f"Bearer {token.value}"}
        answer = requests.post(address, json={"query": "query{viewer{login}}"}, headers=headers, timeout=10)
        assert answer.json() == {"data": {"viewer": {"login": login}}}
    wrong = requests.post(address, json={"query": "query{viewer{login}}"}, headers={"Authorization": "Bearer x"}, timeout=10)
    assert wrong.status_code == 401


@pytest.mark.parametrize(
    ("role", "permission", "role_name"),
    [("read", "read", "read"), ("triage", "read", "triage"), ("write", "write", "write"),
     ("maintain", "write", "maintain"), ("admin", "admin", "admin")],
)  # fmt: skip
def test_permission_has_coarse_roles_and_role_name_exact_ones(
    sample: Sample, call: Client, role: str, permission: str, role_name: str
) -> None:
    sample.repository.collaborator("someone", role)
    answer = call("GET {repo}/collaborators/someone/permission").json()
    assert (answer["permission"], answer["role_name"]) == (permission, role_name)
    assert answer["user"]["permissions"]["push"] is (role in ("write", "maintain", "admin"))
    assert answer["user"]["permissions"]["triage"] is (role != "read")


def test_custom_roles_teams_and_owners_have_their_roles(sample: Sample, call: Client) -> None:
    sample.repository.custom_role("ml-reviewer", "triage")
    sample.repository.collaborator("custom", "ml-reviewer")
    parent = sample.github.team("octo-org/ml", ["lead"])
    sample.github.team("octo-org/ml-interns", ["intern"], parent=parent)
    sample.repository.grant(parent, "maintain")
    sample.github.organization("octo-org", owners=["boss"])

    def role(login: str) -> tuple[str, str]:
        answer = call(f"GET {{repo}}/collaborators/{login}/permission").json()
        return answer["permission"], answer["role_name"]

    assert role("custom") == ("read", "ml-reviewer")
    assert role("lead") == role("intern") == ("write", "maintain")
    assert role("boss") == ("admin", "admin")
    assert role("outsider") == ("read", "read")
    assert call("GET {repo}/collaborators/nobody-at-all/permission").status_code == 404


def test_an_outsider_has_no_role_in_a_private_repository(sample: Sample) -> None:
    private = sample.github.repository("octo-org/secret", private=True)
    token = sample.github.workflow_token(private)
    answer = Client(sample.github, token)("GET /repos/octo-org/secret/collaborators/outsider/permission").json()
    assert answer["permission"] == "none"
    for stranger in (
        Client(sample.github, None),
        Client(sample.github, sample.github.user_token("outsider")),
        _client(sample, "write-all"),
    ):
        assert stranger("GET /repos/octo-org/secret").status_code == 404


def test_team_membership_needs_more_than_a_workflows_token(sample: Sample, call: Client) -> None:
    team = sample.github.team("octo-org/ml", ["lead"])
    team.pending.add(sample.github.user("invited"))
    route = "GET /orgs/octo-org/teams/ml/memberships"
    refused = call(f"{route}/lead")
    assert (refused.status_code, refused.json()["message"]) == (403, INACCESSIBLE)
    assert refused.headers["X-Accepted-GitHub-Permissions"] == "members=read"
    app = sample.github.register_app("mlops", permissions={"members": "read"}, repositories=[sample.repository])
    token = sample.github.installation_token(app.installations[0], {"members": "read"}, None)
    allowed = Client(sample.github, token)
    assert allowed(f"{route}/lead").json()["state"] == "active"
    assert allowed(f"{route}/invited").json()["state"] == "pending"
    assert allowed(f"{route}/outsider").status_code == 404


WRITES: list[tuple[str, dict[str, Any], str, str]] = [
    ("POST {repo}/issues/{number}/comments", {"body": "x"}, "pull-requests", "issues=write; pull_requests=write"),
    ("POST {repo}/issues/{number}/labels", {"labels": ["x"]}, "issues", "issues=write; pull_requests=write"),
    ("POST {repo}/check-runs", {"name": "x", "head_sha": "{sha}"}, "checks", "checks=write"),
    ("POST {repo}/deployments", {"ref": "{sha}"}, "deployments", "deployments=write"),
    ("POST {repo}/statuses/{sha}", {"state": "success"}, "statuses", "statuses=write"),
    ("POST {repo}/dispatches", {"event_type": "x"}, "contents", "contents=write"),
]


@pytest.mark.parametrize(("route", "body", "permission", "accepted"), WRITES)
def test_each_write_needs_its_permission(
    sample: Sample, route: str, body: dict[str, Any], permission: str, accepted: str
) -> None:
    values = {"number": sample.pull.number, "sha": sample.pull.head_sha, "repo": "{repo}"}
    filled = {name: value.format(**values) if isinstance(value, str) else value for name, value in body.items()}
    for refused in (_client(sample, {permission: "read"}), _client(sample, {permission: "write"}, from_fork=True)):
        response = refused(route.format(**values), filled)
        assert (response.status_code, response.json()["message"]) == (403, INACCESSIBLE)
        assert response.headers["X-Accepted-GitHub-Permissions"] == accepted
    assert _client(sample, {permission: "write"})(route.format(**values), filled).status_code in (200, 201, 204)


def test_reacting_to_a_comment_on_a_pull_request_needs_its_own_permission(sample: Sample) -> None:
    route = f"POST {{repo}}/issues/comments/{sample.pull.comment(COMMAND, by='writer').subject.id}/reactions"
    assert _client(sample, {"issues": "write"})(route, {"content": "eyes"}).status_code == 403
    assert _client(sample, {"pull-requests": "write"})(route, {"content": "eyes"}).status_code == 201


def test_an_issue_is_not_a_pull_request_to_a_limited_token(sample: Sample) -> None:
    issue = sample.repository.open_issue(by="outsider")
    route = f"POST {{repo}}/issues/{issue.number}/comments"
    assert _client(sample, {"pull-requests": "write"})(route, {"body": "x"}).status_code == 403
    assert _client(sample, {"issues": "write"})(route, {"body": "x"}).status_code == 201
    assert _client(sample, "read-all")(f"GET {{repo}}/pulls/{issue.number}").status_code == 404


def test_a_users_role_limits_the_users_token(sample: Sample) -> None:
    issue = f"{{repo}}/issues/{sample.pull.number}"
    outsider, triager = (Client(sample.github, sample.github.user_token(login)) for login in ("outsider", "triager"))
    assert outsider(f"POST {issue}/comments", {"body": "hello"}).status_code == 201
    assert outsider(f"POST {issue}/labels", {"labels": ["x"]}).status_code == 403
    assert triager(f"POST {issue}/labels", {"labels": ["bug"]}).status_code == 200
    assert triager(f"POST {issue}/labels", {"labels": ["x"]}).status_code == 403
    assert triager("POST {repo}/labels", {"name": "x"}).status_code == 403
    assert triager("POST {repo}/deployments", {"ref": "main"}).status_code == 403
    check = triager("POST {repo}/check-runs", {"name": "x", "head_sha": sample.pull.head_sha})
    assert (check.status_code, check.json()["message"]) == (403, "You must authenticate via a GitHub App.")


def test_only_its_own_app_may_change_a_check_run(sample: Sample, call: Client) -> None:
    app = sample.github.register_app("other", permissions={"checks": "write"}, repositories=[sample.repository])
    run = sample.repository.check_run(sample.pull.head_sha, "theirs", app=app)
    assert call(f"PATCH {{repo}}/check-runs/{run.id}", {"conclusion": "success"}).status_code == 403


def test_a_workflow_cannot_comment_on_a_locked_conversation(sample: Sample, call: Client) -> None:
    sample.pull.locked = True
    assert call(f"POST {{repo}}/issues/{sample.pull.number}/comments", {"body": "x"}).status_code == 403


def test_a_deleted_fork_is_not_found(sample: Sample, call: Client) -> None:
    pull = make_fork_sample(sample.github, deleted=True).pull
    assert call("GET /repos/outsider/digits").status_code == 404
    assert call(f"GET {{repo}}/pulls/{pull.number}").json()["head"]["repo"] is None


def test_user_is_the_account_of_a_users_token_only(sample: Sample, call: Client) -> None:
    assert Client(sample.github, sample.github.user_token("writer"))("GET /user").json()["login"] == "writer"
    assert call("GET /user").status_code == 403


# Apps


def _jwt(app: App, **changes: Any) -> str:
    now = int(time.time())
    return jwt.encode({"iat": now - 60, "exp": now + 300, "iss": str(app.id)} | changes, app.private_key, "RS256")


@pytest.fixture
def app(sample: Sample) -> App:
    permissions = {"issues": "write", "pull_requests": "write"}
    return sample.github.register_app("mlops", permissions=permissions, repositories=[sample.repository])


def test_an_app_finds_its_installation_and_creates_a_token(sample: Sample, app: App) -> None:
    signed = Client(sample.github, _jwt(app))
    assert signed("GET /app").json()["slug"] == "mlops"
    assert len(signed("GET /app/installations").json()) == 1
    answer = signed("GET {repo}/installation").json()
    assert signed(f"GET /app/installations/{answer['id']}").json()["app_id"] == app.id
    requested = {"repositories": ["digits"], "permissions": {"issues": "write"}}
    minted = signed(f"POST /app/installations/{answer['id']}/access_tokens", requested)
    assert (minted.status_code, minted.json()["permissions"]) == (201, {"issues": "write"})
    acting = Client(sample.github, minted.json()["token"])
    assert acting("GET /installation/repositories").json()["total_count"] == 1
    assert acting(f"POST {{repo}}/issues/{sample.pull.number}/labels", {"labels": ["train"]}).status_code == 200
    delivery = sample.github.deliveries[-1]
    assert (delivery.payload["sender"]["login"], delivery.starts_workflows) == ("mlops[bot]", True)


@pytest.mark.parametrize(
    "requested", [{"permissions": {"contents": "write"}}, {"repositories": ["other"]}, {"repository_ids": [1]}]
)
def test_an_app_token_has_at_most_the_granted_permissions(sample: Sample, app: App, requested: dict[str, Any]) -> None:
    route = f"POST /app/installations/{app.installations[0].id}/access_tokens"
    assert Client(sample.github, _jwt(app))(route, requested).status_code == 422


@pytest.mark.parametrize(
    "changes", [{"exp": 1}, {"exp": int(time.time()) + 86_400}, {"iss": "999"}, {"iat": int(time.time()) + 86_400}]
)
def test_invalid_json_web_tokens_are_refused(sample: Sample, app: App, changes: dict[str, Any]) -> None:
    assert Client(sample.github, _jwt(app, **changes))("GET {repo}/installation").status_code == 401


def test_a_token_signed_with_another_key_is_refused(sample: Sample, app: App) -> None:
    from cryptography.hazmat.primitives.asymmetric import rsa

    foreign = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    now = int(time.time())
    forged = jwt.encode({"iat": now, "exp": now + 60, "iss": str(app.id)}, foreign, "RS256")
    assert Client(sample.github, forged)("GET /app").status_code == 401
    unsigned = jwt.encode({"iat": now, "exp": now + 60, "iss": str(app.id)}, "", "none")
    assert Client(sample.github, unsigned)("GET /app").status_code == 401


def test_an_app_without_an_installation_is_not_found(sample: Sample, app: App) -> None:
    sample.github.repository("octo-org/other")
    assert Client(sample.github, _jwt(app))("GET /repos/octo-org/other/installation").status_code == 404


WORKFLOW_FILE = ".github/workflows/mlops.yml"
CONTENTS = {"contents": "write"}
FILE_HEADER = "contents=write; contents=write,workflows=write"


def _put_file(client: Client, path: str) -> requests.Response:
    content = base64.b64encode(b"on: push").decode()
    return client(f"PUT {{repo}}/contents/{path}", {"message": "Add a file", "content": content, "branch": "main"})


def _app_token(sample: Sample, permissions: dict[str, str]) -> Token:
    app = sample.github.register_app("ml-bot", permissions=permissions, repositories=[sample.repository])
    return sample.github.installation_token(app.installations[0], permissions, None)


@pytest.mark.parametrize(
    ("token", "of_workflow_file", "of_other_file"),
    [
        (lambda sample: sample.github.workflow_token(sample.repository, CONTENTS), 403, 201),
        (lambda sample: sample.github.workflow_token(sample.repository, CONTENTS | {"workflows": "write"}), 403, 201),
        (lambda sample: _app_token(sample, CONTENTS), 403, 201),
        (lambda sample: _app_token(sample, {"workflows": "write"}), 403, 403),
        (lambda sample: _app_token(sample, CONTENTS | {"workflows": "write"}), 201, 201),
        (lambda sample: sample.github.user_token("writer", ("repo",)), 404, 201),
        (lambda sample: sample.github.user_token("writer", ("repo", "workflow")), 201, 201),
    ],
    ids=["job", "job that asks for workflows", "app", "app without contents", "app with both", "scope repo", "both scopes"],
)  # fmt: skip
def test_a_workflow_file_takes_more_than_another_file(
    sample: Sample, token: Callable[[Sample], Token], of_workflow_file: int, of_other_file: int
) -> None:
    client = Client(sample.github, token(sample))
    answers = _put_file(client, WORKFLOW_FILE), _put_file(client, "src/train.py")
    assert [answer.status_code for answer in answers] == [of_workflow_file, of_other_file]
    if answers[0].status_code == 403:
        assert (answers[0].json()["message"], answers[0].headers["X-Accepted-GitHub-Permissions"]) == (
            INACCESSIBLE,
            FILE_HEADER,
        )


def test_a_branch_with_other_workflow_files_than_the_default_branch_takes_workflows(sample: Sample) -> None:
    old = sample.repository.push("main", by="writer", files={"src/train.py": "1"}).sha
    new = sample.repository.push("main", by="writer", files={WORKFLOW_FILE: "on: push"}).sha
    job, app = _client(sample, CONTENTS), Client(sample.github, _app_token(sample, CONTENTS | {"workflows": "write"}))
    assert job("POST {repo}/git/refs", {"ref": "refs/heads/new", "sha": new}).status_code == 201
    refused = job("POST {repo}/git/refs", {"ref": "refs/heads/old", "sha": old})
    assert (refused.status_code, refused.headers["X-Accepted-GitHub-Permissions"]) == (403, FILE_HEADER)
    assert app("POST {repo}/git/refs", {"ref": "refs/heads/old", "sha": old}).status_code == 201
