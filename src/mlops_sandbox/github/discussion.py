"""The discussion on an issue or a pull request: comments, reactions, labels, reviews, and the timeline."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from mlops_sandbox.github.accounts import App, Token, User
from mlops_sandbox.github.events import Delivery, Event, Subject
from mlops_sandbox.github.instance import Instance

REACTIONS = ("+1", "-1", "laugh", "confused", "heart", "hooray", "rocket", "eyes")
MAX_BODY_LENGTH = 65_536  # characters of a comment, a review or an issue's body

TimelineEventKind = Literal[
    "opened", "committed", "force-pushed", "commented", "reviewed", "review-commented", "labeled", "unlabeled",
    "closed", "reopened", "head-deleted", "base-deleted", "merged", "draft", "ready", "deployed", "deployment-status",
]  # fmt: skip
ReviewState = Literal["APPROVED", "CHANGES_REQUESTED", "COMMENTED", "DISMISSED", "PENDING"]


@dataclass(eq=False)
class Reaction:
    """One emoji by one account."""

    id: int
    user: User
    content: str
    created_at: datetime


@dataclass(eq=False)
class Label:
    """A label of a repository; `color` is six hexadecimal digits without `#`."""

    id: int
    name: str
    color: str = "ededed"
    description: str | None = None
    default: bool = False


@dataclass(eq=False)
class Comment:
    """A comment on an issue or a pull request; `issue` is its number."""

    id: int
    issue: int
    user: User
    body: str
    created_at: datetime
    updated_at: datetime
    app: App | None = None
    reactions: list[Reaction] = field(default_factory=list)
    minimised: str = ""  # the reason for which it is hidden, such as `outdated`


@dataclass(eq=False)
class ReviewComment(Comment):
    """A comment on a line of the changed files."""

    path: str = ""
    line: int = 1
    commit: str = ""
    review: int = 0
    reply_to: int | None = None


@dataclass(eq=False)
class Review:
    """A review of the commit `commit`."""

    id: int
    user: User
    state: ReviewState
    body: str
    commit: str
    submitted_at: datetime


@dataclass(eq=False)
class TimelineEvent:
    """One entry of a timeline; `subject` is the comment, label, commit or deployment it is about."""

    id: int
    at: datetime
    kind: TimelineEventKind
    actor: User
    subject: object = None
    detail: str = ""


@dataclass(eq=False, repr=False, kw_only=True)
class Discussion:
    """The part of an issue that does not depend on its repository."""

    instance: Instance
    id: int
    number: int
    title: str
    body: str | None
    user: User
    created_at: datetime
    updated_at: datetime
    state: Literal["open", "closed"] = "open"
    locked: bool = False
    closed_at: datetime | None = None
    comments: list[Comment] = field(default_factory=list)
    reactions: list[Reaction] = field(default_factory=list)
    timeline: list[TimelineEvent] = field(default_factory=list)

    def record(
        self, kind: TimelineEventKind, actor: User, subject: object = None, *, detail: str = "", at: datetime | None = None
    ) -> None:
        """Add an entry to the timeline."""
        at = at or self.instance.clock.now()
        number = self.instance.next_id("timeline event")
        self.timeline.append(TimelineEvent(id=number, at=at, kind=kind, actor=actor, subject=subject, detail=detail))
        self.updated_at = max(self.updated_at, at)

    def delete_comment(self, comment: Comment) -> None:
        """Delete a comment and its timeline entry."""
        self.comments.remove(comment)
        self.timeline = [event for event in self.timeline if event.subject is not comment]

    def react(self, subject: Discussion | Comment, content: str, user: User) -> tuple[Reaction, bool]:
        """Add an emoji once; return it and whether it is new."""
        for reaction in subject.reactions:
            if reaction.user is user and reaction.content == content:
                return reaction, False
        reaction = Reaction(
            id=self.instance.next_id("reaction"), user=user, content=content, created_at=self.instance.clock.now()
        )
        subject.reactions.append(reaction)
        return reaction, True

    def emit(
        self,
        name: str,
        action: str,
        subject: Subject,
        *,
        by: User,
        token: Token | None = None,
        details: Mapping[str, Any] | None = None,
    ) -> Delivery[Subject]:
        """Emit an event that happened here."""
        return self.instance.emit(
            Event(name=name, action=action, source=self, subject=subject, sender=by, details=details or {}, token=token)
        )

    def comment(self, body: str, *, by: User | str, at: datetime | None = None) -> Delivery[Comment]:
        """Write a comment; the delivery's subject is the comment, its payload the `issue_comment` event."""
        return self.add_comment(body, self.instance.account(by), at=at or self.instance.clock.tick())

    def add_comment(
        self, body: str, user: User, *, at: datetime, app: App | None = None, token: Token | None = None
    ) -> Delivery[Comment]:
        """Add a comment at a time of the caller's choice; `token` is that of the request, if one wrote it."""
        number = self.instance.next_id("comment")
        comment = Comment(id=number, issue=self.number, user=user, body=body, created_at=at, updated_at=at, app=app)
        self.comments.append(comment)
        self.record("commented", user, comment, at=at)
        return self.emit("issue_comment", "created", comment, by=user, token=token)

    def edit_comment(self, comment: Comment, body: str, *, by: User | str, token: Token | None = None) -> Delivery[Comment]:
        """Change the text of a comment."""
        actor, details = self.instance.account(by), {"body": comment.body}
        comment.body = body
        comment.updated_at = self.instance.clock.now() if token else self.instance.clock.tick()
        return self.emit("issue_comment", "edited", comment, by=actor, token=token, details=details)
