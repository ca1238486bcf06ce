"""Explain GitHub's refusals: the refused call, the cause and the remedy."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from mlops_actions.core import github_cli, shell
from mlops_actions.core.errors import Refused
from mlops_actions.core.github_rights import LABEL_CREATION, MEMBERS, right_for
from mlops_actions.core.json_text import parse_json

_RATE_LIMIT_TEXTS = ("rate limit", "please wait a few minutes before you try again", "abuse detection")
_MAX_MESSAGE = 300
_PERMISSION = re.compile(r"\b([a-z_]{1,50})=(read|write|admin)\b")
_DETAIL_KEYS = ("resource", "field", "code")
# Since 2025-03-31 GitHub refuses the job's token the status of check runs of GitHub Actions.
# https://github.blog/changelog/2025-02-12-notice-of-upcoming-deprecations-and-breaking-changes-for-github-actions/
_LOCKED_CHECK_RUN = "only be updated internally by github actions"


class GitHubRefused(Refused):
    """GitHub refused a call; `status` is the HTTP status."""

    def __init__(self, status: int, cause: str, remedy: str) -> None:
        super().__init__(cause, remedy)
        self.status = status


def message_of(body: str) -> str:
    """Return the message in GitHub's answer, on one line; empty where the answer is not GitHub's JSON."""
    try:
        document = parse_json(body)
    except ValueError:
        return ""
    if not isinstance(document, Mapping):
        return ""
    errors = document.get("errors")
    details = [_detail(entry) for entry in errors] if isinstance(errors, list) else []
    parts = [_text(document.get("message")), *details]
    return " ".join(" · ".join(part for part in parts if part).split())[:_MAX_MESSAGE]


def _detail(entry: Any) -> str:
    if not isinstance(entry, Mapping):
        return _text(entry)
    return _text(entry.get("message")) or " ".join(filter(None, (_text(entry.get(key)) for key in _DETAIL_KEYS)))


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def is_rate_limit(status: int, headers: Mapping[str, str], body: str) -> bool:
    """Return whether the answer is a rate limit; GitHub answers 403 to missing permissions too.

    https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api
    """
    if status == 429:
        return True
    if status != 403:
        return False
    if "retry-after" in headers or headers.get("x-ratelimit-remaining") == "0":
        return True
    return any(text in message_of(body).lower() for text in _RATE_LIMIT_TEXTS)


def refusal(call: str, status: int, headers: Mapping[str, str], body: str, *, as_app: bool = False) -> GitHubRefused:
    """Explain an answer of 4xx. `as_app` says that a GitHub App's token was refused, not the job's own."""
    message = message_of(body)
    cause = f"GitHub refused '{call}' with {status}" + (f": {message}" if message else "")
    return GitHubRefused(status, cause, _remedy(call, status, headers=headers, message=message, as_app=as_app))


def _remedy(call: str, status: int, headers: Mapping[str, str], message: str, *, as_app: bool) -> str:
    if status == 401:
        return "the token is wrong or has expired: check 'github-token' (by default the job's own token is used)"
    if _LOCKED_CHECK_RUN in message.lower():
        return (
            "GitHub lets only a GitHub App conclude this check run: create it as an App, by 'app-id' and 'app-private-key'"
        )
    if status == 403 and "locked" in message.lower():
        return "the conversation is locked: unlock it, or turn the reply off"
    right = right_for(call)
    if status == 403:
        return f"the token may not do this: {_grant(right, as_app=as_app)}{_named_by_github(headers, right)}"
    if status in (404, 410):
        hint = f" ({_grant(right, as_app=as_app)})" if right else ""
        return f"it does not exist, or the token may not see it{hint}"
    return "GitHub does not accept this request as it is: correct what its message names"


def label_refusal(
    refused: GitHubRefused, labels: Sequence[str], repository: str, host: str, *, as_app: bool
) -> GitHubRefused:
    """Explain that a label was not added because it had to be created first; return any other refusal as it is.

    `host` is the server, as `gh` names it.

    https://github.com/actions/labeler/issues/870
    """
    if refused.status != 403 or "create labels" not in refused.cause:
        return refused
    commands = " && ".join(f"gh label create {shell.word(label)} {github_cli.flag(repository, host)}" for label in labels)
    return GitHubRefused(
        refused.status, refused.cause, f"create the label once: {commands}; or {_grant(LABEL_CREATION, as_app=as_app)}"
    )


def hidden_app(slug: str) -> GitHubRefused:
    """Explain that GitHub does not show the App whose status a required check needs."""
    return GitHubRefused(
        404,
        f"GitHub refused 'GET /apps/{slug}' with 404: the App does not exist, or is private",
        "make the App public; or let the branch take the check from any source; or leave the check out by 'ignored-checks' "
        "and name it in 'require-checks', which takes it from anybody",
    )


def _grant(right: str, *, as_app: bool) -> str:
    """Return what to do so that a call's token has the right."""
    if right == MEMBERS and not as_app:
        return (
            "a job's own token never sees an organisation's members: give the step 'app-id' and 'app-private-key' of a "
            f"GitHub App with the permission '{MEMBERS}'"
        )
    if as_app:
        permission = f"'{right.replace('-', '_')}'" if right else "the permission"
        return f"give the GitHub App {permission} in its settings, and accept it for the installation"
    if not right:
        return "check the job's 'permissions:'"
    return f"give the job 'permissions: {{ {right} }}'"


def _named_by_github(headers: Mapping[str, str], right: str) -> str:
    """Return what GitHub's answer adds to what is known of the call: permissions that it names instead.

    The header separates alternatives by semicolons, and permissions that are needed together by commas:
    `issues=write; pull_requests=write`. The first alternative is often not the one for a pull request, and for some calls
    the right one is missing.
    https://docs.github.com/rest/using-the-rest-api/troubleshooting-the-rest-api
    """
    header = headers.get("x-accepted-github-permissions", "")
    alternatives = [_PERMISSION.findall(alternative) for alternative in header.split(";")]
    # Every token may read metadata, and no workflow can ask for it.
    lines = [
        ", ".join(f"{name.replace('_', '-')}: {level}" for name, level in alternative if name != "metadata")
        for alternative in alternatives
    ]
    if not any(lines) or right in lines:
        return ""
    return f" (GitHub's answer names {' or '.join(repr(line) for line in lines if line)})"
