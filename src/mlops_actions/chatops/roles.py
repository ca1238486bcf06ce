"""The roles of a repository, ranked, and the permissions that a command can require."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

ROLES = ("read", "triage", "write", "maintain", "admin")
# The values of the input `permission` and of `permission` in `commands`: each is the least role for the command.
PERMISSIONS = ROLES
# In `user.permissions` GitHub names read "pull" and write "push".
_GRANTS = (("admin", "admin"), ("maintain", "maintain"), ("push", "write"), ("triage", "triage"), ("pull", "read"))


def rank(role: str) -> int:
    """Order roles from 0 (read); -1 for none and for a name nobody knows."""
    return ROLES.index(role) if role in ROLES else -1


def role_of(answer: Mapping[str, Any]) -> str:
    """Return the role that `GET /repos/{owner}/{repo}/collaborators/{user}/permission` grants; empty for none.

    `role_name` says maintain and triage, but may name a custom role; `user.permissions` then lists what that role grants.
    The plain `permission` folds maintain into write and triage into read, so it is not consulted for them.
    """
    named = answer.get("role_name")
    if isinstance(named, str) and named in ROLES:
        return named
    user = answer.get("user")
    permissions = user.get("permissions") if isinstance(user, Mapping) else None
    if isinstance(permissions, Mapping):
        return next((role for grant, role in _GRANTS if permissions.get(grant) is True), "")
    plain = answer.get("permission")
    return plain if isinstance(plain, str) and plain in ("read", "write", "admin") else ""
