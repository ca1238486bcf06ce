"""Which commit, pull request and image a workflow is about: inputs, checkout and event → facts. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from mlops_actions.argo_submit.inputs import Inputs
from mlops_actions.core import provenance
from mlops_actions.core.context import Context
from mlops_actions.core.event import CommentEvent, DispatchEvent, Event, PullRequest, PullRequestEvent
from mlops_actions.core.provenance import is_sha


@dataclass(frozen=True)
class Subject:
    """What is known; texts are empty, and the number None, where it is not."""

    sha: str
    pr_number: int | None
    image: str
    repository: str
    actor: str
    run_url: str

    def known_parameters(self) -> dict[str, str]:
        """Return what is handed to the workflow where it declares it, by the keys of `parameters.KNOWN`."""
        return {
            "image": self.image,
            "sha": self.sha,
            "pr-number": str(self.pr_number or ""),
            "repository": self.repository,
        }

    def labels(self, context: Context) -> dict[str, str]:
        """Return labels (valid values; what does not fit is in the annotations)."""
        return provenance.labels(
            {
                provenance.SHA: self.sha,
                provenance.REPOSITORY: self.repository,
                provenance.PULL_REQUEST: str(self.pr_number or ""),
                provenance.RUN: context.run_id,
                provenance.STEP: context.step,
            }
        )

    def annotations(self) -> dict[str, str]:
        """Return the exact texts."""
        texts = {
            provenance.SHA: self.sha,
            provenance.REPOSITORY: self.repository,
            provenance.IMAGE: self.image,
            provenance.PULL_REQUEST: str(self.pr_number or ""),
            provenance.ACTOR: self.actor,
            provenance.RUN: self.run_url,
        }
        return {name: text for name, text in texts.items() if text}


def given_by_inputs(inputs: Inputs) -> Mapping[str, str]:
    """Return what inputs state outright: a parameter must not contradict them."""
    texts = {"image": inputs.image, "sha": inputs.sha, "pr-number": inputs.pr_number}
    return {name: str(value) for name, value in texts.items() if value}


def pull_request_in(event: Event | None) -> tuple[int | None, PullRequest | None]:
    """Return the pull request's number, and the pull request itself where the payload holds it."""
    if isinstance(event, PullRequestEvent):
        return event.pull_request.number, event.pull_request
    if isinstance(event, CommentEvent) and event.on_pull_request:
        return event.number, event.pull_request
    if isinstance(event, DispatchEvent):
        number = str(event.inputs.get("pr-number") or "")
        return (int(number), None) if number.isascii() and number.isdigit() and len(number) <= 10 else (None, None)
    return None, None


def subject_of(inputs: Inputs, context: Context, event: Event | None, *, checked_out: str, head: str) -> Subject:
    """Decide what the workflow is about; `head` is the pull request's, where it was asked for."""
    number, pull_request = pull_request_in(event)
    # On a comment the event's commit is the default branch's: it says nothing of the pull request.
    event_sha = "" if isinstance(event, CommentEvent) or not is_sha(context.sha) else context.sha
    of_pull_request = head or (pull_request.head.sha if pull_request else "")
    return Subject(
        sha=inputs.sha or checked_out or of_pull_request or event_sha,
        pr_number=inputs.pr_number or number,
        image=inputs.image or "",
        repository=context.repository,
        actor=context.triggering_actor,
        run_url=context.run_url if context.run_id else "",
    )
