"""Replace references that can move by references that cannot: an image by its digest, an action by its commit."""

from __future__ import annotations

import re

import yaml

from mlops_actions.core.errors import BadInput
from mlops_actions.core.version import SemanticVersion
from releasing import REPOSITORY
from releasing.versions import tag_of

_IMAGE = re.compile(r"^(?P<key>  image: )\.\./\.\./Dockerfile\.[a-z-]+(?: #.*)?$", re.MULTILINE)
_DIGEST_REFERENCE = re.compile(r"[a-z0-9.:/_-]+@sha256:[0-9a-f]{64}")
# `$/actions/x` is the action of the commit that the file is read from: github.com knows that since 2026-07-30, a GitHub
# Enterprise Server and act do not. So the main branch and every fork run their own code, and a release names its commit.
_USES = re.compile(
    rf"(?P<key>^[ \t]*(?:- )?uses: )['\"]?(?:\$(?P<own>/[^@\s'\"]*)"
    rf"|{re.escape(REPOSITORY)}(?P<path>[^@\s'\"]*)@(?P<ref>[^\s'\"]+))['\"]?[^\n]*$",
    re.MULTILINE,
)
_OWN_ACTION = re.compile(r"/actions/[a-z0-9-]+")


def image(action_yml: str, reference: str) -> str:
    """Make an action.yml that builds from source run this image."""
    if not _DIGEST_REFERENCE.fullmatch(reference):
        raise BadInput(f"{reference!r} does not name an image by digest", "pass REGISTRY/NAME@sha256:…")
    pinned, count = _IMAGE.subn(rf"\g<key>docker://{reference}", action_yml)
    if count != 1 or yaml.safe_load(pinned)["runs"]["image"] != f"docker://{reference}":
        raise BadInput(
            f"an action.yml names its image {count} times as ../../Dockerfile.ACTION, and a release pins exactly one",
            "run `make docs`, and release from a commit of the main branch",
        )
    return pinned


def uses(text: str, sha: str, version: SemanticVersion) -> str:
    """Make every `uses:` of this suite's actions name the commit, with the version as a comment for readers and bots."""

    def pinned(reference: re.Match[str]) -> str:
        path = reference["own"]
        if path is None:
            named = f"{REPOSITORY}{reference['path']}"
            raise BadInput(
                f"a file here uses {named}@{reference['ref']}: a branch or a fork would run the code of that reference",
                f"write $/{reference['path'].strip('/') or 'actions/…'}",
            )
        if not _OWN_ACTION.fullmatch(path):
            # The second commit writes that file, and a commit cannot contain its own SHA.
            raise BadInput(
                f"${path} cannot be pinned: the same commit pins the actions inside it",
                "use the actions below $/actions instead",
            )
        return f"{reference['key']}{REPOSITORY}{path}@{sha} # {tag_of(version)}"

    return _USES.sub(pinned, text)


def has_movable_references(text: str) -> bool:
    """Whether a file uses this suite's actions by a reference that names no commit."""
    return any(not re.fullmatch(r"[0-9a-f]{40}", reference["ref"] or "") for reference in _USES.finditer(text))
