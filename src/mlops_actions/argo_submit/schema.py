"""Check a workflow's fields and types by the schema of each supported line of Argo. Pure; it imports jsonschema late.

A controller that cannot decode one workflow stops, and stops again at each restart, for everybody on the cluster. The
API server does not refuse such a workflow where Argo's minimal resource definitions are installed. So it is refused here.

`tools/argo_schemas.py` makes the files in `schemas/` from Argo's published schema and its Go types.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from importlib import resources
from typing import Any

from mlops_actions.core.suggest import did_you_mean
from mlops_actions.core.types import Json

# The supported lines of Argo Workflows, the newest first.
LINES = ("4.0", "3.7", "3.6")
WORKFLOW_SPEC = "io.argoproj.workflow.v1alpha1.WorkflowSpec"
_CRON_SPEC = "io.argoproj.workflow.v1alpha1.CronWorkflowSpec"
_METADATA = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"
Path = tuple[str | int, ...]

_REFERENCE = "#/definitions/"
_KINDS = {
    "object": "a mapping", "array": "a list", "string": "a text", "integer": "a whole number", "number": "a number",
    "boolean": "true or false", "quantity": "a quantity such as 2, 500m or 1.5Gi",
    "integer or text": "a whole number or a text", "plugin": "a mapping with one key, the name of the plugin",
    "time": "a time such as 2026-01-31T12:00:00Z", "bytes": "base64, padded by '='",
}  # fmt: skip


# What Go's `time.Parse` and its base64 decoder take.
_TIME = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})T([0-9]{1,2}):([0-9]{2}):([0-9]{2})(?:[.,][0-9]+)?(?:Z|[+-]([0-9]{2}):([0-9]{2}))"
)
_BASE64 = re.compile(r"(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?")


@dataclass(frozen=True)
class Problem:
    """A field that Argo cannot read (`is_unknown`: that it does not know), the place below the spec, and how to mend it."""

    path: Path
    cause: str
    remedy: str
    is_unknown: bool = False

    @property
    def is_overlooked(self) -> bool:
        """Whether Argo ignores it: its reader of steps is strict about a step's own fields, and about nothing below them."""
        if not self.is_unknown:
            return False
        steps = (at for at, part in enumerate(self.path[:-4]) if part == "steps")
        return any(all(isinstance(part, int) for part in self.path[at + 1 : at + 3]) for at in steps)


def with_texts(value: Any, definition: str = WORKFLOW_SPEC) -> Any:
    """Return the value with a text wherever Argo makes one of a number, boolean, list or mapping (Go's AnyString)."""
    return _with_texts(value, {"$ref": _REFERENCE + definition}, _definitions(LINES[0]))


def without_unknown(spec: Mapping[str, Any], line: str) -> Json:
    """Return a spec without the fields that a line of Argo does not know, which it leaves out when it reads an object."""
    known: Json = _without_unknown(spec, {"$ref": _REFERENCE + WORKFLOW_SPEC}, _definitions(line))
    return known


def text_of(value: object) -> str:
    """Return the text that Argo makes of a value: a number without exponent, `true`, a list or mapping as JSON."""
    if isinstance(value, str):
        return value
    if isinstance(value, float):
        return format(Decimal(repr(value)), "f")
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False, default=str)


def problems(spec: Mapping[str, Any], line: str) -> list[Problem]:
    """Return what this line of Argo cannot read in a workflow's spec, in the order of the document."""
    validator = _validator(line)
    found = [problem for error in validator.iter_errors(spec) for problem in _problems(error)]
    return sorted(found, key=lambda problem: [(str(type(part)), str(part).zfill(6)) for part in problem.path])


def problems_around_spec(document: Mapping[str, Any]) -> list[Problem]:
    """Return what no line of Argo can read around a document's workflow spec, by the paths in the document."""
    is_cron = document.get("kind") == "CronWorkflow"
    rest = {key: value for key, value in document.items() if key != "spec"}
    metadata = document.get("metadata") or {}
    # The cluster writes `managedFields`, and an export of an object holds them.
    rest["metadata"] = {key: value for key, value in metadata.items() if key != "managedFields"}
    if is_cron:
        rest["spec"] = {key: value for key, value in document["spec"].items() if key != "workflowSpec"}
    found = [
        [problem for error in _validator(line, is_cron).iter_errors(rest) for problem in _problems(error)] for line in LINES
    ]
    return min(found, key=len)


def suggest_field(path: str) -> str:
    """Return a note on a field that a cluster does not know, such as `spec.templates[0].contaner`; may be empty."""
    *above, name = [part for part in re.split(r"[.\[\]]+", path) if part] or [""]
    definitions = _definitions(LINES[0])
    node: Mapping[str, Any] = {
        "properties": {"spec": {"$ref": _REFERENCE + WORKFLOW_SPEC}, "metadata": {"$ref": _REFERENCE + _METADATA}}
    }
    for part in [*above, ""]:
        while "$ref" in node:
            node = definitions[node["$ref"].removeprefix(_REFERENCE)]
        if part:
            inner = node.get("items") if part.isdigit() else node.get("properties", {}).get(part)
            node = inner or node.get("additionalProperties") or {}
    known = node.get("properties", {})
    return f" (Argo {LINES[0]} has it; the cluster's Argo may be older)" if name in known else did_you_mean(name, known)


def refusals(spec: Mapping[str, Any]) -> tuple[list[Problem], str]:
    """Return the problems of the line of Argo that has the fewest, and the line; none where any line can read the spec."""
    found: dict[str, list[Problem]] = {}
    for line in LINES:
        found[line] = problems(spec, line)
        if not found[line]:
            break
    # A field that this line does not know weighs less than one that it cannot read.
    best = min(found, key=lambda line: (sum(not problem.is_unknown for problem in found[line]), len(found[line])))
    return found[best], best


def text(spec: Mapping[str, Any], problem: Problem) -> str:
    """Return a problem of a spec for people, with its place."""
    return f"{place(spec, problem.path[:-1] if problem.is_unknown else problem.path)} {problem.cause}"


def place(spec: Mapping[str, Any], path: Path) -> str:
    """Return a place in the spec for people: `template 'train': container.env[0].value`."""
    owner = ""
    if (
        len(path) > 1
        and path[0] == "templates"
        and isinstance(path[1], int)
        and isinstance(spec["templates"][path[1]], dict)
    ):
        name = spec["templates"][path[1]].get("name")
        owner, path = f"template {name!r}" if isinstance(name, str) else f"template {path[1] + 1}", path[2:]
    rest = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).removeprefix(".")
    return ": ".join(filter(None, (owner, rest))) or "spec"


def _with_texts(value: Any, schema: Mapping[str, Any], definitions: Mapping[str, Any]) -> Any:
    if "$ref" in schema:
        return _with_texts(value, definitions[schema["$ref"].removeprefix(_REFERENCE)], definitions)
    if schema.get("x-text"):
        return None if value is None else text_of(value)
    if isinstance(value, dict):
        fields, others = schema.get("properties", {}), schema.get("additionalProperties") or {}
        return {key: _with_texts(item, fields.get(key, others), definitions) for key, item in value.items()}
    if isinstance(value, list):
        items = schema.get("items", {})
        return [_with_texts(_empty(items, definitions) if item is None else item, items, definitions) for item in value]
    return value


def _without_unknown(value: Any, schema: Mapping[str, Any], definitions: Mapping[str, Any]) -> Any:
    if "$ref" in schema:
        return _without_unknown(value, definitions[schema["$ref"].removeprefix(_REFERENCE)], definitions)
    if isinstance(value, dict) and "properties" in schema:
        fields = schema["properties"]
        return {key: _without_unknown(item, fields[key], definitions) for key, item in value.items() if key in fields}
    if isinstance(value, dict):
        others = schema.get("additionalProperties") or {}
        return {key: _without_unknown(item, others, definitions) for key, item in value.items()}
    if isinstance(value, list):
        return [_without_unknown(item, schema.get("items", {}), definitions) for item in value]
    return value


def _empty(schema: Mapping[str, Any], definitions: Mapping[str, Any]) -> Any:
    """Return what Go makes of null as an entry of a list: a mapping without fields, or an empty text."""
    if "$ref" in schema:
        return _empty(definitions[schema["$ref"].removeprefix(_REFERENCE)], definitions)
    return {"object": {}, "string": "", "array": []}.get(schema.get("type", ""))


def _problems(error: Any) -> Iterator[Problem]:
    """Yield the problems of one error of the library: it counts all unknown fields of a mapping as one."""
    path: Path = tuple(error.absolute_path)
    if error.validator == "additionalProperties":
        known = error.schema["properties"]
        for key in error.instance:
            if key not in known:
                cause = f"has no field '{key}'{did_you_mean(key, known)}"
                yield Problem((*path, key), cause, "correct or remove the field", is_unknown=True)
        return
    kind = error.schema.get("x-kind") or error.schema.get("type")
    if error.validator in ("minimum", "maximum"):
        low, high = error.schema["minimum"], error.schema["maximum"]
        yield Problem(path, f"must be a whole number from {low} to {high}, not {error.instance}", "correct the number")
        return
    cause = f"must be {_KINDS[kind]}, not {_shown(error.instance)}"
    yield Problem(path, cause, _remedy(path, kind, error.instance))


def _remedy(path: Path, kind: str, value: Any) -> str:
    if len(path) > 1 and path[-2] == "steps" and kind == "array":
        return "write a list of lists: each step in '- - name: …', and steps side by side as '  - name: …'"
    if kind == "string" and isinstance(value, bool | int | float):
        return f'quote it: "{text_of(value)}"'
    if kind == "integer" and isinstance(value, str):
        return "write a whole number without unit and quotes"
    return f"write {_KINDS[kind]}"


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    text = json.dumps(value, ensure_ascii=False)
    name = "the text" if isinstance(value, str) else "the number" if not isinstance(value, bool) else ""
    return f"{name} {text if len(text) <= 60 else text[:60] + '…'}".strip()


@cache
def _definitions(line: str) -> Mapping[str, Any]:
    text = resources.files(__package__).joinpath("schemas", f"{line}.json").read_text(encoding="utf-8")
    definitions: Mapping[str, Any] = json.loads(text)["definitions"]
    return definitions


@cache
def _validator(line: str, is_cron: bool | None = None) -> Any:
    """Return the validator of a workflow's spec, or (with `is_cron`) of what stands around it in a document."""
    from jsonschema import Draft7Validator, FormatChecker, validators

    def unless_null(keyword: str) -> Any:
        """Accept null for every type: Go leaves such a field as it is."""

        def check(validator: Any, value: Any, instance: Any, schema: Any) -> Iterator[Any]:
            if instance is not None:
                yield from Draft7Validator.VALIDATORS[keyword](validator, value, instance, schema)

        return check

    formats = FormatChecker(formats=())
    formats.checks("time")(lambda value: not isinstance(value, str) or _is_time(value))
    formats.checks("bytes")(lambda value: not isinstance(value, str) or _is_base64(value))
    kind = validators.extend(Draft7Validator, {keyword: unless_null(keyword) for keyword in ("type", "anyOf")})
    root: dict[str, Any] = {"$ref": _REFERENCE + WORKFLOW_SPEC}
    if is_cron is not None:
        fields = {"apiVersion": {}, "kind": {}, "status": {}, "metadata": {"$ref": _REFERENCE + _METADATA}}
        fields["spec"] = {"$ref": _REFERENCE + _CRON_SPEC} if is_cron else {}
        root = {"type": "object", "properties": fields, "additionalProperties": False}
    return kind({**root, "definitions": _definitions(line)}, format_checker=formats)


def _is_time(text: str) -> bool:
    found = _TIME.fullmatch(text)
    if not found:
        return False
    year, month, day, hour, minute, second, offset_hours, offset_minutes = (int(part or 0) for part in found.groups())
    is_leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    days = (31, 29 if is_leap else 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
    is_day = 1 <= month <= 12 and 1 <= day <= days[month - 1]
    return is_day and hour < 24 and max(minute, second) < 60 and offset_hours <= 24 and offset_minutes <= 60


def _is_base64(text: str) -> bool:
    return bool(_BASE64.fullmatch(re.sub(r"[\r\n]", "", text)))
