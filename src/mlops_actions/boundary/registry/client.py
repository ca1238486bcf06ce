"""A thin client of the OCI distribution API, for the calls that Docker's own tools do not offer.

Credentials go to the registry and to the token realm it names, and nowhere else: redirects are followed without them.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from urllib.parse import quote, urlencode, urlsplit

import urllib3

from mlops_actions.boundary.http import is_loopback, same_origin
from mlops_actions.boundary.registry import address, blobs
from mlops_actions.boundary.registry.answers import joined, message_of, next_link
from mlops_actions.boundary.registry.challenges import parse
from mlops_actions.boundary.registry.transport import BrokenAnswer, RegistryTransport, read, stream
from mlops_actions.boundary.retry import TRANSIENT
from mlops_actions.core import registries
from mlops_actions.core.errors import ActionError, Refused, Unavailable
from mlops_actions.core.oci import MANIFEST_TYPES, Manifest, is_manifest, json_object
from mlops_actions.core.ports import Log
from mlops_actions.core.types import Json

# `Accept: */*` would get a converted manifest with another digest from some registries (tried with distribution 2.8).
_ACCEPT = {"Accept": ", ".join(MANIFEST_TYPES)}
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128}")
_MAX_PAGES = 1000
_TAGS_PER_PAGE = 1000
_NO_HEAD = (405, 501)
# 202: Quay stores the manifest and answers so (https://github.com/containerd/containerd/pull/3750).
_STORED = (200, 201, 202)


@dataclass(frozen=True)
class BasicCredentials:
    """A user name and a password or token of one registry."""

    username: str
    password: str = field(repr=False)

    @property
    def basic(self) -> str:
        """The value of a basic Authorization header."""
        return "Basic " + base64.b64encode(f"{self.username}:{self.password}".encode()).decode()


class RegistryClient:
    """One registry, as one user (None: anonymous). Raises Refused (401, 403, 404 on writing) and Unavailable.

    A request that failed by the network, 429 or 5xx is sent again, `retries` times, after `backoff`, 2·`backoff`, … seconds
    or as long as Retry-After says, up to a minute. `pushes_to` is a repository that will be written to: the right to write
    is requested along with the right to read, since each token costs two requests.
    """

    def __init__(
        self,
        host: str,
        credentials: BasicCredentials | None,
        log: Log,
        *,
        retries: int = 3,
        backoff: float = 0.5,
        pushes_to: str = "",
        allows_http: bool = False,
    ) -> None:
        self.host = host
        self._credentials = credentials
        self.transport = RegistryTransport(host, log, retries=retries, backoff=backoff)
        self._pushes_to = pushes_to
        self._allows_http = allows_http
        self._authorization: dict[str, str] = {}
        self._unscoped_authorization = ""  # serves every scope

    @cached_property
    def base_url(self) -> str:
        """The address of the registry's API, without a trailing slash."""
        host = registries.api_host(self.host)
        return address.base_url(
            host, allows_http=self._allows_http, ask=self.transport.ask, gateway=address.gateway_of_container
        )

    @property
    def speaks_http(self) -> bool:
        """Whether it is asked in plain HTTP; raises Unavailable where nothing answers."""
        return self.base_url.startswith("http://")

    @property
    def is_anonymous(self) -> bool:
        """Whether there are no credentials."""
        return self._credentials is None

    @property
    def address(self) -> str:
        """The address of the registry's API, also where nothing answers: then by HTTPS at the registry's name."""
        try:
            return self.base_url
        except Unavailable:
            return f"https://{registries.api_host(self.host)}"

    # Calls of the distribution API

    def sign_in(self) -> bool:
        """Raise Refused unless these credentials are accepted; False where the registry asks for none at `GET /v2/`."""
        response, _ = self._get("/v2/", scope="")
        if response.status != 200:
            raise self.refusal(response, f"signing in to {self.host}")
        return bool(self.authorization(""))

    def require_push(self, repository: str) -> None:
        """Raise Refused unless these credentials may push: begin an upload and cancel it, before anything is built."""
        path = f"/v2/{repository}/blobs/uploads/"
        response = self.call("POST", path, _scope(repository, "push"), body=b"")
        if response.status != 202:
            raise self.refusal(response, f"pushing to {self.host}/{repository}")
        self._cancel_upload(path, response, _scope(repository, "push"))

    def _cancel_upload(self, path: str, started: urllib3.BaseHTTPResponse, scope: str) -> None:
        address = started.headers.get("Location", "")
        location = joined(f"{self.base_url}{path}", address) if address else ""
        if location and same_origin(location, self.base_url):
            # Some registries cannot delete an upload; they forget it by themselves.
            authorization = self._authorization.get(scope, self._unscoped_authorization)
            with contextlib.suppress(ActionError):
                self.transport.send("DELETE", location, {"Authorization": authorization})

    def digest_of(self, repository: str, reference: str) -> str | None:
        """Return the digest behind a tag (HEAD), or None where there is none."""
        path = f"/v2/{repository}/manifests/{quote(reference, safe=':')}"
        response = self.call("HEAD", path, scope=self.reading_scope(repository), headers=_ACCEPT)
        if response.status == 404:
            return None
        if response.status not in (200, *_NO_HEAD):
            raise self.refusal(response, f"reading {self.host}/{repository}:{reference}")
        digest = response.headers.get("Docker-Content-Digest", "")
        if response.status == 200 and _DIGEST.fullmatch(digest):
            return digest
        # The header is optional in the specification, and some registries have no HEAD; the bytes are always there.
        manifest = self.manifest(repository, reference)
        return manifest.digest if manifest else None

    def manifest(self, repository: str, reference: str) -> Manifest | None:
        """Return the manifest behind a tag or digest, checked against its digest; None where there is none."""
        path = f"/v2/{repository}/manifests/{quote(reference, safe=':')}"
        response, content = self._get(path, self.reading_scope(repository), _ACCEPT)
        if response.status == 404:
            return None
        if response.status != 200:
            raise self.refusal(response, f"reading {self.host}/{repository}:{reference}")
        # The requested digest counts, whatever the response's header says.
        digest = reference if _DIGEST.fullmatch(reference) else response.headers.get("Docker-Content-Digest", "")
        digest = digest if _DIGEST.fullmatch(digest) else _digest(content)
        if digest != _digest(content, digest.partition(":")[0]):
            raise Unavailable(
                f"{self.host} sent a manifest of {repository}:{reference} whose bytes are not those of {digest}",
                "run the job again; if it persists, a proxy between the runner and the registry changes its responses",
            )
        media_type = response.headers.get("Content-Type", "").partition(";")[0].strip()
        if media_type not in MANIFEST_TYPES:
            raise Unavailable(
                f"{self.host} sent {media_type[:80]!r} for {repository}:{reference}, which is no manifest",
                "check the inputs 'image' and 'registry', and the proxies between the runner and the registry",
            )
        manifest = Manifest(digest, media_type, content)
        if not is_manifest(manifest.document):
            raise Unavailable(
                f"{self.host} sent no manifest for {repository}:{reference}, though it says so",
                "check the inputs 'image' and 'registry', and the proxies between the runner and the registry",
            )
        return manifest

    def put_manifest(self, repository: str, reference: str, content: bytes, media_type: str) -> None:
        """Store the very bytes of a manifest under a tag or digest, so that its digest stays the same."""
        path = f"/v2/{repository}/manifests/{quote(reference, safe=':')}"
        response = self.call(
            "PUT", path, scope=_scope(repository, "push"), headers={"Content-Type": media_type}, body=content
        )
        if response.status not in _STORED:
            raise self.refusal(response, f"tagging {self.host}/{repository}:{reference}")
        # A page of a proxy has 200 too, where the specification has 201.
        if response.status == 200 and self.digest_of(repository, reference) != _digest(content):
            raise Unavailable(
                f"{self.host} answered 200 to tagging {repository}:{reference}, and does not show that image there",
                "run the job again; if it persists, check the proxies between the runner and the registry",
            )

    def mount_blob(self, repository: str, digest: str, source: str) -> bool:
        """Let a repository share a blob of another one, `source`; False where the registry wants it uploaded instead."""
        scope = f"{_scope(repository, 'push')} {_scope(source, 'pull')}"
        path = f"/v2/{repository}/blobs/uploads/?{urlencode({'mount': digest, 'from': source})}"
        response = self.call("POST", path, scope, body=b"")
        if response.status == 202:
            self._cancel_upload(path, response, scope)
        if response.status not in (201, 202):
            raise self.refusal(response, f"mounting a layer of {source} into {self.host}/{repository}")
        return response.status == 201

    def tags(self, repository: str) -> list[str]:
        """List all tags, page after page; an unknown repository has none."""
        tags: list[str] = []
        first = path = f"/v2/{repository}/tags/list?n={_TAGS_PER_PAGE}"
        pages: set[str] = set()
        while path and path not in pages and len(pages) < _MAX_PAGES:
            response, content = self._get(path, self.reading_scope(repository))
            if response.status == 404 and path == first:
                return tags
            if response.status != 200:
                raise self.refusal(response, f"listing the tags of {self.host}/{repository}")
            page = self._tags_of_page(repository, json_object(content))
            tags += page
            pages.add(path)
            path = self._next_page(path, ", ".join(response.headers.getlist("Link")))
            if not path and len(page) == _TAGS_PER_PAGE:  # go-containerregistry cuts the list there, and names no next page
                path = f"{first}&{urlencode({'last': page[-1]})}"
        if path:  # with a part of the tags, an older version would be taken for the newest one
            raise Unavailable(
                f"{self.host} lists the tags of {repository} without end",
                "run the job again, or give 'tags' without 'latest'",
            )
        return tags

    def _tags_of_page(self, repository: str, page: Json) -> list[str]:
        """Return the tags of one page; a repository without tags may have null. With fewer, `latest` could move back."""
        tags = [] if page.get("tags", 0) is None else page.get("tags")
        if not isinstance(tags, list) or not all(isinstance(tag, str) for tag in tags):
            raise Unavailable(
                f"{self.host} sent no list of tags for {repository}",
                "check the inputs 'image' and 'registry', and the proxies between the runner and the registry",
            )
        return tags

    def _next_page(self, path: str, header: str) -> str:
        """Return path and query of the next page; empty on the last one.

        The registry's own address counts, whatever host the header names: behind a gateway it is an internal one.
        """
        link = next_link(header)
        if not link:
            return ""
        parts = urlsplit(joined(self.base_url + path, link))
        return f"{parts.path}?{parts.query}"

    def blob(self, repository: str, digest: str) -> bytes:
        """Return a small blob (an image's configuration), checked against its digest."""
        if not _DIGEST.fullmatch(digest):
            raise Unavailable(f"{self.host} names a blob by {digest[:80]!r}, which is no digest", "build the image again")
        response, content = self._get(f"/v2/{repository}/blobs/{digest}", self.reading_scope(repository))
        if response.status != 200:
            raise self.refusal(response, f"reading {self.host}/{repository}@{digest}")
        if _digest(content, digest.partition(":")[0]) != digest:
            raise Unavailable(f"{self.host} sent other bytes than those of {digest}", "run the job again")
        return content

    def has_blob(self, repository: str, digest: str) -> bool:
        """Tell whether a blob is there, without reading it."""
        path = f"/v2/{repository}/blobs/{quote(digest, safe=':')}"
        response = self.call("HEAD", path, self.reading_scope(repository))
        if response.status not in (200, 404):
            # No HEAD here, or it was redirected to a storage whose signed address serves GET alone.
            response = self.call("GET", path, self.reading_scope(repository))
            response.close()
        if response.status not in (200, 404):
            raise self.refusal(response, f"looking for a layer of {self.host}/{repository}")
        return response.status == 200

    def stream_blob(self, repository: str, digest: str) -> Iterator[bytes]:
        """Yield a blob piece by piece, as long as the caller goes on; it is not checked against its digest."""
        if not _DIGEST.fullmatch(digest):
            raise Unavailable(f"{self.host} names a blob by {digest[:80]!r}, which is no digest", "build the image again")
        response = self.call("GET", f"/v2/{repository}/blobs/{digest}", self.reading_scope(repository))
        if response.status != 200:
            raise self.refusal(response, f"reading {self.host}/{repository}@{digest}")
        yield from stream(response)

    def put_blob(self, repository: str, digest: str, size: int, open_source: Callable[[], Iterator[bytes]]) -> None:
        """Upload a blob of `size` bytes; `open_source` is called again where an attempt fails on the way."""
        blobs.put(self, repository, digest, size=size, open_source=open_source)

    # Authorisation: RFC 7235 challenges, Docker's token specification

    def reading_scope(self, repository: str) -> str:
        """Return the scope of a request that reads."""
        return _scope(repository, "push" if repository == self._pushes_to else "pull")

    def _get(
        self, path: str, scope: str, headers: Mapping[str, str] | None = None
    ) -> tuple[urllib3.BaseHTTPResponse, bytes]:
        """Return an answer and its body, empty where it is refused; an answer that breaks off is asked for once more."""
        for is_last in (False, True):
            response = self.call("GET", path, scope, headers)
            if response.status != 200:
                break
            try:
                return response, read(response)
            except BrokenAnswer:
                if is_last:
                    raise
        return response, b""

    def writing_scope(self, repository: str) -> str:
        """Return the scope of a request that writes."""
        return _scope(repository, "push")

    def authorization(self, scope: str) -> str:
        """Return the Authorization header that the last challenge asked for; empty before one."""
        return self._authorization.get(scope, self._unscoped_authorization)

    def forget(self, scope: str) -> None:
        """Drop the token of a scope, which the registry does not take any more."""
        self._authorization.pop(scope, None)

    def call(
        self,
        method: str,
        path: str,
        scope: str,
        headers: Mapping[str, str] | None = None,
        *,
        body: bytes | None = None,
    ) -> urllib3.BaseHTTPResponse:
        """Send a request; answer one challenge for a token of this scope, also where a token has expired meanwhile."""
        authorization = self._authorization.get(scope, self._unscoped_authorization)
        response = self.transport.send(
            method, self.base_url + path, headers={**(headers or {}), "Authorization": authorization}, body=body
        )
        if response.status == 401:
            authorization = self._authorize(response.headers.getlist("WWW-Authenticate"), scope)
            self._authorization[scope] = authorization
            response = self.transport.send(
                method, self.base_url + path, headers={**(headers or {}), "Authorization": authorization}, body=body
            )
        return response

    def _authorize(self, challenges: list[str], scope: str) -> str:
        """Make the Authorization header that a challenge asks for; empty without credentials."""
        offered = parse(challenges)
        bearers = [challenge.parameters for challenge in offered if challenge.scheme == "bearer"]
        # Where name and password are offered too, a challenge that names no realm (`Basic, Bearer`) is none for a token.
        if bearers and (bearers[0].get("realm") or not any(challenge.scheme == "basic" for challenge in offered)):
            return self._token(bearers[0].get("realm", ""), bearers[0].get("service", ""), scope)
        self._unscoped_authorization = self._credentials.basic if self._credentials else ""
        return self._unscoped_authorization

    def _token(self, realm: str, service: str, scope: str) -> str:
        parts = urlsplit(realm)
        # Over a network, HTTP would show the password: it is for this machine, and where the registry itself speaks it.
        is_allowed = (is_loopback(parts.netloc) and is_loopback(self.host)) or same_origin(realm, self.base_url)
        if parts.scheme != "https" and not (parts.scheme == "http" and is_allowed):
            raise Refused(f"{self.host} names a token realm that cannot be trusted: {realm!r}", "check the input 'registry'")
        query = urlencode([("service", service), *(("scope", part) for part in scope.split())])
        headers = {"Authorization": self._credentials.basic if self._credentials else ""}
        response = self.transport.send("GET", f"{realm}{'&' if parts.query else '?'}{query}", headers)
        if response.status != 200:
            raise self.refusal(response, f"signing in to {self.host}")
        document = json_object(read(response))
        token = document.get("token") or document.get("access_token")
        if not isinstance(token, str) or not re.fullmatch(r"[\x21-\x7e]+", token):
            raise Unavailable(
                f"the token realm of {self.host} returned no token to GET {parts.netloc}{parts.path}", "run the job again"
            )
        return f"Bearer {token}"

    def refusal(self, response: urllib3.BaseHTTPResponse, operation: str) -> ActionError:
        """Make an error of the registry's response, with the remedy that fits."""
        try:
            message = message_of(read(response))
        except ActionError:
            message = ""
        cause = f"{operation} failed with status {response.status}" + (f": {message}" if message else "")
        if response.status in TRANSIENT:
            return Unavailable(cause, "the registry refused all retries: run the job again later")
        if response.status == 507:
            return Unavailable(cause, registries.REMEDY_OF_FULL_REGISTRY)
        is_denial = response.status in (401, 403)
        anonymous = self._credentials is None
        refused = Refused(
            cause,
            registries.remedy_of_denial(self.host, anonymous=anonymous)
            if is_denial
            else registries.remedy_of_rejection(message),
        )
        refused.status = response.status
        return refused


def _scope(repository: str, action: str) -> str:
    return f"repository:{repository}:{'pull,push' if action == 'push' else 'pull'}"


def _digest(content: bytes, algorithm: str = "sha256") -> str:
    return f"{algorithm}:{hashlib.new(algorithm, content).hexdigest()}"
