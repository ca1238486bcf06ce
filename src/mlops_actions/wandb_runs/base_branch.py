"""Ask GitHub for the commits of the base branch whose runs are baselines: a checkout is one commit deep."""

from __future__ import annotations

from itertools import islice

from mlops_actions.core.errors import ActionError, Unavailable
from mlops_actions.core.event import Event, PullRequest, pull_request_of
from mlops_actions.core.provenance import short
from mlops_actions.wandb_runs.inputs import Inputs
from mlops_actions.wandb_runs.ports import CommitHistory, Ports
from mlops_actions.wandb_runs.selection.base_commits import MAX_COMMITS, TAGS, BaseCommits, in_order


def base_commits(inputs: Inputs, event: Event | None, ports: Ports) -> BaseCommits | None:
    """Return the commits before `sha` on its base branch; None where the inputs do not ask for them.

    An error of GitHub's is part of the answer: the report is written without baselines, and then the step fails.
    """
    if inputs.baseline == TAGS or not inputs.sha or ports.history is None:
        return None
    try:
        base = _read(inputs.sha, _pull_request(inputs, event, ports), event, ports.history)
    except ActionError as error:
        cause = f"input 'baseline': which commits come before {short(inputs.sha)} is not known: {error.cause}"
        return BaseCommits(error=error.reworded(cause, error.remedy))
    ports.runner.info(
        f"baselines: runs of {len(base.commits)} commits of {base.branch}, from {base.start or 'its commit before'} on"
    )
    return base


def _pull_request(inputs: Inputs, event: Event | None, ports: Ports) -> PullRequest | None:
    """Return the pull request whose base is meant; None where the event belongs to none."""
    github = ports.publisher
    if github is None:
        return None
    if not inputs.pr_number:
        found = pull_request_of(event, github.pull_request_of_commit)
        if found.pull_request or not found.number:
            return found.pull_request
        return github.pull_request(found.number)
    return github.pull_request(inputs.pr_number)


def _read(sha: str, pull: PullRequest | None, event: Event | None, history: CommitHistory) -> BaseCommits:
    branch = pull.base.ref if pull else (event.default_branch if event else "") or history.default_branch()
    start = history.merge_base(f"refs/heads/{branch}", sha)
    if start == sha and pull:
        # Merged already: the base as it was with the pull request tells where the branch left it.
        start = history.merge_base(pull.base.sha, sha)
    listed = list(islice(history.ancestors(start), MAX_COMMITS + 1))
    if start not in dict(listed):
        raise Unavailable(
            f"GitHub's answer to 'GET /repos/…/commits' for {start} does not begin with that commit", "run the job again"
        )
    commits, own = in_order(dict(listed[:MAX_COMMITS]), start)
    is_own = start == sha
    return BaseCommits(
        branch=branch,
        start="" if is_own else start,
        commits=commits[1:] if is_own else commits,
        own=own - 1 if is_own else own,
        has_more=len(listed) > MAX_COMMITS,
    )
