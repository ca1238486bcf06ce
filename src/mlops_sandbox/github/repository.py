"""A repository: roles, branches and pushes, labels, and the issues and pull requests in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from mlops_sandbox.github import webhooks
from mlops_sandbox.github.commit_facts import CommitFacts
from mlops_sandbox.github.conversation import Label
from mlops_sandbox.github.git import NO_COMMIT, Activity, Commit, invent_sha
from mlops_sandbox.github.issues import Issue, PullRequest
from mlops_sandbox.github.people import ROLES, Team, User, rank

if TYPE_CHECKING:
    from mlops_sandbox.github.world import Delivery, World

# The labels of a new repository. https://docs.github.com/issues/using-labels-and-milestones-to-track-work/managing-labels
DEFAULT_LABELS = {"bug": "d73a4a", "documentation": "0075ca", "enhancement": "a2eeef"}


@dataclass(eq=False, repr=False)
class Repository(CommitFacts):
    """`owner/name` with everything in it; made by `World.repository` and `fork`.

    `suites_on_push` says whether a push starts a check suite, as it does where a workflow listens to pushes; a
    repository whose only workflow listens to comments has none.
    """

    world: World
    id: int
    owner: User
    name: str
    created_at: datetime
    private: bool = False
    default_branch: str = "main"
    description: str | None = None
    parent: Repository | None = None
    suites_on_push: bool = False
    deleted: bool = False
    branches: dict[str, str] = field(default_factory=dict)
    commits: dict[str, Commit] = field(default_factory=dict)
    activity: list[Activity] = field(default_factory=list)
    collaborators: dict[str, str] = field(default_factory=dict)
    team_roles: dict[Team, str] = field(default_factory=dict)
    custom_roles: dict[str, str] = field(default_factory=dict)
    labels: dict[str, Label] = field(default_factory=dict)
    issues: dict[int, Issue] = field(default_factory=dict)
    forks: list[Repository] = field(default_factory=list)

    def __repr__(self) -> str:
        return f"<Repository {self.full_name}>"

    @property
    def full_name(self) -> str:
        """`owner/name`."""
        return f"{self.owner.login}/{self.name}"

    @property
    def pulls(self) -> list[PullRequest]:
        """The pull requests, oldest first."""
        return [issue for issue in self.issues.values() if isinstance(issue, PullRequest)]

    # Who may do what

    def collaborator(self, login: str, role: str = "write") -> User:
        """Give an account (made where there is none) a role: one of GitHub's, or a `custom_role`."""
        self._known_role(role)
        user = self.world.user(login)
        self.collaborators[user.login.lower()] = role
        return user

    def custom_role(self, name: str, base: str) -> str:
        """Define an organisation's own role on top of one of GitHub's, and return its name."""
        rank(base)
        self.custom_roles[name] = base
        return name

    def grant(self, team: Team, role: str) -> None:
        """Give a team a role here; members of its child teams have it too."""
        self._known_role(role)
        self.team_roles[team] = role

    def role_of(self, user: User) -> tuple[str, str]:
        """Return the strongest role of an account, by its own name and as GitHub's role below it."""
        if user is self.owner or user.login.lower() in self.world.owners_of(self.owner):
            return "admin", "admin"
        held = [self.collaborators.get(user.login.lower(), "none" if self.private else "read")]
        held += [role for team, role in self.team_roles.items() if team.membership(user.login.lower())]
        best = max(held, key=lambda role: rank(self.base_role(role)))
        return best, self.base_role(best)

    def base_role(self, role: str) -> str:
        """Return GitHub's own role that a custom one builds on."""
        return self.custom_roles.get(role, role)

    def association(self, user: User) -> str:
        """Return the `author_association`; a private member of the organisation shows as an outsider, as on GitHub."""
        login = user.login.lower()
        if user is self.owner:
            return "OWNER"
        if login in self.world.public_members_of(self.owner):
            return "MEMBER"
        if login in self.collaborators:
            return "COLLABORATOR"
        merged = any(pull.user is user and pull.merged_at for pull in self.pulls)
        return "CONTRIBUTOR" if merged else "NONE"

    def _known_role(self, role: str) -> None:
        if role not in ROLES and role not in self.custom_roles:
            raise ValueError(f"{self.full_name} knows no role {role!r}; define it by custom_role first")

    # Commits and branches

    def push(
        self,
        branch: str,
        *,
        by: User | str,
        message: str = "Update",
        sha: str | None = None,
        files: Mapping[str, str] | None = None,
        force: bool = False,
        at: datetime | None = None,
        committed_at: datetime | None = None,
    ) -> Commit:
        """Put a commit on a branch, made where it is missing, and tell the pull requests whose head it is.

        `sha` of a commit that exists moves the branch there (with `force`: back). `at` is when GitHub saw the push;
        `committed_at` is what the commit itself claims.
        """
        at = at or self.world.clock.tick()
        actor = self.world.actor(by)
        before = self.branches.get(branch, NO_COMMIT)
        tip = self.commits.get(before) or self.commits.get(self.branches.get(self.default_branch, ""))
        sha = sha or invent_sha(self.full_name, branch, message, before, len(self.activity))
        if sha not in self.commits:
            inherited = dict(tip.files) if tip else {}
            parents = (tip.sha,) if tip else ()
            self.commits[sha] = Commit(sha, message, actor, committed_at or at, parents, inherited | dict(files or {}))
        kind = "branch_creation" if before == NO_COMMIT else "force_push" if force else "push"
        self.set_branch(branch, sha, actor, kind, at)
        return self.commits[sha]

    def set_branch(self, branch: str, sha: str, actor: User, kind: str, at: datetime) -> None:
        """Point a branch at a known commit and record it; open pull requests with this head follow."""
        before = self.branches.get(branch, NO_COMMIT)
        self.branches[branch] = sha
        next_id = self.world.next_id("activity")
        self.activity.append(Activity(next_id, f"refs/heads/{branch}", before, sha, at, kind, actor))
        if self.suites_on_push:
            self.check_suite(sha, branch=branch, at=at)
        self.world.deliver("push", self, actor, webhooks.push(self, branch, before, sha, actor))
        for pull in self._heads_at(branch):
            pull.follow(sha, actor, forced=kind == "force_push", at=at)

    def _heads_at(self, branch: str) -> list[PullRequest]:
        network = [self, *([self.parent] if self.parent else [])]
        return [
            pull
            for repository in network
            for pull in repository.pulls
            if pull.head_repository is self and pull.head_ref == branch and pull.state == "open"
        ]

    def find_commit(self, ref: str) -> Commit | None:
        """Look a commit up by branch, `heads/…`, `refs/heads/…`, or SHA (seven digits or more)."""
        name = ref.removeprefix("refs/").removeprefix("heads/")
        if name in self.branches:
            return self.commits.get(self.branches[name])
        if len(ref) >= 7 and all(digit in "0123456789abcdef" for digit in ref):
            return next((commit for sha, commit in self.commits.items() if sha.startswith(ref)), None)
        return None

    def fork(self, *, by: User | str, name: str | None = None) -> Repository:
        """Copy the repository to an account."""
        owner = self.world.actor(by)
        copy = self.world.repository(f"{owner.login}/{name or self.name}", private=self.private, parent=self)
        copy.commits.update(self.commits)
        copy.branches[self.default_branch] = self.branches[self.default_branch]
        self.forks.append(copy)
        return copy

    def delete(self) -> None:
        """Remove the repository: pull requests from it stay, with a head that has no repository."""
        self.deleted = True
        for repository in [self.parent] if self.parent else []:
            for pull in repository.pulls:
                if pull.head_repository is self:
                    pull.head_repository = None

    # Issues and pull requests

    def define_label(self, name: str, color: str = "ededed", description: str | None = None) -> Label:
        """Create a label, or return the one of that name (names ignore case)."""
        key = name.lower()
        if key not in self.labels:
            default = DEFAULT_LABELS.get(name) == color
            self.labels[key] = Label(self.world.next_id("label"), name, color, description, default)
        return self.labels[key]

    def next_number(self) -> int:
        """Return the number that the next issue or pull request gets."""
        return max(self.issues, default=0) + 1

    def open_issue(self, *, by: User | str, title: str = "An issue", body: str | None = None) -> Issue:
        """Open an issue that is no pull request."""
        at = self.world.clock.tick()
        user = self.world.actor(by)
        issue = Issue(self, self.world.next_id("issue"), self.next_number(), title, body, user, at, at)
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
        source = fork or self
        base = base or self.default_branch
        user = self.world.actor(by)
        if head not in source.branches or (sha is not None and source.branches[head] != sha):
            source.push(head, by=user, message=title, sha=sha)
        at = self.world.clock.tick()
        tip = source.commits[source.branches[head]]
        pull = PullRequest(
            self, self.world.next_id("issue"), self.next_number(), title, body, user, at, at,
            head_owner=source.owner, head_repository=source, head_ref=head, head_sha=tip.sha,
            base_ref=base, base_sha=self.branches[base], draft=draft,
        )  # fmt: skip
        self.issues[pull.number] = pull
        pull.take_commit(tip, at)
        pull.record("opened", user, at=at)
        pull.record("committed", tip.author, tip, at=at)
        self.world.deliver("pull_request", self, user, webhooks.pull_request(pull, "opened"))
        return pull

    # Events that concern the whole repository

    def dispatch(self, event_type: str, client_payload: Mapping[str, Any], *, by: User | str) -> Delivery[None]:
        """Send a `repository_dispatch`."""
        payload = webhooks.repository_dispatch(self, event_type, client_payload)
        return self.world.deliver("repository_dispatch", self, self.world.actor(by), payload)

    def workflow_dispatch(
        self, inputs: Mapping[str, str], *, by: User | str, workflow: str = ".github/workflows/mlops.yml"
    ) -> Delivery[None]:
        """Start a workflow by hand on the default branch."""
        payload = webhooks.workflow_dispatch(self, inputs, workflow)
        return self.world.deliver("workflow_dispatch", self, self.world.actor(by), payload)
