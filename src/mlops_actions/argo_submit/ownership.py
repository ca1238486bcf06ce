"""Which workflows a step may stop, resume or retry: those of this suite, its repository and its pull request. Pure.

The labels find them, but a label's value is cut and its characters are replaced, so that two repositories may share one. The
annotations hold the exact texts, and decide.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from mlops_actions.argo_submit.status import LABEL_COMPLETED
from mlops_actions.core import provenance
from mlops_actions.core.errors import Refused
from mlops_actions.core.types import Json

# A person who submits a workflow again in Argo's user interface gets a copy with all labels and annotations, and this label.
LABEL_RESUBMITTED = "workflows.argoproj.io/resubmitted-from-workflow"


@dataclass(frozen=True, kw_only=True)
class WorkflowOwner:
    """A repository, and where the event belongs to one, its pull request; `server_url` is the address of GitHub.

    `runs` are the ids of the workflow runs of GitHub that may have submitted the workflow; empty: any.
    """

    repository: str
    server_url: str
    pr_number: int | None
    runs: tuple[str, ...] = ()

    @property
    def running(self) -> str:
        """The label selector of this owner's workflows that have not ended."""
        return f"{self.all},{LABEL_COMPLETED}!=true"

    @property
    def all(self) -> str:
        """The label selector of this owner's workflows."""
        labels = provenance.labels(
            {provenance.REPOSITORY: self.repository, provenance.PULL_REQUEST: str(self.pr_number or "")}
        )
        return ",".join(f"{name}={value}" for name, value in labels.items())

    def owns(self, workflow: Json) -> bool:
        """Tell whether this suite submitted the workflow for this repository and pull request."""
        return not self._difference(workflow)

    def check(self, workflow: Json, verb: str) -> None:
        """Raise Refused where the workflow is not this owner's: whoever writes a comment may name any workflow."""
        if difference := self._difference(workflow):
            raise Refused(
                f"workflow '{workflow['metadata']['name']}' {difference}, so this step does not {verb} it",
                "see that the name is right; a person with access to the cluster can use Argo's own command or page",
            )

    def _difference(self, workflow: Json) -> str:
        metadata = workflow["metadata"]
        annotations: Mapping[str, str] = metadata.get("annotations") or {}
        if LABEL_RESUBMITTED in (metadata.get("labels") or {}):
            return "is a copy that somebody submitted again"
        if provenance.RUN not in annotations or provenance.REPOSITORY not in annotations:
            return "was not submitted by this action"
        page = f"{self.server_url}/{self.repository}/actions/runs/"
        if annotations[provenance.REPOSITORY] != self.repository or not annotations[provenance.RUN].startswith(page):
            return f"was submitted by the repository {annotations[provenance.REPOSITORY]!r}"
        if self.runs and annotations[provenance.RUN].removeprefix(page) not in self.runs:
            return f"was submitted by the run {annotations[provenance.RUN]}, which is not in 'of-runs'"
        number = annotations.get(provenance.PULL_REQUEST, "")
        if self.pr_number is not None and number != str(self.pr_number):
            return (
                f"was submitted for {f'pull request {number!r}' if number else 'no pull request'}, not for #{self.pr_number}"
            )
        return ""
