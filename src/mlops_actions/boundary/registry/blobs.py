"""Upload a blob of any size as a stream: it comes from another registry, and nothing of it is kept.

One request for a whole blob (POST, then PUT with the digest) is what containerd does, and what every registry takes; chunks
are not: https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pushing-blobs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Protocol
from urllib.parse import urlencode, urljoin, urlsplit

import urllib3
from urllib3.exceptions import HTTPError

from mlops_actions.boundary.http import REDIRECTS, same_origin
from mlops_actions.boundary.registry.transport import RegistryTransport, unreachable
from mlops_actions.boundary.retry import TRANSIENT
from mlops_actions.core.errors import ActionError, Refused, Unavailable

_HOPS = 4
_STORED = (201, 202, 204)


class Client(Protocol):
    """What an upload needs of the registry's client."""

    host: str
    transport: RegistryTransport

    @property
    def base_url(self) -> str:
        """The address of the registry's API."""

    def call(self, method: str, path: str, scope: str, *, body: bytes | None = None) -> urllib3.BaseHTTPResponse:
        """Send a request, signed in for a scope."""

    def writing_scope(self, repository: str) -> str:
        """Return the scope of a request that writes."""

    def authorization(self, scope: str) -> str:
        """Return the header that the last challenge asked for."""

    def forget(self, scope: str) -> None:
        """Drop the token of a scope."""

    def refusal(self, response: urllib3.BaseHTTPResponse, operation: str) -> ActionError:
        """Make an error of an answer."""


def put(client: Client, repository: str, digest: str, *, size: int, open_source: Callable[[], Iterator[bytes]]) -> None:
    """Upload a blob of `size` bytes; what fails on the way is begun anew, with a fresh source."""
    transport = client.transport
    for attempt in range(1, transport.attempts + 1):
        try:
            return _put_once(client, repository, digest, size, open_source)
        except Unavailable as error:
            if attempt == transport.attempts:
                raise
            transport.notice(f"{error.cause}; trying again ({attempt} of {transport.attempts - 1})")
            transport.pause(attempt)
    raise AssertionError("the loop above returns or raises")


def _put_once(client: Client, repository: str, digest: str, size: int, open_source: Callable[[], Iterator[bytes]]) -> None:
    what = f"uploading a layer to {client.host}/{repository}"
    scope = client.writing_scope(repository)
    path = f"/v2/{repository}/blobs/uploads/"
    begun = client.call("POST", path, scope, body=b"")
    address = str(begun.headers.get("Location", ""))
    if begun.status != 202 or not address:
        raise client.refusal(begun, what)
    url = _with_digest(urljoin(f"{client.base_url}{path}", address), digest)
    for _ in range(_HOPS):
        if not same_origin(url, client.base_url):
            if _is_only_unencrypted(url, client.base_url):
                raise Refused(
                    f"{client.host} wants layers uploaded without encryption, and credentials are not sent so",
                    "tell the registry that a proxy encrypts: let it set 'X-Forwarded-Proto: https', or give "
                    "the registry its own address (distribution: 'http.host')",
                )
            raise Refused(
                f"{client.host} wants layers uploaded to another host, and credentials go to no other host",
                "name that host in 'registries' instead, with its own login",
            )
        headers = {"Content-Type": "application/octet-stream", "Content-Length": str(size)}
        headers["Authorization"] = client.authorization(scope)
        try:
            response = client.transport.send_stream("PUT", url, headers, open_source())
        except HTTPError as error:
            raise unreachable(url, error) from error
        if response.status in _STORED:
            response.close()
            return
        location = str(response.headers.get("Location", ""))
        if response.status not in REDIRECTS or not location:
            raise _failure(client, response, what, scope)
        response.close()
        url = urljoin(url, location)
    raise Unavailable(f"{client.host} redirects uploads without end", "run the job again")


def _is_only_unencrypted(url: str, base_url: str) -> bool:
    """Tell whether an address differs from the registry's own in that it is plain HTTP."""
    address, own = urlsplit(url), urlsplit(base_url)
    return (address.scheme, own.scheme) == ("http", "https") and address.hostname == own.hostname


def _with_digest(url: str, digest: str) -> str:
    return f"{url}{'&' if '?' in url else '?'}{urlencode({'digest': digest})}"


def _failure(client: Client, response: urllib3.BaseHTTPResponse, what: str, scope: str) -> ActionError:
    if response.status == 401:
        client.forget(scope)  # the login ran out during a long upload: the next attempt signs in anew
    if response.status in TRANSIENT or response.status == 401:
        response.close()
        return Unavailable(f"{what} failed with status {response.status}", "run the job again later")
    return client.refusal(response, what)
