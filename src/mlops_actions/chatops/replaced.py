"""Find out whether a newer command took the place of one that waited in its concurrency group.

Without `queue: max`, which GitHub Enterprise Server does not have, a group keeps one pending job. GitHub cancels it where a
newer one comes, and says so in an annotation of the job's check run.
"""

from __future__ import annotations

from mlops_actions.chatops.ports import Repository
from mlops_actions.core.context import Context
from mlops_actions.core.errors import ActionError
from mlops_actions.core.ports import Log

# https://github.com/ncihtan/data-models/pull/252 shows the whole text; a cancellation by a person reads otherwise.
_ANNOTATION = "Canceling since a higher priority waiting request"
_MAX_JOBS = 20


def was_replaced(client: Repository, context: Context, log: Log) -> bool:
    """Return whether a job of this run was replaced while it waited; False where GitHub does not tell.

    The check runs of a run's jobs are on the commit of its workflow file, `GITHUB_SHA`: unlike the jobs themselves they can
    be read with the right that `check-name` takes.
    """
    try:
        jobs = [
            int(run["id"])
            for run in client.check_runs(context.sha)
            if run.get("conclusion") == "cancelled"
            and f"/actions/runs/{context.run_id}/" in str(run.get("details_url") or "")
        ]
        messages = (str(one.get("message") or "") for job in jobs[:_MAX_JOBS] for one in client.runs.annotations(job))
        return any(message.startswith(_ANNOTATION) for message in messages)
    except ActionError as error:
        log.info(f"why the job was cancelled is not known: {error}")
        return False
