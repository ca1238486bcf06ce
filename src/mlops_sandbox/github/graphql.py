"""The GraphQL API: only `viewer`, which says who a token acts as, also an installation's token."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from mlops_sandbox.github.accounts import Token
from mlops_sandbox.github.responses import ApiError
from mlops_sandbox.github.rest.access import credential, token_of
from mlops_sandbox.github.state import GitHubState
from mlops_sandbox.graphql_execution import executable_schema, execute


def _viewer(_root: None, token: Token) -> dict[str, str]:
    return {"login": token.actor.login}


SCHEMA = executable_schema("type Query { viewer: User! } type User { login: String! }", {"Query": {"viewer": _viewer}})


async def answer_graphql(state: GitHubState, request: Request) -> Response:
    """Answer one query; GitHub refuses a query with status 200."""
    try:
        token = token_of(state, credential(request.headers.get("authorization")))
    except ApiError as error:
        return JSONResponse(error.response.body, error.response.status)
    if token is None:
        return JSONResponse({"message": "This endpoint requires you to be authenticated."}, 403)
    try:
        document = await request.json()
        query, variables = str(document["query"]), document.get("variables")
    except (ValueError, KeyError, TypeError):
        return JSONResponse({"message": "Problems parsing JSON"}, 400)
    answer = execute(SCHEMA, query, variables, context=token)
    return JSONResponse(answer.body() if answer.data is not None else {"errors": answer.errors})
