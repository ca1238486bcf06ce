"""The commit of a command: the head when the command was written, approvals, checks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

from mlops_sandbox.github import Delivery
from mlops_sandbox.github.serializers.discussion import pull as pull_shape
from tests.actions.chatops.case import Case
from tests.actions.chatops.step import RUN_ID
from tests.support.payloads import Sample

EVIL, GOOD = "e" * 40, "a" * 40


def _push(sample: Sample) -> None:
    sample.pull.push(sha=EVIL)


def _at_once(sample: Sample) -> None:
    """Push in the same second as the comment."""
    sample.pull.push(sha=EVIL, at=sample.pull.comments[-1].created_at)


def _reset_trick(sample: Sample) -> None:
    """Push and test a commit early, hide it during the review, put it back after the comment."""
    sample.pull.push(sha=EVIL)
    sample.repository.check_suite(EVIL)
    sample.pull.push(sha=GOOD, force=True)


def _backdated(sample: Sample) -> None:
    sample.pull.push(sha=EVIL, committed_at=sample.github.clock.now() - timedelta(days=30))


def _no_activity(sample: Sample) -> None:
    sample.github.faults.answer("GET /repos/*/*/activity", 404)


def _empty_activity(sample: Sample) -> None:
    sample.github.faults.answer("GET /repos/*/*/activity", 200, [])


def _private(sample: Sample) -> None:
    """Make the repository private: a public one shows checks and activity to any token."""
    sample.repository.private = True


def _answer_activity(sample: Sample, refs: Sequence[str]) -> None:
    """Answer a list of activity with an old update to the head on each of these refs."""
    entries = [
        {
            "id": number,
            "node_id": "A",
            "before": GOOD,
            "after": sample.pull.head_sha if ref.endswith("/schedule") else EVIL,
            "ref": ref,
            "timestamp": "2020-01-01T00:00:00Z",
            "activity_type": "push",
            "actor": None,
        }
        for number, ref in enumerate(refs, start=1)
    ]
    sample.github.faults.answer("GET /repos/*/*/activity", 200, entries)


def _foreign_activity(sample: Sample) -> None:
    _answer_activity(sample, ["refs/tags/schedule", "refs/heads/elsewhere"])


def _all_activity(sample: Sample) -> None:
    _answer_activity(sample, ["refs/heads/elsewhere", "refs/heads/schedule"])


def _suite(sample: Sample) -> None:
    _no_activity(sample)
    sample.repository.check_suite(sample.pull.head_sha, branch=sample.pull.head_ref)
    sample.github.clock.tick()


def _late_suite(sample: Sample) -> None:
    sample.repository.check_suite(sample.pull.head_sha, branch=sample.pull.head_ref, at=sample.pull.comments[-1].created_at)


def _check(name: str, **state: Any) -> Callable[[Sample], None]:
    def arrange(sample: Sample) -> None:
        sample.repository.check_run(sample.pull.head_sha, name, **state)

    return arrange


def _pin(command: str) -> Callable[[Sample], Delivery[Any]]:
    return lambda sample: sample.pull.comment(command.replace("HEAD", sample.pull.head_sha), by="maintainer")


def _required(sample: Sample) -> None:
    sample.repository.protect("main", ["lint"])
    sample.repository.protect("main", ["tests"], by="ruleset")
    sample.repository.check_run(sample.pull.head_sha, "lint", conclusion="success")


def _second_reading(sample: Sample, **changes: object) -> None:
    """Let the second reading of the pull request show another state than the first."""
    shown = pull_shape(sample.pull, sample.github.links) | changes
    sample.github.faults.answer("GET /repos/*/*/pulls/*", 200, shown, skip=1)


def _moves(sample: Sample) -> None:
    shown = pull_shape(sample.pull, sample.github.links)
    _second_reading(sample, head=shown["head"] | {"sha": EVIL})


def _closes(sample: Sample) -> None:
    _second_reading(sample, state="closed")


SIGNS = {"pending-label": "training", "check-name": "training", "environment": "staging"}
APPROVAL = {"require-approval": "true"}
SUITES = {"head": "suites"}

CASES = [
    # head: seen
    Case("head seen by the activity", "ok"),
    Case(
        "pushed after the comment",
        "head-not-seen",
        after=_push,
        reply=("Somebody pushed", f"/train sha={EVIL}"),
        reactions=("confused",),
    ),
    Case("pushed in the comment's second", "head-not-seen", after=_at_once, reply=(f"/train sha={EVIL}",)),
    Case("pushed after the comment with an old date", "head-not-seen", after=_backdated, reply=(f"/train sha={EVIL}",)),
    Case(
        "push, reset, push again",
        "head-not-seen",
        before=_reset_trick,
        after=lambda sample: sample.pull.push(sha=EVIL, force=True),
        reply=("Somebody pushed",),
    ),
    Case(
        "pushed and reset again after the comment",
        "ok",
        before=lambda sample: sample.pull.push(sha=GOOD),
        after=lambda sample: (_push(sample), sample.pull.push(sha=GOOD, force=True)),
        outputs={"sha": GOOD},
    ),
    Case(
        "the command's arguments are in the ready command",
        "head-not-seen",
        "/train a='b c' --d",
        after=_push,
        reply=(f"/train sha={EVIL} a='b c' --d",),
    ),
    Case(
        "text that only looks like a pin is in the ready command",
        "head-not-seen",
        '/train msg="revert sha=deadbeef now" -- sha=deadbeef',
        after=_push,
        reply=(f'/train sha={EVIL} msg="revert sha=deadbeef now" -- sha=deadbeef',),
    ),
    Case(
        "activity not readable, an older check suite",
        "head-unknown",
        before=_suite,
        reply=("does not show that it was the head", "/train sha="),
    ),
    Case("suites: an older check suite", "ok", inputs=SUITES, before=_suite, log=("::warning", "'head: suites'", "reset")),
    Case(
        "suites: a suite of the comment's second",
        "head-not-seen",
        inputs=SUITES,
        before=_no_activity,
        after=_late_suite,
        reply=("/train sha=",),
    ),
    Case("suites: no suite", "head-unknown", inputs=SUITES, before=_no_activity, reply=("/train sha=",)),
    Case(
        "suites: the activity decides where it can be read",
        "head-not-seen",
        inputs=SUITES,
        before=lambda sample: sample.repository.check_suite(EVIL, branch="schedule"),
        after=_push,
        reply=("Somebody pushed",),
    ),
    Case(
        "push, reset, push again, and no activity",
        "head-unknown",
        before=lambda sample: (_reset_trick(sample), _no_activity(sample)),
        after=lambda sample: sample.pull.push(sha=EVIL, force=True),
        reply=("does not show that it was the head", f"/train sha={EVIL}"),
    ),
    Case(
        "activity of another ref",
        "head-unknown",
        before=_foreign_activity,
        reply=("does not show that it was the head", "/train sha="),
    ),
    Case("activity of all refs, as a server gives that knows no filter", "ok", before=_all_activity),
    Case(
        "activity not readable, no suite",
        "head-unknown",
        before=_no_activity,
        reply=("does not show that it was the head", "/train sha="),
    ),
    Case("activity does not reach back, no suite", "head-unknown", before=_empty_activity, reply=("/train sha=",)),
    Case(
        "suites: neither activity nor suites readable",
        "head-unknown",
        inputs=SUITES,
        before=_private,
        permissions={"contents": "none", "pull-requests": "write", "issues": "write"},
        reply=("/train sha=",),
        log=("::warning", "checks: read"),
    ),
    # head: pinned, latest, sha=
    Case("pinned without a pin", "sha-missing", inputs={"head": "pinned"}, reply=("must name its commit", "/train sha=")),
    Case("pinned with the pin", "ok", inputs={"head": "pinned"}, event=_pin("/train sha=HEAD"), params={}),
    Case("pinned by an option", "ok", inputs={"head": "pinned"}, event=_pin("/train --sha HEAD a=1"), params={"a": "1"}),
    Case(
        "pinned in capitals",
        "ok",
        inputs={"head": "pinned"},
        event=lambda sample: sample.pull.comment(f"/train sha={sample.pull.head_sha.upper()}", by="maintainer"),
    ),
    Case(
        "a short pin",
        "sha-malformed",
        event=lambda sample: sample.pull.comment(f"/train sha={sample.pull.head_sha[:12]}", by="maintainer"),
        reply=("all 40 digits", "/train sha="),
    ),
    Case("another commit's pin", "sha-mismatch", "/train sha=" + "0" * 40, reply=("not the head", "/train sha=")),
    Case(
        "two pins",
        "sha-mismatch",
        event=lambda sample: sample.pull.comment(f"/train sha={sample.pull.head_sha} sha={EVIL}", by="maintainer"),
        reply=("not the head",),
    ),
    Case("a pin after a later push", "ok", after=None, before=_push, event=_pin("/train sha=HEAD"), outputs={"sha": EVIL}),
    Case("a pin needs no activity", "ok", before=_no_activity, event=_pin("/train sha=HEAD")),
    Case(
        "a pin with a schema is no parameter",
        "ok",
        inputs={"commands": "train: {params: {lr: {type: float}}}"},
        event=_pin("/train lr=1 sha=HEAD"),
        params={"lr": 1.0},
    ),
    Case(
        "a pin in latest is checked too",
        "sha-mismatch",
        "/train sha=" + "0" * 40,
        inputs={"head": "latest"},
        reply=("not the head",),
    ),
    Case("latest asks for nothing", "ok", inputs={"head": "latest"}, after=_push, outputs={"sha": EVIL}),
    # Approval
    Case(
        "approved by another",
        "ok",
        inputs=APPROVAL,
        before=lambda sample: sample.pull.review("APPROVED", by="maintainer"),
        by="writer",
    ),
    Case("not approved", "not-approved", inputs=APPROVAL, reply=("somebody else",)),
    Case(
        "approved by who commands",
        "not-approved",
        inputs=APPROVAL,
        before=lambda sample: sample.pull.review("APPROVED", by="maintainer"),
        reply=("somebody else",),
    ),
    Case(
        "approved without the role",
        "not-approved",
        inputs=APPROVAL,
        before=lambda sample: sample.pull.review("APPROVED", by="triager"),
        reply=("role needed: write",),
    ),
    Case(
        "an older commit was approved",
        "not-approved",
        inputs=APPROVAL,
        by="writer",
        before=lambda sample: (sample.pull.review("APPROVED", by="maintainer"), sample.pull.push()),
        reply=("somebody else",),
    ),
    Case(
        "reviews not readable",
        "approval-unknown",
        inputs=APPROVAL,
        before=lambda sample: sample.github.faults.answer("GET /repos/*/*/pulls/*/reviews", 403),
        exit_code=3,
        reply=("did not return the reviews",),
    ),
    # Checks
    Case("check passed", "ok", inputs={"require-checks": "lint"}, before=_check("lint", conclusion="success")),
    Case("check skipped", "ok", inputs={"require-checks": "lint"}, before=_check("lint", conclusion="skipped")),
    Case(
        "check failed",
        "checks",
        inputs={"require-checks": "lint"},
        before=_check("lint", conclusion="failure"),
        reply=("lint: failed",),
    ),
    Case(
        "check cancelled",
        "checks",
        inputs={"require-checks": "lint"},
        before=_check("lint", conclusion="cancelled"),
        reply=("lint: failed",),
    ),
    Case(
        "check timed out",
        "checks",
        inputs={"require-checks": "lint"},
        before=_check("lint", conclusion="timed_out"),
        reply=("lint: failed",),
    ),
    Case("check in progress", "checks", inputs={"require-checks": "lint"}, before=_check("lint"), reply=("lint: pending",)),
    Case(
        "check missing",
        "checks",
        inputs={"require-checks": "lint, tests"},
        before=_check("lint", conclusion="success"),
        reply=("tests: missing",),
    ),
    Case(
        "check of an older commit",
        "checks",
        inputs={"require-checks": "lint"},
        before=lambda sample: (_check("lint", conclusion="success")(sample), sample.pull.push()),
        reply=("lint: missing",),
    ),
    Case(
        "status passed",
        "ok",
        inputs={"require-checks": "ci/build"},
        before=lambda sample: sample.repository.status(sample.pull.head_sha, "ci/build", "success"),
    ),
    Case(
        "status failed",
        "checks",
        inputs={"require-checks": "ci/build"},
        before=lambda sample: sample.repository.status(sample.pull.head_sha, "ci/build", "error"),
        reply=("ci/build: failed",),
    ),
    Case(
        "required by branch and ruleset",
        "ok",
        inputs={"require-checks": "required"},
        before=lambda sample: (_required(sample), _check("tests", conclusion="success")(sample)),
    ),
    Case(
        "required by the ruleset alone is missing",
        "checks",
        inputs={"require-checks": "required"},
        before=_required,
        reply=("tests: missing",),
    ),
    Case(
        "a required check that this workflow reports by check-name",
        "ok",
        inputs={"require-checks": "required", "check-name": "tests"},
        before=_required,
    ),
    Case(
        "a required check that is ignored",
        "ok",
        inputs={"require-checks": "required", "ignored-checks": "tests, metrics"},
        before=_required,
    ),
    Case(
        "a required check beside an ignored one",
        "checks",
        inputs={"require-checks": "required", "ignored-checks": "lint"},
        before=_required,
        reply=("tests: missing",),
    ),
    Case(
        "a named check is not ignored",
        "checks",
        inputs={"require-checks": "tests", "ignored-checks": "tests"},
        before=_required,
        reply=("tests: missing",),
    ),
    Case(
        "a required check of this run's own job",
        "ok",
        inputs={"require-checks": "required"},
        before=lambda sample: (
            _required(sample),
            _check("tests", details_url=f"https://github.localhost/o/r/actions/runs/{RUN_ID}/job/1")(sample),
        ),
    ),
    Case(
        "a required check that another run's job of this run's job's name failed",
        "checks",
        inputs={"require-checks": "required"},
        before=lambda sample: (
            _required(sample),
            _check("tests", details_url=f"https://github.localhost/o/r/actions/runs/{RUN_ID}/job/1")(sample),
            _check("tests", conclusion="failure")(sample),
        ),
        reply=("tests: failed",),
    ),
    Case(
        "a required status of the name of this run's job that has failed",
        "checks",
        inputs={"require-checks": "required"},
        before=lambda sample: (
            _required(sample),
            _check("tests", details_url=f"https://github.localhost/o/r/actions/runs/{RUN_ID}/job/1")(sample),
            sample.repository.status(sample.pull.head_sha, "tests", "failure"),
        ),
        reply=("tests: failed",),
    ),
    Case(
        "a required check of another run's job",
        "checks",
        inputs={"require-checks": "required"},
        before=lambda sample: (
            _required(sample),
            _check("tests", details_url=f"https://github.localhost/o/r/actions/runs/{RUN_ID}9/job/1")(sample),
        ),
        reply=("tests: pending",),
    ),
    Case(
        "a pending check that passes meanwhile",
        "ok",
        inputs={"require-checks": "lint", "wait-for-checks": "0.05"},
        before=lambda sample: (
            _check("lint", conclusion="success")(sample),
            sample.github.faults.answer(
                "GET /repos/*/*/commits/*/check-runs", 200, {"total_count": 0, "check_runs": []}, times=1
            ),
        ),
        log=("waiting: lint: missing",),
    ),
    Case(
        "a pending check that stays so",
        "checks",
        inputs={"require-checks": "lint", "wait-for-checks": "0.05"},
        before=_check("lint"),
        reply=("lint: pending",),
        log=("waiting: lint: pending",),
    ),
    Case(
        "a failed check ends the wait",
        "checks",
        inputs={"require-checks": "lint, tests", "wait-for-checks": "10m"},
        before=_check("lint", conclusion="failure"),
        reply=("lint: failed", "tests: missing"),
    ),
    Case("nothing is required", "checks-unknown", inputs={"require-checks": "required"}, reply=("requires no checks",)),
    Case(
        "checks not readable",
        "checks-unknown",
        inputs={"require-checks": "lint"},
        before=_private,
        permissions={"contents": "read", "pull-requests": "write", "issues": "write"},
        exit_code=3,
        reply=("did not return the state",),
        log=("checks: read",),
    ),
    # Changes while the decision is made
    Case(
        "pushed while it was looked at",
        "head-moved",
        after=_moves,
        inputs=SIGNS,
        reply=("changed while", f"/train sha={EVIL}"),
        reactions=("confused",),
        withdrawn=True,
    ),
    Case("closed while it was looked at", "closed", after=_closes, inputs=SIGNS, reply=("not open",), withdrawn=True),
    Case(
        "not readable any more before the end",
        "pull-request-unknown",
        after=lambda sample: sample.github.faults.answer("GET /repos/*/*/pulls/*", 500, skip=1),
        inputs=SIGNS,
        exit_code=4,
        reply=("did not return the pull request",),
        withdrawn=True,
    ),
]
