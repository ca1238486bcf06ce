"""Commits, refs and files."""

from __future__ import annotations

from mlops_sandbox.github.rest.call import Answer, ApiError, Call, Routes, not_found
from mlops_sandbox.github.rest.discussions import REPO
from mlops_sandbox.github.shapes import repository as shapes

routes = Routes()


@routes("GET", f"{REPO}/commits/{{ref:path}}", "contents=read")
def get_commit(call: Call) -> Answer:
    """Read a commit by SHA or branch."""
    commit = call.repository.find_commit(call.params["ref"])
    if commit is None:
        raise ApiError(422, f"No commit found for SHA: {call.params['ref']}")
    shape = shapes.commit(commit, call.repository, call.links)
    return Answer(200, shape | {"stats": {"additions": 0, "deletions": 0, "total": 0}, "files": []})


@routes("GET", f"{REPO}/git/commits/{{sha}}", "contents=read")
def get_git_commit(call: Call) -> Answer:
    """Read a commit as git has it."""
    commit = call.repository.commits.get(call.params["sha"])
    if commit is None:
        raise not_found()
    return Answer(200, shapes.git_commit(commit, call.repository, call.links))


@routes("GET", f"{REPO}/git/ref/{{ref:path}}", "contents=read")
def get_ref(call: Call) -> Answer:
    """Read where a branch points."""
    repo, ref = call.repository, call.params["ref"]
    branch = ref.removeprefix("heads/")
    if not ref.startswith("heads/") or branch not in repo.branches:
        raise not_found()
    return Answer(200, shapes.git_ref(branch, repo.branches[branch], repo, call.links))


@routes("GET", f"{REPO}/contents/{{path:path}}", "contents=read")
def get_content(call: Call) -> Answer:
    """Read a file."""
    repo, path = call.repository, call.params["path"]
    ref = call.query.get("ref") or repo.default_branch
    commit = repo.find_commit(ref)
    if commit is None:
        raise ApiError(404, f"No commit found for the ref {ref}")
    if path not in commit.files:
        raise not_found()
    return Answer(200, shapes.content_file(path, commit.files[path], ref, repo, call.links))
