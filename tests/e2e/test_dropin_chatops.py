"""Workflows for the two actions that chatops replaces, with only `uses:` changed.

Four uses: a phrase whose workflow checks out the pull request's branch and sets a label; that label, which a GitHub App
sets, so that it starts a second workflow; a phrase with an argument, whose workflow deploys a run with the App's token;
and, for the older action, a phrase that a label and a comment acknowledge.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from mlops_sandbox.github import Delivery, GitHubServer, PullRequest
from mlops_sandbox.host import Host
from mlops_sandbox.wandb import WandbServer
from tests.e2e.act import Act, WorkflowRun
from tests.e2e.dropin import HERE, OldRepository
from tests.e2e.publishing import git

WORKFLOWS = ("chatops-phrase", "chatops-deploy", "chatops-deprecated")
FILES = {".github/workflows/chatops-label.yml": (HERE / "chatops-label.yml").read_text(), "model.txt": "old"}
RUN = "3k9x7wq1"


@dataclass
class Chat:
    """A pull request in a repository with the older workflows, and the services they use."""

    old: OldRepository
    github: GitHubServer
    pull: PullRequest

    def run(self, workflow: str, delivery: Delivery[Any]) -> WorkflowRun:
        self.old.actor = str(delivery.payload["sender"]["login"])
        return self.old.run(workflow, delivery.event, delivery.payload)


@pytest.fixture
def chat(act: Act, tmp_path: Path) -> Iterator[Chat]:
    old = OldRepository.make(act, tmp_path / "origin", WORKFLOWS, FILES)
    main = old.head
    git(old.origin, "checkout", "--quiet", "-b", "schedule")
    head = old.commit({"model.txt": "new"}, "Change the model")
    github, wandb = GitHubServer(), WandbServer()
    with github.serve(), Host(wandb.app) as tracker:
        repository = github.repository(old.name, sha=main)
        repository.collaborator("maintainer", "maintain")
        github.user("outsider")
        pull = repository.open_pull_request(by="maintainer", head="schedule", sha=head)
        granted = {"pull_requests": "write", "issues": "write", "deployments": "write", "contents": "read"}
        app = github.register_app("ml-bot", permissions=granted, repositories=[repository])
        wandb.store.add_run("sandbox", "digits", name=RUN, config={"github_sha": head})
        old.env |= {"GITHUB_API_URL": github.api_url, "GITHUB_SERVER_URL": github.origin, "WANDB_BASE_URL": tracker.url}
        old.secrets |= {
            "APP_ID": str(app.id),
            "APP_PEM": app.private_key,
            "GITHUB_TOKEN": github.workflow_token(repository, "write-all").value,
            "WANDB_API_KEY": wandb.api_key,
            "WANDB_ENTITY": "sandbox",
            "WANDB_PROJECT": "digits",
        }
        yield Chat(old, github, pull)


def test_a_phrase_checks_out_the_pull_request_and_its_label_starts_the_next_workflow(chat: Chat) -> None:
    run = chat.run("chatops-phrase", chat.pull.comment("Let us see: /run-full-test on gpu please", by="maintainer"))
    assert run.step("heard").outputs["BOOL_TRIGGERED"] == "True"
    assert run.step("heard").outputs["sha"] == chat.pull.head_sha
    assert run.step("seen").outputs == {"seen": "1|maintainer|schedule|on gpu please|on", "model": "new"}
    assert "full-test" in chat.pull.label_names

    labeled = next(one for one in chat.github.deliveries if one.event == "pull_request" and one.action == "labeled")
    # The effects of a workflow's own token start no workflow; those of an App do.
    assert labeled.starts_workflows
    assert labeled.payload["sender"]["login"] == "ml-bot[bot]"
    second = chat.run("chatops-label", labeled)
    assert second.step("tested").outputs == {"model": "new"}


def test_a_comment_without_the_phrase_triggers_nothing(chat: Chat) -> None:
    run = chat.run("chatops-phrase", chat.pull.comment("Looks good to me", by="maintainer"))
    assert run.step("heard").outputs["BOOL_TRIGGERED"] == "False"
    assert ("listen", "seen") not in run.steps
    assert chat.pull.label_names == []


def test_a_deployment_by_the_apps_token_names_the_run_and_starts_workflows(chat: Chat) -> None:
    run = chat.run("chatops-deploy", chat.pull.comment(f"/deploy {RUN}", by="maintainer"))
    assert run.step("wandb").outputs["BOOL_SINGLE_RUN"] == "True"
    assert run.steps["deploy", "deploy"].outcome == "success"
    (deployment,) = chat.pull.repository.deployments.values()
    assert (deployment.sha, deployment.ref, deployment.payload) == (chat.pull.head_sha, "schedule", {"run_id": RUN})
    delivery = next(one for one in chat.github.deliveries if one.event == "deployment")
    assert delivery.payload["sender"]["login"] == "ml-bot[bot]"
    assert run.step("chatops").outputs["APP_INSTALLATION_TOKEN"] in chat.github.tokens
    assert chat.old.secrets["APP_PEM"].splitlines()[3] not in json.dumps([record.get("msg", "") for record in run.records])


def test_an_unknown_run_is_not_deployed(chat: Chat) -> None:
    run = chat.run("chatops-deploy", chat.pull.comment("/deploy another", by="maintainer"))
    assert run.step("wandb").outputs["BOOL_SINGLE_RUN"] == "False"
    assert chat.pull.repository.deployments == {}


def test_an_outsider_cannot_deploy(chat: Chat) -> None:
    """The replaced action accepted the phrase from anybody, and emitted the App's token."""
    run = chat.run("chatops-deploy", chat.pull.comment(f"/deploy {RUN}", by="outsider"))
    assert run.step("chatops").outputs["BOOL_TRIGGERED"] == "False"
    assert not run.step("chatops").outputs.get("APP_INSTALLATION_TOKEN")
    assert ("deploy", "deploy") not in run.steps
    assert chat.pull.repository.deployments == {}


def test_the_first_action_acknowledged_by_a_label_and_a_comment(chat: Chat) -> None:
    run = chat.run("chatops-deprecated", chat.pull.comment("Please, @octobot train this", by="maintainer"))
    assert run.step("prcomm").outputs["triggered"] == "true"
    assert run.step("seen").outputs == {"seen": "1|maintainer|schedule", "model": "new"}
    assert chat.pull.label_names == ["training-asked"]
    assert [comment.body for comment in chat.pull.comments if comment.user.is_bot] == ["On it."]
    ignored = chat.run("chatops-deprecated", chat.pull.comment("@octobot, hello", by="maintainer"))
    assert ignored.step("prcomm").outputs["triggered"] == "false"
    assert ("demo", "seen") not in ignored.steps
