"""Explain GitHub's refusals: the refused call, the cause and the remedy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mlops_actions.core.errors import Refused
from mlops_actions.core.json_text import parse_json

_RATE_LIMIT_TEXTS = ("rate limit", "please wait a few minutes before you try again", "abuse detection")
_MAX_MESSAGE = 300
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


def refusal(call: str, status: int, headers: Mapping[str, str], body: str, needs: str) -> GitHubRefused:
    """Explain an answer of 4xx. `needs` is the `permissions:` line that the call needs, such as `issues: write`."""
    message = message_of(body)
    cause = f"GitHub refused '{call}' with {status}" + (f": {message}" if message else "")
    return GitHubRefused(status, cause, _remedy(status, headers, message=message, needs=needs))


def _remedy(status: int, headers: Mapping[str, str], message: str, needs: str) -> str:
    if status == 401:
        return "the token is wrong or has expired: check 'github-token' (by default the job's own token is used)"
    if _LOCKED_CHECK_RUN in message.lower():
        return (
            "GitHub lets only a GitHub App conclude this check run: create it as an App, by 'app-id' and 'app-private-key'"
        )
    if status == 403 and "locked" in message.lower():
        return "the conversation is locked: unlock it, or turn the reply off"
    if status == 403:
        accepted = _permissions_line(headers.get("x-accepted-github-permissions", "")) or needs
        if not accepted:
            return "the token may not do this: check the job's 'permissions:'"
        return f"the token may not do this: give the job 'permissions: {{ {accepted} }}'"
    if status in (404, 410):
        hint = f" (the job needs 'permissions: {{ {needs} }}')" if needs else ""
        return f"it does not exist, or the token may not see it{hint}"
    return "GitHub does not accept this request as it is: correct what its message names"


def _permissions_line(header: str) -> str:
    """Return the first alternative of a header as a workflow's `permissions:` line.

    The header separates alternatives by semicolons, and permissions that are needed together by commas:
    `issues=write; pull_requests=write`.
    https://docs.github.com/rest/authentication/permissions-required-for-github-apps
    """
    first = header.split(";")[0]
    pairs = [pair.strip().partition("=") for pair in first.split(",") if "=" in pair]
    # Every token may read metadata, and no workflow can ask for it.
    return ", ".join(f"{name.replace('_', '-')}: {level}" for name, _, level in pairs if name != "metadata")
