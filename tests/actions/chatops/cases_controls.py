"""The built-in commands: who may, what runs, and answers that are odd."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from mlops_actions.core import sticky
from mlops_actions.core.callback import RECORD_TITLE, record
from mlops_actions.core.command_notice import BY_LABEL, TITLE, CommandNotice
from mlops_actions.core.sticky import CommandMark
from mlops_sandbox.github import Delivery, WorkflowRun
from tests.actions.chatops.case import US, Arrange, Case
from tests.support.payloads import Sample

FILE = ".github/workflows/mlops.yml"
HERE = {"GITHUB_WORKFLOW_REF": f"octo-org/digits/{FILE}@refs/heads/main", "GITHUB_REF": "refs/heads/main"}
COMMANDS = "{train: {params: {lr: {type: float}}}, deploy: {permission: maintain}}"
RUN, OTHER = 100, 101
RIGHTS = {"actions": "write", "checks": "read", "contents": "read", "pull-requests": "write"}


def _file(sample: Sample) -> None:
    if not any(FILE in commit.files for commit in sample.repository.commits.values()):
        sample.repository.push("main", by="maintainer", files={FILE: "on: issue_comment\n"})


def accepted(
    body: str = "/train lr=0.1",
    by: str = "maintainer",
    *,
    run_id: int = RUN,
    ends: str = "",
    is_open: bool = True,
    status: str = "in_progress",
    event: str = "issue_comment",
    path: str = FILE,
    branch: str | None = None,
    number: int | None = None,
    sha: str = "",
    source: str = "",
    said: bool = True,
    forged: str = "",
    edited: str = "",
    lock: str = "",
    headline: str = "",
) -> Arrange:
    """Let a run accept a command: its first job has ended, and its second one is in `status`, unless the run `ends`.

    `said` writes the command's comment, which `is_open` as long as the command runs. `forged` is another notice, which a
    later job prints. `edited` replaces the commenter's text afterwards.
    """

    def arrange(sample: Sample) -> None:
        _file(sample)
        repository, now = sample.repository, sample.github.clock.now()
        comment = sample.pull.comment(body, by=by).subject
        run = repository.workflow_run(
            repository.branches["main"], by=by, event=event, path=path, run_id=run_id, branch=branch
        )
        listen = repository.workflow_job(run, "Listen", "in_progress")
        listen.set_status("in_progress", sample.github.clock.tick())
        notice = CommandNotice(
            body.split()[0],
            number or sample.pull.number,
            sha or sample.pull.head_sha,
            source or f"issues/comments/{comment.id}",
            lock,
        )
        _print(listen, notice.text)
        listen.complete("success", now)
        train = repository.workflow_job(run, "Train", "queued")
        train.set_status(status, sample.github.clock.tick())
        if forged:
            _print(train, forged)
        run.follow_jobs(now)
        if ends == "success" and is_open:
            # It submitted a workflow, and did not wait for its end.
            train.check_run.annotations.append(
                {"annotation_level": "notice", "title": RECORD_TITLE, "message": record("ml", "train-x7k2p", "0b5a-1")}
            )
        if ends:
            train.complete(ends, now)
            run.complete(ends, now)
        if said:
            about = sticky.command_comment("mlops", CommandMark(f"{run_id}-1-ab", is_open), "It runs.")
            text = sticky.compose("mlops", f"### {headline}", before=about) if headline else about
            sample.pull.comment(text, by=US)
        if edited:
            sample.pull.edit_comment(comment, edited, by=by)

    return arrange


def _print(job: Any, message: str) -> None:
    annotations = job.check_run.annotations
    annotations.append({"annotation_level": "notice", "title": TITLE, "message": message})


def _reading(sample: Sample) -> None:
    """A run whose first job still reads its comment."""
    _file(sample)
    run = sample.repository.workflow_run(sample.repository.branches["main"], by="outsider", run_id=RUN)
    sample.repository.workflow_job(run, "Listen", "in_progress")


def _in_turn(*arranges: Arrange) -> Arrange:
    def arrange(sample: Sample) -> None:
        for one in arranges:
            one(sample)

    return arrange


def _pushed(sample: Sample) -> None:
    sample.pull.push(by="writer")


def _closed(sample: Sample) -> None:
    sample.pull.close(by="writer")


def _run(sample: Sample, run_id: int = RUN) -> WorkflowRun:
    return sample.repository.workflow_runs[run_id]


def _of_head(body: str, by: str = "maintainer") -> Callable[[Sample], Delivery[Any]]:
    return lambda sample: sample.pull.comment(body.replace("HEAD", sample.pull.head_sha), by=by)


def _renamed(taken_by: str = "") -> Callable[[Sample], Delivery[Any]]:
    """Rename the commander, perhaps let somebody else take the login, and let whoever has it (or the new one) stop."""

    def event(sample: Sample) -> Delivery[Any]:
        sample.github.rename("writer", "scribe")
        if taken_by:
            sample.github.rename(taken_by, "writer")
        return sample.pull.comment("/stop", by="writer" if taken_by else "scribe")

    return event


def _pushed_by(login: str) -> Arrange:
    def arrange(sample: Sample) -> None:
        sample.repository.collaborator(login, "write")
        sample.pull.push(by=login)

    return arrange


def _ended(*run_ids: int) -> Arrange:
    """Expect exactly these runs to be cancelled."""

    def test(sample: Sample) -> None:
        cancelled = {run.id for run in sample.repository.workflow_runs.values() if run.conclusion == "cancelled"}
        assert cancelled == set(run_ids)

    return test


def _refuse(route: str, status: int, body: Any = None) -> Arrange:
    return lambda sample: sample.github.faults.answer(route, status, body)


def _control(name: str, reason: str, body: str, before: Arrange = _file, **changed: Any) -> Case:
    """A comment with a control, where all controls are chosen."""
    given: dict[str, Any] = {
        "by": "maintainer",
        "permissions": RIGHTS,
        "environ": HERE,
        "before": before,
        "finally_": (_ended(),),
        **changed,
    }
    if reason in ("approved", "rejected"):
        given["reply"] = (f"`{body.split()[0]}` was accepted and waits for the job", "Follow the run")
    inputs: Mapping[str, str] = given.pop("inputs", {})
    chosen = {"commands": COMMANDS, "controls": "status, stop, retry, approve, reject", **inputs}
    return Case(name, reason, body=body, inputs=chosen, **given)


def _stop(name: str, reason: str, before: Arrange = _file, body: str = "/stop", **changed: Any) -> Case:
    stopped: dict[str, Any] = {"finally_": (_ended(RUN),)} if reason == "stopped" else {}
    return _control(name, reason, body, before, **(stopped | changed))


def _many(count: int) -> Arrange:
    return _in_turn(*(accepted(run_id=RUN + index, said=False) for index in range(count)))


FORGED = f"/train on #1, commit {'f' * 40}, comment 1"
NOT_BELIEVED = ("These runs name more than one command", f"[{RUN}]")

STATUS = [
    _control(
        "status of nothing", "status", "/status", reply=("Nothing of `/train`, `/deploy` runs",), reactions=("rocket",)
    ),
    _control(
        "status of a running command",
        "status",
        "/status",
        accepted(headline="Training: 3 of 5 done"),
        reply=(
            "**`/train`** for [`",
            "since 20",
            "given by [maintainer]",
            r"runs \(job Train\)",
            f"/actions/runs/{RUN})",
            "3 of 5",
        ),
    ),
    _control("status of a queued command", "status", "/status", accepted(status="pending"), reply=("waits in the queue",)),
    _control("status of one without a machine", "status", "/status", accepted(status="queued"), reply=("for a machine",)),
    _control("status of one under review", "status", "/status", accepted(status="waiting"), reply=("waits for a review",)),
    _control(
        "status of a detached workflow", "status", "/status", accepted(ends="success"), reply=("runs on without a job",)
    ),
    _control(
        "status of a command that has ended",
        "status",
        "/status",
        accepted(ends="success", is_open=False),
        reply=("Nothing of",),
    ),
    _control("status of a command on another pull request", "status", "/status", accepted(number=9), reply=("Nothing of",)),
    _control("status of eleven", "status", "/status", _many(11), reply=("`/train`", "… and 1 more")),
    _control(
        "status of another workflow file", "status", "/status", accepted(path=".github/workflows/ci.yml"), reply=("Nothing",)
    ),
    _control(
        "status with a notice of a pull request's own file",
        "status",
        "/status",
        accepted(event="pull_request"),
        reply=("Nothing",),
    ),
    _control(
        "status with a notice of a file started by hand on a branch",
        "status",
        "/status",
        accepted(event="workflow_dispatch", branch="schedule"),
        reply=("Nothing",),
    ),
    _control(
        "status of a command started by hand",
        "status",
        "/status",
        accepted(event="workflow_dispatch"),
        reply=("**`/train`**",),
    ),
    _control(
        "status with a notice that a later job forged", "status", "/status", accepted(forged=FORGED), reply=("**`/train`**",)
    ),
    _control("status by a triager", "permission", "/status", by="triager", reply=("role",), reactions=("confused",)),
    _control("status by an outsider", "permission", "/status", by="outsider", reply=("role",)),
    _control(
        "status for readers", "status", "/status", by="outsider", inputs={"controls": "status: read"}, reply=("Nothing",)
    ),
    _control("status with an argument", "parameters", "/status all", reply=("one positional argument too many",)),
    _control("status on a closed pull request", "status", "/status", _in_turn(accepted(), _closed), reply=("`/train`",)),
    _control(
        "status where only refusals are explained",
        "status",
        "/status",
        inputs={"reply": "deny", "controls": "status"},
        reply=("Nothing",),
    ),
    _control("status that is not chosen", "no-command", "/status", inputs={"controls": "stop"}),
    _control("a declared command of the same name", "ok", "/status", inputs={"commands": "status"}, finally_=()),
    _control("a misspelt control", "unknown-command", "/statsu", reply=("did you mean /status?",)),
    _control("a control and a command", "multiple-commands", "/train\n/stop", accepted(), reply=("/stop",)),
    _control("help of a control", "help", "/stop --help", reply=("/stop [<command>]",)),
    _control("help with controls", "help", "/help", reply=("/train", "/status", "/retry [<what>]", "/approve")),
]

STOP = [
    _stop(
        "stop",
        "stopped",
        accepted(),
        reply=("**`/train`**", "was cancelled"),
        reactions=("rocket",),
        outputs={"control": "stop", "control-runs": str(RUN)},
    ),
    _stop("stop of nothing", "nothing-to-stop", reply=("Nothing of `/train`, `/deploy` runs",), outputs={"control": ""}),
    _stop("stop of a waiting command", "stopped", accepted(status="pending"), reply=("was cancelled",)),
    _stop("stop of a command by its name", "stopped", accepted(), "/stop train", reply=("`/train`",)),
    _stop("stop of a command by its name with the prefix", "stopped", accepted(), "/stop /train", reply=("`/train`",)),
    _stop("stop of another command", "nothing-to-stop", accepted(), "/stop deploy", reply=("Nothing of `/deploy`",)),
    _stop("stop of a misspelt command", "unknown-command", accepted(), "/stop tarin", reply=("did you mean /train?",)),
    _stop(
        "stop of a command that another file runs",
        "no-command",
        _in_turn(accepted(), accepted("/tune", run_id=OTHER, path=".github/workflows/tune.yml")),
        "/stop tune",
        reply=(),
    ),
    _stop(
        "stop of a command like one here that another file runs",
        "no-command",
        _in_turn(accepted(), accepted("/brain", run_id=OTHER, path=".github/workflows/tune.yml")),
        "/stop brain",
        reply=(),
    ),
    _stop(
        "stop of a command that no file runs",
        "nothing-to-stop",
        accepted(),
        "/stop everything",
        reply=("You can use these commands here", "`/train", "`/deploy"),
        outputs={"control": ""},
    ),
    _stop("stop of an unknown command by a stranger", "no-command", accepted(), "/stop everything", by="outsider", reply=()),
    _stop(
        "stop of one of two",
        "stopped",
        _in_turn(accepted(), accepted("/deploy", run_id=OTHER)),
        "/stop train",
        reply=("`/train`",),
    ),
    _stop(
        "stop of two, one of which the role does not reach",
        "stopped",
        _in_turn(accepted(), accepted("/deploy", run_id=OTHER)),
        by="writer",
        reply=("`/train`", "was cancelled", "`/deploy`", "you may not"),
        outputs={"control-runs": str(RUN)},
    ),
    _stop("stop by who may not command it", "permission", accepted("/deploy"), by="writer", reply=("role",)),
    _stop("stop by a stranger", "permission", accepted(), by="outsider", reply=("role",), reactions=("confused",)),
    _stop("stop by a stranger where nothing runs", "permission", by="outsider", reply=("role",)),
    _stop("stop by the commander without a role", "stopped", accepted(by="triager"), by="triager", reply=("`/train`",)),
    _stop(
        "stop by the role of the mapping",
        "stopped",
        accepted("/deploy"),
        by="triager",
        inputs={"controls": "stop: triage"},
        reply=("`/deploy`",),
    ),
    _stop(
        "stop below the role of the mapping",
        "permission",
        accepted(),
        by="writer",
        inputs={"controls": "stop: maintain"},
        reply=("'maintain'",),
    ),
    _stop(
        "stop of a detached workflow",
        "stopped",
        accepted(ends="success"),
        finally_=(_ended(),),
        reply=("[this run]", "goes on to stop its workflow on the cluster"),
        outputs={"control": "stop", "control-runs": str(RUN)},
    ),
    _stop("stop of another pull request's command", "nothing-to-stop", accepted(number=9), reply=("Nothing",)),
    _stop("stop on a closed pull request", "stopped", _in_turn(accepted(), _closed), reply=("was cancelled",)),
    _stop(
        "stop of a run that contradicts itself",
        "nothing-to-stop",
        accepted(status="pending"),
        after=lambda sample: _print(_run(sample).jobs[0], FORGED),
        reply=("Nothing", *NOT_BELIEVED),
    ),
    _stop("stop while a comment is read", "nothing-to-stop", _reading, reply=("have not finished reading", f"[{RUN}]")),
    _stop(
        "stop without the right to cancel",
        "not-stopped",
        accepted(),
        permissions={**RIGHTS, "actions": "read"},
        reply=("actions: write",),
        exit_code=3,
    ),
    _stop(
        "stop where the jobs are not shown",
        "runs-unknown",
        accepted(),
        after=_refuse("GET /repos/*/*/actions/runs/*/jobs", 403),
        reply=("did not say what runs",),
        exit_code=3,
    ),
    _stop(
        "stop by its commander under a new login",
        "stopped",
        accepted(by="writer"),
        event=_renamed(),
        inputs={"controls": "stop: admin"},
        reply=("was cancelled",),
    ),
    _stop(
        "stop by whoever has its commander's login now",
        "permission",
        accepted(by="writer"),
        event=_renamed("outsider"),
        reply=("role",),
    ),
    _stop(
        "stop where the annotations are not shown",
        "runs-unknown",
        accepted(),
        after=_refuse("GET /repos/*/*/check-runs/*/annotations", 403),
        reply=("did not say what runs",),
        exit_code=3,
    ),
    _stop(
        "stop of a run that has just ended",
        "stopped",
        accepted(),
        finally_=(),
        after=_refuse("POST /repos/*/*/actions/runs/*/cancel", 409),
        reply=("`/train`", "[its run]", "had ended already"),
    ),
    _stop(
        "stop where GitHub does not tell the file",
        "runs-unknown",
        accepted(),
        environ={"GITHUB_WORKFLOW_REF": ""},
        exit_code=2,
        reply=("GITHUB_WORKFLOW_REF",),
    ),
]

STOP += [
    _stop(
        "stop by the commander of one of two runs of a commit",
        "stopped",
        _in_turn(accepted(by="triager"), accepted(run_id=OTHER)),
        by="triager",
        reply=("`/train`", "was cancelled", "`/train`", "you may not"),
        outputs={"control-runs": str(RUN)},
    ),
    _stop(
        "stop of a workflow that was continued",
        "stopped",
        _in_turn(accepted(ends="failure", is_open=False, run_id=OTHER - 2), accepted()),
        reply=("`/train`", "was cancelled"),
        outputs={"control-runs": f"{OTHER - 2},{RUN}"},
    ),
]

NEW = {"control": "retry", "command": "train"}


def _by_review(event: str) -> Arrange:
    """A command in a review: GitHub takes the workflow file of the pull request, whose notice can say anything."""
    return accepted(event=event, by="writer")


RETRY = [
    _control("retry", "ok", "/retry", accepted(ends="failure"), params={"lr": 0.1}, outputs=NEW),
    _control(
        "retry by another person", "ok", "/retry", accepted(ends="failure"), by="writer", outputs=NEW | {"actor": "writer"}
    ),
    _control("retry of a command that runs", "ok", "/retry", accepted(), outputs=NEW),
    _control("retry on a new head", "ok", "/retry", _in_turn(accepted(ends="failure"), _pushed), outputs=NEW),
    _control(
        "retry after a push that came later",
        "head-not-seen",
        "/retry",
        accepted(ends="failure"),
        after=_pushed,
        reply=("/train sha=",),
    ),
    _control(
        "retry of the last of two",
        "ok",
        "/retry",
        _in_turn(accepted("/deploy"), accepted("/train lr=0.2", run_id=OTHER)),
        params={"lr": 0.2},
        outputs=NEW,
    ),
    _control("retry of nothing", "nothing-to-retry", "/retry", reply=("no command of this workflow file",)),
    _control(
        "retry of an edited comment", "nothing-to-retry", "/retry", accepted(edited="/train lr=9"), reply=("was edited",)
    ),
    _control(
        "retry of another pull request's command", "nothing-to-retry", "/retry", accepted(number=9), reply=("no command",)
    ),
    _control(
        "retry of a comment elsewhere",
        "nothing-to-retry",
        "/retry",
        accepted(),
        after=lambda sample: _elsewhere(sample),
        reply=("not on this pull request",),
    ),
    *(
        _control(f"{what} of a command by a {event}", reason, body, _by_review(event), **changed)
        for event in ("pull_request_review", "pull_request_review_comment")
        for what, body, reason, changed in (
            ("status", "/status", "status", {"reply": ("**`/train`** for [`", f"/actions/runs/{RUN})")}),
            ("stop", "/stop", "stopped", {"reply": ("was cancelled",), "finally_": (_ended(RUN),)}),
            ("retry", "/retry", "nothing-to-retry", {"reply": ("not given in a comment of the conversation",)}),
            ("approval", "/approve", "nothing-waits", {"reply": ("Nothing waits for this",)}),
            ("rejection", "/reject", "nothing-waits", {"reply": ("Nothing waits for this",)}),
        )
    ),
    _control("retry of a label", "nothing-to-retry", "/retry", accepted(source=BY_LABEL), reply=("not given in a comment",)),
    _control("retry of a command that is no more declared", "nothing-to-retry", "/retry", accepted("/old"), reply=("/old",)),
    _control(
        "retry by who may not command it", "permission", "/retry", accepted("/deploy"), by="writer", reply=("maintain",)
    ),
    _control(
        "retry below the role of the mapping",
        "permission",
        "/retry",
        accepted(),
        by="writer",
        inputs={"controls": "retry: admin"},
        reply=("admin",),
    ),
    _control(
        "retry of a forged comment of a run of another file",
        "nothing-to-retry",
        "/retry",
        accepted(path=".github/workflows/ci.yml"),
        reply=("no command",),
    ),
    _control(
        "retry of a run that GitHub does not know",
        "nothing-to-retry",
        "/retry",
        _in_turn(accepted(ends="failure"), lambda sample: sample.repository.workflow_runs.clear()),
        reply=("no command",),
    ),
    _control(
        "retry failed",
        "ok",
        "/retry failed",
        accepted(ends="failure"),
        outputs={"control": "retry-failed", "control-runs": str(RUN), "command": "train"},
    ),
    _control(
        "retry failed of a retried command",
        "ok",
        "/retry failed",
        _in_turn(accepted(ends="failure"), accepted(run_id=OTHER, ends="failure")),
        outputs={"control": "retry-failed", "control-runs": f"{RUN},{OTHER}"},
    ),
    _control(
        "retry failed after a push",
        "retry-moved",
        "/retry failed",
        _in_turn(accepted(ends="failure"), _pushed),
        reply=("by `/retry`",),
    ),
    _control(
        "retry with the head's commit",
        "ok",
        "/retry",
        accepted(),
        event=_of_head("/retry sha=HEAD"),
        inputs={"head": "pinned"},
        params={"lr": 0.1},
    ),
    _control(
        "retry with another commit, head latest",
        "sha-mismatch",
        f"/retry sha={'e' * 40}",
        accepted(),
        inputs={"head": "latest"},
        reply=("/train sha=", "lr=0.1"),
    ),
    _control("retry with another commit below", "sha-mismatch", f"/retry\nsha: {'e' * 40}", accepted(), reply=("head: ",)),
    _control(
        "retry of a command with a commit, after a push",
        "ok",
        "/retry",
        _in_turn(lambda sample: accepted(f"/train lr=0.1 sha={sample.pull.head_sha}")(sample), _pushed),
        params={"lr": 0.1},
    ),
    _control(
        "retry of a command with a commit, after a push, head pinned",
        "sha-missing",
        "/retry",
        _in_turn(lambda sample: accepted(f"/train lr=0.1 sha={sample.pull.head_sha}")(sample), _pushed),
        inputs={"head": "pinned"},
        reply=("/train sha=", "lr=0.1"),
    ),
    *(
        _control(f"{control} with a commit", "parameters", f"/{control} sha={'e' * 40}", accepted(), reply=("sha",))
        for control in ("status", "stop", "reject")
    ),
    _control("retry of something else", "parameters", "/retry all", accepted(), reply=("one of failed",)),
]

PASSED_ON = {"control": "approve", "control-runs": str(RUN)}
APPROVE = [
    _control("approve", "approved", "/approve", accepted(by="writer"), reactions=("eyes",), outputs=PASSED_ON),
    _control(
        "approve a workflow by its name",
        "approved",
        "/approve ml/train-x7k2p",
        accepted(by="writer"),
        outputs=PASSED_ON | {"workflow-name": "train-x7k2p", "workflow-namespace": "ml"},
    ),
    _control("approve what is no name", "parameters", "/approve $(id)", accepted(by="writer"), reply=("workflow: must be",)),
    _control(
        "approve a detached workflow", "approved", "/approve", accepted(by="writer", ends="success"), outputs=PASSED_ON
    ),
    _control("approve one's own command", "self-approval", "/approve", accepted(), reply=("Ask somebody else to approve",)),
    _control(
        "approve one's own pull request", "self-approval", "/approve", accepted(), by="writer", reply=("somebody else",)
    ),
    _control(
        "approve one's own push",
        "self-approval",
        "/approve",
        _in_turn(_pushed_by("second"), accepted(by="writer")),
        by="second",
        reply=("somebody else",),
    ),
    _control(
        "approve, and GitHub refuses to show who pushed",
        "pusher-unknown",
        "/approve",
        _in_turn(_pushed_by("second"), accepted(by="writer"), _refuse("GET /repos/*/*/activity", 403)),
        event=_of_head("/approve sha=HEAD", by="second"),
        reply=("GitHub did not show who pushed", "GET /repos/octo-org/digits/activity"),
        exit_code=3,
    ),
    _control(
        "approve, and nobody knows who pushed",
        "pusher-unknown",
        "/approve",
        _in_turn(_pushed_by("second"), accepted(by="writer"), _refuse("GET /repos/*/*/activity", 200, [])),
        event=_of_head("/approve sha=HEAD", by="second"),
        reply=("GitHub did not show who pushed", "activity does not show it"),
    ),
    _control(
        "approve, and nobody needs to know who pushed",
        "approved",
        "/approve",
        _in_turn(accepted(by="writer"), _refuse("GET /repos/*/*/activity", 403)),
        event=_of_head("/approve sha=HEAD"),
        inputs={"self-approval": "allow"},
    ),
    _control(
        "approve one's own where that is allowed",
        "approved",
        "/approve",
        accepted(),
        inputs={"self-approval": "allow"},
        outputs=PASSED_ON,
    ),
    _control("approve by a stranger", "permission", "/approve", accepted(by="writer"), by="outsider", reply=("role",)),
    _control(
        "approve an older commit",
        "nothing-waits",
        "/approve",
        _in_turn(accepted(by="writer"), _pushed),
        reply=("Nothing waits",),
    ),
    _control(
        "approve before a push", "head-not-seen", "/approve", accepted(by="writer"), after=_pushed, reply=("/approve sha=",)
    ),
    _control("approve nothing", "nothing-waits", "/approve", reply=("Nothing waits",)),
    _control(
        "approve on a closed pull request", "closed", "/approve", _in_turn(accepted(by="writer"), _closed), reply=("Reopen",)
    ),
    _control(
        "reject", "rejected", "/reject", accepted(by="writer"), outputs={"control": "reject", "control-runs": str(RUN)}
    ),
    _control(
        "reject one's own command", "rejected", "/reject", accepted(by="writer"), by="writer", outputs={"control": "reject"}
    ),
    _control(
        "reject an older commit",
        "rejected",
        "/reject",
        _in_turn(accepted(by="writer"), _pushed),
        outputs={"control-runs": str(RUN)},
    ),
    _control("reject by a stranger", "permission", "/reject", accepted(), by="outsider", reply=("role",)),
    _control("reject nothing", "nothing-waits", "/reject", reply=("Nothing waits",)),
]


def _elsewhere(sample: Sample) -> None:
    """Let the notice name a comment of another pull request."""
    other = sample.repository.open_pull_request(by="outsider", head="elsewhere", title="Another").comment(
        "/train", by="outsider"
    )
    annotation = _run(sample).jobs[0].check_run.annotations[0]
    annotation["message"] = f"{annotation['message'].rpartition(' ')[0]} {other.subject.id}"


APPROVE += [
    _control(
        "approve one of two, the other of which is one's own",
        "approved",
        "/approve",
        _in_turn(accepted(by="writer"), accepted(run_id=OTHER)),
        outputs=PASSED_ON,
    ),
]
CASES = [*STATUS, *STOP, *RETRY, *APPROVE]
