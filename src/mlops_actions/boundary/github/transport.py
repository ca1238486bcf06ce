"""Requests to GitHub through PyGithub's requester: retries, rate limits, pages, many at once.

PyGithub's own throttle and retries are off: the throttle sleeps between requests that may well go together, and its
retries wait without bound for a rate limit that ends in an hour.
"""

from __future__ import annotations

import json
import os
import queue
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from mlops_actions import __version__
from mlops_actions.boundary.github.failures import is_rate_limit, message_of, refusal
from mlops_actions.core.errors import Unavailable
from mlops_actions.core.ports import Log

if TYPE_CHECKING:
    from github.Auth import Auth
    from github.Requester import Requester

PAGE = 100
TIMEOUT = 15  # seconds without a byte
ATTEMPTS = 4
PATIENCE = 120.0  # seconds that one request may wait for rate limits in all
_SECONDARY_WAIT = 60.0  # GitHub asks for a minute where it gives no Retry-After
_MOST_PAGES = 300


class Transport:
    """One identity at one address. Safe to use from several threads: each request leases a requester of its own.

    (A PyGithub requester keeps the request under way in its connection, so two threads must not share one.)
    """

    def __init__(
        self,
        token: str,
        api_url: str,
        log: Log,
        *,
        auth: Auth | None = None,
        timeout: int = TIMEOUT,
        attempts: int = ATTEMPTS,
        patience: float = PATIENCE,
        backoff: float = 1.0,
    ) -> None:
        self.api_url = api_url
        self._token = token
        self._auth = auth
        self._log = log
        self._timeout = timeout
        self._attempts = attempts
        self._patience = patience
        self._backoff = backoff
        self._idle: queue.LifoQueue[Requester] = queue.LifoQueue()

    def get(self, path: str, *, needs: str = "", **parameters: str | int) -> Any:
        """GET and return the JSON of the answer."""
        return self.send("GET", path, needs=needs, parameters=parameters)[1]

    def pages(self, path: str, *, needs: str = "", key: str = "", **parameters: str | int) -> Iterator[dict[str, Any]]:
        """Yield the items of every page; `key` names the list where a page is an object."""
        following = path
        wanted: Mapping[str, str | int] = {"per_page": PAGE, **parameters}
        for _ in range(_MOST_PAGES):
            headers, page = self.send("GET", following, needs=needs, parameters=wanted)
            yield from page[key] if key else page
            following = _next_link(headers.get("link", ""))
            if not following:
                return
            wanted = {}

    def send(
        self,
        verb: str,
        path: str,
        *,
        needs: str = "",
        body: Mapping[str, Any] | None = None,
        parameters: Mapping[str, str | int] | None = None,
        repeatable: bool | None = None,
    ) -> tuple[Mapping[str, str], Any]:
        """Send a request; returns the headers (names in lower case) and the JSON of the answer.

        `repeatable` says whether it may be sent again after an answer got lost: by default all but POST. Raises
        GitHubRefused and Unavailable.
        """
        call = f"{verb} {path.partition('?')[0]}"
        again = verb != "POST" if repeatable is None else repeatable
        waited, failures = 0.0, 0
        while True:
            status, headers, text = self._once(verb, path, body, parameters)
            if 200 <= status < 300:
                return headers, _parsed(call, text)
            if is_rate_limit(status, headers, text):
                pause = _rate_pause(headers)
                waited += pause
                if waited > self._patience:
                    raise Unavailable(
                        f"GitHub's rate limit holds '{call}' up for {pause:.0f} s more",
                        f"run the job again later; this action waits {self._patience:.0f} s at most",
                    )
                self._log.info(f"GitHub's rate limit: waiting {pause:.0f} s before '{call}' ({message_of(text) or status})")
            elif status == 0 or status >= 500:
                failures += 1
                cause = text if status == 0 else f"GitHub answered {status} to '{call}'"
                # A connection that was never made carried nothing, so that even a POST may be tried again.
                if failures >= self._attempts or not (again or headers.get("unsent")):
                    raise Unavailable(cause, "look at https://www.githubstatus.com, and run the job again")
                pause = self._backoff * 2 ** (failures - 1)
                self._log.info(f"{cause}; trying again in {pause:.0f} s")
            else:
                raise refusal(call, status, headers, text, needs)
            time.sleep(pause)

    def _once(
        self, verb: str, path: str, body: Mapping[str, Any] | None, parameters: Mapping[str, str | int] | None
    ) -> tuple[int, Mapping[str, str], str]:
        """Send once; status 0 stands for a connection that failed, with the cause as the text."""
        from requests.exceptions import ConnectTimeout, RequestException, SSLError

        try:
            with self._lease() as requester:
                return requester.requestJson(verb, path, dict(parameters or {}), {}, body)
        except SSLError as error:
            raise Unavailable(
                f"the certificate of {self.api_url} is not trusted: {_innermost(error)}",
                "name the file of your certificate authority in REQUESTS_CA_BUNDLE, in the job's 'env:'",
            ) from None
        except RequestException as error:
            unsent = isinstance(error, ConnectTimeout) or "NewConnectionError" in repr(error)
            return 0, {"unsent": "true"} if unsent else {}, f"no answer from {self.api_url}: {_innermost(error)}"
        except RuntimeError as error:  # PyGithub: redirected to another host or protocol
            raise Unavailable(f"{self.api_url}: {error}", "check GITHUB_API_URL") from None

    @contextmanager
    def _lease(self) -> Iterator[Requester]:
        try:
            requester = self._idle.get_nowait()
        except queue.Empty:
            requester = self._make()
        try:
            yield requester
        finally:
            self._idle.put(requester)

    def _make(self) -> Requester:
        from github import Auth, Github

        return Github(
            auth=self._auth or Auth.Token(self._token),
            base_url=self.api_url,
            timeout=self._timeout,
            user_agent=f"mlops-actions/{__version__}",
            per_page=PAGE,
            verify=_authorities() or True,
            retry=None,
            seconds_between_requests=None,
            seconds_between_writes=None,
        ).requester


def _authorities() -> str:
    """Return the file of certificate authorities the environment names; requests itself does not know SSL_CERT_FILE."""
    names = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE")
    return next((os.environ[name] for name in names if os.environ.get(name)), "")


def _rate_pause(headers: Mapping[str, str]) -> float:
    """Seconds until GitHub serves again: `retry-after`, else the reset of an exhausted limit, else its advice."""
    after = headers.get("retry-after", "")
    if after.isdigit():
        return float(after)
    reset = headers.get("x-ratelimit-reset", "")
    if headers.get("x-ratelimit-remaining") == "0" and reset.isdigit():
        # A second more: it is not said when in that second the limit ends.
        return max(0.0, int(reset) - time.time()) + 1
    return _SECONDARY_WAIT


def _next_link(header: str) -> str:
    for link in header.split(","):
        address, _, kind = link.partition(";")
        if 'rel="next"' in kind:
            return address.strip().strip("<>")
    return ""


def _parsed(call: str, text: str) -> Any:
    if not text.strip():
        return None
    try:
        return json.loads(text)
    except ValueError:
        raise Unavailable(
            f"what answered '{call}' is not GitHub: it sent no JSON",
            "check GITHUB_API_URL and the proxy between the runner and GitHub",
        ) from None


def _innermost(error: BaseException) -> str:
    """Return the last words of a chain of wrapped errors, which name the cause."""
    reason = getattr(error.args[0], "reason", None) if error.args else None
    return str(reason or error).rpartition(">: ")[2]
