"""Read the manifest of a W&B artifact: which files it holds, and the digests that W&B keeps of them. Pure.

The form is that of W&B's SDK (0.31, `sdk/artifacts/artifact_manifests/artifact_manifest_v1.py` and
`artifact_manifest_entry.py`): each file's MD5 in base64, or XXH128 where the entry's `extra` says so, and its size. A
reference names a file elsewhere, such as `s3://…`, whose bytes W&B does not hold.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_VERSION = 1
_MD5_BYTES = 16


@dataclass(frozen=True)
class ManifestEntry:
    """A file of an artifact. `md5` is empty where W&B keeps another digest; `size` is None where it keeps none."""

    path: str
    md5: bytes
    size: int | None
    reference: str = ""


def entries(document: Any) -> tuple[ManifestEntry, ...]:
    """Return the files of a manifest in the order of their paths; raises ValueError where it has another form."""
    if not isinstance(document, Mapping) or document.get("version") != _VERSION:
        raise ValueError(f"it is no manifest of version {_VERSION}")
    contents = document.get("contents")
    if not isinstance(contents, Mapping):
        raise ValueError("it lists no contents")
    return tuple(_entry(path, contents[path]) for path in sorted(contents))


def _entry(path: str, entry: Any) -> ManifestEntry:
    if not path or not isinstance(entry, Mapping):
        raise ValueError(f"{path!r} is no file")
    reference = entry.get("ref")
    if reference:
        return ManifestEntry(path, b"", None, str(reference))
    size, extra = entry.get("size"), entry.get("extra")
    if size is not None and (not isinstance(size, int) or isinstance(size, bool) or size < 0):
        raise ValueError(f"{path!r} has no size")
    algorithm = extra.get("alg", "MD5") if isinstance(extra, Mapping) else "MD5"
    return ManifestEntry(path, _md5(path, entry.get("digest")) if algorithm == "MD5" else b"", size)


def _md5(path: str, digest: Any) -> bytes:
    try:
        value = base64.b64decode(str(digest), validate=True)
    except (ValueError, binascii.Error):
        value = b""
    if len(value) != _MD5_BYTES:
        raise ValueError(f"{path!r} has no MD5 in base64")
    return value
