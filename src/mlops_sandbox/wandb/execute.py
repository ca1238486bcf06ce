"""Carry out a GraphQL operation on a schema of resolvers.

A document is checked against the whole schema first (unknown field or argument: nothing runs, as on a real server) and
executed afterwards; a resolver that fails makes its field null and adds an entry to `errors` beside the partial data.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from mlops_sandbox.wandb.graphql import (
    Document,
    Field,
    Fragment,
    Inline,
    Operation,
    Selection,
    Spread,
    SyntaxProblem,
    parse,
    substitute,
)

Resolver = Callable[[Any, dict[str, Any], Any], Any]


class Refused(Exception):
    """A resolver's own refusal; its message is for the client."""


@dataclass(frozen=True)
class FieldType:
    """How a field is resolved: `resolve(parent, arguments, context)`; `of` names the object type it leads to."""

    resolve: Resolver
    of: str = ""
    arguments: frozenset[str] = frozenset()


Schema = Mapping[str, Mapping[str, FieldType]]


@dataclass
class Answer:
    """What the client gets; `status` is 400 where nothing was executed."""

    status: int = 200
    data: dict[str, Any] | None = None
    errors: list[dict[str, Any]] = field(default_factory=list)

    def document(self) -> dict[str, Any]:
        """The JSON body."""
        return {"data": self.data, **({"errors": self.errors} if self.errors else {})}


def _refusal(messages: list[str]) -> Answer:
    return Answer(status=400, errors=[{"message": message} for message in messages])


def execute(
    schema: Schema, text: str, variables: Mapping[str, Any] | None = None, operation_name: str = "", context: Any = None
) -> Answer:
    """Run the operation that `operation_name` (empty: the only one) selects from the document `text`."""
    try:
        document = parse(text)
        operation = document.operation(operation_name)
    except SyntaxProblem as problem:
        return _refusal([str(problem)])
    given = dict(variables or {})
    for name, definition in operation.variables.items():
        if definition.required and given.get(name) is None:
            return _refusal([f'Variable "${name}" of required type "{definition.type}" was not provided.'])
        if name not in given and definition.has_default:
            given[name] = definition.default
    root = operation.kind.capitalize()
    problems = list(_problems(schema, document, root, operation.selections, frozenset()))
    if problems:
        return _refusal(problems)
    return _Execution(schema, document.fragments, given, context).run(operation, root)


def _problems(
    schema: Schema, document: Document, on: str, selections: tuple[Selection, ...], inside: frozenset[str]
) -> Iterator[str]:
    """Everything the schema does not know; `inside` holds the fragments being followed (a cycle is an error)."""
    for selection in selections:
        if isinstance(selection, Spread):
            fragment = document.fragments.get(selection.name)
            if fragment is None:
                yield f'Unknown fragment "{selection.name}".'
            elif selection.name in inside:
                yield f'Cannot spread fragment "{selection.name}" within itself.'
            else:
                here = on if fragment.on not in schema else fragment.on
                yield from _problems(schema, document, here, fragment.selections, inside | {selection.name})
        elif isinstance(selection, Inline):
            here = selection.on if selection.on in schema else on
            yield from _problems(schema, document, here, selection.selections, inside)
        else:
            yield from _field_problems(schema, document, on, selection, inside)


def _field_problems(schema: Schema, document: Document, on: str, selection: Field, inside: frozenset[str]) -> Iterator[str]:
    if selection.name == "__typename":
        return
    known = schema[on].get(selection.name)
    if known is None:
        yield f'Cannot query field "{selection.name}" on type "{on}".'
        return
    for argument in selection.arguments:
        if argument not in known.arguments:
            yield f'Unknown argument "{argument}" on field "{selection.name}" of type "{on}".'
    if known.of and not selection.selections:
        yield f'Field "{selection.name}" of type "{known.of}" must have a selection of subfields.'
    elif selection.selections and not known.of:
        yield f'Field "{selection.name}" must not have a selection since it has no subfields.'
    elif known.of:
        yield from _problems(schema, document, known.of, selection.selections, inside)


class _Execution:
    def __init__(
        self, schema: Schema, fragments: Mapping[str, Fragment], variables: Mapping[str, Any], context: Any
    ) -> None:
        self._schema = schema
        self._fragments = fragments
        self._variables = variables
        self._context = context
        self._errors: list[dict[str, Any]] = []

    def run(self, operation: Operation, root: str) -> Answer:
        data = self._object(root, None, operation.selections, ())
        return Answer(data=data, errors=self._errors)

    def _skipped(self, selection: Selection) -> bool:
        for directive in selection.directives:
            condition = bool(substitute(directive.arguments.get("if"), self._variables))
            if (directive.name == "skip" and condition) or (directive.name == "include" and not condition):
                return True
        return False

    def _fields(self, on: str, selections: tuple[Selection, ...]) -> Iterator[Field]:
        for selection in selections:
            if self._skipped(selection):
                continue
            if isinstance(selection, Field):
                yield selection
                continue
            part = self._fragments[selection.name] if isinstance(selection, Spread) else selection
            # A condition that the schema has no object type for names an interface, which every type here satisfies.
            if part.on in {"", on} or part.on not in self._schema:
                yield from self._fields(on, part.selections)

    def _object(
        self, on: str, parent: Any, selections: tuple[Selection, ...], path: tuple[str | int, ...]
    ) -> dict[str, Any]:
        merged: dict[str, list[Field]] = {}
        for selected in self._fields(on, selections):
            merged.setdefault(selected.key, []).append(selected)
        return {key: self._value(on, parent, same, (*path, key)) for key, same in merged.items()}

    def _value(self, on: str, parent: Any, same: list[Field], path: tuple[str | int, ...]) -> Any:
        first = same[0]
        if first.name == "__typename":
            return on
        known = self._schema[on][first.name]
        arguments = substitute(dict(first.arguments), self._variables)
        try:
            value = known.resolve(parent, arguments, self._context)
        except Refused as refusal:
            self._errors.append({"message": str(refusal), "path": list(path)})
            return None
        if not known.of:
            return value
        selections = tuple(selection for selected in same for selection in selected.selections)
        if isinstance(value, list):
            return [
                None if item is None else self._object(known.of, item, selections, (*path, index))
                for index, item in enumerate(value)
            ]
        return None if value is None else self._object(known.of, value, selections, path)
