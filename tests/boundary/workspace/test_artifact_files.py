"""Artifacts in the workspace: what is written where, and that nothing hostile leaves its folder."""

from __future__ import annotations

import gzip
import io
import os
import random
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from mlops_actions.boundary import artifact_files
from mlops_actions.boundary.artifact_files import ArtifactFiles
from mlops_actions.boundary.workspace import WorkspaceFiles
from mlops_actions.core.errors import BadInput, WorkFailed


def archive(*members: tuple[str, bytes] | tarfile.TarInfo, mode: str = "w:gz") -> bytes:
    """Return a tar file of plain files, and of other members as they are."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode) as tar:  # type: ignore[call-overload]
        for member in members:
            if isinstance(member, tarfile.TarInfo):
                tar.addfile(member)
            else:
                info = tarfile.TarInfo(member[0])
                info.size = len(member[1])
                tar.addfile(info, io.BytesIO(member[1]))
    return out.getvalue()


def special(name: str, kind: bytes, link: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, link
    return info


@pytest.fixture
def put(tmp_path: Path) -> Callable[[bytes], dict[str, bytes]]:
    """Put an artifact into the workspace and return all files of the workspace."""
    workspace = tmp_path / "workspace"
    workspace.mkdir()
    files = ArtifactFiles(WorkspaceFiles(workspace))

    def run(content: bytes, folder: str = "artifacts", name: str = "model") -> dict[str, bytes]:
        files.put(folder, (name,), "model.bin", iter([content]))
        found = [path for path in tmp_path.rglob("*") if path.is_file() or path.is_symlink()]
        return {str(path.relative_to(workspace)): path.read_bytes() for path in found}

    return run


@pytest.mark.parametrize(
    ("content", "files"),
    [
        (b"plain", {"artifacts/model/model.bin": b"plain"}),
        (b"", {"artifacts/model/model.bin": b""}),
        (b"\x1f\x8bno gzip", {"artifacts/model/model.bin": b"\x1f\x8bno gzip"}),
        (gzip.compress(b"text", mtime=0), {"artifacts/model/model.bin": gzip.compress(b"text", mtime=0)}),
        (archive(("a/b", b"1"), ("./c", b"2")), {"artifacts/model/a/b": b"1", "artifacts/model/c": b"2"}),
        (archive(("x", b"1"), mode="w"), {"artifacts/model/x": b"1"}),
        (archive(special("d", tarfile.DIRTYPE), ("d/x", b"1")), {"artifacts/model/d/x": b"1"}),
    ],
    ids=["text", "empty", "no gzip", "gzip", "tar.gz", "tar", "folder"],
)
def test_a_file_is_written_and_an_archive_is_unpacked(
    put: Callable[[bytes], dict[str, bytes]], content: bytes, files: dict[str, bytes]
) -> None:
    assert put(content) == files


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files away")
@pytest.mark.parametrize(
    "content", [b"plain", archive(special("d", tarfile.DIRTYPE), ("d/e/x", b"1"))], ids=["file", "archive"]
)
def test_all_that_was_put_belongs_to_the_workspace_s_owner(tmp_path: Path, content: bytes) -> None:
    os.chown(tmp_path, 1001, 121)
    ArtifactFiles(WorkspaceFiles(tmp_path)).put("artifacts/today", ("node", "model"), "model.bin", iter([content]))
    owners = {str(path.relative_to(tmp_path)): (path.stat().st_uid, path.stat().st_gid) for path in tmp_path.rglob("*")}
    assert {"artifacts", "artifacts/today", "artifacts/today/node", "artifacts/today/node/model"} < owners.keys()
    assert set(owners.values()) == {(1001, 121)}


HOSTILE = {
    "parent": archive(("../evil", b"x")),
    "parent inside": archive(("a/../../evil", b"x")),
    "absolute": archive(("/tmp/evil", b"x")),
    "backslash": archive(("..\\evil", b"x")),
    "symbolic link": archive(special("a", tarfile.SYMTYPE, "/etc/passwd")),
    "link and file through it": archive(special("a", tarfile.SYMTYPE, ".."), ("a/evil", b"x")),
    "hard link": archive(special("a", tarfile.LNKTYPE, "/etc/passwd")),
    "device": archive(special("a", tarfile.CHRTYPE)),
    "pipe": archive(special("a", tarfile.FIFOTYPE)),
    "long name": archive(("x" * 300, b"x")),
    "deep path": archive(("/".join(["d"] * 600), b"x")),
    "cut off": archive(("a", random.Random(0).randbytes(5_000)))[:3_000],
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_archive_is_refused_and_leaves_nothing(
    put: Callable[[bytes], dict[str, bytes]], tmp_path: Path, kind: str
) -> None:
    with pytest.raises(WorkFailed, match="is not brought into the workspace"):
        put(HOSTILE[kind])
    assert [path for path in tmp_path.rglob("*") if not path.is_dir()] == []
    assert not Path("/tmp/evil").exists()


@pytest.mark.parametrize(
    ("limit", "value", "content"),
    [
        ("MAX_DOWNLOAD", 10, b"x" * 11),
        ("MAX_UNPACKED", 50_000, archive(("bomb", bytes(200_000)))),
        ("MAX_MEMBERS", 2, archive(("a", b""), ("b", b""), ("c", b""))),
        ("MAX_HEADER", 1_000, archive(("a" * 200, b""), mode="w:gz")),
    ],
    ids=["download", "unpacked", "members", "header"],
)
def test_sizes_are_bounded(
    put: Callable[[bytes], dict[str, bytes]], monkeypatch: pytest.MonkeyPatch, limit: str, value: int, content: bytes
) -> None:
    if limit == "MAX_HEADER":
        info = tarfile.TarInfo("a")
        info.pax_headers = {"comment": "x" * 2_000}
        content = archive(info)
    monkeypatch.setattr(artifact_files, limit, value)
    with pytest.raises(WorkFailed):
        put(content)


@pytest.mark.parametrize(("folder", "name", "where"), [("../out", "model", ""), ("artifacts", "../x/y", "artifacts/x-y")])
def test_no_folder_and_no_name_leads_out(tmp_path: Path, folder: str, name: str, where: str) -> None:
    files = ArtifactFiles(WorkspaceFiles(tmp_path))
    if not where:
        with pytest.raises(BadInput, match="leads out of the workspace"):
            files.put(folder, (name,), "f", iter([b"x"]))
        with pytest.raises(BadInput, match="leads out of the workspace"):
            files.check(folder)
        return
    assert files.put(folder, (name,), "../f", iter([b"x"])) == (where, 1)
    assert (tmp_path / where / "f").read_bytes() == b"x"


def test_what_exists_is_not_overwritten_and_links_are_not_followed(tmp_path: Path) -> None:
    workspace, outside = tmp_path / "w", tmp_path / "outside"
    (workspace / "artifacts" / "model").mkdir(parents=True)
    outside.mkdir()
    (workspace / "out").symlink_to(outside)
    (workspace / "artifacts" / "link").symlink_to(outside)
    files = ArtifactFiles(WorkspaceFiles(workspace))
    for folder, name in (("artifacts", "model"), ("artifacts", "link"), ("out", "model")):
        with pytest.raises(BadInput):
            files.put(folder, (name,), "f", iter([b"x"]))
    assert list(outside.iterdir()) == []
