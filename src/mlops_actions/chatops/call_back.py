"""The check of a call-back: nobody gave a command, but a workflow that was submitted earlier reports its end."""

from __future__ import annotations

from typing import Any

from mlops_actions.chatops.evaluation import Evaluation, cause_and_remedy
from mlops_actions.chatops.facts import PullRequestCommits, Question, Unknown, WorkflowRun
from mlops_actions.chatops.request import Decision


def check_call_back(evaluation: Evaluation) -> Decision | None:
    """Require that the commit of a call-back is in the pull request, and that its run is in this repository."""
    call_back = evaluation.request.call_back
    if call_back is None:
        return None
    pull_request = evaluation.pull_request
    questions: list[Question[Any]] = [WorkflowRun(call_back.run)]
    if call_back.sha != pull_request.head.sha:
        questions.append(PullRequestCommits(pull_request.number))
    run, *commit_lists = evaluation.answers(questions)
    if isinstance(run, Unknown):
        return Decision("run-unknown", cause_and_remedy(run))
    if run is None:
        return Decision("run-not-here", (f"run: {call_back.run}",))
    # The run of a comment is of the default branch; the run of a pull request event names that pull request's commit.
    if run["event"] == "pull_request" and run["head_sha"] != call_back.sha:
        return Decision("run-not-here", (f"run {call_back.run} was of commit {run['head_sha']}",))
    for commits in commit_lists:
        if isinstance(commits, Unknown):
            return Decision("commits-unknown", cause_and_remedy(commits))
        if call_back.sha not in commits:
            return Decision("commit-not-here", (f"commit: {call_back.sha}",))
    return None


def set_parameters(evaluation: Evaluation) -> None:
    """Make what the call-back says about the workflow the parameters of the later steps."""
    call_back = evaluation.request.call_back
    if call_back is not None:
        evaluation.params = {
            "workflow": call_back.workflow,
            "namespace": call_back.namespace,
            "uid": call_back.uid,
            "phase": call_back.phase,
            "run": call_back.run,
            "step": call_back.step,
            "image": call_back.image,
        }
