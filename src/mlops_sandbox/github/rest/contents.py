"""Commits, refs and files."""

from __future__ import annotations

from mlops_sandbox.github.git import blob_sha
from mlops_sandbox.github.owners import errors, owners_file
from mlops_sandbox.github.responses import ApiError, ApiResponse, not_found
from mlops_sandbox.github.rest.call import REPO, Call, Routes
from mlops_sandbox.github.serializers import changes
from mlops_sandbox.github.serializers import repository as serializers

routes = Routes()


@routes("GET", f"{REPO}/commits")
def list_commits(call: Call) -> ApiResponse:
    """List a branch, tag or commit with everything that is merged into it, newest first; `sha` names it."""
    repo = call.repository
    commit = repo.find_commit(call.query.get("sha") or repo.default_branch)
    if commit is None:
        raise not_found()
    return call.page(repo.log(commit), lambda item: serializers.commit(item, repo, call.links))


@routes("GET", f"{REPO}/releases/latest")
def get_latest_release(call: Call) -> ApiResponse:
    """Read the newest release; 404 where there is none."""
    repo = call.repository
    if not repo.releases:
        raise not_found()
    return ApiResponse(200, serializers.release(repo.releases[-1], repo, call.links))


@routes("GET", f"{REPO}/commits/{{ref:path}}")
def get_commit(call: Call) -> ApiResponse:
    """Read a commit by SHA or branch."""
    commit = call.repository.find_commit(call.params["ref"])
    if commit is None:
        raise ApiError(422, f"No commit found for SHA: {call.params['ref']}")
    document = serializers.commit(commit, call.repository, call.links)
    return ApiResponse(200, document | {"stats": {"additions": 0, "deletions": 0, "total": 0}, "files": []})


@routes("GET", f"{REPO}/compare/{{basehead:path}}")
def compare_commits(call: Call) -> ApiResponse:
    """Compare two commits, branches or tags; 404 for one that does not exist, or without a common ancestor."""
    repo, (base_name, _, head_name) = call.repository, call.params["basehead"].partition("...")
    base, head = repo.find_commit(base_name), repo.find_commit(head_name)
    if base is None or head is None:
        raise not_found()
    ahead, behind = repo.commits_beyond(base.sha, head.sha), repo.commits_beyond(head.sha, base.sha)
    merge_base = repo.merge_base(base.sha, head.sha)
    if merge_base is None:
        raise ApiError(404, f"No common ancestor between {base_name} and {head_name}.")
    per_page, page = int(call.query.get("per_page", 250)), int(call.query.get("page", 1))
    shown = ahead[(page - 1) * per_page : page * per_page]
    document = serializers.comparison(base, merge_base, ahead, behind=len(behind), shown=shown, repo=repo, links=call.links)
    return ApiResponse(200, document if page > 1 else document | {"files": []})


@routes("GET", f"{REPO}/git/commits/{{sha}}")
def get_git_commit(call: Call) -> ApiResponse:
    """Read a git commit object."""
    commit = call.repository.commits.get(call.params["sha"])
    if commit is None:
        raise not_found()
    return ApiResponse(200, serializers.git_commit(commit, call.repository, call.links))


@routes("GET", f"{REPO}/git/ref/{{ref:path}}")
def get_ref(call: Call) -> ApiResponse:
    """Read the commit of a branch, or of a pull request: `pull/N/head`, and `pull/N/merge` while it is open."""
    repo, ref = call.repository, call.params["ref"]
    refs = {f"heads/{branch}": sha for branch, sha in repo.branches.items()}
    for pull in repo.pulls:
        refs[f"pull/{pull.number}/head"] = pull.head_sha
        if pull.test_merge:
            refs[f"pull/{pull.number}/merge"] = pull.test_merge
    if ref not in refs:
        raise not_found()
    return ApiResponse(200, serializers.git_ref(ref, refs[ref], repo, call.links))


@routes("GET", f"{REPO}/git/matching-refs/{{ref:path}}")
def list_matching_refs(call: Call) -> ApiResponse:
    """List the branches and tags whose full names begin so; none is an empty list."""
    repo = call.repository
    refs = {f"heads/{name}": sha for name, sha in repo.branches.items()}
    refs |= {f"tags/{name}": sha for name, sha in repo.tags.items()}
    matching = sorted(ref for ref in refs if ref.startswith(call.params["ref"]))
    return call.page(matching, lambda ref: serializers.git_ref(ref, refs[ref], repo, call.links))


@routes("GET", f"{REPO}/git/blobs/{{sha}}")
def get_blob(call: Call) -> ApiResponse:
    """Read the content of a file by its SHA, up to 100 MB."""
    repo, sha = call.repository, call.params["sha"]
    texts = (text for commit in repo.commits.values() for text in commit.files.values())
    text = next((text for text in texts if blob_sha(text.encode()) == sha), None)
    if text is None:
        raise not_found()
    return ApiResponse(200, serializers.blob(text, repo, call.links))


@routes("GET", f"{REPO}/codeowners/errors")
def list_codeowners_errors(call: Call) -> ApiResponse:
    """List the errors of the CODEOWNERS file of a branch; 404 where it has none."""
    repo = call.repository
    commit = repo.find_commit(call.query.get("ref") or repo.default_branch)
    path = owners_file(commit) if commit else None
    if commit is None or path is None:
        raise not_found()
    found = [changes.codeowners_error(error) for error in errors(path, commit.files[path], repo)]
    return ApiResponse(200, {"errors": found})


@routes("GET", f"{REPO}/contents/{{path:path}}")
def get_content(call: Call) -> ApiResponse:
    """Read a file."""
    repo, path = call.repository, call.params["path"]
    ref = call.query.get("ref") or repo.default_branch
    commit = repo.find_commit(ref)
    if commit is None:
        raise ApiError(404, f"No commit found for the ref {ref}")
    if path not in commit.files:
        raise not_found()
    return ApiResponse(200, serializers.content_file(path, commit.files[path], ref, repo, call.links))
