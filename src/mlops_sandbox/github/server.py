"""A GitHub Enterprise Server on loopback: state, REST API and pages in one object."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route

from mlops_sandbox.github import webhooks
from mlops_sandbox.github.api import Api, Exchange
from mlops_sandbox.github.clock import Clock
from mlops_sandbox.github.faults import Faults
from mlops_sandbox.github.graphql import answer_graphql
from mlops_sandbox.github.instance import DEFAULT_ORIGIN
from mlops_sandbox.github.serializers.links import Links
from mlops_sandbox.github.site import Site
from mlops_sandbox.github.state import GitHubState
from mlops_sandbox.host import Host


class GitHubServer(GitHubState):
    """The stand-in. Set it up through the methods of `GitHubState`, serve `app`, then look at `exchanges` and the state.

    REST lies under `/api/v3`, as on a GitHub Enterprise Server, and GraphQL's `viewer` under `/api/graphql`; a pull
    request's page at `/{owner}/{repo}/pull/{n}`, the same as markdown at `….md` (`site.py` has all pages). `faults` breaks
    routes, `limits` holds the rate limits. Links in answers start with the address a request came to; those in webhook
    payloads with `origin`, which `serve` sets.
    """

    def __init__(self, clock: Clock | None = None, *, origin: str = DEFAULT_ORIGIN) -> None:
        super().__init__(
            clock=clock or Clock(),
            origin=origin,
            write_payload=lambda event: webhooks.payload(event, self.links),
        )
        self.exchanges: list[Exchange] = []
        self.faults = Faults()
        self._site = Site(self)
        self.app = Starlette(
            routes=[
                Mount("/api/v3", app=Api(self, self.faults, self.exchanges)),
                Route("/api/graphql", self._graphql, methods=["POST"]),
                *self._site.routes,
            ]
        )

    @contextmanager
    def serve(self, address: str = "127.0.0.1", port: int = 0) -> Iterator[Host]:
        """Serve on an address until the block ends, and let `origin` follow."""
        with Host(self.app, address=address, port=port) as host:
            self.origin = host.url
            yield host

    @property
    def links(self) -> Links:
        """The addresses that webhook payloads hold."""
        return Links(self.origin)

    @property
    def api_url(self) -> str:
        """What a runner has in `GITHUB_API_URL`."""
        return f"{self.origin}/api/v3"

    def requests(self, route: str = "* /**") -> list[Exchange]:
        """Return the exchanges of a route, e.g. `POST /repos/*/*/issues/*/comments`, oldest first."""
        return [exchange for exchange in self.exchanges if exchange.matches(route)]

    @property
    def writes(self) -> list[Exchange]:
        """The exchanges that were meant to change something."""
        return [exchange for exchange in self.exchanges if exchange.method != "GET"]

    def open_form(self, commenters: Sequence[str]) -> None:
        """Let whoever opens a pull request's page in a browser comment on it as one of these accounts."""
        self._site.commenters = tuple(commenters)

    async def _graphql(self, request: Request) -> Response:
        return await answer_graphql(self, request)
