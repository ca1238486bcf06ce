"""GitHub's refusals in words: what was refused, why, and what would grant it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from mlops_actions.core.errors import Refused

_RATE_WORDS = ("rate limit", "please wait a few minutes before you try again", "abuse detection")
_LONGEST = 300


class GitHubRefused(Refused):
    """GitHub answered, and said no. `status` is the HTTP status."""

    def __init__(self, status: int, cause: str, remedy: str) -> None:
        super().__init__(cause, remedy)
        self.status = status


def message_of(body: str) -> str:
    """Return GitHub's own words of an answer, on one line; empty where it is not GitHub's JSON."""
    try:
        document = json.loads(body)
    except ValueError:
        return ""
    if not isinstance(document, Mapping):
        return ""
    errors = document.get("errors")
    details = [_detail(entry) for entry in errors] if isinstance(errors, list) else []
    words = [str(document.get("message") or ""), *details]
    return " ".join(" · ".join(word for word in words if word).split())[:_LONGEST]


def _detail(entry: Any) -> str:
    if not isinstance(entry, Mapping):
        return str(entry)
    if entry.get("message"):
        return str(entry["message"])
    return " ".join(str(entry[key]) for key in ("resource", "field", "code") if entry.get(key))


def is_rate_limit(status: int, headers: Mapping[str, str], body: str) -> bool:
    """Tell a rate limit from a lack of rights: GitHub answers 403 for both.

    https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api
    """
    if status == 429:
        return True
    if status != 403:
        return False
    if "retry-after" in headers or headers.get("x-ratelimit-remaining") == "0":
        return True
    return any(words in message_of(body).lower() for words in _RATE_WORDS)


def refusal(call: str, status: int, headers: Mapping[str, str], body: str, needs: str) -> GitHubRefused:
    """Explain an answer of 4xx. `needs` is the `permissions:` line that the call wants, such as `issues: write`."""
    said = message_of(body)
    words = f"GitHub refused '{call}' with {status}" + (f": {said}" if said else "")
    if status == 401:
        return GitHubRefused(
            status, words, "the token is wrong or has expired: check 'github-token' (by default the job's own is used)"
        )
    if status == 403:
        if "locked" in said.lower():
            return GitHubRefused(status, words, "the conversation is locked: unlock it, or turn the reply off")
        granted = _lines(headers.get("x-accepted-github-permissions", "")) or needs
        return GitHubRefused(
            status,
            words,
            f"the token may not do this: give the job 'permissions: {{ {granted} }}'"
            if granted
            else "the token may not do this: check the job's 'permissions:'",
        )
    if status in (404, 410):
        return GitHubRefused(
            status,
            words,
            "it does not exist, or the token may not see it"
            + (f" (the job needs 'permissions: {{ {needs} }}')" if needs else ""),
        )
    return GitHubRefused(status, words, "GitHub does not accept this request as it is: correct what its message names")


def _lines(header: str) -> str:
    """Spell `issues=write; pull_requests=write` (alternatives; commas join what is needed together) as a workflow does.

    https://docs.github.com/rest/authentication/permissions-required-for-github-apps
    """
    first = header.split(";")[0]
    pairs = [pair.strip().partition("=") for pair in first.split(",") if "=" in pair]
    # Every token may read metadata, and no workflow can ask for it.
    return ", ".join(f"{name.replace('_', '-')}: {level}" for name, _, level in pairs if name != "metadata")
