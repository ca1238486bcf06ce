"""The workflow `mlops-doctor.yml` that init writes: the sandbox's runner runs it, with the job's rights and secrets."""

from __future__ import annotations

import base64
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
import yaml
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from mlops_actions.__main__ import main
from mlops_sandbox.git import git
from mlops_sandbox.host import Host
from mlops_sandbox.runner.environment import Run
from mlops_sandbox.runner.job import JobResult, Settings, run_workflow
from mlops_sandbox.runner.workflow import parse
from tests.actions.doctor.world import LABELS, PASSWORD, World
from tests.support.composite import inlined
from tests.support.git import commit

MLOPS, DOCTOR = ".github/workflows/mlops.yml", ".github/workflows/mlops-doctor.yml"
Start = Callable[..., JobResult]


@pytest.fixture
def checkout(world: World) -> Path:
    """A repository as `init` leaves it, on the default branch."""
    folder = world.checkout.parent / "initialised"
    folder.mkdir()
    registry = world.settings.variables["REGISTRY"]
    flags = {
        "--project": "sandbox/digits", "--image": "digits", "--registry": registry, "--registry-username": "publisher",
        "--wandb-base-url": world.wandb_url, "--metric": "test_accuracy:max",
    }  # fmt: skip
    assert main(["init", "--directory", str(folder), *(word for pair in flags.items() for word in pair)]) == 0
    manifest = folder / "mlops/workflow.yaml"
    manifest.write_text(manifest.read_text().replace("serviceAccountName", "# serviceAccountName"))
    git(folder, "init", "--quiet", "--initial-branch", "main")
    sha = commit(folder, {}, "init")
    files = {name: (folder / name).read_text() for name in git(folder, "ls-files").splitlines()}
    world.repository.push("main", by="maintainer", files=files, sha=sha)
    assert set(LABELS) <= set(world.repository.labels)
    world.log_runs(config={"lr": 0.1, "epochs": 1}, summary={"test_accuracy": 0.9})
    return folder


@pytest.fixture
def docker(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A Docker daemon that only tells its version, as a runner has one."""

    async def tell_version(_request: Request) -> JSONResponse:
        return JSONResponse({"Version": "28.3.3", "ApiVersion": "1.51", "MinAPIVersion": "1.24"})

    with Host(Starlette(routes=[Route("/{path:path}", tell_version)])) as host:
        monkeypatch.setenv("DOCKER_HOST", host.url.replace("http", "tcp"))
        yield


@pytest.fixture
def start(world: World, checkout: Path, tmp_path: Path, lines: list[str], docker: None) -> Start:
    """Start the workflow, as somebody who clicks "Run workflow" does."""

    def start(secrets: Mapping[str, str], permissions: Mapping[str, str] | None = None) -> JobResult:
        text = (checkout / DOCTOR).read_text()
        document = yaml.safe_load(text.replace("\non:", "\n'on':").replace("inputs.try-writes", "github.event.try-writes"))
        # The packages are here already: only their folder is put in the place of the one that pip would fill.
        document = inlined(document, "actions/doctor", {"install": f'ln -s "{sys.prefix}" "$RUNNER_TEMP/mlops-doctor"'})
        workflow = parse(yaml.safe_dump(document), DOCTOR)
        github = world.github
        run = Run(
            repository="octo-org/digits", server_url=github.origin, api_url=github.api_url,
            graphql_url=f"{github.origin}/api/graphql", event_name="workflow_dispatch", payload={"try-writes": True},
            sha=git(checkout, "rev-parse", "HEAD"), ref="refs/heads/main", actor="maintainer",
        )  # fmt: skip
        settings = Settings(checkout, world.settings.variables, secrets, lines.append)
        token = lambda granted: github.workflow_token(world.repository, permissions or granted or {}).value  # noqa: E731
        return run_workflow(settings, run, workflow, tmp_path / "run", token)["doctor"]

    return start


@pytest.fixture
def lines() -> list[str]:
    return []


@pytest.fixture
def secrets(world: World) -> dict[str, str]:
    kubeconfig = base64.b64encode(Path(world.environ["KUBECONFIG"]).read_bytes()).decode()
    return {"KUBECONFIG": kubeconfig, "WANDB_API_KEY": world.wandb.api_key, "REGISTRY_PASSWORD": PASSWORD}


def test_nothing_fails_and_the_table_is_in_the_summary(start: Start, secrets: dict[str, str], lines: list[str]) -> None:
    job = start(secrets)
    assert job.conclusion == "success", "\n".join(lines)
    summary = job.step("ask").summary
    for check in ("Registry | push", "Cluster | credentials", "W&B | key", "GitHub | check run"):
        assert f"| {check} | ✓ ok |" in summary.replace("&amp;", "&"), summary
    assert "| GitHub | secret KUBECONFIG | ✓ ok |" in summary.replace("\\_", "_")


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"WANDB_API_KEY": ""}, "✗ secret WANDB_API_KEY"),
        ({"REGISTRY_PASSWORD": "wrong"}, "✗ login"),
        ({"KUBECONFIG": "apiVersion: v1\nclusters: []\n"}, "✗ connection"),
    ],
)
def test_a_wrong_secret_fails_the_job(
    start: Start, secrets: dict[str, str], lines: list[str], change: dict[str, str], line: str
) -> None:
    job = start({**secrets, **change})
    assert job.conclusion == "failure"
    assert line in "\n".join(lines)


def test_a_secret_whose_lines_hide_ordinary_text_fails_and_gets_a_command(
    start: Start, secrets: dict[str, str], lines: list[str]
) -> None:
    kubeconfig = base64.b64decode(secrets["KUBECONFIG"]).decode()
    job = start({**secrets, "KUBECONFIG": kubeconfig})
    assert job.conclusion == "failure"
    log = "\n".join(lines)
    assert "✗ secret KUBECONFIG" in log
    assert "base64 < FILE | tr -d '\\n' | gh secret set KUBECONFIG" in log
    assert "✗ connection" not in log  # it is a kubeconfig nevertheless
    assert "kind: Config" not in job.step("ask").summary


def test_a_permission_that_the_organisation_withholds_fails_the_job(
    start: Start, secrets: dict[str, str], lines: list[str]
) -> None:
    job = start(secrets, {"contents": "read"})
    assert job.conclusion == "failure"
    assert "✗ check run" in "\n".join(lines)


def test_no_secret_is_in_the_summary(start: Start, secrets: dict[str, str]) -> None:
    summary = start(secrets).step("ask").summary
    for secret in (PASSWORD, secrets["WANDB_API_KEY"], secrets["KUBECONFIG"]):
        assert secret not in summary


def test_the_doctor_has_the_rights_and_the_secrets_of_the_workflow_that_it_asks_about(checkout: Path) -> None:
    mlops, doctor = (yaml.safe_load((checkout / path).read_text()) for path in (MLOPS, DOCTOR))
    highest: dict[str, str] = {}
    for job in mlops["jobs"].values():
        for name, level in job["permissions"].items():
            highest[name] = max(level, highest.get(name, ""))  # "write" comes after "read"
    assert doctor["jobs"]["doctor"]["permissions"] == highest
    given = doctor["jobs"]["doctor"]["steps"][1]["env"]
    assert set(given) == {"DOCTOR_VARS", "KUBECONFIG", "ARGO_TOKEN", "WANDB_API_KEY", "REGISTRY_PASSWORD"}
    assert all(text == f"${{{{ secrets.{name} }}}}" for name, text in given.items() if name != "DOCTOR_VARS")
