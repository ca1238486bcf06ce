"""Read parameters in any accepted form, and check them against the workflow's declarations. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mlops_actions.argo_submit import schema
from mlops_actions.core.errors import BadInput
from mlops_actions.core.json_text import parse_json
from mlops_actions.core.parsers import pairs, yaml_value
from mlops_actions.core.suggest import did_you_mean

_USED = re.compile(r"\bworkflow\.parameters\.([-\w]+)")
_LINE = re.compile(r"[\w./-]+=.*")  # the keys of labels and annotations may have a domain
# The parameters that argo-submit sets by itself, and the names by which a workflow may declare them.
KNOWN: Mapping[str, tuple[str, ...]] = {
    "image": ("image",),
    "sha": ("sha", "github_sha", "GITHUB-SHA"),
    "pr-number": ("pr", "pr_number", "PR-NUMBER"),
    "repository": ("repo", "REPO"),
}


class _NumberAsWritten(float):
    """A number that keeps its notation: `3e-4` stays `3e-4`."""

    text: str

    def __new__(cls, text: str) -> _NumberAsWritten:
        number = super().__new__(cls, text)
        number.text = text
        return number


@dataclass(frozen=True)
class DeclaredParameter:
    """One entry of a workflow's `arguments.parameters`.

    `value` is None where the manifest gives none; then `has_source` tells whether it names another source (`valueFrom`).
    """

    name: str
    value: str | None
    choices: tuple[str, ...] = ()
    has_source: bool = False


def as_text(value: object) -> str:
    """Return a parameter's value as Argo stores it; a number that was written in an input keeps its notation."""
    return value.text if isinstance(value, _NumberAsWritten) else schema.text_of(value)


def parse(text: str) -> dict[str, str]:
    """Read a JSON or YAML mapping or `k=v` lines; raises ValueError. A null value counts as not given.

    A scalar keeps its notation (`1e-3`, `yes`, `007`); lists and mappings become JSON.
    """
    stripped = text.strip()
    if not stripped:
        return {}
    if _LINE.fullmatch(stripped.splitlines()[0]):
        values_by_key = pairs(stripped)
        if bare := [key for key, content in values_by_key.items() if content is None]:
            raise ValueError(f"must give each parameter a value: {bare[0]!r} has no '='")
        return {key: content or "" for key, content in values_by_key.items()}
    try:
        # parse_float gets the number's text; json itself would turn 3e-4 into 0.0003.
        document: Any = parse_json(stripped, parse_float=_NumberAsWritten)
        spelled = document
    except ValueError:
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
    """Return the parameters that a workflow's spec declares; the manifest's checks refuse malformed entries before."""
    entries = (spec.get("arguments") or {}).get("parameters") or []
    return [
        DeclaredParameter(
            entry["name"],
            None if entry.get("value", entry.get("default")) is None else as_text(entry.get("value", entry.get("default"))),
            tuple(as_text(choice) for choice in entry.get("enum") or ()),
            has_source=bool(entry.get("valueFrom")),
        )
        for entry in entries
    ]


def undeclared(declared: Sequence[DeclaredParameter], specs: Iterable[Any], names: Iterable[str]) -> list[DeclaredParameter]:
    """Return a declaration for each of the names that a template uses (`{{workflow.parameters.x}}`) and nothing declares.

    Argo takes a value for them too: a template for events, for example, leaves what the event gives undeclared.
    """
    used = set(_USED.findall(json.dumps([spec for spec in specs if spec], default=str)))
    present = {parameter.name for parameter in declared}
    return [DeclaredParameter(name, None) for name in dict.fromkeys(names) if name in used - present]


def with_declared(spec: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    """Return the spec with a declaration for each of the names that it does not declare yet."""
    arguments = dict(spec.get("arguments") or {})
    declared = {parameter.name for parameter in declared_parameters(spec)}
    more = [{"name": name} for name in names if name not in declared]
    return (
        {**spec, "arguments": {**arguments, "parameters": [*(arguments.get("parameters") or []), *more]}}
        if more
        else {**spec}
    )


def without_value(declared: Sequence[DeclaredParameter], known: Mapping[str, str]) -> dict[str, str]:
    """Return the known values whose parameter has no value in the manifest, not even an empty one; the image in any case."""
    with_value = {parameter.name for parameter in declared if parameter.value is not None}
    return {source: text for source, text in known.items() if source == "image" or with_value.isdisjoint(KNOWN[source])}


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

    `explicit` (the input `parameters`) comes before `file`, and `file` before `known` (image, sha, pr-number and repository,
    which argo-submit knows by itself). `given` holds the known values that an input states: a parameter that contradicts
    one is an error, because the record of commit and image would be false. What no input states is only set where the
    manifest gives no value. `complete` says that no other template supplies missing values.
    """
    names = [parameter.name for parameter in declared]
    values = {**_of_known(declared, known, given), **file, **explicit}
    unknown = [name for name in values if name not in names]
    if unknown and not drop_unknown:
        raise _unknown(unknown, names)
    values = {name: text for name, text in values.items() if name in names}
    for source, text in given.items():
        for name in KNOWN.get(source, ()):
            if name in values and values[name] != text:
                raise BadInput(
                    f"parameter '{name}' contradicts input '{source}': {values[name]!r} is not {text!r}",
                    f"leave '{name}' out of the parameters: this action sets it",
                )
    for parameter in declared:
        _check(parameter, values.get(parameter.name, parameter.value), complete=complete)
    for name, text in values.items():
        if "{{" in text:
            raise BadInput(
                f"parameter '{name}' holds '{{{{', which Argo reads as a template tag: {text!r}",
                "commit the text as a file that the workflow reads, or give it in base64 and decode it in the template; "
                "a value that Argo computes belongs in the manifest",
            )
    return values, unknown


def argument_entries(spec: Mapping[str, Any], values: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return `arguments.parameters` with the values set; Argo requires texts, so that every other value becomes one too."""
    entries = (spec.get("arguments") or {}).get("parameters") or []
    result = []
    for entry in entries:
        argument = dict(entry)
        if entry["name"] in values:
            argument["value"] = values[entry["name"]]
            argument.pop("valueFrom", None)
        elif entry.get("value") is not None:
            argument["value"] = as_text(entry["value"])
        elif entry.get("default") is not None and not entry.get("valueFrom"):
            argument["value"] = as_text(entry["default"])  # Argo knows defaults of templates, and none of workflows
        result.append(argument)
    return result


def _of_known(declared: Sequence[DeclaredParameter], known: Mapping[str, str], given: Mapping[str, str]) -> dict[str, str]:
    """Return the known values by parameter. A value in the manifest gives way only to one that an input states."""
    return {
        parameter.name: text
        for source, text in known.items()
        for parameter in declared
        if text and parameter.name in KNOWN.get(source, ())
        if source in given or not (parameter.value or parameter.has_source)
    }


def _unknown(unknown: Sequence[str], names: Sequence[str]) -> BadInput:
    parts = [f"'{name}'{did_you_mean(name, names)}" for name in unknown]
    known = ", ".join(names) or "none"
    return BadInput(
        f"the workflow declares no parameter {', '.join(parts)}",
        f"it declares: {known}; declare it under spec.arguments.parameters, or set 'unknown-parameters: drop'",
    )


def _check(parameter: DeclaredParameter, value: str | None, *, complete: bool) -> None:
    if value is None:
        if complete and not parameter.has_source:
            raise BadInput(
                f"the workflow's parameter '{parameter.name}' has no value",
                f"give it in 'parameters': {parameter.name}=…, or a default in the manifest",
            )
    elif parameter.choices and value not in parameter.choices:
        raise BadInput(
            f"parameter '{parameter.name}' must be one of {', '.join(parameter.choices)}, not {value!r}",
            "give one of these values",
        )
