"""Values in the commands that messages show: somebody else may have chosen a value, and a person pastes the command."""

from __future__ import annotations

import shlex


def word(value: object) -> str:
    """Return a value as one word of a shell. A harmless one stays as it is.

    What cannot be printed becomes a blank, since a terminal obeys it, and a line end would end the command.
    """
    return shlex.quote("".join(character if character.isprintable() else " " for character in str(value)))


def operand(value: object) -> str:
    """Return a value that a command takes as a name: one that begins with a hyphen becomes no option.

    What follows it is then no option either. An option can do harm: `kubectl get secret --kubeconfig=FILE` runs what the
    file of a checkout names.
    """
    return f"-- {word(value)}" if str(value).startswith("-") else word(value)
