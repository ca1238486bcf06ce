"""What resolvers know about a request besides its arguments."""

from __future__ import annotations

from dataclasses import dataclass

from mlops_sandbox.wandb.store import Store

# The fields of a run that hold the settings of `define_metric`, under the key `m`.
METRIC_SETTINGS = ("config", "wandbConfig")


@dataclass(frozen=True)
class User:
    """The owner of an API key; `entities` are those the user can see, the first is the default."""

    username: str
    entities: tuple[str, ...]


@dataclass(frozen=True)
class RequestContext:
    """The store, the user who asks, and the address by which the client reached the server.

    `metric_settings` names the fields of a run that hold the settings of `define_metric`: the live service's schema is not
    public, so a client must do with either.
    """

    store: Store
    user: User
    base_url: str
    metric_settings: tuple[str, ...] = METRIC_SETTINGS

    def file_url(self, blob: str) -> str:
        """Return the address where a file's content is uploaded and downloaded."""
        return f"{self.base_url}/storage/{blob}"
