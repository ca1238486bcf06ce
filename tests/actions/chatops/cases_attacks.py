"""Attacks, beyond the plain refusals in the other files."""

from __future__ import annotations

from collections.abc import Callable

from mlops_sandbox.github.serializers.discussion import pull as pull_shape
from tests.actions.chatops.case import Case
from tests.actions.chatops.step import APP_PERMISSIONS
from tests.support.payloads import Sample, make_fork_sample

EVIL = "e" * 40
AGAIN = {"GITHUB_RUN_ATTEMPT": "2"}
SIGNS = {"pending-label": "training", "check-name": "training", "environment": "staging"}


def _meanwhile(**changes: object) -> Callable[[Sample], object]:
    """Change the pull request between the decision and the second reading."""

    def arrange(sample: Sample) -> None:
        shown = pull_shape(sample.pull, sample.github.links)
        changed = {name: shown[name] | value if isinstance(value, dict) else value for name, value in changes.items()}
        sample.github.faults.answer("GET /repos/*/*/pulls/*", 200, shown | changed, skip=1)

    return arrange


def _no_activity(sample: Sample) -> None:
    sample.github.faults.answer("GET /repos/*/*/activity", 404)


def _tested_elsewhere(sample: Sample) -> None:
    """Put the commit on another branch early, with a check suite there."""
    _no_activity(sample)
    sample.repository.check_suite(EVIL, branch="elsewhere")
    sample.github.clock.tick()


def _talked_about(sample: Sample) -> None:
    """Begin a conversation on a bad commit; then push a good one, which people review."""
    sample.pull.push(sha=EVIL)
    sample.talk = sample.pull.review_comment("Why this?", by="outsider").subject  # type: ignore[attr-defined]
    sample.pull.push(sha="a" * 40)


def _answer(sample: Sample):  # type: ignore[no-untyped-def]
    return sample.pull.review_comment("/train", by="maintainer", reply_to=sample.talk)  # type: ignore[attr-defined]


def _crowd(sample: Sample) -> None:
    sample.pull.review("APPROVED", by="maintainer")
    for number in range(25):
        sample.pull.review("APPROVED", by=f"stranger{number}")


def _forged_check(by: str) -> Callable[[Sample], None]:
    """Report a check that one App must report as another App, under the same name."""

    def arrange(sample: Sample) -> None:
        trusted = sample.github.register_app("ci", permissions={"checks": "write"}, repositories=[sample.repository])
        other = sample.github.register_app("other", permissions={"checks": "write"}, repositories=[sample.repository])
        sample.repository.protect("main", ["tests"], by=by, app=trusted)
        sample.repository.check_run(sample.pull.head_sha, "tests", conclusion="success", app=other)
        sample.repository.status(sample.pull.head_sha, "tests", "success")

    return arrange


def _trusted_check(sample: Sample) -> None:
    trusted = sample.github.register_app("ci", permissions={"checks": "write"}, repositories=[sample.repository])
    sample.repository.protect("main", ["tests"], app=trusted)
    sample.repository.check_run(sample.pull.head_sha, "tests", conclusion="success", app=trusted)


def _like_ours(sample: Sample) -> None:
    """Name a fork's branch like a branch of the repository whose head everybody has seen."""
    fork = sample.github.fork(sample.repository, by="outsider")
    sample.repository.open_pull_request(by="writer", head="topic")
    sample.pull = sample.repository.open_pull_request(by="outsider", fork=fork, head="topic")


CASES = [
    # Re-runs of another user's job
    Case(
        "run again by a writer for whom it is not",
        "rerun-permission",
        inputs={"allow-users": "maintainer"},
        environ={**AGAIN, "GITHUB_TRIGGERING_ACTOR": "writer"},
        reply=("ran the job again", "writer is not among the allowed users"),
    ),
    Case(
        "run again by another of those for whom it is",
        "ok",
        inputs={"allow-users": "maintainer, writer"},
        environ={**AGAIN, "GITHUB_TRIGGERING_ACTOR": "writer"},
    ),
    Case(
        "run again by a writer outside of the team",
        "rerun-permission",
        by="writer",
        before=lambda sample: sample.github.team("octo-org/ml", ["writer"]),
        inputs={"allow-teams": "octo-org/ml"},
        app=APP_PERMISSIONS,
        environ={**AGAIN, "GITHUB_TRIGGERING_ACTOR": "maintainer"},
        reply=("maintainer is not among the allowed users",),
    ),
    Case(
        "run again, and the server does not say by whom",
        "permission-unknown",
        environ={**AGAIN, "GITHUB_TRIGGERING_ACTOR": ""},
        exit_code=3,
        reply=("did not return your role",),
    ),
    # Changes of the pull request while the decision is made
    Case(
        "turned to another base while it was looked at",
        "head-moved",
        inputs={**SIGNS, "base-branches": "main"},
        after=_meanwhile(base={"ref": "release"}),
        reply=("changed while",),
        withdrawn=True,
    ),
    Case(
        "made a draft while it was looked at",
        "head-moved",
        inputs={**SIGNS, "drafts": "deny"},
        after=_meanwhile(draft=True),
        reply=("changed while",),
        withdrawn=True,
    ),
    # Commits that pretend to have been seen
    Case(
        "a commit with an old suite of another branch",
        "head-unknown",
        before=_tested_elsewhere,
        after=lambda sample: sample.pull.push(sha=EVIL),
        reply=("does not show", f"/train sha={EVIL}"),
    ),
    Case(
        "an answer in an old conversation, whose commit then comes back",
        "head-not-seen",
        before=_talked_about,
        event=_answer,
        after=lambda sample: sample.pull.push(sha=EVIL, force=True),
        reply=("Somebody pushed", f"/train sha={EVIL}"),
    ),
    Case("an answer in an old conversation", "ok", before=_talked_about, event=_answer, outputs={"sha": "a" * 40}),
    Case(
        "a fork's branch that is named like ours",
        "sha-missing",
        before=_like_ours,
        inputs={"forks": "allow"},
        reply=("/train sha=",),
    ),
    # Approvals in a crowd
    Case(
        "a crowd approves behind the one who may",
        "ok",
        sample=make_fork_sample,
        inputs={"forks": "approved"},
        before=_crowd,
    ),
    Case(
        "a crowd of strangers approves",
        "fork-not-approved",
        sample=make_fork_sample,
        inputs={"forks": "approved"},
        before=lambda sample: [sample.pull.review("APPROVED", by=f"stranger{number}") for number in range(25)],
        reply=("approve exactly this commit",),
    ),
    # Forged required checks
    Case(
        "a required check by somebody else",
        "checks",
        inputs={"require-checks": "required"},
        before=_forged_check("protection"),
        reply=("tests (of the App ", "): missing"),
    ),
    Case(
        "a ruleset's check by somebody else",
        "checks",
        inputs={"require-checks": "required"},
        before=_forged_check("ruleset"),
        reply=("tests (of the App ", "): missing"),
    ),
    Case("a required check by its App", "ok", inputs={"require-checks": "required"}, before=_trusted_check),
    # Lines that look different from what they are
    *(
        Case(
            f"a line with {name}",
            "arguments",
            f"/train a{character}b",
            reply=("invisible characters", f"U+{ord(character):04X}"),
        )
        for name, character in {
            "a turn of direction": "\u202e",
            "an isolate": "\u2066",
            "a blank of no width": "\u200b",
            "a mark of the byte order": "\ufeff",
            "a soft hyphen": "\u00ad",
            "a tag": "\U000e0061",
            "a filler": "\u3164",
            "an escape": "\x1b",
        }.items()
    ),
    Case(
        "a phrase with a turn of direction behind it",
        "arguments",
        "/run abc\u202edef",
        inputs={"commands": "", "trigger_phrase": "/run"},
        reply=("U+202E",),
    ),
    Case(
        "an emoji of several parts", "ok", "/train a=\U0001f468\u200d\U0001f52c", params={"a": "\U0001f468\u200d\U0001f52c"}
    ),
    Case("a command in letters of another script", "unknown-command", "/tr\u0430in", reply=("did you mean /train?",)),
    # Very long comments
    Case(
        "as many mistakes as a comment holds",
        "parameters",
        "/train " + " ".join(f"x{number}=1" for number in range(7000)),
        inputs={"commands": "train: {params: {lr: {type: float}}}"},
        reply=("'x0' is not a parameter", "… and 6981 more"),
    ),
]
