"""The checks of `require-code-owner`: the default branch has a CODEOWNERS file without errors, and its teams can be seen."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from urllib.parse import quote

from mlops_actions.doctor import job_rights
from mlops_actions.doctor.checks import Checker, HealthCheck
from mlops_actions.doctor.ports import GitHubApi
from mlops_actions.doctor.scope import Scope

_CHECK = Checker("github")
INPUT = "require-code-owner"
# In the order in which GitHub looks.
_PLACES = (".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS")
_TEAM = re.compile(r"\s@[\w-]+/[\w.-]+", re.ASCII)


def check(scope: Scope, api: GitHubApi, root: str, branch: str) -> Iterator[HealthCheck]:
    """Check the file of the default branch; pull requests into another branch have that branch's file."""
    if all(scope.given(step, INPUT) is False for step in scope.workflow.steps("chatops")):
        return
    asked = f"GET {root}/codeowners/errors?ref={branch}"
    answer = api.get(f"{root}/codeowners/errors", ref=branch)
    if answer.status == 404:
        yield _CHECK.fails(
            "code owners",
            asked,
            f"{branch} has no CODEOWNERS file, so that each command is refused",
            remedy=f"name the owners in {_PLACES[0]}, and push it to {branch}",
        )
        return
    if answer.status != 200:
        yield _CHECK.unknown("code owners", asked, answer.message)
        return
    errors = answer.body.get("errors") or []
    lines = [f"line {error.get('line')}: {error.get('kind')}" for error in errors]
    if lines:
        text = f"{errors[0].get('path')} has errors ({'; '.join(lines)}): such owners cannot approve"
        yield _CHECK.fails("code owners", asked, text, remedy=f"correct these lines, and push the file to {branch}")
    else:
        yield _CHECK.ok("code owners", asked, "the file has no errors")
    if names_teams(api, root, branch):
        yield from job_rights.teams(scope, INPUT)


def names_teams(api: GitHubApi, root: str, branch: str) -> bool:
    """Tell whether teams are among the owners."""
    return bool(_TEAM.search(_text(api, root, branch)))


def _text(api: GitHubApi, root: str, branch: str) -> str:
    """Return the file without its comments; empty where it cannot be read."""
    for place in _PLACES:
        answer = api.get(f"{root}/contents/{quote(place)}", ref=f"refs/heads/{branch}")
        if answer.status == 200:
            text = base64.b64decode(str(answer.body.get("content") or "")).decode(errors="replace")
            return re.sub(r"(^|\s)#.*", "", text, flags=re.MULTILINE)
    return ""
