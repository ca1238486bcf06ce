"""The order of commits, asked of a private repository."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mlops_actions.boundary.github.failures import GitHubRefused
from mlops_actions.boundary.github.history import GitHubHistory
from mlops_actions.boundary.github.transport import Pace
from mlops_actions.core.errors import ActionError, Refused, Unavailable
from mlops_sandbox.github import GitHubServer, Repository
from tests.support.docker_publish import make_context
from tests.support.logs import RecordingLog

Ask = Callable[[GitHubHistory, Repository], Any]

CALLS: dict[str, Ask] = {
    "compare": lambda history, repository: history.compare("refs/heads/main", repository.branches["main"]),
    "newest": lambda history, _: history.newest("main"),
    "branches": lambda history, _: history.branches("ma"),
}


@pytest.fixture
def repository(github: GitHubServer) -> Repository:
    made = github.repository("Octo/Digits", private=True)
    made.collaborator("writer", "write")
    made.push("main", by="writer", message="second")
    made.push("a#b", by="writer", message="other")
    return made


@pytest.mark.parametrize("name", CALLS)
def test_each_question_takes_contents_read(github: GitHubServer, repository: Repository, tmp_path: Path, name: str) -> None:
    def ask(permissions: dict[str, str]) -> Any:
        token = github.workflow_token(repository, permissions).value
        context = make_context(tmp_path, GITHUB_API_URL=github.api_url)
        return CALLS[name](GitHubHistory(token, context, RecordingLog(), Pace(attempts=1, backoff=0.0)), repository)

    assert ask({"contents": "read"})
    with pytest.raises(GitHubRefused) as refused:
        ask({"metadata": "read"})
    assert "contents: read" in refused.value.remedy


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize(("token", "kind"), [(None, Refused), ("x", Unavailable)])
def test_an_unanswered_question_is_an_error(
    github: GitHubServer, repository: Repository, tmp_path: Path, name: str, token: str | None, kind: type[ActionError]
) -> None:
    github.faults.answer("GET /repos/**", 502)
    context = make_context(tmp_path, GITHUB_API_URL=github.api_url)
    history = GitHubHistory(token, context, RecordingLog(), Pace(attempts=1, backoff=0.0))
    with pytest.raises(kind):
        CALLS[name](history, repository)


def test_an_unknown_commit_or_ref_has_no_order(github: GitHubServer, repository: Repository, tmp_path: Path) -> None:
    token = github.workflow_token(repository, {"contents": "read"}).value
    history = GitHubHistory(token, make_context(tmp_path, GITHUB_API_URL=github.api_url), RecordingLog())
    tip = repository.branches["main"]
    assert history.compare("refs/heads/none", tip) == ""
    assert history.compare("refs/heads/main", "0" * 40) == ""
    assert history.compare("refs/heads/a#b", tip) == "behind"
    assert history.branches("none") == ()
