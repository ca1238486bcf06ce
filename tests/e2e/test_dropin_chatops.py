"""Workflows written for the action that chatops replaces, with nothing but `uses:` replaced.

Three uses: a phrase that has the pull request's branch checked out and labelled; the label, which a GitHub App sets and that
starts a second workflow; and a phrase with an argument, whose workflow deploys a branch by the App's token.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from mlops_actions.sandbox.github import Delivery, GitHubServer, PullRequest
from tests.e2e.act import SUITE, Act, WorkflowRun
from tests.e2e.test_act import commit

CHECKOUT = "actions/checkout@11bd71901bbe5b1630ceea73d27597364c9af683"
ON_A_PHRASE = f"""\
name: on a phrase
on: [issue_comment]
jobs:
  listen:
    runs-on: ubuntu-latest
    steps:
      - name: wait for the phrase
        id: heard
        uses: {SUITE}/actions/chatops@v1
        with:
          APP_PEM: ${{{{ secrets.APP_PEM }}}}
          APP_ID: ${{{{ secrets.APP_ID }}}}
          TRIGGER_PHRASE: "/run-full-test"
          INDICATOR_LABEL: "full-test"
        env:
          GITHUB_TOKEN: ${{{{ secrets.GITHUB_TOKEN }}}}
      - name: take the pull request's code
        if: steps.heard.outputs.BOOL_TRIGGERED == 'true'
        uses: {CHECKOUT}
        with:
          ref: ${{{{ steps.heard.outputs.SHA }}}}
      - name: show what was heard
        id: seen
        if: steps.heard.outputs.BOOL_TRIGGERED == 'true'
        env:
          NUMBER: ${{{{ steps.heard.outputs.PULL_REQUEST_NUMBER }}}}
          WHO: ${{{{ steps.heard.outputs.COMMENTER_USERNAME }}}}
          BRANCH: ${{{{ steps.heard.outputs.BRANCH_NAME }}}}
          LINE: ${{{{ steps.heard.outputs.TRAILING_LINE }}}}
          TOKEN: ${{{{ steps.heard.outputs.TRAILING_TOKEN }}}}
        run: |
          echo "seen=$NUMBER|$WHO|$BRANCH|$LINE|$TOKEN" >> "$GITHUB_OUTPUT"
          echo "model=$(cat "$GITHUB_WORKSPACE/model.txt")" >> "$GITHUB_OUTPUT"
"""
ON_THE_LABEL = f"""\
name: on the label
on:
  pull_request:
    types: [labeled]
jobs:
  test:
    if: github.event.label.name == 'full-test'
    runs-on: ubuntu-latest
    steps:
      - uses: {CHECKOUT}
        with:
          ref: ${{{{ github.event.pull_request.head.sha }}}}
      - id: tested
        run: echo "model=$(cat "$GITHUB_WORKSPACE/model.txt")" >> "$GITHUB_OUTPUT"
"""
ON_DEPLOY = f"""\
name: on deploy
on: [issue_comment]
jobs:
  deploy:
    runs-on: ubuntu-latest
    steps:
      - id: chatops
        uses: {SUITE}/actions/chatops@v1
        with:
          APP_PEM: ${{{{ secrets.APP_PEM }}}}
          APP_ID: ${{{{ secrets.APP_ID }}}}
          TRIGGER_PHRASE: "/deploy"
        env:
          GITHUB_TOKEN: ${{{{ secrets.GITHUB_TOKEN }}}}
      - name: ask for the deployment as the App
        if: steps.chatops.outputs.BOOL_TRIGGERED == 'true'
        id: deploy
        env:
          APP_TOKEN: ${{{{ steps.chatops.outputs.APP_INSTALLATION_TOKEN }}}}
          BRANCH: ${{{{ steps.chatops.outputs.BRANCH_NAME }}}}
          RUN_ID: ${{{{ steps.chatops.outputs.TRAILING_TOKEN }}}}
        run: |
          body="{{\\"ref\\": \\"$BRANCH\\", \\"auto_merge\\": false, \\"payload\\": {{\\"run_id\\": \\"$RUN_ID\\"}}}}"
          curl --silent --show-error --fail --request POST --header "Authorization: token $APP_TOKEN" \\
            --data "$body" "$GITHUB_API_URL/repos/$GITHUB_REPOSITORY/deployments" > /dev/null
"""
FILES = {"phrase": ON_A_PHRASE, "label": ON_THE_LABEL, "deploy": ON_DEPLOY}


@dataclass
class Old:
    """A repository whose workflows were written for the replaced action."""

    github: GitHubServer
    pull: PullRequest
    origin: Path
    act: Act
    secrets: dict[str, str]

    def run(self, workflow: str, delivery: Delivery[object]) -> WorkflowRun:
        run = self.act.run(
            self.origin,
            f".github/workflows/{workflow}.yml",
            event_name=delivery.event,
            event=delivery.payload,
            repository="octo-org/digits",
            actor=str(delivery.payload["sender"]["login"]),
            env={"GITHUB_API_URL": self.github.api_url, "GITHUB_SERVER_URL": self.github.origin},
            secrets=self.secrets,
        )
        assert run.exit_code == 0, run.transcript
        return run


@pytest.fixture
def old(act: Act, tmp_path: Path) -> Iterator[Old]:
    origin = tmp_path / "origin"
    subprocess.run(["git", "init", "--quiet", "--initial-branch", "main", str(origin)], check=True)
    workflows = {f".github/workflows/{name}.yml": text for name, text in FILES.items()}
    main = commit(origin, {**workflows, "model.txt": "old"}, "Add workflows")
    subprocess.run(["git", "-C", str(origin), "checkout", "--quiet", "-b", "schedule"], check=True)
    head = commit(origin, {"model.txt": "new"}, "Change the model")
    github = GitHubServer()
    with github.serve():
        repository = github.repository("octo-org/digits", sha=main)
        repository.collaborator("maintainer", "maintain")
        github.user("outsider")
        pull = repository.open_pull_request(by="maintainer", head="schedule", sha=head)
        granted = {"pull_requests": "write", "issues": "write", "deployments": "write", "contents": "read"}
        app = github.register_app("ml-bot", permissions=granted, repositories=[repository])
        token = github.workflow_token(repository, "write-all").value
        secrets = {"APP_ID": str(app.id), "APP_PEM": app.private_key, "GITHUB_TOKEN": token}
        yield Old(github, pull, origin, act, secrets)


def test_a_phrase_checks_out_the_pull_request_and_its_label_starts_the_next_workflow(old: Old) -> None:
    run = old.run("phrase", old.pull.comment("Let us see: /run-full-test on gpu please", by="maintainer"))
    assert run.step("heard").outputs["BOOL_TRIGGERED"] == "True"
    assert run.step("heard").outputs["sha"] == old.pull.head_sha
    assert run.step("seen").outputs == {"seen": "1|maintainer|schedule|on gpu please|on", "model": "new"}
    assert "full-test" in old.pull.label_names

    labeled = next(one for one in old.github.deliveries if one.event == "pull_request" and one.action == "labeled")
    # What a workflow's own token does starts no workflow; that is what the App is for.
    assert labeled.starts_workflows
    assert labeled.payload["sender"]["login"] == "ml-bot[bot]"
    second = old.run("label", labeled)
    assert second.step("tested").outputs == {"model": "new"}


def test_a_deployment_by_the_apps_token_names_the_run_and_starts_workflows(old: Old) -> None:
    run = old.run("deploy", old.pull.comment("/deploy 3k9x7wq1", by="maintainer"))
    assert run.steps["deploy", "deploy"].outcome == "success"
    (deployment,) = old.pull.repository.deployments.values()
    assert (deployment.sha, deployment.ref, deployment.payload) == (old.pull.head_sha, "schedule", {"run_id": "3k9x7wq1"})
    delivery = next(one for one in old.github.deliveries if one.event == "deployment")
    assert delivery.payload["sender"]["login"] == "ml-bot[bot]"
    assert run.step("chatops").outputs["APP_INSTALLATION_TOKEN"] in old.github.tokens
    assert old.secrets["APP_PEM"].splitlines()[3] not in json.dumps([record.get("msg", "") for record in run.records])


def test_what_was_unsafe_is_no_more(old: Old) -> None:
    """The replaced action took the phrase from anybody, and gave them the App's token."""
    run = old.run("deploy", old.pull.comment("/deploy 3k9x7wq1", by="outsider"))
    assert run.step("chatops").outputs["BOOL_TRIGGERED"] == "False"
    assert not run.step("chatops").outputs.get("APP_INSTALLATION_TOKEN")
    assert ("deploy", "deploy") not in run.steps
    assert old.pull.repository.deployments == {}
