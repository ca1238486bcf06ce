"""Requests to GitHub: rate limits, pages, error texts.

On urllib3 and not through PyGithub's requester: to import that takes longer than all the requests of a command do, it
carries one request at a time, and it waits for a rate limit without bound.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode

from urllib3.exceptions import HTTPError, SSLError

from mlops_actions.boundary.github.failures import is_rate_limit, message_of, refusal
from mlops_actions.boundary.github.shapes import Shape, WrongShape, listing, record
from mlops_actions.boundary.http import REDIRECTS, HttpClient, Limits, Redirects, RefusedRedirect, origin, same_origin
from mlops_actions.boundary.retry import Answer, Retry, RetryPolicy, reason_of, seconds
from mlops_actions.core.errors import Unavailable
from mlops_actions.core.ports import Log

PAGE = 100
_SECONDARY_WAIT = 60.0  # GitHub asks for a minute where it gives no Retry-After
_MAX_PAGES = 300
_REDIRECTS = Redirects(limit=2, methods=frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"}))
NOT_GITHUB = "check GITHUB_API_URL and the proxy between the runner and GitHub"
_SERVER_ERRORS = frozenset(range(500, 600))
_HEADERS = {
    "Accept": "application/vnd.github+json",
    "Accept-Encoding": "gzip",
    "X-GitHub-Api-Version": "2022-11-28",
}


@dataclass(frozen=True)
class Pace:
    """Limits of waiting, in seconds: `timeout` without a byte, `backoff` before the second attempt, `patience` in all.

    `pause` is the time before what several runs write at once is read again: longer than another run takes to write it.
    """

    timeout: float = 15.0
    attempts: int = 4
    backoff: float = 1.0
    patience: float = 120.0
    pause: float = 2.0


PACE = Pace()


class GitHubRetry(Retry):
    """Waits for rate limits as GitHub documents them; such a wait uses up no attempt."""

    def is_transient(self, answer: Answer) -> bool:
        """Count rate limits too, which GitHub also answers with 403."""
        return self.is_limit(answer) or super().is_transient(answer)

    def is_limit(self, answer: Answer) -> bool:
        """Return whether the answer is a rate limit, not a missing permission."""
        return is_rate_limit(answer.status, _lower(answer), answer.text)

    def requested_wait(self, answer: Answer) -> float | None:
        """Return the wait of a rate limit; a server error has none."""
        return self.rate_wait(answer) if self.is_limit(answer) else None

    def rate_wait(self, answer: Answer) -> float:
        """Return the seconds until GitHub serves again: `Retry-After`, else the limit's reset, else GitHub's advice."""
        retry_after = self.get_retry_after(answer.response)
        if retry_after is not None:
            return retry_after
        reset = answer.header("x-ratelimit-reset")
        if answer.header("x-ratelimit-remaining") == "0" and reset.isascii() and reset.isdigit():
            # A second more: GitHub does not tell when in that second the limit ends.
            return max(0.0, float(reset) - time.time()) + 1
        return _SECONDARY_WAIT

    def announce(self, answer: Answer | None, failure: Exception | None, wait: float) -> str:
        """Return the log line of a wait."""
        if answer is None or not self.is_limit(answer):
            return f"{self.describe(answer, failure)}; trying again in {seconds(wait)}"
        cause = message_of(answer.text) or answer.status
        return f"GitHub's rate limit: waiting {seconds(wait)} before '{self.policy.call}' ({cause})"

    def describe(self, answer: Answer | None, failure: Exception | None) -> str:
        """Return the cause of another attempt."""
        if answer is not None:
            return f"GitHub answered {answer.status} to '{self.policy.call}'"
        cause = f": {reason_of(failure)}" if failure else ""
        return f"no answer from {self.policy.service} to '{self.policy.call}'{cause}"


class GitHubTransport:
    """One identity at one address. Safe to use from several threads.

    `as_app` says that the token is a GitHub App's and not the job's own, for the remedy of a refusal.
    """

    def __init__(self, token: str, api_url: str, log: Log, *, as_app: bool = False, pace: Pace | None = None) -> None:
        self.api_url = api_url
        self.as_app = as_app
        self.log = log
        self._headers = {**_HEADERS, "Authorization": f"Bearer {token}"}
        pace = pace or PACE
        self.pause = pace.pause
        self._limits = Limits(connect=pace.timeout, silence=pace.timeout)
        self._policy = RetryPolicy(
            api_url, attempts=pace.attempts, backoff=pace.backoff, max_wait=float("inf"), patience=pace.patience
        )
        self._client = HttpClient(log)

    def get(self, path: str, shape: Shape, **parameters: str | int) -> Any:
        """GET and return the JSON of the answer, which has the shape."""
        return self.send("GET", path, shape, parameters=parameters)[1]

    def pages(self, path: str, shape: Shape, *, key: str = "", **parameters: str | int) -> Iterator[dict[str, Any]]:
        """Yield the items of every page, each of the shape; `key` names the list where a page is an object."""
        page_shape = record(**{key: listing(shape)}) if key else listing(shape)
        next_path = path
        query: Mapping[str, str | int] = {"per_page": PAGE, **parameters}
        for _ in range(_MAX_PAGES):
            headers, page = self.send("GET", next_path, page_shape, parameters=query)
            yield from page[key] if key else page
            next_path = _link(headers.get("link", ""), "next")
            if not next_path:
                return
            query = {}
        # A part of a list is no answer: what is missing could be what forbids the command.
        raise Unavailable(f"the answer to 'GET {path}' has more than {_MAX_PAGES} pages", NOT_GITHUB)

    def newest_first(self, path: str, shape: Shape) -> Iterator[dict[str, Any]]:
        """Yield the items of a list that GitHub only gives from the oldest to the newest, from its last item on.

        A list of one page takes one request; of a longer one the first page is read, and then the last ones.
        """
        page_shape = listing(shape)
        headers, items = self.send("GET", path, page_shape, parameters={"per_page": PAGE})
        links = headers.get("link", "")
        for _ in range(_MAX_PAGES):
            if not (last := _link(links, "next") and _link(links, "last")):
                break
            # Where the list has grown meanwhile, its last page is another one.
            headers, items = self.send("GET", last, page_shape)
            links = headers.get("link", "")
        else:
            raise Unavailable(f"the answer to 'GET {path}' has no last page", NOT_GITHUB)
        for _ in range(_MAX_PAGES):
            yield from reversed(items)
            previous = _link(links, "prev")
            if not previous:
                return
            headers, items = self.send("GET", previous, page_shape)
            links = headers.get("link", "")
        raise Unavailable(f"the answer to 'GET {path}' has more than {_MAX_PAGES} pages", NOT_GITHUB)

    def send(
        self,
        method: str,
        path: str,
        shape: Shape,
        *,
        body: Mapping[str, Any] | None = None,
        parameters: Mapping[str, str | int] | None = None,
        repeatable: bool | None = None,
    ) -> tuple[Mapping[str, str], Any]:
        """Send a request; returns the headers (names in lower case) and the JSON of the answer, which has the shape.

        An answer without a body is null. `repeatable` says whether it may be sent again after an answer got lost: by
        default all but POST. Raises GitHubRefused and Unavailable.
        """
        url = path if path.startswith("http") else self.api_url + path
        if parameters:
            url += f"?{urlencode(parameters)}"
        may_repeat = method != "POST" if repeatable is None else repeatable
        call = f"{method} {path.removeprefix(self.api_url).partition('?')[0]}"
        statuses = _SERVER_ERRORS if may_repeat else frozenset()
        retry = GitHubRetry.under(replace(self._policy, call=call, repeatable=may_repeat, statuses=statuses))
        answer = self._answer(method, url, body=body, retry=retry)
        if 200 <= answer.status < 300:
            return _lower(answer), _document(call, answer, shape)
        if retry.is_limit(answer):
            raise Unavailable(
                f"GitHub's rate limit holds '{call}' up for {retry.rate_wait(answer):.0f} s more",
                f"run the job again later; this action waits {self._policy.patience:.0f} s at most",
            )
        if answer.status >= 500:
            raise _unavailable(retry.describe(answer, None))
        if answer.status in REDIRECTS:
            raise Unavailable(f"GitHub answered {answer.status} to '{call}', a redirect that leads nowhere", NOT_GITHUB)
        raise refusal(call, answer.status, headers=_lower(answer), body=answer.text, as_app=self.as_app)

    def _answer(self, method: str, url: str, body: Mapping[str, Any] | None, retry: GitHubRetry) -> Answer:
        # The token goes to this one origin, whatever a page's link or a redirect names.
        if not same_origin(url, self.api_url):
            raise _elsewhere(retry.policy.call, url)
        headers = self._headers if body is None else {**self._headers, "Content-Type": "application/json"}
        data = None if body is None else json.dumps(body).encode()
        try:
            return self._client.send(
                method, url, headers=headers, body=data, retry=retry, limits=self._limits, redirects=_REDIRECTS
            )
        except RefusedRedirect as refused:
            raise _elsewhere(retry.policy.call, refused.location) from None
        except SSLError as error:
            raise Unavailable(
                f"the certificate of {self.api_url} is not trusted: {reason_of(error)}",
                "name the file of your certificate authority in REQUESTS_CA_BUNDLE, in the job's 'env:'",
            ) from None
        except HTTPError as error:
            raise _unavailable(retry.describe(None, error)) from None


def _elsewhere(call: str, url: str) -> Unavailable:
    return Unavailable(f"the answer to '{call}' refers to another address, {origin(url)}", "check GITHUB_API_URL")


def _unavailable(cause: str) -> Unavailable:
    return Unavailable(cause, "look at https://www.githubstatus.com, and run the job again")


def _lower(answer: Answer) -> dict[str, str]:
    return {name.lower(): value for name, value in answer.response.headers.items()}


def _link(header: str, relation: str) -> str:
    for link in header.split(","):
        address, _, kind = link.partition(";")
        if f'rel="{relation}"' in kind:
            return address.strip().strip("<>")
    return ""


def _document(call: str, answer: Answer, shape: Shape) -> Any:
    """Return the answer's JSON where it has the shape; raises Unavailable."""
    document = None
    if answer.data.strip():
        try:
            if "json" not in answer.header("Content-Type").lower():
                raise ValueError
            document = answer.json
        except ValueError:
            raise Unavailable(f"the answer to '{call}' is not GitHub's: it is not JSON", NOT_GITHUB) from None
    try:
        shape(document)
    except WrongShape as problem:
        raise Unavailable(f"the answer to '{call}' is not of GitHub's form: {problem}", NOT_GITHUB) from None
    return document
