"""The state of the stand-in: its accounts, teams, Apps, tokens and repositories, and the calls that set them up."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Literal

from mlops_sandbox.github.accounts import App, Installation, Team, Token, User, normal_permissions
from mlops_sandbox.github.instance import Instance
from mlops_sandbox.github.keys import key_pair
from mlops_sandbox.github.limits import RateLimits
from mlops_sandbox.github.packages import Package, Visibility
from mlops_sandbox.github.repository import DEFAULT_LABELS, Repository

# The permissions of a workflow's token where the workflow sets none (the restricted default of new repositories).
RESTRICTED = {"contents": "read", "packages": "read"}
TOKEN_LIFETIME = timedelta(hours=1)


@dataclass(eq=False, kw_only=True)
class GitHubState(Instance):
    """All state of an instance; `limits` holds its rate limits.

    `locked_check_runs` is the status with which GitHub answers a job's token that concludes a check run it created. GitHub
    locks the runs of its own jobs since 2025-03-31; whether it locks these too is reported both ways. None: it does not.
    https://github.blog/changelog/2025-02-12-notice-of-upcoming-deprecations-and-breaking-changes-for-github-actions/
    """

    teams: dict[tuple[str, str], Team] = field(default_factory=dict)
    apps: dict[str, App] = field(default_factory=dict)
    tokens: dict[str, Token] = field(default_factory=dict)
    repositories: dict[str, Repository] = field(default_factory=dict)
    locked_check_runs: Literal[403, 422] | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        self.apps[self.actions_app.slug] = self.actions_app
        self.packages: list[Package] = []
        self.limits = RateLimits()

    def team(self, name: str, members: Iterable[str] = (), *, parent: Team | None = None) -> Team:
        """Create the team `organization/slug`, a child of `parent` if given; its members stay private."""
        organization, _, slug = name.partition("/")
        team = Team(self.next_id("team"), self.organization(organization), slug, parent=parent)
        team.members = {self.user(login): "member" for login in members}
        if parent is not None:
            parent.children.append(team)
        self.teams[organization.lower(), slug] = team
        return team

    def rename(self, account: User | str, login: str) -> User:
        """Rename an account; its repositories and teams are found below the new login, and tokens and installations follow.

        GitHub redirects requests for a repository's old name; here they find nothing.
        """
        user = self.account(account)
        owned = {repository: repository.full_name for repository in self.repositories.values() if repository.owner is user}
        super().rename(user, login)
        self.repositories = {repository.full_name.lower(): repository for repository in self.repositories.values()}
        self.teams = {(team.organization.login.lower(), team.slug): team for team in self.teams.values()}
        names = {old: repository.full_name for repository, old in owned.items()}
        holders: list[Token | Installation] = [*self.tokens.values()]
        holders += [installation for app in self.apps.values() for installation in app.installations]
        for holder in holders:
            if holder.repositories is not None:
                holder.repositories = frozenset(names.get(name, name) for name in holder.repositories)
        return user

    def package(self, repository: Repository, name: str, visibility: Visibility = "private") -> Package:
        """Publish a container package from a repository."""
        made = Package(self.next_id("package"), repository, name, self.clock.now(), visibility)
        self.packages.append(made)
        return made

    # Repositories

    def repository(
        self,
        full_name: str,
        *,
        private: bool = False,
        default_branch: str = "main",
        owner_is_user: bool = False,
        suites_on_push: bool = False,
        description: str | None = None,
        files: Mapping[str, str] | None = None,
        sha: str | None = None,
        parent: Repository | None = None,
    ) -> Repository:
        """Return `owner/name`, created where there is none with one commit (`sha`, or invented) on its default branch."""
        key = full_name.lower()
        if key in self.repositories and not self.repositories[key].deleted:
            return self.repositories[key]
        login, _, name = full_name.partition("/")
        owner = self.user(login) if owner_is_user or login.lower() in self.users else self.organization(login)
        repository = Repository(
            instance=self,
            id=self.next_id("repository"),
            owner=owner,
            name=name,
            created_at=self.clock.tick(),
            private=private,
            default_branch=default_branch,
            description=description,
            parent=parent,
            suites_on_push=suites_on_push,
        )
        self.repositories[key] = repository
        for label, color in DEFAULT_LABELS.items():
            repository.define_label(label, color)
        if parent is None:
            repository.push(default_branch, by=owner, message="First commit", files=files, sha=sha)
        return repository

    def find_repository(self, full_name: str) -> Repository | None:
        """Return the repository of that name, None where there is none or it was deleted."""
        repository = self.repositories.get(full_name.lower())
        return None if repository is None or repository.deleted else repository

    def fork(self, repository: Repository, *, by: User | str, name: str | None = None) -> Repository:
        """Copy a repository to an account."""
        owner = self.account(by)
        copy = self.repository(f"{owner.login}/{name or repository.name}", private=repository.private, parent=repository)
        copy.commits.update(repository.commits)
        copy.branches[repository.default_branch] = repository.branches[repository.default_branch]
        repository.forks.append(copy)
        return copy

    # Apps and tokens

    def register_app(
        self,
        slug: str,
        *,
        permissions: Mapping[str, str],
        repositories: Sequence[Repository],
        every_repository: bool = False,
    ) -> App:
        """Register a GitHub App, with a key pair of its own, and install it on the repositories' owner."""
        owner = repositories[0].owner
        bot = self.user(f"{slug}[bot]")
        private, public = key_pair()
        app = App(
            id=self.next_id("app"),
            slug=slug,
            name=slug.replace("-", " ").title(),
            owner=owner,
            bot=bot,
            created_at=self.clock.now(),
            permissions=normal_permissions(permissions),
            private_key=private,
            public_key=public,
        )
        names = None if every_repository else frozenset(repository.full_name for repository in repositories)
        app.installations.append(
            Installation(
                id=self.next_id("installation"), app=app, account=owner, created_at=self.clock.now(), repositories=names
            )
        )
        self.apps[slug] = app
        return app

    def workflow_token(
        self, repository: Repository, permissions: Mapping[str, str] | str = RESTRICTED, *, from_fork: bool = False
    ) -> Token:
        """Create a job's `GITHUB_TOKEN` with the workflow's `permissions:`; from a fork every write becomes read."""
        levels = normal_permissions(permissions)
        if from_fork:
            levels = {name: "read" if level == "write" else level for name, level in levels.items()}
        return self._add_token(
            Token(
                value="ghs_" + secrets.token_hex(18),
                actor=self.actions_app.bot,
                permissions=levels,
                repositories=frozenset({repository.full_name}),
                app=self.actions_app,
                starts_workflows=False,
            )
        )

    def user_token(self, login: str, scopes: tuple[str, ...] = ("repo", "read:org", "workflow")) -> Token:
        """Create a personal access token (classic): its permissions are those of the account's role, within its scopes."""
        return self._add_token(Token("ghp_" + secrets.token_hex(18), self.user(login), scopes=scopes))

    def installation_token(
        self, installation: Installation, permissions: Mapping[str, str], repositories: frozenset[str] | None
    ) -> Token:
        """Create an App's token for an installation; it expires after an hour of real time, as GitHub's does."""
        return self._add_token(
            Token(
                value="ghs_" + secrets.token_hex(18),
                actor=installation.app.bot,
                permissions=dict(permissions),
                repositories=repositories if repositories is not None else installation.repositories,
                app=installation.app,
                installation=installation,
                expires_at=datetime.now(UTC).replace(microsecond=0) + TOKEN_LIFETIME,
            )
        )

    def _add_token(self, token: Token) -> Token:
        self.tokens[token.value] = token
        return token
