"""Names that can move become names that cannot: an image its digest, an action its commit."""

from __future__ import annotations

import re

import yaml

from mlops_actions.core.errors import BadInput
from mlops_actions.core.version import SemanticVersion
from releasing import REPOSITORY
from releasing.versions import tag_of

_IMAGE = re.compile(r"^(?P<key>  image: )\.\./\.\./Dockerfile\.base(?: #.*)?$", re.MULTILINE)
_DIGEST_REFERENCE = re.compile(r"[a-z0-9.:/_-]+@sha256:[0-9a-f]{64}")
_USES = re.compile(
    rf"(?P<key>^[ \t]*(?:- )?uses: )['\"]?{re.escape(REPOSITORY)}(?P<path>[^@\s'\"]*)@(?P<ref>[^\s'\"]+)['\"]?[^\n]*$",
    re.MULTILINE,
)
_OWN_ACTION = re.compile(r"/actions/[a-z0-9-]+")


def image(action_yml: str, reference: str) -> str:
    """Let an action.yml that builds from source run the image of this digest."""
    if not _DIGEST_REFERENCE.fullmatch(reference):
        raise BadInput(f"{reference!r} names no image by digest", "pass REGISTRY/NAME@sha256:…")
    pinned, count = _IMAGE.subn(rf"\g<key>docker://{reference}", action_yml)
    if count != 1 or yaml.safe_load(pinned)["runs"]["image"] != f"docker://{reference}":
        raise BadInput(
            f"an action.yml names its image {count} times as ../../Dockerfile.base, and a release pins exactly one",
            "release from a commit of the main branch, whose files `make docs` has written",
        )
    return pinned


def uses(text: str, sha: str, version: SemanticVersion) -> str:
    """Let every `uses:` of this suite's own actions name the commit, with the version beside it for readers and bots."""
    expected = f"v{version.major}"

    def pinned(found: re.Match[str]) -> str:
        if found["ref"] != expected:
            raise BadInput(
                f"a file here uses {REPOSITORY}{found['path']}@{found['ref']}, and this release is of {expected}",
                f"write @{expected}",
            )
        if not _OWN_ACTION.fullmatch(found["path"]):
            # That file is only written by the second commit, which cannot hold its own name.
            raise BadInput(
                f"{REPOSITORY}{found['path']} cannot be pinned: it is pinned itself, in the same commit",
                f"use the actions below {REPOSITORY}/actions instead",
            )
        return f"{found['key']}{REPOSITORY}{found['path']}@{sha} # {tag_of(version)}"

    return _USES.sub(pinned, text)


def names_itself(text: str) -> bool:
    """Whether a file uses this suite's actions by a name that moves."""
    return any(not re.fullmatch(r"[0-9a-f]{40}", found["ref"]) for found in _USES.finditer(text))
