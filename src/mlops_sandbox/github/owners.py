"""The errors that GitHub shows for a CODEOWNERS file.

https://docs.github.com/rest/repos/repos#list-codeowners-errors
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from mlops_sandbox.github.accounts import rank
from mlops_sandbox.github.git import Commit
from mlops_sandbox.github.repository import Repository

PLACES = (".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS")
MAX_BYTES = 3 * 1024 * 1024


@dataclass(frozen=True)
class OwnersError:
    """One error, with its line and column from 1 on."""

    path: str
    line: int
    column: int
    source: str
    kind: str


def owners_file(commit: Commit) -> str | None:
    """Return the path of the file that GitHub reads; None where there is none."""
    return next((path for path in PLACES if path in commit.files), None)


def errors(path: str, text: str, repository: Repository) -> Iterator[OwnersError]:
    """Yield the errors of a file; GitHub loads none that is too large."""
    if len(text.encode()) >= MAX_BYTES:
        return
    for number, source in enumerate(text.split("\n"), start=1):
        line = re.sub(r"(^|\s)#.*", "", source)
        words = list(re.finditer(r"(?:\\.|\S)+", line))
        if not words:
            continue
        pattern, *owners = words
        if re.search(r"^!|^\\#|[\[\]]|\*\*\*|^/+$", pattern[0]):
            yield OwnersError(path, number, 1, source, "Invalid pattern")
        for owner in owners:
            if kind := _fault(owner[0], repository):
                yield OwnersError(path, number, owner.start() + 1, source, kind)


def _fault(owner: str, repository: Repository) -> str:
    instance = repository.instance
    if re.fullmatch(r"[^@\s]+@[^@\s]+", owner):
        return ""
    if not re.fullmatch(r"@[\w-]+(/[\w.-]+)?", owner):
        return "Invalid owner"
    if "/" in owner:
        names = {f"@{team.organization.login}/{team.slug}".lower(): role for team, role in repository.team_roles.items()}
        return "" if rank(names.get(owner.lower(), "none")) >= rank("write") else "Unknown owner"
    user = instance.users.get(owner[1:].lower())
    return "" if user and rank(repository.role_of(user)[1]) >= rank("write") else "Unknown owner"
