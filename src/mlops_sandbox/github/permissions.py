"""Which permissions each operation takes, as GitHub publishes them. Data only: `access.py` applies it.

Sources, read on 2026-11-28:

- https://github.com/github/docs/blob/main/src/github-apps/data/fpt-2026-03-10/server-to-server-permissions.json
  It is the data of https://docs.github.com/rest/authentication/permissions-required-for-github-apps and holds for every
  token of an installation; a job's own token is one. Read twice, at commit 02ac71cd67f12f791665800215adb392e5bbea21.
- https://github.com/github/docs/blob/main/data/reusables/actions/github-token-available-permissions.md, which lists what
  `permissions:` of a workflow can hold.

A value has the form of the header `X-Accepted-GitHub-Permissions`: permissions that are needed together are separated by
commas, alternatives by semicolons. https://docs.github.com/rest/using-the-rest-api/troubleshooting-the-rest-api
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

# What GitHub's header says where an operation takes no permission.
PERMISSIONLESS = "allows_permissionless_access=true"
# An installation's token is refused whatever its permissions are.
NO_INSTALLATION = ""

_ISSUES_READ = "issues=read; pull_requests=read"
_ISSUES_WRITE = "issues=write; pull_requests=write"
# The second alternative is for workflow files: see `access.authorise_workflow_files`.
_CONTENTS_WRITE = "contents=write; contents=write,workflows=write"

PUBLISHED: Mapping[str, str] = {
    # Accounts, teams, limits
    "GET /user": NO_INSTALLATION,
    "GET /users/{username}": PERMISSIONLESS,
    "GET /user/{account_id}": PERMISSIONLESS,
    "GET /rate_limit": PERMISSIONLESS,
    "GET /orgs/{org}/teams/{team_slug}": "members=read",
    "GET /orgs/{org}/teams/{team_slug}/memberships/{username}": "members=read",
    # Packages: only classic tokens with `read:packages`, https://docs.github.com/rest/packages/packages
    "GET /orgs/{org}/packages/{package_type}/{package_name}": NO_INSTALLATION,
    "GET /users/{username}/packages/{package_type}/{package_name}": NO_INSTALLATION,
    # Apps; all but the last are called with an App's own JSON web token
    "GET /app": PERMISSIONLESS,
    "GET /apps/{app_slug}": PERMISSIONLESS,
    "GET /app/installations": PERMISSIONLESS,
    "GET /app/installations/{installation_id}": PERMISSIONLESS,
    "POST /app/installations/{installation_id}/access_tokens": PERMISSIONLESS,
    "GET /repos/{owner}/{repo}/installation": PERMISSIONLESS,
    "GET /installation/repositories": PERMISSIONLESS,
    # The repository
    "GET /repos/{owner}/{repo}": "metadata=read",
    "GET /repos/{owner}/{repo}/collaborators/{username}": "metadata=read",
    "GET /repos/{owner}/{repo}/collaborators/{username}/permission": "metadata=read",
    "GET /repos/{owner}/{repo}/forks": "metadata=read",
    "GET /repos/{owner}/{repo}/rules/branches/{branch}": "metadata=read",
    "GET /repos/{owner}/{repo}/activity": "contents=read",
    "GET /repos/{owner}/{repo}/branches/{branch}": "contents=read",
    "GET /repos/{owner}/{repo}/branches/{branch}/protection/required_status_checks": "administration=read",
    "GET /repos/{owner}/{repo}/commits": "contents=read",
    "GET /repos/{owner}/{repo}/releases/latest": "contents=read",
    "GET /repos/{owner}/{repo}/commits/{ref}": "contents=read",
    "GET /repos/{owner}/{repo}/compare/{basehead}": "contents=read",
    "GET /repos/{owner}/{repo}/contents/{path}": "contents=read",
    "GET /repos/{owner}/{repo}/git/blobs/{file_sha}": "contents=read",
    "GET /repos/{owner}/{repo}/git/commits/{commit_sha}": "contents=read",
    "GET /repos/{owner}/{repo}/codeowners/errors": "contents=read",
    "GET /repos/{owner}/{repo}/git/ref/{ref}": "contents=read",
    "GET /repos/{owner}/{repo}/git/matching-refs/{ref}": "contents=read",
    "POST /repos/{owner}/{repo}/git/refs": _CONTENTS_WRITE,
    "DELETE /repos/{owner}/{repo}/git/refs/{ref}": "contents=write",
    "PUT /repos/{owner}/{repo}/contents/{path}": _CONTENTS_WRITE,
    "POST /repos/{owner}/{repo}/dispatches": "contents=write",
    # Actions
    "GET /repos/{owner}/{repo}/actions/permissions": "administration=read",
    "PUT /repos/{owner}/{repo}/actions/permissions": "administration=write",
    "GET /repos/{owner}/{repo}/actions/permissions/selected-actions": "administration=read",
    "PUT /repos/{owner}/{repo}/actions/permissions/selected-actions": "administration=write",
    "GET /repos/{owner}/{repo}/actions/permissions/access": "administration=read",
    "PUT /repos/{owner}/{repo}/actions/permissions/access": "administration=write",
    "GET /repos/{owner}/{repo}/actions/permissions/fork-pr-contributor-approval": "administration=read",
    "GET /repos/{owner}/{repo}/actions/permissions/fork-pr-workflows-private-repos": "administration=read",
    "PUT /repos/{owner}/{repo}/actions/permissions/fork-pr-workflows-private-repos": "administration=write",
    "GET /repos/{owner}/{repo}/actions/permissions/workflow": "administration=read",
    "GET /repos/{owner}/{repo}/actions/secrets": "secrets=read",
    "GET /repos/{owner}/{repo}/actions/organization-secrets": "secrets=read",
    "GET /repos/{owner}/{repo}/actions/variables": "actions_variables=read",
    "POST /repos/{owner}/{repo}/actions/variables": "actions_variables=write",
    "GET /repos/{owner}/{repo}/actions/organization-variables": "actions_variables=read",
    "GET /repos/{owner}/{repo}/actions/workflows/{workflow_id}": "actions=read",
    "GET /repos/{owner}/{repo}/actions/workflows/{workflow_id}/runs": "actions=read",
    "PUT /repos/{owner}/{repo}/actions/workflows/{workflow_id}/enable": "actions=write",
    "GET /repos/{owner}/{repo}/actions/runs": "actions=read",
    "GET /repos/{owner}/{repo}/actions/runs/{run_id}": "actions=read",
    "GET /repos/{owner}/{repo}/actions/runs/{run_id}/attempts/{attempt_number}": "actions=read",
    "GET /repos/{owner}/{repo}/actions/runs/{run_id}/jobs": "actions=read",
    "GET /repos/{owner}/{repo}/actions/jobs/{job_id}": "actions=read",
    "POST /repos/{owner}/{repo}/actions/runs/{run_id}/cancel": "actions=write",
    "POST /repos/{owner}/{repo}/actions/runs/{run_id}/force-cancel": "actions=write",
    "GET /repos/{owner}/{repo}/environments/{environment_name}": "actions=read",
    "PUT /repos/{owner}/{repo}/environments/{environment_name}": "administration=write",
    "GET /repos/{owner}/{repo}/environments/{environment_name}/deployment-branch-policies": "actions=read",
    "POST /repos/{owner}/{repo}/environments/{environment_name}/deployment-branch-policies": "administration=write",
    # Checks, statuses, deployments
    "POST /repos/{owner}/{repo}/check-runs": "checks=write",
    "GET /repos/{owner}/{repo}/check-runs/{check_run_id}": "checks=read",
    "PATCH /repos/{owner}/{repo}/check-runs/{check_run_id}": "checks=write",
    "GET /repos/{owner}/{repo}/check-runs/{check_run_id}/annotations": "checks=read",
    "GET /repos/{owner}/{repo}/commits/{ref}/check-runs": "checks=read",
    "GET /repos/{owner}/{repo}/commits/{ref}/check-suites": "checks=read",
    "GET /repos/{owner}/{repo}/commits/{ref}/status": "statuses=read",
    "GET /repos/{owner}/{repo}/commits/{ref}/statuses": "statuses=read",
    "POST /repos/{owner}/{repo}/statuses/{sha}": "statuses=write",
    "GET /repos/{owner}/{repo}/deployments": "deployments=read",
    "POST /repos/{owner}/{repo}/deployments": "deployments=write",
    "GET /repos/{owner}/{repo}/deployments/{deployment_id}": "deployments=read",
    "GET /repos/{owner}/{repo}/deployments/{deployment_id}/statuses": "deployments=read",
    "POST /repos/{owner}/{repo}/deployments/{deployment_id}/statuses": "deployments=write",
    # Issues, and pull requests as issues
    "GET /repos/{owner}/{repo}/issues": "issues=read",
    "GET /repos/{owner}/{repo}/issues/{issue_number}": "issues=read",
    "GET /repos/{owner}/{repo}/issues/{issue_number}/comments": _ISSUES_READ,
    "POST /repos/{owner}/{repo}/issues/{issue_number}/comments": _ISSUES_WRITE,
    "GET /repos/{owner}/{repo}/issues/comments/{comment_id}": _ISSUES_READ,
    "PATCH /repos/{owner}/{repo}/issues/comments/{comment_id}": _ISSUES_WRITE,
    "DELETE /repos/{owner}/{repo}/issues/comments/{comment_id}": _ISSUES_WRITE,
    "GET /repos/{owner}/{repo}/issues/comments/{comment_id}/reactions": "issues=read",
    "POST /repos/{owner}/{repo}/issues/comments/{comment_id}/reactions": "issues=write",
    "DELETE /repos/{owner}/{repo}/issues/comments/{comment_id}/reactions/{reaction_id}": "issues=write",
    "GET /repos/{owner}/{repo}/issues/{issue_number}/reactions": "issues=read",
    "POST /repos/{owner}/{repo}/issues/{issue_number}/reactions": "issues=write",
    "DELETE /repos/{owner}/{repo}/issues/{issue_number}/reactions/{reaction_id}": "issues=write",
    "GET /repos/{owner}/{repo}/issues/{issue_number}/events": _ISSUES_READ,
    "GET /repos/{owner}/{repo}/issues/{issue_number}/timeline": _ISSUES_READ,
    "GET /repos/{owner}/{repo}/issues/{issue_number}/labels": _ISSUES_READ,
    "POST /repos/{owner}/{repo}/issues/{issue_number}/labels": _ISSUES_WRITE,
    "PUT /repos/{owner}/{repo}/issues/{issue_number}/labels": _ISSUES_WRITE,
    "DELETE /repos/{owner}/{repo}/issues/{issue_number}/labels/{name}": _ISSUES_WRITE,
    "GET /repos/{owner}/{repo}/labels": _ISSUES_READ,
    "POST /repos/{owner}/{repo}/labels": _ISSUES_WRITE,
    "GET /repos/{owner}/{repo}/labels/{name}": _ISSUES_READ,
    "PATCH /repos/{owner}/{repo}/labels/{name}": _ISSUES_WRITE,
    "DELETE /repos/{owner}/{repo}/labels/{name}": _ISSUES_WRITE,
    # Pull requests
    "GET /repos/{owner}/{repo}/pulls": "pull_requests=read",
    "POST /repos/{owner}/{repo}/pulls": "pull_requests=write",
    "GET /repos/{owner}/{repo}/pulls/{pull_number}": "pull_requests=read; contents=read",
    "PATCH /repos/{owner}/{repo}/pulls/{pull_number}": "pull_requests=write",
    "GET /repos/{owner}/{repo}/pulls/{pull_number}/commits": "pull_requests=read",
    "GET /repos/{owner}/{repo}/pulls/{pull_number}/files": "pull_requests=read; contents=read",
    "GET /repos/{owner}/{repo}/pulls/{pull_number}/reviews": "pull_requests=read",
    "POST /repos/{owner}/{repo}/pulls/{pull_number}/reviews": "pull_requests=write",
    "GET /repos/{owner}/{repo}/pulls/{pull_number}/comments": "pull_requests=read",
    "POST /repos/{owner}/{repo}/pulls/{pull_number}/comments/{comment_id}/replies": "pull_requests=write",
    "GET /repos/{owner}/{repo}/pulls/comments/{comment_id}": "pull_requests=read",
    "POST /repos/{owner}/{repo}/pulls/comments/{comment_id}/reactions": "pull_requests=write",
    "DELETE /repos/{owner}/{repo}/pulls/comments/{comment_id}/reactions/{reaction_id}": "pull_requests=write",
    "GET /repos/{owner}/{repo}/commits/{commit_sha}/pulls": "pull_requests=read",
}


@dataclass(frozen=True)
class Observation:
    """What GitHub is reported to ask for where that differs from what it publishes.

    `subject` limits it to pull requests or to issues that are none; empty means always.
    """

    permissions: str
    source: str
    subject: Literal["", "issue", "pull"] = ""


_REACTION = Observation(
    "pull_requests=write",
    # A reaction with `issues: write` alone is refused. With `pull-requests: write` alone it works: that is all that
    # https://github.com/github/branch-deploy asks for.
    "https://github.com/NOFireAI/ravel/pull/347, https://github.com/eneo-ai/eneo/pull/512",
    subject="pull",
)
OBSERVED: Mapping[str, Observation] = {
    "POST /repos/{owner}/{repo}/issues/comments/{comment_id}/reactions": _REACTION,
    "DELETE /repos/{owner}/{repo}/issues/comments/{comment_id}/reactions/{reaction_id}": _REACTION,
    "POST /repos/{owner}/{repo}/issues/{issue_number}/reactions": _REACTION,
    "DELETE /repos/{owner}/{repo}/issues/{issue_number}/reactions/{reaction_id}": _REACTION,
    # Also where a label is created because an issue or a pull request gets it: see `issues.py`.
    "POST /repos/{owner}/{repo}/labels": Observation("issues=write", "https://github.com/actions/labeler/issues/870"),
    "GET /repos/{owner}/{repo}/pulls/{pull_number}": Observation(
        "pull_requests=read", "a report of August 2023: a token with `contents: read` alone gets 403"
    ),
}

# What `permissions:` of a workflow can hold, in the names of the API. A job's token has nothing else, besides `metadata`:
# no members, no administration, no secrets, variables or environments.
JOB_PERMISSIONS = (
    "actions", "artifact_metadata", "attestations", "checks", "contents", "deployments", "discussions", "id_token", "issues",
    "models", "packages", "pages", "pull_requests", "repository_projects", "security_events", "statuses",
)  # fmt: skip
