"""What `init` finds in a repository: proposals from its code and its manifests, and no harm from hostile ones."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml

from mlops_actions.starter import findings, repository
from mlops_actions.starter.findings import Finding, Proposals, look
from mlops_actions.starter.render import RBAC, WORKFLOW
from mlops_actions.starter.repository import RepositoryFiles
from tests.unit.starter.test_init import given, init, workflow

ARGO = """\
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {generateName: train-, namespace: research}
spec:
  entrypoint: main
  serviceAccountName: trainer
  arguments:
    parameters:
      - {name: image, value: ""}
      - {name: sha, value: ""}
      - {name: lr, value: "0.001"}
      - {name: epochs, value: 5}
      - {name: augment, value: true}
      - {name: dataset}
      - {name: note, value: "a: b"}
      - {name: "bad name", value: x}
  templates: [{name: main, container: {image: "{{workflow.parameters.image}}"}}]
"""


def tree(root: Path, files: Mapping[str, str | bytes]) -> Path:
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return root


def found(root: Path, files: Mapping[str, str | bytes]) -> Proposals:
    return look(RepositoryFiles(tree(root, files)))


@pytest.mark.parametrize(
    ("name", "text", "project", "entity"),
    [
        ("train.py", "import wandb\nwandb.init(project='digits', entity='octo')\n", "train.py:2", ""),
        ("t.py", "import wandb\nP = 'digits'\nE = 'octo'\nwandb.init(\n  entity=E,\n  project=P)\n", "t.py:6", ""),
        ("a/b.py", "from wandb import init\ninit(project='digits', entity='octo')\n", "a/b.py:2", ""),
        ("t.py", "# wandb\nlog = WandbLogger(project='digits', entity='octo')\n", "t.py:2", ""),
        ("t.py", "import wandb as wb\nwb.init(project='digits', entity='octo')\n", "t.py:2", ""),
        ("t.py", "from wandb import init as start\nstart(project='digits', entity='octo')\n", "t.py:2", ""),
        ("t.py", "from wandb import *\ninit(project='digits', entity='octo')\n", "t.py:2", ""),
        ("t.py", "def f():\n  import wandb as w, os\n  w.init(project='digits', entity='octo')\n", "t.py:3", ""),
        ("t.py", "from x import WandbLogger as L\nL(project='digits', entity='octo')\n", "t.py:2", ""),
        ("t.py", "import wandb\nP: str = 'digits'\nwandb.init(project=P)\nwandb.init(entity='octo')\n", "t.py:3", "t.py:4"),
        ("t.py", "from os import environ\nenviron['WANDB_PROJECT'] = 'digits'\nenviron.setdefault('WANDB_ENTITY', 'octo')\n",
         "t.py:2", "t.py:3"),
        ("t.py", "wandb.init(project=os.getenv('WANDB_PROJECT', 'digits'), entity=os.environ.get('WANDB_ENTITY', 'octo'))",
         "t.py:1", "t.py:1"),
        ("Dockerfile", "FROM x\nENV WANDB_PROJECT=digits WANDB_ENTITY=\"octo\"\n", "Dockerfile:2", "Dockerfile:2"),
        ("gpu.Dockerfile", "FROM x\nENV WANDB_PROJECT digits\nENV A=b WANDB_ENTITY='octo'\n",
         "gpu.Dockerfile:2", "gpu.Dockerfile:3"),
        ("k.yaml", "env: [{name: WANDB_PROJECT, value: digits}, {name: WANDB_ENTITY, value: octo}]", "k.yaml", "k.yaml"),
        ("c.yml", "env:\n  WANDB_PROJECT: digits\n  WANDB_ENTITY: octo\n", "c.yml", "c.yml"),
        # No value that can be known without running the code.
        ("t.py", "import wandb\nwandb.init(project=name(), entity=f'{x}')\n", "", ""),
        ("t.py", "import wandb\njax.init(project='digits', entity='octo')\n", "", ""),
        # Calls of something else.
        ("t.py", "import wandb\nfrom google.cloud import aiplatform\naiplatform.init(project='gcp', entity='x')\n", "", ""),
        ("t.py", "import wandb\ngoogle.cloud.aiplatform.init(project='gcp', entity='x')\n", "", ""),
        ("t.py", "import wandb\nfrom pygame import init\ninit(project='gcp', entity='x')\n", "", ""),
        ("t.py", "import wandb\nfrom .wandb import init as start\nstart(project='gcp', entity='x')\n", "", ""),
        ("t.py", "import wandb\nos.getenv('WANDB_PROJECT')\n", "", ""),
        ("k.yaml", "[{name: WANDB_PROJECT, value: '{{workflow.parameters.p}}'}, {name: WANDB_ENTITY}]", "", ""),
        ("t.py", "import wandb\nwandb.init(project='digits'\n", "", ""),
    ],
)  # fmt: skip
def test_the_project_is_found_wherever_the_sdk_would_take_it_from(
    tmp_path: Path, name: str, text: str, project: str, entity: str
) -> None:
    findings = found(tmp_path, {name: text})
    is_one_call = bool(project) and not entity
    assert findings.projects == ((Finding("octo/digits" if is_one_call else "digits", project),) if project else ())
    assert findings.entities == ((Finding("octo", entity),) if entity else ())


# The code, and the project that init takes from it; none where it must ask for the owner.
OWNERS: Mapping[str, tuple[str, str]] = {
    "another call names another owner": ("wandb.init(project='p')\nwandb.init(project='q', entity='me')\n", ""),
    "the same call": ("wandb.init(project='p', entity='you')\nwandb.init(project='q', entity='me')\n", "you/p"),
    "a variable": ("os.environ['WANDB_ENTITY'] = 'we'\nwandb.init(project='p')\n", "we/p"),
    "a variable and the same call": ("os.environ['WANDB_ENTITY'] = 'we'\nwandb.init(project='p', entity='you')\n", "you/p"),
}


@pytest.mark.parametrize(("code", "project"), OWNERS.values(), ids=OWNERS)
def test_an_owner_is_taken_from_the_call_that_names_the_project(tmp_path: Path, code: str, project: str) -> None:
    assert init(tree(tmp_path, {"train.py": f"import os, wandb\n{code}"})) == (0 if project else 2)
    if project:
        assert given(tmp_path, "report")["project"] == project


def test_a_value_that_the_cluster_finds_out_is_no_parameter_of_the_command(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    token = "- {name: token, valueFrom: {configMapKeyRef: {name: a, key: b}}}"
    tree(tmp_path, {"argo.yaml": ARGO.replace("      - {name: note", f"      {token}\n      - {{name: note")})
    assert init(tmp_path, "--project", "octo/digits") == 0
    output = capsys.readouterr().out
    assert "token" not in yaml.safe_load(given(tmp_path, "chatops")["commands"])["train"]["params"]
    assert "A comment cannot set these parameters of argo.yaml: bad name, token\n" in output
    # What it prints last must be a command that chatops takes.
    assert output.endswith("  gh pr comment --body '/train dataset=…'\n")


def test_no_code_is_run(tmp_path: Path) -> None:
    found(tmp_path, {"train.py": f"import wandb\nopen({str(tmp_path / 'ran')!r}, 'w')\nwandb.init(project='p')\n"})
    assert not (tmp_path / "ran").exists()


def test_what_was_found_is_used_and_told_without_a_terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = tree(tmp_path, {
        "src/train.py": "import wandb\nwandb.init(project='digits', entity='octo')\n", "docker/Dockerfile": "FROM x\n",
        "argo/train.yaml": ARGO,
    })  # fmt: skip
    for arguments in (("init", "--quiet"), ("remote", "add", "origin", "git@github.com:octo-org/Digits.git")):
        subprocess.run(["git", *arguments], cwd=root, check=True)
    assert init(root) == 0
    output = capsys.readouterr().out
    for line in (
        "--project octo/digits (from src/train.py:2)",
        "--image digits (from the git remote)",
        "--dockerfile docker/Dockerfile (from the repository)",
        "--manifest argo/train.yaml (from the repository)",
        "--namespace research (from argo/train.yaml)",
        "--service-account trainer (from argo/train.yaml)",
    ):
        assert f"{line}\n" in output
    assert given(root, "publish")["file"] == "docker/Dockerfile"
    assert given(root, "workflow")["workflow"] == "argo/train.yaml"
    assert not (root / "mlops/workflow.yaml").exists()
    commands = yaml.safe_load(given(root, "chatops")["commands"])
    assert commands["train"]["params"] == {
        "lr": {"type": "float", "default": 0.001},
        "epochs": {"type": "int", "default": 5},
        "augment": {"type": "bool", "default": True},
        "dataset": {"type": "str", "required": True},
        "note": {"type": "str", "default": "a: b"},
    }
    assert given(root, "report")["config-keys"] == "lr, epochs, augment, dataset, note"
    assert "A comment cannot set these parameters of argo/train.yaml: bad name" in output


def test_a_project_without_its_owner_asks_for_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tree(tmp_path, {"train.py": "import wandb\nwandb.init(project='digits')\n"})
    assert init(tmp_path) == 2
    assert capsys.readouterr().err == (
        "error: train.py:2 names the W&B project 'digits', and no user or team that owns it\n"
        "remedy: add --entity with that name\n"
    )
    assert init(tmp_path, "--entity", "octo") == 0
    assert given(tmp_path, "report")["project"] == "octo/digits"


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"a.yaml": ARGO, "b.yaml": ARGO}, "--manifest FILE --update uses one of them:\n  a.yaml\n  b.yaml\n"),
        ({"a.yaml": ARGO.replace("name: image", "name: picture")}, "--manifest FILE --update uses one of them:\n  a.yaml\n"),
        (
            {"chart/Chart.yaml": "", "chart/templates/a.yaml": ARGO},
            "cannot read them as they are:\n  chart/templates/a.yaml\n",
        ),
        ({"k/kustomization.yaml": "", "k/a.yaml": ARGO}, "cannot read them as they are:\n  k/a.yaml\n"),
        ({"a.yaml": ARGO.replace("  templates", "  x")}, ""),
        ({"a.yaml": ARGO.replace("argoproj.io/v1alpha1", "example.com/v1 # argoproj.io")}, ""),
        ({"a.yaml": "{{- if .Values.x }}\n" + ARGO}, ""),
        ({"a.yaml": ARGO.replace("kind: Workflow", "kind: Sensor")}, ""),
    ],
)
def test_a_manifest_that_may_not_be_meant_is_named_and_not_used(
    tmp_path: Path, files: dict[str, str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert init(tree(tmp_path, files), "--project", "octo/digits") == 0
    assert given(tmp_path, "workflow")["workflow"] == "mlops/workflow.yaml"
    output = capsys.readouterr().out
    assert message in output
    assert message or "Argo workflows" not in output


@pytest.mark.parametrize("kind", ["Workflow", "WorkflowTemplate", "CronWorkflow"])
def test_the_flag_chooses_a_manifest_of_any_kind(tmp_path: Path, kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    text = ARGO.replace("kind: Workflow", f"kind: {kind}")
    if kind == "CronWorkflow":
        document = yaml.safe_load(text)
        document["spec"] = {"schedule": "* * * * *", "workflowSpec": document["spec"]}
        text = yaml.safe_dump(document)
    tree(tmp_path, {"a.yaml": text.replace("name: sha", "name: commit"), "b.yaml": ARGO, "two.yaml": f"{ARGO}---\n{ARGO}"})
    assert init(tmp_path, "--project", "octo/digits", "--manifest", "two.yaml") == 2
    assert "--manifest 'two.yaml' is a file with 2 Argo workflows" in capsys.readouterr().err
    assert init(tmp_path, "--project", "octo/digits", "--manifest", "a.yaml") == 0
    assert given(tmp_path, "workflow")["workflow"] == "a.yaml"
    assert "a.yaml declares no parameter `sha`" in capsys.readouterr().out
    assert init(tmp_path, "--update", "--yes") == 0
    assert given(tmp_path, "workflow")["workflow"] == "a.yaml"


DEEP = "import wandb\nx = " + "-" * 20_000 + "1\n"
HOSTILE: Mapping[str, Mapping[str, str | bytes]] = {
    "expression": {"t.py": "import wandb\nwandb.init(project='${{ secrets.X }}', entity='octo')\n"},
    "newline": {"t.py": "import wandb\nwandb.init(project='a\\nb: c', entity='octo')\n"},
    "escape": {"t.py": "import wandb\nwandb.init(project='\\x1b[2J', entity='octo')\n"},
    "file name": {"a\n::error::x.py": "import wandb\nwandb.init(project='p', entity='e')\n", "\x1b]0;x.yaml": ARGO},
    "deep code": {"t.py": DEEP},
    "deep parentheses": {"t.py": "import wandb\n" + "(" * 10_000},
    "deep attributes": {"t.py": "import wandb\nx" + ".y" * 50_000 + "\n"},
    "NUL": {"t.py": "import wandb\0\n"},
    "no text": {"t.py": b"\xff\xfe wandb", "w.yaml": b"\xff argoproj.io"},
    "large": {"t.py": "import wandb\nwandb.init(project='p', entity='e')\n" + "#" * 300_000},
    "YAML bomb": {"w.yaml": "# argoproj.io WANDB_\na0: &a0 [x]\n" + "".join(
        f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 12))},
    "YAML loop": {"w.yaml": "# argoproj.io WANDB_\na: &a\n  b: *a\n"},
    "deep YAML": {"w.yaml": "# argoproj.io WANDB_\n" + "[" * 5_000},
    "YAML tag": {"w.yaml": "# argoproj.io WANDB_\n- !!python/object/apply:os.system [touch ran]\n"},
    "parameters": {"w.yaml": ARGO.replace("name: lr", "name: \"x}\\n  y: {\"").replace('"a: b"', '"${{ secrets.A }}"')},
    "many parameters": {"w.yaml": ARGO.replace(
        "      - {name: note", "".join(f"      - {{name: p{n}, value: 1}}\n" for n in range(500)) + "      - {name: note")},
}  # fmt: skip


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_repository_does_no_harm(tmp_path: Path, kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    tree(tmp_path, HOSTILE[kind])
    assert init(tmp_path, "--project", "octo/digits") == 0
    output = capsys.readouterr().out
    assert all(line.isprintable() for line in output.splitlines())
    assert "::error::" not in "\n".join(line for line in output.splitlines() if line.startswith("::"))
    assert not Path("ran").exists()
    text = (tmp_path / WORKFLOW).read_text()
    assert "secrets.A " not in text
    assert set(workflow(tmp_path)["jobs"]) == {"listen", "train", "control", "finish"}
    assert len(yaml.safe_load(given(tmp_path, "chatops")["commands"])["train"]["params"]) <= 30


def test_links_pipes_and_other_folders_are_not_read(tmp_path: Path) -> None:
    outside, root = tmp_path / "outside", tmp_path / "root"
    code = "import wandb\nwandb.init(project='p', entity='e')\n"
    tree(outside, {"secret.py": code})
    tree(root, {
        "node_modules/x/a.py": code, ".venv/a.py": code, "venv/lib/a.py": code, "/".join("abcdefghijk") + "/deep.py": code,
    })  # fmt: skip
    (root / "link.py").symlink_to(outside / "secret.py")
    (root / "folder").symlink_to(outside)
    (root / "loop").symlink_to(".")
    os.mkfifo(root / "pipe.py")
    (root / "dangling.py").symlink_to("nowhere")
    assert look(RepositoryFiles(root)) == Proposals()
    assert [RepositoryFiles(root).read(name) for name in ("link.py", "folder/secret.py", "pipe.py", "loop", "")] == [""] * 5


def test_only_so_many_names_and_bytes_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tree(tmp_path, {f"{n:03}.py": "import wandb\nwandb.init(project=" + repr(f"p{n}") + ")\n" for n in range(40)})
    monkeypatch.setattr(repository, "MAX_ENTRIES", 10)
    assert len(RepositoryFiles(tmp_path).paths()) == 10
    monkeypatch.setattr(repository, "MAX_ENTRIES", 100)
    monkeypatch.setattr(repository, "MAX_TOTAL_BYTES", 100)
    assert len(look(RepositoryFiles(tmp_path)).projects) == 2


@pytest.mark.parametrize("kind", ["yaml", "python"])
def test_only_so_much_is_parsed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    ending, text = {
        "yaml": ("yml", "{{name: WANDB_PROJECT, value: p{}}}\n"),
        "python": ("py", "wandb.init(project='p{}')\n"),
    }[kind]
    files = {f"{number}.{ending}": text.format(number) for number in range(5)}
    other = {f"{number}-other.{ending}": "# neither of the two\n" * 100 for number in range(5)}
    monkeypatch.setitem(findings._MAX_PARSED, kind, 2 * len(files[f"0.{ending}"]))
    assert [project.value for project in found(tmp_path, {**files, **other}).projects] == ["p0", "p1"]


def test_a_long_yaml_file_is_not_parsed_unless_it_is_named(tmp_path: Path) -> None:
    tree(tmp_path, {"argo.yaml": f"{ARGO}{'# long' * 20_000}\n"})
    assert look(RepositoryFiles(tmp_path)) == Proposals()
    assert init(tmp_path, "--project", "octo/digits", "--manifest", "argo.yaml") == 0
    assert given(tmp_path, "workflow")["workflow"] == "argo.yaml"


# What a repository says and init cannot use, and what init writes instead: an input, its value.
UNUSABLE: Mapping[str, tuple[Mapping[str, str], str, str, str]] = {
    "a namespace": ({"argo.yaml": ARGO.replace("research", '"a b; c"')}, "workflow", "namespace", "default"),
    "a path of an Argo workflow": ({" .yaml": ARGO}, "workflow", "workflow", "mlops/workflow.yaml"),
    "one of two workflows in a file": (
        {"two.yaml": f"{ARGO}---\n{ARGO.replace('name: image', 'name: other')}"},
        "workflow", "workflow", "mlops/workflow.yaml",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("files", "step", "name", "value"), UNUSABLE.values(), ids=UNUSABLE)
def test_the_default_takes_the_place_of_what_cannot_be_used(
    tmp_path: Path, files: Mapping[str, str], step: str, name: str, value: str
) -> None:
    assert init(tree(tmp_path, files), "--project", "octo/digits") == 0
    assert given(tmp_path, step)[name] == value


def test_the_default_takes_the_place_of_an_account_or_a_dockerfile_that_cannot_be_used(tmp_path: Path) -> None:
    files = {"argo.yaml": ARGO.replace("Name: trainer", "Name: mlops-submitter"), "Dockerfile. ": "FROM scratch"}
    assert init(tree(tmp_path, files), "--project", "octo/digits") == 0
    assert "file" not in given(tmp_path, "publish")
    accounts = [
        one["metadata"]["name"]
        for one in yaml.safe_load_all((tmp_path / RBAC).read_text())
        if one["kind"] == "ServiceAccount"
    ]
    assert accounts == ["mlops-submitter", "mlops-workflow"]


# The account in the repository's own manifest, the flags; the account that has the rights, and what the step says of it.
ACCOUNTS: Mapping[str, tuple[str, tuple[str, ...], str, str | None]] = {
    "none": ("", (), "mlops-workflow", "mlops-workflow"),
    "its own": ("  serviceAccountName: trainer\n", (), "trainer", None),
    "a flag for one that has none": ("", ("--service-account", "gpu"), "gpu", "gpu"),
    "a flag for another one": ("  serviceAccountName: trainer\n", ("--service-account", "gpu"), "gpu", "gpu"),
    "the same by flag": ("  serviceAccountName: trainer\n", ("--service-account", "trainer"), "trainer", None),
    "a parameter": ('  serviceAccountName: "{{workflow.parameters.a}}"\n', (), "mlops-workflow", "mlops-workflow"),
}


@pytest.mark.parametrize(("line", "flags", "account", "rendered"), ACCOUNTS.values(), ids=ACCOUNTS)
def test_the_pods_run_as_the_account_that_gets_the_rights(
    tmp_path: Path, line: str, flags: tuple[str, ...], account: str, rendered: str | None
) -> None:
    # What an earlier run has left behind is not what the jobs run.
    left = {"mlops/workflow.yaml": ARGO.replace("trainer", "left-behind")}
    tree(tmp_path, {"argo.yaml": ARGO.replace("  serviceAccountName: trainer\n", line), **left})
    assert init(tmp_path, "--project", "octo/digits", "--manifest", "argo.yaml", *flags) == 0
    assert given(tmp_path, "workflow").get("service-account") == rendered
    documents = list(yaml.safe_load_all((tmp_path / RBAC).read_text()))
    assert {one["metadata"]["name"] for one in documents if one["kind"] == "ServiceAccount"} == {"mlops-submitter", account}
    before = (tmp_path / WORKFLOW).read_text(), (tmp_path / RBAC).read_text()
    assert init(tmp_path, "--update", "--yes") == 0
    assert ((tmp_path / WORKFLOW).read_text(), (tmp_path / RBAC).read_text()) == before
