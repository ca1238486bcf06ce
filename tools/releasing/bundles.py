"""Render a repository for each action: the Marketplace lists only actions in the root of a repository."""

from __future__ import annotations

import gzip
import io
import posixpath
import re
import tarfile
from collections.abc import Mapping
from urllib.parse import urlsplit

from mlops_actions.core.version import SemanticVersion
from releasing import RAW, REPOSITORY, SOURCE
from releasing.versions import tag_of

_LINK = re.compile(r"(?P<before>\]\()(?P<target>[^)\s]+)(?P<after>\))")
_PAGE_ATTRIBUTE = re.compile(r"(?P<before>\bhref=\")(?P<target>[^\"]+)(?P<after>\")")
_PICTURE = re.compile(r"(?P<before>\b(?:src|srcset)=\")(?P<target>[^\"]+)(?P<after>\")")
_PICTURE_NAME = re.compile(r".*\.(?:gif|jpe?g|png|svg|webp)", re.IGNORECASE)


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
    """Turn links to other files of this repository, and pictures in it, into absolute addresses at this version."""

    def at_version(target: str) -> str:
        address = urlsplit(target)
        if address.scheme or address.netloc or not address.path:
            return target
        # GitHub shows a page around a file; a picture needs the file itself.
        root = RAW if _PICTURE_NAME.fullmatch(address.path) else f"{SOURCE}/blob"
        inside = posixpath.normpath(posixpath.join("/actions", action, address.path))
        return f"{root}/{tag_of(version)}{address._replace(path=inside).geturl()}"

    def link(match: re.Match[str]) -> str:
        return f"{match['before']}{at_version(match['target'])}{match['after']}"

    def pictures(match: re.Match[str]) -> str:
        """Change each candidate of `srcset`: an address, and after a blank its width or density."""
        candidates = (each.strip().partition(" ") for each in match["target"].split(","))
        changed = ", ".join(f"{at_version(address)}{blank}{size}" for address, blank, size in candidates)
        return f"{match['before']}{changed}{match['after']}"

    for pattern in (_LINK, _PAGE_ATTRIBUTE):
        readme = pattern.sub(link, readme)
    return _PICTURE.sub(pictures, readme)


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
