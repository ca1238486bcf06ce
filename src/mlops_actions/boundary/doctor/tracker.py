"""W&B by the suite's own GraphQL client: it shows which field a server refuses, and the SDK hides that."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from mlops_actions.boundary.wandb.server import Server, resolve
from mlops_actions.boundary.wandb.transport import GraphQL, Rejected
from mlops_actions.core import shell
from mlops_actions.core.errors import BadInput, Refused, Unavailable
from mlops_actions.core.ports import Log
from mlops_actions.core.web_address import normal_form
from mlops_actions.doctor.job import is_job
from mlops_actions.doctor.ports import Endpoint

# W&B's own addresses; `resolve` explains an address of its web pages.
_HOSTED = ("https://api.wandb.ai", "https://wandb.ai", "https://api.forge.coreweave.com")
# A person waits, so nothing takes as long as in a job.
_SECONDS = 10.0
_ATTEMPTS = 2
_MAX_PAUSE = 0.5


class GraphQLApi:
    """Implements `doctor.ports.TrackerApi`; the key is WANDB_API_KEY's, else that of the file netrc."""

    def __init__(self, base_url: str, environ: Mapping[str, str], log: Log) -> None:
        server = _resolve(base_url, environ)
        for secret in server.secrets:
            log.mask(secret)
        self.endpoint = Endpoint(url=server.base_url)
        self._call = f"POST {server.base_url}/graphql"
        self._api = GraphQL(server, log, _pause, read_seconds=_SECONDS, connect_seconds=_SECONDS, attempts=_ATTEMPTS)

    def ask(self, query: str, variables: Mapping[str, Any]) -> tuple[Mapping[str, Any], Sequence[str]]:
        """See the port."""
        try:
            return self._api.ask(query, variables)
        except Rejected as rejected:
            return {}, rejected.messages
        except (Unavailable, Refused) as error:
            raise error.reworded(f"{self._call}: {error.cause}", error.remedy) from None


def _resolve(base_url: str, environ: Mapping[str, str]) -> Server:
    """Find the server; WANDB_API_KEY goes to W&B's own and to that of WANDB_BASE_URL, whatever the workflow file names."""
    own = normal_form(environ.get("WANDB_BASE_URL", ""))
    address = normal_form(base_url) or own
    if not address or address == own or address in _HOSTED:
        key = environ.get("WANDB_API_KEY")
        try:
            return resolve(key, address, environ)
        except BadInput as error:
            if key or is_job(environ) or "no W&B API key" not in error.cause:
                raise
            raise BadInput(error.cause, "wandb login  # or export WANDB_API_KEY") from None
    try:
        return resolve(None, address, environ)  # the key that netrc holds for this very host
    except BadInput:
        raise BadInput(
            f"the workflow file names the W&B server {address} and WANDB_BASE_URL does not: WANDB_API_KEY is not sent there",
            f"export WANDB_BASE_URL={shell.word(address)}  # if you trust it",
        ) from None


def _pause(seconds: float) -> None:
    time.sleep(min(seconds, _MAX_PAUSE))
