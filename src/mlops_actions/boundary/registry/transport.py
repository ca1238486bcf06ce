"""How requests reach a registry: TLS, private authorities, proxies, retries, and redirects that carry no credentials on."""

from __future__ import annotations

import os
import random
import re
import time
import urllib.request
from collections.abc import Mapping
from urllib.parse import urljoin, urlsplit

import urllib3

from mlops_actions.core.errors import Unavailable

RETRIED = frozenset({429, 500, 502, 503, 504})
_LOOPBACK = re.compile(r"(?:localhost|127(?:\.[0-9]{1,3}){3}|\[::1\])(?::[0-9]{1,5})?")
_REDIRECTS = 5
_LONGEST_WAIT = 60  # seconds, whatever Retry-After asks for
_TIMEOUT = urllib3.Timeout(connect=10, read=60)
_PROBE_TIMEOUT = urllib3.Timeout(connect=5, read=5)
_READ_LIMIT = 8 << 20  # bytes of a manifest or configuration; registries take manifests up to 4 MiB
_READ_SECONDS = 120.0  # of a whole answer: one byte now and then must not hold the job
_READ_BYTES = 1 << 16
# In the order in which curl and requests obey them; OpenSSL itself knows the last one alone.
_AUTHORITIES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE")


def authorities(environ: Mapping[str, str]) -> str | None:
    """Return the file of certificate authorities that the environment names, if any."""
    return next((environ[name] for name in _AUTHORITIES if environ.get(name)), None)


def is_loopback(host: str) -> bool:
    """Whether a registry's host is this machine, where Docker speaks plain HTTP too."""
    return _LOOPBACK.fullmatch(host) is not None


def same_origin(one: str, other: str) -> bool:
    """Whether two addresses share scheme, host and port: credentials of the one may go to the other."""
    first, second = urlsplit(one), urlsplit(other)
    return (first.scheme, first.netloc) == (second.scheme, second.netloc)


def one_line(text: str) -> str:
    """Fold a message into one line of bounded length."""
    return " ".join(text.split())[:300]


def read(response: urllib3.BaseHTTPResponse) -> bytes:
    """Read an answer whole, as far as any answer of a registry may go; raises Unavailable."""
    content, deadline = bytearray(), time.monotonic() + _READ_SECONDS
    try:
        while chunk := response.read(_READ_BYTES):
            content += chunk
            if len(content) > _READ_LIMIT or time.monotonic() > deadline:
                response.close()
                raise Unavailable(
                    "the registry sent more than a manifest may hold, or too slowly",
                    "check the inputs 'image' and 'registry'",
                )
    except urllib3.exceptions.HTTPError as error:
        raise Unavailable(f"the registry's answer broke off: {one_line(str(error))}", "run the job again") from error
    response.release_conn()
    return bytes(content)


class Transport:
    """Sends requests of one registry, `host`; raises Unavailable.

    `retries` of a request that failed by the network, 429 or 5xx wait `backoff`, 2·`backoff`, … seconds, or what
    Retry-After says, up to a minute.
    """

    def __init__(self, host: str, *, retries: int, backoff: float) -> None:
        self._host = host
        self._retries = retries
        self._backoff = backoff
        self._pools: dict[str, urllib3.PoolManager] = {}

    def scheme_of(self, host: str) -> str:
        """Return `https`, on this machine `http` where the port speaks that: nothing is sent but the question."""
        if not is_loopback(host):
            return "https"
        url = f"http://{host}/v2/"
        try:
            pool = self._pool(url)
            answer = pool.request("GET", url, redirect=False, retries=False, timeout=_PROBE_TIMEOUT, preload_content=False)
            read(answer)
        except (urllib3.exceptions.HTTPError, Unavailable):
            return "https"
        # What speaks TLS there hangs up, or says 400 and that it was spoken to without.
        return "https" if answer.status == 400 else "http"

    def send(self, method: str, url: str, headers: Mapping[str, str], body: bytes | None = None) -> urllib3.BaseHTTPResponse:
        """Send with retries; follow redirects of reading calls, without credentials once the origin changes."""
        given = {name: value for name, value in headers.items() if value}
        origin = url
        for _ in range(_REDIRECTS):
            response = self._tried(method, url, given, body)
            if response.status not in (301, 302, 303, 307, 308) or method not in ("GET", "HEAD"):
                return response
            following = urljoin(url, response.headers.get("Location", ""))
            response.close()  # its body may have no end
            if urlsplit(following).scheme != "https" and urlsplit(origin).scheme == "https":
                raise Unavailable(f"{self._host} redirects to {following!r}, which is not encrypted", "check 'registry'")
            if not same_origin(following, url):
                given.pop("Authorization", None)
            url = following
        raise Unavailable(f"{self._host} redirects without end", "check the input 'registry'")

    def _tried(self, method: str, url: str, headers: Mapping[str, str], body: bytes | None) -> urllib3.BaseHTTPResponse:
        """Send as often as it may be. Each call here may be repeated: an upload begun twice is one too many, no more.

        By hand, since urllib3's own Retry reads a refused answer to its end before it tries again.
        """
        for attempt in range(self._retries + 1):
            last = attempt == self._retries
            asked = ""
            try:
                response = self._pool(url).request(
                    method,
                    url,
                    body=body,
                    headers={**headers, "User-Agent": "mlops-actions"},
                    redirect=False,
                    retries=False,
                    timeout=_TIMEOUT,
                    preload_content=False,
                )
            except urllib3.exceptions.HTTPError as error:
                if last:
                    raise _unreachable(url, error) from error
            else:
                if last or response.status not in RETRIED:
                    return response
                asked = response.headers.get("Retry-After", "")
                response.close()
            time.sleep(self._wait(attempt, asked))
        raise AssertionError("the loop above returns or raises")

    def _wait(self, attempt: int, asked: str) -> float:
        """Seconds until the next attempt: twice as many each time and never the same for two jobs, or what was asked for."""
        try:
            return min(urllib3.Retry().parse_retry_after(asked), _LONGEST_WAIT) if asked else self._own_wait(attempt)
        except urllib3.exceptions.HTTPError:
            return self._own_wait(attempt)

    def _own_wait(self, attempt: int) -> float:
        return self._backoff * (2.0**attempt + random.random() / 2)  # noqa: S311 - nothing is kept secret by it

    def _pool(self, url: str) -> urllib3.PoolManager:
        """Connect directly, or through the proxy that the environment names for this address."""
        parts = urlsplit(url)
        proxy = urllib.request.getproxies().get(parts.scheme, "")
        if urllib.request.proxy_bypass(parts.netloc) or is_loopback(parts.netloc):
            proxy = ""
        if proxy not in self._pools:
            trusted = authorities(os.environ)
            self._pools[proxy] = (
                urllib3.ProxyManager(proxy, ca_certs=trusted) if proxy else urllib3.PoolManager(ca_certs=trusted)
            )
        return self._pools[proxy]


def _unreachable(url: str, error: urllib3.exceptions.HTTPError) -> Unavailable:
    cause = error.reason if isinstance(error, urllib3.exceptions.MaxRetryError) and error.reason else error
    told = f"the registry at {urlsplit(url).netloc} cannot be reached: {one_line(str(cause))}"
    if "CERTIFICATE_VERIFY_FAILED" in told:
        return Unavailable(told, "name the file of your certificate authority in SSL_CERT_FILE, in the step's 'env:'")
    return Unavailable(told, "check the input 'registry' and the network between this runner and it, then run the job again")
