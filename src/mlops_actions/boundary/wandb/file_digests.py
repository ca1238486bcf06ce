"""Compute the SHA-256 of an artifact's files: W&B keeps only their MD5, so each file is read, and checked against that.

W&B gives addresses in its storage that hold the right to read for a limited time (`directUrl`); no credential goes there.
The bytes are hashed as they come: nothing is kept, whatever the size of a model.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeVar
from urllib.parse import urljoin, urlsplit

from urllib3.exceptions import HTTPError

from mlops_actions.boundary.http import HttpClient, Limits, Redirects, RefusedRedirect, read_body
from mlops_actions.boundary.retry import Answer, Retry, RetryPolicy, reason_of
from mlops_actions.boundary.wandb import manifest, requests
from mlops_actions.boundary.wandb.manifest import ManifestEntry
from mlops_actions.boundary.wandb.partial import Field
from mlops_actions.core.errors import Refused, Unavailable
from mlops_actions.core.json_text import parse_json
from mlops_actions.core.ports import Log
from mlops_actions.core.runs import Artifact, ArtifactFile

T = TypeVar("T")
# Asks about the project: the operation's name, the request, its variables. Returns the answer's project.
Ask = Callable[[str, Field, Callable[[], Mapping[str, Any]]], Mapping[str, Any]]

_ATTEMPTS = 3  # of one file: a connection can break within gigabytes
_BATCH = requests.ADDRESSES_PAGE_SIZE
_READ_BYTES = 1 << 20
_MAX_MANIFEST = 64 << 20
_PROGRESS_SECONDS = 10.0
_MEGABYTE = 1_000_000


class _Broken(Exception):
    """A file could not be read to its end; another attempt may."""


class FileDigests:
    """Reads the files of artifacts of one project at `base_url`; an answer may stall for `silence` seconds."""

    def __init__(self, ask: Ask, base_url: str, log: Log, pause: Callable[[float], None], *, silence: float) -> None:
        self._ask = ask
        self._base_url = base_url
        self._log = log
        self._pause = pause
        self._silence = silence
        self._client = HttpClient(log)

    def digests(self, artifact: Artifact, max_bytes: int) -> tuple[ArtifactFile, ...]:
        """Return the files in the order of their paths; raises Refused (too large, references, none), Unavailable."""
        entries = self._entries(artifact)
        for entry in entries:
            if entry.reference:
                raise Refused(
                    f"{artifact.label} only refers to {entry.reference!r}: W&B does not hold the bytes of {entry.path!r}",
                    "log the model's files themselves, or leave 'statement' out",
                )
        total = sum(entry.size or 0 for entry in entries)
        _check_size(artifact, total, max_bytes)
        if not entries:
            raise Refused(f"{artifact.label} holds no file", "log the model's files, or leave 'statement' out")
        progress = _Progress(self._log, artifact.label, total)
        return tuple(self._read_all(artifact, entries, max_bytes, progress))

    def _entries(self, artifact: Artifact) -> tuple[ManifestEntry, ...]:
        node = self._version(artifact, requests.artifact_manifest())
        answer = node.get("artifact")
        current = answer.get("currentManifest") if isinstance(answer, Mapping) else None
        file = current.get("file") if isinstance(current, Mapping) else None
        address = self._address(file, artifact.label)
        what = f"the manifest of {artifact.label}"
        try:
            content = self._get(address, what, lambda got: read_body(got.response, Limits(max_bytes=_MAX_MANIFEST)))
        except _Broken as broken:
            raise _unreadable(what, broken) from None
        try:
            return manifest.entries(parse_json(content))
        except ValueError as problem:
            raise Unavailable(
                f"what W&B's storage gives as the manifest of {artifact.label} is none: {problem}",
                "re-run the job; if it fails again, leave 'statement' out",
            ) from None

    def _version(self, artifact: Artifact, request: Field, **values: Any) -> Mapping[str, Any]:
        names = {"collection": artifact.name, "version": f"v{artifact.version}"}
        project = self._ask("MlopsArtifact", request, lambda: {**names, **values})
        collection = project.get("artifactCollection")
        node = collection.get("artifactMembership") if isinstance(collection, Mapping) else None
        if not isinstance(node, Mapping):
            raise Unavailable(f"W&B does not tell the files of {artifact.label}", "re-run the job")
        return node

    def _addresses(self, artifact: Artifact, paths: Sequence[str]) -> Mapping[str, str]:
        """Return the address of each file; they expire, so no more are asked for than are read next."""
        node = self._version(artifact, requests.artifact_files(), names=list(paths))
        files = node.get("files")
        edges = files.get("edges") if isinstance(files, Mapping) else None
        nodes = [edge.get("node") for edge in edges if isinstance(edge, Mapping)] if isinstance(edges, list) else []
        found = {file.get("name"): file for file in nodes if isinstance(file, Mapping)}
        return {path: self._address(found.get(path), f"{path!r} of {artifact.label}") for path in paths}

    def _address(self, file: Any, what: str) -> str:
        given = file.get("directUrl") if isinstance(file, Mapping) else None
        if not isinstance(given, str) or not given:
            raise Unavailable(f"W&B gives no address of {what}", "re-run the job; if it fails again, leave 'statement' out")
        try:
            address = urljoin(f"{self._base_url}/", given)
            scheme = urlsplit(address).scheme
        except ValueError:
            scheme = ""
        if scheme not in ("https", urlsplit(self._base_url).scheme):
            raise Refused(
                f"W&B gives an address without encryption for {what}", "ask the server's administrator for https addresses"
            )
        return address

    def _read_all(
        self, artifact: Artifact, entries: Sequence[ManifestEntry], max_bytes: int, progress: _Progress
    ) -> Iterator[ArtifactFile]:
        left = max_bytes
        for start in range(0, len(entries), _BATCH):
            batch = entries[start : start + _BATCH]
            addresses = self._addresses(artifact, [entry.path for entry in batch])
            for entry in batch:
                file = self._read(artifact, entry, addresses[entry.path], left, progress)
                left -= file.size
                yield file

    def _read(self, artifact: Artifact, entry: ManifestEntry, address: str, left: int, progress: _Progress) -> ArtifactFile:
        what = f"{entry.path!r} of {artifact.label}"
        for attempt in range(1, _ATTEMPTS + 1):
            before = progress.done
            try:
                return self._get(address, what, lambda got: self._hash(got, artifact, entry, left, progress))
            except _Broken as broken:
                if attempt == _ATTEMPTS:
                    raise _unreadable(what, broken) from None
                self._log.info(f"{what}: {broken}; reading it again")
                progress.done = before
                address = self._addresses(artifact, [entry.path])[entry.path]  # the old one may have expired
        raise AssertionError("the loop above returns or raises")

    def _get(self, address: str, what: str, read: Callable[[Answer], T]) -> T:
        """Get an address and read its answer. The address holds a secret, so no message contains it."""
        policy = RetryPolicy("W&B's storage", attempts=_ATTEMPTS, max_wait=60.0, pause=self._pause)
        limits = Limits(connect=15.0, silence=self._silence)
        try:
            answer = self._client.send(
                "GET",
                address,
                headers={"Accept-Encoding": "identity"},
                retry=Retry.under(policy),
                limits=limits,
                redirects=Redirects(limit=3, other_origins=True),
                read=False,
            )
            if answer.status != 200:
                answer.response.close()
                raise _Broken(f"the storage answered {answer.status}")
            return read(answer)
        except HTTPError as error:
            raise _Broken(reason_of(error)) from None
        except RefusedRedirect:
            raise Refused(
                f"W&B's storage redirects to an address without encryption for {what}",
                "ask the server's administrator for https addresses",
            ) from None

    def _hash(
        self, answer: Answer, artifact: Artifact, entry: ManifestEntry, left: int, progress: _Progress
    ) -> ArtifactFile:
        sha256, md5, size = hashlib.sha256(), hashlib.md5(usedforsecurity=False), 0
        limit = left if entry.size is None else min(left, entry.size)
        try:
            while chunk := answer.response.read(_READ_BYTES, decode_content=True):
                size += len(chunk)
                if size > limit:
                    if limit == left:
                        _check_size(artifact, progress.done + size, progress.done + left)
                    raise _differs(artifact, entry, f"more than its {entry.size} bytes")
                sha256.update(chunk)
                md5.update(chunk)
                progress.add(len(chunk))
        except BaseException:
            answer.response.close()  # its body may have no end
            raise
        answer.response.release_conn()
        if entry.size is not None and size < entry.size:
            raise _Broken(f"only {size} of {entry.size} bytes came")
        if entry.md5 and md5.digest() != entry.md5:
            raise _differs(artifact, entry, "bytes with another MD5")
        return ArtifactFile(entry.path, size, sha256.hexdigest())


class _Progress:
    """Says every some seconds how much of an artifact was read."""

    def __init__(self, log: Log, label: str, total: int) -> None:
        self._log, self._label, self._total = log, label, total
        self._said = time.monotonic()
        self.done = 0
        log.info(f"reading {label} ({_megabytes(total)}) to compute the SHA-256 of its files")

    def add(self, count: int) -> None:
        self.done += count
        if (now := time.monotonic()) - self._said >= _PROGRESS_SECONDS:
            self._said = now
            self._log.info(f"{self._label}: {_megabytes(self.done)} of {_megabytes(self._total)} read")


def _check_size(artifact: Artifact, size: int, max_bytes: int) -> None:
    if size > max_bytes:
        raise Refused(
            f"{artifact.label} is larger than 'max-model-size' ({_megabytes(max_bytes)}), so its files were not read",
            "raise 'max-model-size': the job reads the whole model once",
        )


def _unreadable(what: str, reason: Exception) -> Unavailable:
    return Unavailable(
        f"{what} could not be read from W&B's storage: {reason}", "re-run the job; if it fails again, leave 'statement' out"
    )


def _differs(artifact: Artifact, entry: ManifestEntry, how: str) -> Refused:
    return Refused(
        f"W&B's storage gives {how} for {entry.path!r} of {artifact.label}: it is not the file that was logged",
        "log the model again, and ask the server's administrator who changed the file",
    )


def _megabytes(count: int) -> str:
    return f"{count / _MEGABYTE:,.1f} MB"
