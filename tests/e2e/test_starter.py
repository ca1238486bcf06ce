"""A reader's test: by the README and `init`, an empty repository becomes one whose pull request answers `/train`.

Once with the sandbox's cluster, and once with a real API server and Argo's controller, where the reader applies the RBAC
that `init` wrote and the job submits with the token of the account it made. The variable `READER_TRANSCRIPT` names a folder
that what was typed is written to.
"""

from __future__ import annotations

import base64
import json
import os
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from mlops_sandbox.cluster import DockerExecutor
from mlops_sandbox.demo import machine
from mlops_sandbox.github import PullRequest
from mlops_sandbox.suite import Sandbox
from tests.actions.argo_submit.job import SHA, Job
from tests.e2e.act import Act, WorkflowRun
from tests.e2e.cluster import access
from tests.e2e.cluster.real import RealCluster
from tests.e2e.cluster.workflows import run as submit
from tests.e2e.debian_registry import DebianRegistry
from tests.e2e.docker_daemon import Docker
from tests.e2e.reader import Reader

NAME, OWNER = "octo-org/model", "maintainer"
# What the account that jobs on GitHub submit with may not do.
FORBIDDEN = (
    *("get secrets", "delete workflows", "create pods", "create pods/exec", "create rolebindings", "create serviceaccounts"),
    "list workflows --namespace kube-system",
)
WORKFLOW = ".github/workflows/mlops.yml"


@dataclass
class Answered:
    """The end of the story."""

    reader: Reader
    pull: PullRequest
    run: WorkflowRun
    registry: DebianRegistry

    def outputs(self, step: str) -> dict[str, str]:
        return self.run.step(step).outputs

    @property
    def report(self) -> str:
        (comment,) = [comment for comment in self.pull.comments if comment.user.is_bot]
        return comment.body


@pytest.fixture(scope="module", params=["sandbox", "real"])
def answered(
    request: pytest.FixtureRequest,
    docker: Docker,
    images: Mapping[str, str],
    checkout: Path,
    registry: DebianRegistry,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Answered]:
    real: RealCluster | None = request.getfixturevalue("docker_cluster") if request.param == "real" else None
    if real:
        real.forget_secret("wandb")  # of tests before this one: a reader's namespace is empty
    root = tmp_path_factory.mktemp(f"reader-{request.param}")
    for name in ("home", "act"):
        (root / name).mkdir()
    origin = root / "model.git"
    git("init", "--quiet", "--bare", "--initial-branch", "main", str(origin))
    client = {**docker.environment, "DOCKER_CONFIG": str(registry.log_in(root / "docker"))}
    with Sandbox(DockerExecutor(environment=client)) as sandbox:
        kubeconfig = str(real.kubeconfig(access.ADMIN)) if real else sandbox.environment()["KUBECONFIG"]
        variables = {
            "REPOSITORY": origin.as_uri(),
            "KUBECONFIG": kubeconfig,
            "REGISTRY": registry.host,
            "REGISTRY_USERNAME": registry.username,
            "REGISTRY_PASSWORD": registry.password,
            "WANDB_API_KEY": sandbox.wandb.api_key,
            "WANDB_BASE_URL": sandbox.wandb_url,
            "WANDB_ENTITY": sandbox.wandb.entity,
        }
        reader = Reader(root / "home", root / "home", variables)
        act = Act(docker, images, checkout, root / "act")
        pull, run = journey(reader, sandbox, origin, act, real=real is not None)
        told = Answered(reader, pull, run, registry)
        keep(told, request.param)
        yield told
        if real:
            reader.type("kubectl delete --ignore-not-found --filename mlops/rbac.yaml && kubectl delete secret wandb")
        machine.remove_images(client, registry.host)


def journey(reader: Reader, sandbox: Sandbox, origin: Path, act: Act, *, real: bool) -> tuple[PullRequest, WorkflowRun]:
    """What the reader types, and what GitHub makes of it."""
    reader.type('git clone --quiet "$REPOSITORY" model && cd model')
    reader.enter("model")
    reader.type(
        'mlops-actions init --example --project "$WANDB_ENTITY/model" --registry "$REGISTRY" '
        '--registry-username "$REGISTRY_USERNAME" --wandb-base-url "$WANDB_BASE_URL"'
    )
    if real:
        reader.type(
            "kubectl apply --filename mlops/rbac.yaml && "
            'kubectl create secret generic wandb --from-literal=api-key="$WANDB_API_KEY"'
        )
        reader.type("sh mlops/kubeconfig.sh | base64 | tr -d '\\n' | gh secret set KUBECONFIG")
    else:
        reader.type('base64 < "$KUBECONFIG" | tr -d "\\n" | gh secret set KUBECONFIG')
    reader.type("gh label create training && gh label create trained && gh label create training-failed")
    reader.type("env | grep -E '^(WANDB_API_KEY|REGISTRY_PASSWORD)=' | gh secret set --env-file -")
    reader.type("git add --all && git commit --quiet --message 'Train on the pull request' && git push --quiet origin main")
    main = head(origin, "main")
    repository = sandbox.github.repository(NAME, sha=main, files=files(origin, "main"))
    repository.collaborator(OWNER, "admin")
    for label in reader.asked("labels").split():
        repository.define_label(label)

    reader.type(
        "git switch --quiet --create more-points && sed -i 's/POINTS, TESTED = 2000/POINTS, TESTED = 4000/' train.py && "
        "git commit --quiet --all --message 'Take more points' && git push --quiet origin more-points"
    )
    reader.type("gh pr create --fill")
    branch = reader.asked("pull-request")
    repository.push(branch, by=OWNER, message="Take more points", sha=head(origin, branch), files=files(origin, branch))
    pull = repository.open_pull_request(by=OWNER, head=branch, title="Take more points")
    sandbox.github.clock.catch_up()

    reader.type("gh pr comment --body '/train lr=0.5 epochs=20'")
    delivery = pull.comment(reader.asked("comment"), by=OWNER)
    permissions: dict[str, str] = {}
    for job in yaml.safe_load(files(origin, "main")[WORKFLOW])["jobs"].values():
        permissions |= job["permissions"]
    addresses = sandbox.environment()
    run = act.run(
        origin,
        WORKFLOW,
        event_name=delivery.event,
        event=delivery.payload,
        repository=NAME,
        actor=OWNER,
        env={name: addresses[name] for name in ("GITHUB_API_URL", "GITHUB_SERVER_URL", "GITHUB_GRAPHQL_URL")},
        secrets={**reader.secrets, "GITHUB_TOKEN": sandbox.github.workflow_token(repository, permissions).value},
    )
    return pull, run


def git(*arguments: str) -> str:
    return subprocess.run(["git", *arguments], check=True, capture_output=True, text=True).stdout.strip()


def head(origin: Path, branch: str) -> str:
    return git("-C", str(origin), "rev-parse", f"refs/heads/{branch}")


def files(origin: Path, branch: str) -> dict[str, str]:
    names = git("-C", str(origin), "ls-tree", "-r", "--name-only", branch).splitlines()
    return {name: git("-C", str(origin), "show", f"{branch}:{name}") for name in names}


def keep(told: Answered, name: str) -> None:
    folder = os.environ.get("READER_TRANSCRIPT")
    if folder:
        parts = (
            told.reader.transcript,
            "The answer on the pull request:\n",
            told.report,
            "The job's log:\n",
            told.run.transcript,
        )
        Path(folder, f"reader-{name}.txt").write_text("\n".join(parts))


def test_at_most_ten_commands_were_typed(answered: Answered) -> None:
    assert len(answered.reader.typed) <= 10, answered.reader.transcript


def test_the_pull_request_is_answered_with_what_was_measured(answered: Answered) -> None:
    assert answered.run.exit_code == 0, answered.run.transcript
    chatops, report = answered.outputs("chatops"), answered.outputs("report")
    assert json.loads(chatops["params"]) == {"lr": 0.5, "epochs": 20}
    assert answered.outputs("workflow")["phase"] == "Succeeded"
    assert (report["gate"], report["verified"]) == ("passed", "true")
    assert (report["num-candidates"], report["num-finished"]) == ("1", "1")
    digest = answered.registry.digest("model", chatops["sha"][:12])
    assert answered.outputs("publish")["ref"] == f"{answered.registry.host}/model@{digest}"
    assert report["best-run-url"] in answered.report
    assert "accuracy" in answered.report


def test_no_secret_is_in_a_file_a_log_or_a_comment(answered: Answered) -> None:
    repository = answered.reader.directory
    written = "".join(path.read_text() for path in repository.rglob("*") if path.is_file() and ".git/" not in str(path))
    for name, secret in answered.reader.secrets.items():
        for text in (written, answered.reader.transcript, answered.run.transcript, answered.report):
            assert secret not in text, name


def test_the_written_rights_pass_a_real_servers_dry_run(cluster: RealCluster, tmp_path: Path) -> None:
    reader = reader_on(cluster, tmp_path)
    reader.type("mlops-actions init --project octo/model --namespace default --service-account dry-run")
    said = reader.type("kubectl apply --dry-run=server --filename mlops/rbac.yaml")
    assert said.count("(server dry run)") == 6


def test_the_accounts_token_may_submit_and_no_more(cluster: RealCluster, tmp_path: Path, job: Job) -> None:
    """The token that mlops/kubeconfig.sh prints, of the account that mlops/rbac.yaml makes."""
    reader = reader_on(cluster, tmp_path)
    reader.type("mlops-actions init --project octo/model --service-account dry-run")
    reader.type("kubectl apply --filename mlops/rbac.yaml")
    try:
        reader.type("sh mlops/kubeconfig.sh 1h | base64 | tr -d '\\n' | gh secret set KUBECONFIG")
        job.environ.pop("KUBECONFIG")
        secret = reader.secrets["KUBECONFIG"]
        config = base64.b64decode(secret).decode()
        manifest = (reader.directory / "mlops/workflow.yaml").read_text()
        inputs = {"kubeconfig": secret, "workflow": manifest, "image": "registry.example/model:1", "sha": SHA}
        assert submit(job, **inputs, parameters="lr=0.5", dry_run="true") == 0, job.log
        shown = [line for line in job.log.splitlines() if not line.startswith("::add-mask::")]
        assert yaml.safe_load(config)["users"][0]["user"]["token"] not in "\n".join(shown)
        (tmp_path / "kubeconfig").write_text(config)
        asked = "kubectl --kubeconfig ../../kubeconfig auth can-i"
        for right in FORBIDDEN:
            assert reader.type(f"{asked} {right} || true").strip().splitlines()[-1] == "no", right
        assert reader.type(f"{asked} create workflows").strip() == "yes"
    finally:
        reader.type("kubectl delete --filename mlops/rbac.yaml")


def reader_on(cluster: RealCluster, tmp_path: Path) -> Reader:
    """A reader with an empty folder and an administrator's kubectl."""
    home = tmp_path / "reader"
    (home / "model").mkdir(parents=True)
    return Reader(home, home / "model", {"KUBECONFIG": str(cluster.kubeconfig(access.ADMIN))})
