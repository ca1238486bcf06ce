"""Roles as GitHub reports them."""

from __future__ import annotations

from typing import Any

import pytest

from mlops_actions.chatops.roles import rank, role_of


@pytest.mark.parametrize(
    ("answer", "role"),
    [
        ({"permission": "write", "role_name": "maintain"}, "maintain"),
        ({"permission": "read", "role_name": "triage"}, "triage"),
        ({"permission": "admin", "role_name": "admin"}, "admin"),
        ({"permission": "write", "role_name": "ml-lead", "user": {"permissions": {"pull": True, "push": True}}}, "write"),
        ({"permission": "none", "role_name": "", "user": {"permissions": {"pull": False}}}, ""),
        ({"permission": "write", "role_name": "ml-lead", "user": None}, "write"),
        ({"permission": "none"}, ""),
        ({}, ""),
        ({"role_name": ["admin"], "permission": {"a": 1}, "user": {"permissions": {"admin": "yes"}}}, ""),
    ],
)
def test_the_role_is_what_github_grants(answer: dict[str, Any], role: str) -> None:
    assert role_of(answer) == role


def test_roles_are_ranked() -> None:
    assert [rank(role) for role in ("", "owner", "read", "triage", "write", "maintain", "admin")] == [-1, -1, 0, 1, 2, 3, 4]
