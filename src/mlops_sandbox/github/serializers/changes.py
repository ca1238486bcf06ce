"""The files of a pull request, and the errors of a CODEOWNERS file."""

from __future__ import annotations

from mlops_actions.core.types import Json
from mlops_sandbox.github.changes import ChangedFile
from mlops_sandbox.github.owners import OwnersError
from mlops_sandbox.github.repository import Repository
from mlops_sandbox.github.serializers.links import Links


def diff_entry(item: ChangedFile, repo: Repository, links: Links) -> Json:
    """Return a `DiffEntry`; the addresses name the commit that holds the file."""
    lines = len(item.text.splitlines())
    added, deleted = {"added": (lines, 0), "removed": (0, lines), "renamed": (0, 0)}.get(item.status, (1, 1))
    document: Json = {
        "sha": item.blob,
        "filename": item.path,
        "status": item.status,
        "additions": added,
        "deletions": deleted,
        "changes": added + deleted,
        "blob_url": links.web(repo.full_name, "blob", item.ref, item.path),
        "raw_url": links.web(repo.full_name, "raw", item.ref, item.path),
        "contents_url": f"{links.api('repos', repo.full_name, 'contents', item.path)}?ref={item.ref}",
    }
    return document | ({"previous_filename": item.previous_path} if item.previous_path else {})


def codeowners_error(item: OwnersError) -> Json:
    """Return one of the `errors` of `CodeownersErrors`."""
    return {
        "line": item.line,
        "column": item.column,
        "source": item.source,
        "kind": item.kind,
        "suggestion": None,
        "message": f"{item.kind} on line {item.line}:\n\n  {item.source}\n  {' ' * (item.column - 1)}^",
        "path": item.path,
    }
