"""A sample of the acceptance cases in the image of chatops, as a runner starts it; and a pipeline of several jobs."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from mlops_sandbox.github import GitHubServer
from tests.actions.chatops import test_cases as acceptance
from tests.actions.chatops.case import play
from tests.actions.chatops.step import ChatopsStep
from tests.e2e.act import Act
from tests.e2e.container_step import ContainerRunner
from tests.e2e.docker_daemon import Docker
from tests.support.git import commit

SAMPLE = (
    "all forms of arguments",
    "prose",
    "an outsider",
    "pushed after the comment",
    "legacy phrase",
    "check passed",
    "label",
    "review comment",
    "by hand with a pin",
    "fork approved",
    "call-back",
    "call-back for a foreign commit",
)


@pytest.fixture
def github(docker: Docker) -> Iterator[GitHubServer]:
    server = GitHubServer()
    with server.serve(docker.gateway):
        yield server


@pytest.mark.parametrize("name", SAMPLE)
def test_case_in_the_image(name: str, github: GitHubServer, tmp_path: Path, runner: ContainerRunner) -> None:
    play(acceptance.CASES[name], ChatopsStep(github, tmp_path, run_elsewhere=runner.run_step))


README = Path(__file__).parents[2] / "actions/chatops/README.md"


@pytest.mark.parametrize(
    ("works", "concluded", "reaction"), [("true", "success", "rocket"), ("false", "failure", "confused")]
)
def test_the_last_job_of_a_pipeline_concludes(
    works: str, concluded: str, reaction: str, act: Act, github: GitHubServer, tmp_path: Path
) -> None:
    """Run the README's workflow, with work in its second job."""
    (jobs,) = [part for part in README.read_text().split("```yaml\n") if part.startswith("jobs:")]
    workflow = "on: issue_comment\n" + jobs.partition("```")[0]
    workflow = workflow.replace("    # ...\n", f"    runs-on: ubuntu-latest\n    steps:\n      - run: {works}\n")
    origin = tmp_path / "origin"
    subprocess.run(["git", "init", "--quiet", "--initial-branch", "main", str(origin)], check=True)
    sha = commit(origin, {".github/workflows/train.yml": workflow}, "Train")
    repository = github.repository("octo-org/digits", sha=sha)
    repository.collaborator("maintainer", "maintain")
    pull = repository.open_pull_request(by="maintainer")
    delivery = pull.comment("/train", by="maintainer")

    run = act.run(
        origin,
        ".github/workflows/train.yml",
        event_name=delivery.event,
        event=delivery.payload,
        repository="octo-org/digits",
        actor="maintainer",
        env={"GITHUB_API_URL": github.api_url, "GITHUB_SERVER_URL": github.origin},
        secrets={"GITHUB_TOKEN": github.workflow_token(repository, "write-all").value},
    )

    assert run.jobs == {"listen": "success", "train": concluded, "finish": "success"}, run.transcript
    (check,) = repository.check_runs.values()
    assert (check.name, check.conclusion) == ("training", concluded)
    assert [one.content for one in delivery.subject.reactions] == [reaction]
