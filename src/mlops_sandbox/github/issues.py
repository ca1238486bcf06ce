"""An issue and a pull request with what can be done to them; each change is told as a webhook too."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Literal

from mlops_sandbox.github import webhooks
from mlops_sandbox.github.conversation import (
    Comment,
    Label,
    Moment,
    MomentKind,
    Reaction,
    Review,
    ReviewComment,
    ReviewState,
)
from mlops_sandbox.github.git import Commit
from mlops_sandbox.github.people import App, Token, User

if TYPE_CHECKING:
    from mlops_sandbox.github.repository import Repository
    from mlops_sandbox.github.world import Delivery


@dataclass(eq=False, repr=False)
class Issue:
    """An issue; made by `Repository.open_issue`."""

    repository: Repository
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
    labels: list[Label] = field(default_factory=list)
    comments: list[Comment] = field(default_factory=list)
    reactions: list[Reaction] = field(default_factory=list)
    timeline: list[Moment] = field(default_factory=list)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.repository.full_name}#{self.number}>"

    @property
    def label_names(self) -> list[str]:
        """The labels that are set, in the order they were set."""
        return [label.name for label in self.labels]

    @property
    def as_pull(self) -> PullRequest | None:
        """This, where it is a pull request."""
        return None

    def record(
        self, kind: MomentKind, actor: User, subject: object = None, *, detail: str = "", at: datetime | None = None
    ) -> None:
        """Add an entry to the timeline."""
        at = at or self.repository.world.clock.now()
        self.timeline.append(Moment(at, kind, actor, subject, detail))
        self.updated_at = max(self.updated_at, at)

    def comment(self, body: str, *, by: User | str, at: datetime | None = None) -> Delivery[Comment]:
        """Write a comment; the delivery's subject is the comment, its payload the `issue_comment` event."""
        return self.add_comment(body, self.repository.world.actor(by), at=at or self.repository.world.clock.tick())

    def add_comment(
        self, body: str, user: User, *, at: datetime, app: App | None = None, token: Token | None = None
    ) -> Delivery[Comment]:
        """Add a comment at a time of the caller's choice, made through `token` where a request made it."""
        world = self.repository.world
        comment = Comment(world.next_id("comment"), self.number, user, body, at, at, app)
        self.comments.append(comment)
        self.record("commented", user, comment, at=at)
        payload = webhooks.issue_comment(self, comment, "created")
        return world.deliver("issue_comment", self.repository, user, payload, comment, token=token)

    def edit_comment(self, comment: Comment, body: str, *, by: User | str, token: Token | None = None) -> Delivery[Comment]:
        """Change a comment's text, one's own or (with the rights to) somebody else's."""
        world = self.repository.world
        actor, before = world.actor(by), comment.body
        comment.body = body
        comment.updated_at = world.clock.now() if token else world.clock.tick()
        payload = webhooks.issue_comment(self, comment, "edited", before=before)
        return world.deliver("issue_comment", self.repository, actor, payload, comment, token=token)

    def delete_comment(self, comment: Comment) -> None:
        """Take a comment away; its place in the timeline goes with it."""
        self.comments.remove(comment)
        self.timeline = [moment for moment in self.timeline if moment.subject is not comment]

    def react(self, subject: Issue | Comment, content: str, user: User) -> tuple[Reaction, bool]:
        """Add an emoji once; return it and whether it is new."""
        for reaction in subject.reactions:
            if reaction.user is user and reaction.content == content:
                return reaction, False
        world = self.repository.world
        reaction = Reaction(world.next_id("reaction"), user, content, world.clock.now())
        subject.reactions.append(reaction)
        return reaction, True

    def label(self, name: str, *, by: User | str, token: Token | None = None) -> Delivery[Label]:
        """Set a label (created where the repository has none of that name); setting it again changes nothing."""
        world = self.repository.world
        actor, label = world.actor(by), self.repository.define_label(name)
        if label not in self.labels:
            self.labels.append(label)
            self.record("labeled", actor, label, at=None if token else world.clock.tick())
        return world.deliver(*self._labelled("labeled", label, actor), label, token=token)

    def unlabel(self, name: str, *, by: User | str, token: Token | None = None) -> Delivery[Label]:
        """Take a label off; raises KeyError where it is not set."""
        world = self.repository.world
        label = next((label for label in self.labels if label.name.lower() == name.lower()), None)
        if label is None:
            raise KeyError(name)
        actor = world.actor(by)
        self.labels.remove(label)
        self.record("unlabeled", actor, label, at=None if token else world.clock.tick())
        return world.deliver(*self._labelled("unlabeled", label, actor), label, token=token)

    def _labelled(self, action: str, label: Label, actor: User) -> tuple[str, Repository, User, dict[str, object]]:
        return "issues", self.repository, actor, webhooks.issue_labelled(self, action, label)

    def close(self, *, by: User | str) -> None:
        """Close without merging."""
        actor = self.repository.world.actor(by)
        self.state, self.closed_at = "closed", self.repository.world.clock.tick()
        self.record("closed", actor)

    def reopen(self, *, by: User | str) -> None:
        """Open again."""
        self.state, self.closed_at = "open", None
        self.record("reopened", self.repository.world.actor(by))


@dataclass(eq=False, repr=False)
class PullRequest(Issue):
    """A pull request; made by `Repository.open_pull_request`. A deleted fork leaves `head_repository` None."""

    head_owner: User = field(kw_only=True)
    head_repository: Repository | None = field(kw_only=True)
    head_ref: str = field(kw_only=True)
    head_sha: str = field(kw_only=True)
    base_ref: str = field(kw_only=True)
    base_sha: str = field(kw_only=True)
    draft: bool = False
    merged_at: datetime | None = None
    merged_by: User | None = None
    reviews: list[Review] = field(default_factory=list)
    review_comments: list[ReviewComment] = field(default_factory=list)

    @property
    def as_pull(self) -> PullRequest:
        """This."""
        return self

    @property
    def is_fork(self) -> bool:
        """Whether the head lies, or lay, in another repository."""
        return self.head_repository is not self.repository

    @property
    def commits(self) -> list[Commit]:
        """The commits of the current head that are not on the base, oldest first."""
        found: list[Commit] = []
        sha = self.head_sha
        while sha and sha != self.base_sha and (commit := self.repository.commits.get(sha)) and commit not in found:
            found.insert(0, commit)
            sha = commit.parents[0] if commit.parents else ""
        return found

    @property
    def shas(self) -> set[str]:
        """The SHAs the head has ever had here."""
        return {moment.subject.sha for moment in self.timeline if isinstance(moment.subject, Commit)}

    def push(
        self,
        *,
        by: User | str | None = None,
        message: str = "Update",
        sha: str | None = None,
        force: bool = False,
        at: datetime | None = None,
        committed_at: datetime | None = None,
    ) -> Commit:
        """Push to the head branch; raises ValueError where the fork is gone."""
        if self.head_repository is None:
            raise ValueError(f"the head repository of #{self.number} was deleted")
        return self.head_repository.push(
            self.head_ref, by=by or self.user, message=message, sha=sha, force=force, at=at, committed_at=committed_at
        )

    def follow(self, sha: str, actor: User, *, forced: bool, at: datetime) -> None:
        """Take a new head that was pushed to the head branch."""
        before, source = self.head_sha, self.head_repository or self.repository
        self.head_sha = sha
        self.take_commit(source.commits[sha], at)
        self.record("force-pushed" if forced else "committed", actor, source.commits[sha], detail=before, at=at)
        payload = webhooks.pull_request(self, "synchronize", before=before, after=sha)
        self.repository.world.deliver("pull_request", self.repository, actor, payload)

    def take_commit(self, commit: Commit, at: datetime) -> None:
        """Make a head's commit known here, with the suite of the workflows that listen to pull requests."""
        self.repository.commits.setdefault(commit.sha, commit)
        if self.repository.suites_on_push and self.is_fork:
            self.repository.check_suite(commit.sha, branch=self.head_ref, at=at)

    def review(self, state: ReviewState, *, by: User | str, body: str = "", sha: str | None = None) -> Delivery[Review]:
        """Submit a review of the head (or of `sha`)."""
        world = self.repository.world
        at, actor = world.clock.tick(), world.actor(by)
        review = Review(world.next_id("review"), actor, state, body, sha or self.head_sha, at)
        self.reviews.append(review)
        self.record("reviewed", actor, review, detail=state, at=at)
        payload = webhooks.review_submitted(self, review)
        return world.deliver("pull_request_review", self.repository, actor, payload, review)

    def dismiss(self, review: Review) -> None:
        """Dismiss a review, as a push does where stale approvals are dismissed."""
        review.state = "DISMISSED"

    def review_comment(
        self, body: str, *, by: User | str, path: str = "train.py", line: int = 1, reply_to: ReviewComment | None = None
    ) -> Delivery[ReviewComment]:
        """Comment on a changed line; an answer keeps to the line and commit of what it answers."""
        world = self.repository.world
        at, actor = world.clock.tick(), world.actor(by)
        comment = ReviewComment(
            world.next_id("comment"), self.number, actor, body, at, at,
            path=path, line=line, commit=self.head_sha, review=world.next_id("review"),
        )  # fmt: skip
        if reply_to:
            comment.path, comment.line, comment.commit, comment.reply_to = (
                reply_to.path, reply_to.line, reply_to.commit, reply_to.id
            )  # fmt: skip
        self.review_comments.append(comment)
        self.record("review-commented", actor, comment, at=at)
        payload = webhooks.review_comment(self, comment)
        return world.deliver("pull_request_review_comment", self.repository, actor, payload, comment)

    def merge(self, *, by: User | str) -> None:
        """Merge into the base branch."""
        world = self.repository.world
        at, actor = world.clock.tick(), world.actor(by)
        self.state, self.closed_at, self.merged_at, self.merged_by = "closed", at, at, actor
        self.record("merged", actor, self.repository.commits[self.head_sha], at=at)
        self.repository.set_branch(self.base_ref, self.head_sha, actor, "pr_merge", at)

    def set_draft(self, draft: bool, *, by: User | str) -> None:
        """Turn into a draft, or mark ready."""
        self.draft = draft
        self.record("draft" if draft else "ready", self.repository.world.actor(by))

    def _labelled(self, action: str, label: Label, actor: User) -> tuple[str, Repository, User, dict[str, object]]:
        return "pull_request", self.repository, actor, webhooks.pull_request(self, action, label=label)
