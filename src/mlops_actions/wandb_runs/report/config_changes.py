"""What changed: the keys of the config in which the judged run, or group of runs, differs from the bar."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mlops_actions.core import markdown
from mlops_actions.core.runs import MISSING, Run, finite_number
from mlops_actions.wandb_runs.findings import Findings
from mlops_actions.wandb_runs.report.numbers import NO_VALUE, aligned, table_cell
from mlops_actions.wandb_runs.report.table_parts import plural, run_link
from mlops_actions.wandb_runs.values import as_text

MAX_ROWS = 20
_MAX_NAMED = 6  # keys that differ from run to run, which one line names
_MAX_LISTED = 3  # values of one key that vary within a group
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
    """The keys that differ, and those that tell no difference between the sides.

    `by_run` are keys that differ from run to run anyway, such as a hostname or a seed. `within` are the others that the runs
    of one side do not share.
    """

    changes: tuple[ConfigChange, ...] = ()
    by_run: tuple[VaryingKey, ...] = ()
    within: tuple[VaryingKey, ...] = ()


@dataclass(frozen=True)
class VaryingKey:
    """One key with the distinct values that the runs of each side have; `MISSING` stands for runs that lack it."""

    key: str
    values: tuple[Any, ...]
    references: tuple[Any, ...]


def config_changes(
    configs: Sequence[Mapping[str, Any]], references: Sequence[Mapping[str, Any]], first: Sequence[str] = ()
) -> ConfigChanges:
    """Compare the configs of two runs, or of two groups of runs, key by key, nested ones by dots.

    Groups differ in what all runs of each share. Keys named by `first` come first, in that order, and always count as
    changes. 0.1 and 0.10 are equal, 1 and True are not.
    """
    ours, theirs = [dict(_flat(config)) for config in configs], [dict(_flat(config)) for config in references]
    order = {key: index for index, key in enumerate(first)}
    keys = sorted({key for config in (*ours, *theirs) for key in config}, key=lambda key: (order.get(key, len(order)), key))
    found = [VaryingKey(key, _distinct(key, ours), _distinct(key, theirs)) for key in keys]
    changes, by_run, within = [], [], []
    for key in found:
        if len(key.values) == len(key.references) == 1 and _equal(key.values[0], key.references[0]):
            continue
        if key.key not in order and _is_by_run(key):
            by_run.append(key)
        elif len(key.values) == len(key.references) == 1:
            changes.append(ConfigChange(key.key, key.values[0], key.references[0]))
        else:
            within.append(key)
    return ConfigChanges(tuple(changes), tuple(by_run), tuple(within))


def _distinct(key: str, configs: Sequence[Mapping[str, Any]]) -> tuple[Any, ...]:
    """Return the values that the runs of one side have, each once."""
    values: list[Any] = []
    for config in configs:
        value = config.get(key, MISSING)
        if not any(_equal(value, other) for other in values):
            values.append(value)
    return tuple(values)


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


def _is_by_run(found: VaryingKey) -> bool:
    name = found.key.rpartition(".")[2].lower().replace("-", "_")
    if name in _BY_RUN or _WRITES_TO.fullmatch(name):
        return True
    values = [value for value in (*found.values, *found.references) if value is not MISSING]
    return all(isinstance(value, str) and _MADE_UP.fullmatch(value.strip()) for value in values)


def what_changed(findings: Findings) -> str:
    """Return what changed in the config of the judged run against the bar's; empty where there are no two runs."""
    judged, bar = findings.judged.group, findings.bar
    if judged is None or bar is None or not judged.run.id:
        return ""
    ours, theirs = _configs_of(findings, judged.members), _configs_of(findings, bar.members)
    if not ours or not theirs:
        return f"**What changed:** unknown, since {findings.tracker.name} did not answer for the whole config of each."
    unknown = len(judged.members) + len(bar.members) - len(ours) - len(theirs)
    found = config_changes(ours, theirs, (*findings.swept, *findings.config_keys))
    return changes_table(found, run_link(bar.run), unknown)


def _configs_of(findings: Findings, members: Sequence[Run]) -> list[Mapping[str, Any]]:
    """Return the whole configs of a run, or of the runs of a group, as far as they are known."""
    found = (details.config for run in members if (details := findings.details.get(run.id)) is not None)
    return [config for config in found if config is not None]


def changes_table(found: ConfigChanges, reference: str, unknown: int = 0) -> str:
    """Return what changed as Markdown.

    `reference` is Markdown, and names the other side; `unknown` is the number of runs whose config is not known.
    """
    notes = " ".join(filter(None, (_within_line(found.within), _by_run_line(found.by_run), _unknown_line(unknown))))
    if not found.changes:
        that = "that all its runs share " if found.within else ""
        text = f"**What changed:** no config value {that}differs from {reference}."
        return f"{text} {notes}".rstrip()
    number = len(found.changes)
    title = f"**What changed** in the config, against {reference}: {number} {'value' if number == 1 else 'values'}"
    rows = [[markdown.code(_shown_key(change.key)), *_cells(change)] for change in found.changes[:MAX_ROWS]]
    table = markdown.table(["Config", "Candidate", "Bar"], rows, "lrr")
    rest = f"{number - MAX_ROWS} more values differ." if number > MAX_ROWS else ""
    lines = " ".join(part for part in (rest, notes) if part)
    return f"{title}\n\n{table}" + (f"\n\n<sub>{lines}</sub>" if lines else "")


def _by_run_line(keys: Sequence[VaryingKey]) -> str:
    names = [markdown.code(_shown_key(key.key)) for key in keys]
    return f"Not shown, since each run has its own: {_some(names)}." if names else ""


def _within_line(keys: Sequence[VaryingKey]) -> str:
    """Name what the runs of one side do not share, with its values: such a group differs in more than its seeds."""
    names = [f"{markdown.code(_shown_key(key.key))} ({_listed(key.values)}; bar {_listed(key.references)})" for key in keys]
    return f"⚠️ Not the same in all runs of a group: {_some(names)}." if names else ""


def _unknown_line(number: int) -> str:
    return f"The config of {plural(number, 'run')} is unknown." if number else ""


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - _MAX_NAMED} more" if len(names) > _MAX_NAMED else ""
    return ", ".join(names[:_MAX_NAMED]) + more


def _listed(values: Sequence[Any]) -> str:
    shown = [_cell(value, _around(as_text(value), 0)) for value in values[:_MAX_LISTED]]
    return ", ".join(shown) + (", …" if len(values) > _MAX_LISTED else "")


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
