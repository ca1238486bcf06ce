"""deploy.yml with its post steps: the state of the deployments after an accepted and a refused run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from mlops_sandbox.actions import GitHubActions
from mlops_sandbox.cluster import ProcessExecutor
from mlops_sandbox.demo import repository as digits
from mlops_sandbox.demo.story import CONTRIBUTOR, MAINTAINER, NAME
from mlops_sandbox.github import PullRequest, render_page
from mlops_sandbox.runner.job import Settings
from mlops_sandbox.runner.workflow import load
from mlops_sandbox.suite import Sandbox

DEPLOY = ".github/workflows/deploy.yml"


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(ProcessExecutor(lambda _: None)) as server:
        yield server


@pytest.fixture(scope="module")
def origin(tmp_path_factory: pytest.TempPathFactory) -> digits.DigitsRepository:
    return digits.create(tmp_path_factory.mktemp("origin") / "digits")


@pytest.fixture(scope="module")
def pull(sandbox: Sandbox, origin: digits.DigitsRepository) -> PullRequest:
    repository = sandbox.github.repository(NAME, sha=origin.main, files=digits.files(origin.path))
    repository.collaborator(MAINTAINER, "maintain")
    repository.collaborator(CONTRIBUTOR, "write")
    repository.push(digits.BRANCH, by=CONTRIBUTOR, message=digits.TITLE, sha=origin.branch)
    opened = repository.open_pull_request(by=CONTRIBUTOR, head=digits.BRANCH)
    sandbox.github.clock.catch_up()
    return opened


@pytest.fixture(scope="module")
def say(
    sandbox: Sandbox, origin: digits.DigitsRepository, pull: PullRequest, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], str]:
    """Comment as the maintainer, run the workflow file as GitHub would, and return the conclusion of the job `deploy`."""
    actions = GitHubActions(sandbox.github, pull.repository, tmp_path_factory.mktemp("runs"))

    def say(body: str) -> str:
        delivery = pull.comment(body, by=MAINTAINER)
        settings = Settings(origin.path, sandbox.variables("digits"), sandbox.secrets(), lambda _: None)
        jobs = actions.create(load(origin.path / DEPLOY, DEPLOY), delivery, by=MAINTAINER).execute(settings).jobs
        assert [jobs[name].conclusion for name in ("listen", "finish")] == ["success", "success"]
        return jobs["deploy"].conclusion

    return say


def logged(sandbox: Sandbox, name: str, commit: str, **more: Any) -> None:
    wandb = sandbox.wandb
    summary = {"test_accuracy": 0.97, "val_accuracy": 0.96, "loss": 0.1}
    run = wandb.store.add_run(wandb.entity, "digits", name=name, commit=commit, **{"summary": summary, **more})
    project = wandb.store.project(wandb.entity, "digits")
    run.inputs.append(wandb.store.add_artifact(project.collection("digits", "dataset"), "d1"))
    wandb.store.add_artifact(project.collection("digits-model", "model"), f"model of {name}", run=run)


def test_an_accepted_run_is_deployed_and_a_refused_run_fails_its_deployment(
    sandbox: Sandbox, origin: digits.DigitsRepository, pull: PullRequest, say: Callable[[str], str]
) -> None:
    logged(sandbox, "baseline", origin.main, tags=["baseline"])
    for name in ("first", "second"):
        logged(sandbox, name, origin.branch)

    assert [say(f"/deploy {run}") for run in ("first", "baseline", "second", "unknown")] == [
        "success", "failure", "success", "failure",
    ]  # fmt: skip

    deployments = sorted(pull.repository.deployments.values(), key=lambda deployment: deployment.id)
    assert [deployment.payload for deployment in deployments] == [
        {"run": run} for run in ("first", "baseline", "second", "unknown")
    ]
    # GitHub itself turns no earlier deployment of an environment of this name inactive (`auto_inactive`).
    assert [deployment.state for deployment in deployments] == ["success", "failure", "success", "failure"]
    model = sandbox.wandb.store.project(sandbox.wandb.entity, "digits").collections["digits-model"].aliases["production"]
    assert model.run is not None
    assert model.run.name == "second"
    page = render_page(pull)
    for state, shown in (("failure", "Failure"), ("success", "Active")):
        assert f'<span class="state state-{state}">{shown}</span>' in page
    reactions = [
        {reaction.content for reaction in comment.reactions} for comment in pull.comments if not comment.user.is_bot
    ]
    assert reactions == [{"rocket"}, {"confused"}, {"rocket"}, {"confused"}]
