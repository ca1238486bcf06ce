"""What resolvers know about a request besides its arguments."""

from __future__ import annotations

from dataclasses import dataclass

from mlops_sandbox.wandb.store import Store


@dataclass(frozen=True)
class User:
    """The owner of an API key; `entities` are those the user can see, the first is the default."""

    username: str
    entities: tuple[str, ...]


@dataclass(frozen=True)
class Quirks:
    """Ways in which servers differ that a client must do with. The defaults are the live service's, as far as it is known.

    `metric_settings` names the fields of a run that hold the settings of `define_metric`; the live service's schema is not
    public. The others are of mlops-club/bandw: `obeys_order` is whether `runs` has an order, `end_cursors` whether a page
    of runs has an `endCursor` (else only its edges have cursors), `nan_as_text` whether NaN and infinities in summaries and
    histories are text (else they are bare words, which JSON does not have).
    """

    metric_settings: tuple[str, ...] = ("config", "wandbConfig")
    obeys_order: bool = True
    end_cursors: bool = True
    nan_as_text: bool = True


NO_QUIRKS = Quirks()


@dataclass(frozen=True)
class RequestContext:
    """The store, the user who asks, the address by which the client reached the server, and the server's ways."""

    store: Store
    user: User
    base_url: str
    quirks: Quirks = NO_QUIRKS

    def file_url(self, blob: str) -> str:
        """Return the address where a file's content is uploaded and downloaded."""
        return f"{self.base_url}/storage/{blob}"
