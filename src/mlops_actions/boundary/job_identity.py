"""The identity token of this job, which GitHub signs for one audience, so that other systems need no stored key of it.

https://docs.github.com/actions/reference/security/oidc. The runner passes both variables to a job with `id-token: write`
alone, to its container actions too. The token lives for minutes, so each use asks for a fresh one.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from urllib.parse import quote, urlsplit

from urllib3.exceptions import HTTPError

from mlops_actions.boundary.http import HttpClient, Limits, RefusedRedirect, is_loopback
from mlops_actions.boundary.retry import TRANSIENT, Answer, Retry, RetryPolicy, reason_of
from mlops_actions.core.errors import BadInput, Refused, Unavailable
from mlops_actions.core.ports import Log

URL, TOKEN = "ACTIONS_ID_TOKEN_REQUEST_URL", "ACTIONS_ID_TOKEN_REQUEST_TOKEN"
_LIMITS = Limits(max_bytes=1_000_000, max_seconds=60.0)
_PERMISSION = (
    "add to the job: `permissions: id-token: write` (beside what it has, such as `contents: read`); "
    "GitHub gives no identity token to a `pull_request` event from a fork"
)


class JobIdentity:
    """Asks GitHub for identity tokens of this job. Each token is masked."""

    def __init__(self, environ: Mapping[str, str], log: Log, pause: Callable[[float], None] = time.sleep) -> None:
        self._environ = environ
        self._log = log
        self._pause = pause

    @property
    def is_granted(self) -> bool:
        """Whether this job may ask for an identity token."""
        return bool(self._environ.get(URL) and self._environ.get(TOKEN))

    def token(self, audience: str) -> str:
        """Return a fresh token for an audience; raises BadInput, Refused, Unavailable."""
        url = self._environ.get(URL, "")
        if not self.is_granted:
            raise BadInput("this job may not ask GitHub for an identity token", _PERMISSION)
        if urlsplit(url).scheme != "https" and not is_loopback(urlsplit(url).netloc):
            raise BadInput(f"the variable {URL} is no https address", "leave this variable as GitHub's runner sets it")
        self._log.mask(self._environ[TOKEN])
        answer = self._answer(f"{url}{'&' if '?' in url else '?'}audience={quote(audience, safe='')}", url)
        if answer.status in (401, 403):
            raise Refused(f"GitHub answered {answer.status} to the request for this job's identity token", _PERMISSION)
        if answer.status != 200:
            raise Unavailable(
                f"GitHub answered {answer.status} to the request for this job's identity token",
                "see https://www.githubstatus.com, then run the job again",
            )
        try:
            document = answer.json
        except ValueError:
            document = None
        token = document.get("value") if isinstance(document, dict) else None
        # Three parts of base64url: what else there may be is no token, and could start another header.
        if not isinstance(token, str) or token.count(".") != 2 or not token.isascii() or not token.isprintable():
            raise Unavailable(f"what answers at {urlsplit(url).netloc} sent no identity token", "check the proxy on the way")
        self._log.mask(token)
        return token

    def _answer(self, address: str, url: str) -> Answer:
        policy = RetryPolicy("GitHub's token service", attempts=4, statuses=TRANSIENT, pause=self._pause)
        headers = {"Accept": "application/json", "Authorization": f"Bearer {self._environ[TOKEN]}"}
        try:
            client = HttpClient(self._log, environ=self._environ)
            return client.send("GET", address, headers=headers, retry=Retry.under(policy), limits=_LIMITS)
        except (HTTPError, RefusedRedirect, OSError, ValueError) as error:
            raise Unavailable(
                f"GitHub's token service at {urlsplit(url).netloc} cannot be reached: {reason_of(error)}",
                "check the network and the proxy of this runner",
            ) from None
