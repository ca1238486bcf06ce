"""The check of a call-back: nobody gave a command, but a workflow that was submitted earlier reports its end."""

from __future__ import annotations

from typing import Any

from mlops_actions.chatops.evaluation import Evaluation, cause_and_remedy
from mlops_actions.chatops.facts import PullRequestCommits, Question, Unknown, WasHead, WorkflowRun
from mlops_actions.chatops.request import Decision

_RUN_OF_THE_HEAD = ("pull_request", "pull_request_review", "pull_request_review_comment", "push")


def check_call_back(evaluation: Evaluation) -> Decision | None:
    """Require that the commit of a call-back is or was in the pull request, and that its run is in this repository.

    A rebase or a force push takes a commit out of a pull request, and GitHub lists 250 commits at most. The branch's
    activity shows the commit all the same: a workflow runs on a commit that was the head.
    """
    call_back = evaluation.request.call_back
    if call_back is None:
        return None
    pull_request = evaluation.pull_request
    questions: list[Question[Any]] = [WorkflowRun(call_back.run)]
    if call_back.sha != pull_request.head.sha:
        head = pull_request.head
        questions += [PullRequestCommits(pull_request.number), WasHead(head.repository, head.ref, call_back.sha)]
    run, *evidence = evaluation.answers(questions)
    if isinstance(run, Unknown):
        return Decision("run-unknown", cause_and_remedy(run))
    if run is None:
        return Decision("run-not-here", (f"run: {call_back.run}",))
    # The run of a comment is of the default branch. The workflow file of these runs is the pull request's own, so that the
    # run can be believed for its own commit only.
    if run["event"] in _RUN_OF_THE_HEAD and run["head_sha"] != call_back.sha:
        return Decision("run-not-here", (f"run {call_back.run} was of commit {run['head_sha']}",))
    if not evidence:
        return None
    commits, was_head = evidence
    if was_head is True or (not isinstance(commits, Unknown) and call_back.sha in commits):
        return None
    unknown = next((answer for answer in evidence if isinstance(answer, Unknown)), None)
    if unknown is not None:
        return Decision("commits-unknown", cause_and_remedy(unknown))
    return Decision("commit-not-here", (f"commit: {call_back.sha}",))


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
