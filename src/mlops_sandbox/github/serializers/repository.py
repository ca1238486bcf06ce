"""Repositories, branches, commits, files."""

from __future__ import annotations

import base64
import zlib
from urllib.parse import quote

from mlops_actions.core.types import Json
from mlops_sandbox.github.accounts import User, role_flags
from mlops_sandbox.github.checks import Protection
from mlops_sandbox.github.git import Activity, Commit, blob_sha
from mlops_sandbox.github.packages import Package
from mlops_sandbox.github.repository import Repository
from mlops_sandbox.github.serializers.accounts import node_id, user
from mlops_sandbox.github.serializers.links import Links
from mlops_sandbox.timestamps import timestamp

_MAX_SHOWN_BYTES = 1024 * 1024
# Templates of addresses that every repository carries, by field: the part after the repository's own address.
API_LINKS = {
    "archive_url": "/{archive_format}{/ref}", "assignees_url": "/assignees{/user}", "blobs_url": "/git/blobs{/sha}",
    "branches_url": "/branches{/branch}", "collaborators_url": "/collaborators{/collaborator}",
    "comments_url": "/comments{/number}", "commits_url": "/commits{/sha}", "compare_url": "/compare/{base}...{head}",
    "contents_url": "/contents/{+path}", "contributors_url": "/contributors", "deployments_url": "/deployments",
    "downloads_url": "/downloads", "events_url": "/events", "forks_url": "/forks",
    "git_commits_url": "/git/commits{/sha}", "git_refs_url": "/git/refs{/sha}", "git_tags_url": "/git/tags{/sha}",
    "hooks_url": "/hooks", "issue_comment_url": "/issues/comments{/number}",
    "issue_events_url": "/issues/events{/number}", "issues_url": "/issues{/number}", "keys_url": "/keys{/key_id}",
    "labels_url": "/labels{/name}", "languages_url": "/languages", "merges_url": "/merges",
    "milestones_url": "/milestones{/number}", "notifications_url": "/notifications{?since,all,participating}",
    "pulls_url": "/pulls{/number}", "releases_url": "/releases{/id}", "stargazers_url": "/stargazers",
    "statuses_url": "/statuses/{sha}", "subscribers_url": "/subscribers", "subscription_url": "/subscription",
    "tags_url": "/tags", "teams_url": "/teams", "trees_url": "/git/trees{/sha}",
}  # fmt: skip


def repo_api(repo: Repository, links: Links) -> str:
    """Return the repository's address in the API."""
    return links.api("repos", repo.full_name)


def minimal(repo: Repository, links: Links) -> Json:
    """Return a `MinimalRepository`."""
    api = repo_api(repo, links)
    return {
        "id": repo.id,
        "node_id": node_id("Repository", repo.id),
        "name": repo.name,
        "full_name": repo.full_name,
        "private": repo.private,
        "owner": user(repo.owner, links),
        "html_url": links.web(repo.full_name),
        "description": repo.description,
        "fork": repo.parent is not None,
        "url": api,
        **{name: api + rest for name, rest in API_LINKS.items()},
    }


def repository(repo: Repository, links: Links) -> Json:
    """Return a `Repository`, as pull requests and webhooks carry it."""
    web = links.web(repo.full_name)
    open_issues = sum(issue.state == "open" for issue in repo.issues.values())
    return minimal(repo, links) | {
        "clone_url": f"{web}.git",
        "git_url": f"{web}.git",
        "ssh_url": f"{web}.git",
        "svn_url": web,
        "mirror_url": None,
        "homepage": None,
        "language": None,
        "license": None,
        "forks_count": len(repo.forks),
        "forks": len(repo.forks),
        "stargazers_count": 0,
        "watchers_count": 0,
        "watchers": 0,
        "size": 0,
        "default_branch": repo.default_branch,
        "open_issues_count": open_issues,
        "open_issues": open_issues,
        "is_template": False,
        "topics": [],
        "has_issues": True,
        "has_projects": True,
        "has_wiki": True,
        "has_pages": False,
        "has_discussions": False,
        "archived": False,
        "disabled": False,
        "visibility": "private" if repo.private else "public",
        "allow_forking": True,
        "web_commit_signoff_required": False,
        "pushed_at": timestamp(repo.activity[-1].at if repo.activity else repo.created_at),
        "created_at": timestamp(repo.created_at),
        "updated_at": timestamp(repo.created_at),
    }


def full(repo: Repository, viewer: User | None, links: Links) -> Json:
    """Return a `FullRepository`, the answer of `GET /repos/{owner}/{repo}`."""
    shape = repository(repo, links) | {"subscribers_count": 0, "network_count": len(repo.forks)}
    if viewer is not None:
        shape["permissions"] = role_flags(repo.role_of(viewer)[1])
    if repo.owner.kind == "Organization":
        shape["organization"] = user(repo.owner, links)
    if repo.parent is not None:
        shape["parent"] = shape["source"] = repository(repo.parent, links)
    return shape


def git_user(author: User, commit: Commit) -> Json:
    """Return the name, address and date that a commit itself claims."""
    name = author.name or author.login
    return {"name": name, "email": f"{author.login}@users.noreply.github.localhost", "date": timestamp(commit.date)}


def comparison(
    base: Commit,
    merge_base: Commit,
    ahead: list[Commit],
    *,
    behind: int,
    shown: list[Commit],
    repo: Repository,
    links: Links,
) -> Json:
    """Return a `CommitComparison` without the changed files, which only its first page has."""
    head = ahead[-1] if ahead else merge_base
    status = ("diverged" if behind else "ahead") if ahead else "behind" if behind else "identical"
    span = f"{base.sha}...{head.sha}"
    web = links.web(repo.full_name, "compare", span)
    return {
        "url": f"{repo_api(repo, links)}/compare/{span}",
        "html_url": web,
        "permalink_url": web,
        "diff_url": f"{web}.diff",
        "patch_url": f"{web}.patch",
        "base_commit": commit(base, repo, links),
        "merge_base_commit": commit(merge_base, repo, links),
        "status": status,
        "ahead_by": len(ahead),
        "behind_by": behind,
        "total_commits": len(ahead),
        "commits": [commit(item, repo, links) for item in shown],
    }


def commit(item: Commit, repo: Repository, links: Links) -> Json:
    """Return a `Commit`."""
    api = repo_api(repo, links)
    return {
        "sha": item.sha,
        "node_id": node_id("Commit", int(item.sha[:8], 16)),
        "url": f"{api}/commits/{item.sha}",
        "html_url": links.web(repo.full_name, "commit", item.sha),
        "comments_url": f"{api}/commits/{item.sha}/comments",
        "commit": {
            "url": f"{api}/git/commits/{item.sha}",
            "author": git_user(item.author, item),
            "committer": git_user(item.author, item),
            "message": item.message,
            "comment_count": 0,
            "tree": {"sha": item.tree, "url": f"{api}/git/trees/{item.tree}"},
            "verification": {
                "verified": False, "reason": "unsigned", "payload": None, "signature": None, "verified_at": None,
            },
        },
        "author": user(item.author, links),
        "committer": user(item.author, links),
        "parents": [
            {"sha": sha, "url": f"{api}/commits/{sha}", "html_url": links.web(repo.full_name, "commit", sha)}
            for sha in item.parents
        ],
    }  # fmt: skip


def simple_commit(item: Commit) -> Json:
    """Return a `SimpleCommit`, as check suites and workflow runs carry it."""
    person = git_user(item.author, item)
    who = {"name": person["name"], "email": person["email"]}
    return {
        "id": item.sha,
        "tree_id": item.tree,
        "message": item.message,
        "timestamp": timestamp(item.date),
        "author": who,
        "committer": who,
    }


def git_commit(item: Commit, repo: Repository, links: Links) -> Json:
    """Return a `GitCommit`, the answer of `GET …/git/commits/{sha}`."""
    whole = commit(item, repo, links)
    inner = whole["commit"]
    return {
        "sha": item.sha,
        "node_id": whole["node_id"],
        "url": inner["url"],
        "html_url": whole["html_url"],
        "author": inner["author"],
        "committer": inner["committer"],
        "message": item.message,
        "tree": inner["tree"],
        "parents": whole["parents"],
        "verification": inner["verification"],
    }


def git_ref(ref: str, sha: str, repo: Repository, links: Links) -> Json:
    """Return a `GitRef`; `ref` is the name below `refs/`."""
    api = repo_api(repo, links)
    return {
        "ref": f"refs/{ref}",
        "node_id": node_id("Ref", int(sha[:8], 16)),
        "url": f"{api}/git/refs/{ref}",
        "object": {"type": "commit", "sha": sha, "url": f"{api}/git/commits/{sha}"},
    }


def release(tag: str, repo: Repository, links: Links) -> Json:
    """Return a `Release` without files."""
    number, at = zlib.crc32(tag.encode()), timestamp(repo.created_at)
    api, web = links.api("repos", repo.full_name, "releases", number), links.web(repo.full_name, "releases", "tag", tag)
    return {
        "id": number,
        "node_id": node_id("Release", number),
        "url": api,
        "html_url": web,
        "assets_url": f"{api}/assets",
        "upload_url": f"{api}/assets{{?name,label}}",
        "tarball_url": links.api("repos", repo.full_name, "tarball", tag),
        "zipball_url": links.api("repos", repo.full_name, "zipball", tag),
        "tag_name": tag,
        "target_commitish": repo.default_branch,
        "name": tag,
        "body": "",
        "draft": False,
        "prerelease": False,
        "immutable": False,
        "created_at": at,
        "updated_at": at,
        "published_at": at,
        "author": user(repo.owner, links),
        "assets": [],
    }


def package(item: Package, links: Links) -> Json:
    """Return a `Package`."""
    kind = "orgs" if item.owner.kind == "Organization" else "users"
    name = quote(item.name, safe="")
    return {
        "id": item.id,
        "name": item.name,
        "package_type": "container",
        "owner": user(item.owner, links),
        "version_count": 1,
        "visibility": item.visibility,
        "url": f"{links.api(kind, item.owner.login, 'packages/container')}/{name}",
        "created_at": timestamp(item.created_at),
        "updated_at": timestamp(item.created_at),
        "repository": minimal(item.repository, links),
        "html_url": f"{links.web(kind, item.owner.login, 'packages/container/package')}/{name}",
    }


def activity(item: Activity, links: Links) -> Json:
    """Return an `Activity`."""
    return {
        "id": item.id,
        "node_id": node_id("Activity", item.id),
        "before": item.before,
        "after": item.after,
        "ref": item.ref,
        "timestamp": timestamp(item.at),
        "activity_type": item.kind,
        "actor": user(item.actor, links),
    }


def branch(name: str, repo: Repository, links: Links) -> Json:
    """Return a `BranchWithProtection`; rulesets do not show here."""
    api = f"{repo_api(repo, links)}/branches/{name}"
    protections = [rule for rule in repo.protections.get(name, []) if rule.source == "protection"]
    contexts = [context for rule in protections for context in rule.required_checks]
    return {
        "name": name,
        "commit": commit(repo.commits[repo.branches[name]], repo, links),
        "_links": {"self": api, "html": links.web(repo.full_name, "tree", name)},
        "protected": bool(repo.protections.get(name)),
        "protection": {
            "enabled": bool(protections),
            "required_status_checks": {
                "enforcement_level": "non_admins" if contexts else "off",
                "contexts": contexts,
                "checks": [_required_check(context, rule) for rule in protections for context in rule.required_checks],
            },
        },
        "protection_url": f"{api}/protection",
    }


def _required_check(context: str, rule: Protection) -> Json:
    return {"context": context, "app_id": rule.app.id if rule.app else None}


def required_status_checks(name: str, contexts: list[str], repo: Repository, links: Links) -> Json:
    """Return a `StatusCheckPolicy`, the required checks of branch protection."""
    api = f"{repo_api(repo, links)}/branches/{name}/protection/required_status_checks"
    return {
        "url": api,
        "strict": False,
        "contexts": contexts,
        "checks": [{"context": context, "app_id": None} for context in contexts],
        "contexts_url": f"{api}/contexts",
    }


def ruleset_rules(name: str, repo: Repository) -> list[Json]:
    """Return the rules of rulesets that apply to a branch."""
    return [
        {
            "type": "required_status_checks",
            "ruleset_source_type": "Repository",
            "ruleset_source": repo.full_name,
            "ruleset_id": number,
            "parameters": {
                "strict_required_status_checks_policy": rule.strict,
                "do_not_enforce_on_create": False,
                "required_status_checks": [
                    {"context": context} | ({"integration_id": rule.app.id} if rule.app else {})
                    for context in rule.required_checks
                ],
            },
        }
        for number, rule in enumerate(repo.protections.get(name, []), start=1)
        if rule.source == "ruleset"
    ]


def content_file(path: str, text: str, ref: str, repo: Repository, links: Links) -> Json:
    """Return a `ContentFile`; GitHub leaves out the content of more than 1 MB.

    https://docs.github.com/rest/repos/contents#get-repository-content
    """
    raw = text.encode()
    sha, is_shown = blob_sha(raw), len(raw) <= _MAX_SHOWN_BYTES
    api = f"{links.api('repos', repo.full_name, 'contents', path)}?ref={ref}"
    web = links.web(repo.full_name, "blob", ref, path)
    git = f"{repo_api(repo, links)}/git/blobs/{sha}"
    return {
        "type": "file",
        "encoding": "base64" if is_shown else "none",
        "size": len(raw),
        "name": path.rpartition("/")[2],
        "path": path,
        "content": base64.encodebytes(raw).decode() if is_shown else "",
        "sha": sha,
        "url": api,
        "git_url": git,
        "html_url": web,
        "download_url": links.web(repo.full_name, "raw", ref, path),
        "_links": {"self": api, "git": git, "html": web},
    }


def blob(text: str, repo: Repository, links: Links) -> Json:
    """Return a `Blob`."""
    raw = text.encode()
    sha = blob_sha(raw)
    return {
        "content": base64.encodebytes(raw).decode(),
        "encoding": "base64",
        "url": f"{repo_api(repo, links)}/git/blobs/{sha}",
        "sha": sha,
        "size": len(raw),
        "node_id": node_id("Blob", int(sha[:8], 16)),
    }
