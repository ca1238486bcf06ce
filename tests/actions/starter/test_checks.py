"""What init writes passes the checks that a careful team has, and a server's dry run."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from mlops_actions.__main__ import main
from mlops_sandbox.cluster import Cluster, LocalImage, ProcessExecutor
from mlops_sandbox.cluster.resources import WORKFLOWS
from mlops_sandbox.host import Host
from tests.actions.argo_submit.job import SHA, Job

WORKFLOW = ".github/workflows/mlops.yml"
VARIANTS = {
    "few flags": [],
    "the example": ["--example"],
    "everything": [
        *("--registry", "registry.example:5000", "--registry-username", "robot$ml", "--namespace", "ml"),
        *("--metric", "val acc:max", "--gate", "val_acc >= baseline.mean", "--argo-url", "https://argo.example"),
        *("--wandb-base-url", "https://wandb.example", "--ref", "0123456789abcdef0123456789abcdef01234567"),
    ],
}


@pytest.fixture(params=VARIANTS)
def repository(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    directory = tmp_path / "repository"
    directory.mkdir()
    assert main(["init", "--directory", str(directory), "--project", "octo/digits", *VARIANTS[request.param]]) == 0
    return directory


def check(repository: Path, program: str, *arguments: str) -> None:
    found = Path(sys.executable).with_name(program)
    if not found.exists():
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed; `make lint` installs it")
        found = Path(program)
    command = [str(found), *arguments]
    done = subprocess.run(command, cwd=repository, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_zizmor_finds_nothing_even_as_a_pedant(repository: Path) -> None:
    check(repository, "zizmor", "--offline", "--persona", "pedantic", "--no-config", WORKFLOW)


def test_actionlint_finds_nothing(repository: Path) -> None:
    check(repository, "actionlint", "-shellcheck=", "-pyflakes=", WORKFLOW)


def test_the_workflow_is_of_githubs_schema(repository: Path) -> None:
    check(repository, "check-jsonschema", "--builtin-schema", "vendor.github-workflows", WORKFLOW)


def test_hadolint_and_the_shell_find_nothing(repository: Path) -> None:
    check(repository, "sh", "-n", "mlops/kubeconfig.sh")
    if (repository / "Dockerfile").exists():
        check(repository, "hadolint", "Dockerfile")


@pytest.fixture
def job(tmp_path: Path) -> Iterator[Job]:
    with Cluster(ProcessExecutor({"": LocalImage()})) as cluster, Host(cluster.app) as host:
        made = Job(tmp_path)
        made.environ["KUBECONFIG"] = str(cluster.write_kubeconfig(tmp_path / "kubeconfig", host.url))
        yield made
        assert cluster.store.items(WORKFLOWS)[0] == []


def test_the_cluster_takes_the_workflow_in_a_dry_run(repository: Path, job: Job) -> None:
    text = (repository / "mlops/workflow.yaml").read_text()
    parameters = '{"lr": 0.3, "epochs": 20}'
    image = f"registry.example/digits@sha256:{'0' * 64}"
    inputs = {"workflow": text, "parameters": parameters, "image": image, "sha": SHA, "pr_number": "7"}
    assert job.run(**inputs, namespace="default", dry_run="true") == 0, job.log


def test_a_parameter_that_it_does_not_declare_would_be_refused(repository: Path, job: Job) -> None:
    text = (repository / "mlops/workflow.yaml").read_text()
    assert job.run(workflow=text, parameters="momentum=0.9", namespace="default", dry_run="true") == 2
