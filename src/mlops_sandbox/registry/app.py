"""The OCI distribution API (specification v1.1) over the store, for Docker, containerd and BuildKit.

Where the specification leaves a choice, it behaves as distribution 2.8 does.
"""

from __future__ import annotations

import re
import shutil
import tempfile
import weakref
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, urlencode

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mlops_sandbox.registry.access import Access, Account, Challenge
from mlops_sandbox.registry.faults import Fault
from mlops_sandbox.registry.quirks import Quirks
from mlops_sandbox.registry.specification import DIGEST, NAME, TAG, RegistryError
from mlops_sandbox.registry.store import Store, StoredManifest, Upload

VERSION_HEADER = {"Docker-Distribution-API-Version": "registry/2.0"}
PULL = frozenset({"pull"})
WRITE = frozenset({"pull", "push"})
DELETE = frozenset({"delete"})
MAX_MANIFEST_BYTES = 4 << 20  # the specification asks registries to accept at least this
Handler = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True)
class LoggedRequest:
    """One served request; `credentials` is the Authorization scheme (`basic`, `bearer`, or empty)."""

    method: str
    path: str
    query: str
    credentials: str
    status: int


class Registry:
    """A registry with its own state; serve `.app` (see `mlops_sandbox.host.Host`).

    `root` holds the blobs (a temporary directory where None, removed with the object). `accounts` maps user names to
    accounts; they apply with a `challenge` of `basic` or `bearer`, and `anonymous_pull` then lets anyone pull.
    `log` lists the served requests, oldest first; `faults` apply to the requests that they match, `quirks` to all.
    """

    def __init__(
        self,
        root: Path | None = None,
        *,
        challenge: Challenge = "none",
        accounts: Mapping[str, Account] | None = None,
        anonymous_pull: bool = False,
    ) -> None:
        if root is None:
            root = Path(tempfile.mkdtemp(prefix="sandbox-registry-"))
            weakref.finalize(self, shutil.rmtree, root, ignore_errors=True)
        self.store = Store(root)
        self.quirks = Quirks()
        self.access = Access(challenge, dict(accounts or {}), anonymous_pull, quirks=self.quirks)
        self.log: list[LoggedRequest] = []
        self.faults: list[Fault] = []
        self.app = Starlette(
            middleware=[Middleware(_Recorder, log=self.log, faults=self.faults)],
            routes=[
                Route("/v2/", self._guarded(_base, None), methods=["GET", "HEAD"]),
                Route("/token", self._token, methods=["GET", "POST"]),
                Route("/v2/{name:path}/tags/list", self._guarded(self._tags, PULL), methods=["GET"]),
                Route("/v2/{name:path}/blobs/uploads/", self._guarded(self._start_upload, WRITE), methods=["POST"]),
                Route("/v2/{name:path}/blobs/uploads/{upload}", self._guarded(self._upload_status, WRITE), methods=["GET"]),
                Route("/v2/{name:path}/blobs/uploads/{upload}", self._guarded(self._append_chunk, WRITE), methods=["PATCH"]),
                Route("/v2/{name:path}/blobs/uploads/{upload}", self._guarded(self._finish_upload, WRITE), methods=["PUT"]),
                Route(
                    "/v2/{name:path}/blobs/uploads/{upload}", self._guarded(self._cancel_upload, WRITE), methods=["DELETE"]
                ),
                Route("/v2/{name:path}/blobs/{digest}", self._guarded(self._blob, PULL), methods=["GET", "HEAD"]),
                Route("/v2/{name:path}/blobs/{digest}", self._guarded(self._delete_blob, DELETE), methods=["DELETE"]),
                Route("/v2/{name:path}/manifests/{reference}", self._guarded(self._manifest, PULL), methods=["GET", "HEAD"]),
                Route("/v2/{name:path}/manifests/{reference}", self._guarded(self._put_manifest, WRITE), methods=["PUT"]),
                Route(
                    "/v2/{name:path}/manifests/{reference}", self._guarded(self._delete_manifest, DELETE), methods=["DELETE"]
                ),
            ],
        )

    def _guarded(self, handler: Handler, actions: frozenset[str] | None) -> Handler:
        """Check name and access first; answer refusals in the specification's form."""

        async def serve(request: Request) -> Response:
            name = request.path_params.get("name")
            try:
                if name is not None and (len(name) > 255 or not NAME.fullmatch(name)):
                    raise RegistryError("NAME_INVALID", "invalid repository name")
                if moved := self.quirks.redirect(_address(request), request.method, request.url.path, request.url.query):
                    return Response(status_code=307, headers={"Location": moved})
                authorization = request.headers.get("authorization")
                self.access.require(authorization, _address(request), name, actions or frozenset())
                response = await handler(request)
            except RegistryError as error:
                response = error.response()
            except ClientDisconnect:
                response = RegistryError("BLOB_UPLOAD_INVALID", "the client disconnected").response()
            response.headers.update(VERSION_HEADER)
            return response

        return serve

    async def _token(self, request: Request) -> Response:
        """Issue a token: GET with basic credentials (Docker's token specification) or OAuth2's password grant."""
        if request.method == "POST":
            form = parse_qs((await request.body()).decode("utf-8", "replace"))
            user, password = form.get("username", [""])[0], form.get("password", [""])[0]
            has_credentials, scopes = bool(user), " ".join(form.get("scope", [])).split()
            account = self.access.authenticate(user, password)
        else:
            has_credentials, scopes = "authorization" in request.headers, request.query_params.getlist("scope")
            account = self.access.account(request.headers.get("authorization"))
        if has_credentials and account is None:
            return RegistryError("UNAUTHORIZED", "incorrect username or password").response()
        token = self.access.issue_token(account, [part for scope in scopes for part in scope.split()])
        answer = {"token": token, "access_token": token, "expires_in": 300}
        return JSONResponse({name: answer[name] for name in self.quirks.token_fields})

    # Manifests and tags

    async def _tags(self, request: Request) -> Response:
        name = request.path_params["name"]
        tags = sorted(self.store.repository(name).tags)
        last = request.query_params.get("last", "")
        remaining = [tag for tag in tags if tag > last] if last else tags
        count = request.query_params.get("n")
        if count is not None and not re.fullmatch(r"[0-9]{1,9}", count):
            raise RegistryError("UNSUPPORTED", "n must be a number")
        limit = self.quirks.tags_page or (len(remaining) if count is None else int(count))
        page = remaining[:limit]
        headers = {}
        if page and len(page) < len(remaining):
            query = urlencode({"last": page[-1], "n": limit})
            headers["Link"] = self.quirks.next_page(_address(request), f"/v2/{name}/tags/list?{query}")
        return JSONResponse({"name": name, "tags": page}, headers=headers)

    async def _manifest(self, request: Request) -> Response:
        reference = request.path_params["reference"]
        manifest = self.store.repository(request.path_params["name"]).manifest(reference)
        # distribution 2.8 converts Docker manifests for clients that do not accept them. This registry does not find them,
        # as 2.8 does not find OCI manifests, so that a client which forgot a media type fails.
        accepted = {part.partition(";")[0].strip() for part in ",".join(request.headers.getlist("accept")).split(",")}
        if manifest.media_type not in accepted:
            raise RegistryError("MANIFEST_UNKNOWN", f"{manifest.media_type} found, but the Accept header does not list it")
        if request.method == "HEAD" and self.quirks.head_status is not None:
            return Response(status_code=self.quirks.head_status)
        headers = {"ETag": f'"{manifest.digest}"', **self._digest_header(manifest.digest)}
        media_type = manifest.media_type + self.quirks.media_type_suffix
        return Response(manifest.content, media_type=media_type, headers=headers)

    def _digest_header(self, digest: str) -> dict[str, str]:
        return {"Docker-Content-Digest": digest} if self.quirks.digest_header else {}

    async def _put_manifest(self, request: Request) -> Response:
        name, reference = request.path_params["name"], request.path_params["reference"]
        if not TAG.fullmatch(reference) and not DIGEST.fullmatch(reference):
            raise RegistryError("TAG_INVALID", "manifest tag did not match URI")
        content = await request.body()
        if len(content) > MAX_MANIFEST_BYTES:
            raise RegistryError("SIZE_INVALID", "manifest is too large")
        manifest = StoredManifest(content, request.headers.get("content-type", ""))
        if not DIGEST.fullmatch(reference):
            current = self.store.digest_of_tag(name, reference)
            self.quirks.require_movable(name, reference, current, wanted=manifest.digest)
        late = self.quirks.late_statuses.pop(0) if self.quirks.late_statuses else 0
        if not late or self.quirks.late_is_stored:
            self.store.put_manifest(name, reference, manifest)
        if late == 401:
            self.access.revoke_tokens()
            self.access.require(None, _address(request), name, WRITE)
        if late:
            return Response(f"{late} from a gateway", status_code=late, media_type="text/plain")
        headers = {"Location": f"{_address(request)}/v2/{name}/manifests/{manifest.digest}"}
        return Response(status_code=self.quirks.manifest_status, headers=headers | self._digest_header(manifest.digest))

    async def _delete_manifest(self, request: Request) -> Response:
        self.store.delete_manifest(request.path_params["name"], request.path_params["reference"])
        return Response(status_code=202)

    # Blobs

    async def _blob(self, request: Request) -> Response:
        digest = request.path_params["digest"]
        path = self.store.blob(request.path_params["name"], digest)
        headers = {"Docker-Content-Digest": digest}
        return FileResponse(path, media_type="application/octet-stream", headers=headers)

    async def _delete_blob(self, request: Request) -> Response:
        self.store.delete_blob(request.path_params["name"], request.path_params["digest"])
        return Response(status_code=202)

    async def _start_upload(self, request: Request) -> Response:
        """Start an upload; `mount` and `from` reuse a blob of another repository, `digest` uploads it in one request."""
        name, query = request.path_params["name"], request.query_params
        if "mount" in query and "from" in query:
            can_mount = self.quirks.mounts and self._can_pull(request, query["from"])
            if can_mount and self.store.mount(name, query["mount"], query["from"]):
                return _created(request, name, query["mount"])
        upload = self.store.start_upload(name)
        if "digest" in query:
            return await self._complete(request, upload)
        return self._accepted(request, name, upload)

    def _can_pull(self, request: Request, source: str) -> bool:
        try:
            self.access.require(request.headers.get("authorization"), _address(request), source, PULL)
        except RegistryError:
            return False
        return True

    async def _upload_status(self, request: Request) -> Response:
        name, upload = self._upload(request)
        return self._accepted(request, name, upload, status=204)

    async def _append_chunk(self, request: Request) -> Response:
        name, upload = self._upload(request)
        await _receive(request, upload)
        return self._accepted(request, name, upload)

    async def _finish_upload(self, request: Request) -> Response:
        _, upload = self._upload(request)
        return await self._complete(request, upload)

    async def _complete(self, request: Request, upload: Upload) -> Response:
        name, digest = request.path_params["name"], request.query_params.get("digest", "")
        await _receive(request, upload)
        self.store.finish_upload(name, upload, digest)
        return _created(request, name, digest)

    async def _cancel_upload(self, request: Request) -> Response:
        name, upload = self._upload(request)
        self.store.cancel_upload(name, upload)
        return Response(status_code=204)

    def _accepted(self, request: Request, name: str, upload: Upload, *, status: int = 202) -> Response:
        base = _address(request) if self.quirks.upload_location == "address" else ""
        state = f"?{urlencode({'_state': upload.state})}" if self.quirks.upload_state else ""
        headers = {
            "Location": f"{base}/v2/{name}/blobs/uploads/{upload.id}{state}",
            "Range": f"0-{max(0, upload.size - 1)}",
            "Docker-Upload-UUID": upload.id,
        }
        return Response(status_code=status, headers=headers)

    def _upload(self, request: Request) -> tuple[str, Upload]:
        name: str = request.path_params["name"]
        upload = self.store.upload(name, request.path_params["upload"])
        if self.quirks.upload_state and request.query_params.get("_state") != upload.state:
            raise RegistryError("BLOB_UPLOAD_INVALID", "blob upload invalid")
        return name, upload


class _Recorder:
    """ASGI middleware that logs each request, and applies a fault that matches it."""

    def __init__(self, app: ASGIApp, *, log: list[LoggedRequest], faults: list[Fault]) -> None:
        self._app = app
        self._log = log
        self._faults = faults

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        method, path = scope["method"], scope["path"]
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        credentials = headers.get("authorization", "").partition(" ")[0].lower()

        async def send_logged(message: Message) -> None:
            if message["type"] == "http.response.start":
                query = scope["query_string"].decode("latin-1")
                self._log.append(
                    LoggedRequest(method=method, path=path, query=query, credentials=credentials, status=message["status"])
                )
            await send(message)

        fault = next((fault for fault in self._faults if fault.matches(method, path)), None)
        if fault is not None:
            await fault.answer(scope, receive, send_logged)
        else:
            await self._app(scope, receive, send_logged)


async def _base(_request: Request) -> Response:
    return JSONResponse({})


async def _receive(request: Request, upload: Upload) -> None:
    """Append the body; a Content-Range must start at the end of the upload (RANGE_INVALID)."""
    content_range = request.headers.get("content-range")
    if content_range is not None:
        match = re.fullmatch(r"(?:bytes )?([0-9]{1,18})-([0-9]{1,18})", content_range)
        if match is None or int(match[1]) != upload.size:
            raise RegistryError("RANGE_INVALID", f"the upload has {upload.size} bytes")
    async for chunk in request.stream():
        upload.append(chunk)


def _address(request: Request) -> str:
    return f"{request.url.scheme}://{request.url.netloc}"


def _created(request: Request, name: str, digest: str) -> Response:
    headers = {"Location": f"{_address(request)}/v2/{name}/blobs/{digest}", "Docker-Content-Digest": digest}
    return Response(status_code=201, headers=headers)
