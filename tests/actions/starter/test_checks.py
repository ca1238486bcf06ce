"""The files that init writes pass the usual linters and a dry run on a cluster."""

from __future__ import annotations

import os
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

FILES = (".github/workflows/mlops.yml", ".github/workflows/mlops-doctor.yml")
VARIANTS = {
    "few flags": [],
    "the example": ["--example"],
    "everything": [
        *("--registry", "registry.example:5000", "--registry-username", "robot$ml", "--namespace", "ml"),
        *("--metric", "val acc:max", "--gate", "val_acc >= baseline.mean", "--argo-url", "https://argo.example"),
        *("--wandb-base-url", "https://wandb.example", "--ref", "0123456789abcdef0123456789abcdef01234567"),
    ],
    "a server": ["--server", "git.example"],
}


@pytest.fixture(params=VARIANTS)
def repository(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    directory = tmp_path / "repository"
    directory.mkdir()
    assert main(["init", "--directory", str(directory), "--project", "octo/digits", *VARIANTS[request.param]]) == 0
    return directory


def folder_of_go_tools() -> str:
    """Return the folder that `make lint` builds actionlint into."""
    script = Path(__file__).parents[3] / "tools" / "lint" / "build.sh"
    return subprocess.run([str(script), "--where"], capture_output=True, text=True, check=True).stdout.strip()


def check(repository: Path, program: str, *arguments: str) -> None:
    folders = [str(Path(sys.executable).parent), folder_of_go_tools(), os.environ["PATH"]]
    path = shutil.which(program, path=os.pathsep.join(folders))
    if path is None:
        pytest.skip(f"{program} is not installed; `make lint` installs it")
    done = subprocess.run([path, *arguments], cwd=repository, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_zizmor_reports_nothing_in_its_pedantic_mode(repository: Path) -> None:
    check(repository, "zizmor", "--offline", "--persona", "pedantic", "--no-config", *FILES)


def test_actionlint_reports_nothing(repository: Path) -> None:
    # It does not know `queue` yet.
    ignored = ("-ignore", 'unexpected key "queue" for "concurrency" section')
    check(repository, "actionlint", "-shellcheck=", "-pyflakes=", *ignored, *FILES)


def test_the_workflows_match_the_schema_of_github_workflows(repository: Path) -> None:
    check(repository, "check-jsonschema", "--builtin-schema", "vendor.github-workflows", *FILES)


def test_hadolint_and_the_shell_report_nothing(repository: Path) -> None:
    check(repository, "sh", "-n", "mlops/kubeconfig.sh")
    if (repository / "Dockerfile").exists():
        check(repository, "hadolint", "Dockerfile")


@pytest.fixture
def job(tmp_path: Path) -> Iterator[Job]:
    with Cluster(ProcessExecutor({"": LocalImage()})) as cluster, Host(cluster.app) as host:
        job = Job(tmp_path)
        job.environ["KUBECONFIG"] = str(cluster.write_kubeconfig(tmp_path / "kubeconfig", host.url))
        yield job
        assert cluster.store.items(WORKFLOWS)[0] == []


def test_the_cluster_accepts_the_workflow_in_a_dry_run(repository: Path, job: Job) -> None:
    text = (repository / "mlops/workflow.yaml").read_text()
    parameters = '{"lr": 0.3, "epochs": 20}'
    image = f"registry.example/digits@sha256:{'0' * 64}"
    inputs = {"workflow": text, "parameters": parameters, "image": image, "sha": SHA, "pr_number": "7"}
    assert job.run(**inputs, namespace="default", dry_run="true") == 0, job.log


def test_an_undeclared_parameter_is_refused(repository: Path, job: Job) -> None:
    text = (repository / "mlops/workflow.yaml").read_text()
    assert job.run(workflow=text, parameters="momentum=0.9", namespace="default", dry_run="true") == 2
