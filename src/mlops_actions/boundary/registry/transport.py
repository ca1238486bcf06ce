"""Requests to a registry: its scheme, its error texts, and which redirects it may make."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from urllib.parse import urlsplit

import urllib3
from urllib3.exceptions import HTTPError, NewConnectionError

from mlops_actions.boundary import http
from mlops_actions.boundary.registry.address import Spoken
from mlops_actions.boundary.retry import Retry, RetryPolicy, is_distrust, is_without_tls, reason_of
from mlops_actions.core.errors import Refused, Unavailable
from mlops_actions.core.ports import Log

# Registries take manifests up to 4 MiB. The seconds are of a whole answer: one byte now and then must not hold the job.
LIMITS = http.Limits(max_bytes=8 << 20, max_seconds=120.0)
_PIECE = 1 << 18  # bytes
# A registry may take its time to check what it was sent before it answers.
_UPLOAD = http.Limits(silence=600.0, max_bytes=8 << 20, max_seconds=3600.0)
_PROBE = http.Limits(connect=5.0, silence=5.0, max_bytes=8 << 20, max_seconds=10.0)
_READS = http.Redirects(limit=4, other_origins=True)
# What is written goes, with its credentials, to the registry that the user names, and nowhere else.
_WRITES = http.Redirects(limit=4, methods=frozenset({"POST", "PUT"}))


class BrokenAnswer(Unavailable):
    """An answer that began well and broke off."""


def read(response: urllib3.BaseHTTPResponse) -> bytes:
    """Read an answer whole, as far as any answer of a registry may go; raises Unavailable."""
    try:
        return http.read_body(response, LIMITS)
    except http.AnswerTooLong:
        raise Unavailable(
            "the registry sent more than a manifest may hold, or too slowly", "check the inputs 'image' and 'registry'"
        ) from None
    except HTTPError as error:
        cause = http.one_line(str(error))
        raise BrokenAnswer(f"the registry's answer broke off: {cause}", "run the job again") from error


def stream(response: urllib3.BaseHTTPResponse) -> Iterator[bytes]:
    """Yield an answer's bytes as they were sent; raises Unavailable. The connection is closed where the caller stops."""
    try:
        yield from response.stream(_PIECE, decode_content=False)
    except HTTPError as error:
        cause = http.one_line(str(error))
        raise BrokenAnswer(f"the registry's answer broke off: {cause}", "run the job again") from error
    finally:
        response.close()


class RegistryTransport:
    """Sends requests of one registry, `host`; raises Refused and Unavailable.

    `retries` of a request that failed by the network, 429 or 5xx wait `backoff`, 2·`backoff`, … seconds, or what
    Retry-After says, up to a minute.
    """

    def __init__(self, host: str, log: Log, *, retries: int, backoff: float) -> None:
        self._host = host
        self._client = http.HttpClient(log)
        self._log = log
        # Each request may be repeated: an upload that began twice is one too many, no more.
        self._policy = RetryPolicy(f"the registry {host}", attempts=retries + 1, backoff=backoff)

    def ask(self, host: str) -> Spoken:
        """Ask a port in plain HTTP, without credentials, whether it speaks that."""
        once = Retry.under(RetryPolicy(host, attempts=1))
        try:
            answer = self._client.send("GET", f"http://{host}/v2/", headers={}, retry=once, limits=_PROBE)
        except HTTPError as error:
            # A server of TLS may hang up, and one that is silent may be about to start.
            return Spoken.NOTHING if isinstance(error, NewConnectionError) else Spoken.SOMETHING_ELSE
        # A server of TLS may also answer 400 and that the request came without.
        return Spoken.SOMETHING_ELSE if answer.status == 400 else Spoken.HTTP

    def send(self, method: str, url: str, headers: Mapping[str, str], body: bytes | None = None) -> urllib3.BaseHTTPResponse:
        """Send with retries and return the answer, its body unread.

        Redirects of reading requests are followed, without credentials to another host; those of writing requests only to
        the same host. Raises Refused where a redirect leads to a host that may not be followed, or that asks for a login.
        """
        redirects = _WRITES if method in _WRITES.methods else _READS
        try:
            answer = self._client.send(
                method,
                url,
                headers={name: value for name, value in headers.items() if value},
                body=body,
                retry=Retry.under(self._policy),
                limits=LIMITS,
                redirects=redirects,
                read=False,
            )
        except http.InsecureRedirect as refused:
            raise Unavailable(
                f"{self._host} redirects to {refused.location!r}, which is not encrypted", "check 'registry'"
            ) from None
        except http.RefusedRedirect as refused:
            raise Refused(
                f"{self._host} redirects writes to {_shown_origin(refused.location)}",
                "give that host as 'registry', with 'username' and 'password' of it",
            ) from None
        except HTTPError as error:
            raise unreachable(url, error) from error
        if answer.status in http.REDIRECTS and method in redirects.methods:
            answer.response.close()
            raise Unavailable(f"{self._host} redirects without end", "check the input 'registry'")
        if answer.status == 401 and not http.same_origin(answer.url, url):
            answer.response.close()
            raise Refused(
                f"{self._host} redirects to {_shown_origin(answer.url)}, which asks for a login",
                "give that host as 'registry', with 'username' and 'password' of it",
            )
        return answer.response

    # A request whose body is a stream can be sent once: who has the stream begins anew

    @property
    def attempts(self) -> int:
        """How often what fails is tried, in all."""
        return self._policy.attempts

    def notice(self, text: str) -> None:
        """Log why something is tried again."""
        self._log.info(text)

    def pause(self, attempt: int) -> None:
        """Wait after a failed attempt (1, 2, …)."""
        self._policy.pause(min(self._policy.backoff * 2.0 ** (attempt - 1), self._policy.max_wait))

    def send_stream(
        self, method: str, url: str, headers: Mapping[str, str], chunks: Iterable[bytes]
    ) -> urllib3.BaseHTTPResponse:
        """Send a stream once, follow no redirect, and return the answer unread; raises urllib3's HTTPError."""
        once = Retry.under(RetryPolicy(f"the registry {self._host}", attempts=1, statuses=frozenset()))
        given = {name: value for name, value in headers.items() if value}
        return self._client.send(method, url, headers=given, body=chunks, retry=once, limits=_UPLOAD, read=False).response


def _shown_origin(url: str) -> str:
    return http.one_line(http.origin(url))


def unreachable(url: str, error: HTTPError) -> Unavailable:
    """Make the error of a registry that gives no answer."""
    host = urlsplit(url).netloc
    cause = f"the registry at {host} cannot be reached: {http.one_line(reason_of(error))}"
    if is_without_tls(error):
        return Unavailable(
            f"the registry at {host} answers without TLS, and credentials are not sent so",
            f"check the port, or allow plain HTTP where the network is yours: 'insecure-registries: {host}'",
        )
    if is_distrust(error):
        return Unavailable(cause, "name the file of your certificate authority in SSL_CERT_FILE, in the step's 'env:'")
    otherwise = "check the input 'registry' and the network between this runner and it, then run the job again"
    return Unavailable(cause, http.remedy_of_unreachable(url, otherwise))
