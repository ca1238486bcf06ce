"""The git repository of a release: what is so in it, commits that no work tree sees, tags, the push."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mlops_actions.core.errors import BadInput, Refused
from releasing import plan

# Whose commits the releases are, where git's configuration names nobody (a runner's does not).
BOT = "mlops-actions release"
BOT_MAIL = "noreply@github.com"


@dataclass(frozen=True)
class Git:
    """A checkout."""

    root: Path

    def __call__(self, *arguments: str, env: Mapping[str, str] | None = None, text: str | None = None) -> str:
        """Run git; what it printed, or an error that says what it said."""
        environment = {**os.environ, "GIT_TERMINAL_PROMPT": "0", **(env or {})}
        done = subprocess.run(
            ["git", *arguments], cwd=self.root, env=environment, input=text, capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            raise Refused(f"git {' '.join(arguments[:2])} failed: {done.stderr.strip()[:500]}", "see what git says")
        return done.stdout

    def facts(self) -> plan.Facts:
        """What a plan is made from; the tags are the remote's where there is one, since another clone may have released."""
        return plan.Facts(
            sha=self("rev-parse", "HEAD").strip(),
            dirty=[line[3:] for line in self("status", "--porcelain").splitlines()],
            tags=self.tags(),
            changelog=(self.root / plan.CHANGELOG_FILE).read_text(encoding="utf-8"),
            version_file=(self.root / plan.VERSION_FILE).read_text(encoding="utf-8"),
        )

    def tags(self) -> list[str]:
        """All tags, here and at the remote."""
        found = set(self("tag", "--list").split())
        if "origin" in self("remote").split():
            listed = self("ls-remote", "--tags", "--refs", "origin").splitlines()
            found |= {line.partition("refs/tags/")[2] for line in listed}
        return sorted(found)

    def show(self, commit: str, path: str) -> str:
        """A file as it is in a commit."""
        return self("show", f"{commit}:{path}")

    def files(self, commit: str) -> list[str]:
        """The names of a commit's files."""
        return self("ls-tree", "-r", "--name-only", "-z", commit).strip("\0").split("\0")

    def commit(self, parent: str, changes: Mapping[str, str], message: str) -> str:
        """Commit changed files on top of a commit, past the work tree; the same changes give the same commit."""
        when = self("show", "--no-patch", "--format=%cI", parent).strip()
        with tempfile.TemporaryDirectory() as directory:
            index = {"GIT_INDEX_FILE": f"{directory}/index"}
            self("read-tree", parent, env=index)
            for path, content in changes.items():
                mode = self("ls-tree", parent, "--", path).split(" ")[0] or "100644"
                blob = self("hash-object", "-w", "--stdin", text=content).strip()
                self("update-index", "--add", "--cacheinfo", f"{mode},{blob},{path}", env=index)
            tree = self("write-tree", env=index).strip()
        return self("commit-tree", tree, "-p", parent, env=_identity(when), text=message).strip()

    def tag(self, version_tag: str, moving: Sequence[str], commit: str, message: str) -> None:
        """Tag the release: its own tag once and for all, the moving ones wherever they stood."""
        when = self("show", "--no-patch", "--format=%cI", commit).strip()
        self("tag", "--annotate", "--cleanup=verbatim", "--file=-", version_tag, commit, env=_identity(when), text=message)
        for name in moving:
            self("tag", "--force", name, commit)

    def push_tags(self, remote: str, version_tag: str, moving: Sequence[str]) -> None:
        """Push all tags or none; a version's tag that is there already is never replaced."""
        forced = [f"+refs/tags/{name}:refs/tags/{name}" for name in moving]
        self("push", "--atomic", remote, f"refs/tags/{version_tag}:refs/tags/{version_tag}", *forced)


def _identity(when: str) -> dict[str, str]:
    return {
        f"GIT_{role}_{what}": value
        for role in ("AUTHOR", "COMMITTER")
        for what, value in (("NAME", BOT), ("EMAIL", BOT_MAIL), ("DATE", when))
    }


def checkout(path: Path) -> Git:
    """The checkout at a path, or an error."""
    if not (path / ".git").exists() or not (path / plan.VERSION_FILE).exists():
        raise BadInput(f"{path} is no checkout of this repository", "run the command in its root folder")
    return Git(path)
