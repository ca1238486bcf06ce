"""`mlops-actions init`: the files it writes, the answers it refuses, and its messages."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from mlops_actions.__main__ import main
from mlops_actions.core.types import Json
from mlops_actions.starter import render
from mlops_actions.starter.answers import Answers, scalar

ROOT = Path(__file__).parents[3]
ALWAYS = [
    ".github/workflows/mlops-deploy.yml",
    ".github/workflows/mlops-doctor.yml",
    ".github/workflows/mlops.yml",
    "mlops/kubeconfig.sh",
    "mlops/rbac.yaml",
    "mlops/workflow.yaml",
]
EXAMPLE = [".dockerignore", "Dockerfile", "requirements.txt", "train.py"]
PROJECT = "octo/digits"
ORDER = ("chatops", "docker-publish", "argo-submit", "argo-submit", "wandb-runs")


def init(directory: Path, *flags: str) -> int:
    return main(["init", "--directory", str(directory), *flags])


def written(directory: Path) -> list[str]:
    return sorted(str(path.relative_to(directory)) for path in directory.rglob("*") if path.is_file())


def workflow(directory: Path) -> Json:
    return dict(yaml.safe_load((directory / render.WORKFLOW).read_text()))


def steps(directory: Path) -> dict[str, Json]:
    """The steps of the workflow file that have an id."""
    jobs = workflow(directory)["jobs"].values()
    return {one["id"]: one for job in jobs for one in job["steps"] if "id" in one}


def given(directory: Path, step: str) -> Json:
    """The inputs of a step."""
    return dict(steps(directory)[step]["with"])


def manifest(directory: Path) -> Json:
    return dict(yaml.safe_load((directory / "mlops/workflow.yaml").read_text()))


def environment(directory: Path) -> dict[str, str]:
    container = manifest(directory)["spec"]["templates"][0]["container"]
    return {entry["name"]: entry.get("value", "") for entry in container["env"]}


def test_on_a_github_enterprise_server_every_command_of_gh_names_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for arguments in (("init", "--quiet"), ("remote", "add", "origin", "git@git.example:octo-org/digits.git")):
        subprocess.run(["git", *arguments], cwd=tmp_path, check=True)
    assert init(tmp_path, "--project", PROJECT, "--registry", "registry.example") == 0
    commands = [line for line in capsys.readouterr().out.splitlines() if " gh " in line]
    assert len(commands) == 10
    assert [line for line in commands if not line.endswith(" -R git.example/octo-org/digits")] == []


def test_one_flag_suffices_and_the_remaining_steps_are_listed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    repository = tmp_path / "My Model"
    repository.mkdir()
    assert init(repository, "--project", PROJECT) == 0
    assert written(repository) == ALWAYS
    output = capsys.readouterr().out
    for path in ALWAYS:
        assert f"wrote {repository / path}\n" in output
    for command in (
        "kubectl apply --filename mlops/rbac.yaml",
        "gh secret set KUBECONFIG",
        "gh secret set WANDB_API_KEY",
        "gh secret set ARGO_TOKEN",
    ):
        assert command in output
    # A job without `issues: write` sets labels, and creates none.
    shown = [value for name, value in given(repository, "chatops").items() if name.endswith("-label")]
    assert [line.split()[-1] for line in output.splitlines() if "gh label create" in line] == shown
    assert output.endswith(
        "  mlops-actions doctor\nIt names what is missing, and the command that helps. Then open a pull request, "
        "and comment:\n  gh pr comment --body '/train'\n"
    )
    assert "There is no Dockerfile yet" in output
    assert "not the top of a git repository" in output
    assert given(repository, "publish")["image"] == "my-model"
    assert given(repository, "workflow")["namespace"] == "default"
    assert given(repository, "report")["project"] == PROJECT
    assert manifest(repository)["metadata"] == {"generateName": "my-model-"}


def test_the_flag_example_completes_an_empty_repository(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / ".git").mkdir()
    assert init(tmp_path, "--project", PROJECT, "--image", "model", "--example") == 0
    assert written(tmp_path) == sorted([*ALWAYS, *EXAMPLE])
    output = capsys.readouterr().out
    assert "no Dockerfile" not in output
    assert "not the top" not in output
    compile((tmp_path / "train.py").read_text(), "train.py", "exec")
    assert given(tmp_path, "report")["gates"] == "accuracy >= 0.8\n"


def test_every_flag_is_written_to_its_place(tmp_path: Path) -> None:
    flags = {
        "--image": "team/net", "--registry": "registry.example:5000", "--project": "digits", "--entity": "octo",
        "--namespace": "ml", "--service-account": "trainer", "--metric": "f1:max", "--gate": "f1 >= baseline.best - 1%",
        "--argo-url": "https://argo.example", "--wandb-base-url": "https://wandb.example",
        "--ref": "0123456789abcdef0123456789abcdef01234567",
    }  # fmt: skip
    assert init(tmp_path, *(word for pair in flags.items() for word in pair)) == 0
    used = [one["uses"].removeprefix("machine-learning-apps/mlops-actions/actions/") for one in steps(tmp_path).values()]
    assert used == [f"{name}@{flags['--ref']}" for name in ORDER]
    publish, submit, report = (given(tmp_path, name) for name in ("publish", "workflow", "report"))
    assert (publish["image"], publish["registry"]) == ("team/net", "registry.example:5000")
    assert (publish["username"], publish["password"]) == (
        "${{ vars.REGISTRY_USERNAME }}", "${{ secrets.REGISTRY_PASSWORD }}",
    )  # fmt: skip
    assert (submit["namespace"], submit["argo-url"]) == ("ml", "https://argo.example")
    assert (report["project"], report["base-url"]) == (PROJECT, "https://wandb.example")
    assert (report["metrics"], report["gates"]) == ("f1:max\n", "f1 >= baseline.best - 1%\n")
    assert "packages" not in workflow(tmp_path)["jobs"]["train"]["permissions"]
    assert manifest(tmp_path)["spec"]["serviceAccountName"] == "trainer"
    assert environment(tmp_path)["WANDB_BASE_URL"] == "https://wandb.example"
    documents = list(yaml.safe_load_all((tmp_path / "mlops/rbac.yaml").read_text()))
    assert {document["metadata"]["namespace"] for document in documents} == {"ml"}
    assert {document["metadata"]["name"] for document in documents} == {"mlops-submitter", "trainer"}


def test_the_user_of_the_registry_can_be_given(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert init(tmp_path, "--project", PROJECT, "--registry", "registry.example", "--registry-username", "robot$ml") == 0
    assert given(tmp_path, "publish")["username"] == "robot$ml"
    output = capsys.readouterr().out
    assert "gh secret set REGISTRY_PASSWORD" in output
    assert "REGISTRY_USERNAME" not in output


def test_the_workflow_logs_to_wandb_with_the_commit(tmp_path: Path) -> None:
    assert init(tmp_path, "--project", PROJECT, "--example") == 0
    seen = environment(tmp_path)
    assert seen["WANDB_GIT_COMMIT"] == "{{workflow.parameters.sha}}"
    assert (seen["WANDB_ENTITY"], seen["WANDB_PROJECT"]) == ("octo", "digits")
    assert '"github_sha": os.environ.get("WANDB_GIT_COMMIT", "")' in (tmp_path / "train.py").read_text()
    [key] = [
        entry for entry in manifest(tmp_path)["spec"]["templates"][0]["container"]["env"] if entry["name"] == "WANDB_API_KEY"
    ]
    assert key["valueFrom"] == {"secretKeyRef": {"name": "wandb", "key": "api-key"}}


def test_the_workflow_declares_every_parameter_of_the_command(tmp_path: Path) -> None:
    assert init(tmp_path, "--project", PROJECT) == 0
    commands = yaml.safe_load(given(tmp_path, "chatops")["commands"])
    declared = {entry["name"] for entry in manifest(tmp_path)["spec"]["arguments"]["parameters"]}
    assert set(commands["train"]["params"]) < declared
    assert {"image", "sha", "pr"} <= declared


def test_each_step_has_inputs_of_its_action_alone(tmp_path: Path) -> None:
    assert init(tmp_path, "--project", PROJECT, "--gate", "accuracy > 0.5", "--argo-url", "https://a.example") == 0
    for step in steps(tmp_path).values():
        action = step["uses"].partition("@")[0].removeprefix("machine-learning-apps/mlops-actions/")
        metadata = yaml.safe_load((ROOT / action / "action.yml").read_text())
        assert set(step["with"]) <= set(metadata["inputs"]), action


def test_each_job_has_the_permissions_of_its_steps_and_doctor_those_of_all(tmp_path: Path) -> None:
    assert init(tmp_path, "--project", PROJECT) == 0
    write = {"pull-requests": "write", "checks": "write"}
    assert {name: job["permissions"] for name, job in workflow(tmp_path)["jobs"].items()} == {
        "listen": {"actions": "write", "contents": "read", **write},
        "train": {"contents": "read", "packages": "write", **write},
        "control": {"pull-requests": "write"},
        "finish": write,
    }
    doctor = yaml.safe_load((tmp_path / render.DOCTOR).read_text())["jobs"]["doctor"]
    assert doctor["permissions"] == {"actions": "write", "contents": "read", "packages": "write", **write}


@pytest.mark.parametrize(
    ("flags", "remote", "queue"),
    [
        ([], "", "max"),
        ([], "git@github.com:octo-org/digits.git", "max"),
        ([], "https://octo.ghe.com/octo-org/digits", "max"),
        ([], "git@git.example:octo-org/digits.git", None),
        (["--server", "git.example"], "", None),
        (["--server", "github.com"], "git@git.example:octo-org/digits.git", "max"),
    ],
)
def test_commands_wait_in_a_queue_except_on_a_server_that_has_none(
    tmp_path: Path, flags: list[str], remote: str, queue: str | None
) -> None:
    subprocess.run(["git", "init", "--quiet"], cwd=tmp_path, check=True)
    if remote:
        subprocess.run(["git", "remote", "add", "origin", remote], cwd=tmp_path, check=True)
    assert init(tmp_path, "--project", PROJECT, *flags) == 0
    jobs = workflow(tmp_path)["jobs"]
    of_command = "${{ needs.listen.outputs.lock || format('train-{0}', github.event.issue.number) }}"
    group = {"group": of_command, "cancel-in-progress": False}
    assert jobs["train"]["concurrency"] == group | ({"queue": queue} if queue else {})
    assert not {"concurrency"} & (jobs["listen"].keys() | jobs["finish"].keys() | workflow(tmp_path).keys())


def test_the_submitter_has_the_documented_rights_but_those_for_from(tmp_path: Path) -> None:
    assert init(tmp_path, "--project", PROJECT) == 0
    documents = list(yaml.safe_load_all((tmp_path / "mlops/rbac.yaml").read_text()))
    role = next(entry for entry in documents if entry["kind"] == "Role" and entry["metadata"]["name"] == "mlops-submitter")
    readme = (ROOT / "actions/argo-submit/README.md").read_text()
    documented = yaml.safe_load(re.findall(r"<!-- role -->\n```yaml\n(.*?)```", readme, re.DOTALL)[0])
    assert documented == yaml.safe_load(render.submitter_role())
    assert role["rules"] == documented["rules"][:-1]
    assert documented["rules"][-1]["resources"] == ["workflowtemplates", "cronworkflows"]


def test_a_symbolic_link_is_replaced_and_not_followed(tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.write_text("mine")
    repository = tmp_path / "repository"
    repository.mkdir()
    (repository / "train.py").symlink_to(precious)
    assert init(repository, "--project", PROJECT, "--example") == 0
    assert (repository / "train.py").is_symlink()
    assert init(repository, "--project", PROJECT, "--example", "--update", "--yes") == 0
    assert precious.read_text() == "mine"
    assert not (repository / "train.py").is_symlink()


@pytest.mark.parametrize("target", ["..", "../elsewhere", "file"])
def test_a_folder_outside_the_repository_is_refused(tmp_path: Path, target: str, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "elsewhere").mkdir()
    repository = tmp_path / "repository"
    repository.mkdir()
    (repository / "file").write_text("")
    (repository / "mlops").symlink_to(target)
    assert init(repository, "--project", PROJECT, "--update", "--yes") == 2
    assert re.search("leads out of|is not a directory", capsys.readouterr().err)
    assert [path.name for path in repository.iterdir() if path.is_file() and not path.is_symlink()] == ["file"]
    assert written(tmp_path / "elsewhere") == []


def test_a_folder_with_the_name_of_a_file_is_refused_before_anything_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mlops/rbac.yaml").mkdir(parents=True)
    assert init(tmp_path, "--project", PROJECT, "--update", "--yes") == 2
    assert "there is a directory mlops/rbac.yaml" in capsys.readouterr().err
    assert written(tmp_path) == []


def test_a_missing_directory_is_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert init(tmp_path / "none", "--project", PROJECT) == 2
    assert "there is no directory" in capsys.readouterr().err


HOSTILE = [
    ("--image", "UPPER lower"),
    ("--image", "digits:v1"),
    ("--image", "digits@sha256:00"),
    ("--image", "ghcr.io:port/digits"),
    ("--registry", "ghcr.io/octo"),
    ("--registry", "https://ghcr.io/x y"),
    ("--cluster", "minikube"),
    ("--controls", "stop, explode"),
    ("--dockerfile", "../Dockerfile"),
    ("--dockerfile", "/etc/passwd"),
    ("--dockerfile", "missing/Dockerfile"),
    ("--manifest", "missing.yaml"),
    ("--manifest", "../workflow.yaml"),
    ("--kubeconfig-secret", "GITHUB_TOKEN"),
    ("--kubeconfig-secret", "A}} ${{ secrets.B"),
    ("--wandb-secret", "1KEY"),
    ("--entity", "octo/digits"),
    ("--image", "${{ secrets.X }}"),
    ("--image", "a\nb: c"),
    ("--registry", "ghcr.io\n  env: {A: b}"),
    ("--registry-username", "${{ secrets.X }}"),
    ("--project", "octo/${{ github.token }}"),
    ("--project", "octo/digits\nevil: true"),
    ("--namespace", "x; rm -rf ~"),
    ("--namespace", "$(id)"),
    ("--namespace", "a/b"),
    ("--service-account", "x}\n---"),
    ("--service-account", "mlops-submitter"),
    ("--metric", "acc\n          gates: ''"),
    ("--metric", "${{ github.token }}"),
    ("--gate", "accuracy"),
    ("--gate", "accuracy >= 1\n          kubeconfig: x"),
    ("--argo-url", "javascript:alert(1)"),
    ("--argo-url", "https://x/${{ secrets.A }}"),
    ("--wandb-base-url", "https://x\n"),
    ("--wandb-base-url", "wandb.example"),
    ("--ref", "main; x"),
    ("--ref", "main"),
]


@pytest.mark.parametrize(("flag", "text"), HOSTILE)
def test_hostile_text_is_refused_and_nothing_is_written(
    tmp_path: Path, flag: str, text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert init(tmp_path, "--project", PROJECT, flag, text) == 2
    assert flag in capsys.readouterr().err
    assert written(tmp_path) == []


@pytest.mark.parametrize(
    "text", ["model", "true", "123", "1e3", "~", "a: b", "it's", "null", "a#b", "x:", "0x1F", "val acc"]
)
def test_a_scalar_reads_back_as_the_same_text(text: str) -> None:
    assert yaml.safe_load(f"key: {scalar(text)}") == {"key": text}
    assert yaml.safe_load(f"{{key: {scalar(text)}}}") == {"key": text}


def test_yaml_syntax_in_a_name_stays_text(tmp_path: Path) -> None:
    assert init(tmp_path, "--project", "octo/a b: {c} # d") == 0
    assert given(tmp_path, "report")["project"] == "octo/a b: {c} # d"
    assert environment(tmp_path)["WANDB_PROJECT"] == "a b: {c} # d"


def test_all_problems_are_reported_together(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert init(tmp_path, "--project", PROJECT, "--namespace", "A B", "--ref", "main") == 2
    error = capsys.readouterr().err
    assert "--namespace" in error
    assert "--ref" in error


def test_without_a_terminal_nothing_is_asked(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "mlops_actions", "init", "--directory", str(tmp_path)]
    done = subprocess.run(command, stdin=subprocess.PIPE, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "error: no W&B project was given\nremedy: add --project entity/project\n"


def test_an_entity_that_contradicts_the_project_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert init(tmp_path, "--project", PROJECT, "--entity", "other") == 2
    assert "--entity other is not the entity" in capsys.readouterr().err


def test_no_mark_is_left_in_a_rendered_file() -> None:
    answers = Answers(image="a", project=PROJECT, example=True, gates=("a > 1",), argo_url="https://a.example")
    assert [path for path, text in render.files(answers).items() if "@@" in text] == []


FLAGS = (
    "image", "registry", "dockerfile", "manifest", "cluster", "namespace", "service-account", "metric", "gate", "controls",
    "kubeconfig-secret", "wandb-secret", "ref", "entity",
)  # fmt: skip


@pytest.mark.parametrize("flag", FLAGS)
def test_an_empty_flag_is_refused_and_nothing_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], flag: str
) -> None:
    """As of a variable of a shell that is not set."""
    assert init(tmp_path, "--project", "octo/digits", f"--{flag}", "") == 2
    assert capsys.readouterr().err.startswith(f"error: --{flag} is empty\nremedy: give ")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("flag", ["registry-username", "argo-url", "wandb-base-url"])
def test_an_empty_flag_means_none_where_there_may_be_none(tmp_path: Path, flag: str) -> None:
    assert init(tmp_path, "--project", "octo/digits", f"--{flag}", "") == 0


def test_output_that_nobody_reads_is_no_error_of_the_folder(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "-m", "mlops_actions", "init", "--directory", str(tmp_path), "--project", "octo/digits"]
    done = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE, check=False)
    os.close(writing)
    assert (done.returncode, done.stderr) == (141, b"")
    assert (tmp_path / render.WORKFLOW).is_file()
