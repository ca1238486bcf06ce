"""A report as a check run: in progress while the verdict is open, and concluded by the later run that decides."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mlops_actions.boundary.github import shapes
from mlops_actions.boundary.github.failures import GitHubRefused
from mlops_actions.boundary.github.transport import GitHubTransport
from mlops_actions.core.errors import ActionError
from mlops_actions.core.markdown import COMMENT_LIMIT, cut

_MAX_OUTPUT_BYTES = 65_535
_CUT_NOTE = f"_Cut here: GitHub takes at most {COMMENT_LIMIT:,} characters._"
# GitHub may let nobody change a check run of the job's token (its changelog of 2025-02-12), or answer that it is gone.
_LOCKED = (403, 404, 422)


class CheckReports:
    """The check runs that show reports, in one repository."""

    def __init__(self, transport: GitHubTransport, root: str) -> None:
        self._api = transport
        self._root = root

    def write(self, name: str, sha: str, conclusion: str, *, external_id: str, url: str, title: str, summary: str) -> None:
        """Show a report as the check run `name` of a commit; an empty conclusion leaves it in progress.

        A check run that an earlier report left in progress is used again: it has the same name, commit and `external_id`.
        Where GitHub lets nobody conclude that one, a concluded one is created beside it: the newest of a name counts.
        """
        output = {"output": {"title": title, "summary": output_summary(summary)}}
        state = {"status": "completed", "conclusion": conclusion} if conclusion else {}
        shape = shapes.concluded_check_run(conclusion) if conclusion else shapes.WRITTEN_CHECK_RUN
        runs, not_listed = self._open(name, sha, external_id)
        changed = [self._change(run, {**state, **output}, shape) for run in runs]
        if any(changed):
            return
        body = {
            "name": name,
            "head_sha": sha,
            "details_url": url,
            "external_id": external_id,
            **(state or {"status": "in_progress"}),
            **output,
        }
        self._api.send("POST", f"{self._root}/check-runs", shape, body=body)
        if not_listed:
            self._api.log.warning(f"an earlier check run '{name}' may stay in progress: {not_listed}", title="GitHub")

    def _open(self, name: str, sha: str, external_id: str) -> tuple[list[int], ActionError | None]:
        """Return the ids of the check runs in progress; none, and the error, where GitHub does not list them."""
        path = f"{self._root}/commits/{sha}/check-runs"
        try:
            runs = list(self._api.pages(path, shapes.CHECK_RUN, key="check_runs", check_name=name, filter="all"))
        except ActionError as error:
            return [], error
        ours = [run for run in runs if run["status"] != "completed" and run.get("external_id") == external_id]
        return [int(run["id"]) for run in ours], None

    def _change(self, run: int, body: Mapping[str, Any], shape: shapes.Shape) -> bool:
        """Change a check run; return whether GitHub allowed it."""
        try:
            self._api.send("PATCH", f"{self._root}/check-runs/{run}", shape, body=dict(body))
        except GitHubRefused as refused:
            if refused.status not in _LOCKED:
                raise
            return False
        return True


def output_summary(summary: str) -> str:
    """Cut the summary of a check run to its limit, which counts bytes."""
    limit = _MAX_OUTPUT_BYTES
    while (size := len((shortened := cut(summary, limit, _CUT_NOTE)).encode())) > _MAX_OUTPUT_BYTES:
        limit = limit * _MAX_OUTPUT_BYTES // size
    return shortened
