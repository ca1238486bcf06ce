"""A run of a workflow file that has submitted a workflow, which calls back later."""

from __future__ import annotations

from mlops_actions.core.callback import RECORD_TITLE, CallBack, record
from mlops_sandbox.github import Repository, WorkflowRun
from mlops_sandbox.runner.files import LogCommand, read_log


def record_submission(repository: Repository, run: WorkflowRun, text: str, *, title: str = RECORD_TITLE) -> None:
    """Let a job of a run name the workflow that it has submitted, beside a job that was skipped; the run has ended."""
    at = repository.instance.clock.now()
    repository.workflow_job(run, "Conclude").complete("skipped", at)
    job = repository.workflow_job(run, "Submit")
    job.check_run.annotations.append({"annotation_level": "warning", "title": "", "message": "Something else."})
    job.check_run.annotations.append({"annotation_level": "notice", "title": title, "message": text})
    job.complete("success", at)
    run.complete("success", at)


def submitting_run(repository: Repository, call_back: CallBack, *, by: str = "maintainer") -> WorkflowRun:
    """Record the run of the default branch that submitted the workflow of a call-back."""
    run = repository.workflow_run(repository.branches[repository.default_branch], by=by, run_id=call_back.run)
    record_submission(repository, run, record(call_back.namespace, call_back.workflow, call_back.uid))
    return run


def record_log(repository: Repository, run: int, log: str) -> None:
    """Record what a job printed of the workflow that it submitted; GitHub keeps the notices of a job when it has ended."""
    (text,) = (
        one.message
        for one in read_log(log)
        if isinstance(one, LogCommand) and (one.name, one.properties.get("title")) == ("notice", RECORD_TITLE)
    )
    record_submission(repository, repository.workflow_runs[run], text)
