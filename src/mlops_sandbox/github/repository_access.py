"""The roles that accounts and teams have in a repository."""

from __future__ import annotations

from dataclasses import dataclass, field

from mlops_sandbox.github.accounts import ROLES, Team, User, rank
from mlops_sandbox.github.instance import Instance


@dataclass(eq=False, repr=False, kw_only=True)
class RepositoryAccess:
    """The part of `Repository` that holds the roles of accounts and teams."""

    instance: Instance
    owner: User
    name: str
    private: bool = False
    collaborators: dict[User, str] = field(default_factory=dict)
    team_roles: dict[Team, str] = field(default_factory=dict)
    custom_roles: dict[str, str] = field(default_factory=dict)

    @property
    def full_name(self) -> str:
        """`owner/name`."""
        return f"{self.owner.login}/{self.name}"

    def collaborator(self, login: str, role: str = "write") -> User:
        """Give an account (created where there is none) a role: one of GitHub's, or a `custom_role`."""
        self._check_role(role)
        user = self.instance.user(login)
        self.collaborators[user] = role
        return user

    def custom_role(self, name: str, base: str) -> str:
        """Define an organisation's own role on top of one of GitHub's, and return its name."""
        rank(base)
        self.custom_roles[name] = base
        return name

    def grant(self, team: Team, role: str) -> None:
        """Give a team a role here; members of its child teams have it too."""
        self._check_role(role)
        self.team_roles[team] = role

    def role_of(self, user: User) -> tuple[str, str]:
        """Return the strongest role of an account, by its own name and as GitHub's role below it."""
        if user is self.owner or user in self.instance.owners_of(self.owner):
            return "admin", "admin"
        roles = [self.collaborators.get(user, "none" if self.private else "read")]
        roles += [role for team, role in self.team_roles.items() if team.membership(user)]
        strongest = max(roles, key=lambda role: rank(self.base_role(role)))
        return strongest, self.base_role(strongest)

    def base_role(self, role: str) -> str:
        """Return GitHub's own role that a custom one builds on."""
        return self.custom_roles.get(role, role)

    def _check_role(self, role: str) -> None:
        if role not in ROLES and role not in self.custom_roles:
            raise ValueError(f"{self.full_name} has no role {role!r}; define it by custom_role first")
