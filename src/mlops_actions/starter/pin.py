"""The reference of the suite in generated files: a commit, with its version as a comment for Dependabot and Renovate."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from mlops_actions.core import github_cli
from mlops_actions.core.errors import BadInput
from mlops_actions.core.package import REF, REPOSITORY, Installation
from mlops_actions.core.version import SemanticVersion

_SHA = re.compile(r"[0-9a-f]{40}")
_TAG = re.compile(r"v[0-9]+(?:\.[0-9]+\.[0-9]+(?:-[0-9A-Za-z.-]+)?)?")
_ADDRESS = re.compile(r"(?:https|ssh)://(?:[^@/]*@)?[^/]+/([\w.-]+/[\w.-]+?)(?:\.git)?/?")
_TAG_LINE = re.compile(r"([0-9a-f]{40})\trefs/tags/(v[^\s^]+)(\^\{\})?")


@dataclass(frozen=True)
class Pin:
    """What a `uses:` names: a commit with its version (`v1.2.3`; empty where none is known), or a tag that can move."""

    ref: str
    version: str = ""
    repository: str = REPOSITORY

    @property
    def is_commit(self) -> bool:
        """Whether the reference cannot move."""
        return _SHA.fullmatch(self.ref) is not None

    def uses(self, action: str) -> str:
        """Return what a step names to use an action, with the comment behind it."""
        comment = self.version if self.is_commit else "zizmor: ignore[unpinned-uses] this suite's tag is meant"
        return f"{self.repository}/actions/{action}@{self.ref}" + (f" # {comment}" if comment else "")


def is_reference(ref: str) -> bool:
    """Return whether a text can name a release: a tag (`v1`, `v1.2.3`), or the 40 digits of a commit."""
    return bool(_SHA.fullmatch(ref) or _TAG.fullmatch(ref))


def tags_of(listing: str) -> dict[str, str]:
    """Read the tags in what `git ls-remote` prints: tag → commit. For an annotated tag the `^{}` line names the commit."""
    tags: dict[str, str] = {}
    for sha, tag, peeled in (match.groups() for match in _TAG_LINE.finditer(listing)):
        if peeled or tag not in tags:
            tags[tag] = sha
    return tags


def pin(ref: str, tags: Mapping[str, str] | None, repository: str = REPOSITORY) -> Pin:
    """Pin a tag or a commit; `tags` maps the tags of the repository to commits, and is None where git does not reach it.

    Raises BadInput for a tag that is not among the tags.
    """
    if _SHA.fullmatch(ref):
        return Pin(ref, _version_at(ref, tags or {}), repository)
    if tags is None:
        return Pin(ref, "", repository)
    if ref not in tags:
        known = [version for version in map(SemanticVersion.parse, tags) if version]
        newest = f"v{max(known)}" if known else "none"
        raise BadInput(
            f"--ref {ref!r} is no release of {repository}", f"give one that exists (the newest is {newest}), or a commit"
        )
    return Pin(tags[ref], ref if SemanticVersion.parse(ref) else _version_at(tags[ref], tags), repository)


def of_installation(installation: Installation | None, version: str) -> Pin | None:
    """Return the commit that this package was installed from, where pip recorded one. A fork's package names the fork.

    The version stands beside the commit where a tag was installed: at any other commit the package has the version of an
    older release.
    """
    address = _ADDRESS.fullmatch(installation.url) if installation else None
    if not installation or not installation.commit or not address:
        return None
    return Pin(installation.commit, f"v{version}" if _TAG.fullmatch(installation.revision) else "", address[1])


@dataclass(frozen=True)
class Sources:
    """What the reference is chosen from: the earlier file's, what pip recorded, and the server of the checkout.

    `list_tags` returns HEAD and the tags of the repository at an address, as `git ls-remote` prints them.
    """

    earlier: Pin | None
    installation: Installation | None
    version: str
    host: str
    list_tags: Callable[[str], str]

    def choose(self, ref: str | None) -> tuple[Pin, str]:
        """Return the reference, and who named its repository: `earlier`, `installation`, or nobody.

        Jobs run the code of that repository with the secrets, so that only a person may change it, by editing the file.
        """
        installed = of_installation(self.installation, self.version)
        repository = self.earlier.repository if self.earlier else installed.repository if installed else REPOSITORY
        named_by = "earlier" if self.earlier else "installation" if installed else ""
        if ref is not None:
            listing = self.list_tags(self._address(repository))
            return pin(ref, tags_of(listing) if listing else None, repository), named_by
        if self.earlier and is_reference(self.earlier.ref):
            return self.earlier, named_by
        if installed and installed.repository == repository:
            return installed, named_by
        if repository != REPOSITORY:
            raise BadInput(
                f"the workflow file names the actions of {repository} by {self.earlier.ref!r}, which is no release"
                if self.earlier
                else f"no release of {repository} is known",
                "add --ref with a tag such as v1.2.3, or with the 40 digits of a commit",
            )
        return Pin(REF), named_by

    def _address(self, repository: str) -> str:
        installed = _ADDRESS.fullmatch(self.installation.url) if self.installation else None
        if self.installation and installed and installed[1] == repository:
            return self.installation.url
        is_on_server = repository != REPOSITORY and github_cli.is_enterprise_server(self.host)
        return f"https://{self.host if is_on_server else github_cli.GITHUB}/{repository}"


def _version_at(sha: str, tags: Mapping[str, str]) -> str:
    """Return the newest full version whose tag names the commit; empty where none does."""
    versions = [version for tag, commit in tags.items() if commit == sha and (version := SemanticVersion.parse(tag))]
    return f"v{max(versions)}" if versions else ""
