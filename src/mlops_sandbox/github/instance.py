"""What all objects of one GitHub instance share: its clock, numbers, accounts, and the events that happened."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from mlops_sandbox.github.accounts import AccountKind, App, User
from mlops_sandbox.github.clock import Clock
from mlops_sandbox.github.events import Delivery, Event, PayloadWriter, Source, Subject

DEFAULT_ORIGIN = "http://github.localhost"
# GitHub Actions' own App, which writes the checks of workflows and of their tokens.
ACTIONS_APP_ID = 15368
ACTIONS_BOT_ID = 41898282


@dataclass(eq=False, kw_only=True)
class Instance:
    """The accounts and events of an instance; `origin` is the address that links in webhook payloads start with.

    `write_payload` turns an event into its webhook payload at the moment it happens; each of `observers` is called with
    the delivery, in the thread of whoever caused the event.
    """

    write_payload: PayloadWriter
    clock: Clock = field(default_factory=Clock)
    origin: str = DEFAULT_ORIGIN
    users: dict[str, User] = field(default_factory=dict)
    owners: dict[User, set[User]] = field(default_factory=lambda: defaultdict(set))
    public_members: dict[User, set[User]] = field(default_factory=lambda: defaultdict(set))
    deliveries: list[Delivery[Any]] = field(default_factory=list)
    observers: list[Callable[[Delivery[Any]], object]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._ids: dict[str, itertools.count[int]] = {}
        bot = User(ACTIONS_BOT_ID, "github-actions[bot]", "Bot")
        self.users[bot.login] = bot
        self.actions_app = App(
            id=ACTIONS_APP_ID,
            slug="github-actions",
            name="GitHub Actions",
            owner=self.organization("github"),
            bot=bot,
            created_at=self.clock.now(),
        )

    def next_id(self, kind: str) -> int:
        """Return a number that no other object of the kind has; kinds start apart, so that a mix-up shows."""
        if kind not in self._ids:
            self._ids[kind] = itertools.count(1_000_001 + 100_000 * len(self._ids))
        return next(self._ids[kind])

    def user(self, login: str, *, name: str | None = None) -> User:
        """Return the account of that login, created where there is none; a login that ends in `[bot]` is a bot's."""
        key = login.lower()
        if key not in self.users:
            kind: AccountKind = "Bot" if key.endswith("[bot]") else "User"
            self.users[key] = User(id=self.next_id("user"), login=login, kind=kind, name=name)
        return self.users[key]

    def organization(self, login: str, *, owners: Iterable[str] = (), public_members: Iterable[str] = ()) -> User:
        """Return the organisation, created where there is none, with these owners and publicly visible members."""
        key = login.lower()
        if key not in self.users:
            self.users[key] = User(self.next_id("user"), login, "Organization")
        account = self.users[key]
        self.owners[account].update(self.user(owner) for owner in owners)
        self.public_members[account].update(self.user(member) for member in public_members)
        return account

    def account(self, account: User | str) -> User:
        """Return the account for a login or an account."""
        return self.user(account) if isinstance(account, str) else account

    def rename(self, account: User | str, login: str) -> User:
        """Give an account another login, also one that differs in case only; raises ValueError where it is taken.

        The id stays, and roles, teams, comments and commits stay with it. Everybody may take the old login, and gets another
        id. https://docs.github.com/account-and-profile/concepts/username-changes
        """
        user = self.account(account)
        if self.users.get(login.lower(), user) is not user:
            raise ValueError(f"the login {login!r} is taken")
        del self.users[user.login.lower()]
        user.login = login
        self.users[login.lower()] = user
        return user

    def owners_of(self, account: User) -> set[User]:
        """Return an organisation's owners."""
        return self.owners.get(account, set())

    def public_members_of(self, account: User) -> set[User]:
        """Return the members that anybody can see."""
        return self.public_members.get(account, set())

    def emit(self, event: Event[Source, Subject]) -> Delivery[Subject]:
        """Write an event's payload, record the delivery and return it."""
        delivery = Delivery(
            event=event.name,
            payload=self.write_payload(event),
            subject=event.subject,
            starts_workflows=event.starts_workflows,
        )
        self.deliveries.append(delivery)
        for observer in self.observers:
            observer(delivery)
        return delivery
