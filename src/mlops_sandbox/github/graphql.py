"""The GraphQL API: `viewer`, which says who a token acts as, and `minimizeComment`, which the REST API does not have.

A mutation that an installation's token may not make is answered with status 200 and the error FORBIDDEN, its field is null.
https://docs.github.com/graphql/reference/mutations#minimizecomment
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from mlops_sandbox.github.accounts import Token, rank
from mlops_sandbox.github.discussion import Comment
from mlops_sandbox.github.repository import Issue, PullRequest
from mlops_sandbox.github.responses import ApiError
from mlops_sandbox.github.rest.access import credential, token_of
from mlops_sandbox.github.serializers.accounts import node_id
from mlops_sandbox.github.state import GitHubState
from mlops_sandbox.graphql_execution import ResolverError, executable_schema, execute

_DEFINITIONS = """
type Query { viewer: User! }
type User { login: String! }
type Mutation { minimizeComment(input: MinimizeCommentInput!): MinimizeCommentPayload }
enum ReportedContentClassifiers { ABUSE DUPLICATE LOW_QUALITY OFF_TOPIC OUTDATED RESOLVED SPAM }
input MinimizeCommentInput { classifier: ReportedContentClassifiers! clientMutationId: String subjectId: ID! }
type MinimizeCommentPayload { clientMutationId: String minimizedComment: MinimizedComment }
type MinimizedComment { isMinimized: Boolean! minimizedReason: String }
"""
_INACCESSIBLE = "Resource not accessible by integration"


@dataclass(frozen=True)
class _Caller:
    state: GitHubState
    token: Token


def _viewer(_root: None, caller: _Caller) -> dict[str, str]:
    return {"login": caller.token.actor.login}


def _minimise(_root: None, caller: _Caller, **arguments: Any) -> dict[str, Any]:
    """Hide a comment: a person with the role triage may, and an installation's token that may write what it is on."""
    asked = arguments["input"]
    issue, comment = _find(caller.state, asked["subjectId"])
    token = caller.token
    if token.permissions is None:
        may = rank(issue.repository.role_of(token.actor)[1]) >= rank("triage")
    else:
        covers = token.repositories is None or issue.repository.full_name in token.repositories
        permission = "pull_requests" if isinstance(issue, PullRequest) else "issues"
        may = covers and token.allows(permission, "write")
    if not may:
        raise ResolverError(_INACCESSIBLE)
    comment.minimised = asked["classifier"].lower().replace("_", "-")
    shown = {"isMinimized": True, "minimizedReason": comment.minimised}
    return {"clientMutationId": asked.get("clientMutationId"), "minimizedComment": shown}


def _find(state: GitHubState, node: str) -> tuple[Issue, Comment]:
    for repository in state.repositories.values():
        for issue in repository.issues.values():
            for comment in issue.comments:
                if node_id("IssueComment", comment.id) == node:
                    return issue, comment
    raise ResolverError(f"Could not resolve to a node with the global id of '{node}'")


SCHEMA = executable_schema(_DEFINITIONS, {"Query": {"viewer": _viewer}, "Mutation": {"minimizeComment": _minimise}})


async def answer_graphql(state: GitHubState, request: Request) -> Response:
    """Answer one request; GitHub refuses a query with status 200."""
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
    answer = execute(SCHEMA, query, variables, context=_Caller(state, token))
    for problem in answer.errors:
        if problem.get("message") == _INACCESSIBLE:
            problem["type"] = "FORBIDDEN"
    return JSONResponse(answer.body() if answer.data is not None else {"errors": answer.errors})
