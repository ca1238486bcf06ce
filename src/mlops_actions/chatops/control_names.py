"""The input `controls`: which built-in commands a workflow has, and the role that each needs.

This module stays small: every run reads the input. What the controls do is in the package `controls`, which is imported only
where a comment names one.
"""

from __future__ import annotations

from collections.abc import Mapping

from mlops_actions.chatops.roles import PERMISSIONS
from mlops_actions.core.parsers import items
from mlops_actions.core.suggest import did_you_mean

CONTROLS = ("status", "stop", "retry", "approve", "reject")
# These say what shall become of what runs already, so that the commit that is the head by now does not matter.
AT_ANY_COMMIT = ("status", "stop", "reject")


def parse_controls(value: str) -> Mapping[str, str]:
    """Parse `controls`: names, or `name: role`, one a line or separated by commas; raises ValueError.

    Return the role of each, empty where none is given.
    """
    controls: dict[str, str] = {}
    entries = items(value.strip().removeprefix("{").removesuffix("}"))
    if [entry.lower() for entry in entries] == ["none"]:
        return {}
    for entry in entries:
        name, colon, role = (part.strip(" \t\"'").lower() for part in entry.partition(":"))
        name = name.lstrip("/")
        if name not in CONTROLS:
            raise ValueError(f"names {name!r}, which is none of {', '.join(CONTROLS)}{did_you_mean(name, CONTROLS)}")
        if colon and role not in PERMISSIONS:
            raise ValueError(f"gives {name!r} the role {role!r}; it is one of {', '.join(PERMISSIONS)}")
        if name in controls:
            raise ValueError(f"names {name!r} twice")
        controls[name] = role
    return controls
