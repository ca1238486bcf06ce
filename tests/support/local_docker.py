"""A Docker stand-in for tests of publishing without a daemon: its images hold the context, and it pushes them to a registry.

It prints what BuildKit's plain progress prints; no instruction of a Dockerfile is carried out.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import urllib3

from mlops_actions.core.errors import BadInput
from mlops_sandbox.registry.specification import OCI_MANIFEST
from tests.support.local_push import LocalBlob, LocalPush, PushError

_CONFIG = "application/vnd.oci.image.config.v1+json"
_LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"


@dataclass(frozen=True)
class LocalDaemon:
    """The daemon's properties; `containerd_store` selects the newer image store."""

    version: str = "0.0"
    containerd_store: bool = False
    platform: str = "linux/amd64"
    http_hosts: tuple[str, ...] = ()
    http_networks: tuple[str, ...] = ("127.0.0.0/8", "::1/128")


@dataclass(frozen=True)
class LocalBuilder:
    """A builder by name."""

    name: str
    platform: str = "linux/amd64"


@dataclass(frozen=True)
class LocalHistory:
    """What an image is made of."""

    platform: str
    entries: tuple[tuple[str, int], ...]
    environment: tuple[str, ...]


@dataclass(frozen=True)
class LocalImage:
    """What the daemon says of an image."""

    digest: str
    digests: tuple[str, ...] = ()
    platform: str = "linux/amd64"
    triggers: tuple[str, ...] = ()


@dataclass
class LocalDocker:
    """Implements docker-publish's port. `failures` are played before a build succeeds: the lines one run prints, exit 1.

    `builds` records the arguments and environment of each run, `images` what the "daemon" holds, by reference; `addresses`
    says where a registry's host really answers; `started` is the builder that an earlier step has started. `ran` is the
    cache: the build that ran each input; what runs again makes another image. `described` says more of images by name.
    """

    facts: LocalDaemon = field(default_factory=LocalDaemon)
    failures: list[Sequence[str]] = field(default_factory=list)
    builds: list[tuple[tuple[str, ...], dict[str, str]]] = field(default_factory=list)
    images: dict[str, str] = field(default_factory=dict)
    signed_in: dict[str, tuple[str, str]] = field(default_factory=dict)
    addresses: dict[str, str] = field(default_factory=dict)
    started: str = ""
    ran: dict[tuple[str, ...], int] = field(default_factory=dict)
    described: dict[str, LocalImage] = field(default_factory=dict)

    def daemon(self) -> LocalDaemon:
        """Say what it is."""
        return self.facts

    def sign_in(self, registry: str, username: str, password: str) -> None:
        """Keep credentials for pushing."""
        self.signed_in[registry] = (username, password)

    def find_started_builder(self) -> str:
        """Name the builder that was started."""
        return self.started

    def use_builder(self, builder: str) -> LocalBuilder:
        """Take any name but an empty one."""
        if not builder:
            raise BadInput("no builder", "name one")
        return LocalBuilder("mlops-actions")

    def image_size(self, reference: str) -> int | None:
        """Return some size for an image that is there."""
        return 1000 if reference in self.images else None

    def image_history(self, reference: str) -> LocalHistory | None:
        """Return a history for an image that is there: a base of another name, and the context."""
        if reference not in self.images:
            return None
        return LocalHistory(self.facts.platform, (("ADD rootfs", 100), ("COPY . . # buildkit", 900)), ("A=1",))

    def pull(self, reference: str) -> str:
        """Note that an image is there."""
        self.images[reference] = reference.rpartition("@")[2]
        return ""

    def retag(self, reference: str, references: Sequence[str]) -> str:
        """Move an image to other names."""
        if reference in self.images:
            identity = self.images.pop(reference)
            self.images |= dict.fromkeys(references, identity)
        return ""

    def local_image(self, repository: str, reference: str) -> LocalImage | None:
        """Describe an image that is there."""
        name = f"{repository}:{reference}"
        if name not in self.images:
            return None
        default = LocalImage(self.images[name], (self.images[name],), self.facts.platform)
        return replace(self.described.get(name, default), digest=self.images[name])

    def name_image(self, identities: Sequence[str], references: Sequence[str]) -> str:
        """Name the image of one of these digests, else free the names."""
        known = next((identity for identity in identities if identity in self.images.values()), "")
        if known:
            self.images |= dict.fromkeys(references, known)
            return "named"
        had = [self.images.pop(name) for name in references if name in self.images]
        return "freed" if had else "absent"

    def local_digest(self, repository: str, reference: str) -> str | None:
        """Look an image up."""
        return self.images.get(f"{repository}:{reference}")

    def build(self, arguments: Sequence[str], environment: Mapping[str, str], line: Callable[[str], None]) -> int:
        """Pack the context, push where `--push` is given, write the metadata; play a failure first where one is due."""
        self.builds.append((tuple(arguments), dict(environment)))
        if self.failures:
            for text in self.failures.pop(0):
                line(text)
            return 1
        given = [argument.partition("=")[::2] for argument in arguments]
        references = [value for name, value in given if name == "--tag"]
        # Without a destination the result goes to the daemon or the registry.
        for _, place in (pair for pair in given if pair[0] in ("--output", "--cache-to") and "dest=" in pair[1]):
            folder = Path(place.partition("dest=")[2])
            folder.mkdir(exist_ok=True)
            (folder / "train.py").write_text("exported")
        labels = dict(value.partition("=")[::2] for name, value in given if name == "--label")
        line("#1 [1/1] COPY . .")
        line("#1 DONE 0.0s")
        layer = _packed(Path(arguments[-1]))
        system, _, architecture = self.facts.platform.partition("/")
        ran_as = (_digest(layer), *(argument for argument in arguments if argument.startswith(("--label=", "--add-host="))))
        if "--no-cache" in arguments:
            self.ran.pop(ran_as, None)
        run = f"run {self.ran.setdefault(ran_as, len(self.builds))}"
        config: dict[str, Any] = {
            "architecture": architecture,
            "os": system,
            "config": {"Labels": labels},
            "rootfs": {"type": "layers", "diff_ids": [_digest(gzip.decompress(layer))]},
            "history": [{"created_by": "COPY . . # buildkit", "comment": "buildkit.dockerfile.v0", "author": run}],
        }
        blobs = (json.dumps(config, sort_keys=True).encode(), layer)
        described = [
            {"mediaType": kind, "digest": _digest(blob), "size": len(blob)}
            for kind, blob in zip((_CONFIG, _LAYER), blobs, strict=True)
        ]
        manifest = {"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": described[0], "layers": [described[1]]}
        content = json.dumps(manifest).encode()
        self.images |= dict.fromkeys(references, _digest(blobs[0]))
        metadata = {"containerimage.config.digest": _digest(blobs[0]), "containerimage.digest": _digest(blobs[0])}
        if "--push" in arguments or any(text.startswith("--output=type=image,push=true,") for text in arguments):
            by_buildkit = any(name == "--builder" for name, _ in given)
            for number, reference in enumerate(references, 2):
                if by_buildkit:
                    line(f"#{number} exporting to image")
                    line(f"#{number} pushing layers")
                else:
                    line(f"#{number} pushing {reference} with docker")
                try:
                    self._push(reference, blobs, content, by_buildkit=by_buildkit)
                except PushError as error:
                    problem = f"failed to push {reference}: {error}" if by_buildkit else str(error)
                    line(f"#{number} ERROR: {problem}")
                    line(f"ERROR: failed to build: failed to solve: {problem}" if by_buildkit else f"ERROR: {problem}")
                    return 1
            metadata["containerimage.digest"] = _digest(content)
        target = next(value for name, value in given if name == "--metadata-file")
        Path(target).write_text(json.dumps(metadata), encoding="utf-8")
        return 0

    def _push(self, reference: str, blobs: Sequence[bytes], manifest: bytes, *, by_buildkit: bool) -> None:
        """Push over plain HTTP; raises PushError."""
        name, _, tag = reference.rpartition(":")
        host, _, repository = name.partition("/")
        login = ""
        if host in self.signed_in:
            login = urllib3.make_headers(basic_auth=":".join(self.signed_in[host]))["authorization"]
        push = LocalPush(f"http://{self.addresses.get(host, host)}", repository, login, by_buildkit=by_buildkit)
        push.push(tag, [LocalBlob(_digest(blob), blob) for blob in blobs], manifest)


def _digest(content: bytes) -> str:
    return "sha256:" + hashlib.sha256(content).hexdigest()


def _packed(context: Path) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for path in sorted(context.rglob("*")):
            entry = archive.gettarinfo(path, str(path.relative_to(context)))
            entry.mtime = 0
            if path.is_file() and not path.is_symlink():
                with path.open("rb") as file:
                    archive.addfile(entry, file)
            else:
                archive.addfile(entry)
    return gzip.compress(out.getvalue(), mtime=0)
