"""The confirmation of a command, as a part of its request."""

from __future__ import annotations

from dataclasses import dataclass

from mlops_actions.core.user import User


@dataclass(frozen=True, slots=True)
class Confirmation:
    """The confirmation of a command: who wrote it, its address, the text of the question, and who else confirmed before."""

    user: User
    url: str
    question: str
    earlier: tuple[User, ...] = ()
