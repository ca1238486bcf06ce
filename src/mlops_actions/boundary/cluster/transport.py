"""Raw requests to the API of a cluster, Kubernetes' own or the Argo Server's: one pool of connections, retries, streams.

On urllib3 alone: the kubernetes client's own transport cannot be had without importing all of it (three times what the rest
of a start costs), its models refuse an object with a field missing, and its watch retries a 410 for ever.
"""

from __future__ import annotations

import contextlib
import json
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode

import urllib3
from urllib3.exceptions import HTTPError, SSLError

from mlops_actions import __version__
from mlops_actions.core.errors import Unavailable
from mlops_actions.core.types import Json

ATTEMPTS: Final = 5
RETRIED: Final = frozenset({429, 500, 502, 503, 504})
# With the others the work may have been done all the same, and only its answer been lost on the way.
NOT_BEGUN: Final = frozenset({429, 503})
LONGEST_PAUSE: Final = 60.0
UNAUTHORIZED: Final = 401
_TIMEOUT: Final = urllib3.Timeout(connect=10, read=60)
_URGENT: Final = urllib3.Timeout(connect=2, read=2)
_LONGEST_LINE: Final = 16 * 1024 * 1024
_LONGEST_REFUSAL: Final = 1_000_000


class Failure(Exception):
    """An answer that is no success: the HTTP status, and the server's own words for it."""

    def __init__(self, code: int, reason: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason
        self.message = message


class Untrusted(Unavailable):
    """The server could not prove who it is; it will not a moment later either."""


def _nothing(_refused: str) -> None:
    pass


@dataclass(frozen=True)
class Credentials:
    """As whom one speaks: the Authorization header (empty: none), asked for anew each time, since tokens are renewed.

    `renew` is called with one that the server did not accept; the request is repeated once if the header is another then.
    """

    header: Callable[[], str]
    renew: Callable[[str], None] = _nothing


@dataclass(frozen=True)
class Words:
    """What the other side is called in errors, and where the user gave its address and how it is trusted."""

    api: str = "Kubernetes API"
    side: str = "cluster"
    address: str = "the address in the kubeconfig"
    trust: str = "correct the kubeconfig's certificate-authority-data, or the client certificate"
    health: str = "see whether the API server is well"
    credentials: str = "give a fresh kubeconfig"


class ByteLines:
    """The lines of an answer as they come; `close` ends them from any thread."""

    def __init__(self, response: urllib3.BaseHTTPResponse, server: str) -> None:
        self._response = response
        self._server = server
        self._closed = threading.Event()

    def __iter__(self) -> Iterator[bytes]:
        buffer = b""
        try:
            for chunk in self._response.stream(65_536, decode_content=True):
                buffer += chunk
                *lines, buffer = buffer.split(b"\n")
                yield from lines
                if len(buffer) > _LONGEST_LINE:
                    raise Unavailable(f"{self._server} sent a line without end", "report what stands between you and it")
            if buffer:
                yield buffer
        except (HTTPError, OSError, ValueError) as error:
            # A socket that is shut down while it is read reports all kinds of things.
            if not self._closed.is_set():
                raise Unavailable(f"the connection to {self._server} broke: {reason_of(error)}", "try again") from None
        finally:
            self._response.close()

    def close(self) -> None:
        """End the stream; a reader that waits is woken."""
        self._closed.set()
        with contextlib.suppress(RuntimeError, ValueError, OSError):  # it has ended by itself
            self._response.shutdown()


class Transport:
    """Raw requests to one server. `pause(seconds)` lets time pass before another attempt."""

    def __init__(
        self,
        server: str,
        pool: urllib3.PoolManager,
        credentials: Credentials,
        pause: Callable[[float], None],
        words: Words | None = None,
    ) -> None:
        self.server = server.rstrip("/")
        self.words = words or Words()
        self._pool = pool
        self._credentials = credentials
        self._pause = pause

    def send(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: object = None,
        content_type: str = "application/json",
        repeatable: bool = True,
        urgent: bool = False,
    ) -> Json:
        """Send a request and return the object of its answer; raises Failure, Unavailable.

        What may pass (429, 5xx, a broken connection) is tried again; `repeatable=False` where a repetition after a lost
        answer would do the work twice. `urgent`: one attempt of a few seconds.
        """
        data = None if body is None else json.dumps(body).encode()
        headers = {"Accept": "application/json", "Content-Type": content_type}
        attempts = 1 if urgent else ATTEMPTS
        retried = RETRIED if repeatable else NOT_BEGUN
        for attempt in range(1, attempts + 1):
            last = attempt == attempts
            try:
                response = self._request(method, path, query, headers, data, _URGENT if urgent else _TIMEOUT)
            except Untrusted:
                raise
            except Unavailable:
                if last or not repeatable:
                    raise
                self._pause(_backoff(attempt))
                continue
            if response.status in retried and not last:
                self._pause(_retry_after(response, attempt))
                continue
            return self._object(response, attempt)
        raise AssertionError("unreachable")

    def stream(self, path: str, query: Mapping[str, str], *, accept: str = "application/json", seconds: float) -> ByteLines:
        """Open an answer that is read as it comes, with at most `seconds` of silence; raises Failure, Unavailable."""
        timeout = urllib3.Timeout(connect=10, read=seconds)
        response = self._request("GET", path, query, {"Accept": accept}, None, timeout, preload=False)
        if response.status >= 300:
            try:
                data = response.read(_LONGEST_REFUSAL, decode_content=True)
            except HTTPError as error:
                raise Unavailable(f"the connection to {self.server} broke: {reason_of(error)}", "try again") from None
            finally:
                response.close()
            if response.status in RETRIED:
                raise Unavailable(f"{self.server} answered {response.status}", self.words.health)
            raise _failure(response, data)
        return ByteLines(response, self.server)

    def _request(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None,
        headers: Mapping[str, str],
        body: bytes | None,
        timeout: urllib3.Timeout,
        *,
        preload: bool = True,
    ) -> urllib3.BaseHTTPResponse:
        url = f"{self.server}{path}" + (f"?{urlencode(query)}" if query else "")
        identity = self._credentials.header()
        response = self._once(method, url, {**headers, **_identified(identity)}, body, timeout, preload=preload)
        if response.status != UNAUTHORIZED:
            return response
        self._credentials.renew(identity)
        another = self._credentials.header()
        if another == identity:
            return response
        response.drain_conn()
        return self._once(method, url, {**headers, **_identified(another)}, body, timeout, preload=preload)

    def _once(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: bytes | None,
        timeout: urllib3.Timeout,
        *,
        preload: bool,
    ) -> urllib3.BaseHTTPResponse:
        try:
            return self._pool.request(
                method,
                url,
                body=body,
                headers=headers,
                timeout=timeout,
                retries=False,
                redirect=False,  # the credentials are for this server alone
                preload_content=preload,
            )
        except SSLError as error:
            kind = Untrusted if _is_distrust(error) else Unavailable
            raise kind(f"{self.server} could not prove who it is: {reason_of(error)}", self.words.trust) from None
        except (HTTPError, OSError) as error:
            raise Unavailable(
                f"the {self.words.side} at {self.server} cannot be reached: {reason_of(error)}",
                f"check {self.words.address}, and whether this runner can reach it (network, firewall, proxy)",
            ) from None

    def _object(self, response: urllib3.BaseHTTPResponse, attempts: int) -> Json:
        if response.status in RETRIED:
            failure = _failure(response, response.data)
            times = f" {attempts} times" if attempts > 1 else ""
            raise Unavailable(
                f"{self.server} answered {response.status}{times}: {failure.message}",
                f"{self.words.health}, then run the job again",
            )
        if response.status >= 300:
            raise _failure(response, response.data)
        try:
            found = json.loads(response.data)
        except ValueError:
            found = None
        if not isinstance(found, dict):
            raise Unavailable(
                f"what answers at {self.server} is no {self.words.api}: it sent no JSON object",
                f"check {self.words.address} and the proxy on the way",
            )
        return found


def reason_of(error: Exception) -> str:
    """Return the innermost words of a connection's failure: urllib3 wraps them several times."""
    inner: BaseException = error
    while (deeper := inner.__cause__ or getattr(inner, "reason", None)) is not None and isinstance(deeper, BaseException):
        inner = deeper
    text = str(inner).rpartition(">: ")[2] or type(inner).__name__
    return text if isinstance(text, str) else type(inner).__name__


def _is_distrust(error: BaseException) -> bool:
    """Tell a certificate that is not accepted from a handshake that broke off."""
    causes = [error, *error.args, error.__cause__, error.__context__]
    return any(isinstance(cause, ssl.SSLCertVerificationError) for cause in causes)


def _identified(identity: str) -> dict[str, str]:
    headers = {"User-Agent": f"mlops-actions/{__version__}"}
    return {**headers, "Authorization": identity} if identity else headers


def _failure(response: urllib3.BaseHTTPResponse, data: bytes) -> Failure:
    """Read a refusal: Kubernetes sends a `Status`, the Argo Server a code of gRPC's with a message, a proxy anything."""
    code = response.status
    if code < 400:
        return Failure(code, "", f"it sends one on to {response.headers.get('Location', 'another address')!r}")
    try:
        found = json.loads(data)
    except ValueError:
        found = None
    if isinstance(found, dict) and found.get("kind") == "Status":
        return Failure(code, str(found.get("reason") or ""), str(found.get("message") or ""))
    if isinstance(found, dict) and isinstance(found.get("error"), dict):
        found = found["error"]  # of a stream that did not begin
    if isinstance(found, dict) and "message" in found:
        return Failure(code, "", str(found["message"]))
    return Failure(code, "", data[:200].decode(errors="replace"))


def _retry_after(response: urllib3.BaseHTTPResponse, attempt: int) -> float:
    text = response.headers.get("Retry-After", "")
    return min(float(text), LONGEST_PAUSE) if text.isascii() and text.isdigit() else _backoff(attempt)


def _backoff(attempt: int) -> float:
    return float(2 ** (attempt - 1))
