"""Paths that inputs name, in a workspace with links that lead out of it."""

from __future__ import annotations

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
    for path in ("https://github.com/octo/app.git", "git@github.com:octo/app", "ssh://x"):
        with pytest.raises(BadInput, match="is an address"):
            workspace.folder(path, "context")


def test_an_empty_workspace_asks_for_a_checkout(tmp_path: Path) -> None:
    with pytest.raises(BadInput) as error:
        WorkspaceFiles(tmp_path).file("Dockerfile", "file")
    assert "actions/checkout" in error.value.remedy
