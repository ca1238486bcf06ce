"""An account on GitHub."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class User:
    """An account; `type` is `User`, `Bot` or `Organization`.

    `id` is GitHub's number for the account, 0 where it is unknown. It stays when the login is changed, and nobody else
    gets it.
    """

    login: str
    type: str
    id: int = 0

    @property
    def is_bot(self) -> bool:
        """Whether GitHub calls it a bot (Apps and the workflow's own token are)."""
        return self.type == "Bot"

    def is_same_as(self, other: User) -> bool:
        """Return whether both are one account; False where an id is unknown."""
        return self.id != 0 and self.id == other.id

    def is_among(self, names: Sequence[str]) -> bool:
        """Return whether the account is in a list of logins and ids. A name of digits alone is an id, never a login."""
        if self.id and str(self.id) in names:
            return True
        return bool(self.login) and self.login.lower() in {name.lower() for name in names if not name.isdigit()}
