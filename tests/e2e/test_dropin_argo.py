"""Workflows written for gke-argo and actions-argo, with nothing but `uses:` replaced."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from mlops_sandbox.cluster import Cluster, LocalImage, ProcessExecutor
from mlops_sandbox.cluster.access import SUBMITTER
from mlops_sandbox.cluster.resources import WORKFLOWS
from mlops_sandbox.github import GitHubServer, PullRequest
from mlops_sandbox.host import Host
from tests.e2e.act import Act
from tests.e2e.container_step import ContainerRunner
from tests.e2e.dropin import OldRepository
from tests.e2e.publishing import EVENT
from tests.support.cluster_certificates import for_loopback
from tests.support.google import Google

LABEL = "Full Test Pending"
LABEL_SCRIPT = """\
import json, os

with open(os.environ["GITHUB_EVENT_PATH"]) as file:
    event = json.load(file)
labels = [label["name"] for label in event["pull_request"]["labels"]]
with open(os.environ["GITHUB_OUTPUT"], "a") as file:
    print(f"TRIGGERED={os.environ['WANTED'] in labels}", file=file)
    print(f"ISSUE_NUMBER={event['number']}", file=file)
    print(f"HEAD_SHA={event['pull_request']['head']['sha']}", file=file)
"""
PIPELINE = """\
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata:
  generateName:  actions-
  labels:
    workflow: actions
spec:
  entrypoint: actions
  onExit: tell
  arguments:
    parameters:
    - name: GITHUB-SHA
      value: NOT_SUPPLIED
    - name: PR-NUMBER
      value: 0
    - name: REPO
      value: NOT_SUPPLIED
  templates:
  - name: actions
    container:
      image: trainer
      command: [sh, -c]
      args: ['echo training {{workflow.parameters.GITHUB-SHA}} of {{workflow.parameters.REPO}}']
  - name: tell
    container:
      image: trainer
      command: [sh, -c]
      args: ['echo {{workflow.status}}']
"""
# `extra` is used, and declared nowhere but in the parameter file, as the command line of Argo allows.
COINFLIP = """\
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata:
  generateName: coinflip-
spec:
  entrypoint: flip
  arguments:
    parameters:
    - name: log-level
      value: INFO
    - name: repo
      value: https://git.example/data
  templates:
  - name: flip
    container:
      image: trainer
      command: [sh, -c]
      args: ['echo {{workflow.parameters.log-level}} {{workflow.parameters.repo}}']
"""
PARAMETERS = """\
message: a message from the file
message-heads: (from the file) heads
log-level: WARNING
seed: 007
"""
FILES = {
    "ci/label.py": LABEL_SCRIPT,
    "pipelines/workflow.yaml": PIPELINE,
    "pipelines/params.yaml": "WANDB-PROJECT: digits\n",
    "examples/coinflip.yaml": COINFLIP,
    "examples/arguments-parameters.yaml": PARAMETERS,
}


@dataclass
class Platform:
    """A cluster that Google describes, and a repository whose users have an account there."""

    old: OldRepository
    cluster: Cluster
    google: Google

    def workflow(self, page: str) -> Any:
        """The workflow that a link leads to."""
        return self.cluster.store.get(WORKFLOWS, "default", page.rpartition("/")[2])


def parameters(workflow: Any) -> dict[str, str]:
    return {one["name"]: one.get("value") for one in workflow["spec"]["arguments"]["parameters"]}


def account(token_uri: str) -> str:
    """A service account's key as people keep it in a secret: base64, and folded as `base64` prints it."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    info = {"type": "service_account", "client_email": "ci@acme.test", "private_key": pem.decode(), "token_uri": token_uri}
    return base64.encodebytes(json.dumps(info).encode()).decode()


@pytest.fixture
def platform(act: Act, tmp_path: Path) -> Iterator[Platform]:
    old = OldRepository.make(act, tmp_path / "origin", ["gke-argo", "actions-argo"], FILES)
    certificate = for_loopback(tmp_path, "gke")
    authority = base64.b64encode(certificate.certificate.read_bytes()).decode()
    (tmp_path / "both.pem").write_bytes(certificate.certificate.read_bytes() + certificate.key.read_bytes())
    with (
        Cluster(ProcessExecutor({"": LocalImage()})) as cluster,
        Host(cluster.app) as plain,
        Host(cluster.app, certificate=tmp_path / "both.pem") as api,
    ):
        described = {"endpoint": api.url.partition("//")[2], "masterAuth": {"clusterCaCertificate": authority}}
        name = "projects/acme/locations/us-west1-a/clusters/github-actions-demo"
        google = Google({name: described}, mint=lambda: cluster.add_user("ci@acme.test", SUBMITTER))
        with Host(google.app) as host:
            # Where a private endpoint of Google's API is, by the variable of Google's own tools.
            old.env["CLOUDSDK_API_ENDPOINT_OVERRIDES_CONTAINER"] = host.url
            old.secrets |= {
                "ARGO_URI": "https://argo.example/workflows/default",
                "ARGO_URL": "https://argo.example/",
                "GOOGLE_APPLICATION_CREDENTIALS": account(f"{host.url}/token"),
                "GOOGLE_PROJECT_ID": "acme",
                "KUBECONFIG_DATA": base64.b64encode(cluster.kubeconfig(plain.url).encode()).decode(),
                "GITHUB_TOKEN": "the-jobs-own",
            }
            yield Platform(old, cluster, google)


@pytest.fixture
def pull(platform: Platform) -> Iterator[PullRequest]:
    """A pull request on GitHub's stand-in, which the repository's workflows ask."""
    old, github = platform.old, GitHubServer()
    main = old.head
    with github.serve():
        repository = github.repository(old.name, sha=main)
        repository.collaborator("maintainer", "maintain")
        old.env |= {"GITHUB_API_URL": github.api_url, "GITHUB_SERVER_URL": github.origin}
        old.secrets["GITHUB_TOKEN"] = github.workflow_token(repository, "write-all").value
        yield repository.open_pull_request(by="maintainer", head="schedule", sha=main)


def test_gke_argo_submits_with_the_parameters_that_the_job_wrote(platform: Platform, pull: PullRequest) -> None:
    delivery = pull.label(LABEL, by="maintainer")
    platform.old.actor = "ml-bot[bot]"
    run = platform.old.run("gke-argo", delivery.event, delivery.payload)
    page = run.step("link").outputs["at"]
    workflow = platform.workflow(page)
    name = workflow["metadata"]["name"]
    assert page == f"https://argo.example/workflows/default/{name}"
    assert name.startswith(f"actions-{pull.head_sha[:7]}-")
    assert parameters(workflow) == {
        "GITHUB-SHA": pull.head_sha,
        "PR-NUMBER": str(pull.number),
        "REPO": platform.old.name,
        "WANDB-PROJECT": "digits",
    }
    assert workflow["metadata"]["labels"]["workflow"] == "actions"
    # Nobody waited: the job ends while the cluster works.
    assert run.step("argo").outputs["phase"] in ("", "Pending", "Running", "Succeeded")
    assert "training" not in run.step("argo").log
    assert len(platform.google.tokens) == 1
    assert platform.google.tokens[0] not in run.transcript


def test_actions_argo_submits_by_the_kubeconfig_that_lies_in_the_workspace(platform: Platform) -> None:
    run = platform.old.push("actions-argo")
    first, second = (platform.workflow(run.step("links").outputs[name]) for name in ("first", "second"))
    assert first["metadata"]["name"] != second["metadata"]["name"]
    given = parameters(first)
    assert given == {
        "log-level": "WARNING",
        "repo": "https://git.example/data",
        "message": "a message from the file",
        "message-heads": "(from the file) heads",
        "seed": "007",
    }
    assert parameters(second) == {"log-level": "INFO", "repo": "https://git.example/data"}
    assert run.step("links").outputs["first"] == f"https://argo.example/workflows/default/{first['metadata']['name']}"


def test_actions_argo_finds_the_kubeconfig_by_the_path_that_its_readme_names(runner: ContainerRunner) -> None:
    """The workspace is `/github/workspace` where GitHub's runner mounts it; act has it elsewhere."""
    with Cluster(ProcessExecutor({"": LocalImage()})) as cluster, Host(cluster.app) as api:
        for name, text in {"coinflip.yaml": COINFLIP, ".kube/config": cluster.kubeconfig(api.url)}.items():
            (runner.workspace / name).parent.mkdir(exist_ok=True)
            (runner.workspace / name).write_text(text)
        inputs = {"argo_url": "https://argo.example", "workflow_yaml_path": "coinflip.yaml"}
        env = {"KUBECONFIG": "/github/workspace/.kube/config"}
        step = runner.on_host.run("argo-submit", inputs=inputs, env=env, event_name="push", event=EVENT)
        assert step.exit_code == 0, step.log
        name = step.outputs["WORKFLOW_URL"].removeprefix("https://argo.example/workflows/default/")
        assert cluster.store.get(WORKFLOWS, "default", name)["metadata"]["name"] == name
