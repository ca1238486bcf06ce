"""The order of commits, asked of a private repository."""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice
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
    "merge base": lambda history, repository: history.merge_base("refs/heads/main", repository.branches["a#b"]),
    "ancestors": lambda history, repository: list(history.ancestors(repository.branches["main"])),
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


def test_the_commit_where_a_branch_left_another_and_its_ancestors(
    github: GitHubServer, repository: Repository, tmp_path: Path
) -> None:
    base = repository.branches["main"]
    head = repository.push("topic", by="writer", message="topic").sha
    later = repository.push("main", by="writer", message="later").sha
    merged = repository.merge_commit("main", head, by="writer").sha
    token = github.workflow_token(repository, {"contents": "read"}).value
    history = GitHubHistory(token, make_context(tmp_path, GITHUB_API_URL=github.api_url), RecordingLog())
    assert history.default_branch() == "main"
    assert history.merge_base(later, head) == base
    assert history.merge_base("refs/heads/main", head) == head, "it is merged"
    found = dict(history.ancestors(merged))
    assert found[merged] == (later, head)
    assert list(found)[:4] == [merged, later, head, base]
    with pytest.raises(GitHubRefused):
        history.merge_base("refs/heads/none", head)


def test_ancestors_are_read_page_by_page_as_they_are_needed(
    github: GitHubServer, repository: Repository, tmp_path: Path
) -> None:
    for number in range(250):
        repository.push("main", by="writer", message=f"commit {number}")
    token = github.workflow_token(repository, {"contents": "read"}).value
    history = GitHubHistory(token, make_context(tmp_path, GITHUB_API_URL=github.api_url), RecordingLog())
    github.exchanges.clear()
    assert len(list(islice(history.ancestors(repository.branches["main"]), 150))) == 150
    assert len(github.exchanges) == 2
