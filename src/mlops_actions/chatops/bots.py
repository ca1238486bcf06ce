"""Which bots may command."""

from __future__ import annotations

from dataclasses import replace

from mlops_actions.chatops.inputs import Inputs
from mlops_actions.core.user import User


def is_allowed_bot(user: User, inputs: Inputs) -> bool:
    """Return whether `allow-bots` names this bot, by its id or by its login with or without `[bot]` at the end."""
    names = tuple(name.lower().removesuffix("[bot]") for name in inputs.allow_bots or ())
    return user.is_bot and replace(user, login=user.login.lower().removesuffix("[bot]")).is_among(names)
