"""The discussion on an issue or a pull request: comments, reactions, labels, reviews, and the timeline."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from mlops_sandbox.github.accounts import App, User
from mlops_sandbox.github.instance import Instance

REACTIONS = ("+1", "-1", "laugh", "confused", "heart", "hooray", "rocket", "eyes")
MAX_BODY_LENGTH = 65_536  # characters of a comment, a review or an issue's body

TimelineEventKind = Literal[
    "opened", "committed", "force-pushed", "commented", "reviewed", "review-commented", "labeled", "unlabeled",
    "closed", "merged", "draft", "ready", "deployed", "deployment-status",
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
        self.timeline.append(TimelineEvent(at=at, kind=kind, actor=actor, subject=subject, detail=detail))
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

    def close(self, *, by: User | str) -> None:
        """Close without merging."""
        actor = self.instance.account(by)
        self.state, self.closed_at = "closed", self.instance.clock.tick()
        self.record("closed", actor)
