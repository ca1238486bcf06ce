"""What changed: the keys of the config in which the judged run differs from the bar."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mlops_actions.core import markdown
from mlops_actions.core.runs import MISSING, Run, finite_number
from mlops_actions.wandb_runs.findings import Findings
from mlops_actions.wandb_runs.report.numbers import NO_VALUE, aligned, table_cell
from mlops_actions.wandb_runs.report.table_parts import run_link
from mlops_actions.wandb_runs.values import as_text

MAX_ROWS = 20
_MAX_NAMED = 6  # keys that differ from run to run, which one line names
_MAX_DEPTH = 8  # levels of a nested config; a deeper value is compared as a whole
_MAX_VALUE = 48  # characters of a text in the table
_CONTEXT = 12  # characters that a cut text shows before the first difference
_OWN_KEYS = ("_wandb", "wandb_version")  # what a tracker's library adds to each config

# The last part of a key that says where, when or as whom a run ran, not what it trained. A seed is one as well: runs that
# differ in nothing else are the same experiment. Words that can mean a choice, too (`name`, `id`, `rank`), are not here.
_BY_RUN = frozenset({
    "host", "hostname", "nodename", "node_name", "ip_address", "master_addr", "master_port", "pid", "ppid",
    "user", "username", "uuid", "guid", "run_id", "run_name", "run_uuid", "job_id", "slurm_job_id",
    "trial_id", "task_id", "cwd", "argv",
    "timestamp", "datetime", "started", "started_at", "start_time", "created_at", "end_time",
    "seed", "random_seed", "manual_seed", "global_seed", "torch_seed", "numpy_seed", "np_seed", "random_state",
    "sha", "commit", "commit_sha", "git_sha", "git_commit", "git_hash", "github_sha", "github_run_id",
})  # fmt: skip
# Where a run writes. Where it reads its data from is a difference that counts.
_WRITES_TO = re.compile(
    r"(?:.*[_\-])?(?:out|outputs?|logs?|logging|save|checkpoints?|ckpt|cache|tmp|temp|results?|tensorboard)"
    r"[_\-]?(?:dirs?|path|folder|root|directory)"
)
# A value that a machine made up: a uuid, or a point in time.
_MADE_UP = re.compile(
    r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
    r"|\d{4}-?\d\d-?\d\d[T _-]\d\d[:-]?\d\d(?:[:-]?\d\d)?(?:\.\d+)?(?:Z|[+-]\d\d:?\d\d)?",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class ConfigChange:
    """One key with its two values, as they were logged; `MISSING` where a side lacks the key."""

    key: str
    value: Any
    reference: Any


@dataclass(frozen=True)
class ConfigChanges:
    """The keys that differ, and `by_run`: those of them that differ from run to run anyway, such as a hostname or a seed."""

    changes: tuple[ConfigChange, ...] = ()
    by_run: tuple[ConfigChange, ...] = ()


def config_changes(config: Mapping[str, Any], reference: Mapping[str, Any], first: Sequence[str] = ()) -> ConfigChanges:
    """Compare two configs key by key, nested ones by dots.

    Keys named by `first` come first, in that order, and always count as changes. 0.1 and 0.10 are equal, 1 and True are not.
    """
    ours, theirs = dict(_flat(config)), dict(_flat(reference))
    order = {key: index for index, key in enumerate(first)}
    keys = sorted({*ours, *theirs}, key=lambda key: (order.get(key, len(order)), key))
    differing = [
        ConfigChange(key, ours.get(key, MISSING), theirs.get(key, MISSING))
        for key in keys
        if not _equal(ours.get(key, MISSING), theirs.get(key, MISSING))
    ]
    by_run = tuple(change for change in differing if change.key not in order and _is_by_run(change))
    return ConfigChanges(tuple(change for change in differing if change not in by_run), by_run)


def _flat(tree: Mapping[str, Any], prefix: str = "", levels: int = _MAX_DEPTH) -> Iterator[tuple[str, Any]]:
    for key, value in tree.items():
        if not prefix and key in _OWN_KEYS:
            continue
        if isinstance(value, Mapping) and value and levels:
            yield from _flat(value, f"{prefix}{key}.", levels - 1)
        else:
            yield f"{prefix}{key}", value


def _equal(value: Any, reference: Any) -> bool:
    if value is MISSING or reference is MISSING:
        return value is reference
    if isinstance(value, bool | str) or isinstance(reference, bool | str):
        return type(value) is type(reference) and bool(value == reference)
    # As text, NaN equals NaN.
    return bool(value == reference) or as_text(value) == as_text(reference)


def _is_by_run(change: ConfigChange) -> bool:
    name = change.key.rpartition(".")[2].lower().replace("-", "_")
    if name in _BY_RUN or _WRITES_TO.fullmatch(name):
        return True
    values = [value for value in (change.value, change.reference) if value is not MISSING]
    return all(isinstance(value, str) and _MADE_UP.fullmatch(value.strip()) for value in values)


def what_changed(findings: Findings) -> str:
    """Return what changed in the config of the judged run against the bar's; empty where there are no two runs."""
    judged, bar = findings.judged.group, findings.bar
    if judged is None or bar is None or not judged.run.id:
        return ""
    ours = _config_of(findings, judged.run, judged.members)
    theirs = _config_of(findings, bar.run, bar.members)
    if ours is None or theirs is None:
        return f"**What changed:** unknown, since {findings.tracker.name} did not answer for the whole config of each."
    return changes_table(config_changes(ours, theirs, (*findings.swept, *findings.config_keys)), run_link(bar.run))


def _config_of(findings: Findings, run: Run, members: Sequence[Run]) -> Mapping[str, Any] | None:
    """Return the whole config of a run, or of any run of the group that it represents: a group differs in its seeds."""
    ids = [run.id, *(member.id for member in members)]
    found = (details.config for one in ids if (details := findings.details.get(one)) is not None)
    return next((config for config in found if config is not None), None)


def changes_table(found: ConfigChanges, reference: str) -> str:
    """Return what changed as Markdown. `reference` is Markdown, and names the other side."""
    if not found.changes:
        text = f"**What changed:** no config value differs from {reference}."
        return f"{text}{_by_run_line(found.by_run, ' ')}"
    number = len(found.changes)
    title = f"**What changed** in the config, against {reference}: {number} {'value' if number == 1 else 'values'}"
    rows = [[markdown.code(_shown_key(change.key)), *_cells(change)] for change in found.changes[:MAX_ROWS]]
    table = markdown.table(["Config", "Candidate", "Bar"], rows, "lrr")
    rest = f"{number - MAX_ROWS} more values differ." if number > MAX_ROWS else ""
    lines = " ".join(part for part in (rest, _by_run_line(found.by_run, "")) if part)
    return f"{title}\n\n{table}" + (f"\n\n<sub>{lines}</sub>" if lines else "")


def _by_run_line(changes: Sequence[ConfigChange], before: str) -> str:
    if not changes:
        return ""
    names = ", ".join(markdown.code(_shown_key(change.key)) for change in changes[:_MAX_NAMED])
    more = f" and {len(changes) - _MAX_NAMED} more" if len(changes) > _MAX_NAMED else ""
    return f"{before}Not shown, since each run has its own: {names}{more}."


def _cells(change: ConfigChange) -> list[str]:
    values = [change.value, change.reference]
    if all(finite_number(value) is not None for value in values):
        return aligned(values)
    texts = [as_text(value) for value in values]
    start = 0 if MISSING in values else _first_difference(*texts)
    return [_cell(value, _around(text, start)) for value, text in zip(values, texts, strict=True)]


def _cell(value: Any, text: str) -> str:
    if value is MISSING:
        return NO_VALUE
    if value is None:
        return markdown.code("null")
    return table_cell(value) if isinstance(value, bool | int | float) else markdown.code(text) or markdown.code('""')


def _first_difference(text: str, other: str) -> int:
    return next((index for index, (a, b) in enumerate(zip(text, other, strict=False)) if a != b), min(len(text), len(other)))


def _around(text: str, position: int) -> str:
    """Cut a long text so that the first difference is in what remains."""
    if len(text) <= _MAX_VALUE:
        return text
    start = max(0, min(position - _CONTEXT, len(text) - _MAX_VALUE + 1))
    end = start + _MAX_VALUE - 1
    return f"{'…' if start else ''}{text[start:end]}{'…' if end < len(text) else ''}"


def _shown_key(key: str) -> str:
    """Cut a long key in its middle: its first and its last part tell it from others."""
    return key if len(key) <= _MAX_VALUE else f"{key[: _MAX_VALUE // 2]}…{key[-(_MAX_VALUE // 2 - 1) :]}"
