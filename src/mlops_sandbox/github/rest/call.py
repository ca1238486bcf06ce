"""A call of the REST API as its handler gets it, and the declaration of routes."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeVar
from urllib.parse import urlencode

from mlops_actions.core.types import Json
from mlops_sandbox.github.accounts import Token, User
from mlops_sandbox.github.permissions import PUBLISHED
from mlops_sandbox.github.repository import Issue, PullRequest, Repository
from mlops_sandbox.github.responses import ApiError, ApiResponse, invalid_request, not_found, validation_failed
from mlops_sandbox.github.serializers.links import Links
from mlops_sandbox.github.state import GitHubState

Item = TypeVar("Item")

REPO = "/repos/{owner}/{repo}"
PER_PAGE = 30
MAX_PER_PAGE = 100


@dataclass
class Call:
    """A request that has been authenticated and matched to a route.

    `body` is the parsed JSON object, empty where there was none. `token` None is a client without a token.
    """

    state: GitHubState
    route: Route
    links: Links
    params: dict[str, str]
    query: dict[str, str]
    body: dict[str, Any]
    token: Token | None
    path: str

    @property
    def actor(self) -> User:
        """The account that acts; raises 401 without one."""
        if self.token is None:
            raise ApiError(401, "Requires authentication")
        return self.token.actor

    @property
    def repository(self) -> Repository:
        """The repository of the path; raises 404."""
        repository = self.state.find_repository(f"{self.params['owner']}/{self.params['repo']}")
        if repository is None:
            raise not_found()
        return repository

    @property
    def issue(self) -> Issue:
        """The issue or pull request of the path; raises 404."""
        issue = self.repository.issues.get(int(self.params["number"]))
        if issue is None:
            raise not_found()
        return issue

    @property
    def pull(self) -> PullRequest:
        """The pull request of the path; raises 404."""
        pull = self.issue.as_pull
        if pull is None:
            raise not_found()
        return pull

    def number(self, name: str) -> int:
        """Return a number from the path."""
        return int(self.params[name])

    def text(self, name: str, *, resource: str, required: bool = False) -> str | None:
        """Return a text field of the body; raises 422 where it is of another type or missing."""
        value = self.body.get(name)
        if value is None:
            if required:
                raise invalid_request(f'"{name}" wasn\'t supplied.')
            return None
        if not isinstance(value, str):
            raise invalid_request(f"For 'properties/{name}', {value!r} is not a string.")
        if required and not value.strip():
            raise validation_failed(resource, name, "missing_field")
        return value

    def choice(self, name: str, allowed: Iterable[str]) -> str | None:
        """Return a field whose value is one of a list; raises 422."""
        value = self.body.get(name)
        if value is not None and value not in tuple(allowed):
            raise invalid_request(f"For 'properties/{name}', {value!r} is not a member of {list(allowed)}")
        return value

    def page(self, items: Iterable[Item], serialize: Callable[[Item], Json], *, within: str | None = None) -> ApiResponse:
        """ApiResponse with one page of a list, and the `Link` header; `within` names the list in an object with a count."""
        all_items = list(items)
        size = min(max(self._query_number("per_page", PER_PAGE), 1), MAX_PER_PAGE)
        page = max(self._query_number("page", 1), 1)
        last = max(-(-len(all_items) // size), 1)
        documents = [serialize(item) for item in all_items[(page - 1) * size : page * size]]
        body: Json | list[Json] = documents if within is None else {"total_count": len(all_items), within: documents}
        links: dict[str, int] = {}
        if page > 1:
            links |= {"prev": min(page - 1, last), "first": 1}
        if page < last:
            links |= {"next": page + 1, "last": last}
        header = ", ".join(f'<{self._page_url(number)}>; rel="{rel}"' for rel, number in links.items())
        return ApiResponse(200, body, {"Link": header} if header else {})

    def _query_number(self, name: str, default: int) -> int:
        value = self.query.get(name, "")
        return int(value) if value.isdecimal() else default

    def _page_url(self, number: int) -> str:
        return f"{self.links.origin}/api/v3{self.path}?{urlencode(self.query | {'page': str(number)})}"


Handler = Callable[[Call], ApiResponse]


@cache
def _path_pattern(path: str) -> re.Pattern[str]:
    """Compile the path of a route; each `{name}` becomes a group."""

    def group(match: re.Match[str]) -> str:
        pattern = {"int": r"\d+", "path": ".+"}.get(match[2] or "", "[^/]+")
        return f"(?P<{match[1]}>{pattern})"

    return re.compile(re.sub(r"\{(\w+)(?::(\w+))?\}", group, path))


def operation_key(operation: str) -> str:
    """Return an operation, such as `GET /repos/{owner}/{repo}`, with empty braces."""
    return re.sub(r"\{[^}]*\}", "{}", operation)


@cache
def _published() -> dict[str, str]:
    return {operation_key(operation): permissions for operation, permissions in PUBLISHED.items()}


@dataclass(frozen=True)
class Route:
    """One operation. `path` has `{name}` for a segment, `{name:int}` for a number, `{name:path}` for the rest.

    `role` is the role that a user needs. With `always` this and the permissions (see `published`) apply to public
    repositories too. `only_app_tokens` is for operations that no user's token can call. `authentication` is `token`, `jwt`
    (an App's) or `none`.
    """

    method: str
    path: str
    handler: Handler
    role: str = "read"
    always: bool = False
    only_app_tokens: bool = False
    authentication: str = "token"

    def match(self, method: str, path: str) -> dict[str, str] | None:
        """Return the path's parameters, or None where this is another operation."""
        if method != self.method:
            return None
        match = _path_pattern(self.path).fullmatch(path)
        return {name: value.replace("%2F", "/") for name, value in match.groupdict().items()} if match else None

    @property
    def operation(self) -> str:
        """The method and the path without the names of its parameters, which GitHub names in its own way."""
        return operation_key(f"{self.method} {self.path}")

    @property
    def published(self) -> str:
        """The permissions that GitHub publishes for this operation; raises KeyError where the table has none."""
        return _published()[self.operation]


class Routes:
    """A list of operations, filled by decorators in the modules that implement them."""

    def __init__(self) -> None:
        self.all: list[Route] = []

    def __call__(
        self,
        method: str,
        path: str,
        role: str = "read",
        always: bool = False,
        only_app_tokens: bool = False,
        authentication: str = "token",
    ) -> Callable[[Handler], Handler]:
        """Declare an operation."""

        def declare(handler: Handler) -> Handler:
            self.all.append(
                Route(
                    method=method,
                    path=path,
                    handler=handler,
                    role=role,
                    always=always,
                    only_app_tokens=only_app_tokens,
                    authentication=authentication,
                )
            )
            return handler

        return declare
