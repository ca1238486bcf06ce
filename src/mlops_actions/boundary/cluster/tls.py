"""How a cluster's API is reached and trusted: TLS with an authority of its own, client certificates, proxies."""

from __future__ import annotations

import ipaddress
import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote, urlsplit

import urllib3
from urllib3.connection import HTTPConnection

POOL_SIZE: Final = 16  # two watches, eight logs, and what is asked besides
# A connection that silently died is noticed within a minute.
_KEEP_ALIVE: Final = (
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 30),
    (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 10),
    (socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 3),
)


@dataclass(frozen=True)
class Trust:
    """`authority` is PEM text (empty: the system's authorities); `client` a file with its certificate and key."""

    authority: str = ""
    client: Path | None = None
    server_name: str = ""
    verified: bool = True


def pool(url: str, trust: Trust, environ: Mapping[str, str], proxy: str = "") -> urllib3.PoolManager:
    """Return the connections to a server, by way of `proxy` or the environment's.

    Raises OSError, ValueError where a certificate is none.
    """
    options: dict[str, Any] = {
        "maxsize": POOL_SIZE,
        "socket_options": [*HTTPConnection.default_socket_options, *_KEEP_ALIVE],
    }
    if url.startswith("https://"):
        options["ssl_context"] = _context(trust)
        if trust.server_name:
            options["server_hostname"] = trust.server_name
        if not trust.verified:
            options |= {"cert_reqs": "CERT_NONE", "assert_hostname": False}
            urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)  # the user has been warned by name
    through = proxy or proxy_for(url, environ)
    if not through:
        return urllib3.PoolManager(**options)
    parts = urlsplit(through)
    headers = None
    if parts.username is not None:
        login = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        headers = urllib3.make_headers(proxy_basic_auth=login)
    return urllib3.ProxyManager(through, proxy_headers=headers, **options)


def _context(trust: Trust) -> ssl.SSLContext:
    context = ssl.create_default_context(cadata=trust.authority or None)
    if trust.authority:
        # Clusters make their own authorities, often without all that RFC 5280 asks for, which Python insists on from 3.13
        # on; kubectl does not.
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    if not trust.verified:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if trust.client:
        context.load_cert_chain(trust.client)
    return context


def proxy_for(url: str, environ: Mapping[str, str]) -> str:
    """Return the proxy that the environment names for an address, empty where there is none. Pure."""
    address = urlsplit(url)

    def value(name: str) -> str:
        return (environ.get(name) or environ.get(name.upper()) or "").strip()

    proxy = value(f"{address.scheme}_proxy")
    if not proxy or _is_direct(address.hostname or "", value("no_proxy")):
        return ""
    return proxy if "://" in proxy else f"http://{proxy}"


def _is_direct(host: str, exceptions: str) -> bool:
    for entry in filter(None, (one.strip().lower() for one in exceptions.split(","))):
        name = entry.removeprefix("*").lstrip(".").partition(":")[0] if entry.count(":") < 2 else entry
        if entry == "*" or host == name or (name and host.endswith(f".{name}")):
            return True
        try:
            if ipaddress.ip_address(host) in ipaddress.ip_network(entry, strict=False):
                return True
        except ValueError:  # one of them is a name
            continue
    return False
