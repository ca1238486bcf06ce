"""Render a repository for each action: the Marketplace lists only actions in the root of a repository."""

from __future__ import annotations

import gzip
import io
import posixpath
import re
import tarfile
from collections.abc import Mapping

from mlops_actions.core.version import SemanticVersion
from releasing import REPOSITORY, SOURCE
from releasing.versions import tag_of

_LINK = re.compile(r"(?P<text>\]\()(?P<target>[^)\s]+)(?P<rest>\))")


def bundle(action: str, action_yml: str, readme: str, licence: str, version: SemanticVersion) -> dict[str, str]:
    """Render the files of an action's own repository; `action_yml` already names its image by digest."""
    head, _, contract = action_yml.partition("\n")
    source = f"{SOURCE}/tree/{tag_of(version)}/actions/{action}"
    origin = f"# Made by the release {tag_of(version)} of {REPOSITORY}; propose changes there: {source}"
    note = f"This repository is made by the releases of [{REPOSITORY}]({source})."
    return {
        "action.yml": f"{origin}\n{contract if head.startswith('#') else action_yml}",
        "README.md": f"{absolute(readme, action, version)}\n{note}\n",
        "LICENSE": licence,
    }


def absolute(readme: str, action: str, version: SemanticVersion) -> str:
    """Turn links to other files of this repository into absolute links to this version."""

    def absolute_link(link: re.Match[str]) -> str:
        target = link["target"]
        if "://" in target or target.startswith(("#", "mailto:")):
            return link[0]
        path, mark, anchor = target.partition("#")
        inside = posixpath.normpath(posixpath.join("actions", action, path))
        return f"{link['text']}{SOURCE}/blob/{tag_of(version)}/{inside}{mark}{anchor}{link['rest']}"

    return _LINK.sub(absolute_link, readme)


def archive(files: Mapping[str, str], folder: str) -> bytes:
    """Pack the files as .tar.gz; the same files always give the same bytes."""
    buffer = io.BytesIO()
    with (
        gzip.GzipFile(fileobj=buffer, mode="wb", mtime=0) as compressed,
        tarfile.open(fileobj=compressed, mode="w", format=tarfile.PAX_FORMAT) as tar,
    ):
        for name in sorted(files):
            content = files[name].encode()
            entry = tarfile.TarInfo(f"{folder}/{name}")
            entry.size = len(content)
            entry.mode = 0o644
            tar.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()
