"""The calls by which argo-submit and wandb-runs keep their comment, as rows of the tables of odd answers."""

from __future__ import annotations

from collections.abc import Mapping

from tests.actions.odd_answers.calls import Call

_COMMENTS = ("[].id", "[].html_url", "[].body?", "[].user?", "[].user.login", "[].updated_at?")
_COMMENT = ("id", "html_url")
_REFUSED = ("403", "404", "cut off", "no UTF-8", "as HTML", "names twice")  # as every answer to a job's token is

FIRST, LATER, PUSH = "the first comment", "a later comment", "a push"


def calls(scenario_of_user: str) -> Mapping[str, Call]:
    """Return the rows by what they do; in `scenario_of_user` the action asks for its own account, and minimises."""
    changed = "PATCH /repos/*/*/issues/comments/*"
    return {
        "list": Call("GET /repos/*/*/issues/*/comments", LATER, "feedback", _COMMENTS),
        "create": Call("POST /repos/*/*/issues/*/comments", FIRST, "feedback", _COMMENT),
        "change": Call(changed, LATER, "feedback", _COMMENT, names="PATCH /|was deleted"),
        "account": Call("GET /user", scenario_of_user, "feedback", silent=_REFUSED),
        "minimise": Call("POST /api/graphql", scenario_of_user, "feedback", silent=("",)),
        "pull request": Call("GET /repos/*/*/commits/*/pulls", PUSH, "feedback", ("[].number", "[].state", "[].head.sha")),
    }
