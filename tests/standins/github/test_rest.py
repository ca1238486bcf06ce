"""What the stand-in answers; the fixture holds every exchange against GitHub's own description besides."""

from __future__ import annotations

import base64
import re
from typing import Any

import github as pygithub
import pytest
import requests

from mlops_sandbox.github import GitHubServer
from mlops_sandbox.github.actions_settings import Environment
from mlops_sandbox.github.git import blob_sha
from mlops_sandbox.github.rest.call import REPO
from mlops_sandbox.github.rest.routes import ROUTES
from tests.standins.github.conftest import Client
from tests.support.github_schema import operation_of
from tests.support.payloads import COMMAND, Sample

ORG_ONLY = {"/orgs/{org}/teams/{team}", "/orgs/{org}/teams/{team}/memberships/{username}"}
# No token of a job may list these.
NAMES_ONLY = ("secrets", "variables")
# Settings that a public repository does not have.
PRIVATE_ONLY = {
    f"{REPO}/actions/permissions/access": 422,
    f"{REPO}/actions/permissions/fork-pr-workflows-private-repos": 403,
}
NOT_FOUND = {"/users/{username}/packages/{package_type}/{package}"}  # the package is an organisation's


def _rich(sample: Sample) -> dict[str, Any]:
    """Fill the repository, and return a value for every parameter of every path."""
    repo, pull = sample.repository, sample.pull
    repo.push("main", by="maintainer", files={"train.py": "print(1)\n"})
    comment = pull.comment(COMMAND, by="maintainer").subject
    line = pull.review_comment("Here.", by="maintainer").subject
    sample.github.team("octo-org/ml", ["insider"])
    reaction, _ = pull.react(comment, "eyes", sample.github.actions_app.bot)
    pull.label("bug", by="maintainer")
    pull.review("APPROVED", by="maintainer")
    run = repo.check_run(pull.head_sha, "tests", conclusion="success")
    repo.status(pull.head_sha, "ci", "success")
    deployment = repo.deploy(pull.head_sha, by="maintainer")
    repo.deployment_status(deployment, "success", by="maintainer")
    repo.protect("main", ["tests"])
    repo.protect("main", ["lint"], by="ruleset")
    repo.push("main", by="maintainer", files={".github/workflows/ci.yml": "on: push\n", "CODEOWNERS": "* writer\n"})
    repo.push("schedule", by="writer", files={"train.py": "new = True\n", "test.py": None})
    settings = repo.actions_settings
    settings.allowed_actions, settings.patterns_allowed = "selected", ["octo-org/*"]
    settings.secrets, settings.organization_secrets = {"TOKEN"}, {"SHARED"}
    settings.variables, settings.organization_variables = {"HOST": "a"}, {"REGION": "b"}
    settings.environments["production"] = Environment(["maintainer"], 5, ["main"])
    repo.release("v1.0.0", "v1")
    sample.github.fork(repo, by="outsider")
    sample.github.package(repo, "train", "public")
    workflow_run = repo.workflow_run(pull.head_sha, by="maintainer")
    job = repo.workflow_job(workflow_run, "listen")
    run.annotations.append({"annotation_level": "notice", "title": "a title", "message": "text"})
    return {
        "owner": "octo-org", "repo": "digits", "number": pull.number, "comment": comment.id, "line": line.id,
        "reaction": reaction.id, "name": "bug", "sha": pull.head_sha, "ref": pull.head_sha, "branch": "main",
        "run": run.id, "workflow_run": workflow_run.id, "attempt": 1, "job": job.id,
        "deployment": deployment.id, "login": "writer", "username": "insider", "org": "octo-org", "team": "ml",
        "path": "train.py", "account": sample.github.user("writer").id, "workflow": "ci.yml", "environment": "production",
        "package_type": "container", "package": "train", "slug": "github-actions",
    }  # fmt: skip


def test_every_get_route_matches_githubs_schema(sample: Sample, call: Client) -> None:
    values = _rich(sample)
    people = Client(sample.github, sample.github.user_token("maintainer"))
    packages = Client(sample.github, sample.github.user_token("maintainer", ("repo", "read:packages")))
    sample.repository.collaborator("maintainer", "admin")
    readers = [route for route in ROUTES if route.method == "GET" and route.authentication != "jwt"]
    assert len(readers) > 35
    for route in readers:
        parameters = dict(values)
        if "/pulls/comments/" in route.path:
            parameters["comment"] = values["line"]
        if "/actions/" in route.path:
            parameters["run"] = values["workflow_run"]
        if "/git/blobs/" in route.path:
            parameters["sha"] = blob_sha(b"print(1)\n")
        if "/compare/" in route.path:
            parameters["basehead"] = "refs/heads/main...refs/heads/schedule"
        if "/git/ref/" in route.path or "/git/matching-refs/" in route.path:
            parameters["ref"] = "heads/main"
        path = route.path
        for name in ("int", "path"):
            path = path.replace(f":{name}}}", "}")
        if "/collaborators/{username}" in path:
            parameters["username"] = "writer"
        is_for_people = path == "/user" or route.path in ORG_ONLY or route.role == "admin" or route.path.endswith(NAMES_ONLY)
        client = packages if "/packages/" in path else people if is_for_people else call
        response = client(f"GET {path.format(**parameters)}")
        expected = 204 if path.endswith("/collaborators/{username}") else PRIVATE_ONLY.get(path, 200)
        expected = 404 if path in NOT_FOUND else expected
        assert response.status_code == expected, (route.path, response.text)


def test_every_route_is_one_of_githubs() -> None:
    for route in ROUTES:
        path = re.sub(r"\{\w+:int\}", "1", route.path)
        assert operation_of(route.method, re.sub(r"\{[\w:]+\}", "x", path)), f"{route.method} {route.path}"


def test_commenting_and_editing(sample: Sample, call: Client) -> None:
    created = call(f"POST {{repo}}/issues/{sample.pull.number}/comments", {"body": "first"})
    assert created.status_code == 201
    assert created.json()["user"]["login"] == "github-actions[bot]"
    changed = call(f"PATCH {{repo}}/issues/comments/{created.json()['id']}", {"body": "second"})
    assert changed.json()["body"] == sample.pull.comments[-1].body == "second"
    assert call(f"DELETE {{repo}}/issues/comments/{created.json()['id']}").status_code == 204
    assert sample.pull.comments == []
    assert sample.github.deliveries[-1].starts_workflows is False


@pytest.mark.parametrize(("body", "status"), [("x" * 65_536, 201), ("x" * 65_537, 422), ("", 422), ("  ", 422)])
def test_a_comment_that_is_too_long_is_refused(sample: Sample, call: Client, body: str, status: int) -> None:
    assert call(f"POST {{repo}}/issues/{sample.pull.number}/comments", {"body": body}).status_code == status


def test_pages_of_comments_link_to_each_other(sample: Sample, call: Client) -> None:
    for number in range(65):
        sample.pull.comment(str(number), by="writer")
    route = f"GET {{repo}}/issues/{sample.pull.number}/comments"
    first = call(route)
    assert [comment["body"] for comment in first.json()] == [str(number) for number in range(30)]
    assert set(first.links) == {"next", "last"}
    last = call(route, page=3)
    assert len(last.json()) == 5
    assert set(last.links) == {"prev", "first"}
    assert call(route, page=4).json() == []
    assert len(call(route, per_page=1000).json()) == 65
    assert "per_page=50" in call(route, per_page=50).links["next"]["url"]


def test_reacting_twice_adds_one_reaction(sample: Sample, call: Client) -> None:
    comment = sample.pull.comment(COMMAND, by="writer").subject
    route = f"POST {{repo}}/issues/comments/{comment.id}/reactions"
    assert call(route, {"content": "eyes"}).status_code == 201
    again = call(route, {"content": "eyes"})
    assert again.status_code == 200
    assert call(route, {"content": "hats"}).status_code == 422
    route = f"DELETE {{repo}}/issues/comments/{comment.id}/reactions/{again.json()['id']}"
    assert call(route).status_code == 204
    assert call(route).status_code == 404
    assert comment.reactions == []


def test_adding_labels_creates_them_and_removing_a_missing_one_is_404(sample: Sample, call: Client) -> None:
    issue = f"{{repo}}/issues/{sample.pull.number}/labels"
    assert [label["name"] for label in call(f"POST {issue}", {"labels": ["training", "bug"]}).json()] == ["training", "bug"]
    assert call("GET {repo}/labels/training").json()["color"] == "ededed"
    assert call(f"DELETE {issue}/training").json()[0]["name"] == "bug"
    missing = call(f"DELETE {issue}/training")
    assert (missing.status_code, missing.json()["message"]) == (404, "Label does not exist")
    duplicate = call("POST {repo}/labels", {"name": "Training", "color": "ffffff"})
    assert (duplicate.status_code, duplicate.json()["errors"][0]["code"]) == (422, "already_exists")
    created = call("POST {repo}/labels", {"name": "gold", "color": "FFD700", "description": "best"})
    assert created.json()["color"] == "ffd700"
    assert call("PATCH {repo}/labels/gold", {"color": "000000"}).json()["color"] == "000000"
    call(f"PUT {issue}", {"labels": ["gold"]})
    assert sample.pull.label_names == ["gold"]


def test_check_run_from_start_to_conclusion(sample: Sample, call: Client) -> None:
    sha = sample.pull.head_sha
    created = call("POST {repo}/check-runs", {"name": "training", "head_sha": sha, "status": "in_progress"})
    assert (created.status_code, created.json()["status"], created.json()["conclusion"]) == (201, "in_progress", None)
    output = {"title": "Passed", "summary": "All gates passed"}
    done = call(f"PATCH {{repo}}/check-runs/{created.json()['id']}", {"conclusion": "success", "output": output})
    assert (done.json()["status"], done.json()["conclusion"]) == ("completed", "success")
    assert done.json()["pull_requests"][0]["number"] == sample.pull.number
    (suite,) = call(f"GET {{repo}}/commits/{sha}/check-suites").json()["check_suites"]
    assert (suite["status"], suite["conclusion"]) == ("completed", "success")


@pytest.mark.parametrize(
    "change",
    [{"head_sha": "0" * 40}, {"status": "completed"}, {"conclusion": "perfect"}, {"output": {"title": "no summary"}},
     {"output": {"title": "long", "summary": "x" * 65_536}}, {"details_url": "javascript:alert(1)"}],
)  # fmt: skip
def test_invalid_check_runs_are_refused(sample: Sample, call: Client, change: dict[str, Any]) -> None:
    body = {"name": "training", "head_sha": sample.pull.head_sha} | change
    assert call("POST {repo}/check-runs", body).status_code == 422


def test_newest_run_of_a_name_counts(sample: Sample, call: Client) -> None:
    sha = sample.pull.head_sha
    sample.repository.check_run(sha, "tests", conclusion="failure")
    sample.repository.check_run(sha, "tests", conclusion="success")
    assert [run["conclusion"] for run in call(f"GET {{repo}}/commits/{sha}/check-runs").json()["check_runs"]] == ["success"]
    assert call(f"GET {{repo}}/commits/{sha}/check-runs", filter="all").json()["total_count"] == 2


def test_a_deployment_needs_passed_checks_unless_contexts_exclude_them(sample: Sample, call: Client) -> None:
    sample.repository.check_run(sample.pull.head_sha, "training")
    body = {"ref": sample.pull.head_sha, "environment": "staging", "auto_merge": False, "payload": {"lr": 3e-4}}
    refused = call("POST {repo}/deployments", body)
    assert (refused.status_code, refused.json()["errors"][0]["contexts"]) == (409, ["training"])
    created = call("POST {repo}/deployments", body | {"required_contexts": []})
    assert (created.status_code, created.json()["payload"]) == (201, {"lr": 3e-4})
    statuses = f"{{repo}}/deployments/{created.json()['id']}/statuses"
    assert call(f"POST {statuses}", {"state": "in_progress"}).status_code == 201
    assert call(f"POST {statuses}", {"state": "success", "environment_url": "https://digits.example"}).status_code == 201
    assert [status["state"] for status in call(f"GET {statuses}").json()] == ["success", "in_progress"]
    assert call(f"POST {statuses}", {"state": "great"}).status_code == 422
    assert call(f"POST {statuses}", {"state": "error", "description": "x" * 141}).status_code == 422


def test_a_newer_deployment_makes_the_older_inactive(sample: Sample, call: Client) -> None:
    first, second = (sample.repository.deploy(sample.pull.head_sha, "staging", by="maintainer") for _ in range(2))
    for deployment in (first, second):
        call(f"POST {{repo}}/deployments/{deployment.id}/statuses", {"state": "success"})
    assert (first.state, second.state) == ("inactive", "success")


def test_activity_of_a_branch_is_newest_first_and_names_forced_pushes(sample: Sample, call: Client) -> None:
    first = sample.pull.head_sha
    second = sample.pull.push(by="writer").sha
    sample.pull.push(by="writer", sha=first, force=True)
    document = call("GET {repo}/activity", ref="schedule").json()
    assert [(item["activity_type"], item["after"]) for item in document] == [
        ("force_push", first), ("push", second), ("branch_creation", first),
    ]  # fmt: skip
    assert document[0]["timestamp"] > document[1]["timestamp"]


def test_statuses_are_combined(sample: Sample, call: Client) -> None:
    sha = sample.pull.head_sha
    assert call(f"GET {{repo}}/commits/{sha}/status").json()["state"] == "pending"
    call(f"POST {{repo}}/statuses/{sha}", {"state": "failure", "context": "ci"})
    assert call(f"GET {{repo}}/commits/{sha}/status").json()["state"] == "failure"
    call(f"POST {{repo}}/statuses/{sha}", {"state": "success", "context": "ci"})
    assert call(f"GET {{repo}}/commits/{sha}/status").json()["state"] == "success"


def test_dispatch_and_its_limits(sample: Sample, call: Client) -> None:
    body = {"event_type": "mlops-done", "client_payload": {"pr": 1}}
    assert call("POST {repo}/dispatches", body).status_code == 204
    assert sample.github.deliveries[-1].payload["action"] == "mlops-done"
    assert sample.github.deliveries[-1].starts_workflows is True
    many = {"event_type": "x", "client_payload": {str(number): number for number in range(11)}}
    assert call("POST {repo}/dispatches", many).status_code == 422
    assert call("POST {repo}/dispatches", {"event_type": "x" * 101}).status_code == 422


def test_reviews_by_request(sample: Sample) -> None:
    person = Client(sample.github, sample.github.user_token("maintainer"))
    created = person(f"POST {{repo}}/pulls/{sample.pull.number}/reviews", {"event": "APPROVE"})
    assert (created.json()["state"], created.json()["commit_id"]) == ("APPROVED", sample.pull.head_sha)
    author = Client(sample.github, sample.github.user_token("writer"))
    assert author(f"POST {{repo}}/pulls/{sample.pull.number}/reviews", {"event": "APPROVE"}).status_code == 422
    line = sample.pull.review_comment("Why?", by="maintainer").subject
    reply = author(f"POST {{repo}}/pulls/{sample.pull.number}/comments/{line.id}/replies", {"body": "Because."})
    assert reply.status_code == 201
    reaction = author(f"POST {{repo}}/pulls/comments/{line.id}/reactions", {"content": "+1"})
    assert author(f"DELETE {{repo}}/pulls/comments/{line.id}/reactions/{reaction.json()['id']}").status_code == 204


def test_reactions_to_the_pull_request_itself(sample: Sample, call: Client) -> None:
    created = call(f"POST {{repo}}/issues/{sample.pull.number}/reactions", {"content": "rocket"})
    assert created.status_code == 201
    assert call(f"DELETE {{repo}}/issues/{sample.pull.number}/reactions/{created.json()['id']}").status_code == 204


@pytest.mark.parametrize(
    ("raw", "status", "message"),
    [(b"{", 400, "Problems parsing JSON"), (b'"text"', 400, "Body should be a JSON object"), (b"{}", 422, "")],
)
def test_bodies_that_are_no_object_are_refused(sample: Sample, call: Client, raw: bytes, status: int, message: str) -> None:
    url = f"{sample.github.api_url}/repos/octo-org/digits/issues/1/comments"
    assert not isinstance(call.token, str | None)
    response = requests.post(url, data=raw, headers={"Authorization": f"token {call.token.value}"}, timeout=10)
    assert response.status_code == status
    assert message in response.json()["message"]


@pytest.mark.parametrize(
    ("base", "head", "status", "ahead", "behind"),
    [
        ("{first}", "{first}", "identical", 0, 0),
        ("refs/heads/main", "{third}", "identical", 0, 0),
        ("{first}", "{third}", "ahead", 2, 0),
        ("refs/heads/main", "{first}", "behind", 0, 2),
        ("refs/heads/main", "{feature}", "diverged", 1, 2),
        ("refs/tags/v1", "{second}", "ahead", 1, 0),
        ("main", "feature", "diverged", 1, 2),
    ],
)
def test_commits_are_compared(github: GitHubServer, base: str, head: str, status: str, ahead: int, behind: int) -> None:
    repository = github.repository("octo-org/digits")
    call = Client(github, github.workflow_token(repository, {"contents": "read"}))
    names = {"first": repository.push("main", by="a", message="1").sha}
    names["feature"] = repository.push("feature", by="a", message="f").sha
    names["second"] = repository.push("main", by="a", message="2").sha
    names["third"] = repository.push("main", by="a", message="3").sha
    repository.release("v1", sha=names["first"])
    span = f"{base}...{head}".format(**names)
    document = call(f"GET {{repo}}/compare/{span}").json()
    assert (document["status"], document["ahead_by"], document["behind_by"]) == (status, ahead, behind)
    assert (document["total_commits"], len(document["commits"]), document["files"]) == (ahead, ahead, [])
    second_page = call(f"GET {{repo}}/compare/{span}", per_page=1, page=2).json()
    assert (second_page["status"], len(second_page["commits"]), "files" in second_page) == (status, max(0, ahead - 1), False)
    assert call(f"GET {{repo}}/compare/{'0' * 40}...main").status_code == 404
    assert call("GET {repo}/compare/refs/heads/none...main").status_code == 404


def test_refs_are_found_by_the_beginning_of_their_names(sample: Sample, call: Client) -> None:
    for branch in ("a/b", "a-b", "other"):
        sample.repository.push(branch, by="writer")
    sample.repository.release("a1")
    assert [ref["ref"] for ref in call("GET {repo}/git/matching-refs/heads/a").json()] == [
        "refs/heads/a-b",
        "refs/heads/a/b",
    ]
    assert call("GET {repo}/git/matching-refs/heads/none").json() == []
    assert len(call("GET {repo}/git/matching-refs/heads/a", per_page=1).json()) == 1


def test_pull_requests_are_found_by_commit_and_by_branch(sample: Sample, call: Client) -> None:
    assert call(f"GET {{repo}}/commits/{sample.pull.head_sha}/pulls").json()[0]["number"] == sample.pull.number
    assert call("GET {repo}/pulls", head="octo-org:schedule").json()[0]["number"] == sample.pull.number
    assert call("GET {repo}/pulls", head="octo-org:other").json() == []


def test_files_and_commits(sample: Sample, call: Client) -> None:
    sample.repository.push("main", by="maintainer", files={"src/train.py": "print('é')\n"})
    document = call("GET {repo}/contents/src/train.py").json()
    assert base64.b64decode(document["content"]).decode() == "print('é')\n"
    assert call("GET {repo}/contents/none.py").status_code == 404
    assert call(f"GET {{repo}}/commits/{'0' * 40}").status_code == 422
    assert call("GET {repo}/git/ref/heads/none").status_code == 404


def test_pygithub_reads_and_writes(github: GitHubServer, sample: Sample) -> None:
    token = github.workflow_token(sample.repository, "write-all")
    client = pygithub.Github(
        auth=pygithub.Auth.Token(token.value),
        base_url=github.api_url,
        retry=None,
        seconds_between_writes=0,
        seconds_between_requests=0,
    )
    repository = client.get_repo("octo-org/digits")
    pull = repository.get_pull(sample.pull.number)
    assert repository.get_collaborator_role_name("maintainer") == "maintain"
    pull.add_to_labels("training")
    pull.create_issue_comment("started").create_reaction("rocket")
    run = repository.create_check_run("training", pull.head.sha, status="in_progress")
    run.edit(conclusion="success", output={"title": "Passed", "summary": "fine"})
    repository.create_deployment(pull.head.sha, auto_merge=False, required_contexts=[]).create_status("success")
    assert [suite.created_at for suite in repository.get_commit(pull.head.sha).get_check_suites()]
    assert sample.pull.label_names == ["training"]


@pytest.mark.parametrize(("version", "status"), [("2022-11-28", 200), ("2026-03-10", 200), ("2019-01-01", 400)])
def test_only_known_api_versions_are_accepted(sample: Sample, version: str, status: int) -> None:
    url, headers = f"{sample.github.api_url}/repos/octo-org/digits", {"X-GitHub-Api-Version": version}
    assert requests.get(url, headers=headers, timeout=10).status_code == status


def test_pushes_start_check_suites_where_a_workflow_listens_to_them(github: GitHubServer) -> None:
    repository = github.repository("octo-org/busy", suites_on_push=True)
    own_pull = repository.open_pull_request(by="writer")
    fork = github.fork(repository, by="outsider")
    fork_pull = repository.open_pull_request(by="outsider", fork=fork, head="change")
    fork_pull.push(by="outsider")
    suites = {suite.head_sha: suite.created_at for suite in repository.check_suites.values()}
    assert {own_pull.head_sha, fork_pull.head_sha} <= suites.keys()
    assert suites[fork_pull.head_sha] == fork.activity[-1].at


def test_branch_names_may_contain_a_slash(sample: Sample, call: Client) -> None:
    sample.pull.label("needs/gpu", by="maintainer")
    sample.repository.push("feature/x", by="writer")
    assert call("GET {repo}/branches/feature/x").json()["name"] == "feature/x"
    assert call("GET {repo}/branches/feature%2Fx").json()["name"] == "feature/x"
    assert call(f"DELETE {{repo}}/issues/{sample.pull.number}/labels/needs%2Fgpu").status_code == 200
    assert sample.pull.label_names == []
