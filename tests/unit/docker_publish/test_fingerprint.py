"""The hash of a build's context."""

from __future__ import annotations

import os
from pathlib import Path

from mlops_actions.docker_publish.reuse import dockerignore, fingerprint


def hashed(folder: Path, patterns: str = "") -> str:
    return fingerprint.hash_context(folder, dockerignore.parse(patterns))


def test_everything_that_reaches_a_build_changes_the_context_s_hash(tmp_path: Path) -> None:
    folder = tmp_path / "context"
    (folder / "a" / "b").mkdir(parents=True)
    (folder / "a" / "b" / "file").write_text("content")
    seen = {hashed(folder)}
    (folder / "a" / "b" / "file").write_text("CONTENT")
    seen.add(hashed(folder))
    (folder / "a" / "b" / "file").rename(folder / "a" / "file")
    seen.add(hashed(folder))
    (folder / "a" / "file").chmod(0o700)
    seen.add(hashed(folder))
    (folder / "link").symlink_to("a/file")
    seen.add(hashed(folder))
    (folder / "link").unlink()
    (folder / "link").symlink_to("a")
    seen.add(hashed(folder))
    (folder / "link").unlink()
    (folder / "link").write_text("a")
    seen.add(hashed(folder))
    (folder / os.fsdecode(b"\xff")).write_text("")
    seen.add(hashed(folder))
    assert len(seen) == 8
    before = hashed(folder)
    os.utime(folder / "a" / "file", (1, 1))
    assert hashed(folder) == before


def test_files_that_a_later_pattern_includes_again_count(tmp_path: Path) -> None:
    folder = tmp_path / "context"
    (folder / "data" / "keep").mkdir(parents=True)
    (folder / "data" / "drop").write_text("1")
    (folder / "data" / "keep" / "file").write_text("1")
    patterns = "data\n!data/keep"
    first = hashed(folder, patterns)
    (folder / "data" / "drop").write_text("2")
    assert hashed(folder, patterns) == first
    (folder / "data" / "keep" / "file").write_text("2")
    assert hashed(folder, patterns) != first


def test_two_trees_never_hash_alike_by_concatenation(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    first.mkdir()
    second.mkdir()
    (first / "a").write_text("xb")
    (second / "ax").write_text("b")
    assert hashed(first) != hashed(second)


def test_the_dockerfile_s_own_ignore_file_takes_precedence(tmp_path: Path) -> None:
    (tmp_path / ".dockerignore").write_text("a")
    (tmp_path / "gpu.Dockerfile").write_text("")
    assert fingerprint.read_ignore(tmp_path, tmp_path / "gpu.Dockerfile").excludes("a")
    (tmp_path / "gpu.Dockerfile.dockerignore").write_text("b")
    ignore = fingerprint.read_ignore(tmp_path, tmp_path / "gpu.Dockerfile")
    assert (ignore.excludes("a"), ignore.excludes("b")) == (False, True)
