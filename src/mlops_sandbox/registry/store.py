"""The storage of the registry: blobs as files, manifests and tags by repository."""

from __future__ import annotations

import hashlib
import json
import secrets
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from mlops_sandbox.registry.specification import DIGEST, INDEX_TYPES, MANIFEST_TYPES, RegistryError

READ_SIZE = 1 << 20


@dataclass(frozen=True)
class StoredManifest:
    """One manifest with the exact bytes that a client pushed."""

    content: bytes
    media_type: str

    @property
    def digest(self) -> str:
        """`sha256:…` of the bytes."""
        return "sha256:" + hashlib.sha256(self.content).hexdigest()


@dataclass
class Repository:
    """The digests of a repository's blobs, its manifests, and the digests of its tags."""

    blobs: set[str] = field(default_factory=set)
    manifests: dict[str, StoredManifest] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)

    def manifest(self, reference: str) -> StoredManifest:
        """Return the manifest of a tag or digest; raises MANIFEST_UNKNOWN."""
        manifest = self.manifests.get(self.tags.get(reference, reference))
        if manifest is None:
            raise RegistryError("MANIFEST_UNKNOWN", "manifest unknown")
        return manifest


class Upload:
    """A blob while a client uploads it: its bytes are appended to a file and hashed.

    `state` is what a client must send back with each further request, in the query of the upload's address.
    """

    def __init__(self, folder: Path) -> None:
        self.id = str(uuid.uuid4())
        self.state = f"{secrets.token_urlsafe(24)}=="
        self.path = folder / self.id
        self.size = 0
        self._hash = hashlib.sha256()
        self._file: BinaryIO = self.path.open("wb")

    def append(self, chunk: bytes) -> None:
        """Append bytes."""
        self._file.write(chunk)
        self._hash.update(chunk)
        self.size += len(chunk)

    def close(self) -> None:
        """Flush to disk; nothing can be appended afterwards."""
        self._file.close()

    def discard(self) -> None:
        """Delete the bytes."""
        self.close()
        self.path.unlink(missing_ok=True)

    def matches(self, digest: str) -> bool:
        """Return whether the bytes so far have this digest (sha256 or sha512)."""
        self._file.flush()
        algorithm, _, expected = digest.partition(":")
        if algorithm == "sha256":
            return self._hash.hexdigest() == expected
        file_hash = hashlib.new(algorithm)
        with self.path.open("rb") as file:
            while chunk := file.read(READ_SIZE):
                file_hash.update(chunk)
        return file_hash.hexdigest() == expected


class Store:
    """All repositories; they share blobs on disk, but serve only those pushed or mounted to them."""

    def __init__(self, root: Path) -> None:
        self._blobs = root / "blobs"
        self._incoming = root / "uploads"
        self._blobs.mkdir(parents=True, exist_ok=True)
        self._incoming.mkdir(exist_ok=True)
        self.repositories: dict[str, Repository] = {}
        self._uploads: dict[tuple[str, str], Upload] = {}

    def repository(self, name: str) -> Repository:
        """Return a repository that exists; raises NAME_UNKNOWN."""
        repository = self.repositories.get(name)
        if repository is None:
            raise RegistryError("NAME_UNKNOWN", "repository name not known to registry")
        return repository

    def _get_or_create(self, name: str) -> Repository:
        return self.repositories.setdefault(name, Repository())

    def blob(self, name: str, digest: str) -> Path:
        """Return the file of a blob this repository serves; raises BLOB_UNKNOWN or DIGEST_INVALID."""
        require_digest(digest)
        if digest not in self.repositories.get(name, Repository()).blobs:
            raise RegistryError("BLOB_UNKNOWN", "blob unknown to registry")
        return self._blob_path(digest)

    def _blob_path(self, digest: str) -> Path:
        return self._blobs / digest.replace(":", "-")

    def digest_of_tag(self, name: str, tag: str) -> str | None:
        """Return the digest that a tag stands for, or None."""
        return self.repositories.get(name, Repository()).tags.get(tag)

    def lose(self, name: str, digest: str) -> None:
        """Lose a blob or a manifest while the tags and manifests that need it stay.

        A clean-up of untagged manifests does that to the children of an index, for instance on ghcr.io
        (https://github.com/vlaurin/action-ghcr-prune/issues/76), and a garbage collection during a push to blobs.
        """
        self.repositories[name].manifests.pop(digest, None)
        self.repositories[name].blobs.discard(digest)

    def start_upload(self, name: str) -> Upload:
        """Start an upload into the repository."""
        upload = Upload(self._incoming)
        self._uploads[name, upload.id] = upload
        return upload

    def upload(self, name: str, identity: str) -> Upload:
        """Return an upload in progress; raises BLOB_UPLOAD_UNKNOWN."""
        upload = self._uploads.get((name, identity))
        if upload is None:
            raise RegistryError("BLOB_UPLOAD_UNKNOWN", "blob upload unknown to registry")
        return upload

    def finish_upload(self, name: str, upload: Upload, digest: str) -> None:
        """Store the upload as a blob; where its digest differs, discard it and raise DIGEST_INVALID."""
        require_digest(digest)
        self._uploads.pop((name, upload.id), None)
        if not upload.matches(digest):
            upload.discard()
            raise RegistryError("DIGEST_INVALID", "provided digest did not match uploaded content")
        upload.close()
        upload.path.replace(self._blob_path(digest))
        self._get_or_create(name).blobs.add(digest)

    def cancel_upload(self, name: str, upload: Upload) -> None:
        """Discard an upload."""
        self._uploads.pop((name, upload.id), None)
        upload.discard()

    def mount(self, name: str, digest: str, source: str) -> bool:
        """Let the repository `name` serve a blob of `source`; False where `source` has no such blob."""
        if digest not in self.repositories.get(source, Repository()).blobs:
            return False
        self._get_or_create(name).blobs.add(digest)
        return True

    def put_manifest(self, name: str, reference: str, manifest: StoredManifest) -> None:
        """Store a manifest under its digest and, where `reference` is a tag, under the tag.

        Raises MANIFEST_INVALID, MANIFEST_BLOB_UNKNOWN (it refers to a blob that was not pushed) or DIGEST_INVALID.
        """
        repository = self._get_or_create(name)
        require_complete(repository, manifest)
        if DIGEST.fullmatch(reference) and reference != manifest.digest:
            raise RegistryError("DIGEST_INVALID", "provided digest did not match uploaded content")
        repository.manifests[manifest.digest] = manifest
        if not DIGEST.fullmatch(reference):
            repository.tags[reference] = manifest.digest

    def delete_manifest(self, name: str, reference: str) -> None:
        """Remove a tag, or a manifest with all tags that point at it; raises MANIFEST_UNKNOWN."""
        repository = self.repository(name)
        if reference in repository.tags:
            del repository.tags[reference]
            return
        digest = repository.manifest(reference).digest
        del repository.manifests[digest]
        repository.tags = {tag: target for tag, target in repository.tags.items() if target != digest}

    def delete_blob(self, name: str, digest: str) -> None:
        """Stop serving a blob from this repository; raises BLOB_UNKNOWN."""
        self.blob(name, digest)
        self.repositories[name].blobs.discard(digest)


def require_digest(digest: str) -> None:
    """Raise DIGEST_INVALID unless the text is a sha256 or sha512 digest."""
    if not DIGEST.fullmatch(digest):
        raise RegistryError("DIGEST_INVALID", "invalid digest")


def require_complete(repository: Repository, manifest: StoredManifest) -> None:
    """Raise unless the manifest is JSON of its media type and the repository has all blobs that it refers to."""
    if manifest.media_type not in MANIFEST_TYPES:
        raise RegistryError("MANIFEST_INVALID", f"media type {manifest.media_type!r} is not a manifest's")
    try:
        document: Any = json.loads(manifest.content)
        if document.get("mediaType", manifest.media_type) != manifest.media_type:
            raise RegistryError("MANIFEST_INVALID", "mediaType differs from Content-Type")
        if manifest.media_type in INDEX_TYPES:
            missing = {child["digest"] for child in document["manifests"]} - repository.manifests.keys()
        else:
            # Layers with `urls` (foreign layers) are stored elsewhere.
            blobs = [document["config"], *(layer for layer in document["layers"] if not layer.get("urls"))]
            missing = {blob["digest"] for blob in blobs} - repository.blobs
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise RegistryError("MANIFEST_INVALID", f"not a manifest: {error!r}") from error
    if missing:
        raise RegistryError("MANIFEST_BLOB_UNKNOWN", "not in this repository: " + ", ".join(sorted(missing)))
