"""GitHub's own description of its API, as `githubkit-schemas` has it, held against what was exchanged.

The generated client names, for every operation, its path, the model of its request and the models of its answers. They
are read from its source, so the table is GitHub's and cannot be bent to fit the stand-in.
"""

from __future__ import annotations

import inspect
import re
import typing
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from githubkit_schemas.latest import models, webhooks
from pydantic import BaseModel, TypeAdapter, ValidationError

from mlops_sandbox.github import Delivery, Exchange

# Answers any operation may give; the description leaves them out for most.
COMMON_ERRORS = ("400", "401", "403", "404", "409", "422", "429", "500", "502", "503")
# Models that the description leaves out of an answer's alternatives although the documentation names the events.
# https://docs.github.com/rest/using-the-rest-api/issue-event-types#closed
OTHER_MODELS = {"/repos/{owner}/{repo}/issues/{issue_number}/events": "StateChangeIssueEvent"}
# Fields that belong to an object although a model of it lacks them: those of the API's version 2022-11-28, which clients
# ask for by default and the models (2026-03-10) have dropped, and `archived_*`, which only some models of a label have.
OTHER_FIELDS = frozenset({"assignee", "merge_commit_sha", "archived_at", "archived_by"})


@dataclass(frozen=True)
class Operation:
    """One operation: models are Python expressions over `githubkit_schemas.latest.models`, None for no content."""

    verb: str
    path: str
    body: str | None
    response: str | None
    errors: dict[str, str]

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        segments = [
            ".+"
            if name in ("{path}", "{ref}", "{branch}", "{basehead}")
            else "[^/]+"
            if name.startswith("{")
            else re.escape(name)
            for name in self.path.split("/")
        ]
        return re.compile("/".join(segments))

    @cached_property
    def fixed_segments(self) -> int:
        return sum(not segment.startswith("{") for segment in self.path.split("/"))


def _find(pattern: str, text: str) -> str | None:
    match = re.search(pattern, text, re.DOTALL)
    return match[1] if match else None


@cache
def operations() -> tuple[Operation, ...]:
    """Every operation of GitHub's REST API, 1,200 of them."""
    rest = Path(inspect.getfile(models.IssueComment)).parent.parent / "rest"
    found = []
    for source in sorted(rest.glob("*.py")):
        for text in source.read_text().split("\n    def ")[1:]:
            text = text.partition("\n    async def ")[0]
            path, verb = _find(r'\burl = \(?\s*f?"([^"]+)"', text), _find(r'_github\.request\(\s*"([A-Z]+)"', text)
            if path is None or verb is None:
                continue
            errors = re.findall(r'"(\d\d\d)": (.+?),\n', _find(r"error_models=\{(.*?)\n {12}\}", text) or "")
            body = _find(r"type_validate_python\(\s*([^=]+?),\s*json,?\s*\)", text)
            response = _find(r"\bresponse_model=(.*?),\n {8,12}[a-z)]", text)
            if response is not None and path in OTHER_MODELS:
                response = response.replace("Union[", f"Union[{OTHER_MODELS[path]}, ")
            found.append(Operation(verb, path, body, response, dict(errors)))
    return tuple(found)


def operation_of(verb: str, path: str) -> Operation | None:
    """The operation that a request is of; None where GitHub has none."""
    candidates = [one for one in operations() if one.verb == verb and one.pattern.fullmatch(path)]
    return max(candidates, key=lambda one: one.fixed_segments, default=None)


@cache
def adapter(expression: str) -> TypeAdapter[Any]:
    """A validator for a model expression, e.g. `list[Label]`."""
    names = {name: getattr(models, name) for name in set(re.findall(r"\b[A-Z]\w+", expression)) if hasattr(models, name)}
    return TypeAdapter(eval(expression, {**vars(typing), **names}))


def unknown_fields(given: Any, parsed: Any, where: str = "") -> Iterator[str]:
    """Fields that were sent but that the model has no place for, by their path."""
    if isinstance(parsed, BaseModel) and isinstance(given, dict):
        known = {info.alias or name: name for name, info in type(parsed).model_fields.items()}
        open_model = type(parsed).model_config.get("extra") == "allow"
        for key, value in given.items():
            if key in known:
                yield from unknown_fields(value, getattr(parsed, known[key]), f"{where}.{key}")
            elif not open_model and key not in OTHER_FIELDS:
                yield f"{where}.{key}"
    elif isinstance(parsed, list | tuple) and isinstance(given, list):
        for index, (item, model) in enumerate(zip(given, parsed, strict=True)):
            yield from unknown_fields(item, model, f"{where}[{index}]")


def _against(expression: str, value: Any, what: str, *, strict: bool = True) -> Iterator[str]:
    try:
        parsed = adapter(expression).validate_python(value)
    except ValidationError as error:
        yield f"{what} is no {expression}: {error}"
        return
    if strict:
        yield from (f"{what}: {expression} has no field {field}" for field in unknown_fields(value, parsed))


def problems_of_exchange(exchange: Exchange) -> list[str]:
    """What GitHub's description has against an exchange: the operation, the request's body, the answer."""
    if exchange.injected or exchange.status == 0:
        return []
    operation = operation_of(exchange.method, exchange.path)
    if operation is None:
        return [] if exchange.status == 404 else [f"{exchange}: GitHub has no such operation"]
    found: list[str] = []
    if exchange.status < 400:
        if operation.body is not None and exchange.body is not None:
            found += _against(operation.body, exchange.body, f"{exchange}: the request")
        if exchange.response is None:
            found += [f"{exchange}: an answer is missing"] if exchange.status not in (202, 204) else []
        elif operation.response is not None:
            found += _against(operation.response, exchange.response, f"{exchange}: the answer")
    elif str(exchange.status) not in {*COMMON_ERRORS, *operation.errors}:
        found.append(f"{exchange}: not a status that GitHub documents for this")
    else:
        expression = operation.errors.get(str(exchange.status), "BasicError")
        if expression.startswith("Union") or exchange.status == 422:
            # Bodies of 422 come in two forms for one operation; which one is not documented.
            expression = "Union[ValidationError, ValidationErrorSimple, BasicError]"
        found += _against(expression, exchange.response, f"{exchange}: the error", strict=False)
    return found


def problems_of_delivery(delivery: Delivery[Any]) -> list[str]:
    """What GitHub's description has against a webhook payload."""
    name = "".join(part.title() for part in delivery.event.split("_")) + "Event"
    try:
        parsed = TypeAdapter(getattr(webhooks, name)).validate_python(delivery.payload)
    except ValidationError as error:
        return [f"the payload of {delivery.event} {delivery.action}: {error}"]
    return [f"the payload of {delivery.event}: no field {field}" for field in unknown_fields(delivery.payload, parsed)]
