"""One folder for each single-action repository of the Marketplace, which takes one action from the root of a repository."""

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
    """The files of an action's own repository; `action_yml` names its image by digest already."""
    head, _, contract = action_yml.partition("\n")
    source = f"{SOURCE}/tree/{tag_of(version)}/actions/{action}"
    origin = f"# Made by the release {tag_of(version)} of {REPOSITORY}, where changes belong: {source}"
    note = f"This repository is made by the releases of [{REPOSITORY}]({source})."
    return {
        "action.yml": f"{origin}\n{contract if head.startswith('#') else action_yml}",
        "README.md": f"{absolute(readme, action, version)}\n{note}\n",
        "LICENSE": licence,
    }


def absolute(readme: str, action: str, version: SemanticVersion) -> str:
    """Let links to other files of this repository lead there from anywhere, as they were in this version."""

    def target(found: re.Match[str]) -> str:
        to = found["target"]
        if "://" in to or to.startswith(("#", "mailto:")):
            return found[0]
        path, mark, anchor = to.partition("#")
        inside = posixpath.normpath(posixpath.join("actions", action, path))
        return f"{found['text']}{SOURCE}/blob/{tag_of(version)}/{inside}{mark}{anchor}{found['rest']}"

    return _LINK.sub(target, readme)


def archive(files: Mapping[str, str], folder: str) -> bytes:
    """A .tar.gz of the files; the same files give the same bytes, whenever and by whomever it is made."""
    packed = io.BytesIO()
    with (
        gzip.GzipFile(fileobj=packed, mode="wb", mtime=0) as compressed,
        tarfile.open(fileobj=compressed, mode="w", format=tarfile.PAX_FORMAT) as tar,
    ):
        for name in sorted(files):
            content = files[name].encode()
            entry = tarfile.TarInfo(f"{folder}/{name}")
            entry.size = len(content)
            entry.mode = 0o644
            tar.addfile(entry, io.BytesIO(content))
    return packed.getvalue()
