"""Which commit, ref and pull request an image is of: inputs, checkout and event → `tags.Subject`. Pure."""

from __future__ import annotations

from datetime import datetime

from mlops_actions.core.context import Context
from mlops_actions.core.errors import BadInput
from mlops_actions.core.event import CommentEvent, DispatchEvent, Event, PullRequestEvent
from mlops_actions.core.provenance import is_sha
from mlops_actions.docker_publish.inputs import Inputs
from mlops_actions.docker_publish.ports import Checkout
from mlops_actions.docker_publish.tags import Subject


def subject_of(inputs: Inputs, context: Context, event: Event | None, checkout: Checkout | None, now: datetime) -> Subject:
    """Decide what is tagged; raises BadInput where only the event's commit is known and the event is a comment on a PR."""
    number, from_fork = pull_request_of(event)
    sha = _sha(inputs, context, event, checkout)
    default_branch = inputs.default_branch or (event.default_branch if event else "")
    return Subject(sha, _ref(inputs, context, checkout, sha), default_branch, now, number, from_fork)


def pull_request_of(event: Event | None) -> tuple[int | None, bool | None]:
    """Return the PR's number and whether its head is in a fork; None where the event does not say.

    A comment's payload holds no head, so nobody can say. `pr-number` is chatops' input of `workflow_dispatch`.
    """
    if isinstance(event, PullRequestEvent):
        return event.pull_request.number, event.pull_request.from_fork
    if isinstance(event, CommentEvent) and event.on_pull_request:
        return event.number, event.pull_request.from_fork if event.pull_request else None
    if isinstance(event, DispatchEvent):
        number = str(event.inputs.get("pr-number") or "")
        return (int(number), None) if number.isascii() and number.isdigit() and len(number) <= 10 else (None, None)
    return None, None


def _sha(inputs: Inputs, context: Context, event: Event | None, checkout: Checkout | None) -> str:
    if inputs.sha:
        return inputs.sha
    # On a comment the runner's GITHUB_SHA is the default branch's, whatever the PR's is: it says nothing of the PR.
    misleading = isinstance(event, CommentEvent)
    if inputs.is_legacy and not misleading and is_sha(context.sha):
        return context.sha
    if checkout is not None:
        return checkout.sha
    if is_sha(context.sha) and not misleading:
        return context.sha
    raise BadInput(
        "it is not known which commit the image is of: the workspace holds no checkout",
        "add a step with actions/checkout before this one, or give 'sha'",
    )


def _ref(inputs: Inputs, context: Context, checkout: Checkout | None, sha: str) -> str:
    """Find the ref of the commit; empty where none is known, so that no tag is made of a guess."""
    if inputs.ref:
        return inputs.ref
    if inputs.is_legacy and context.sha == sha:
        return context.ref
    if checkout is not None and checkout.sha == sha and checkout.branch:
        return f"refs/heads/{checkout.branch}"
    if context.sha == sha:
        return context.ref
    if checkout is not None and checkout.sha == sha:
        return next(iter((*checkout.pulls, *(checkout.tags if len(checkout.tags) == 1 else ()))), "")
    return ""
