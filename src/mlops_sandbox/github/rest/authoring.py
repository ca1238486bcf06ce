"""What an author does: branches, files, pull requests, labels, and a look at the runs of a workflow file."""

from __future__ import annotations

import base64
import binascii

from mlops_sandbox.github.git import Commit
from mlops_sandbox.github.responses import ApiError, ApiResponse, invalid_request, not_found
from mlops_sandbox.github.rest.access import authorise_workflow_files
from mlops_sandbox.github.rest.call import REPO, Call, Routes
from mlops_sandbox.github.serializers import discussion as discussion_serializers
from mlops_sandbox.github.serializers import repository as serializers

routes = Routes()

_WORKFLOWS = ".github/workflows/"


@routes("POST", f"{REPO}/git/refs", role="write")
def create_ref(call: Call) -> ApiResponse:
    """Create a branch at a commit that the repository has.

    Workflow files that differ from those of the default branch take the right to write workflow files.
    https://github.com/vercel/next.js/pull/94596
    """
    repo = call.repository
    ref = call.text("ref", resource="Reference", required=True) or ""
    sha = call.text("sha", resource="Reference", required=True) or ""
    branch = ref.removeprefix("refs/heads/")
    if branch == ref:
        raise ApiError(422, "Reference name must start with 'refs/heads/'.")
    if branch in repo.branches:
        raise ApiError(422, "Reference already exists")
    if sha not in repo.commits:
        raise ApiError(422, "Object does not exist")
    tip = repo.find_commit(repo.default_branch)
    if _workflow_files(repo.commits[sha]) != (_workflow_files(tip) if tip else {}):
        authorise_workflow_files(call)
    at = call.state.clock.now()
    repo.set_branch(branch, sha, actor=call.actor, kind="branch_creation", at=at)
    return ApiResponse(201, serializers.git_ref(branch, sha, repo, call.links))


@routes("DELETE", f"{REPO}/git/refs/{{ref:path}}", role="write")
def delete_ref(call: Call) -> ApiResponse:
    """Delete a branch; its pull request is closed by that."""
    repo, branch = call.repository, call.params["ref"].removeprefix("heads/")
    if branch not in repo.branches:
        raise ApiError(422, "Reference does not exist")
    del repo.branches[branch]
    for pull in repo.pulls:
        if pull.head_ref == branch and pull.head_repository is repo and pull.state == "open":
            pull.close(by=call.actor)
    return ApiResponse(204)


@routes("PUT", f"{REPO}/contents/{{path:path}}", role="write")
def put_content(call: Call) -> ApiResponse:
    """Create a file by a commit on a branch."""
    repo, path = call.repository, call.params["path"]
    if path.startswith(_WORKFLOWS):
        authorise_workflow_files(call)
    message = call.text("message", resource="Content", required=True) or ""
    branch = call.text("branch", resource="Content") or repo.default_branch
    if branch not in repo.branches:
        raise ApiError(404, f"Branch {branch} not found")
    try:
        text = base64.b64decode(call.text("content", resource="Content") or "", validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        raise invalid_request("content is not valid Base64") from None
    commit = repo.push(branch, by=call.actor, message=message, files={path: text}, at=call.state.clock.now())
    file = serializers.content_file(path, text, branch, repo, call.links)
    return ApiResponse(
        201,
        {
            "content": {key: value for key, value in file.items() if key not in ("content", "encoding")},
            "commit": serializers.git_commit(commit, repo, call.links),
        },
    )


@routes("POST", f"{REPO}/pulls")
def create_pull(call: Call) -> ApiResponse:
    """Open a pull request from a branch of the repository."""
    repo = call.repository
    title, head, base = (call.text(name, resource="PullRequest", required=True) or "" for name in ("title", "head", "base"))
    for name, branch in (("head", head), ("base", base)):
        if branch not in repo.branches:
            raise ApiError(422, "Validation Failed", [{"resource": "PullRequest", "field": name, "code": "invalid"}])
    body = call.text("body", resource="PullRequest")
    draft = call.body.get("draft") is True
    pull = repo.open_pull_request(by=call.actor, head=head, base=base, title=title, body=body, draft=draft)
    return ApiResponse(201, discussion_serializers.pull(pull, call.links))


@routes("DELETE", f"{REPO}/labels/{{name}}", role="triage")
def delete_label(call: Call) -> ApiResponse:
    """Delete a label, also from what has it."""
    repo, name = call.repository, call.params["name"].lower()
    if repo.labels.pop(name, None) is None:
        raise not_found()
    for issue in repo.issues.values():
        issue.labels = [label for label in issue.labels if label.name.lower() != name]
    return ApiResponse(204)


def _workflow_files(commit: Commit) -> dict[str, str]:
    return {path: text for path, text in commit.files.items() if path.startswith(_WORKFLOWS)}
