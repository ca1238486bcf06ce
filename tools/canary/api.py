"""GitHub's REST API, with the status of each answer."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

TIMEOUT = 60.0


class CanaryError(Exception):
    """A question could not be asked; the message says which call failed, and how."""


@dataclass(frozen=True)
class Answer:
    """The status of an answer, and its JSON (None where it has none)."""

    status: int
    document: Any = None

    @property
    def succeeded(self) -> bool:
        """Whether the status is one of 200 to 299."""
        return 200 <= self.status < 300


class Api:
    """The API of one repository with one token, as a workflow's environment names it."""

    def __init__(self, environ: Mapping[str, str], token: str) -> None:
        self._url = f"{environ['GITHUB_API_URL']}/repos/{environ['GITHUB_REPOSITORY']}"
        self._token = token

    def send(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Answer:
        """Send a request to a path below the repository; raises CanaryError without an answer."""
        request = urllib.request.Request(
            f"{self._url}{path}",
            data=None if body is None else json.dumps(body).encode(),
            method=method,
            headers={
                "Accept": "application/vnd.github+json",
                "Authorization": f"Bearer {self._token}",
                "Content-Type": "application/json",
                "User-Agent": "mlops-actions-canary",
                "X-GitHub-Api-Version": "2022-11-28",
            },
        )
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT) as response:
                return Answer(response.status, _json(response.read()))
        except urllib.error.HTTPError as error:
            return Answer(error.code, _json(error.read()))
        except OSError as error:
            raise CanaryError(f"{method} {path} got no answer: {error}") from error

    def must(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """Send a request whose success the canary needs; returns its JSON. Raises CanaryError."""
        answer = self.send(method, path, body)
        if not answer.succeeded:
            message = answer.document.get("message") if isinstance(answer.document, dict) else None
            raise CanaryError(f"{method} {path} was answered with {answer.status}: {message or 'no message'}")
        return answer.document


def _json(data: bytes) -> Any:
    try:
        return json.loads(data)
    except ValueError:
        return None
