"""What people say on an issue or a pull request, as data: comments, reactions, labels, reviews, the timeline."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Literal

from mlops_sandbox.github.people import App, User

REACTIONS: Final = ("+1", "-1", "laugh", "confused", "heart", "hooray", "rocket", "eyes")
BODY_LIMIT: Final = 65_536  # characters of a comment, a review or an issue's body

MomentKind = Literal[
    "opened", "committed", "force-pushed", "commented", "reviewed", "review-commented", "labeled", "unlabeled",
    "closed", "reopened", "merged", "draft", "ready", "deployed", "deployment-status",
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
    """A verdict on the commit `commit`."""

    id: int
    user: User
    state: ReviewState
    body: str
    commit: str
    submitted_at: datetime


@dataclass(eq=False)
class Moment:
    """One entry of a timeline. `subject` is what it is about: a comment, a label, a commit, a deployment."""

    at: datetime
    kind: MomentKind
    actor: User
    subject: object = None
    detail: str = ""
