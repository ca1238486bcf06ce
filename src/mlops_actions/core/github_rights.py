"""Which line of a workflow's `permissions:` each call to GitHub takes, so that a refusal can name it.

The calls are about pull requests. GitHub takes most of them as calls about issues, and lists `issues` as an alternative,
often as the first one or the only one; for a pull request `pull-requests` is what grants them.
https://docs.github.com/rest/authentication/permissions-required-for-github-apps
"""

from __future__ import annotations

import re
from functools import cache

# A permission of the organisation. A GitHub App can be granted it; no line of `permissions:` gives it to a job.
MEMBERS = "members: read"
# Creating a label takes more than adding one that exists. https://github.com/actions/labeler/issues/870
LABEL_CREATION = "issues: write"
# No call to the REST API: ghcr.io takes the job's token for a push.
PACKAGES = "packages: write"
# Nor is this one: the runner gives a job with it the address of its identity token.
IDENTITY = "id-token: write"

# By call; `*` is one part of the path, `**` the rest. The first that matches counts.
RIGHTS: tuple[tuple[str, str], ...] = (
    ("GET /orgs/*/teams/**", MEMBERS),
    ("GET /repos/*/*/commits/*/pulls", "pull-requests: read"),
    ("GET /repos/*/*/pulls**", "pull-requests: read"),
    # Comments are listed only to find the one that is written.
    ("GET /repos/*/*/issues/*/comments", "pull-requests: write"),
    ("GET /repos/*/*/issues/**", "pull-requests: read"),
    ("GET /repos/*/*/labels**", "pull-requests: read"),
    ("* /repos/*/*/pulls/**", "pull-requests: write"),
    ("* /repos/*/*/issues/**", "pull-requests: write"),
    ("* /repos/*/*/labels**", LABEL_CREATION),
    ("GET /repos/*/*/commits/*/check-runs", "checks: read"),
    ("GET /repos/*/*/commits/*/check-suites", "checks: read"),
    ("GET /repos/*/*/check-runs/**", "checks: read"),
    ("* /repos/*/*/check-runs**", "checks: write"),
    ("GET /repos/*/*/commits/*/status", "statuses: read"),
    ("GET /repos/*/*/commits/*/statuses", "statuses: read"),
    ("GET /repos/*/*/deployments**", "deployments: read"),
    ("* /repos/*/*/deployments**", "deployments: write"),
    ("GET /repos/*/*/actions/**", "actions: read"),
    ("POST /repos/*/*/actions/runs/*/cancel", "actions: write"),
    ("GET /repos/*/*/activity", "contents: read"),
    ("GET /repos/*/*/branches/*", "contents: read"),
    ("GET /repos/*/*/commits", "contents: read"),
    ("GET /repos/*/*/compare/**", "contents: read"),
    ("GET /repos/*/*/contents/**", "contents: read"),
    ("GET /repos/*/*/git/blobs/*", "contents: read"),
    ("GET /repos/*/*/git/matching-refs/**", "contents: read"),
)


def right_for(call: str) -> str:
    """Return the line for a call such as `GET /repos/octo-org/digits/pulls/1`, e.g. `pull-requests: read`.

    Empty where every token may make it, as far as this suite knows.
    """
    return next((right for pattern, right in _compiled() if pattern.fullmatch(call)), "")


@cache
def _compiled() -> tuple[tuple[re.Pattern[str], str], ...]:
    parts = {"**": ".*", "*": "[^/ ]+"}
    return tuple(
        (re.compile("".join(parts.get(part, re.escape(part)) for part in re.split(r"(\*\*|\*)", pattern))), right)
        for pattern, right in RIGHTS
    )
