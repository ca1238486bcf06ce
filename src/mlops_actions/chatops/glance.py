"""What can be told at a glance: that a comment is no command, before inputs are read and anything else is imported.

Most comments on a pull request are none, and each of them starts a container. Only the plain case is told here; whatever is
unusual about the event or the inputs is left to the long way, which knows every reason.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from mlops_actions.core.outcome import Outcome, flag, legacy_flag

if TYPE_CHECKING:
    from mlops_actions.core.ports import Runner

DEFAULT_PREFIX = "/"
# Of each event with a text, the activity that can command, and where the text is.
_TEXTS = {
    "issue_comment": ("created", "comment"),
    "pull_request_review_comment": ("created", "comment"),
    "pull_request_review": ("submitted", "review"),
}


def prefix_of(value: str) -> str:
    """Read the input `prefix`; raises ValueError."""
    prefix = value.strip()
    if any(character.isspace() for character in prefix) or prefix[0] in ">`" or len(prefix) > 20:
        raise ValueError(f"must be up to 20 characters without blanks that begin no quote or code, not {value!r}")
    return prefix


def is_no_command(environ: Mapping[str, str]) -> bool:
    """Whether the event is a comment on a pull request that holds no command; False promises nothing."""
    activity, key = _TEXTS.get(environ.get("GITHUB_EVENT_NAME", ""), ("", ""))
    phrase = environ.get("INPUT_TRIGGER_PHRASE", "").split()
    listens = environ.get("INPUT_MODE", "").strip() in ("", "listen")
    if not activity or not listens or bool(phrase) == bool(environ.get("INPUT_COMMANDS", "").strip()):
        return False
    try:
        with open(environ.get("GITHUB_EVENT_PATH", ""), "rb") as file:  # noqa: PTH123 - a Path costs more than all of this
            event = json.load(file)
        if event["action"] != activity or ("issue" in event and event["issue"].get("pull_request") is None):
            return False
        # A review without text has null for one.
        text = "" if event[key]["body"] is None else event[key]["body"]
        prefix = prefix_of(environ.get("INPUT_PREFIX", "").strip() or DEFAULT_PREFIX)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return False
    if not isinstance(text, str):
        return False
    return phrase[0] not in text if phrase else not any(line.lstrip().startswith(prefix) for line in text.splitlines())


def ignored(runner: Runner, reason: str, details: Sequence[str] = ()) -> Outcome:
    """Say that an event is nothing to act on, and why."""
    detail = f" ({', '.join(details)})" if any(details) else ""
    say = runner.notice if reason == "unsupported-event" else runner.info
    say(f"ignore: {reason}{detail}")
    said: dict[str, Any] = {"decision": "ignore", "reason": reason}
    return Outcome(
        outputs={"triggered": flag(False), **said, "BOOL_TRIGGERED": legacy_flag(False)},
        result={"triggered": False, **said, "details": list(details)},
    )
