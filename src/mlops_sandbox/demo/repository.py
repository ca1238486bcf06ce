"""Create a git repository of the digits example: `main`, and a branch with a change to train."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from mlops_sandbox.git import git

EXAMPLE = Path(__file__).resolve().parents[3] / "examples" / "digits"
BRANCH = "wider-network"
TITLE = "Give the network 64 hidden units"
BODY = "16 units cannot tell all digits apart. Four times as many cost a second of training."
_IDENTITY = {
    f"GIT_{role}_{field}": value
    for role in ("AUTHOR", "COMMITTER")
    for field, value in (("NAME", "contributor"), ("EMAIL", "contributor@users.noreply.example"))
}
_CHANGE = ("train.py", "HIDDEN_UNITS = 16\n", "HIDDEN_UNITS = 64\n")


@dataclass(frozen=True)
class DigitsRepository:
    """A repository on disk, and the commits of `main` and the branch."""

    path: Path
    main: str
    branch: str

    @property
    def difference(self) -> list[str]:
        """The lines of `git diff` that the branch changes, without the header."""
        lines = git(self.path, "diff", "--unified=0", self.main, self.branch).splitlines()
        return [line for line in lines if line[:1] in "+-" and line[:3] not in ("+++", "---")]


def create(path: Path) -> DigitsRepository:
    """Copy the example to `path` and commit it; raises FileNotFoundError outside a checkout of the suite."""
    if not EXAMPLE.is_dir():
        raise FileNotFoundError(f"{EXAMPLE} is missing: run the demo from a checkout of the suite")
    shutil.copytree(EXAMPLE, path, ignore=shutil.ignore_patterns("__pycache__", "wandb", "*.npz", "*.joblib"))
    git(path, "init", "--quiet", "--initial-branch", "main")
    main = _commit(path, "Read handwritten digits")
    git(path, "checkout", "--quiet", "-b", BRANCH)
    name, before, after = _CHANGE
    source = (path / name).read_text(encoding="utf-8")
    if before not in source:
        raise ValueError(f"{name} of the example no longer holds {before.strip()!r}, which the demo changes")
    (path / name).write_text(source.replace(before, after), encoding="utf-8")
    branch = _commit(path, TITLE)
    git(path, "checkout", "--quiet", "main")
    return DigitsRepository(path, main, branch)


def files(path: Path) -> dict[str, str]:
    """Return the example's files by path, as text."""
    names = git(path, "ls-files").splitlines()
    return {name: (path / name).read_text(encoding="utf-8") for name in names}


def _commit(path: Path, message: str) -> str:
    git(path, "add", "--all")
    git(path, "commit", "--quiet", "--message", message, environment=_IDENTITY)
    return git(path, "rev-parse", "HEAD")
