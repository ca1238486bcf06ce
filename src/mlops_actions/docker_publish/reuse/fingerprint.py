"""Hash all that enters a build: the filtered context, and everything else by value or digest.

Times, owners and ignored files do not enter: BuildKit does not look at them either.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from mlops_actions.docker_publish.reuse.dockerignore import IgnorePatterns, parse
from mlops_actions.docker_publish.tags.reserved import FINGERPRINT_PREFIX

VERSION = 3  # of the fingerprint: raise it when the meaning of any part changes
_READ_BYTES = 1 << 20


@dataclass(frozen=True)
class FingerprintInputs:
    """Everything but the context. Values of secrets are left out: with the public tag, anybody could guess them.

    `dockerfile` is in hexadecimal digits, byte for byte. `builder` is the builder's platform and `epoch` the commit's time,
    each only where the Dockerfile names it.
    """

    dockerfile: str
    target: str
    platforms: tuple[str, ...]
    builder: str
    build_arguments: Mapping[str, str]
    epoch: str
    labels: Mapping[str, str]
    options: tuple[str, ...]
    bases: Mapping[str, str]
    secret_ids: tuple[str, ...]
    attestations: tuple[str, ...]
    salt: str
    trust: str
    generation: str


def key(context: str, inputs: FingerprintInputs) -> str:
    """Return the fingerprint, 64 hexadecimal digits, of a context's hash and all the rest."""
    document = {"version": VERSION, "context": context, **asdict(inputs)}
    return hashlib.sha256(json.dumps(document, sort_keys=True, ensure_ascii=True).encode()).hexdigest()


def tag(fingerprint: str) -> str:
    """Return the tag under which the registry keeps a fingerprint."""
    return FINGERPRINT_PREFIX + fingerprint


def unkeyed_tag(sha: str, platforms: Sequence[str]) -> str:
    """Return the tag of an image without a fingerprint that gets no tag of its own; no lookup ever asks for it."""
    return FINGERPRINT_PREFIX + "-".join(
        ["none", sha[:12], *(platform.replace("/", "-") for platform in platforms if platform)]
    )


def read_ignore(context: Path, dockerfile: Path, extra_patterns: Sequence[str] = ()) -> IgnorePatterns:
    """Read `<Dockerfile>.dockerignore` beside the Dockerfile, else the context's `.dockerignore`; raises ValueError.

    `extra_patterns` follow those of the file.
    """
    text = ""
    for folder, name in ((dockerfile.parent, f"{dockerfile.name}.dockerignore"), (context, ".dockerignore")):
        path = folder / name
        if path.is_file():
            # An error quotes lines of this file: a link must not choose another file of the machine.
            if not path.resolve().is_relative_to(folder.resolve()):
                raise ValueError(f"{name} is a link that leads out of its folder")
            text = path.read_text(encoding="utf-8", errors="surrogateescape")
            break
    return parse("\n".join((text, *extra_patterns)))


def hash_context(context: Path, ignore: IgnorePatterns) -> str:
    """Hash path, type, mode, link target and content of everything that reaches the build; raises OSError."""
    digest = hashlib.sha256()
    for path, entry in walk(context, ignore):
        _add(digest, path, entry)
    return digest.hexdigest()


def walk(folder: Path, ignore: IgnorePatterns, prefix: str = "") -> Iterator[tuple[str, os.DirEntry[str]]]:
    """Yield the entries that reach the build, by name, parents first; `prefix` is the folder's own path in the context.

    An excluded folder reaches it too, with its mode, where it holds a file that a later pattern includes again.
    """
    with os.scandir(folder) as entries:
        ordered: Sequence[os.DirEntry[str]] = sorted(entries, key=lambda entry: os.fsencode(entry.name))
    for entry in ordered:
        path = f"{prefix}{entry.name}"
        excluded = ignore.excludes(path)
        if not excluded:
            yield path, entry
        if entry.is_dir(follow_symlinks=False) and (not excluded or ignore.has_exceptions):
            inside = walk(Path(entry.path), ignore, f"{path}/")
            if excluded and (first := next(inside, None)):
                yield path, entry
                yield first
            yield from inside


def _add(digest: hashlib._Hash, path: str, entry: os.DirEntry[str]) -> None:
    status = entry.stat(follow_symlinks=False)
    kind = stat.S_IFMT(status.st_mode)
    header = [os.fsencode(path), b"%o" % status.st_mode]
    if capability := _capability(entry.path):
        header.append(capability)
    if stat.S_ISLNK(kind):
        header.append(os.fsencode(os.readlink(entry.path)))  # noqa: PTH115 - the link's exact text, not a Path
    elif stat.S_ISREG(kind):
        header.append(_content(entry.path))
    elif not stat.S_ISDIR(kind):
        header.append(b"%d" % status.st_rdev)
    # The length precedes each part, so that two different trees never give the same bytes.
    for part in header:
        digest.update(b"%d:" % len(part) + part)


def _capability(path: str) -> bytes:
    """Return the rights that Linux gives a program by its file; of all extended attributes, this one reaches an image."""
    try:
        return os.getxattr(path, "security.capability", follow_symlinks=False)
    except (OSError, AttributeError):  # it has none; or a system without such attributes
        return b""


def _content(path: str) -> bytes:
    digest = hashlib.sha256()
    with open(path, "rb") as file:  # noqa: PTH123 - scandir gives the path as text
        while chunk := file.read(_READ_BYTES):
            digest.update(chunk)
    return digest.digest()
