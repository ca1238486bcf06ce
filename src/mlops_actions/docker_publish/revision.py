"""Decide which commit, ref and pull request an image is of, from inputs, checkout and event. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from mlops_actions.core.checkout import Checkout
from mlops_actions.core.context import Context
from mlops_actions.core.errors import BadInput
from mlops_actions.core.event import Event, commit_of, pull_request_of
from mlops_actions.docker_publish.inputs import Inputs

_MERGE_QUEUE = "refs/heads/gh-readonly-queue/"
# The runs that start with the code of a pull request, or on behalf of one; `workflow_run` tells which run it follows.
_OF_A_PULL_REQUEST = ("pull_request", "issue_comment", "merge_group")
_PULL_REQUEST_REF = re.compile(r"refs/pull/([0-9]{1,10})/(?:merge|head)")


@dataclass(frozen=True)
class Revision:
    """The commit that is published. `ref` is full (`refs/heads/…`, `refs/tags/…`, `refs/pull/7/merge`) or empty (unknown).

    `pull_request` is the number of the pull request that the event belongs to, or None; `from_fork` is None where the event
    does not say. `follows_pull_request`: a run of a pull request, or of a fork, started this one. `is_claimed`: the ref is
    not the event's own, but what an input or the checkout (of any repository) says. `is_placeless`: the commit is not the
    event's own, and nothing says which ref it is of. `versions` are tags that the registry
    has for this image; `now` is in UTC.
    """

    sha: str
    ref: str
    default_branch: str
    now: datetime
    pull_request: int | None = None
    from_fork: bool | None = None
    follows_pull_request: bool = False
    is_claimed: bool = False
    is_placeless: bool = False
    versions: Sequence[str] = ()

    @property
    def branch(self) -> str:
        """The branch's name, empty where the ref is none."""
        return self.ref.removeprefix("refs/heads/") if self.ref.startswith("refs/heads/") else ""

    @property
    def git_tag(self) -> str:
        """The git tag's name, empty where the ref is none."""
        return self.ref.removeprefix("refs/tags/") if self.ref.startswith("refs/tags/") else ""

    @property
    def is_pull_request(self) -> bool:
        """Whether this is, or may be, code of a pull request that is not merged: no tag that others follow moves for it.

        Known by its number, by its ref or the run's (a merge queue's too), or by the run that started this one.
        """
        return self.pull_request is not None or _is_unmerged(self.ref) or self.follows_pull_request

    @property
    def pull_request_number(self) -> int | None:
        """The pull request's number, from the event or from `refs/pull/7/merge`."""
        return _number_in(self.ref) if self.pull_request is None else self.pull_request


def _is_unmerged(ref: str) -> bool:
    """Tell whether a ref holds the code of a pull request, also in a merge queue."""
    return ref.startswith(("refs/pull/", _MERGE_QUEUE))


def _number_in(ref: str) -> int | None:
    match = _PULL_REQUEST_REF.fullmatch(ref)
    return int(match[1]) if match else None


def revision_of(
    inputs: Inputs,
    context: Context,
    event: Event | None,
    *,
    checkout: Checkout | None,
    now: datetime,
    prefers_event_commit: bool = False,
) -> Revision:
    """Decide which commit is published; raises BadInput where it is unknown.

    Without a checkout, the event of a comment on a pull request does not tell it.

    `prefers_event_commit` puts the event's commit and ref before the checkout's.
    """
    pull_request = pull_request_of(event)
    sha = _sha(inputs, commit_of(event, context), checkout, prefers_event_commit=prefers_event_commit)
    ref = _ref(inputs, context, checkout=checkout, sha=sha, prefers_event_commit=prefers_event_commit)
    return Revision(
        sha=sha,
        ref=ref,
        default_branch=inputs.default_branch or (event.default_branch if event else ""),
        now=now,
        pull_request=_number_in(context.ref) if pull_request.number is None else pull_request.number,
        from_fork=pull_request.from_fork,
        follows_pull_request=_is_unmerged(context.ref) or _follows_pull_request(event),
        is_claimed=bool(ref) and (ref, sha) != (context.ref, context.sha),
        is_placeless=not ref and sha != context.sha,
    )


def _follows_pull_request(event: Event | None) -> bool:
    """Tell whether the run that a `workflow_run` follows was of a pull request, or of another repository's commit.

    The payload lists no pull request where the head is in a fork.
    """
    run = event.payload.get("workflow_run") if event and event.name == "workflow_run" else None
    if not isinstance(run, dict):
        return False
    head, own = run.get("head_repository"), event.payload.get("repository") if event else None
    head_id, own_id = (entry.get("id") if isinstance(entry, dict) else None for entry in (head, own))
    return str(run.get("event")).startswith(_OF_A_PULL_REQUEST) or (head_id is not None and head_id != own_id)


def _sha(inputs: Inputs, event_sha: str, checkout: Checkout | None, *, prefers_event_commit: bool) -> str:
    if inputs.sha:
        return inputs.sha
    checkout_sha = checkout.sha if checkout else ""
    in_order = (event_sha, checkout_sha) if prefers_event_commit else (checkout_sha, event_sha)
    if sha := next(filter(None, in_order), ""):
        return sha
    raise BadInput(
        "the commit of the image is unknown: the workspace holds no checkout",
        "add a step with actions/checkout before this one, or give 'sha'",
    )


def _ref(inputs: Inputs, context: Context, checkout: Checkout | None, sha: str, *, prefers_event_commit: bool) -> str:
    """Find the ref of the commit; empty where it is unknown, so that no tag is a guess."""
    if inputs.ref:
        # A branch may itself be called `refs/tags/v1`: where the event's branch is, the name means that branch.
        own_branch = f"refs/heads/{inputs.ref}"
        return own_branch if context.ref == own_branch else inputs.ref
    if prefers_event_commit and context.sha == sha:
        return context.ref
    if checkout is not None and checkout.sha == sha and checkout.branch:
        return f"refs/heads/{checkout.branch}"
    if context.sha == sha:
        return context.ref
    if checkout is not None and checkout.sha == sha:
        unambiguous_tags = checkout.tags if len(checkout.tags) == 1 else ()
        return next(iter((*checkout.pull_request_refs, *unambiguous_tags)), "")
    return ""
