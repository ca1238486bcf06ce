"""The GraphQL API, as far as anybody here needs it: `viewer` says who a token acts as, also an installation's."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from mlops_sandbox.github.rest.access import credential, token_of
from mlops_sandbox.github.rest.call import ApiError

if TYPE_CHECKING:
    from mlops_sandbox.github.world import World

_VIEWER = re.compile(r"\s*query\b[^{]*\{\s*viewer\s*\{\s*login\s*\}\s*\}\s*")


async def answer(world: World, request: Request) -> Response:
    """Answer one query; GitHub's refusals of a query come with status 200."""
    try:
        token = token_of(world, credential(request.headers.get("authorization")))
    except ApiError as error:
        return JSONResponse(error.answer.body, error.answer.status)
    if token is None:
        return JSONResponse({"message": "This endpoint requires you to be authenticated."}, 403)
    try:
        query = (await request.json())["query"]
    except (ValueError, KeyError, TypeError):
        return JSONResponse({"message": "Problems parsing JSON"}, 400)
    body: dict[str, Any] = {"data": {"viewer": {"login": token.actor.login}}}
    if not isinstance(query, str) or not _VIEWER.fullmatch(query):
        body = {"errors": [{"message": "This stand-in knows one query: query { viewer { login } }"}]}
    return JSONResponse(body)
