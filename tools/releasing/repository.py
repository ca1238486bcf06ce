"""The git repository of a release: read its state, commit past the work tree, tag and push."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mlops_actions.core.errors import BadInput, Refused
from releasing import plan

# The author of release commits; a runner's git configuration names nobody.
BOT = "mlops-actions release"
BOT_MAIL = "noreply@github.com"


@dataclass(frozen=True)
class Git:
    """A checkout."""

    root: Path

    def __call__(self, *arguments: str, env: Mapping[str, str] | None = None, text: str | None = None) -> str:
        """Run git and return its output; raise Refused with its error output."""
        environment = {**os.environ, "GIT_TERMINAL_PROMPT": "0", **(env or {})}
        done = subprocess.run(
            ["git", *arguments], cwd=self.root, env=environment, input=text, capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            raise Refused(
                f"git {' '.join(arguments[:2])} failed: {done.stderr.strip()[:500]}",
                "correct what git reports, and run the command again",
            )
        return done.stdout

    def facts(self) -> plan.Facts:
        """Return the facts for a plan; tags of the remote count as well, since another clone may have released."""
        return plan.Facts(
            sha=self("rev-parse", "HEAD").strip(),
            dirty=[line[3:] for line in self("status", "--porcelain").splitlines()],
            tags=self.tags(),
            changelog=(self.root / plan.CHANGELOG_FILE).read_text(encoding="utf-8"),
            version_file=(self.root / plan.VERSION_FILE).read_text(encoding="utf-8"),
        )

    def tags(self) -> list[str]:
        """List all tags of this clone and of its remote."""
        tags = set(self("tag", "--list").split())
        if "origin" in self("remote").split():
            listed = self("ls-remote", "--tags", "--refs", "origin").splitlines()
            tags |= {line.partition("refs/tags/")[2] for line in listed}
        return sorted(tags)

    def show(self, commit: str, path: str) -> str:
        """Return the text of a file in a commit."""
        return self("show", f"{commit}:{path}")

    def files(self, commit: str) -> list[str]:
        """List the files of a commit."""
        return self("ls-tree", "-r", "--name-only", "-z", commit).strip("\0").split("\0")

    def commit(self, parent: str, changes: Mapping[str, str], message: str) -> str:
        """Commit changed files on top of a commit, without the work tree; the same changes give the same commit."""
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
        """Tag the release with its own tag, which must be new, and move the moving tags to it."""
        when = self("show", "--no-patch", "--format=%cI", commit).strip()
        self("tag", "--annotate", "--cleanup=verbatim", "--file=-", version_tag, commit, env=_identity(when), text=message)
        for name in moving:
            self("tag", "--force", name, commit)

    def push_tags(self, remote: str, version_tag: str, moving: Sequence[str]) -> None:
        """Push all tags or none; never replace the existing tag of a version."""
        forced = [f"+refs/tags/{name}:refs/tags/{name}" for name in moving]
        self("push", "--atomic", remote, f"refs/tags/{version_tag}:refs/tags/{version_tag}", *forced)


def _identity(when: str) -> dict[str, str]:
    return {
        f"GIT_{role}_{what}": value
        for role in ("AUTHOR", "COMMITTER")
        for what, value in (("NAME", BOT), ("EMAIL", BOT_MAIL), ("DATE", when))
    }


def checkout(path: Path) -> Git:
    """Return the checkout at a path; raise BadInput if there is none."""
    if not (path / ".git").exists() or not (path / plan.VERSION_FILE).exists():
        raise BadInput(f"{path} is not a checkout of this repository", "run the command in its root folder")
    return Git(path)
