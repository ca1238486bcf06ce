"""The check of a call-back: nobody gave a command, but a workflow that was submitted earlier reports its end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from mlops_actions.chatops.evaluation import Evaluation, cause_and_remedy
from mlops_actions.chatops.facts import Facts, PullRequestCommits, Question, Unknown, WasHead, WorkflowRun
from mlops_actions.chatops.ports import Reader
from mlops_actions.chatops.request import Decision
from mlops_actions.core import command_notice
from mlops_actions.core.callback import RECORD_TITLE, CallBack, record
from mlops_actions.core.user import User

_RUN_OF_THE_HEAD = ("pull_request", "pull_request_review", "pull_request_review_comment", "push")


@dataclass(frozen=True)
class Records(Question[frozenset[tuple[str, str]]]):
    """What the jobs of a workflow run have recorded: title and text of each record."""

    run: int

    def ask(self, reader: Reader) -> frozenset[tuple[str, str]]:
        """Read the annotations of the run's jobs; a job that was skipped has none."""
        jobs = (job for job in reader.runs.jobs(self.run) if job.get("conclusion") != "skipped")
        annotations = (annotation for job in jobs for annotation in reader.runs.annotations(int(job["id"])))
        records = ((str(one.get("title") or ""), str(one["message"])) for one in annotations)
        return frozenset(record for record in records if record[0] in (RECORD_TITLE, command_notice.TITLE))


def command_of(call_back: CallBack, facts: Facts) -> tuple[str, User]:
    """Return the name of the command whose workflow a call-back reports, and who gave it; each empty where unknown.

    Both are only shown. They are read from the run that submitted the workflow, never from the command's comment, which can
    be edited.
    """
    run, records = facts.get(WorkflowRun(call_back.run)), facts.get(Records(call_back.run))
    login = "" if run is None or isinstance(run, Unknown) else str(run["actor"])
    given = [] if records is None or isinstance(records, Unknown) else [command_notice.parse(*one) for one in records]
    names = {one.name for one in given if one and (one.pr_number, one.sha) == (call_back.pull_request, call_back.sha)}
    return names.pop() if len(names) == 1 else "", User(login, "Bot" if login.endswith("[bot]") else "User")


def check_call_back(evaluation: Evaluation) -> Decision | None:
    """Require that the commit of a call-back is or was in the pull request, and that its run submitted this very workflow.

    A rebase or a force push takes a commit out of a pull request, and GitHub lists 250 commits at most. The branch's
    activity shows the commit all the same: a workflow runs on a commit that was the head.
    """
    call_back = evaluation.request.call_back
    if call_back is None:
        return None
    pull_request = evaluation.pull_request
    text = record(call_back.namespace, call_back.workflow, call_back.uid)
    questions: list[Question[Any]] = [WorkflowRun(call_back.run), Records(call_back.run)]
    if call_back.sha != pull_request.head.sha:
        head = pull_request.head
        questions += [PullRequestCommits(pull_request.number), WasHead(head.repository, head.ref, call_back.sha)]
    run, records, *evidence = evaluation.answers(questions)
    if isinstance(run, Unknown):
        return Decision("run-unknown", cause_and_remedy(run))
    if run is None:
        return Decision("run-not-here", (f"run: {call_back.run}",))
    # The run of a comment is of the default branch. The workflow file of these runs is the pull request's own, so that the
    # run can be believed for its own commit only.
    if run["event"] in _RUN_OF_THE_HEAD and run["head_sha"] != call_back.sha:
        return Decision("run-not-here", (f"run {call_back.run} was of commit {run['head_sha']}",))
    if isinstance(records, Unknown):
        return Decision("run-unknown", cause_and_remedy(records))
    if (RECORD_TITLE, text) not in records:
        # GitHub shows the annotations of a job when it has ended, and a workflow can be faster.
        is_open = run["status"] != "completed"
        details = (f"run {call_back.run} names no workflow {call_back.namespace}/{call_back.workflow} ({call_back.uid})",)
        return Decision("workflow-not-of-run", details, may_pass=is_open)
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
