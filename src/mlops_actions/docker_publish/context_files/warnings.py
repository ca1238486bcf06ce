"""Word what was found in a context as warnings: one of each kind, with a few names and the remedy. Pure."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence

from mlops_actions.docker_publish.context_files.findings import ContextFindings
from mlops_actions.docker_publish.size_text import size_text

_MAX_NAMES = 5
_MAX_NAME_LENGTH = 120  # characters
MIN_UNREAD = 100_000_000  # bytes: less costs too little time to warn about


def texts(findings: ContextFindings) -> Iterator[str]:
    """Yield the warnings, the most urgent first."""
    if findings.logins:
        yield (
            f"a git login reaches the image: {_names(findings.logins)} holds the token of the checkout, and an instruction "
            "copies it; add a line '.git' to .dockerignore, or set 'persist-credentials: false' on actions/checkout. If "
            "such an image was pushed, revoke the token where it outlives the job"
        )
    if findings.credentials:
        named = [f"{shown(path)} ({form})" for path, form in findings.credentials]
        yield (
            f"credentials reach the image: {_listed(named)}; add them to .dockerignore, and give what the build needs in "
            "'secrets' or 'secret-files'. If such an image was pushed, revoke them"
        )
    if findings.pointers:
        yield (
            f"the build gets {_count(findings.pointers, 'Git LFS pointer')} instead of the file's content: "
            f"{_names(findings.pointers)}; set 'lfs: true' on actions/checkout"
        )
    if findings.submodules:
        yield (
            f"the build gets {_count(findings.submodules, 'empty folder')} instead of a submodule: "
            f"{_names(findings.submodules)}; set 'submodules: true' (or 'recursive') on actions/checkout"
        )
    total = sum(file.size for file in findings.unread)
    if total >= MIN_UNREAD:
        largest = sorted(findings.unread, key=lambda file: -file.size)[:_MAX_NAMES]
        named = [f"{shown(file.path)} ({size_text(file.size)})" for file in largest]
        rest = len(findings.unread) - len(named)
        yield (
            f"no instruction of the Dockerfile reads {size_text(total)} of the context: {', '.join(named)}"
            f"{f' and {rest} more' if rest else ''}; each run hashes them, and a change in them causes a build: add them to "
            ".dockerignore"
        )


def _names(paths: Sequence[str]) -> str:
    return _listed([shown(path) for path in paths])


def _listed(names: Sequence[str]) -> str:
    rest = len(names) - _MAX_NAMES
    return ", ".join(names[:_MAX_NAMES]) + (f" and {rest} more" if rest > 0 else "")


def shown(path: str) -> str:
    """Return a file's name for a log and a page: printable, short, in quotes where it could be taken for the sentence."""
    text = os.fsencode(path).decode("utf-8", "replace")
    text = "".join(character if character.isprintable() else "\ufffd" for character in text)
    text = text if len(text) <= _MAX_NAME_LENGTH else "…" + text[1 - _MAX_NAME_LENGTH :]
    return f"'{text}'" if set(" ,;'") & set(text) else text


def _count(paths: Sequence[str], noun: str) -> str:
    return f"{len(paths)} {noun}{'s' if len(paths) > 1 else ''}"
