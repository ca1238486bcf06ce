"""Questions about one project: each is asked without what the server lacks, and refused answers become errors."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from mlops_actions.boundary.wandb.partial import Field, PartialSchema
from mlops_actions.boundary.wandb.transport import GraphQL, Rejected
from mlops_actions.core.errors import BadInput, Refused, Unavailable

_DENIED = re.compile(r"permission|not logged in|unauthori[sz]ed|forbidden|access denied", re.IGNORECASE)


class ProjectQueries:
    """The project `entity/name` on a server; `schema` remembers what the server lacks."""

    def __init__(self, address: str, entity: str, name: str, api: GraphQL) -> None:
        self.address = address
        self.entity = entity
        self.name = name
        self.schema = PartialSchema(address)
        self._api = api
        self._notes: list[str] = []

    @property
    def notes(self) -> tuple[str, ...]:
        """Sentences about what this server could not be asked so far."""
        return tuple(dict.fromkeys([*self.schema.notes, *self._notes]))

    def note(self, sentence: str) -> None:
        """Add a sentence for people."""
        self._notes.append(sentence)

    def ask(
        self, operation: str, request: Field, values: Callable[[], Mapping[str, Any]], *, filtered: bool = False
    ) -> Mapping[str, Any]:
        """Ask about the project; a partial answer is refused, since it would make a wrong report.

        `filtered` is whether the request holds a filter that the user wrote, which an error may then blame.
        """
        try:
            project, errors = self.ask_for_parts(self._api, operation, request, values)
        except Rejected as rejected:
            raise self._refusal(rejected.messages, filtered=filtered) from None
        if errors:
            raise self._refusal(errors, filtered=filtered)
        # Where nothing is left that the server could be asked, its project is not looked for either.
        return self.found(project) if self.schema.document(operation, request)[0] else {}

    def ask_for_parts(
        self, api: GraphQL, operation: str, request: Field, values: Callable[[], Mapping[str, Any]]
    ) -> tuple[Any, tuple[str, ...]]:
        """Ask about the project by another client; returns its part of the answer, and the messages about what is missing.

        Raises Rejected, Refused and Unavailable.
        """
        names = {"entity": self.entity, "project": self.name}
        data, errors = self.schema.ask(api, operation, request, lambda: {**names, **values()})
        return data.get("project"), errors

    def found(self, project: Any) -> Mapping[str, Any]:
        """Return the project; raises Refused where the server has none."""
        if not isinstance(project, Mapping):
            raise Refused(
                f"W&B at {self.address} has no project {self.entity}/{self.name}, or the API key may not read it",
                "check 'project' (entity/project, as in its address) and the owner of 'api-key'",
            )
        return project

    def next_cursor(self, answer: Mapping[str, Any], last: str | None, field: str) -> str | None:
        """Return the cursor of the next page of a field; None where there is none."""
        answered = answer.get("pageInfo")
        page_info = answered if isinstance(answered, Mapping) else {}
        has_more = page_info.get("hasNextPage")
        if not isinstance(has_more, bool):  # a part of the runs must not be taken for all of them
            raise Unavailable(
                f"W&B at {self.address} does not tell whether {field} has another page",
                "re-run the job; if it fails again, name a server in 'base-url' that does",
            )
        if not has_more:
            return None
        edges = answer.get("edges")
        last_edge = edges[-1] if isinstance(edges, list) and edges else None
        cursor = page_info.get("endCursor") or (last_edge.get("cursor") if isinstance(last_edge, Mapping) else None)
        # A cursor that does not move would never end the loop.
        if not isinstance(cursor, str) or not cursor or cursor == last or self.schema.lacks(f"{field}(after)"):
            raise Unavailable(
                f"W&B at {self.address} has more pages of {field} than one, and tells no way to ask for the others",
                "name a server in 'base-url' that does, or move older runs to another project",
            )
        return cursor

    def _refusal(self, messages: Sequence[str], *, filtered: bool) -> Refused | BadInput | Unavailable:
        text = " · ".join(messages)
        if any(_DENIED.search(message) for message in messages):
            return Refused(f"W&B refuses to show {self.entity}/{self.name}: {text}", "check the owner of 'api-key'")
        if filtered and "filter" in text.lower():
            return BadInput(f"W&B does not accept the filter: {text}", "correct 'filters'")
        return Unavailable(f"W&B answered with errors: {text}", "re-run the job; if it fails again, report this message")
