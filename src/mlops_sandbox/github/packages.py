"""Packages in the container registry, as far as GitHub's API tells of them. The registry's own stand-in holds the images."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from mlops_sandbox.github.accounts import User
from mlops_sandbox.github.repository import Repository

Visibility = Literal["private", "public"]


@dataclass(eq=False)
class Package:
    """A package of the type `container`; `repository` is the one that it is connected to.

    A new package is private, whatever its repository is.
    https://docs.github.com/packages/learn-github-packages/configuring-a-packages-access-control-and-visibility
    """

    id: int
    repository: Repository
    name: str
    created_at: datetime
    visibility: Visibility = "private"

    @property
    def owner(self) -> User:
        """The account that owns it."""
        return self.repository.owner

    def is_visible_to(self, user: User) -> bool:
        """Return whether an account may read it: whoever may read its repository, since it takes over that access."""
        return self.visibility == "public" or self.repository.role_of(user)[1] != "none"
