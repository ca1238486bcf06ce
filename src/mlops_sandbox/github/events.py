"""The events that GitHub reports by webhooks, as plain data, and their deliveries to Actions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from mlops_actions.core.types import Json
from mlops_sandbox.github.accounts import Token, User

Source = TypeVar("Source")
Subject = TypeVar("Subject")


@dataclass(frozen=True, kw_only=True)
class Event(Generic[Source, Subject]):
    """One event of a repository.

    `source` is the issue, pull request or repository where it happened, `subject` the comment, label or deployment it is
    about. `details` holds fields of the payload that neither shows afterwards. `token` is that of the request which
    caused the event, if one did.
    """

    name: str
    action: str | None = None
    source: Source
    subject: Subject
    sender: User
    details: Mapping[str, Any] = field(default_factory=dict)
    token: Token | None = None

    @property
    def starts_workflows(self) -> bool:
        """Whether the event starts workflows: an action of a workflow's own token does not, except a dispatch."""
        is_dispatch = self.name in ("repository_dispatch", "workflow_dispatch")
        return is_dispatch or self.token is None or self.token.starts_workflows


PayloadWriter = Callable[[Event[Any, Any]], Json]


@dataclass(eq=False)
class Delivery(Generic[Subject]):
    """One webhook event, as Actions writes it to the file `GITHUB_EVENT_PATH`.

    `starts_workflows` is False for an action of a workflow's own token: GitHub starts no workflow for it.
    """

    event: str
    payload: Json
    subject: Subject
    starts_workflows: bool = True

    @property
    def action(self) -> str | None:
        """The payload's `action`, e.g. `created`."""
        action: str | None = self.payload.get("action")
        return action
