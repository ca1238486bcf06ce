"""Workflows whose containers run in Docker on the real cluster, first of all the example's own with its training image.

The image is built from the example's Dockerfile, pushed to Debian's registry, and named by its digest; the training logs to
the sandbox's W&B, where wandb-runs finds it by its commit.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from mlops_actions.core.provenance import RUN
from mlops_sandbox.demo import repository as digits
from mlops_sandbox.host import Host
from mlops_sandbox.runner.files import read_file_command
from mlops_sandbox.wandb import WandbServer
from tests.actions.argo_submit.job import Job
from tests.e2e.cluster.real import RealCluster
from tests.e2e.cluster.workflows import has_ended, job_of, manifest, run, running
from tests.e2e.debian_registry import DebianRegistry
from tests.e2e.docker_daemon import Docker
from tests.e2e.images import BASE_IMAGE, ROOT

IMAGE = "digits"
# A name beside the registry's, which goes with it: this one keeps the layers for the next run.
KEPT_IMAGE = "mlops-actions-e2e/digits"
PULL_REQUEST = 7


@pytest.fixture(scope="module")
def wandb() -> Iterator[tuple[WandbServer, str]]:
    server = WandbServer()
    with Host(server.app) as host:
        yield server, host.url


@dataclass(frozen=True)
class Trained:
    """The job that had the example train on the cluster."""

    job: Job
    exit_code: int
    sha: str
    image: str


@pytest.fixture(scope="module")
def trained(
    docker_cluster: RealCluster,
    docker: Docker,
    registry: DebianRegistry,
    wandb: tuple[WandbServer, str],
    tmp_path_factory: pytest.TempPathFactory,
) -> Trained:
    root = tmp_path_factory.mktemp("digits")
    repository = digits.create(root / "repository")
    image = published(docker, registry, repository.path, repository.main, root / "docker")
    server, url = wandb
    docker_cluster.put_secret("wandb", {"api-key": server.api_key, "base-url": url, "entity": server.entity})
    job = job_of(docker_cluster, root / "job")
    workflow = job.write("workflow.yaml", (repository.path / "workflow.yaml").read_text())
    inputs = {"image": image, "sha": repository.main, "pr_number": str(PULL_REQUEST)}
    code = run(job, workflow=workflow, parameters="lr=3e-3\nepochs=3", **inputs)
    return Trained(job, code, repository.main, image)


def published(docker: Docker, registry: DebianRegistry, context: Path, tag: str, client: Path) -> str:
    """Build the training image and push it; returns its name by digest."""
    subprocess.run([ROOT / "tools/e2e/base-image.sh", BASE_IMAGE], env=docker.environment, check=True)
    name = f"{registry.host}/{IMAGE}"
    environment = {**docker.environment, "DOCKER_CONFIG": str(registry.log_in(client))}

    def call(*command: str) -> None:
        done = subprocess.run(
            ["docker", *command], env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
        )
        assert done.returncode == 0, done.stdout

    call("build", "--quiet", "--tag", KEPT_IMAGE, "--tag", f"{name}:{tag}", str(context))
    call("push", "--quiet", f"{name}:{tag}")
    return f"{name}@{registry.digest(IMAGE, tag)}"


def test_the_example_trains_and_hands_on_what_it_measured(trained: Trained) -> None:
    assert trained.exit_code == 0, trained.job.log
    assert (trained.job.outputs["phase"], trained.job.outputs["failed-nodes"]) == ("Succeeded", "[]")
    outputs = json.loads(trained.job.outputs["outputs"])
    assert set(outputs) == {"data-version", "run-id", "test-accuracy"}
    assert float(outputs["test-accuracy"]) > 0.8
    assert "epoch   3: loss" in trained.job.log


def test_every_container_of_it_ran_from_that_digest(
    trained: Trained, docker_cluster: RealCluster, registry: DebianRegistry
) -> None:
    name = trained.job.outputs["workflow-name"]
    pods = docker_cluster.pods(name)
    ran = [container["image"] for pod in pods for container in pod["spec"]["containers"] if container["name"] == "main"]
    assert ran == [trained.image] * 4  # preprocess, a training for each of two seeds, evaluate
    digest = trained.image.partition("@")[2]
    assert registry.digest(IMAGE, digest) == digest
    workflow = docker_cluster.workflow(name)
    given = {one["name"]: one.get("value") for one in workflow["spec"]["arguments"]["parameters"]}
    assert (given["image"], given["sha"], given["pr"]) == (trained.image, trained.sha, str(PULL_REQUEST))
    recorded = json.dumps(workflow["metadata"])
    assert trained.sha in recorded
    assert trained.image in recorded


def test_the_tracker_knows_its_runs_by_the_commit(trained: Trained, wandb: tuple[WandbServer, str], tmp_path: Path) -> None:
    server, url = wandb
    runs = server.store.project(server.entity, "digits").runs.values()
    assert {one.commit for one in runs} == {trained.sha}
    assert sorted(one.state for one in runs) == ["finished", "finished"]
    assert json.loads(trained.job.outputs["outputs"])["run-id"] in {one.name for one in runs}
    inputs = {"PROJECT": f"{server.entity}/digits", "SHA": trained.sha, "METRICS": "test_accuracy:max"}
    environ = {
        **trained.job.environ,
        **server.environment(url),
        "GITHUB_OUTPUT": str(tmp_path / "output"),
        "GITHUB_WORKSPACE": str(tmp_path),
        **{f"INPUT_{name}": value for name, value in inputs.items()},
    }
    command = [sys.executable, "-m", "mlops_actions", "wandb-runs"]
    done = subprocess.run(command, env=environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    assert done.returncode == 0, done.stdout
    outputs = read_file_command((tmp_path / "output").read_text())
    assert (outputs["num-finished"], outputs["complete"], outputs["verified"]) == ("2", "true", "true")


def test_a_container_is_what_its_template_says(job: Job, docker_cluster: RealCluster, tools_image: str) -> None:
    docker_cluster.put_secret("words", {"first": "several\nlines", "second": "$(not) `run` 'nor' \"quoted\""})
    text = manifest(
        """
entrypoint: main
templates:
- name: main
  steps:
  - - {name: made, template: made}
  - - {name: read, template: read, arguments: {artifacts: [{name: tree, from: "{{steps.made.outputs.artifacts.tree}}"}]}}
  - - {name: said, template: echo, arguments: {parameters: [{name: text, value: "{{steps.read.outputs.result}}"}]}}
  outputs: {parameters: [{name: said, valueFrom: {parameter: "{{steps.said.outputs.parameters.text}}"}}]}
- name: made
  outputs: {artifacts: [{name: tree, path: /made/tree}]}
  container:
    image: IMAGE
    workingDir: /made
    command: [sh, -c]
    args: ['mkdir -p tree/deep; printf %s "$FIRST" >tree/deep/first; printf %s "$SECOND" >tree/second']
    env:
    - {name: FIRST, valueFrom: {secretKeyRef: {name: words, key: first}}}
    - {name: SECOND, valueFrom: {secretKeyRef: {name: words, key: second}}}
- name: read
  inputs: {artifacts: [{name: tree, path: /elsewhere/tree}]}
  script:
    image: IMAGE
    command: [python3]
    source: |
      import json, pathlib, sys
      print("this line is no result", file=sys.stderr)
      root = pathlib.Path("/elsewhere/tree")
      print(len((root / "deep/first").read_text().splitlines()), (root / "second").read_text().count("$"))
""",
        image=tools_image,
    )
    assert run(job, workflow=text) == 0, job.log
    assert json.loads(job.outputs["outputs"]) == {"said": "2 1"}
    assert "\nthis line is no result\n" in job.log


def test_a_cancelled_job_ends_the_containers_too(
    job: Job, docker_cluster: RealCluster, docker: Docker, tools_image: str
) -> None:
    name = "e2e-container-stop"
    text = manifest("entrypoint: sleep\nonExit: bye", image=tools_image, name=name)
    with running(job, "▶", workflow=text, idempotency="none") as step:
        docker_cluster.until(name, lambda one: one["status"]["nodes"][name]["phase"] == "Running")
        step.cancel()
    assert docker_cluster.until(name, has_ended)["status"]["phase"] == "Failed"
    assert len(docker_cluster.pods_ended(name)) == 2
    assert docker("ps", "--all", "--quiet", "--filter", f"name={name}").split() == []


def test_an_image_that_cannot_be_had_is_named(job: Job, docker_cluster: RealCluster, registry: DebianRegistry) -> None:
    missing = f"{registry.host}/octo-org/never-pushed@sha256:{'0' * 64}"
    with running(job, "cannot start yet: ImagePullBackOff", workflow=manifest("entrypoint: fail", image=missing)) as step:
        assert "never-pushed" in step.log
        step.cancel()
    [failed] = docker_cluster.workflows(f"{RUN}={job.environ['GITHUB_RUN_ID']}")
    assert docker_cluster.until(failed["metadata"]["name"], has_ended)["status"]["phase"] == "Failed"


def test_a_secret_that_comes_late_is_waited_for(job: Job, cluster: RealCluster) -> None:
    text = manifest("""
entrypoint: main
templates:
- name: main
  container:
    image: IMAGE
    command: [sh, -c, "echo it is here: $LATE"]
    env: [{name: LATE, valueFrom: {secretKeyRef: {name: late, key: word}}}]
""")
    with running(job, "cannot start yet: CreateContainerConfigError", workflow=text) as step:
        assert "secret 'late' has no 'word'" in step.log
        cluster.put_secret("late", {"word": "now"})
    assert step.returncode == 0, job.log
    assert "\nit is here: now\n" in job.log
