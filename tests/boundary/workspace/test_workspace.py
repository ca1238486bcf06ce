"""Paths that inputs name, in a workspace with links that lead out of it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from mlops_actions.boundary.workspace import WorkspaceFiles
from mlops_actions.core.errors import BadInput


def test_paths_stay_in_the_workspace(tmp_path: Path) -> None:
    root = tmp_path / "root"
    (root / "sub").mkdir(parents=True)
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "Dockerfile").write_text("FROM scratch\n")
    (root / "Dockerfile").write_text("FROM scratch\n")
    (root / "link").symlink_to(tmp_path / "secret")
    (root / "Linked").symlink_to(tmp_path / "secret" / "Dockerfile")
    (root / "loop").symlink_to("loop")
    workspace = WorkspaceFiles(root)
    assert workspace.folder("sub", "context") == root.resolve() / "sub"
    assert workspace.file("sub/../Dockerfile", "file") == root.resolve() / "Dockerfile"
    for path in ("..", "link", "/etc", "sub/../../secret"):
        with pytest.raises(BadInput, match="leads out of the workspace"):
            workspace.folder(path, "context")
    for path in ("Linked", "link/Dockerfile", "/etc/passwd", "../secret/Dockerfile"):
        with pytest.raises(BadInput, match="leads out of the workspace"):
            workspace.file(path, "file")
    for path in ("missing", "sub", "nul\0", "x" * 5000):
        with pytest.raises(BadInput, match="input 'file'"):
            workspace.file(path, "file")
    for path in ("missing", "Dockerfile", "loop"):
        with pytest.raises(BadInput, match="input 'context'"):
            workspace.folder(path, "context")


def test_an_empty_workspace_asks_for_a_checkout(tmp_path: Path) -> None:
    with pytest.raises(BadInput) as error:
        WorkspaceFiles(tmp_path).file("Dockerfile", "file")
    assert "actions/checkout" in error.value.remedy


def test_files_are_written_below_a_new_folder(tmp_path: Path) -> None:
    workspace = WorkspaceFiles(tmp_path)
    folder = workspace.path("reports/today", "report-dir")
    assert workspace.write(folder, {"a.csv": "x\r\n", "b.md": "é"}) == {
        "a.csv": "reports/today/a.csv",
        "b.md": "reports/today/b.md",
    }
    assert (tmp_path / "reports" / "today" / "a.csv").read_bytes() == b"x\r\n"
    assert {path.name for path in folder.iterdir()} == {"a.csv", "b.md"}


def test_a_link_in_place_of_a_written_file_is_replaced_and_not_followed(tmp_path: Path) -> None:
    root, outside = tmp_path / "root", tmp_path / "outside"
    root.mkdir()
    outside.write_text("untouched")
    (root / "a.csv").symlink_to(outside)
    WorkspaceFiles(root).write(root.resolve(), {"a.csv": "new"})
    assert outside.read_text() == "untouched"
    assert not (root / "a.csv").is_symlink()
    assert (root / "a.csv").read_text() == "new"


@pytest.mark.parametrize("blocked", ["file", "folder"])
def test_a_folder_that_cannot_be_written_is_bad_input(tmp_path: Path, blocked: str) -> None:
    workspace = WorkspaceFiles(tmp_path)
    if blocked == "file":
        (tmp_path / "reports").mkdir()
        (tmp_path / "reports" / "a.csv").mkdir()
    else:
        (tmp_path / "reports").write_text("a file where the folder should be")
    with pytest.raises(BadInput, match=r"cannot be (written|made)"):
        workspace.write(workspace.path("reports", "report-dir"), {"a.csv": "x"})


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files away")
def test_what_root_wrote_is_given_to_the_workspace_s_owner(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.write_text("")
    root = tmp_path / "workspace"
    root.mkdir()
    os.chown(root, 1001, 121)
    files = WorkspaceFiles(root)
    out = files.path("a/b/out", "outputs")
    files.make_folder(out)
    (out / "sub").mkdir()
    (out / "sub" / "file").write_text("")
    (out / "link").symlink_to(outside)
    files.hand_over(out)
    files.write(files.path("reports/today", "report-dir"), {"report.csv": "x"})
    paths = list(root.rglob("*"))
    assert {path.name for path in paths} == {"a", "b", "out", "sub", "file", "link", "reports", "today", "report.csv"}
    assert {(path.lstat().st_uid, path.lstat().st_gid) for path in paths} == {(1001, 121)}
    assert outside.stat().st_uid == 0


def test_a_folder_below_a_file_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(BadInput, match="cannot be made"):
        WorkspaceFiles(tmp_path).make_folder(tmp_path / "file" / "out")


LONG = "a" * 300  # no file system takes such a name


def test_a_name_that_is_too_long_is_bad_input(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="'report-dir' is no path"):
        WorkspaceFiles(tmp_path).path(f"out/../{LONG}", "report-dir")
    with pytest.raises(BadInput, match="cannot be made"):
        WorkspaceFiles(tmp_path).write(tmp_path / "out" / LONG, {"a.csv": "x"})


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files away")
def test_a_file_system_that_gives_nothing_away_loses_no_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:  # as a share does that squashes root
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "chown", refuse)
    files = WorkspaceFiles(tmp_path)
    assert files.write(files.path("reports/today", "report-dir"), {"a.csv": "x"}) == {"a.csv": "reports/today/a.csv"}
    files.hand_over(tmp_path / "reports")
    assert (tmp_path / "reports" / "today" / "a.csv").read_text() == "x"
