"""GitHub by PyGithub's requester, and the credentials that a person has: `GH_TOKEN`, `GITHUB_TOKEN`, `gh auth token`."""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from mlops_actions.boundary.doctor.github_shapes import shape_of
from mlops_actions.boundary.doctor.programs import output_of
from mlops_actions.boundary.doctor.remote import remote_of
from mlops_actions.boundary.github.app import AppKey
from mlops_actions.boundary.github.shapes import WrongShape
from mlops_actions.core import shell
from mlops_actions.core.errors import BadInput, Unavailable
from mlops_actions.core.github_cli import GITHUB, api_of, host_of
from mlops_actions.core.json_text import parse_json
from mlops_actions.doctor.job import is_job
from mlops_actions.doctor.ports import ApiAnswer, Endpoint

if TYPE_CHECKING:
    from github.Auth import Auth
    from github.Requester import Requester

_SECONDS = 10
# A fine-grained token has another underscore further on.
_KIND = re.compile(r"(?:gh[a-z]|github_pat)_")


class PyGithubApi:
    """Implements `doctor.ports.GitHubApi`. PyGithub's requester serves one thread, so each thread gets its own."""

    def __init__(self, authentication: Auth, api_url: str, token_prefix: str = "") -> None:
        self._authentication = authentication
        self._api_url = api_url
        self.endpoint = Endpoint(url=api_url)
        self._local = threading.local()
        self.token_prefix = token_prefix

    @classmethod
    def with_token(cls, token: str, api_url: str) -> PyGithubApi:
        """Return an API that asks with a person's token, or with a job's."""
        from github.Auth import Token

        kind = _KIND.match(token)
        return cls(Token(token), api_url, kind[0] if kind else "")

    @classmethod
    def as_app(cls, app_id: str, key: str, api_url: str) -> PyGithubApi:
        """Return an API that asks as a GitHub App; raises BadInput for a key that cannot sign."""
        from github.Auth import AppAuthToken

        return cls(AppAuthToken(AppKey(app_id, key).signed()), api_url)

    def _requester(self) -> Requester:
        if not hasattr(self._local, "requester"):
            from github import Github

            self._local.requester = Github(
                base_url=self._api_url,
                auth=self._authentication,
                timeout=_SECONDS,
                retry=None,
                seconds_between_requests=None,
                seconds_between_writes=None,
            ).requester
        requester: Requester = self._local.requester
        return requester

    def get(self, path: str, **query: str | int) -> ApiAnswer:
        """See the port."""
        return self._request("GET", path, query, None)

    def send(self, method: str, path: str, body: Mapping[str, Any]) -> ApiAnswer:
        """See the port."""
        return self._request(method, path, {}, dict(body))

    def _request(self, method: str, path: str, query: Mapping[str, str | int], body: dict[str, Any] | None) -> ApiAnswer:
        from github import GithubException

        call = f"{method} {self._api_url}{path}"
        try:
            status, headers, text = self._requester().requestJson(method, path, parameters=dict(query), input=body)
        # What requests raises is an OSError; PyGithub raises RuntimeError for a redirect to another host.
        except (GithubException, OSError, ValueError, RuntimeError) as error:
            text = f"no answer within {_SECONDS:g} s" if _is_timeout(error) else f"no answer: {type(error).__name__}"
            text = "the answer leads to another address" if type(error) is RuntimeError else text
            raise Unavailable(f"{call}: {text}", f"curl -sSI {shell.word(self._api_url)}") from None
        try:
            document = parse_json(text) if text else None
        except ValueError:
            document = None
        if status == 200 and document is None:
            raise Unavailable(f"{call}: the answer is no JSON, so this is not GitHub's API", "check GITHUB_API_URL")
        if status in (200, 201):
            try:
                shape_of(path)(document)
            except WrongShape as problem:
                raise Unavailable(f"{call}: the answer is not of GitHub's form: {problem}", "check GITHUB_API_URL") from None
        return ApiAnswer(status, document, {str(name).lower(): str(value) for name, value in headers.items()})


def _is_timeout(error: Exception) -> bool:
    from requests.exceptions import Timeout

    return isinstance(error, Timeout)


def token_of(environ: Mapping[str, str], host: str) -> str:
    """Return the token of the environment, else of the GitHub CLI; raises BadInput.

    `host` is the server's. As with the CLI, GH_TOKEN goes to github.com and to the server of GITHUB_API_URL alone: whoever
    gave a checkout its remote must not get the token.
    """
    is_trusted = host == GITHUB or bool(environ.get("GITHUB_API_URL"))
    for name in ("GH_TOKEN", "GITHUB_TOKEN") if is_trusted else ("GH_ENTERPRISE_TOKEN", "GITHUB_ENTERPRISE_TOKEN"):
        if token := environ.get(name, "").strip():
            return token
    if token := output_of(["gh", "auth", "token", "--hostname", host]):
        return token
    names = "GH_TOKEN and GITHUB_TOKEN are" if is_trusted else "GH_ENTERPRISE_TOKEN is"
    remedy = (
        "leave the input 'github-token' of actions/doctor out"
        if is_job(environ)
        else f"gh auth login --hostname {shell.word(host)}"
    )
    raise BadInput(f"there is no token for {host}: {names} empty, and gh has none", remedy)


def server_of(environ: Mapping[str, str], directory: Path) -> tuple[str, str]:
    """Return the host, as `gh` names it, and the address of the API.

    They are those of GITHUB_SERVER_URL and GITHUB_API_URL, as a job has them; else of the checkout's remote; else GitHub's.
    """
    address = environ.get("GITHUB_API_URL", "").rstrip("/")
    own = urlsplit(environ.get("GITHUB_SERVER_URL", "")).netloc
    host = own or (host_of(address) if address else remote_of(directory)[0]) or GITHUB
    return host, address or api_of(host)
