"""Ask servers that speak only a part of W&B's GraphQL: a request is data, and is asked again without what a server lacks.

A GraphQL server refuses a whole request for one field or argument that its schema lacks, and names it. Most servers name
all of them at once, some only the first.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mlops_actions.boundary.wandb.transport import GraphQL, Rejected
from mlops_actions.core.errors import Refused

# After so many refusals everything is left out that can be: a server that names one field at a time could ask for many more.
_MAX_REFUSALS = 3
_ANY_NAME = r"\w+"
_QUOTED = r"[\"'`](\w+)[\"'`]"
# The messages of graphql-js (which W&B, graph-gophers and gqlgen repeat), graphql-ruby, graphql-java and Hasura.
_UNKNOWN_FIELD = re.compile(rf"field {_QUOTED} (?:on|in|of|not found in|doesn't exist on) type:? {_QUOTED}", re.IGNORECASE)
_UNKNOWN_ARGUMENT = re.compile(
    rf"unknown (?:field )?argument {_QUOTED}(?: on field [\"'`](?:\w+\.)?(\w+)[\"'`])?", re.IGNORECASE
)
_ABOUT_SCHEMA = re.compile(
    r"unknown (?:field )?argument|cannot query field|(?:unknown|undefined) field|field \S+ .*type", re.IGNORECASE
)


@dataclass(frozen=True)
class Argument:
    """An argument of a field: `value` is a literal, or a `$variable` of the type `type`.

    `loss` says what is missing without it (empty: nothing that anybody sees). None: the field is of no use without it.
    """

    name: str
    value: str
    type: str = ""
    loss: str | None = None


@dataclass(frozen=True)
class Field:
    """A field of a request; `type` is the object type that `fields` belong to.

    `loss` says what is missing without it (empty: nothing that anybody sees). None: the field around it needs it.
    """

    name: str
    fields: tuple[Field, ...] = ()
    arguments: tuple[Argument, ...] = ()
    type: str = ""
    alias: str = ""
    loss: str | None = None


@dataclass(frozen=True)
class _Part:
    """A field or an argument in a request, by the name that messages give it: `Run.commit`, `Project.runs(filters)`."""

    name: str
    loss: str | None


class PartialSchema:
    """What a server's schema lacks of what was asked, as far as its refusals told; remembered for later requests."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._lacking: dict[str, str] = {}

    @property
    def notes(self) -> tuple[str, ...]:
        """Sentences about what could not be asked, and what is missing for it."""
        return tuple(f"This W&B server does not know {name}: {loss}." for name, loss in self._lacking.items() if loss)

    def lacks(self, *names: str) -> bool:
        """Return whether one of these is known to be missing, such as `Run.commit` or `Project.runs(filters)`."""
        return any(name in self._lacking for name in names)

    def ask(
        self, api: GraphQL, operation: str, root: Field, values: Callable[[], Mapping[str, Any]]
    ) -> tuple[dict[str, Any], tuple[str, ...]]:
        """Send a request, again without the parts that the server refuses; nothing is sent where nothing is left to ask.

        `values` returns the variables for each attempt, of which only those are sent that the request uses.
        Raises Refused where the server lacks a necessary part, Rejected where it refuses for another reason.
        """
        refusals = 0
        while True:
            query, used = self.document(operation, root)
            if not query:
                return {}, ()
            try:
                return api.ask(query, {name: value for name, value in values().items() if name in used})
            except Rejected as rejected:
                refusals += 1
                if not self._learn(root, rejected.messages, everything=refusals > _MAX_REFUSALS):
                    raise

    def document(self, operation: str, root: Field) -> tuple[str, frozenset[str]]:
        """Return a request without the parts that the server lacks (empty: none is left), and the names of its variables."""
        variables: dict[str, str] = {}
        text = self._text(root, "Query", variables)
        declared = ", ".join(f"${name}: {kind}" for name, kind in variables.items())
        return (f"query {operation}({declared}) {{ {text} }}" if text else ""), frozenset(variables)

    def _text(self, field: Field, owner: str, variables: dict[str, str]) -> str:
        if self.lacks(f"{owner}.{field.name}"):
            return ""
        of_fields: dict[str, str] = {}
        fields = [text for inner in field.fields if (text := self._text(inner, field.type, of_fields))]
        if field.fields and not fields:
            return ""
        arguments = [entry for entry in field.arguments if not self.lacks(_argument_name(owner, field, entry))]
        variables.update({entry.value[1:]: entry.type for entry in arguments if entry.type})
        variables.update(of_fields)
        given = f"({', '.join(f'{entry.name}: {entry.value}' for entry in arguments)})" if arguments else ""
        alias = f"{field.alias}: " if field.alias else ""
        selection = f" {{ {' '.join(fields)} }}" if fields else ""
        return f"{alias}{field.name}{given}{selection}"

    def _learn(self, root: Field, messages: Sequence[str], *, everything: bool) -> bool:
        """Note what a refusal names, or `everything` that can be left out; return whether anything of it is new."""
        about_schema = [message for message in messages if is_about_schema(message)]
        if not about_schema:
            return False
        known = len(self._lacking)
        named = [part for message in about_schema for part in self._named(root, message)]
        if everything or not named:
            named = [part for chain in _chains(root) for part in chain if part.loss is not None]
        self._lacking.update({part.name: part.loss or "" for part in named})
        return len(self._lacking) > known

    def _named(self, root: Field, message: str) -> Iterator[_Part]:
        """Yield what to leave out for one message: the part that it names, or the nearest one around it that can be."""
        chains = list(_chains(root))
        if match := _UNKNOWN_ARGUMENT.search(message):
            argument, field = match.groups()
            pattern = rf"\w+\.{field or _ANY_NAME}\({argument}\)"
        elif match := _UNKNOWN_FIELD.search(message):
            field, owner = match.groups()
            pattern = rf"{owner}\.{field}"
            # The types of connections and edges have the server's own names.
            if not any(re.fullmatch(pattern, chain[-1].name) for chain in chains):
                pattern = rf"\w+\.{field}"
        else:
            return
        for chain in chains:
            if re.fullmatch(pattern, chain[-1].name):
                yield self._nearest(chain, message)

    def _nearest(self, chain: Sequence[_Part], message: str) -> _Part:
        for part in reversed(chain):
            if part.loss is not None:
                return part
        raise Refused(
            f"W&B at {self._address} does not know {chain[-1].name}, which a report needs: {message}",
            "name a server in 'base-url' that does; `mlops-actions doctor` lists what this one lacks",
        )


def is_about_schema(message: str) -> bool:
    """Return whether a refusal is about a field or an argument that the server's schema lacks."""
    return bool(_ABOUT_SCHEMA.search(message))


def _argument_name(owner: str, field: Field, argument: Argument) -> str:
    return f"{owner}.{field.name}({argument.name})"


def _chains(field: Field, owner: str = "Query", around: tuple[_Part, ...] = ()) -> Iterator[tuple[_Part, ...]]:
    """Yield every field and argument of a request with the fields around it, the outermost first."""
    chain = (*around, _Part(f"{owner}.{field.name}", field.loss))
    yield chain
    for argument in field.arguments:
        yield *chain, _Part(_argument_name(owner, field, argument), argument.loss)
    for inner in field.fields:
        yield from _chains(inner, field.type, chain)
