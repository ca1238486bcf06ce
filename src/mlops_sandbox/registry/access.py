"""Who may do what: no challenge, HTTP basic, or bearer tokens with scopes from a realm, on the same host or another."""

from __future__ import annotations

import base64
import binascii
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from mlops_sandbox.registry.wire import RegistryError

Challenge = Literal["none", "basic", "bearer"]
ALL_ACTIONS = frozenset({"pull", "push", "delete"})
SERVICE = "sandbox-registry"


@dataclass(frozen=True)
class Account:
    """A user: `actions` (of pull, push, delete) in all repositories, or only in those `repositories` names."""

    password: str
    actions: frozenset[str] = ALL_ACTIONS
    repositories: frozenset[str] | None = None

    def may(self, repository: str) -> frozenset[str]:
        """Return the actions allowed in a repository."""
        if self.repositories is not None and repository not in self.repositories:
            return frozenset()
        return self.actions


@dataclass
class Access:
    """Checks the Authorization header of each request and hands out tokens.

    `realm` is where tokens are had; by default the registry's own `/token`. Two registries that share one of these are what
    Docker Hub is: one hands out tokens, the other takes them.
    """

    challenge: Challenge = "none"
    accounts: Mapping[str, Account] = field(default_factory=dict)
    anonymous_pull: bool = False
    realm: str = ""
    _tokens: dict[str, frozenset[tuple[str, str]]] = field(default_factory=dict)

    def account(self, authorization: str | None) -> Account | None:
        """Return the account that basic credentials belong to, or None (none given, or wrong ones)."""
        kind, _, value = (authorization or "").partition(" ")
        if kind.lower() != "basic":
            return None
        try:
            user, _, password = base64.b64decode(value, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return None
        return self.known(user, password)

    def known(self, user: str, password: str) -> Account | None:
        """Return the account of a user whose password this is, or None."""
        found = self.accounts.get(user)
        return found if found and secrets.compare_digest(found.password.encode(), password.encode()) else None

    def token(self, account: Account | None, scopes: list[str]) -> str:
        """Return a new token that grants what is asked as far as the account may (`repository:NAME:ACTION,…`)."""
        granted: set[tuple[str, str]] = set()
        for scope in scopes:
            kind, _, rest = scope.partition(":")
            name, _, actions = rest.rpartition(":")
            if kind == "repository":
                allowed = account.may(name) if account else self._anonymous()
                granted |= {(name, action) for action in actions.split(",") if action in allowed}
        token = secrets.token_urlsafe(24)
        self._tokens[token] = frozenset(granted)
        return token

    def _anonymous(self) -> frozenset[str]:
        return frozenset({"pull"}) if self.anonymous_pull else frozenset()

    def require(self, authorization: str | None, base: str, repository: str | None, actions: frozenset[str]) -> None:
        """Raise UNAUTHORIZED with a challenge, or DENIED, unless the request may do this.

        `repository` None is the base endpoint, which only asks who it is. `base` is this registry's own address.
        """
        if self.challenge == "none":
            return
        if self.challenge == "basic":
            self._require_basic(authorization, repository, actions)
        else:
            self._require_token(authorization, base, repository, actions)

    def _require_basic(self, authorization: str | None, repository: str | None, actions: frozenset[str]) -> None:
        account = self.account(authorization)
        if account is None:
            if repository is not None and actions <= self._anonymous():
                return
            header = {"WWW-Authenticate": f'Basic realm="{SERVICE}"'}
            raise RegistryError("UNAUTHORIZED", "authentication required", headers=header)
        if repository is not None and not actions <= account.may(repository):
            raise RegistryError("DENIED", "requested access to the resource is denied")

    def _require_token(self, authorization: str | None, base: str, repository: str | None, actions: frozenset[str]) -> None:
        kind, _, token = (authorization or "").partition(" ")
        granted = self._tokens.get(token) if kind.lower() == "bearer" else None
        needed = {(repository, action) for action in actions} if repository is not None else set()
        if granted is not None and needed <= granted:
            return
        challenge = f'Bearer realm="{self.realm or f"{base}/token"}",service="{SERVICE}"'
        if repository is not None:
            challenge += f',scope="repository:{repository}:{",".join(sorted(actions, reverse=True))}"'
        if granted is not None:
            challenge += ',error="insufficient_scope"'
        raise RegistryError("UNAUTHORIZED", "authentication required", headers={"WWW-Authenticate": challenge})
