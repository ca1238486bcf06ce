"""Ignore most comments before the inputs are parsed and the rest of the action is imported.

Most comments on a pull request hold no command, and each of them starts a container. This module decides only the plain
case. Anything unusual about the event or the inputs takes the full path, which knows every reason.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from mlops_actions.core.outcome import Outcome, flag, legacy_flag

if TYPE_CHECKING:
    from mlops_actions.core.ports import Runner

DEFAULT_PREFIX = "/"
MAX_PREFIX = 20
# For each event with a text: the activity that can carry a command, and the payload's key that holds the text.
_EVENTS_WITH_TEXT = {
    "issue_comment": ("created", "comment"),
    "pull_request_review_comment": ("created", "comment"),
    "pull_request_review": ("submitted", "review"),
}


def parse_prefix(value: str) -> str:
    """Parse the input `prefix`; raises ValueError."""
    prefix = value.strip()
    if any(character.isspace() for character in prefix) or prefix[0] in ">`" or len(prefix) > MAX_PREFIX:
        raise ValueError(
            f"must have at most {MAX_PREFIX} characters, no blanks, and must not begin with > or ` (a quote or code); "
            f"it is {value!r}"
        )
    return prefix


def is_no_command(environ: Mapping[str, str]) -> bool:
    """Return True for a comment on a pull request without any command; False means that the full path must decide."""
    activity, key = _EVENTS_WITH_TEXT.get(environ.get("GITHUB_EVENT_NAME", ""), ("", ""))
    phrase = environ.get("INPUT_TRIGGER_PHRASE", "").split()
    is_listening = environ.get("INPUT_MODE", "").strip() in ("", "listen")
    if not activity or not is_listening or bool(phrase) == bool(environ.get("INPUT_COMMANDS", "").strip()):
        return False
    try:
        with open(environ.get("GITHUB_EVENT_PATH", ""), "rb") as file:  # noqa: PTH123 - pathlib takes longer to import
            event = json.load(file)
        if event["action"] != activity or ("issue" in event and event["issue"].get("pull_request") is None):
            return False
        # The body of a review without a text is null.
        text = "" if event[key]["body"] is None else event[key]["body"]
        prefix = parse_prefix(environ.get("INPUT_PREFIX", "").strip() or DEFAULT_PREFIX)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return False
    if not isinstance(text, str):
        return False
    if phrase:
        return phrase[0] not in text
    beginnings = [line.lstrip()[: len(prefix)] for line in text.splitlines()]
    if prefix in beginnings or all(map(str.isascii, (prefix, *beginnings))):
        return prefix not in beginnings
    # Only a line that begins with another character than ASCII's may show the prefix in another form.
    from mlops_actions.chatops.typography import starts_with

    return not any(starts_with(line, prefix) for line in text.splitlines())


def ignored_outcome(runner: Runner, reason: str, details: Sequence[str] = ()) -> Outcome:
    """Log why the event is ignored, and return the outputs that say so."""
    detail = f" ({', '.join(details)})" if any(details) else ""
    log = runner.notice if reason == "unsupported-event" else runner.info
    log(f"ignore: {reason}{detail}")
    common: dict[str, Any] = {"decision": "ignore", "reason": reason}
    return Outcome(
        outputs={"triggered": flag(False), **common, "BOOL_TRIGGERED": legacy_flag(False)},
        result={"triggered": False, **common, "details": list(details)},
    )
