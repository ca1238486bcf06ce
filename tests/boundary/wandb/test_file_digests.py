"""The SHA-256 of a model's files: read from W&B's storage, checked against the manifest, refused where they differ."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import pytest

from mlops_actions.boundary.wandb import manifest
from mlops_actions.boundary.wandb.project import WandbProject
from mlops_actions.boundary.wandb.server import Server
from mlops_actions.core.errors import ActionError, Refused, Unavailable
from mlops_actions.core.runs import Artifact, ArtifactFile
from mlops_sandbox.host import Host
from mlops_sandbox.wandb import WandbServer
from tests.support.interceptor import Answer, Interceptor
from tests.support.logs import RecordingLog

MODEL = Artifact("digits-model", 0, "model", "d1")
CONTENTS = {"model.pt": b"the weights" * 1000, "config/a b.json": b"{}", "empty": b""}
LIMIT = 1_000_000
MANIFEST, FILES = b'"currentManifest"', b'"artifactMembership": {"files"'


@dataclass
class Storage:
    """A W&B whose model has the files `CONTENTS`, and what stands between it and the client."""

    server: WandbServer
    wire: Interceptor
    url: str

    def client(self) -> tuple[WandbProject, RecordingLog, list[float]]:
        log, slept = RecordingLog(), list[float]()
        server = Server(self.url, self.url, self.server.api_key)
        return WandbProject("sandbox/digits", server, log, pause=slept.append), log, slept

    def files(self, limit: int = LIMIT) -> tuple[ArtifactFile, ...]:
        return self.client()[0].files(MODEL, limit)

    @property
    def model(self) -> Any:
        return self.server.store.project("sandbox", "digits").collections["digits-model"].versions[0]

    def blob(self, path: str) -> str:
        return str(self.model.files[path] if path else self.model.manifest)

    def set_manifest(self, change: Callable[[Any], None]) -> None:
        """Change the manifest that the storage holds."""
        document = json.loads(self.server.store.blobs[self.model.manifest])
        change(document)
        self.server.store.blobs[self.model.manifest] = json.dumps(document).encode()


@pytest.fixture
def storage() -> Iterator[Storage]:
    server = WandbServer()
    wire = Interceptor(server.app, prefix="")
    collection = server.store.project("sandbox", "digits").collection("digits-model", "model")
    server.store.add_artifact(collection, "d1", contents=CONTENTS)
    with Host(wire) as host:
        yield Storage(server, wire, host.url)


def test_each_file_has_the_sha256_of_its_content(storage: Storage) -> None:
    project, log, _ = storage.client()
    assert project.files(MODEL, LIMIT) == tuple(
        ArtifactFile(path, len(content), hashlib.sha256(content).hexdigest()) for path, content in sorted(CONTENTS.items())
    )
    assert log.lines == ["reading digits-model:v0 (0.0 MB) to compute the SHA-256 of its files"]
    # The addresses hold the right to read, so no line of the log has them.
    assert not any(storage.blob(path) in line for path in ("", *CONTENTS) for line in log.lines)


def test_no_credential_goes_to_the_storage(storage: Storage) -> None:
    seen: list[Mapping[str, str]] = []
    application = storage.server.app

    async def record(scope: Any, receive: Any, send: Any) -> None:
        if scope["path"].startswith("/storage/"):
            seen.append({name.decode(): value.decode() for name, value in scope["headers"]})
        await application(scope, receive, send)

    storage.wire.application = record
    storage.files()
    assert len(seen) == 1 + len(CONTENTS)
    assert not [headers for headers in seen if "authorization" in headers or "cookie" in headers]


def test_addresses_are_asked_for_in_small_batches(storage: Storage) -> None:
    many = {f"part-{index:03}": f"{index}".encode() for index in range(25)}
    collection = storage.server.store.project("sandbox", "digits").collection("sharded", "model")
    storage.server.store.add_artifact(collection, "d2", contents=many)
    files = storage.client()[0].files(Artifact("sharded", 0, "model", "d2"), LIMIT)
    assert [file.path for file in files] == sorted(many)
    assert len([exchange for exchange in storage.server.requests if exchange.operation == "MlopsArtifact"]) == 1 + 3


def _expired(true: Answer) -> Answer:
    return true.with_body(b"<Error>Request has expired</Error>", "application/xml", 403)


def _cut(true: Answer) -> Answer:
    return replace(true, body=true.body[:100])


def _busy(true: Answer) -> Answer:
    return true.with_body(b"slow down", "text/plain", 503)


TRANSIENT: list[tuple[str, Callable[[Answer], Answer], str]] = [
    ("an address that expired", _expired, "the storage answered 403"),
    ("an answer that is cut", _cut, "reading it again"),
    ("a storage that is busy", _busy, "W&B's storage answered 503; trying again"),
]


@pytest.mark.parametrize(("change", "said"), [case[1:] for case in TRANSIENT], ids=[case[0] for case in TRANSIENT])
def test_a_file_is_read_again(storage: Storage, change: Callable[[Answer], Answer], said: str) -> None:
    project, log, _ = storage.client()
    storage.wire.arm(f"GET /storage/{storage.blob('model.pt')}", change, 1)
    files = {file.path: file for file in project.files(MODEL, LIMIT)}
    assert storage.wire.changed == 1
    assert files["model.pt"].sha256 == hashlib.sha256(CONTENTS["model.pt"]).hexdigest()
    assert any(said in line for line in log.lines), log.lines


@pytest.mark.parametrize("path", ["", "model.pt"], ids=["manifest", "file"])
@pytest.mark.parametrize("change", [_expired, _cut, _busy])
def test_a_storage_that_never_answers_is_an_error(storage: Storage, change: Callable[[Answer], Answer], path: str) -> None:
    storage.wire.arm(f"GET /storage/{storage.blob(path)}", change)
    with pytest.raises(Unavailable) as error:
        storage.files()
    assert "digits-model:v0" in error.value.cause
    assert storage.blob(path) not in str(error.value), "the address is a secret"


def _other_bytes(storage: Storage) -> None:
    blobs = storage.server.store.blobs
    blobs[storage.blob("model.pt")] = blobs[storage.blob("model.pt")][::-1]


def _more_bytes(storage: Storage) -> None:
    storage.server.store.blobs[storage.blob("model.pt")] += b"x"


def _reference(storage: Storage) -> None:
    entry = {"digest": "etag", "ref": "s3://bucket/model.pt", "size": 5, "extra": {"etag": "etag"}}
    storage.set_manifest(lambda document: document["contents"].update({"model.pt": entry}))


def _no_file(storage: Storage) -> None:
    storage.set_manifest(lambda document: document.update(contents={}))


def _unknown_file(storage: Storage) -> None:
    entry = {"digest": "XUFAKrxLKna5cZ2REBfFkg==", "size": 5}
    storage.set_manifest(lambda document: document["contents"].update({"gone.pt": entry}))


def _no_manifest(storage: Storage) -> None:
    storage.server.store.blobs[storage.model.manifest] = b"<html>"


def _newer_manifest(storage: Storage) -> None:
    storage.set_manifest(lambda document: document.update(version=2))


def _insecure(storage: Storage) -> None:
    _address(storage, "ftp://storage.example/x")


def _nowhere(storage: Storage) -> None:
    _address(storage, "http://[")


def _address(storage: Storage, url: str) -> None:
    def change(true: Answer) -> Answer:
        if MANIFEST not in true.body:
            return true
        body = json.loads(true.body)
        membership = body["data"]["project"]["artifactCollection"]["artifactMembership"]
        membership["artifact"]["currentManifest"]["file"]["directUrl"] = url
        return true.with_body(json.dumps(body).encode())

    storage.wire.arm("POST /graphql", change)


REFUSED: list[tuple[str, Callable[[Storage], None], type[ActionError], str]] = [
    ("other bytes", _other_bytes, Refused, "gives bytes with another MD5 for 'model.pt'"),
    ("more bytes", _more_bytes, Refused, "gives more than its 11000 bytes for 'model.pt'"),
    ("a reference", _reference, Refused, "only refers to 's3://bucket/model.pt'"),
    ("no file", _no_file, Refused, "holds no file"),
    ("a file that W&B does not know", _unknown_file, Unavailable, "gives no address of 'gone.pt'"),
    ("no manifest", _no_manifest, Unavailable, "gives as the manifest of digits-model:v0 is none"),
    ("a newer manifest", _newer_manifest, Unavailable, "it is no manifest of version 1"),
    ("an address without encryption", _insecure, Refused, "an address without encryption for digits-model:v0"),
    ("no address", _nowhere, Refused, "an address without encryption"),
]


@pytest.mark.parametrize(("change", "kind", "said"), [case[1:] for case in REFUSED], ids=[case[0] for case in REFUSED])
def test_what_is_not_the_logged_model_is_refused(
    storage: Storage, change: Callable[[Storage], None], kind: type[ActionError], said: str
) -> None:
    change(storage)
    with pytest.raises(kind) as error:
        storage.files()
    assert said in error.value.cause
    assert error.value.remedy


def test_a_model_larger_than_the_limit_is_not_read(storage: Storage) -> None:
    storage.wire.arm("GET /none", lambda true: true)
    with pytest.raises(Refused, match=r"larger than 'max-model-size' \(0\.0 MB\)") as error:
        storage.files(limit=11_001)
    assert "raise 'max-model-size'" in error.value.remedy
    assert [call for call in storage.wire.calls if "/storage/" in call] == [f"GET /storage/{storage.model.manifest}"]
    assert storage.files(limit=11_002)


def test_files_without_a_size_count_against_the_limit_as_they_are_read(storage: Storage) -> None:
    def without_sizes(document: Any) -> None:
        for entry in document["contents"].values():
            del entry["size"]

    storage.set_manifest(without_sizes)
    assert {file.path: file.size for file in storage.files()} == {path: len(content) for path, content in CONTENTS.items()}
    with pytest.raises(Refused, match="larger than 'max-model-size'"):
        storage.files(limit=11_001)


def test_a_digest_that_is_no_md5_is_not_compared(storage: Storage) -> None:
    """W&B can keep XXH128, which Python's library does not compute; the size is compared."""
    xxh = {"digest": "AAECAwQFBgcICQoLDA0ODw==", "extra": {"alg": "XXH128"}, "size": len(CONTENTS["model.pt"])}
    storage.set_manifest(lambda document: document["contents"].update({"model.pt": xxh}))
    assert {file.path for file in storage.files()} == set(CONTENTS)


@pytest.mark.parametrize(
    "document",
    [
        None, [], {}, {"version": "1"}, {"version": 1}, {"version": 1, "contents": []},
        {"version": 1, "contents": {"x": 1}}, {"version": 1, "contents": {"": {"digest": "XUFAKrxLKna5cZ2REBfFkg=="}}},
        {"version": 1, "contents": {"x": {}}}, {"version": 1, "contents": {"x": {"digest": "no base64"}}},
        {"version": 1, "contents": {"x": {"digest": "AAEC"}}},
        {"version": 1, "contents": {"x": {"digest": "XUFAKrxLKna5cZ2REBfFkg==", "size": -1}}},
        {"version": 1, "contents": {"x": {"digest": "XUFAKrxLKna5cZ2REBfFkg==", "size": True}}},
    ],
    ids=str,
)  # fmt: skip
def test_another_form_of_a_manifest_is_refused(document: Any) -> None:
    with pytest.raises(ValueError, match=r"manifest|contents|file|size|MD5"):
        manifest.entries(document)
