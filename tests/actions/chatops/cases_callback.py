"""The call-back of a workflow that no job waited for: GitHub must confirm its claims."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mlops_actions.core.callback import EVENT_TYPE, RECORD_TITLE, CallBack, record
from mlops_sandbox.github import Delivery
from tests.actions.chatops.case import Case
from tests.support.call_backs import record_submission
from tests.support.payloads import Sample, make_fork_sample

RUN, GOOD = 4242, "a" * 40
RECORD = record("ml", "train-x7k2p", "0b5a-1")
IMAGE = f"ghcr.io/acme/digits@sha256:{'1' * 64}"
READS = ("GET /repos/octo-org/digits/pulls/1", "GET /repos/octo-org/digits/collaborators/maintainer/permission")
OF_THE_RUN = (
    f"GET /repos/octo-org/digits/actions/runs/{RUN}",
    f"GET /repos/octo-org/digits/actions/runs/{RUN}/jobs",
    "GET /repos/octo-org/digits/check-runs/ID/annotations",
)
REFUSED = ("::warning", "the call-back was refused")


def _submitted(sample: Sample, **record: str) -> None:
    """The run of a comment, on the default branch, submitted the workflow."""
    run = sample.repository.workflow_run(sample.repository.branches["main"], by="maintainer", run_id=RUN)
    record_submission(sample.repository, run, **{"text": RECORD, **record})


def _nothing_recorded(sample: Sample) -> None:
    """Another run of the default branch, which submitted nothing."""
    run = sample.repository.workflow_run(sample.repository.branches["main"], by="maintainer", run_id=RUN)
    sample.repository.workflow_job(run, "Lint").complete("success", sample.github.clock.now())
    run.complete("success", sample.github.clock.now())


def _recorded_by_another_run(sample: Sample) -> None:
    _nothing_recorded(sample)
    other = sample.repository.workflow_run(sample.repository.branches["main"], by="maintainer", run_id=RUN + 1)
    record_submission(sample.repository, other, RECORD)


def _recorded_by_a_check_run(sample: Sample) -> None:
    """A check run that a client created on the run's commit belongs to none of its jobs."""
    _nothing_recorded(sample)
    check_run = sample.repository.check_run(
        sample.repository.branches["main"], "Submit", conclusion="success", from_api=True
    )
    check_run.annotations.append({"annotation_level": "notice", "title": RECORD_TITLE, "message": RECORD})


def _pushed(sample: Sample) -> None:
    _submitted(sample)
    sample.pull.push(sha="e" * 40)


def _rebased(sample: Sample) -> None:
    """Push a commit, submit its workflow, and replace the commit by another one."""
    sample.pull.push(sha=GOOD)
    _submitted(sample)
    sample.pull.push(sha="e" * 40, force=True)


def _call_back(*, by: str = "maintainer", event_type: str = EVENT_TYPE, **changed: Any) -> Callable[[Sample], Delivery[Any]]:
    """A call-back for the pull request's first commit, with some of its claims changed."""

    def event(sample: Sample) -> Delivery[Any]:
        sha, number = sample.pull.commits[0].sha, sample.pull.number
        call_back = CallBack(
            sha=sha,
            pull_request=number,
            run=RUN,
            workflow="train-x7k2p",
            phase="Succeeded",
            namespace="ml",
            uid="0b5a-1",
            step="train",
            image=IMAGE,
        )
        return sample.repository.dispatch(event_type, call_back.payload() | changed, by=by)

    return event


def _of_a_pull_request(sha: str, event: str = "pull_request") -> Callable[[Sample], object]:
    def before(sample: Sample) -> None:
        sha_of_run = sample.pull.head_sha if sha == "head" else sha
        run = sample.repository.workflow_run(sha_of_run, by="writer", run_id=RUN, event=event)
        record_submission(sample.repository, run, RECORD)

    return before


CASES = [
    Case(
        "call-back",
        "ok",
        before=_submitted,
        event=_call_back(),
        outputs={"pr-number": "1", "command": "", "actor": "maintainer", "ref": "schedule", "comment-id": ""},
        params={
            "workflow": "train-x7k2p",
            "namespace": "ml",
            "uid": "0b5a-1",
            "phase": "Succeeded",
            "run": RUN,
            "step": "train",
            "image": IMAGE,
        },
        requests=(*READS, READS[0], *OF_THE_RUN),
    ),
    Case("call-back of a failure", "ok", before=_submitted, event=_call_back(phase="Failed")),
    Case(
        "call-back for a commit that is not the head any more",
        "ok",
        before=_pushed,
        event=_call_back(),
        reply=("`train-x7k2p`", "`Succeeded`", "has moved since: it is `eeeeeee` now"),
        requests=(
            *READS,
            READS[0],
            *OF_THE_RUN,
            "GET /repos/octo-org/digits/pulls/1/commits",
            "GET /repos/octo-org/digits/activity",
            "POST /repos/octo-org/digits/issues/1/comments",
        ),
    ),
    Case(
        "call-back for a commit that a force push has removed",
        "ok",
        before=_rebased,
        event=lambda sample: _call_back(sha=GOOD)(sample),
        outputs={"sha": GOOD},
        reply=("has moved since",),
    ),
    Case(
        "call-back for a commit that a force push has removed, and commits that cannot be read",
        "ok",
        before=_rebased,
        event=lambda sample: _call_back(sha=GOOD)(sample),
        after=lambda sample: sample.github.faults.answer("GET /repos/*/*/pulls/*/commits", 403),
        reply=("has moved since",),
    ),
    Case(
        "call-back for a commit beyond the 250 that GitHub lists",
        "ok",
        before=_pushed,
        event=_call_back(),
        after=lambda sample: sample.github.faults.answer("GET /repos/*/*/pulls/*/commits", 200, []),
        reply=("has moved since",),
    ),
    Case(
        "call-back for a listed commit, and activity that cannot be read",
        "ok",
        before=_pushed,
        event=_call_back(),
        after=lambda sample: sample.github.faults.answer("GET /repos/*/*/activity", 403),
        reply=("has moved since",),
    ),
    Case(
        "call-back after a push, without replies",
        "ok",
        inputs={"reply": "never"},
        before=_pushed,
        event=_call_back(),
    ),
    Case(
        "call-back for a foreign commit", "commit-not-here", before=_submitted, event=_call_back(sha="f" * 40), log=REFUSED
    ),
    Case(
        "call-back for the base branch's commit",
        "commit-not-here",
        before=_submitted,
        event=lambda sample: _call_back(sha=sample.repository.branches["main"])(sample),
        log=REFUSED,
    ),
    Case("call-back of a run that is not here", "run-not-here", event=_call_back(), log=REFUSED),
    Case("call-back of another run", "run-not-here", before=_submitted, event=_call_back(run=RUN + 1), log=(str(RUN + 1),)),
    Case("call-back of the pull request's own run", "ok", before=_of_a_pull_request("head"), event=_call_back()),
    Case(
        "call-back of a run for another commit",
        "run-not-here",
        before=_of_a_pull_request("d" * 40),
        event=_call_back(),
        log=("d" * 40,),
    ),
    *(
        Case(
            f"call-back of a run for another commit by {event}",
            "run-not-here",
            before=_of_a_pull_request("d" * 40, event),
            event=_call_back(),
            log=("d" * 40,),
        )
        for event in ("pull_request_review", "pull_request_review_comment", "push")
    ),
    *(
        Case(f"call-back of a run that {name}", "workflow-not-of-run", before=before, event=_call_back(), log=REFUSED)
        for name, before in {
            "submitted nothing": _nothing_recorded,
            "submitted another workflow": lambda sample: _submitted(sample, text=record("ml", "other", "0b5a-1")),
            "submitted it in another namespace": lambda sample: _submitted(
                sample, text=record("x", "train-x7k2p", "0b5a-1")
            ),
            "submitted an earlier one of the name": lambda sample: _submitted(
                sample, text=record("ml", "train-x7k2p", "0b5a-0")
            ),
            "says so under another title": lambda sample: _submitted(sample, title="argo-submit"),
            "left the submission to another run": _recorded_by_another_run,
            "has a check run of somebody else's beside it": _recorded_by_a_check_run,
        }.items()
    ),
    Case(
        "call-back where the record cannot be read",
        "run-unknown",
        before=_submitted,
        event=_call_back(),
        after=lambda sample: sample.github.faults.answer("GET /repos/*/*/check-runs/*/annotations", 403),
        exit_code=3,
        log=("permissions: { checks: read }",),
    ),
    Case(
        "call-back whose run cannot be read",
        "run-unknown",
        before=_submitted,
        event=_call_back(),
        after=lambda sample: sample.github.faults.answer("GET /repos/*/*/actions/runs/*", 403),
        exit_code=3,
        log=("permissions: { actions: read }",),
    ),
    Case(
        "call-back where the commits cannot be read",
        "commits-unknown",
        before=_pushed,
        event=_call_back(),
        after=lambda sample: (
            sample.github.faults.answer("GET /repos/*/*/pulls/*/commits", 403),
            sample.github.faults.answer("GET /repos/*/*/activity", 403),
        ),
        exit_code=3,
        log=("permissions: { pull-requests: read }",),
    ),
    Case(
        "call-back for a pull request that is none",
        "pull-request-unknown",
        before=_submitted,
        event=_call_back(pr=99),
        exit_code=3,
        log=("404",),
    ),
    Case(
        "call-back for a closed pull request",
        "ok",
        before=lambda sample: (_submitted(sample), sample.pull.close(by="writer")),
        event=_call_back(),
        reply=("The pull request is closed.",),
    ),
    Case(
        "call-back for a merged pull request",
        "ok",
        before=lambda sample: (_submitted(sample), sample.pull.merge(by="maintainer")),
        event=_call_back(),
        reply=("The pull request is merged.",),
    ),
    Case(
        "call-back for a draft where drafts take no commands",
        "ok",
        inputs={"drafts": "deny"},
        before=lambda sample: (_submitted(sample), sample.pull.set_draft(True, by="writer")),
        event=_call_back(),
    ),
    Case(
        "call-back for another base branch than that of commands",
        "ok",
        inputs={"base-branches": "release/*"},
        before=_submitted,
        event=_call_back(),
    ),
    Case(
        "call-back for a commit that is not approved any more",
        "ok",
        inputs={"require-approval": "true"},
        before=_submitted,
        event=_call_back(),
    ),
    Case(
        "call-back by somebody without the role",
        "permission",
        before=_submitted,
        event=_call_back(by="triager"),
        log=REFUSED,
    ),
    Case("call-back by a bot", "bot", before=_submitted, event=_call_back(by="argo[bot]")),
    Case(
        "call-back by a bot on the list",
        "ok",
        inputs={"allow-bots": "argo"},
        before=_submitted,
        event=_call_back(by="argo[bot]"),
        outputs={"actor": "argo[bot]"},
    ),
    Case("call-back of another type", "unsupported-action", before=_submitted, event=_call_back(event_type="deploy")),
    Case(
        "call-back on a fork",
        "fork",
        sample=make_fork_sample,
        before=_submitted,
        event=_call_back(pr=2),
        log=("::warning", "comes from a fork"),
    ),
    Case(
        "call-back on a fork that may command",
        "ok",
        inputs={"forks": "allow"},
        sample=make_fork_sample,
        before=_submitted,
        event=_call_back(pr=2),
        outputs={"fork": "true"},
    ),
    Case(
        "call-back for a commit whose checks have failed since",
        "ok",
        inputs={"require-checks": "tests"},
        before=lambda sample: (
            _submitted(sample),
            sample.repository.check_run(sample.pull.head_sha, "tests", conclusion="failure"),
        ),
        event=_call_back(),
    ),
]
