"""Who a person is, who pushed, and when: ids instead of logins, approvals, closed pull requests, runs started by hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mlops_sandbox.github import Delivery
from tests.actions.chatops.case import Case
from tests.actions.chatops.step import RUN_ID
from tests.support.payloads import Sample, make_fork_sample, make_sample

EVIL = "e" * 40
APPROVAL = {"require-approval": "true"}
_ACCOUNTS = make_sample().github
WRITER, MAINTAINER = (str(_ACCOUNTS.account(login).id) for login in ("writer", "maintainer"))


def _renamed(sample: Sample) -> None:
    sample.github.rename("writer", "author")


def _taken_over(sample: Sample) -> None:
    """Let another person with the same role take the commenter's login."""
    sample.github.rename("maintainer", "keeper")
    sample.repository.collaborator("maintainer", "maintain")


def _other_id(who: str) -> Callable[[Sample], Delivery[Any]]:
    def event(sample: Sample) -> Delivery[Any]:
        delivery = sample.pull.comment("/train", by="maintainer")
        place = delivery.payload["sender"] if who == "sender" else delivery.payload["comment"]["user"]
        place["id"] += 77
        return delivery

    return event


def _bot(sample: Sample) -> Delivery[Any]:
    delivery = sample.pull.comment("/train", by="renovate[bot]")
    for account in (delivery.payload["sender"], delivery.payload["comment"]["user"]):
        account["id"] = 29139614
    return delivery


def _pushed_by_maintainer(sample: Sample) -> None:
    """Let a maintainer push to the writer's branch, and approve that commit."""
    sample.repository.collaborator("second", "write")
    sample.pull.push(by="maintainer")
    sample.pull.review("APPROVED", by="maintainer")


def _approved(*logins: str, activity: int = 200) -> Callable[[Sample], None]:
    def arrange(sample: Sample) -> None:
        for login in ("second", "third"):
            sample.repository.collaborator(login, "write")
        for login in logins:
            sample.pull.review("APPROVED", by=login)
        if activity != 200:
            sample.github.faults.answer("GET /repos/*/*/activity", activity)

    return arrange


def _approved_by_a_bot(sample: Sample) -> None:
    """Let the workflow's own account approve, and GitHub say that it may write."""
    bot = sample.github.account("github-actions[bot]")
    sample.pull.review("APPROVED", by=bot)
    role = {"permission": "write", "role_name": "write", "user": {"login": bot.login, "id": bot.id}}
    sample.github.faults.answer("GET /repos/*/*/collaborators/github-actions*/permission", 200, role)


def _close_and_reopen(sample: Sample) -> None:
    sample.pull.close(by="writer")
    sample.pull.reopen(by="writer")


def _on_closed(body: str = "/train") -> Callable[[Sample], Delivery[Any]]:
    """Close, push, let a maintainer comment on what the page still shows, and reopen."""

    def event(sample: Sample) -> Delivery[Any]:
        sample.pull.close(by="writer")
        sample.pull.push(sha=EVIL, by="writer")
        delivery = sample.pull.comment(body, by="maintainer")
        sample.pull.reopen(by="writer")
        return delivery

    return event


def _rendered_late(sample: Sample) -> Delivery[Any]:
    """Send a payload that was written after the reopening, so that it shows an open pull request."""
    delivery = _on_closed()(sample)
    delivery.payload["issue"]["state"] = "open"
    return delivery


def _in_the_same_second(sample: Sample) -> None:
    _close_and_reopen(sample)
    for entry in sample.pull.timeline:
        if entry.kind == "reopened":
            entry.at = sample.pull.comments[-1].created_at


def _many_events(sample: Sample) -> None:
    for number in range(120):
        sample.pull.label(f"label-{number}", by="writer")


def _by_hand(command: str = "/train") -> Callable[[Sample], Delivery[Any]]:
    def event(sample: Sample) -> Delivery[Any]:
        main = sample.repository.branches["main"]
        sample.github.clock.tick()
        sample.repository.workflow_run(main, by="maintainer", event="workflow_dispatch", run_id=int(RUN_ID))
        sample.github.clock.tick()
        return sample.repository.workflow_dispatch({"command": command, "pr-number": "1"}, by="maintainer")

    return event


CASES = [
    # Ids
    Case(
        "a sender of the author's login and another id",
        "sender-not-author",
        event=_other_id("sender"),
        reply=("own comment",),
    ),
    Case(
        "an author of the sender's login and another id",
        "sender-not-author",
        event=_other_id("author"),
        reply=("own comment",),
    ),
    Case(
        "a login that somebody else with the role has by now",
        "login-reused",
        after=_taken_over,
        reply=("Write a new comment", f"account {MAINTAINER} was called maintainer"),
    ),
    Case("on the list of users by id", "ok", by="writer", inputs={"allow-users": WRITER}),
    Case("on the list of users by id, renamed before", "ok", by="author", before=_renamed, inputs={"allow-users": WRITER}),
    Case(
        "on the list of users by the login of before",
        "not-allowed",
        by="author",
        before=_renamed,
        inputs={"allow-users": "writer"},
        reply=("not among them",),
    ),
    Case(
        "another's id on the list of users",
        "not-allowed",
        by="writer",
        inputs={"allow-users": MAINTAINER},
        reply=("not among them",),
    ),
    Case(
        "a login of digits that is another's id",
        "not-allowed",
        by=MAINTAINER,
        before=lambda sample: sample.repository.collaborator(MAINTAINER, "write"),
        inputs={"allow-users": MAINTAINER},
        reply=("not among them",),
    ),
    Case(
        "run again by who is on the list by id",
        "ok",
        inputs={"allow-users": f"{MAINTAINER}, {WRITER}"},
        environ={"GITHUB_RUN_ATTEMPT": "2", "GITHUB_TRIGGERING_ACTOR": "writer"},
    ),
    Case("a bot on the list by id", "ok", event=_bot, inputs={"allow-bots": "29139614"}),
    Case("a bot of another id than that on the list", "bot", event=_bot, inputs={"allow-bots": "29139615"}),
    # The author
    Case(
        "the author with a lower role",
        "ok",
        by="outsider",
        sample=make_fork_sample,
        before=lambda sample: sample.pull.review("APPROVED", by="maintainer"),
        inputs={"allow-author": "read", "forks": "approved"},
        outputs={"fork": "true"},
    ),
    Case(
        "the author without the lower role",
        "permission",
        by="outsider",
        sample=make_fork_sample,
        inputs={"allow-author": "triage", "forks": "approved"},
        reply=("'triage'",),
    ),
    Case(
        "not the author, with a lower role",
        "permission",
        by="triager",
        inputs={"allow-author": "triage"},
        reply=("'write'",),
    ),
    Case(
        "the author, for a command with a permission of its own",
        "permission",
        by="outsider",
        sample=make_fork_sample,
        inputs={"allow-author": "read", "forks": "approved", "commands": "train: {permission: write}"},
        reply=("'write'",),
    ),
    Case(
        "the author, where the input asks for less",
        "ok",
        by="writer",
        inputs={"allow-author": "admin"},
    ),
    Case(
        "the author needs the approval of a fork as everybody does",
        "fork-not-approved",
        by="outsider",
        sample=make_fork_sample,
        inputs={"allow-author": "read", "forks": "approved"},
        reply=("approve exactly this commit",),
    ),
    # Approvals
    Case(
        "approved by who pushed last",
        "not-approved",
        by="second",
        before=_pushed_by_maintainer,
        inputs=APPROVAL,
        reply=("somebody",),
    ),
    Case(
        "approved by who pushed last and by another",
        "ok",
        by="second",
        before=lambda sample: (
            _approved()(sample),
            _pushed_by_maintainer(sample),
            sample.pull.review("APPROVED", by="third"),
        ),
        inputs=APPROVAL,
    ),
    Case(
        "approved by one, and nobody knows who pushed",
        "not-approved",
        "/train",
        by="maintainer",
        before=_approved("second", activity=403),
        event=lambda sample: sample.pull.comment(f"/train sha={sample.pull.head_sha}", by="maintainer"),
        inputs=APPROVAL,
        reply=("GitHub does not show who pushed this commit, so 2 people must approve it",),
    ),
    Case(
        "approved by two, and nobody knows who pushed",
        "ok",
        before=_approved("second", "third", activity=403),
        event=lambda sample: sample.pull.comment(f"/train sha={sample.pull.head_sha}", by="maintainer"),
        inputs=APPROVAL,
    ),
    Case("approved by a bot", "not-approved", before=_approved_by_a_bot, inputs=APPROVAL, reply=("somebody else",)),
    Case(
        "approved by a login that somebody else has by now",
        "not-approved",
        by="second",
        before=lambda sample: (
            sample.repository.collaborator("second", "write"),
            sample.pull.review("APPROVED", by="outsider"),
            sample.github.rename("outsider", "gone"),
            sample.github.faults.answer(
                "GET /repos/*/*/collaborators/gone/permission",
                200,
                {"permission": "write", "role_name": "write", "user": {"login": "gone", "id": 4}},
            ),
        ),
        inputs=APPROVAL,
        reply=("somebody",),
    ),
    # Closed pull requests
    Case("commented while closed, reopened since", "closed", event=_on_closed(), reply=("not open",)),
    Case(
        "commented while closed, with the new head's commit",
        "closed",
        event=_on_closed(f"/train sha={EVIL}"),
        reply=("not open",),
    ),
    Case(
        "commented while closed, head latest", "closed", event=_on_closed(), inputs={"head": "latest"}, reply=("not open",)
    ),
    Case(
        "commented while closed, shown as open",
        "reopened",
        event=_rendered_late,
        reply=("closed and reopened", f"sha={EVIL}"),
    ),
    Case(
        "closed and reopened after the comment",
        "reopened",
        after=_close_and_reopen,
        reply=("closed and reopened", "/train sha="),
    ),
    Case("reopened in the comment's second", "reopened", after=_in_the_same_second, reply=("closed and reopened",)),
    Case(
        "reopened after the comment, head latest",
        "reopened",
        inputs={"head": "latest"},
        after=_close_and_reopen,
        reply=("reopened",),
    ),
    Case("commented after the reopening", "ok", before=_close_and_reopen),
    Case("commented after the reopening, many labels since", "ok", before=_close_and_reopen, after=_many_events),
    Case(
        "many labels, reopened after the comment",
        "reopened",
        before=_many_events,
        after=_close_and_reopen,
        reply=("closed and reopened",),
    ),
    Case(
        "a label set while closed",
        "closed",
        inputs={"commands": "train: {label: train}"},
        event=lambda sample: (
            sample.pull.close(by="writer"),
            sample.pull.label("train", by="maintainer"),
            sample.pull.reopen(by="writer"),
        )[1],
        reply=("not open",),
    ),
    Case(
        "a review of a closed pull request",
        "closed",
        event=lambda sample: (
            sample.pull.close(by="writer"),
            sample.pull.review("COMMENTED", by="maintainer", body="/train"),
        )[1],
        reply=("not open",),
    ),
    # By hand
    Case("by hand", "ok", event=_by_hand(), outputs={"actor": "maintainer"}),
    Case(
        "by hand, pushed before",
        "ok",
        before=lambda sample: sample.pull.push(sha=EVIL),
        event=_by_hand(),
        outputs={"sha": EVIL},
    ),
    Case(
        "by hand, pushed while the job waited",
        "head-not-seen",
        event=_by_hand(),
        after=lambda sample: sample.pull.push(sha=EVIL),
        reply=(f"/train sha={EVIL}",),
    ),
    Case(
        "by hand, reopened while the job waited", "reopened", event=_by_hand(), after=_close_and_reopen, reply=("reopened",)
    ),
    Case(
        "by hand on a closed pull request",
        "closed",
        before=lambda sample: sample.pull.close(by="writer"),
        event=_by_hand(),
        reply=("not open",),
    ),
    Case(
        "by hand, and the run cannot be read",
        "head-unknown",
        event=_by_hand(),
        after=lambda sample: sample.github.faults.answer("GET /repos/*/*/actions/runs/*", 403),
        reply=("/train sha=",),
        log=("actions: read",),
    ),
    Case(
        "by hand, run again by an outsider",
        "rerun-permission",
        event=_by_hand(),
        environ={"GITHUB_RUN_ATTEMPT": "2", "GITHUB_TRIGGERING_ACTOR": "outsider"},
        reply=("ran the job again",),
    ),
]
