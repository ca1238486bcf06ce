"""Requests to GitHub: retries, rate limits, pages, many at once.

On urllib3 and not through PyGithub's requester: to import that takes longer than all the requests of a command do, it
carries one request at a time, and it waits for a rate limit without bound. What is tried again is decided here.
"""

from __future__ import annotations

import json
import os
import time
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlencode, urljoin, urlsplit

import urllib3
from urllib3.exceptions import ConnectTimeoutError, HTTPError, NewConnectionError, SSLError

from mlops_actions import __version__
from mlops_actions.boundary.github.failures import is_rate_limit, message_of, refusal
from mlops_actions.core.errors import Unavailable
from mlops_actions.core.ports import Log

PAGE = 100
_SECONDARY_WAIT = 60.0  # GitHub asks for a minute where it gives no Retry-After
_MOST_PAGES = 300
_MOST_REDIRECTS = 3
_REDIRECTS = (301, 302, 307, 308)
_AT_ONCE = 16
_HEADERS = {
    "Accept": "application/vnd.github+json",
    "Accept-Encoding": "gzip",
    "User-Agent": f"mlops-actions/{__version__}",
    "X-GitHub-Api-Version": "2022-11-28",
}


@dataclass(frozen=True)
class Pace:
    """How long to wait, in seconds: without a byte, before the second of so many attempts, and for rate limits in all."""

    timeout: float = 15.0
    attempts: int = 4
    backoff: float = 1.0
    patience: float = 120.0


PACE = Pace()


class Transport:
    """One identity at one address. Safe to use from several threads."""

    def __init__(self, token: str, api_url: str, log: Log, *, pace: Pace | None = None) -> None:
        self.api_url = api_url
        self._headers = {**_HEADERS, "Authorization": f"Bearer {token}"}
        self._log = log
        self._pace = pace or PACE
        self._pool = _pool(api_url, self._pace.timeout)

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
                if waited > self._pace.patience:
                    raise Unavailable(
                        f"GitHub's rate limit holds '{call}' up for {pause:.0f} s more",
                        f"run the job again later; this action waits {self._pace.patience:.0f} s at most",
                    )
                self._log.info(f"GitHub's rate limit: waiting {pause:.0f} s before '{call}' ({message_of(text) or status})")
            elif status == 0 or status >= 500:
                failures += 1
                cause = text if status == 0 else f"GitHub answered {status} to '{call}'"
                # A connection that was never made carried nothing, so that even a POST may be tried again.
                if failures >= self._pace.attempts or not (again or headers.get("unsent")):
                    raise Unavailable(cause, "look at https://www.githubstatus.com, and run the job again")
                pause = self._pace.backoff * 2 ** (failures - 1)
                self._log.info(f"{cause}; trying again in {pause:.0f} s")
            else:
                raise refusal(call, status, headers, text, needs)
            time.sleep(pause)

    def _once(
        self, verb: str, path: str, body: Mapping[str, Any] | None, parameters: Mapping[str, str | int] | None
    ) -> tuple[int, Mapping[str, str], str]:
        """Send once; status 0 stands for a connection that failed, with the cause as the text."""
        url = path if path.startswith("http") else self.api_url + path
        if parameters:
            url += f"?{urlencode(parameters)}"
        try:
            for _ in range(_MOST_REDIRECTS):
                # The token goes to this one origin, whatever a page's link or a redirect names.
                if _origin(url) != _origin(self.api_url):
                    raise Unavailable(f"{self.api_url} refers to another address, {_origin(url)}", "check GITHUB_API_URL")
                response = self._pool.request(verb, url, json=body, headers=self._headers, retries=False, redirect=False)
                following = response.headers.get("location", "")
                if response.status not in _REDIRECTS or not following:
                    break
                url = urljoin(url, following)  # a repository that was renamed
        except SSLError as error:
            raise Unavailable(
                f"the certificate of {self.api_url} is not trusted: {_innermost(error)}",
                "name the file of your certificate authority in REQUESTS_CA_BUNDLE, in the job's 'env:'",
            ) from None
        except HTTPError as error:
            unsent = isinstance(error, ConnectTimeoutError | NewConnectionError)
            return 0, {"unsent": "true"} if unsent else {}, f"no answer from {self.api_url}: {_innermost(error)}"
        headers = {name.lower(): value for name, value in response.headers.items()}
        return response.status, headers, response.data.decode(errors="replace")


def _pool(url: str, timeout: float) -> urllib3.PoolManager:
    """Connect directly, or through the proxy the environment names; a private certificate authority is honoured."""
    names = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE")
    options: dict[str, Any] = {
        "ca_certs": next((os.environ[name] for name in names if os.environ.get(name)), None),
        "maxsize": _AT_ONCE,
        "timeout": urllib3.Timeout(connect=timeout, read=timeout),
    }
    parts = urlsplit(url)
    proxy = urllib.request.getproxies().get(parts.scheme, "")
    if proxy and not urllib.request.proxy_bypass(parts.netloc):
        user, _, _ = urlsplit(proxy).netloc.rpartition("@")
        if user:
            options["proxy_headers"] = urllib3.make_headers(proxy_basic_auth=unquote(user))
        return urllib3.ProxyManager(proxy, **options)
    return urllib3.PoolManager(**options)


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


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
    """Return the last words of an error, which name the cause (urllib3 begins with the connection's repr)."""
    return str(error).rpartition(">: ")[2].rpartition("): ")[2]
