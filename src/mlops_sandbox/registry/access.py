"""Authentication and authorization: none, HTTP basic, or bearer tokens with scopes from a realm on any host."""

from __future__ import annotations

import base64
import binascii
import secrets
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from mlops_sandbox.registry.quirks import Quirks
from mlops_sandbox.registry.specification import RegistryError

Challenge = Literal["none", "basic", "bearer"]
ALL_ACTIONS = frozenset({"pull", "push", "delete"})
SERVICE = "sandbox-registry"


@dataclass(frozen=True)
class Account:
    """A user with `actions` (pull, push, delete) in all repositories, or only in those that `repositories` names."""

    password: str
    actions: frozenset[str] = ALL_ACTIONS
    repositories: frozenset[str] | None = None

    def actions_in(self, repository: str) -> frozenset[str]:
        """Return the actions allowed in a repository."""
        if self.repositories is not None and repository not in self.repositories:
            return frozenset()
        return self.actions


@dataclass
class Access:
    """Checks the Authorization header of each request and issues tokens.

    `realm` is the address that issues tokens; by default the registry's own `/token`. Two registries that share one `Access`
    behave like Docker Hub: one issues tokens, the other accepts them.
    """

    challenge: Challenge = "none"
    accounts: Mapping[str, Account] = field(default_factory=dict)
    anonymous_pull: bool = False
    realm: str = ""
    quirks: Quirks = field(default_factory=Quirks)
    _tokens: dict[str, frozenset[tuple[str, str]]] = field(default_factory=dict)
    _uses: Counter[str] = field(default_factory=Counter)

    def account(self, authorization: str | None) -> Account | None:
        """Return the account of basic credentials, or None for missing or wrong ones."""
        kind, _, value = (authorization or "").partition(" ")
        if kind.lower() != "basic":
            return None
        try:
            user, _, password = base64.b64decode(value, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return None
        return self.authenticate(user, password)

    def authenticate(self, user: str, password: str) -> Account | None:
        """Return the account of a user, or None where the password is wrong."""
        account = self.accounts.get(user)
        if account is None or not secrets.compare_digest(account.password.encode(), password.encode()):
            return None
        return account

    def issue_token(self, account: Account | None, scopes: list[str]) -> str:
        """Issue a token for the requested scopes (`repository:NAME:ACTION,…`), limited to the actions of the account."""
        granted: set[tuple[str, str]] = set()
        for scope in scopes:
            kind, _, rest = scope.partition(":")
            name, _, actions = rest.rpartition(":")
            if kind == "repository":
                allowed = account.actions_in(name) if account else self._anonymous()
                granted |= {(name, action) for action in actions.split(",") if action in allowed}
        token = secrets.token_urlsafe(24)
        self._tokens[token] = frozenset(granted)
        return token

    def revoke_tokens(self) -> None:
        """Let all tokens run out."""
        self._tokens.clear()

    def _anonymous(self) -> frozenset[str]:
        return frozenset({"pull"}) if self.anonymous_pull else frozenset()

    def require(self, authorization: str | None, base: str, repository: str | None, actions: frozenset[str]) -> None:
        """Raise UNAUTHORIZED with a challenge, or DENIED, unless the request has these actions.

        `repository` None is the base endpoint, which only authenticates. `base` is this registry's own address.
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
            raise RegistryError("UNAUTHORIZED", "authentication required", challenges=[f'Basic realm="{SERVICE}"'])
        if repository is not None and not actions <= account.actions_in(repository):
            raise RegistryError("DENIED", "requested access to the resource is denied")

    def _require_token(self, authorization: str | None, base: str, repository: str | None, actions: frozenset[str]) -> None:
        kind, _, token = (authorization or "").partition(" ")
        if kind.lower() == "basic" and self.quirks.offers_basic and self.account(authorization):
            return self._require_basic(authorization, repository, actions)
        granted = self._granted(token) if kind.lower() == "bearer" else None
        needed = {(repository, action) for action in actions} if repository is not None else set()
        if granted is not None and needed <= granted:
            return None
        challenge = f'Bearer realm="{self.realm or f"{base}/token"}",service="{SERVICE}"'
        if repository is not None:
            challenge += f',scope="repository:{repository}:{",".join(sorted(actions, reverse=True))}"'
        if granted is not None:
            challenge += ',error="insufficient_scope"'
        raise RegistryError("UNAUTHORIZED", "authentication required", challenges=self.quirks.challenges(challenge))

    def _granted(self, token: str) -> frozenset[tuple[str, str]] | None:
        """Return what a token grants; None where it is unknown, or ran out."""
        self._uses[token] += 1
        if self.quirks.token_requests and self._uses[token] > self.quirks.token_requests:
            return None
        return self._tokens.get(token)
