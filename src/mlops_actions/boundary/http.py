"""The one HTTP client: connections, proxies, trust, retries, redirects, bounded answers, one debug line for each request.

`send` drives the retries itself. urllib3's own loop reads a refused answer to its end before it tries again, and a hostile
server sends one without end. That loop also decides by the status alone, while GitHub's rate limits show in the body.
"""

from __future__ import annotations

import ipaddress
import os
import re
import socket
import ssl
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urljoin, urlsplit

import urllib3
from urllib3 import HTTPHeaderDict
from urllib3.connection import HTTPConnection
from urllib3.exceptions import HTTPError

from mlops_actions import __version__
from mlops_actions.boundary.retry import Answer, Retry, reason_of
from mlops_actions.core.errors import Unavailable
from mlops_actions.core.ports import Log

USER_AGENT = f"mlops-actions/{__version__}"
REDIRECTS = frozenset({301, 302, 303, 307, 308})
# In the order in which curl and requests obey them; OpenSSL itself knows the last one alone.
AUTHORITY_VARIABLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE")
MAX_CONNECTIONS = 16  # of one host: chatops asks as much at once, and argo-submit follows two watches and eight logs
_READ_BYTES = 1 << 16
_SAFE_METHODS = frozenset({"GET", "HEAD"})
_CREDENTIALS = frozenset({"authorization", "cookie", "proxy-authorization"})
_LOOPBACK = re.compile(r"(?:localhost|127(?:\.[0-9]{1,3}){3}|\[?::1\]?)")
# A connection that silently died is noticed within a minute.
_KEEP_ALIVE = (
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 30),
    (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 10),
    (socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 3),
)


class AnswerTooLong(HTTPError):
    """The server sent more bytes than an answer may have, or sent them too slowly."""


class MalformedRedirect(HTTPError):
    """The server redirects to what is no address."""

    def __init__(self, location: str) -> None:
        super().__init__(f"it redirects to {one_line(location)!r}, which is no address")


class RefusedRedirect(Exception):
    """The server redirects to `location`, which the client does not follow."""

    def __init__(self, location: str) -> None:
        super().__init__(location)
        self.location = location


class InsecureRedirect(RefusedRedirect):
    """The redirect leads from https to an address without encryption."""


@dataclass(frozen=True)
class Trust:
    """How a server proves who it is, and the client too.

    `authority` is PEM text (empty: the environment's file of authorities, else the system's); `client_certificate` a file
    with the client's certificate and key.
    """

    authority: str = ""
    client_certificate: Path | None = None
    server_name: str = ""
    verified: bool = True


@dataclass(frozen=True)
class Limits:
    """Seconds to connect, seconds without a byte, and how many bytes and seconds a whole answer may take."""

    connect: float = 10.0
    silence: float = 60.0
    max_bytes: int = 64 << 20
    max_seconds: float = 600.0


@dataclass(frozen=True)
class Redirects:
    """How many redirects a request follows, and whether they may lead to another origin (without credentials then)."""

    limit: int = 0
    other_origins: bool = False
    methods: frozenset[str] = _SAFE_METHODS


class HttpClient:
    """Sends requests to any address, under one trust. Safe to use from several threads.

    `proxy` is used for every address; without it, the proxy that the environment names. Raises OSError and ValueError where
    the trust's certificates cannot be read.
    """

    def __init__(self, log: Log, *, trust: Trust | None = None, environ: Mapping[str, str] | None = None, proxy: str = ""):
        self._log = log
        self._environ = os.environ if environ is None else environ
        self._proxy = proxy
        self._options = {"maxsize": MAX_CONNECTIONS, **_tls_options(trust or Trust(), self._environ)}
        self._pools: dict[str, urllib3.PoolManager] = {}

    def send(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | Callable[[], Mapping[str, str]],
        retry: Retry,
        body: bytes | Iterable[bytes] | None = None,
        limits: Limits | None = None,
        redirects: Redirects | None = None,
        read: bool = True,
    ) -> Answer:
        """Send a request as often as `retry` allows, and return the answer, whatever its status.

        A body that is no bytes is a stream, which can be sent once: without retries and redirects, with its Content-Length.
        `headers` may be a function, called for every attempt, and a HTTPHeaderDict with several values of a name. With
        `read=False` the body stays unread: for streams, and for bodies that `read_body` reads. Raises urllib3's HTTPError
        where the last attempt got no answer, RefusedRedirect, and what `headers` raises.
        """
        limits, redirects = limits or Limits(), redirects or Redirects()
        while True:
            answer: Answer | None = None
            failure: HTTPError | Unavailable | None = None
            try:
                given = headers() if callable(headers) else headers
                answer = self._follow(method, url, HTTPHeaderDict(given), body, limits, redirects, read)
                if not retry.is_transient(answer):
                    return answer
            except (HTTPError, Unavailable) as error:
                failure = error
            following = retry.following(method, url, answer, failure)
            if following is None:
                if answer is None:
                    raise failure or AssertionError("an attempt has an answer or a failure")
                return answer
            if answer is not None:
                answer.response.close()  # its body may have no end
            retry = following
            self._log.info(retry.notice)
            retry.pause()

    def _follow(
        self,
        method: str,
        url: str,
        headers: HTTPHeaderDict,
        body: bytes | Iterable[bytes] | None,
        limits: Limits,
        redirects: Redirects,
        read: bool,
    ) -> Answer:
        for hop in range(redirects.limit + 1):
            answer = self._once(method, url, headers, body, limits, read)
            location = answer.header("Location")
            followed = answer.status in REDIRECTS and method in redirects.methods and bool(location)
            if not followed or hop == redirects.limit:
                return answer
            answer.response.close()  # its body may have no end
            following, scheme = _redirected(url, location)
            if urlsplit(url).scheme == "https" and scheme != "https":
                raise InsecureRedirect(following)
            if not same_origin(url, following):
                if not redirects.other_origins:
                    raise RefusedRedirect(following)
                kept = [(name, value) for name, value in headers.items() if name.lower() not in _CREDENTIALS]
                headers = HTTPHeaderDict(kept)
            url = following
        raise AssertionError("the loop above returns or raises")

    def _once(
        self,
        method: str,
        url: str,
        headers: HTTPHeaderDict,
        body: bytes | Iterable[bytes] | None,
        limits: Limits,
        read: bool,
    ) -> Answer:
        began, outcome = time.monotonic(), "no answer"
        headers.setdefault("User-Agent", USER_AGENT)
        try:
            response = self._pool(url).request(
                method,
                url,
                body=body,
                headers=headers,
                timeout=urllib3.Timeout(connect=limits.connect, read=limits.silence),
                retries=False,
                redirect=False,
                preload_content=False,
            )
            outcome = str(response.status)
            # Of a refusal, what fits is enough: its status counts, and its words are short.
            return Answer(response, read_body(response, limits, cut=response.status >= 300) if read else b"", url)
        except HTTPError as error:
            outcome += f" ({one_line(reason_of(error))})"
            raise
        finally:
            debug_request(self._log, method, url, outcome, began)

    def _pool(self, url: str) -> urllib3.PoolManager:
        proxy = self._proxy or proxy_for(url, self._environ)
        if proxy not in self._pools:
            self._pools[proxy] = _connections(proxy, self._options)
        return self._pools[proxy]


def _redirected(url: str, location: str) -> tuple[str, str]:
    """Return the address that a redirect leads to, and its scheme; raises MalformedRedirect."""
    try:
        following = urljoin(url, location)
        return following, urlsplit(following).scheme
    except ValueError:
        raise MalformedRedirect(location) from None


def debug_request(log: Log, method: str, url: str, outcome: str, began: float) -> None:
    """Write one request's debug line. The query is left out: it may hold a secret."""
    parts = urlsplit(url)
    milliseconds = (time.monotonic() - began) * 1000
    log.debug(f"{method} {parts.netloc.rpartition('@')[2]}{parts.path or '/'} {outcome} {milliseconds:.0f} ms")


def read_body(response: urllib3.BaseHTTPResponse, limits: Limits, *, cut: bool = False) -> bytes:
    """Read an answer's body within the limits; raises urllib3's HTTPError, such as AnswerTooLong.

    With `cut`, what is beyond the limits, or lost with the connection, is left out without an error.
    """
    content, deadline = bytearray(), time.monotonic() + limits.max_seconds
    try:
        while chunk := response.read1(_READ_BYTES, decode_content=True):
            content += chunk
            if len(content) > limits.max_bytes or time.monotonic() > deadline:
                raise AnswerTooLong(f"more than {limits.max_bytes} bytes or {limits.max_seconds:g} seconds")
    except HTTPError:
        response.close()
        if not cut:
            raise
    else:
        response.release_conn()
    return bytes(content[: limits.max_bytes])


def same_origin(one: str, other: str) -> bool:
    """Tell whether two addresses share scheme, host and port: credentials for the first may go to the second."""
    return origin(one) == origin(other)


def origin(url: str) -> str:
    """Return scheme, host and port of an address, in small letters and without the scheme's own port."""
    parts = urlsplit(url)
    host = parts.netloc.lower()
    default = {"http": ":80", "https": ":443"}.get(parts.scheme)
    return f"{parts.scheme}://{host.removesuffix(default) if default else host}"


def is_loopback(host: str) -> bool:
    """Tell whether a host (with or without a port) is this machine."""
    name = host.rpartition(":")[0] if re.fullmatch(r"(?:[^:]+|\[.*\]):[0-9]{1,5}", host) else host
    return _LOOPBACK.fullmatch(name.lower()) is not None


def remedy_of_unreachable(url: str, otherwise: str) -> str:
    """Return the remedy for an address that gives no answer: a special one for `localhost`, else `otherwise`.

    The runner gives the container of an action a bridge network:
    https://github.com/actions/runner/blob/main/src/Runner.Worker/Handlers/ContainerActionHandler.cs.
    """
    if not is_loopback(urlsplit(url).netloc.rpartition("@")[2]):
        return otherwise
    return (
        "in an action's container, 'localhost' is the container itself and not the runner: give an address that the runner "
        "and its containers both reach, such as a host name of the runner"
    )


def authorities(environ: Mapping[str, str]) -> str | None:
    """Return the file of certificate authorities that the environment names, if any."""
    return next((environ[name] for name in AUTHORITY_VARIABLES if environ.get(name)), None)


def one_line(text: str) -> str:
    """Fold a message into one line of bounded length."""
    return " ".join(text.split())[:300]


def proxy_for(url: str, environ: Mapping[str, str]) -> str:
    """Return the proxy that the environment names for an address; empty where there is none, and for this machine. Pure."""
    address = urlsplit(url)
    host = address.hostname or ""

    def value(name: str) -> str:
        return (environ.get(name) or environ.get(name.upper()) or "").strip()

    proxy = value(f"{address.scheme}_proxy")
    if not proxy or is_loopback(host) or _is_excepted(host, value("no_proxy")):
        return ""
    return proxy if "://" in proxy else f"http://{proxy}"


def _is_excepted(host: str, exceptions: str) -> bool:
    for entry in filter(None, (part.strip().lower() for part in exceptions.split(","))):
        name = entry.removeprefix("*").lstrip(".").partition(":")[0] if entry.count(":") < 2 else entry
        if entry == "*" or host == name or (name and host.endswith(f".{name}")):
            return True
        try:
            if ipaddress.ip_address(host) in ipaddress.ip_network(entry, strict=False):
                return True
        except ValueError:  # one of them is a name
            continue
    return False


def _connections(proxy: str, options: Mapping[str, Any]) -> urllib3.PoolManager:
    if not proxy:
        return urllib3.PoolManager(**options)
    return urllib3.ProxyManager(proxy, proxy_headers=proxy_headers(proxy), **options)


def proxy_headers(proxy: str) -> dict[str, str]:
    """Return the header with the login that a proxy's address holds; empty where it holds none."""
    parts = urlsplit(proxy)
    if parts.username is None:
        return {}
    return dict(urllib3.make_headers(proxy_basic_auth=f"{unquote(parts.username)}:{unquote(parts.password or '')}"))


def _tls_options(trust: Trust, environ: Mapping[str, str]) -> dict[str, Any]:
    options: dict[str, Any] = {"socket_options": [*HTTPConnection.default_socket_options, *_KEEP_ALIVE]}
    if trust == Trust():
        return {**options, "ca_certs": authorities(environ)}
    options["ssl_context"] = tls_context(trust, environ)
    if trust.server_name:
        options["server_hostname"] = trust.server_name
    if not trust.verified:
        options |= {"cert_reqs": "CERT_NONE", "assert_hostname": False}
        urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)  # the user has been warned by name
    return options


def tls_context(trust: Trust, environ: Mapping[str, str]) -> ssl.SSLContext:
    """Return the settings of TLS for a trust; raises OSError and ValueError where its certificates cannot be read."""
    bundle = None if trust.authority else authorities(environ)
    context = ssl.create_default_context(cafile=bundle, cadata=trust.authority or None)
    if trust.authority:
        # Clusters make their own authorities, often without all that RFC 5280 asks for, which Python insists on from 3.13
        # on; kubectl does not.
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    if not trust.verified:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if trust.client_certificate:
        context.load_cert_chain(trust.client_certificate)
    return context
