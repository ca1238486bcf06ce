"""Push an image as BuildKit and dockerd do, and report a refusal in their words.

A token is fetched once: older BuildKits did not fetch another one in the middle of a push, and newer ones do not for every
request (https://github.com/docker/buildx/issues/324, https://github.com/docker/buildx/issues/2749).
"""

from __future__ import annotations

import http
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from urllib.parse import urlencode, urljoin

import urllib3

from mlops_sandbox.registry.specification import OCI_MANIFEST

_BLOB = "application/octet-stream"
_CODES = ("DENIED", "MANIFEST_INVALID", "MANIFEST_UNKNOWN", "NAME_UNKNOWN", "TAG_INVALID", "TOOMANYREQUESTS", "UNAUTHORIZED")


@dataclass(frozen=True)
class LocalBlob:
    """A blob and its digest."""

    digest: str
    content: bytes = field(repr=False)


class PushError(Exception):
    """The registry refused; the message is the builder's or the daemon's."""


@dataclass
class LocalPush:
    """Pushes to one repository at `base` (scheme and host), with a basic Authorization header or an empty text.

    `by_buildkit` says in whose words a refusal is reported.
    """

    base: str
    repository: str
    login: str
    by_buildkit: bool
    _authorization: str = field(default="", repr=False)

    def push(self, tag: str, blobs: Sequence[LocalBlob], manifest: bytes) -> None:
        """Push the blobs, then the manifest under the tag; raises PushError."""
        for blob in blobs:
            begun = self._send("POST", f"/v2/{self.repository}/blobs/uploads/", b"")
            address = urljoin(self.base, begun.headers["Location"])
            separator = "&" if "?" in address else "?"
            self._send("PUT", f"{address}{separator}{urlencode({'digest': blob.digest})}", blob.content)
        self._send("PUT", f"/v2/{self.repository}/manifests/{tag}", manifest, OCI_MANIFEST)

    def _send(
        self, method: str, address: str, body: bytes, kind: str = "application/octet-stream"
    ) -> urllib3.BaseHTTPResponse:
        url = urljoin(self.base, address)
        answer = self._once(method, url, body, kind)
        if answer.status == 401 and not self._authorization:
            self._authorization = self._answer(answer.headers.getlist("WWW-Authenticate"))
            answer = self._once(method, url, body, kind)
        if not 200 <= answer.status < 300:
            raise PushError(_words_of_buildkit(method, url, answer) if self.by_buildkit else _words_of_dockerd(answer))
        return answer

    def _once(self, method: str, url: str, body: bytes, kind: str) -> urllib3.BaseHTTPResponse:
        """Send a request, and follow redirects with the same body, as Go's HTTP client does for 307."""
        for _ in range(10):
            headers = {"Content-Type": kind} | ({"Authorization": self._authorization} if self._authorization else {})
            answer = urllib3.request(method, url, body=body, headers=headers, redirect=False, retries=False)
            if answer.status != 307:
                return answer
            url = urljoin(url, answer.headers["Location"])
        return answer

    def _answer(self, challenges: Sequence[str]) -> str:
        """Answer a challenge, for a token where one is offered."""
        text = ", ".join(challenges)
        bearer = re.search(r"\bBearer realm=\"?([^\",]+)", text)
        if bearer is None:
            return self.login
        scope = urlencode({"scope": f"repository:{self.repository}:pull,push"})
        headers = {"Authorization": self.login} if self.login else {}
        document = urllib3.request("GET", f"{bearer[1]}?{scope}", headers=headers).json()
        return f"Bearer {document.get('token') or document.get('access_token')}"


def _status(answer: urllib3.BaseHTTPResponse) -> str:
    return f"{answer.status} {http.HTTPStatus(answer.status).phrase}"


def _words_of_buildkit(method: str, url: str, answer: urllib3.BaseHTTPResponse) -> str:
    """Word it as https://github.com/docker/build-push-action/issues/1194 shows it; older BuildKits show no body."""
    return f'failed commit on ref "manifest-sha256:…": unexpected status from {method} request to {url}: {_status(answer)}'


def _words_of_dockerd(answer: urllib3.BaseHTTPResponse) -> str:
    """Word it as the client of distribution 2.8, which dockerd pushes with: a code in small letters, or `unknown`."""
    if answer.status >= 500:
        return f"received unexpected HTTP status: {_status(answer)}"
    try:
        error = json.loads(answer.data)["errors"][0]
    except (ValueError, KeyError, IndexError, TypeError) as problem:
        if answer.status == 401:
            return "unauthorized: authentication required"
        return f"error parsing HTTP {answer.status} response body: {problem}: {answer.data.decode()!r}"
    known = (
        "DENIED",
        "MANIFEST_INVALID",
        "MANIFEST_UNKNOWN",
        "NAME_UNKNOWN",
        "TAG_INVALID",
        "TOOMANYREQUESTS",
        "UNAUTHORIZED",
    )
    code = error["code"] if error["code"] in known else "UNKNOWN"
    return f"{code.lower().replace('_', ' ')}: {error['message']}"
