"""Where people install the suite's own package from: no registry of Python packages has it."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from mlops_actions.core import shell

REPOSITORY = "machine-learning-apps/mlops-actions"
REF = "v1"
_COMMIT = re.compile(r"[0-9a-f]{40}")
# `git@` is the account by which every server takes keys; any other user name may be a credential.
_USER = re.compile(r"(?<=://)(?!git@)[^/@]*@")


@dataclass(frozen=True)
class Installation:
    """Where pip installed this package from. Of a git repository it knows the commit, and which revision was asked for."""

    url: str
    commit: str = ""
    revision: str = ""
    is_editable: bool = False


def installation_of(direct_url: str | None) -> Installation | None:
    """Read pip's record (PEP 610, direct_url.json); None where there is none, or one that names no place."""
    try:
        record = json.loads(direct_url or "{}")
        url = _USER.sub("", str(record.get("url", "")))
        git, folder = record.get("vcs_info", {}), record.get("dir_info", {})
        commit, revision = str(git.get("commit_id", "")), str(git.get("requested_revision", ""))
        is_editable = folder.get("editable") is True
    except (ValueError, AttributeError):
        return None
    if not urlsplit(url).scheme or not url.isprintable() or (git and not _COMMIT.fullmatch(commit)):
        return None
    return Installation(url, commit, revision, is_editable)


def install_command(*extras: str, installation: Installation | None = None) -> str:
    """Return the command that installs the package with these extras, e.g. `docker`, from where it was installed."""
    chosen = f"[{','.join(extras)}]"
    if installation and installation.is_editable:
        return f"pip install --editable {shell.word(unquote(urlsplit(installation.url).path) + chosen)}"
    place = f"git+https://github.com/{REPOSITORY}@{REF}"
    if installation:
        place = f"git+{installation.url}@{installation.commit}" if installation.commit else installation.url
    return f"pip install {shell.word(f'mlops-actions{chosen} @ {place}')}"
