"""The runs of a workflow file, and what the record of a command is made of: jobs, annotations, the comment it came from."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice
from typing import Any
from urllib.parse import quote

from mlops_actions.boundary.github import shapes
from mlops_actions.boundary.github.failures import GitHubRefused
from mlops_actions.boundary.github.transport import GitHubTransport

_MAX_RUNS = 30
_MAX_JOBS = 300
_MAX_ANNOTATIONS = 100  # GitHub keeps 50 for a job
_GONE = (404, 410)
_ENDED = 409


class WorkflowRuns:
    """The workflow runs of one repository. Its calls raise GitHubRefused and Unavailable."""

    def __init__(self, transport: GitHubTransport, root: str) -> None:
        self._api = transport
        self._root = root

    def unfinished(self, workflow_file: str, status: str) -> list[Mapping[str, Any]]:
        """Return the newest runs of a workflow file (`mlops.yml`) that have this status, newest first."""
        return self._newest(f"{self._root}/actions/workflows/{quote(workflow_file, safe='')}/runs", status=status)

    def unfinished_on(self, event: str, status: str) -> list[Mapping[str, Any]]:
        """Return the newest runs of all workflow files on an event (`issue_comment`) that have this status, newest first."""
        return self._newest(f"{self._root}/actions/runs", event=event, status=status)

    def _newest(self, path: str, **filters: str) -> list[Mapping[str, Any]]:
        parameters: dict[str, str | int] = {**filters, "per_page": _MAX_RUNS}
        page = self._api.get(path, shapes.record(workflow_runs=shapes.listing(shapes.COMMAND_RUN)), **parameters)
        return list(page["workflow_runs"])

    def read(self, run: int) -> Mapping[str, Any] | None:
        """Read a run; None where the repository has none with this id."""
        return self._read(f"{self._root}/actions/runs/{run}", shapes.COMMAND_RUN)

    def jobs(self, run: int) -> list[Mapping[str, Any]]:
        """Return the jobs of all attempts of a run.

        After a re-run of the failed jobs the latest attempt lists copies of the others, which have no annotations
        (https://github.com/bobmatnyc/trusty-tools/issues/6113).
        """
        pages = self._api.pages(f"{self._root}/actions/runs/{run}/jobs", shapes.JOB, key="jobs", filter="all")
        return list(islice(pages, _MAX_JOBS))

    def annotations(self, job: int, *, must_exist: bool = False) -> list[Mapping[str, Any]]:
        """Return the annotations of a job, whose check run has the job's id. A job that was skipped has none.

        GitHub may also hide the check run from a token, as if there were none: `must_exist` makes that an error.
        """
        pages = self._api.pages(f"{self._root}/check-runs/{job}/annotations", shapes.ANNOTATION)
        try:
            return list(islice(pages, _MAX_ANNOTATIONS))
        except GitHubRefused as refused:
            if must_exist or refused.status not in _GONE:
                raise
            return []

    def cancel(self, run: int) -> bool:
        """Cancel a run; False where it has ended already. The answer does not wait for the run's end."""
        try:
            self._api.send("POST", f"{self._root}/actions/runs/{run}/cancel", shapes.empty_object, repeatable=True)
        except GitHubRefused as refused:
            if refused.status != _ENDED:
                raise
            return False
        return True

    def comment(self, place: str) -> Mapping[str, Any] | None:
        """Read a comment, `issues/comments/ID` or `pulls/comments/ID`; None where it was deleted."""
        return self._read(f"{self._root}/{place}", shapes.COMMENT_TO_READ)

    def _read(self, path: str, shape: shapes.Shape) -> Mapping[str, Any] | None:
        try:
            answer: Mapping[str, Any] = self._api.get(path, shape)
        except GitHubRefused as refused:
            if refused.status not in _GONE:
                raise
            return None
        return answer
