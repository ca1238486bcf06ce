"""A repository with its issues and pull requests; each change that GitHub reports is emitted as an event."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from mlops_sandbox.github.accounts import Token, User
from mlops_sandbox.github.actions_settings import ActionsSettings
from mlops_sandbox.github.branches import Branches
from mlops_sandbox.github.discussion import (
    Discussion,
    Label,
    Review,
    ReviewComment,
    ReviewState,
    TimelineEventKind,
)
from mlops_sandbox.github.events import Delivery
from mlops_sandbox.github.git import Commit, invent_sha

# The labels of a new repository. https://docs.github.com/issues/using-labels-and-milestones-to-track-work/managing-labels
DEFAULT_LABELS = {"bug": "d73a4a", "documentation": "0075ca", "enhancement": "a2eeef"}
DEFAULT_LABEL_COLOR = "ededed"


@dataclass(eq=False, repr=False, kw_only=True)
class Issue(Discussion):
    """An issue; created by `Repository.open_issue`."""

    repository: Repository
    labels: list[Label] = field(default_factory=list)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.repository.full_name}#{self.number}>"

    @property
    def label_names(self) -> list[str]:
        """The labels that are set, in the order they were set."""
        return [label.name for label in self.labels]

    @property
    def as_pull(self) -> PullRequest | None:
        """The same object, if it is a pull request."""
        return None

    def label(self, name: str, *, by: User | str, token: Token | None = None) -> Delivery[Label]:
        """Set a label (created where the repository has none of that name); setting it again changes nothing."""
        actor, label = self.instance.account(by), self.repository.define_label(name)
        if label not in self.labels:
            self.labels.append(label)
            self.record("labeled", actor, label, at=None if token else self.instance.clock.tick())
        return self.emit(self._event, "labeled", label, by=actor, token=token)

    def unlabel(self, name: str, *, by: User | str, token: Token | None = None) -> Delivery[Label]:
        """Remove a label; raises KeyError where it is not set."""
        label = next((label for label in self.labels if label.name.lower() == name.lower()), None)
        if label is None:
            raise KeyError(name)
        actor = self.instance.account(by)
        self.labels.remove(label)
        self.record("unlabeled", actor, label, at=None if token else self.instance.clock.tick())
        return self.emit(self._event, "unlabeled", label, by=actor, token=token)

    def close(self, *, by: User | str) -> Delivery[None]:
        """Close without merging; a pull request keeps the head that it has now, whatever is pushed to its branch."""
        actor = self.instance.account(by)
        self.state, self.closed_at = "closed", self.instance.clock.tick()
        self.record("closed", actor)
        return self.emit(self._event, "closed", None, by=actor)

    def reopen(self, *, by: User | str) -> Delivery[None]:
        """Open again."""
        actor = self.instance.account(by)
        self.state, self.closed_at = "open", None
        self.record("reopened", actor, at=self.instance.clock.tick())
        return self.emit(self._event, "reopened", None, by=actor)

    @property
    def _event(self) -> str:
        return "pull_request" if self.as_pull else "issues"


@dataclass(eq=False, repr=False, kw_only=True)
class PullRequest(Issue):
    """A pull request; created by `Repository.open_pull_request`. A deleted fork leaves `head_repository` None."""

    head_owner: User
    head_repository: Repository | None
    head_ref: str
    head_sha: str
    base_ref: str
    base_sha: str
    draft: bool = False
    merged_at: datetime | None = None
    merged_by: User | None = None
    reviews: list[Review] = field(default_factory=list)
    review_comments: list[ReviewComment] = field(default_factory=list)

    @property
    def as_pull(self) -> PullRequest:
        """The same object."""
        return self

    @property
    def is_fork(self) -> bool:
        """Whether the head is, or was, in another repository."""
        return self.head_repository is not self.repository

    @property
    def commits(self) -> list[Commit]:
        """The commits of the current head that are not on the base, oldest first."""
        commits: list[Commit] = []
        sha = self.head_sha
        while sha and sha != self.base_sha and (commit := self.repository.commits.get(sha)) and commit not in commits:
            commits.insert(0, commit)
            sha = commit.parents[0] if commit.parents else ""
        return commits

    @property
    def shas(self) -> set[str]:
        """The SHAs the head has ever had here."""
        return {event.subject.sha for event in self.timeline if isinstance(event.subject, Commit)}

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

    def set_head(self, sha: str, actor: User, *, forced: bool, at: datetime) -> None:
        """Follow the head branch to a commit that was pushed to it."""
        before, commit = self.head_sha, (self.head_repository or self.repository).commits[sha]
        self.head_sha = sha
        self.import_commit(commit, at)
        self.record("force-pushed" if forced else "committed", actor, commit, detail=before, at=at)
        self.emit("pull_request", "synchronize", None, by=actor, details={"before": before, "after": sha})

    @property
    def test_merge(self) -> str | None:
        """The commit of `refs/pull/N/merge`, which GitHub keeps for an open pull request alone."""
        if self.state == "closed":
            return None
        return invent_sha("merge", self.number, self.head_sha, self.repository.branches[self.base_ref])

    @property
    def reopening_problem(self) -> str | None:
        """Why GitHub does not reopen it, in GitHub's words; None where it does.

        GitHub requires that the branch still holds the head that the pull request was closed with: it answers so to clients
        (isaacs/github#361, cilium/cilium#47088), and the documentation does not say it.
        """
        head, branch = self.head_repository, self.head_ref
        if self.merged_at is not None:
            return "The pull request cannot be reopened."
        if head is None:
            return "The repository that submitted this pull request has been deleted."
        for repository, name in ((head, branch), (self.repository, self.base_ref)):
            if name not in repository.branches:
                return f"The {name} branch has been deleted."
        if not head.is_ancestor(self.head_sha, of=head.branches[branch]):
            return f"The {branch} branch was force-pushed or recreated."
        return None

    def reopen(self, *, by: User | str) -> Delivery[None]:
        """Open again, with the head that the branch has by now; raises ValueError where GitHub refuses it."""
        if problem := self.reopening_problem:
            raise ValueError(problem)
        assert self.head_repository is not None  # noqa: S101 - else there is a problem
        commit = self.head_repository.commits[self.head_repository.branches[self.head_ref]]
        has_moved = self.head_sha != commit.sha
        self.head_sha = commit.sha
        delivery = super().reopen(by=by)
        if has_moved:
            at = self.instance.clock.now()
            self.import_commit(commit, at)
            self.record("committed", commit.author, commit, at=at)
        return delivery

    def import_commit(self, commit: Commit, at: datetime) -> None:
        """Add a commit of the head to this repository, with the check suite of workflows that listen to pull requests."""
        self.repository.commits.setdefault(commit.sha, commit)
        if self.repository.suites_on_push and self.is_fork:
            self.repository.check_suite(commit.sha, branch=self.head_ref, at=at)

    def review(self, state: ReviewState, *, by: User | str, body: str = "", sha: str | None = None) -> Delivery[Review]:
        """Submit a review of the head (or of `sha`)."""
        at, actor = self.instance.clock.tick(), self.instance.account(by)
        review = Review(
            id=self.instance.next_id("review"),
            user=actor,
            state=state,
            body=body,
            commit=sha or self.head_sha,
            submitted_at=at,
        )
        self.reviews.append(review)
        self.record("reviewed", actor, review, detail=state, at=at)
        return self.emit("pull_request_review", "submitted", review, by=actor)

    def dismiss(self, review: Review) -> None:
        """Dismiss a review, as a push does where stale approvals are dismissed."""
        review.state = "DISMISSED"

    def review_comment(
        self, body: str, *, by: User | str, path: str = "train.py", line: int = 1, reply_to: ReviewComment | None = None
    ) -> Delivery[ReviewComment]:
        """Comment on a changed line; a reply is about the line and commit of the comment it answers."""
        at, actor = self.instance.clock.tick(), self.instance.account(by)
        comment = ReviewComment(
            id=self.instance.next_id("comment"),
            issue=self.number,
            user=actor,
            body=body,
            created_at=at,
            updated_at=at,
            path=reply_to.path if reply_to else path,
            line=reply_to.line if reply_to else line,
            commit=reply_to.commit if reply_to else self.head_sha,
            review=self.instance.next_id("review"),
            reply_to=reply_to.id if reply_to else None,
        )
        self.review_comments.append(comment)
        self.record("review-commented", actor, comment, at=at)
        return self.emit("pull_request_review_comment", "created", comment, by=actor)

    def merge(self, *, by: User | str) -> None:
        """Merge into the base branch."""
        at, actor = self.instance.clock.tick(), self.instance.account(by)
        self.state, self.closed_at, self.merged_at, self.merged_by = "closed", at, at, actor
        self.record("merged", actor, self.repository.commits[self.head_sha], at=at)
        self.repository.set_branch(self.base_ref, self.head_sha, actor=actor, kind="pr_merge", at=at)
        self.emit(self._event, "closed", None, by=actor)

    def set_draft(self, draft: bool, *, by: User | str) -> None:
        """Turn into a draft, or mark ready."""
        self.draft = draft
        self.record("draft" if draft else "ready", self.instance.account(by))


@dataclass(eq=False, repr=False, kw_only=True)
class Repository(Branches):
    """`owner/name` with everything in it; created by `GitHubState.repository` and `GitHubState.fork`."""

    id: int
    created_at: datetime
    description: str | None = None
    parent: Repository | None = None
    deleted: bool = False
    labels: dict[str, Label] = field(default_factory=dict)
    issues: dict[int, Issue] = field(default_factory=dict)
    forks: list[Repository] = field(default_factory=list)
    actions_settings: ActionsSettings = field(default_factory=ActionsSettings)

    def __repr__(self) -> str:
        return f"<Repository {self.full_name}>"

    @property
    def pulls(self) -> list[PullRequest]:
        """The pull requests, oldest first."""
        return [issue for issue in self.issues.values() if isinstance(issue, PullRequest)]

    def pulls_with(self, sha: str) -> list[PullRequest]:
        """Return the pull requests that hold this commit."""
        return [pull for pull in self.pulls if sha in pull.shas]

    def association(self, user: User) -> str:
        """Return the `author_association`; a private member of the organisation shows as an outsider, as on GitHub."""
        if user is self.owner:
            return "OWNER"
        if user in self.instance.public_members_of(self.owner):
            return "MEMBER"
        if user in self.collaborators:
            return "COLLABORATOR"
        has_merged = any(pull.user is user and pull.merged_at for pull in self.pulls)
        return "CONTRIBUTOR" if has_merged else "NONE"

    def delete(self) -> None:
        """Delete the repository: pull requests from it stay, with a head that has no repository."""
        self.deleted = True
        for pull in self.parent.pulls if self.parent else []:
            if pull.head_repository is self:
                pull.head_repository = None

    def _branch_moved(self, branch: str, sha: str, *, actor: User, forced: bool, at: datetime) -> None:
        """Let open pull requests follow whose head is the branch, here and in the parent repository."""
        for repository in [self, *([self.parent] if self.parent else [])]:
            for pull in repository.pulls:
                if pull.head_repository is self and pull.head_ref == branch and pull.state == "open":
                    pull.set_head(sha, actor, forced=forced, at=at)

    def _branch_deleted(self, branch: str, *, actor: User) -> None:
        """Close the open pull requests from or to the branch, as GitHub does."""
        for repository in [self, *([self.parent] if self.parent else [])]:
            for pull in repository.pulls:
                is_head = pull.head_repository is self and pull.head_ref == branch
                if pull.state == "open" and (is_head or (repository is self and pull.base_ref == branch)):
                    pull.record("head-deleted" if is_head else "base-deleted", actor)
                    pull.close(by=actor)

    def _add_to_timelines(
        self, sha: str, kind: TimelineEventKind, actor: User, subject: object, *, detail: str = "", at: datetime
    ) -> None:
        for pull in self.pulls_with(sha):
            pull.record(kind, actor, subject, detail=detail, at=at)

    def define_label(self, name: str, color: str = DEFAULT_LABEL_COLOR, description: str | None = None) -> Label:
        """Create a label, or return the one of that name (names ignore case)."""
        key = name.lower()
        if key not in self.labels:
            self.labels[key] = Label(
                id=self.instance.next_id("label"),
                name=name,
                color=color,
                description=description,
                default=DEFAULT_LABELS.get(name) == color,
            )
        return self.labels[key]

    def next_number(self) -> int:
        """Return the number that the next issue or pull request gets."""
        return max(self.issues, default=0) + 1

    def open_issue(self, *, by: User | str, title: str = "An issue", body: str | None = None) -> Issue:
        """Open an issue that is no pull request."""
        at, user = self.instance.clock.tick(), self.instance.account(by)
        issue = Issue(
            instance=self.instance,
            repository=self,
            id=self.instance.next_id("issue"),
            number=self.next_number(),
            title=title,
            body=body,
            user=user,
            created_at=at,
            updated_at=at,
        )
        self.issues[issue.number] = issue
        issue.record("opened", user, at=at)
        return issue

    def open_pull_request(
        self,
        *,
        by: User | str,
        head: str = "feature",
        fork: Repository | None = None,
        base: str | None = None,
        title: str = "A change",
        body: str | None = None,
        sha: str | None = None,
        draft: bool = False,
    ) -> PullRequest:
        """Open a pull request from a branch here, or of `fork`; a missing branch gets one commit (`sha`, or invented)."""
        source, base, user = fork or self, base or self.default_branch, self.instance.account(by)
        if head not in source.branches or (sha is not None and source.branches[head] != sha):
            source.push(head, by=user, message=title, sha=sha)
        at, tip = self.instance.clock.tick(), source.commits[source.branches[head]]
        pull = PullRequest(
            instance=self.instance,
            repository=self,
            id=self.instance.next_id("issue"),
            number=self.next_number(),
            title=title,
            body=body,
            user=user,
            created_at=at,
            updated_at=at,
            head_owner=source.owner,
            head_repository=source,
            head_ref=head,
            head_sha=tip.sha,
            base_ref=base,
            base_sha=self.branches[base],
            draft=draft,
        )
        self.issues[pull.number] = pull
        pull.import_commit(tip, at)
        pull.record("opened", user, at=at)
        pull.record("committed", tip.author, tip, at=at)
        pull.emit("pull_request", "opened", None, by=user)
        return pull
