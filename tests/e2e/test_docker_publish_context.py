"""Compare the fingerprint with BuildKit itself: the files that it was sent, and the images that it requested."""

from __future__ import annotations

import hashlib
import io
import itertools
import json
import random
import re
import tarfile
from pathlib import Path

from mlops_actions.core.image_name import parse_reference
from mlops_actions.docker_publish.dockerfile import bases, instructions
from mlops_actions.docker_publish.reuse import fingerprint
from mlops_sandbox.host import Host
from mlops_sandbox.registry import Registry
from mlops_sandbox.registry.specification import OCI_MANIFEST
from mlops_sandbox.registry.store import StoredManifest
from tests.e2e.container_step import EXECUTABLES
from tests.e2e.docker_daemon import Docker
from tests.unit.docker_publish import test_context_links

TREE = (
    "a/b/c.py", "a/b/keep.md", "a/x.md", "docs/README.md", "docs/deep/er/x.md", "data/raw/1", "data/raw/2", "data/keep",
    "build/out", "src/build/out", "x1", "x2", "xa", "x-", "[odd]", "star*", "sp ace", "#hash", "!bang",
    "node_modules/m/i", ".env", "é/ü", "a.b", "a+b", "(p)", "{c}", "$d", "e^f", "g|h", "deep/a/b/c/d/e", "deep/a/z",
)  # fmt: skip
IGNORED = [
    "", "*", "*\n!a", "*\n!a/b", "*\n!a/b/c.py", "**", "**/*.md", "**/*.md\n!**/README.md", "a/**", "a/**\n!a/x.md", "/a",
    "a/", "./a", "/./a/../a/b", "../a", "a/../data", "data\n!data/keep", "data/*\n!data/keep", "x?", "x[0-9]", "x[^0-9]",
    "x[1-]", "x[!1]", "[[]odd]", "\\[odd\\]", "star\\*", "star*", "sp ace", "  x1  ", "\\#hash", "#hash", "\\!bang",
    "!bang", "*.b", "a+b", "a.b", "(p)", "{c}", "$d", "e^f", "g|h", "é", "é/*", "**/build", "build/**", "**/b/**",
    "deep/**/d", "deep/**\n!deep/**/e", "deep/*/b", "**/c/../z", "*/*", "*/*\n!docs/deep", "a\r\nx1\r\n", "\ufeffa", "!",
    "! a", "a\n!a/x.md\na/x*", "Dockerfile", ".dockerignore", "*\n!Dockerfile", "x1\n\n\nx2", "**/", "a//b", "a/b/",
    "***", "a/***", "x[2-1]", "x[", "\\", "a\\/b",
]  # fmt: skip
WORDS = ("a", "b", "*", "**", "x?", "*.md", "data", "raw", "deep", "docs", "[a-d]*", "build")
BUILD = """
import pathlib, subprocess
for folder in sorted(path for path in pathlib.Path("/cases").iterdir() if path.is_dir()):
    tar = folder.with_suffix(".tar")
    with folder.with_suffix(".log").open("wb") as log:
        command = ["docker", "buildx", "build", "--quiet", "--output", f"type=tar,dest={tar}", str(folder)]
        if subprocess.run(command, stdout=log, stderr=subprocess.STDOUT).returncode:
            tar.unlink(missing_ok=True)
"""


def generated_patterns(count: int) -> list[str]:
    """Make random patterns, the same ones every time."""
    rng = random.Random(4)
    lines = ("/".join(rng.choices(WORDS, k=rng.randint(1, 3))) for _ in range(3 * count))
    signed = [("!" if rng.random() < 0.4 else "") + line for line in lines]
    return ["\n".join(signed[number::count]) for number in range(count)]


def sent(archive: Path) -> set[str]:
    """Files, links and folders of a tar, by name."""
    with tarfile.open(archive) as tar:
        return {member.name.strip("/") for member in tar.getmembers()} - {"."}


def read(folder: Path) -> set[str] | None:
    """Return the files that the fingerprint covers, with their folders; None where it cannot be computed."""
    try:
        ignore = fingerprint.read_ignore(folder, folder / "Dockerfile")
    except ValueError:
        return None
    files = {path for path, _ in fingerprint.walk(folder, ignore)}
    return files | {str(parent) for path in files for parent in Path(path).parents} - {"."}


def test_the_fingerprint_covers_exactly_the_files_that_are_sent(
    docker: Docker, images: dict[str, str], tmp_path: Path
) -> None:
    cases = [*IGNORED, *generated_patterns(20)]
    for number, patterns in enumerate(cases):
        folder = tmp_path / f"{number:03}"
        for path in TREE:
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(path)
        (folder / "empty").mkdir()
        (folder / "link").symlink_to("a/b")
        (folder / ".dockerignore").write_bytes(patterns.encode())
        (folder / "Dockerfile").write_text("FROM scratch\nCOPY . /\n")
    docker(
        "run", "--rm", f"--volume={docker.socket}:/var/run/docker.sock", f"--volume={tmp_path}:/cases",
        f"--entrypoint={EXECUTABLES}/python",
        images["docker-publish"], "-Ic", BUILD,
    )  # fmt: skip
    wrong, unread = [], []
    for number, patterns in enumerate(cases):
        archive, covered = tmp_path / f"{number:03}.tar", read(tmp_path / f"{number:03}")
        actual = sent(archive) if archive.exists() else None
        if covered is None:
            # A fingerprint that cannot be computed costs a build; a wrong one would give a stale image.
            unread += [patterns] if actual is not None else []
        elif actual is not None and covered != actual:
            wrong.append((patterns, "not covered:", sorted(actual - covered), "not sent:", sorted(covered - actual)))
    assert wrong == []
    assert unread == []
    assert sum((tmp_path / f"{number:03}.tar").exists() for number in range(len(cases))) > 70


def test_every_link_that_buildkit_follows_into_git_is_followed(
    docker: Docker, images: dict[str, str], tmp_path: Path
) -> None:
    sources = [(source, leads) for source, leads in test_context_links.SOURCES if source]
    for number, (source, _) in enumerate(sources):
        folder = tmp_path / f"{number:03}"
        test_context_links.write(folder)
        (folder / ".git").mkdir()
        (folder / ".git" / "HEAD").write_text("the commit")
        (folder / "Dockerfile").write_text(f"FROM scratch\nCOPY {source} /x/\n")
    docker(
        "run", "--rm", f"--volume={docker.socket}:/var/run/docker.sock", f"--volume={tmp_path}:/cases",
        f"--entrypoint={EXECUTABLES}/python",
        images["docker-publish"], "-Ic", BUILD,
    )  # fmt: skip
    followed = 0
    for number, (source, leads) in enumerate(sources):
        archive = tmp_path / f"{number:03}.tar"
        reaches = archive.exists() and b"the commit" in archive.read_bytes()
        assert leads or not reaches, source
        followed += reaches
    assert followed > 8


OCI_CONFIG, OCI_LAYER = "application/vnd.oci.image.config.v1+json", "application/vnd.oci.image.layer.v1.tar"
# R is a registry that logs which images it is asked for; each is of one file.
DOCKERFILES = [
    "FROM R/one\n",
    "FROM R/one:2 AS base\nFROM base\n",
    "from R/one as base\nFrom R/two\ncopy --from=BASE / /\n",
    "ARG V=3\nFROM R/one:$V\n",
    "ARG V=3\nARG W=${V}-slim\nFROM R/one:${W}\n",
    "ARG V\nFROM R/one:${V:-9}\n",
    "ARG NAME=\"R/quoted\"\nFROM $NAME\n",
    "FROM R/one\nCOPY --from=R/two:1 /a /b\n",
    "FROM R/one\nRUN --mount=type=bind,from=R/two,target=/x true\n",
    "FROM R/one \\\n  # a comment\n  AS base\n\nFROM base\nCOPY --chown=1:1 --from=R/three /a /b\n",
    "# escape=`\nFROM R/one `\n AS base\nFROM base\n",
    "FROM --platform=linux/amd64 R/one\n",
    "FROM R/one AS a\nFROM R/two AS b\nFROM scratch\nCOPY --from=0 / /a\nCOPY --from=1 / /b\n",
]  # fmt: skip


def stock(registry: Registry) -> None:
    """Put one image of one file under every name that the cases use."""
    layer = io.BytesIO()
    with tarfile.open(fileobj=layer, mode="w") as tar:
        tar.addfile(tarfile.TarInfo("a"))
    rootfs = {"type": "layers", "diff_ids": [_digest(layer.getvalue())]}
    config = json.dumps({"architecture": "amd64", "os": "linux", "config": {}, "rootfs": rootfs}).encode()
    blobs = {OCI_CONFIG: config, OCI_LAYER: layer.getvalue()}
    described = [{"mediaType": kind, "digest": _digest(blob), "size": len(blob)} for kind, blob in blobs.items()]
    document = {"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": described[0], "layers": described[1:]}
    manifest = StoredManifest(json.dumps(document).encode(), OCI_MANIFEST)
    for number, name in itertools.product(range(len(DOCKERFILES)), ("one", "two", "three", "quoted")):
        repository = f"case-{number}/{name}"
        for blob in blobs.values():
            upload = registry.store.start_upload(repository)
            upload.append(blob)
            registry.store.finish_upload(repository, upload, _digest(blob))
        for tag in ("latest", "1", "2", "3", "3-slim", "9"):
            registry.store.put_manifest(repository, tag, manifest)


def _digest(content: bytes) -> str:
    return "sha256:" + hashlib.sha256(content).hexdigest()


def test_the_fingerprint_covers_exactly_the_images_that_are_requested(
    docker: Docker, images: dict[str, str], tmp_path: Path
) -> None:
    stand_in = Registry()
    stock(stand_in)
    with Host(stand_in.app) as host:
        registry = host.url.removeprefix("http://")
        for number, text in enumerate(DOCKERFILES):
            (tmp_path / f"{number:03}").mkdir()
            (tmp_path / f"{number:03}" / "Dockerfile").write_text(text.replace("R/", f"{registry}/case-{number}/"))
        docker(
            "run", "--rm", f"--volume={docker.socket}:/var/run/docker.sock", f"--volume={tmp_path}:/cases",
            f"--entrypoint={EXECUTABLES}/python", images["docker-publish"], "-Ic", BUILD,
        )  # fmt: skip
        for number, text in enumerate(DOCKERFILES):
            paths = (re.fullmatch(rf"/v2/(case-{number}/.*)/manifests/(.*)", entry.path) for entry in stand_in.log)
            # BuildKit looks up a tag once, and then reads the manifest by its digest.
            requested = {(path[1], path[2]) for path in paths if path}
            parsed = instructions.parse((tmp_path / f"{number:03}" / "Dockerfile").read_text())
            base_images = bases.find_base_images(parsed, {})
            assert base_images.reasons == (), text
            references = [parse_reference(image) for image in base_images.images]
            expected = {(reference.name.repository, reference.version) for reference in references}
            by_digest = {(repository, version) for repository, version in requested if version.startswith("sha256:")}
            assert expected <= requested, text
            assert requested - by_digest <= expected, text
            assert {repository for repository, _ in by_digest} <= {repository for repository, _ in expected}, text
