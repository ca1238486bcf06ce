"""Everything there is on the stand-in: accounts, Apps, tokens, repositories, and the events they caused."""

from __future__ import annotations

import itertools
import secrets
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Generic, TypeVar

from mlops_sandbox.github.clock import Clock
from mlops_sandbox.github.people import AccountKind, App, Installation, Team, Token, User, normal_permissions
from mlops_sandbox.github.repository import DEFAULT_LABELS, Repository
from mlops_sandbox.github.shapes import Links, people
from mlops_sandbox.github.shapes.repository import repository as repository_shape

Subject = TypeVar("Subject")

DEFAULT_ORIGIN: Final = "http://github.localhost"
# GitHub Actions' own App, which writes the checks of workflows and of their tokens.
ACTIONS_APP_ID: Final = 15368
ACTIONS_BOT_ID: Final = 41898282
# What a workflow's token may do where the workflow says nothing (the restricted default of new repositories).
RESTRICTED: Final = {"contents": "read", "packages": "read"}
TOKEN_LIFE: Final = timedelta(hours=1)


@dataclass(eq=False)
class Delivery(Generic[Subject]):
    """One webhook event, as Actions writes it to the file `GITHUB_EVENT_PATH`.

    `starts_workflows` is False for what a workflow's own token did: GitHub starts no workflow for such an event.
    """

    event: str
    payload: dict[str, Any]
    subject: Subject
    starts_workflows: bool = True

    @property
    def action(self) -> str | None:
        """The payload's `action`, e.g. `created`."""
        action: str | None = self.payload.get("action")
        return action


@dataclass(eq=False)
class World:
    """The state, and the calls that set it up. `origin` is the address that links in payloads start with."""

    clock: Clock = field(default_factory=Clock)
    origin: str = DEFAULT_ORIGIN
    users: dict[str, User] = field(default_factory=dict)
    teams: dict[tuple[str, str], Team] = field(default_factory=dict)
    apps: dict[str, App] = field(default_factory=dict)
    tokens: dict[str, Token] = field(default_factory=dict)
    repositories: dict[str, Repository] = field(default_factory=dict)
    owners: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    public_members: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    deliveries: list[Delivery[Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._ids: dict[str, itertools.count[int]] = {}
        github = self.organization("github")
        bot = User(ACTIONS_BOT_ID, "github-actions[bot]", "Bot")
        self.users[bot.login] = bot
        self.actions_app = App(ACTIONS_APP_ID, "github-actions", "GitHub Actions", github, bot, self.clock.now())
        self.apps["github-actions"] = self.actions_app

    def next_id(self, kind: str) -> int:
        """Return a number that no other object of the kind has; kinds start apart, so that a mix-up shows."""
        if kind not in self._ids:
            self._ids[kind] = itertools.count(1_000_001 + 100_000 * len(self._ids))
        return next(self._ids[kind])

    @property
    def links(self) -> Links:
        """Addresses under `origin`."""
        return Links(self.origin)

    # Accounts

    def user(self, login: str, *, name: str | None = None) -> User:
        """Return the account of that login, made where there is none; `[bot]` at its end makes it a bot."""
        key = login.lower()
        if key not in self.users:
            kind: AccountKind = "Bot" if key.endswith("[bot]") else "User"
            self.users[key] = User(self.next_id("user"), login, kind, name)
        return self.users[key]

    def organization(self, login: str, *, owners: Iterable[str] = (), public_members: Iterable[str] = ()) -> User:
        """Return the organisation, made where there is none, with these owners and publicly visible members."""
        key = login.lower()
        if key not in self.users:
            self.users[key] = User(self.next_id("user"), login, "Organization")
        self.owners[key].update(self.user(owner).login.lower() for owner in owners)
        self.public_members[key].update(self.user(member).login.lower() for member in public_members)
        return self.users[key]

    def actor(self, who: User | str) -> User:
        """Return the account for a login or an account."""
        return self.user(who) if isinstance(who, str) else who

    def owners_of(self, account: User) -> set[str]:
        """Return the lower-cased logins of an organisation's owners."""
        return self.owners.get(account.login.lower(), set())

    def public_members_of(self, account: User) -> set[str]:
        """Return the lower-cased logins of the members that anybody can see."""
        return self.public_members.get(account.login.lower(), set())

    def team(self, name: str, members: Iterable[str] = (), *, parent: Team | None = None) -> Team:
        """Make the team `organization/slug`, a child of `parent` if given; its members stay private."""
        organization, _, slug = name.partition("/")
        team = Team(self.next_id("team"), self.organization(organization), slug, parent=parent)
        team.members = {self.user(login).login.lower(): "member" for login in members}
        if parent is not None:
            parent.children.append(team)
        self.teams[organization.lower(), slug] = team
        return team

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
        """Return `owner/name`, made where there is none with one commit (`sha`, or invented) on its default branch."""
        key = full_name.lower()
        if key in self.repositories and not self.repositories[key].deleted:
            return self.repositories[key]
        login, _, name = full_name.partition("/")
        owner = self.user(login) if owner_is_user or login.lower() in self.users else self.organization(login)
        repository = Repository(
            self, self.next_id("repository"), owner, name, self.clock.tick(), private, default_branch, description,
            parent, suites_on_push,
        )  # fmt: skip
        self.repositories[key] = repository
        for label, color in DEFAULT_LABELS.items():
            repository.define_label(label, color)
        if parent is None:
            repository.push(default_branch, by=owner, message="First commit", files=files, sha=sha)
        return repository

    def find_repository(self, full_name: str) -> Repository | None:
        """Look a repository up that exists and was not deleted."""
        repository = self.repositories.get(full_name.lower())
        return None if repository is None or repository.deleted else repository

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
        from mlops_sandbox.github.keys import key_pair

        owner = repositories[0].owner
        bot = self.user(f"{slug}[bot]")
        private, public = key_pair()
        app = App(
            self.next_id("app"), slug, slug.replace("-", " ").title(), owner, bot, self.clock.now(),
            normal_permissions(permissions), private, public,
        )  # fmt: skip
        reach = None if every_repository else frozenset(repository.full_name for repository in repositories)
        app.installations.append(Installation(self.next_id("installation"), app, owner, self.clock.now(), reach))
        self.apps[slug] = app
        return app

    def workflow_token(
        self, repository: Repository, permissions: Mapping[str, str] | str = RESTRICTED, *, from_fork: bool = False
    ) -> Token:
        """Make a job's `GITHUB_TOKEN` with the workflow's `permissions:`; from a fork every write becomes read."""
        held = normal_permissions(permissions)
        if from_fork:
            held = {name: "read" if level == "write" else level for name, level in held.items()}
        return self._keep(
            Token(
                "ghs_" + secrets.token_hex(18),
                self.actions_app.bot,
                held,
                frozenset({repository.full_name}),
                self.actions_app,
                starts_workflows=False,
            )
        )

    def user_token(self, login: str) -> Token:
        """Make a personal access token: it may do what the account's role allows."""
        return self._keep(Token("ghp_" + secrets.token_hex(18), self.user(login)))

    def installation_token(
        self, installation: Installation, permissions: Mapping[str, str], repositories: frozenset[str] | None
    ) -> Token:
        """Make an App's token for an installation; it runs out after an hour of real time, as GitHub's."""
        return self._keep(
            Token(
                "ghs_" + secrets.token_hex(18),
                installation.app.bot,
                dict(permissions),
                repositories if repositories is not None else installation.repositories,
                installation.app,
                installation,
                datetime.now(UTC).replace(microsecond=0) + TOKEN_LIFE,
            )
        )

    def _keep(self, token: Token) -> Token:
        self.tokens[token.value] = token
        return token

    # Events

    def deliver(
        self,
        event: str,
        repository: Repository,
        sender: User,
        payload: Mapping[str, Any],
        subject: Any = None,
        *,
        token: Token | None = None,
    ) -> Delivery[Any]:
        """Complete a payload with what every event carries, record it and return it."""
        common: dict[str, Any] = {
            "repository": repository_shape(repository, self.links),
            "sender": people.user(sender, self.links),
        }
        if repository.owner.kind == "Organization":
            common["organization"] = people.organization(repository.owner, self.links)
        if event == "repository_dispatch":
            # The only event here whose payload always names an installation.
            common["installation"] = {"id": 1, "node_id": people.node_id("Installation", 1)}
        starts = token is None or token.starts_workflows or event in ("repository_dispatch", "workflow_dispatch")
        delivery = Delivery(event, {**payload, **common}, subject, starts)
        self.deliveries.append(delivery)
        return delivery
