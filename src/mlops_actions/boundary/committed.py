"""Tell a file that an earlier step of the job wrote from one that belongs to a checked-out commit.

A pull request chooses the files of its commit. What decides where a token goes must not be among them.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from mlops_actions.boundary.git import is_tracked
from mlops_actions.core.errors import BadInput


def refuse_committed(paths: Iterable[Path], environ: Mapping[str, str], *, what: str, remedy: str) -> None:
    """Raise BadInput for a file of the workspace that a commit may have brought; `what` names the file, and why it matters.

    A file outside of the workspace is accepted: no checkout writes there.
    """
    for path in paths:
        if reason := why_committed(path, environ.get("GITHUB_WORKSPACE", "")):
            raise BadInput(f"{what} {str(path)!r}, and {reason}", remedy)


def why_committed(path: Path, workspace: str) -> str:
    """Return why a commit may have brought this file; empty where an earlier step wrote it, or it is not in the workspace.

    What git cannot tell counts as brought by a commit, such as a checkout without git, which GitHub's checkout makes where
    the runner has no git.
    """
    if not workspace:
        return ""
    root, resolved = Path(workspace).resolve(), path.resolve()
    lexical, top = Path(os.path.abspath(path)), Path(os.path.abspath(workspace))  # noqa: PTH100 - resolving would hide links
    if lexical.is_relative_to(top) and resolved != root / lexical.relative_to(top):
        return "a link leads to it, which a pull request can change"
    if not resolved.is_relative_to(root):
        return ""
    # A submodule and a nested checkout have a `.git` of their own, and the repository around them may know the file too.
    folders = [folder for folder in resolved.parents if folder.is_relative_to(root)]
    repositories = [folder for folder in folders if os.path.lexists(folder / ".git")]
    if not repositories:
        return "without a git repository around it nobody can tell whether a pull request wrote it"
    for repository in repositories:
        tracked = is_tracked(repository, resolved.relative_to(repository))
        if tracked is None:
            return f"git cannot tell whether the repository in {str(repository)!r} holds it"
        if tracked:
            return "git tracks it, so that a pull request can change it"
    return ""
