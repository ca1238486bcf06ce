"""Accounts: users, bots, organisations, teams, Apps with their installations, and tokens."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from mlops_sandbox.github.permissions import JOB_PERMISSIONS

AccountKind = Literal["User", "Bot", "Organization"]

# Repository roles in ascending order, and the flags that a role sets in `permissions` blocks.
# https://docs.github.com/organizations/managing-user-access-to-your-organizations-repositories/repository-roles
ROLES = ("none", "read", "triage", "write", "maintain", "admin")
ROLE_FLAGS = {"pull": "read", "triage": "triage", "push": "write", "maintain": "maintain", "admin": "admin"}

LEVELS = ("none", "read", "write", "admin")


def rank(role: str) -> int:
    """Return the order of a role; raises ValueError for a name that is not one of GitHub's own roles."""
    return ROLES.index(role)


def role_flags(role: str) -> dict[str, bool]:
    """Return GitHub's `permissions` block of a role, e.g. `{"pull": True, "push": False, ...}`."""
    return {flag: rank(role) >= rank(minimum) for flag, minimum in ROLE_FLAGS.items()}


@dataclass(eq=False)
class User:
    """An account; the login of a bot ends in `[bot]`. The id stays when the login is renamed (`Instance.rename`)."""

    id: int
    login: str
    kind: AccountKind = "User"
    name: str | None = None

    @property
    def is_bot(self) -> bool:
        """Whether this is an App's or GitHub's own bot."""
        return self.kind == "Bot"


@dataclass(eq=False)
class Team:
    """A team of an organisation; members of a child team count as members of its parents."""

    id: int
    organization: User
    slug: str
    members: dict[User, Literal["member", "maintainer"]] = field(default_factory=dict)
    pending: set[User] = field(default_factory=set)
    parent: Team | None = None
    children: list[Team] = field(default_factory=list)

    def membership(self, user: User) -> Literal["member", "maintainer"] | None:
        """Return the role of an active member, also of a child team, or None."""
        if user in self.members:
            return self.members[user]
        inherited = (child.membership(user) for child in self.children)
        return next((role for role in inherited if role is not None), None)


@dataclass(eq=False)
class App:
    """A GitHub App. `private_key` (PEM) signs its JSON web tokens; the server checks them with the public key alone.

    Only its owner sees a private one, and the App itself.
    """

    id: int
    slug: str
    name: str
    owner: User
    bot: User
    created_at: datetime
    permissions: dict[str, str] = field(default_factory=dict)
    private_key: str = field(default="", repr=False)
    public_key: str = field(default="", repr=False)
    private: bool = False
    installations: list[Installation] = field(default_factory=list)


@dataclass(eq=False)
class Installation:
    """An App on an account. `repositories` holds full names; None means all repositories of the account."""

    id: int
    app: App
    account: User
    created_at: datetime
    repositories: frozenset[str] | None = None
    suspended_at: datetime | None = None

    def covers(self, full_name: str) -> bool:
        """Return whether the installation includes this repository."""
        if self.repositories is None:
            return full_name.split("/", 1)[0].lower() == self.account.login.lower()
        return full_name in self.repositories


@dataclass(eq=False)
class Token:
    """The credential of a client.

    A user's token has `permissions` None: the role of its user decides. A workflow's or installation's token has the
    permissions that it was created with, limited to `repositories` (None: all of the installation).
    `scopes` are those of a classic personal access token; None for a token without scopes.
    `starts_workflows` is False for a workflow's own token: its actions trigger no other workflow.
    """

    value: str = field(repr=False)
    actor: User
    permissions: dict[str, str] | None = None
    repositories: frozenset[str] | None = None
    app: App | None = None
    installation: Installation | None = None
    expires_at: datetime | None = None
    scopes: tuple[str, ...] | None = None
    starts_workflows: bool = True

    @property
    def is_of_job(self) -> bool:
        """Whether this is the token of a workflow's job, which GitHub makes itself."""
        return self.app is not None and self.installation is None

    def allows(self, permission: str, level: str) -> bool:
        """Return whether an installation's token has `permission` at `level` or above.

        A job's token is refused what no `permissions:` line can ask for, whatever it was created with.
        """
        if self.permissions is None or (self.is_of_job and permission not in (*JOB_PERMISSIONS, "metadata")):
            return False
        granted = "read" if permission == "metadata" else self.permissions.get(permission, "none")
        return LEVELS.index(granted) >= LEVELS.index(level)


def normal_permissions(permissions: Mapping[str, str] | str) -> dict[str, str]:
    """Read a workflow's `permissions:` value: a mapping (hyphens or underscores), `read-all` or `write-all`.

    Raises ValueError for a permission or level that GitHub does not have.
    """
    if isinstance(permissions, str):
        if permissions not in ("read-all", "write-all"):
            raise ValueError(f"permissions are a mapping, read-all or write-all, not {permissions!r}")
        return dict.fromkeys(JOB_PERMISSIONS, permissions.removesuffix("-all"))
    result: dict[str, str] = {}
    for name, level in permissions.items():
        if level not in LEVELS:
            raise ValueError(f"permission {name} has the level {level!r}; levels are {', '.join(LEVELS)}")
        result[name.replace("-", "_")] = level
    return result
