"""Label and field selectors, in the syntax of `kubectl -l` and `--field-selector`."""

from __future__ import annotations

import re
from collections.abc import Callable

from mlops_actions.core.types import Json
from mlops_sandbox.cluster import status
from mlops_sandbox.cluster.fields import text_at
from mlops_sandbox.cluster.resources import Resource

Predicate = Callable[[Json], bool]

_SET_REQUIREMENT = re.compile(r"(?P<key>[^\s!=,()]+)\s+(?P<op>in|notin)\s*\((?P<values>[^()]*)\)")
_EQUALITY = re.compile(r"(?P<key>[^\s!=,()]+)\s*(?P<op>==|=|!=)\s*(?P<value>[^\s!=,()]*)")
_EXISTENCE = re.compile(r"(?P<not>!?)\s*(?P<key>[^\s!=,()]+)")
_COMMA_OUTSIDE_PARENTHESES = re.compile(r",(?![^(]*\))")


def label_predicate(selector: str) -> Predicate:
    """Return a test of an object's labels; raises ApiError 400 on a selector that does not parse."""
    requirements = [_label_requirement(part.strip()) for part in _split(selector)]
    return lambda value: all(holds(value.get("metadata", {}).get("labels") or {}) for holds in requirements)


def field_predicate(selector: str, resource: Resource) -> Predicate:
    """Return a test of an object's fields; raises ApiError 400 on a field that the resource does not index."""
    conditions: list[tuple[list[str], bool, str]] = []
    for part in _split(selector):
        match = _EQUALITY.fullmatch(part.strip())
        if match is None:
            raise status.bad_request(f"invalid selector: '{selector}'; can't understand '{part}'")
        if match["key"] not in resource.field_labels:
            raise status.bad_request(f"field label not supported: {match['key']}")
        conditions.append((match["key"].split("."), match["op"] != "!=", match["value"]))
    return lambda value: all((text_at(value, path) == text) is equal for path, equal, text in conditions)


def _split(selector: str) -> list[str]:
    return [part for part in _COMMA_OUTSIDE_PARENTHESES.split(selector) if part.strip()]


def _label_requirement(text: str) -> Callable[[dict[str, str]], bool]:
    if match := _SET_REQUIREMENT.fullmatch(text):
        key, values = match["key"], {value.strip() for value in match["values"].split(",")}
        if match["op"] == "in":
            return lambda labels: labels.get(key) in values
        return lambda labels: labels.get(key) not in values
    if match := _EQUALITY.fullmatch(text):
        key, value = match["key"], match["value"]
        if match["op"] == "!=":
            return lambda labels: labels.get(key) != value
        return lambda labels: labels.get(key) == value
    if match := _EXISTENCE.fullmatch(text):
        key, absent = match["key"], bool(match["not"])
        return lambda labels: (key in labels) is not absent
    raise status.bad_request(f"unable to parse requirement: {text}")
