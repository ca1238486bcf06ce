"""Name the tags that the base branch's image has, so that a pull request is compared with it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from mlops_actions.core.errors import BadInput
from mlops_actions.core.event import Event, pull_request_of
from mlops_actions.docker_publish.revision import Revision
from mlops_actions.docker_publish.tags.scheme import TagScheme

_NO_COMMIT = "0" * 40
MAX_TAGS = 4


def candidate_tags(
    scheme: TagScheme, revision: Revision, event: Event | None, environ: Mapping[str, str]
) -> tuple[str, ...]:
    """Return the tags in the order of trust: of the base's very commit, then of the branch; empty but for a pull request.

    They are those that this step's own rules give to the base branch, so that a prefix or suffix is the same. Where an
    event does not name the base (a comment), the default branch is taken.
    """
    if not revision.is_pull_request:
        return ()
    pull_request = pull_request_of(event).pull_request
    base = pull_request.base if pull_request is not None else None
    branch = base.ref if base else environ.get("GITHUB_BASE_REF") or revision.default_branch
    if not branch:
        return ()
    sha = base.sha if base else _NO_COMMIT
    of_base = replace(
        revision, sha=sha, ref=f"refs/heads/{branch}", pull_request=None, from_fork=False, follows_pull_request=False
    )
    try:
        own, tags = scheme.tags(revision).names, scheme.tags(of_base).names
    except BadInput:
        return ()
    # A tag that both get, such as a literal, stands for whichever was published last.
    return tuple(tag for tag in tags if tag not in own and _NO_COMMIT[:12] not in tag)[:MAX_TAGS]
