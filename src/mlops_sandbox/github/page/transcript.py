"""Render a pull request as Markdown with the timeline of the page, for terminals and diffs."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime

from mlops_sandbox.github.page.view import (
    Check,
    Entry,
    checks,
    deployment_label,
    deployments,
    head_label,
    name_of,
    overall_state,
    state_of,
    timeline,
)
from mlops_sandbox.github.repository import PullRequest

STATE_SYMBOLS = {"success": "✅", "failure": "❌", "pending": "🟡", "neutral": "⚪"}


def render_transcript(pull: PullRequest) -> str:
    """Return the pull request as GitHub-flavoured Markdown. Comments are in quotes, which no text in them can end."""
    check_list = checks(pull)
    labels = " ".join(_code(label.name) for label in pull.labels)
    merging = f"{name_of(pull.merged_by)} merged" if pull.merged_by else f"{name_of(pull.user)} wants to merge"
    lines = [
        f"# {_plain(pull.title)} (#{pull.number})",
        "",
        f"**{state_of(pull)}** · {merging} {_code(head_label(pull))} into {_code(pull.base_ref)}"
        f" · head {_code(pull.head_sha[:12])}" + (f" · labels {labels}" if labels else ""),
        "",
    ]
    for entry in timeline(pull):
        lines += [*_entry(entry), ""]
    state, sentence = overall_state(check_list)
    lines += [f"## {STATE_SYMBOLS[state]} {sentence}", "", *_table(check_list)]
    for deployment in deployments(pull):
        lines += ["", f"🚀 {_code(deployment.environment)}: {deployment_label(deployment)} ({_code(deployment.sha[:7])})"]
    return "\n".join(lines) + "\n"


def _entry(entry: Entry) -> list[str]:
    head = f"**{name_of(entry.actor)}** {{}} · {_time(entry.at)}"
    if entry.hidden:
        return ["- " + head.format(f"commented, marked as {entry.hidden}")]
    if entry.kind == "comment":
        edited = " (edited)" if entry.edited else ""
        reactions = "  ".join(f"{reaction.emoji} {reaction.count}" for reaction in entry.reactions)
        lines = ["### " + head.format(entry.text + edited), "", *_quote(entry.body or "*No description*")]
        return [*lines, "", reactions] if reactions else lines
    if entry.kind == "labels":
        changes = [f"{verb} {' '.join(_code(label.name) for label in labels)}"
                   for verb, labels in (("added", entry.added), ("removed", entry.removed)) if labels]  # fmt: skip
        return ["- " + head.format(" and ".join(changes))]
    if entry.kind == "commits":
        listed = [f"  - {_code(commit.sha[:7])} {_plain(commit.subject)}" for commit in entry.commits]
        return ["- " + head.format(entry.text), *listed]
    if entry.deployment is not None:
        state = deployment_label(entry.deployment)
        return ["- " + head.format(f"deployed to {_code(entry.deployment.environment)} ({state})")]
    return ["- " + head.format(entry.text)]


def _table(check_list: Iterable[Check]) -> list[str]:
    rows = [
        f"| {STATE_SYMBOLS[check.result]} | {_plain(check.name)} | {_plain(check.state)} | {_plain(check.title)} "
        f"| {check.duration} |"
        for check in check_list
    ]
    return ["| | check | state | summary | time |", "| --- | --- | --- | --- | ---: |", *rows] if rows else []


def _quote(body: str) -> list[str]:
    return [f"> {line}".rstrip() for line in body.splitlines()]


def _plain(text: str) -> str:
    return re.sub(r"([\\`*_{}\[\]<>|~#])", r"\\\1", " ".join(text.split()))


def _code(text: str) -> str:
    return f"`{text.replace('`', chr(39))}`"


def _time(time: datetime) -> str:
    return time.strftime("%d %b %Y %H:%M:%S UTC")
