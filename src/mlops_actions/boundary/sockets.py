"""Sockets and key files of the job, as this step's container sees them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path, PurePosixPath


def find_socket(path: str, environ: Mapping[str, str]) -> str | None:
    """Return where a path of the runner is in this container, or the path itself outside of one; None where it is not.

    The runner mounts its temporary folder and the workspace, and translates paths below them in variables, but not in inputs
    (actions/runner, ContainerActionHandler).
    """
    for candidate in (path, _translated(path, environ)):
        if candidate and Path(candidate).exists():
            return candidate
    return None


def _translated(path: str, environ: Mapping[str, str]) -> str:
    folder = environ.get(
        "RUNNER_WORKSPACE", ""
    )  # on the runner: the folder above the workspace, whatever the container's is
    if not folder:
        return ""
    name = environ.get("GITHUB_REPOSITORY", "").rpartition("/")[2]
    mounts = (
        (PurePosixPath(folder).parent / "_temp", environ.get("RUNNER_TEMP", "")),
        (PurePosixPath(folder) / name, environ.get("GITHUB_WORKSPACE", "")),
    )
    for on_runner, here in mounts:
        if here and PurePosixPath(path).is_relative_to(on_runner):
            return str(PurePosixPath(here) / PurePosixPath(path).relative_to(on_runner))
    return ""
