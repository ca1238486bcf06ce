"""The content of the page and the transcript in reading order, without markup."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from mlops_sandbox.github.accounts import User
from mlops_sandbox.github.checks import PASSING, CheckRun, CommitStatus, Deployment
from mlops_sandbox.github.discussion import Comment, Label, Reaction, Review, ReviewComment, TimelineEvent
from mlops_sandbox.github.git import Commit
from mlops_sandbox.github.repository import PullRequest

EMOJI = {
    "+1": "👍", "-1": "👎", "laugh": "😄", "confused": "😕", "heart": "❤️", "hooray": "🎉", "rocket": "🚀", "eyes": "👀",
}  # fmt: skip
CheckResult = Literal["success", "failure", "pending", "neutral"]
EVENTS = {
    "closed": "closed this",
    "reopened": "reopened this",
    "head-deleted": "deleted the head branch",
    "base-deleted": "deleted the base branch",
    "merged": "merged this",
    "draft": "marked this as a draft",
    "ready": "marked this as ready for review",
}
REVIEWS = {
    "APPROVED": "approved these changes",
    "CHANGES_REQUESTED": "requested changes",
    "COMMENTED": "reviewed",
    "DISMISSED": "reviewed (dismissed)",
    "PENDING": "started a review",
}


@dataclass
class ReactionCount:
    """One emoji under a comment, and the accounts that added it."""

    emoji: str
    count: int
    logins: str


@dataclass
class Entry:
    """One entry of the timeline.

    `kind` decides how it is rendered: `comment` has a `body` of Markdown, `labels`, `commits` and `deployment` have the
    fields of that name, `event` has only its `text`.
    """

    kind: Literal["comment", "labels", "commits", "deployment", "event"]
    at: datetime
    actor: User
    text: str
    icon: str = "dot"
    anchor: str = ""
    body: str | None = None
    badge: str = ""
    edited: bool = False
    hidden: str = ""  # why a comment is minimised, such as `outdated`
    reactions: list[ReactionCount] = field(default_factory=list)
    added: list[Label] = field(default_factory=list)
    removed: list[Label] = field(default_factory=list)
    commits: list[Commit] = field(default_factory=list)
    deployment: Deployment | None = None


@dataclass
class Check:
    """One line of the checks: a run of an App, or a commit status."""

    name: str
    source: str
    result: CheckResult
    state: str
    title: str
    duration: str = ""
    summary: str | None = None
    text: str | None = None
    url: str = ""


def timeline(pull: PullRequest) -> list[Entry]:
    """Return the timeline in order of time: adjacent commits, and label changes by one actor, share an entry."""
    entries: list[Entry] = []
    for event in sorted(pull.timeline, key=lambda event: event.at):
        entry = _entry(event, pull)
        if entry is None:
            continue
        last = entries[-1] if entries else None
        if last and last.kind == entry.kind == "commits" and last.actor is entry.actor and last.icon == entry.icon:
            last.commits += entry.commits
        elif last and last.kind == entry.kind == "labels" and last.actor is entry.actor:
            last.added += entry.added
            last.removed += entry.removed
        else:
            entries.append(entry)
    for entry in entries:
        if entry.kind == "commits" and entry.icon == "commit":
            count = len(entry.commits)
            entry.text = f"pushed {count} commits" if count > 1 else "pushed a commit"
    return entries


def _entry(event: TimelineEvent, pull: PullRequest) -> Entry | None:
    at, actor, subject = event.at, event.actor, event.subject
    if event.kind == "opened":
        return _comment(at, actor, "opened this pull request", pull.body, pull.reactions, pull, "description")
    if isinstance(subject, ReviewComment):
        where = f"commented on {subject.path}, line {subject.line}"
        return _comment(at, actor, where, subject.body, subject.reactions, pull, f"discussion_r{subject.id}")
    if isinstance(subject, Comment):
        entry = _comment(at, actor, "commented", subject.body, subject.reactions, pull, f"issuecomment-{subject.id}")
        entry.edited, entry.hidden = subject.updated_at > subject.created_at, subject.minimised
        return entry
    if isinstance(subject, Review):
        entry = _comment(at, actor, REVIEWS[subject.state], subject.body or None, [], pull, f"review-{subject.id}")
        entry.icon = {"APPROVED": "check", "CHANGES_REQUESTED": "cross"}.get(subject.state, "eye")
        entry.kind = "comment" if subject.body else "event"
        return entry
    if isinstance(subject, Label):
        entry = Entry(kind="labels", at=at, actor=actor, text="", icon="label")
        (entry.added if event.kind == "labeled" else entry.removed).append(subject)
        return entry
    if event.kind == "force-pushed" and isinstance(subject, Commit):
        return Entry(kind="commits", at=at, actor=actor, text="force-pushed", icon="force", commits=[subject])
    if event.kind == "committed" and isinstance(subject, Commit):
        return Entry(kind="commits", at=at, actor=actor, text="", icon="commit", commits=[subject])
    if event.kind == "deployed" and isinstance(subject, Deployment):
        return Entry(kind="deployment", at=at, actor=actor, text="deployed to", icon="rocket", deployment=subject)
    if event.kind in EVENTS:
        icon = {"merged": "merge", "closed": "cross"}.get(event.kind, "dot")
        return Entry(kind="event", at=at, actor=actor, text=EVENTS[event.kind], icon=icon)
    return None


def _comment(
    at: datetime, actor: User, text: str, body: str | None, reactions: list[Reaction], pull: PullRequest, anchor: str
) -> Entry:
    association = pull.repository.association(actor)
    badge = "bot" if actor.is_bot else association.lower() if association not in ("NONE", "CONTRIBUTOR") else ""
    return Entry(
        kind="comment",
        at=at,
        actor=actor,
        text=text,
        icon="comment",
        anchor=anchor,
        body=body,
        badge=badge,
        reactions=count_reactions(reactions),
    )


def count_reactions(reactions: list[Reaction]) -> list[ReactionCount]:
    """Count reactions by emoji, in GitHub's order, with their authors."""
    counts = Counter(reaction.content for reaction in reactions)
    return [
        ReactionCount(EMOJI[content], counts[content], ", ".join(r.user.login for r in reactions if r.content == content))
        for content in EMOJI
        if counts[content]
    ]


def checks(pull: PullRequest) -> list[Check]:
    """Return the checks and statuses of the head, failures first."""
    repository, sha = pull.repository, pull.head_sha
    suites = [suite for suite in repository.check_suites.values() if suite.head_sha == sha]
    listed = [check_of(run) for suite in suites for run in reversed(repository.latest_runs(suite))]
    listed += [_status(status) for status in reversed(repository.latest_statuses(sha))]
    order = ("failure", "pending", "success", "neutral")
    return sorted(listed, key=lambda check: order.index(check.result))


def check_of(run: CheckRun) -> Check:
    """Return a check run as a line of the checks."""
    state = (run.conclusion or run.status).replace("_", " ")
    duration = ""
    if run.started_at and run.completed_at:
        duration = _duration(int((run.completed_at - run.started_at).total_seconds()))
    return Check(
        name=run.name,
        source=run.app.name,
        result=_result(run),
        state=state,
        title=run.title or "",
        duration=duration,
        summary=run.summary,
        text=run.text,
        url=run.details_url or "",
    )


def _result(run: CheckRun) -> CheckResult:
    if run.status != "completed":
        return "pending"
    if run.conclusion == "success":
        return "success"
    return "neutral" if run.conclusion in PASSING else "failure"


def _status(status: CommitStatus) -> Check:
    result: CheckResult = "success" if status.state == "success" else "pending" if status.state == "pending" else "failure"
    return Check(
        name=status.context,
        source=status.creator.login,
        result=result,
        state=status.state,
        title=status.description or "",
        url=status.target_url or "",
    )


def _duration(seconds: int) -> str:
    minutes, rest = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    parts = [f"{hours} h" if hours else "", f"{minutes} min" if minutes else "", f"{rest} s" if rest and not hours else ""]
    return " ".join(part for part in parts if part)


def overall_state(check_list: list[Check]) -> tuple[CheckResult, str]:
    """Return the combined result of the checks, and a sentence about it."""
    counts = Counter(check.result for check in check_list)
    if not check_list:
        return "neutral", "No checks on this commit"
    if counts["failure"]:
        rest = f", {counts['pending']} in progress" if counts["pending"] else ""
        return "failure", f"{counts['failure']} of {len(check_list)} checks failed{rest}"
    if counts["pending"]:
        return "pending", f"{counts['pending']} of {len(check_list)} checks in progress"
    return "success", "All checks have passed" if len(check_list) > 1 else "The check has passed"


def deployments(pull: PullRequest) -> list[Deployment]:
    """Return the newest deployment of each environment with a commit of this pull request."""
    newest: dict[str, Deployment] = {}
    for deployment in pull.repository.deployments.values():
        if deployment.sha in pull.shas:
            newest[deployment.environment] = deployment
    return list(newest.values())


def deployment_label(deployment: Deployment) -> str:
    """Return a deployment's state as GitHub's pages show it."""
    return {"success": "Active", "in_progress": "In progress"}.get(deployment.state, deployment.state.title())


def state_of(pull: PullRequest) -> str:
    """Return `Open`, `Draft`, `Merged` or `Closed`."""
    if pull.merged_at:
        return "Merged"
    if pull.state == "closed":
        return "Closed"
    return "Draft" if pull.draft else "Open"


def participants(pull: PullRequest) -> list[User]:
    """Return the participants, in order of their first event."""
    return list(dict.fromkeys(event.actor for event in sorted(pull.timeline, key=lambda event: event.at)))


def name_of(user: User) -> str:
    """Return the login without the suffix of a bot, for which there is a badge."""
    return user.login.removesuffix("[bot]")


def head_label(pull: PullRequest) -> str:
    """Return the head branch, with its owner where it is in a fork."""
    if pull.head_repository is None:
        return "unknown repository"
    return f"{pull.head_owner.login}:{pull.head_ref}" if pull.is_fork else pull.head_ref
