"""Parameters: from any of their spellings to texts, checked against what the workflow declares. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mlops_actions.core.errors import BadInput
from mlops_actions.core.parsers import pairs, yaml_value
from mlops_actions.core.suggest import did_you_mean

_LINE = re.compile(r"[\w.-]+=.*")
# The names by which a workflow may declare what argo-submit itself knows.
KNOWN: Mapping[str, tuple[str, ...]] = {
    "image": ("image",),
    "sha": ("sha", "github_sha", "GITHUB-SHA"),
    "pr-number": ("pr", "pr_number", "PR-NUMBER"),
    "repository": ("repo", "REPO"),
}


class _NumberAsWritten(float):
    """A number that remembers how it was written: `3e-4` stays `3e-4`."""

    text: str

    def __new__(cls, text: str) -> _NumberAsWritten:
        made = super().__new__(cls, text)
        made.text = text
        return made


@dataclass(frozen=True)
class DeclaredParameter:
    """One entry of a workflow's `arguments.parameters`; `value` is None where it must be supplied."""

    name: str
    value: str | None
    choices: tuple[str, ...] = ()


def as_text(value: object) -> str:
    """Write a parameter's value as Argo keeps it: a text as it is, anything else as JSON."""
    if isinstance(value, str):
        return value
    if isinstance(value, _NumberAsWritten):
        return value.text
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False, default=str)


def parse(text: str) -> dict[str, str]:
    """Read a JSON or YAML mapping or `k=v` lines; raises ValueError. What is null is not given.

    A scalar keeps its spelling (`1e-3`, `yes`, `007`); lists and mappings become JSON.
    """
    stripped = text.strip()
    if not stripped:
        return {}
    if _LINE.fullmatch(stripped.splitlines()[0]):
        found = pairs(stripped)
        if bare := [key for key, content in found.items() if content is None]:
            raise ValueError(f"must give each parameter a value: {bare[0]!r} has no '='")
        return {key: content or "" for key, content in found.items()}
    try:
        # parse_float is called with the number's text: json itself would turn 3e-4 into 0.0003.
        document: Any = json.loads(stripped, parse_float=_NumberAsWritten)
        spelled = document
    except (ValueError, RecursionError):
        document = yaml_value(stripped)
        spelled = yaml_value(stripped, scalars_as_text=True)
    if not isinstance(document, dict) or not all(isinstance(key, str) for key in spelled):
        raise ValueError("must be a YAML or JSON mapping, or lines of key=value")
    values = zip(spelled.items(), document.values(), strict=True)
    return {
        str(key): as_text(written if isinstance(written, str) else value)
        for (key, written), value in values
        if value is not None
    }


def declared_parameters(spec: Mapping[str, Any]) -> list[DeclaredParameter]:
    """List what a workflow's spec declares; entries that are not well-formed are left to the manifest's own checks."""
    entries = (spec.get("arguments") or {}).get("parameters") or []
    return [
        DeclaredParameter(
            entry["name"],
            None if entry.get("value", entry.get("default")) is None else as_text(entry.get("value", entry.get("default"))),
            tuple(as_text(choice) for choice in entry.get("enum") or ()),
        )
        for entry in entries
    ]


def with_declared(spec: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    """Return the spec with those of the names declared that it does not declare yet."""
    arguments = dict(spec.get("arguments") or {})
    there = {one.name for one in declared_parameters(spec)}
    more = [{"name": name} for name in names if name not in there]
    return (
        {**spec, "arguments": {**arguments, "parameters": [*(arguments.get("parameters") or []), *more]}}
        if more
        else {**spec}
    )


def without_value(declared: Sequence[DeclaredParameter], known: Mapping[str, str]) -> dict[str, str]:
    """Return those of the known values whose parameter has none in the manifest; an image is always asked for by name."""
    settled = {one.name for one in declared if one.value is not None}
    return {source: text for source, text in known.items() if source == "image" or settled.isdisjoint(KNOWN[source])}


def resolve(
    declared: Sequence[DeclaredParameter],
    explicit: Mapping[str, str],
    file: Mapping[str, str],
    known: Mapping[str, str],
    given: Mapping[str, str],
    *,
    drop_unknown: bool,
    complete: bool,
) -> tuple[dict[str, str], list[str]]:
    """Return the values to set, by name, and the names that were dropped; raises BadInput.

    Precedence: `explicit` (the input `parameters`), `file`, `known` (what argo-submit knows by itself: image, sha,
    pr-number, repository). `given` are those of the known ones that an input states: a parameter that contradicts one is an
    error, since it would make the record of commit and image untrue. `complete`: nobody else will supply what is missing.
    """
    names = [one.name for one in declared]
    values = {**_of_known(names, known), **file, **explicit}
    unknown = [name for name in values if name not in names]
    if unknown and not drop_unknown:
        raise _unknown(unknown, names)
    values = {name: text for name, text in values.items() if name in names}
    for source, text in given.items():
        for name in KNOWN.get(source, ()):
            if name in values and values[name] != text:
                raise BadInput(
                    f"parameter '{name}' contradicts input '{source}': {values[name]!r} is not {text!r}",
                    f"leave '{name}' out of the parameters: it is handed over by itself",
                )
    for one in declared:
        _check(one, values.get(one.name, one.value), complete=complete)
    for name, text in values.items():
        if "{{" in text:
            raise BadInput(
                f"parameter '{name}' holds '{{{{', which Argo would read as a template tag: {text!r}",
                "give a value without '{{'; what a workflow computes belongs into its manifest",
            )
    return values, unknown


def argument_entries(spec: Mapping[str, Any], values: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return `arguments.parameters` with the values set; every other value becomes text too, as Argo wants it."""
    entries = (spec.get("arguments") or {}).get("parameters") or []
    result = []
    for entry in entries:
        made = dict(entry)
        if entry["name"] in values:
            made["value"] = values[entry["name"]]
            made.pop("valueFrom", None)
        elif entry.get("value") is not None:
            made["value"] = as_text(entry["value"])
        result.append(made)
    return result


def _of_known(names: Sequence[str], known: Mapping[str, str]) -> dict[str, str]:
    return {name: text for source, text in known.items() for name in KNOWN.get(source, ()) if name in names and text}


def _unknown(unknown: Sequence[str], names: Sequence[str]) -> BadInput:
    parts = [f"'{name}'{did_you_mean(name, names)}" for name in unknown]
    known = ", ".join(names) or "none"
    return BadInput(
        f"the workflow declares no parameter {', '.join(parts)}",
        f"it declares: {known}; declare it under spec.arguments.parameters, or set 'unknown-parameters: drop'",
    )


def _check(one: DeclaredParameter, value: str | None, *, complete: bool) -> None:
    if value is None:
        if complete:
            raise BadInput(
                f"the workflow's parameter '{one.name}' has no value",
                f"give it in 'parameters': {one.name}=…, or a default in the manifest",
            )
    elif one.choices and value not in one.choices:
        raise BadInput(
            f"parameter '{one.name}' must be one of {', '.join(one.choices)}, not {value!r}", "give one of these values"
        )
