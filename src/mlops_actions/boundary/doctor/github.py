"""GitHub by PyGithub's requester, and the credentials that a person has: `GH_TOKEN`, `GITHUB_TOKEN`, `gh auth token`."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mlops_actions.core.errors import BadInput, Unavailable
from mlops_actions.doctor.ports import ApiAnswer

GITHUB = "github.com"
_SECONDS = 10
_REMOTE = re.compile(r"(?:https?://|ssh://|git@)(?:[^@/]*@)?([^/:]+)(?::[0-9]+)?[/:]([^/]+/[^/]+?)(?:\.git)?/?")


class PyGithubApi:
    """Implements `doctor.ports.GitHubApi`."""

    def __init__(self, token: str, api_url: str) -> None:
        from github import Auth, Github

        client = Github(
            base_url=api_url,
            auth=Auth.Token(token),
            timeout=_SECONDS,
            retry=None,
            seconds_between_requests=None,
            seconds_between_writes=None,
        )
        self._requester = client.requester
        self._api_url = api_url

    def get(self, path: str, **query: str | int) -> ApiAnswer:
        """See the port."""
        return self._request("GET", path, query, None)

    def send(self, method: str, path: str, body: Mapping[str, Any]) -> ApiAnswer:
        """See the port."""
        return self._request(method, path, {}, dict(body))

    def _request(self, method: str, path: str, query: Mapping[str, str | int], body: dict[str, Any] | None) -> ApiAnswer:
        from github import GithubException

        try:
            status, headers, text = self._requester.requestJson(method, path, parameters=dict(query), input=body)
        except (GithubException, OSError, ValueError) as error:  # what requests raises is an OSError
            raise Unavailable(
                f"{self._api_url} gives no answer: {type(error).__name__}", f"curl -sSI {self._api_url}"
            ) from None
        try:
            document = json.loads(text) if text else None
        except ValueError:
            document = None
        if status == 200 and document is None:
            raise Unavailable(f"{self._api_url} sends no JSON, so it is not GitHub's API", "check GITHUB_API_URL")
        return ApiAnswer(status, document, {str(name).lower(): str(value) for name, value in headers.items()})


def token_of(environ: Mapping[str, str], host: str) -> str:
    """Return the token of the environment, else of the GitHub CLI; raises BadInput.

    `host` is the server's. As with the CLI, GH_TOKEN goes to github.com and to the server of GITHUB_API_URL alone: whoever
    gave a checkout its remote must not get the token.
    """
    is_trusted = host == GITHUB or bool(environ.get("GITHUB_API_URL"))
    for name in ("GH_TOKEN", "GITHUB_TOKEN") if is_trusted else ("GH_ENTERPRISE_TOKEN", "GITHUB_ENTERPRISE_TOKEN"):
        if token := environ.get(name, "").strip():
            return token
    if token := _output(["gh", "auth", "token", "--hostname", host]):
        return token
    names = "GH_TOKEN and GITHUB_TOKEN are" if is_trusted else "GH_ENTERPRISE_TOKEN is"
    raise BadInput(f"there is no token for {host}: {names} empty, and gh has none", f"gh auth login --hostname {host}")


def remote_of(directory: Path) -> tuple[str, str]:
    """Return host and `owner/name` of the checkout's remote `origin`; empty where there is none."""
    match = _REMOTE.fullmatch(_output(["git", "-C", str(directory), "remote", "get-url", "origin"]))
    return (match[1], match[2]) if match else ("", "")


def _output(command: list[str]) -> str:
    try:
        done = subprocess.run(  # noqa: S603 - a list of arguments, no shell
            command, capture_output=True, text=True, timeout=_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
