"""Requests to the API of a cluster, Kubernetes' own or the Argo Server's: renewed tokens, streams of lines, error texts.

On urllib3 alone: the kubernetes client's own transport cannot be had without importing all of it (three times what the rest
of a start costs), its models refuse an object with a field missing, and its watch retries a 410 for ever.
"""

from __future__ import annotations

import contextlib
import json
import re
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import urllib3
from urllib3 import HTTPHeaderDict
from urllib3.exceptions import HTTPError, SSLError

from mlops_actions.boundary.http import HttpClient, Limits, read_body, remedy_of_unreachable
from mlops_actions.boundary.retry import NOT_BEGUN, TRANSIENT, Answer, Retry, RetryPolicy, reason_of
from mlops_actions.core.errors import Unavailable
from mlops_actions.core.types import Json

ATTEMPTS = 5
UNAUTHORIZED = 401
_MAX_BYTES = 256 << 20
_LIMITS = Limits(max_bytes=_MAX_BYTES)
_URGENT = Limits(connect=2.0, silence=2.0, max_bytes=_MAX_BYTES, max_seconds=10.0)
_MAX_LINE = 16 * 1024 * 1024
_REFUSAL = Limits(max_bytes=1_000_000, max_seconds=60.0)
# A warning of the server: https://kubernetes.io/blog/2020/09/03/warnings/. It shows at most 4,096 characters of them.
_WARNING = re.compile(r'299 \S+ "((?:[^"\\]|\\.)*)"')
_MAX_WARNINGS = 50
_MAX_WARNING = 1000


class Failure(Exception):
    """An answer that is no success: the HTTP status, the server's own words for it, and where a redirect leads."""

    def __init__(self, code: int, reason: str, message: str, location: str = "") -> None:
        super().__init__(message)
        self.location = location
        self.code = code
        self.reason = reason
        self.message = message


def _nothing(_refused: str) -> None:
    pass


@dataclass(frozen=True)
class ClusterCredentials:
    """The Authorization header (empty: none), asked for anew for each attempt, since tokens are renewed.

    `renew` is called with one that the server did not accept; the request is repeated once if the header is another then.
    `impersonation` are the headers that ask to act as another user; a name may come several times.
    """

    header: Callable[[], str]
    renew: Callable[[str], None] = _nothing
    impersonation: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class ErrorTexts:
    """What errors call the server, and which inputs give its address, its trust and its credentials."""

    api: str = "Kubernetes API"
    side: str = "cluster"
    address: str = "the address in the kubeconfig"
    trust: str = "correct the kubeconfig's certificate-authority-data, or the client certificate"
    health: str = "see whether the API server is well"
    credentials: str = "give a fresh kubeconfig"


class ByteBlocks:
    """An answer in blocks of bytes, as they come; `close` ends them from any thread."""

    def __init__(self, response: urllib3.BaseHTTPResponse, server: str) -> None:
        self._response = response
        self.server = server
        self._closed = threading.Event()

    def __iter__(self) -> Iterator[bytes]:
        try:
            yield from self._response.stream(65_536, decode_content=True)
        except (HTTPError, OSError, ValueError) as error:
            # A socket that is shut down while it is read reports all kinds of things.
            if not self._closed.is_set():
                raise Unavailable(f"the connection to {self.server} broke: {reason_of(error)}", "try again") from None
        finally:
            self._response.close()

    def close(self) -> None:
        """End the stream; a reader that waits is woken."""
        self._closed.set()
        with contextlib.suppress(RuntimeError, ValueError, OSError):  # it has ended by itself
            self._response.shutdown()


class ByteLines:
    """The lines of an answer as they come; see `ByteBlocks`."""

    def __init__(self, blocks: ByteBlocks) -> None:
        self._blocks = blocks

    def __iter__(self) -> Iterator[bytes]:
        buffer = b""
        for block in self._blocks:
            buffer += block
            *lines, buffer = buffer.split(b"\n")
            yield from lines
            if len(buffer) > _MAX_LINE:
                raise Unavailable(f"{self._blocks.server} sent a line without end", "report what stands between you and it")
        if buffer:
            yield buffer

    def close(self) -> None:
        """End the stream; a reader that waits is woken."""
        self._blocks.close()


class ClusterTransport:
    """Requests to one server. `pause(seconds)` lets time pass before another attempt; `warn` gets the server's warnings."""

    def __init__(
        self,
        server: str,
        client: HttpClient,
        credentials: ClusterCredentials,
        pause: Callable[[float], None] = time.sleep,
        texts: ErrorTexts | None = None,
        warn: Callable[[str], None] = _nothing,
    ) -> None:
        self.server = server.rstrip("/")
        self.texts = texts or ErrorTexts()
        self._client = client
        self._credentials = credentials
        self._pause = pause
        self._warn = warn
        self._warnings: set[str] = set()

    def send(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: object = None,
        content_type: str = "application/json",
        accept: str = "application/json",
        repeatable: bool = True,
        urgent: bool = False,
    ) -> Any:
        """Send a request and return the JSON of its answer, not yet checked; raises Failure, Unavailable.

        Passing failures (429, 5xx, a broken connection) are tried again; `repeatable=False` where a repetition after a
        lost answer would do the work twice. `urgent`: one attempt of a few seconds.
        """
        policy = RetryPolicy(
            f"the {self.texts.side}",
            attempts=1 if urgent else ATTEMPTS,
            statuses=TRANSIENT if repeatable else NOT_BEGUN,
            repeatable=repeatable,
            pause=self._pause,
        )
        headers = {"Accept": accept, "Content-Type": content_type}
        data = None if body is None else json.dumps(body).encode()
        limits = _URGENT if urgent else _LIMITS
        answer = self._answer(method, path, query, headers, policy, limits, body=data)
        return self._object(f"{method} {path}", answer, policy)

    def _show_warnings(self, answer: Answer) -> None:
        """Pass on each warning of the server once, also those of watches and logs, which other threads read."""
        for text in warnings_of(answer.response.headers.getlist("Warning")):
            if text not in self._warnings and len(self._warnings) < _MAX_WARNINGS:
                self._warnings.add(text)
                self._warn(text)

    def stream(
        self, path: str, query: Mapping[str, str], *, accept: str = "application/json", seconds: float, files: bool = False
    ) -> ByteBlocks:
        """Open an answer that is read as it comes, with at most `seconds` of silence; raises Failure, Unavailable.

        With `files` the answer is a file, which may be a web page. The server gives a file's name with it, unlike with a
        listing or a page to sign in.
        """
        limits = Limits(silence=seconds)
        once = RetryPolicy(f"the {self.texts.side}", attempts=1)
        answer = self._answer("GET", path, query, {"Accept": accept}, once, limits, read=False)
        call = f"GET {path}"
        if answer.status >= 300:
            data = read_body(answer.response, _REFUSAL, cut=True)
            if answer.status in TRANSIENT:
                raise Unavailable(f"{self.server} answered {answer.status} to {call}", self.texts.health)
            raise _failure(Answer(answer.response, data))
        if files and not answer.header("Content-Disposition"):
            answer.response.close()
            raise self.odd(call, "it sent no file")
        if _is_page(answer) and not files:
            answer.response.close()
            raise self.odd(call, "it sent a web page")
        return ByteBlocks(answer.response, self.server)

    def _answer(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None,
        headers: Mapping[str, str],
        policy: RetryPolicy,
        limits: Limits,
        *,
        body: bytes | None = None,
        read: bool = True,
    ) -> Answer:
        """Send a request, and once more where the credentials were refused and could be renewed."""
        url = f"{self.server}{path}" + (f"?{urlencode(query)}" if query else "")
        authorization = ""

        def authorized() -> Mapping[str, str]:
            nonlocal authorization
            authorization = self._credentials.header()
            sent = HTTPHeaderDict(headers)
            if authorization:
                sent["Authorization"] = authorization
            sent.extend(self._credentials.impersonation)
            return sent

        def send() -> Answer:
            retry = Retry.under(policy)
            return self._client.send(method, url, headers=authorized, retry=retry, body=body, limits=limits, read=read)

        try:
            answer = send()
            if answer.status == UNAUTHORIZED:
                refused = authorization
                self._credentials.renew(refused)
                if self._credentials.header() != refused:
                    answer.response.close()
                    answer = send()
        except SSLError as error:
            raise Unavailable(f"{self.server} could not prove who it is: {reason_of(error)}", self.texts.trust) from None
        except (HTTPError, OSError) as error:
            raise Unavailable(
                f"the {self.texts.side} at {self.server} cannot be reached: {reason_of(error)}",
                remedy_of_unreachable(
                    self.server,
                    f"check {self.texts.address}, and whether this runner can reach it (network, firewall, proxy)",
                ),
            ) from None
        self._show_warnings(answer)
        return answer

    def odd(self, call: str, problem: str) -> Unavailable:
        """Return the error for an answer that this API does not give."""
        return Unavailable(
            f"what answers {call} at {self.server} is no {self.texts.api}: {problem}",
            f"check {self.texts.address} and the proxy on the way",
        )

    def _object(self, call: str, answer: Answer, policy: RetryPolicy) -> Any:
        if answer.status in TRANSIENT:
            times = f" {policy.attempts} times" if policy.attempts > 1 and answer.status in policy.statuses else ""
            raise Unavailable(
                f"{self.server} answered {answer.status} to {call}{times}: {_failure(answer).message}",
                f"{self.texts.health}, then run the job again",
            )
        if answer.status >= 300:
            raise _failure(answer)
        if _is_page(answer):
            raise self.odd(call, "it sent a web page")
        try:
            return answer.json
        except ValueError:
            raise self.odd(call, "it sent no JSON object") from None


def warnings_of(headers: Iterable[str]) -> Iterator[str]:
    """Yield the texts of `Warning` headers with the code 299, which may stand several in a line (RFC 7234, section 5.5)."""
    for header in headers:
        for match in _WARNING.finditer(header):
            yield re.sub(r"\\(.)", r"\1", match[1])[:_MAX_WARNING]


def _is_page(answer: Answer) -> bool:
    """Tell whether the answer is a web page, such as a proxy's or a sign-in page; neither API sends one."""
    return answer.header("Content-Type").partition(";")[0].strip().lower() == "text/html"


def _document(answer: Answer) -> Json:
    try:
        document = answer.json
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}


def _failure(answer: Answer) -> Failure:
    """Read a refusal: Kubernetes sends a `Status`, the Argo Server a code of gRPC's with a message, a proxy anything."""
    code = answer.status
    if code < 400:
        location = answer.header("Location")
        return Failure(code, "", f"it sends one on to {location or 'another address'!r}", location)
    document = _document(answer)
    if document.get("kind") == "Status":
        return Failure(code, str(document.get("reason") or ""), str(document.get("message") or ""))
    if isinstance(document.get("error"), dict):
        document = document["error"]  # of a stream that did not begin
    if "message" in document:
        return Failure(code, "", str(document["message"]))
    return Failure(code, "", answer.data[:200].decode(errors="replace"))
