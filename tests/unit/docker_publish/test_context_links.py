"""Links of a build context that lead into its `.git`, which differs at every commit."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlops_actions.docker_publish.reuse import context_links

LINKS = {
    "VERSION": ".git/HEAD", "absolute": "/.git", "again": "VERSION", "here": ".", "folder/up": "..",
    "folder/head": "../.git/HEAD", "folder/out": "../../../.git", "folder/x": "y", "other": "train.py", "data": "/data",
    "trap": "folder/../.git", "loop": "loop", "one": "two", "two": "one",
}  # fmt: skip
# Source of COPY, and whether it may lead into .git: more than BuildKit follows is right, less is not.
SOURCES = [
    ("VERSION", True), ("V*", True), ("absolute/HEAD", True), ("again", True), ("here/.git/HEAD", True), ("here", True),
    ("here/train.py", False), ("folder/up/.git", True), ("folder/head", True), ("folder/h*", True), ("*/head", True),
    ("folder/out", True), ("trap", True), ("[o]ther", True), ("other", False), ("loop", False), ("one", False),
    ("folder", False), ("folder/x", False), ("data/x", False), ("train.py", False), ("no/such", False),
    ("no*/such", False), ("", True), (".git", True),
]  # fmt: skip


def write(folder: Path) -> None:
    """Write a context with these links."""
    (folder / "folder").mkdir(parents=True)
    (folder / "train.py").touch()
    for path, target in LINKS.items():
        (folder / path).symlink_to(target)


@pytest.mark.parametrize(("source", "leads"), SOURCES)
def test_links_are_followed_as_buildkit_follows_them(tmp_path: Path, source: str, leads: bool) -> None:
    write(tmp_path / "context")
    assert context_links.lead_to_git(tmp_path / "context", [source]) is leads


def test_a_hostile_pattern_is_matched_at_once(tmp_path: Path) -> None:
    (tmp_path / ("a" * 200)).write_text("")
    assert not context_links.lead_to_git(tmp_path, ["*a" * 30 + "*b"])
