"""Show checks: a table for a terminal, Markdown for the job's summary, JSON for programs."""

from __future__ import annotations

import json
import shutil
import textwrap
from collections.abc import Iterable, Sequence

from mlops_actions.core import markdown
from mlops_actions.doctor.checks import TITLES, HealthCheck, Status

_MARKS = {Status.OK: "✓", Status.FAILS: "✗", Status.UNKNOWN: "?", Status.SKIPPED: "–"}
_COLOURS = {Status.OK: "\x1b[32m", Status.FAILS: "\x1b[31m", Status.UNKNOWN: "\x1b[33m", Status.SKIPPED: "\x1b[2m"}
_BOLD, _PLAIN = "\x1b[1m", "\x1b[0m"
_MIN_WIDTH = 60


def terminal(checks: Sequence[HealthCheck], *, colours: bool, width: int = 0) -> str:
    """Return the table, one block for each group, with the remedies below the checks that need one."""
    width = max(_MIN_WIDTH, width or shutil.get_terminal_size((120, 24)).columns)
    names = max((len(check.name) for check in checks), default=0)
    lines: list[str] = []
    for group in dict.fromkeys(check.group for check in checks):
        lines += ["", f"{_BOLD}{TITLES[group]}{_PLAIN}" if colours else TITLES[group]]
        for check in (check for check in checks if check.group == group):
            lines += _lines(check, names, width, colours=colours)
    return "\n".join([*lines, "", summary(checks), ""])


def _lines(check: HealthCheck, names: int, width: int, *, colours: bool) -> Iterable[str]:
    head = f"  {_MARKS[check.status]} {check.name:<{names}}  "
    text = printable(check.answer or check.asked)
    if check.status in (Status.UNKNOWN, Status.SKIPPED):
        text = f"{check.status.value}: {text}"
    first, *rest = textwrap.wrap(text, max(20, width - len(head)), break_on_hyphens=False) or [""]
    mark = f"{_COLOURS[check.status]}{_MARKS[check.status]}{_PLAIN}" if colours else _MARKS[check.status]
    yield f"  {mark} {check.name:<{names}}  {first}".rstrip()
    yield from (" " * len(head) + line for line in rest)
    if check.status is Status.FAILS and check.asked:
        yield " " * len(head) + f"asked: {printable(check.asked)}"
    if check.remedy:
        # A command must stay on one line, so that it can be copied.
        yield from (" " * len(head) + f"→ {printable(line)}" for line in check.remedy.splitlines())


def summary(checks: Sequence[HealthCheck]) -> str:
    """Return one line with the number of checks by status."""
    counts = {status: sum(check.status is status for check in checks) for status in Status}
    return f"{len(checks)} checks: " + ", ".join(f"{count} {status.value}" for status, count in counts.items() if count)


def summary_markdown(checks: Sequence[HealthCheck], workflow: str) -> str:
    """Return the table for the job's summary."""
    rows = [
        [
            TITLES[check.group],
            markdown.escape(check.name),
            f"{_MARKS[check.status]} {check.status.value}",
            markdown.escape(check.answer or check.asked),
            "<br>".join(markdown.code(line) for line in check.remedy.splitlines()),
        ]
        for check in checks
    ]
    table = markdown.table(("", "check", "status", "answer", "remedy"), rows)
    return f"## Doctor: {markdown.code(workflow)}\n\n{table}\n\n{markdown.escape(summary(checks))}\n"


def document(checks: Sequence[HealthCheck], workflow: str) -> str:
    """Return the checks as JSON."""
    entries = [
        {
            "group": check.group,
            "name": check.name,
            "status": check.status.value,
            "asked": check.asked,
            "answer": check.answer,
            "remedy": check.remedy,
        }
        for check in checks
    ]
    return json.dumps({"schema": 1, "workflow": workflow, "checks": entries}, ensure_ascii=False, indent=2)


def printable(text: str) -> str:
    """Return text of one line without control characters: servers choose their messages."""
    return "".join(character if character.isprintable() else " " for character in text)
