"""Connect to a server stage by stage, as the suite's clients do, to tell which stage fails."""

from __future__ import annotations

import re
import socket
import ssl
import time
from collections.abc import Mapping
from urllib.parse import SplitResult, urlsplit

from mlops_actions.boundary.http import Trust, proxy_for, proxy_headers, tls_context
from mlops_actions.core.errors import Unavailable
from mlops_actions.doctor.ports import Endpoint, Route, Stage

_SECONDS = 5.0
_MAX_BYTES = 64 << 10  # of a proxy's answer
_PORTS = {"https": 443, "http": 80}
_STATUS = re.compile(rb"HTTP/1\.[01] ([0-9]{3})")
# OpenSSL's numbers, https://docs.openssl.org/3.0/man3/X509_STORE_CTX_get_error/
_UNKNOWN_AUTHORITY = frozenset({18, 19, 20, 21})
_EXPIRED = 10
_OTHER_NAME = frozenset({62, 64})  # a host name, an IP address


class _Failed(Exception):
    def __init__(self, stage: Stage, detail: str) -> None:
        super().__init__(detail)
        self.stage = stage
        self.detail = detail


def reach(endpoint: Endpoint, environ: Mapping[str, str]) -> Route:
    """Resolve the name, connect (through the proxy, if one is set), and begin TLS; nothing secret is sent but to the proxy.

    Raises Unavailable where the address is none, or the proxy is of another kind than HTTP.
    """
    url = urlsplit(endpoint.url)
    host, port = _host_and_port(url, "its address")
    proxy = endpoint.proxy or proxy_for(endpoint.url, environ)
    setting = _setting(endpoint, url.scheme, environ) if proxy else ""
    began = time.monotonic()
    try:
        if proxy:
            connection, via = _through(proxy, url, host, port, setting, environ)
        else:
            connection = _connect(host, port)
            via = str(connection.getpeername()[0])
        try:
            if url.scheme == "https" and not isinstance(connection, ssl.SSLSocket):  # Python nests no TLS in TLS
                _begin_tls(connection, endpoint, host, port, environ).close()
        finally:
            connection.close()
    except _Failed as failure:
        return Route(detail=failure.detail, failed=failure.stage, proxy_setting=setting)
    return Route(detail=f"{via} in {(time.monotonic() - began) * 1000:.0f} ms", proxy_setting=setting)


def _host_and_port(url: SplitResult, what: str) -> tuple[str, int]:
    try:
        port = _PORTS[url.scheme]
        port = url.port or port
    except (ValueError, KeyError):
        port = 0
    if not url.hostname or not port:
        raise Unavailable(f"{what} is no address of http or https", "correct it, for example to https://host:port")
    return url.hostname, port


def _setting(endpoint: Endpoint, scheme: str, environ: Mapping[str, str]) -> str:
    name = f"{scheme}_proxy"
    return "proxy-url" if endpoint.proxy else name if environ.get(name) else name.upper()


def _connect(host: str, port: int) -> socket.socket:
    try:
        return socket.create_connection((host, port), _SECONDS)
    except (socket.gaierror, UnicodeError) as error:
        raise _Failed(Stage.NAME, f"the name {host} does not resolve: {_reason(error)}") from None
    except TimeoutError:
        raise _Failed(Stage.SILENCE, f"{host}:{port} does not answer within {_SECONDS:g} s") from None
    except OSError as error:
        raise _Failed(Stage.CONNECTION, f"{host}:{port} takes no connection: {_reason(error)}") from None


def _through(
    proxy: str, url: SplitResult, host: str, port: int, setting: str, environ: Mapping[str, str]
) -> tuple[socket.socket, str]:
    """Connect through a proxy; return the connection, and words for the way."""
    parts = urlsplit(proxy)
    proxy_host, proxy_port = _host_and_port(parts, f"the proxy of {setting}")
    name = f"the proxy {proxy_host}:{proxy_port} ({setting})"
    try:
        connection = _connect(proxy_host, proxy_port)
    except _Failed as failure:
        raise _Failed(Stage.PROXY, f"{name} cannot be reached: {failure.detail}") from None
    try:
        if parts.scheme == "https":
            connection = tls_context(Trust(), environ).wrap_socket(connection, server_hostname=proxy_host)
        _ask_proxy(connection, name, proxy, url, host, port)
    except _Failed:
        connection.close()
        raise
    except TimeoutError:
        connection.close()
        raise _Failed(Stage.PROXY, f"{name} gives no answer within {_SECONDS:g} s") from None
    except (OSError, ValueError) as error:
        connection.close()
        raise _Failed(Stage.PROXY, f"{name} gives no answer: {_reason(error)}") from None
    return connection, f"through {name}"


def _ask_proxy(connection: socket.socket, name: str, proxy: str, url: SplitResult, host: str, port: int) -> None:
    """Ask for a tunnel; without TLS for the server's page, since a proxy opens tunnels to few ports."""
    target = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    login = proxy_headers(proxy)
    first = f"CONNECT {target}" if url.scheme == "https" else f"HEAD http://{target}/"
    lines = [f"{first} HTTP/1.1", f"Host: {target}", *(f"{header}: {value}" for header, value in login.items())]
    connection.sendall("\r\n".join([*lines, "", ""]).encode())
    answer = b""
    while b"\r\n\r\n" not in answer and len(answer) < _MAX_BYTES and (chunk := connection.recv(4096)):
        answer += chunk
    status = _STATUS.match(answer)
    if status is None:
        raise _Failed(Stage.PROXY, f"{name} does not answer as a proxy")
    if status[1] == b"407":
        wants = "refuses the login that is given" if login else "asks for a login"
        raise _Failed(Stage.PROXY_LOGIN, f"{name} {wants}")
    if url.scheme == "https" and not status[1].startswith(b"2"):
        raise _Failed(Stage.PROXY, f"{name} refuses to connect to {target}: {status[1].decode()}")


def _begin_tls(
    connection: socket.socket, endpoint: Endpoint, host: str, port: int, environ: Mapping[str, str]
) -> ssl.SSLSocket:
    trust = Trust(authority=endpoint.authority, server_name=endpoint.server_name, verified=endpoint.verified)
    try:
        context = tls_context(trust, environ)
    except (OSError, ValueError) as error:
        raise _Failed(Stage.AUTHORITY, f"the certificate authorities cannot be read: {_reason(error)}") from None
    try:
        return context.wrap_socket(connection, server_hostname=endpoint.server_name or host)
    except ssl.SSLCertVerificationError as error:
        raise _distrusted(host, error) from None
    except TimeoutError:
        raise _Failed(Stage.TLS, f"TLS with {host}:{port} does not begin within {_SECONDS:g} s") from None
    except (OSError, ValueError) as error:
        raise _Failed(Stage.TLS, f"TLS with {host}:{port} does not begin: {_reason(error)}") from None


def _distrusted(host: str, error: ssl.SSLCertVerificationError) -> _Failed:
    code = error.verify_code
    if code in _UNKNOWN_AUTHORITY:
        return _Failed(Stage.AUTHORITY, f"no authority that this machine knows signed the certificate of {host}")
    if code == _EXPIRED:
        return _Failed(Stage.TLS, f"the certificate of {host} has expired")
    if code in _OTHER_NAME:
        return _Failed(Stage.TLS, f"the certificate of {host} is for another name")
    return _Failed(Stage.TLS, f"the certificate of {host} is not valid: {error.verify_message}")


def _reason(error: Exception) -> str:
    text = getattr(error, "reason", None) or getattr(error, "strerror", None) or str(error) or type(error).__name__
    return " ".join(str(text).split())[:200]
