"""The files that a pull request changes, from the files of its commits."""

from __future__ import annotations

from dataclasses import dataclass

from mlops_sandbox.github.git import blob_sha
from mlops_sandbox.github.repository import PullRequest

# https://docs.github.com/rest/pulls/pulls#list-pull-requests-files
MAX_FILES = 3000


@dataclass(frozen=True)
class ChangedFile:
    """One file: its path, the one that it had before it was renamed, and the commit that holds it."""

    path: str
    status: str  # added, removed, modified or renamed
    text: str
    ref: str
    previous_path: str = ""

    @property
    def blob(self) -> str:
        """The SHA of the file's content."""
        return blob_sha(self.text.encode())


def changed_files(pull: PullRequest) -> list[ChangedFile]:
    """Return the differences between the merge base and the head, by path; those beyond the limit are left out."""
    commits = pull.commits
    start = commits[0].parents[0] if commits and commits[0].parents else pull.base_sha
    known = pull.repository.commits
    before = known[start].files if start in known else {}
    after = known[pull.head_sha].files
    removed = {path: text for path, text in before.items() if path not in after}
    found: list[ChangedFile] = []
    for path, text in after.items():
        if path not in before:
            source = next((old for old, content in removed.items() if content == text), None)
            if source is None:
                found.append(ChangedFile(path, "added", text, pull.head_sha))
            else:
                del removed[source]
                found.append(ChangedFile(path, "renamed", text, pull.head_sha, previous_path=source))
        elif before[path] != text:
            found.append(ChangedFile(path, "modified", text, pull.head_sha))
    found += [ChangedFile(path, "removed", text, start) for path, text in removed.items()]
    return sorted(found, key=lambda file: file.path)[:MAX_FILES]
