"""The commit, pull request and image that a workflow is about: decided from inputs, checkout and event. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from mlops_actions.argo_submit.inputs import Inputs
from mlops_actions.core import provenance
from mlops_actions.core.context import Context
from mlops_actions.core.event import Event, EventPullRequest, commit_of
from mlops_actions.core.types import Json

# The commit of these events is the one to run: of a merge group the merged result, not its pull request's head.
_EVENTS_OF_A_COMMIT = ("push", "merge_group")


@dataclass(frozen=True, kw_only=True)
class WorkflowRevision:
    """The facts that tie a workflow to its commit. Texts are empty, and the number is None, where they are not known.

    `head` is the pull request's head at that moment: a job on `pull_request` checks out a merge with the base, by default.
    """

    sha: str
    pr_number: int | None
    image: str
    repository: str
    actor: str
    run_url: str
    head: str = ""

    def known_parameters(self) -> dict[str, str]:
        """Return the values for parameters that the workflow may declare, by the keys of `parameters.KNOWN`."""
        return {
            "image": self.image,
            "sha": self.sha,
            "pr-number": str(self.pr_number or ""),
            "repository": self.repository,
        }

    def labels(self, context: Context) -> dict[str, str]:
        """Return the labels. A label's value is limited in length and characters; the annotations hold the exact texts."""
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
        """Return the annotations, which hold the exact texts."""
        texts = {
            provenance.SHA: self.sha,
            provenance.HEAD: self.head,
            provenance.REPOSITORY: self.repository,
            provenance.IMAGE: self.image,
            provenance.PULL_REQUEST: str(self.pr_number or ""),
            provenance.ACTOR: self.actor,
            provenance.RUN: self.run_url,
        }
        return {name: text for name, text in texts.items() if text}


def parameters_by_input(inputs: Inputs) -> Mapping[str, str]:
    """Return the values of inputs by the keys of `parameters.KNOWN`; no parameter may contradict one."""
    texts = {"image": inputs.image, "sha": inputs.sha, "pr-number": inputs.pr_number}
    return {name: str(value) for name, value in texts.items() if value}


def pull_request_to_read(
    inputs: Inputs, event: Event | None, pull_request: EventPullRequest, *, checked_out: str
) -> int | None:
    """Return the number of the pull request whose head commit must be read from GitHub; None where the commit is known."""
    if inputs.sha or checked_out or pull_request.pull_request:
        return None
    of_event = None if event is not None and event.name in _EVENTS_OF_A_COMMIT else pull_request.number
    return inputs.pr_number or of_event


def revision_of(
    inputs: Inputs, context: Context, event: Event | None, pull_request: EventPullRequest, *, checked_out: str, head: str
) -> WorkflowRevision:
    """Decide what the workflow is about; `head` is the pull request's head commit where it was read from GitHub."""
    payload_head = pull_request.pull_request.head.sha if pull_request.pull_request else ""
    return WorkflowRevision(
        sha=inputs.sha or checked_out or head or payload_head or commit_of(event, context),
        pr_number=inputs.pr_number or pull_request.number,
        image=inputs.image or "",
        repository=context.repository,
        actor=context.triggering_actor,
        run_url=context.run_url if context.run_id else "",
        head=payload_head or head,
    )


def recorded_revision(workflow: Json, step: WorkflowRevision) -> WorkflowRevision:
    """Return the revision that a workflow of this suite was submitted for; `step` is that of the step that asks."""
    annotations = workflow["metadata"].get("annotations") or {}
    number = annotations.get(provenance.PULL_REQUEST, "")
    return WorkflowRevision(
        sha=annotations.get(provenance.SHA, ""),
        pr_number=int(number) if number.isascii() and number.isdigit() else None,
        image=annotations.get(provenance.IMAGE, ""),
        repository=step.repository,
        actor=annotations.get(provenance.ACTOR, ""),
        run_url=step.run_url,
    )
