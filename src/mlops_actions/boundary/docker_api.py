"""The Docker daemon's own API, as far as publishing asks for it: over its socket, or by TCP with TLS where that is set.

Docker's SDK would do, but importing it takes longer than tagging an unchanged image again may take in all.
"""

from __future__ import annotations

import http.client
import json
import socket
import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

_DEFAULT = "unix:///var/run/docker.sock"
_PORTS = {False: 2375, True: 2376}  # without and with TLS
_READ_LIMIT = 16 << 20  # bytes of an answer; what a daemon knows of an image is a few thousand


class DaemonError(Exception):
    """No daemon answered, or it refused; the text says what it said."""


class DaemonApi:
    """Asks the daemon that the environment names, as Docker's command line does; raises DaemonError."""

    def __init__(self, environ: Mapping[str, str], timeout: float) -> None:
        self.host = environ.get("DOCKER_HOST") or _DEFAULT
        self._environ = environ
        self._timeout = timeout

    def ask(self, method: str, path: str, **query: str) -> dict[str, Any] | None:
        """Send one request and return the JSON object answered, empty where it is none; None for 404."""
        try:
            connection = self._connection()
            try:
                connection.request(method, f"{path}?{urlencode(query)}" if query else path)
                response = connection.getresponse()
                status, content = response.status, response.read(_READ_LIMIT)
            finally:
                connection.close()
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise DaemonError(str(error) or type(error).__name__) from error
        try:
            parsed = json.loads(content or b"{}")
        except ValueError:
            parsed = {}
        found: dict[str, Any] = parsed if isinstance(parsed, dict) else {}
        if status == 404:
            return None
        if not 200 <= status < 300:
            raise DaemonError(f"{method} {path} was answered {status}: {found.get('message', '')}")
        return found

    def _connection(self) -> http.client.HTTPConnection:
        parts = urlsplit(self.host)
        if parts.scheme in ("unix", ""):
            return _SocketConnection(parts.path, self._timeout)
        if parts.scheme not in ("tcp", "http", "https"):
            raise DaemonError(f"DOCKER_HOST by {parts.scheme!r} is not known here: give a unix or tcp address")
        tls = bool(self._environ.get("DOCKER_TLS_VERIFY")) or parts.scheme == "https"
        host, port = parts.hostname or "localhost", parts.port or _PORTS[tls]
        if tls:
            return http.client.HTTPSConnection(host, port, timeout=self._timeout, context=self._certificates())
        return http.client.HTTPConnection(host, port, timeout=self._timeout)

    def _certificates(self) -> ssl.SSLContext:
        folder = Path(self._environ.get("DOCKER_CERT_PATH") or Path(self._environ.get("HOME") or "/") / ".docker")
        context = ssl.create_default_context(cafile=str(folder / "ca.pem"))
        context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
        return context


class _SocketConnection(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path: str, timeout: float) -> None:
        super().__init__("docker", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


def image_path(reference: str) -> str:
    """Return the path under which the API knows an image; a reference cannot lead anywhere else."""
    return "/images/" + quote(reference, safe=":@")
