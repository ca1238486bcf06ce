"""A second run of `init`: it adds what is missing, keeps what people edited, and writes all of it or nothing."""

from __future__ import annotations

import os
import re
import resource
import shlex
import subprocess
from pathlib import Path

import pytest

from mlops_actions.__main__ import main
from mlops_actions.starter import write
from mlops_actions.starter.render import DEPLOY, DOCTOR, MANIFEST, RBAC, WORKFLOW
from tests.unit.starter.test_init import given, init

FLAGS = (
    "--project", "octo/digits", "--image", "team/net", "--registry", "registry.example:5000", "--registry-username", "robot",
    "--namespace", "ml", "--service-account", "trainer", "--metric", "f1:max", "--metric", "loss:min", "--gate", "f1 >= 0.5",
    "--argo-url", "https://argo.example", "--wandb-base-url", "https://wandb.example", "--ref", "a" * 40,
    "--controls", "stop", "--labels", "running", "done", "did not work",
    "--kubeconfig-secret", "CLUSTER", "--wandb-secret", "TRACKER_KEY",
)  # fmt: skip


def texts(directory: Path) -> dict[str, str]:
    return {str(path.relative_to(directory)): path.read_text() for path in directory.rglob("*") if path.is_file()}


@pytest.mark.parametrize("cluster", ["kubeconfig", "gke", "eks", "aks"])
@pytest.mark.parametrize("flags", [FLAGS, ("--project", "octo/digits"), ("--project", "octo/digits", "--controls", "none")])
def test_the_answers_of_the_first_run_count_in_the_second(
    tmp_path: Path, flags: tuple[str, ...], cluster: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert init(tmp_path, *flags, "--cluster", cluster) == 0
    before = texts(tmp_path)
    capsys.readouterr()
    assert init(tmp_path, "--update", "--yes") == 0
    assert texts(tmp_path) == before
    output = capsys.readouterr().out
    assert "Nothing was missing, and nothing was changed." in output
    assert "wrote" not in output


def test_what_is_missing_is_added_and_what_differs_is_kept(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "train.py").write_text("mine")
    assert init(tmp_path, "--project", "octo/digits") == 0
    edited = (tmp_path / WORKFLOW).read_text().replace("epochs: {type: int", "epochs: {type: float")
    (tmp_path / WORKFLOW).write_text(edited)
    (tmp_path / DOCTOR).unlink()
    capsys.readouterr()
    assert init(tmp_path, "--example") == 0
    output = capsys.readouterr().out
    wrote = [line.rpartition(f"{tmp_path}/")[2] for line in output.splitlines() if line.startswith("wrote ")]
    assert wrote == [DOCTOR, "Dockerfile", "requirements.txt", ".dockerignore"]
    assert f"kept {tmp_path / WORKFLOW}, which differs" in output
    assert f"kept {tmp_path / 'train.py'}, which differs" in output
    assert f"mlops-actions init --directory {tmp_path} --example --update" in output
    assert (tmp_path / "train.py").read_text() == "mine"
    assert (tmp_path / WORKFLOW).read_text() == edited


def test_actions_of_another_repository_are_kept_and_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A fork is used on purpose, or a stranger wrote the file: only a reader can tell."""
    assert init(tmp_path, "--project", "octo/digits") == 0
    file, own = tmp_path / WORKFLOW, "machine-learning-apps/mlops-actions/actions/"
    file.write_text(file.read_text().replace(own, "stranger/fork/actions/"))
    (tmp_path / DOCTOR).unlink()
    capsys.readouterr()
    assert init(tmp_path) == 0
    assert f"the actions are those of stranger/fork (from {WORKFLOW})" in capsys.readouterr().out
    assert "stranger/fork/actions/" in (tmp_path / DOCTOR).read_text()


def test_a_file_too_large_to_compare_is_kept(tmp_path: Path) -> None:
    """Its first part alone may be equal."""
    assert init(tmp_path, "--project", "octo/digits", "--example") == 0
    file = tmp_path / "train.py"
    file.write_text(file.read_text() + "#" * 2_000_000)
    assert write.plan(tmp_path, {"train.py": file.read_text()[: 1024 * 1024]}).different.keys() == {"train.py"}


# Flags whose answers stand in no input of a step.
OTHER_FLAGS: dict[str, tuple[str, ...]] = {
    "without /deploy": ("--no-deploy",),
    "a server": ("--server", "git.example"),
    "a server without controls": ("--server", "git.example", "--controls", "none"),
    "github.com": ("--server", "github.com"),
}


@pytest.mark.parametrize("flags", OTHER_FLAGS.values(), ids=OTHER_FLAGS)
@pytest.mark.parametrize("remote", ["git@github.com:octo-org/digits.git", "git@git.example:octo-org/digits.git"])
def test_an_answer_that_is_no_input_is_remembered(
    tmp_path: Path, flags: tuple[str, ...], remote: str, capsys: pytest.CaptureFixture[str]
) -> None:
    for arguments in (("init", "--quiet"), ("remote", "add", "origin", remote)):
        subprocess.run(["git", *arguments], cwd=tmp_path, check=True)
    assert init(tmp_path, "--project", "octo/digits", *flags) == 0
    assert (tmp_path / DEPLOY).exists() is ("--no-deploy" not in flags)
    capsys.readouterr()
    assert init(tmp_path) == 0
    output = capsys.readouterr().out
    assert "Nothing was missing, and nothing was changed." in output
    assert "kept" not in output
    assert (f"{DEPLOY} stays left out; --deploy writes it\n" in output) is ("--no-deploy" in flags)
    assert (tmp_path / DEPLOY).exists() is ("--no-deploy" not in flags)
    assert init(tmp_path, "--deploy") == 0
    assert (tmp_path / DEPLOY).exists()


def test_steps_and_other_files_follow_the_workflow_file_that_is_kept(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    flags = (
        "--labels", "x", "y", "did not work", "--kubeconfig-secret", "OTHER", "--wandb-secret", "KEY", "--namespace", "ml",
        "--deploy", "--controls", "none",
    )  # fmt: skip
    assert init(tmp_path, "--project", "octo/digits", "--controls", "stop") == 0
    before = texts(tmp_path)
    for path in (DOCTOR, DEPLOY, RBAC, MANIFEST):
        (tmp_path / path).unlink()
    capsys.readouterr()
    assert init(tmp_path, *flags, "--yes") == 0
    output = capsys.readouterr().out
    assert texts(tmp_path) == before
    command = shlex.join(["mlops-actions", "init", "--directory", str(tmp_path), *flags, "--update"])
    assert f"kept {tmp_path / WORKFLOW}, which differs from what this command would write\n  {command} shows" in output
    assert f"The other files and the steps below are for {WORKFLOW} as it is.\n" in output
    for line in (
        "gh secret set KUBECONFIG",
        "gh secret set WANDB_API_KEY",
        "gh label create training\n",
        "--namespace default",
    ):
        assert line in output
    assert "OTHER" not in output.replace(command, "")
    assert main([*shlex.split(command)[1:], "--yes"]) == 0
    output = capsys.readouterr().out
    for line in ("gh secret set OTHER", "gh secret set KEY", "gh label create 'did not work'\n", "--namespace ml"):
        assert line in output
    assert "The other files" not in output


def test_beside_a_workflow_file_of_somebody_else_the_steps_hold_after_the_update(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / WORKFLOW).parent.mkdir(parents=True)
    (tmp_path / WORKFLOW).write_text("on: push\n")
    assert init(tmp_path, "--project", "octo/digits") == 0
    expected = f"are for {WORKFLOW} as this command would write it: they hold after --update.\n"
    assert expected in capsys.readouterr().out
    assert (tmp_path / WORKFLOW).read_text() == "on: push\n"
    assert init(tmp_path, "--project", "octo/digits", "--update", "--yes") == 0
    assert expected not in capsys.readouterr().out


LOCAL = (
    "--registry", "127.0.0.1:5000", "--registry-username", "publisher", "--wandb-base-url", "http://127.0.0.1:8080",
    "--argo-url", "http://localhost:2746",
)  # fmt: skip


@pytest.mark.parametrize("flags", [(), ("--registry", "registry.example")])
def test_addresses_of_this_machine_are_not_taken_over_outside_the_sandbox(
    tmp_path: Path, flags: tuple[str, ...], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_SERVER_URL", "http://127.0.0.1:1234")
    assert init(tmp_path, "--project", "sandbox/digits", *LOCAL) == 0
    capsys.readouterr()
    assert init(tmp_path) == 0
    assert "Nothing was missing, and nothing was changed." in capsys.readouterr().out
    monkeypatch.delenv("GITHUB_SERVER_URL")
    assert init(tmp_path, "--project", "octo/digits", *flags, "--update", "--yes") == 0
    output = capsys.readouterr().out
    said = "http://127.0.0.1:8080, an address of this machine: it is not used for --wandb-base-url\n"
    assert f"{WORKFLOW} names {said}" in output
    assert ("used for --registry\n" in output) is (not flags)
    after = texts(tmp_path)
    assert [path for path, text in after.items() if re.search("127.0.0.1|localhost|publisher|sandbox/", text)] == []
    assert "queue: max" in after[WORKFLOW]
    assert init(tmp_path, "--update", "--yes") == 0
    assert texts(tmp_path) == after


# The files before the first run and its flags, the files afterwards; the flags of the second run, what it prints, and what
# the image is built from after `--update`.
DOCKERFILES: dict[str, tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...], tuple[str, ...], tuple[str, ...], str]] = {
    "several, and none named": (
        ("a/Dockerfile", "b/Dockerfile"), (), ("a/Dockerfile", "b/Dockerfile"), (),
        ("There is no Dockerfile.", "--dockerfile FILE --update:\n  a/Dockerfile\n  b/Dockerfile\n"), "",
    ),
    "one of several": (
        ("a/Dockerfile", "b/Dockerfile"), ("--dockerfile", "b/Dockerfile"), ("a/Dockerfile", "b/Dockerfile"), (), (),
        "b/Dockerfile",
    ),
    "a second one": (("b/Dockerfile",), (), ("a/Dockerfile", "b/Dockerfile"), (), (), "b/Dockerfile"),
    "one beside that at the top": (("Dockerfile",), (), ("Dockerfile", "a/Dockerfile"), (), (), ""),
    "moved": (
        ("a/Dockerfile",), (), ("b/Dockerfile",), (),
        ("a/Dockerfile, which is gone: it is not used for --dockerfile", "--dockerfile b/Dockerfile (from the repository)"),
        "b/Dockerfile",
    ),
    "removed": (
        ("a/Dockerfile",), (), (), (), ("names a/Dockerfile, which is gone", "run this command again with --example"), "",
    ),
    "removed, and replaced by the example's": (
        ("a/Dockerfile",), (), (), ("--example",), ("names a/Dockerfile, which is gone", "wrote "), "",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", DOCKERFILES)
def test_the_dockerfile_is_one_that_is_there(tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    before, first, afterwards, second, said, expected = DOCKERFILES[name]
    place(tmp_path, before)
    assert init(tmp_path, "--project", "octo/digits", *first) == 0
    place(tmp_path, afterwards)
    for path in set(before) - set(afterwards):
        (tmp_path / path).unlink()
    capsys.readouterr()
    assert init(tmp_path, *second, "--update", "--yes") == 0
    output = capsys.readouterr().out
    assert [text for text in said if text not in output] == []
    assert given(tmp_path, "publish").get("file", "") == expected
    assert ("--example" in output) is (name == "removed")
    assert init(tmp_path, "--update", "--yes") == 0
    output = capsys.readouterr().out
    assert "Nothing was missing, and nothing was changed." in output
    assert ("There is no" in output) is not (tmp_path / (expected or "Dockerfile")).exists()


def place(root: Path, paths: tuple[str, ...]) -> None:
    for path in paths:
        (root / path).parent.mkdir(exist_ok=True)
        (root / path).write_text("FROM scratch\n")


def test_a_manifest_that_is_gone_is_not_taken_over(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "argo.yaml").write_text(
        "apiVersion: argoproj.io/v1alpha1\nkind: Workflow\nmetadata: {generateName: a-}\nspec: {templates: [{name: a}]}\n"
    )
    assert init(tmp_path, "--project", "octo/digits", "--manifest", "argo.yaml") == 0
    (tmp_path / "argo.yaml").unlink()
    capsys.readouterr()
    assert init(tmp_path, "--update", "--yes") == 0
    assert f"{WORKFLOW} names argo.yaml, which is gone: it is not used for --manifest\n" in capsys.readouterr().out
    assert given(tmp_path, "workflow")["workflow"] == MANIFEST
    assert (tmp_path / MANIFEST).is_file()


def test_without_a_terminal_update_shows_the_difference_and_changes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert init(tmp_path, "--project", "octo/digits") == 0
    before = texts(tmp_path)
    capsys.readouterr()
    assert init(tmp_path, "--update", "--namespace", "ml", "--example") == 2
    output = capsys.readouterr()
    assert "\n-          namespace: default\n+          namespace: ml\n" in output.out
    assert output.err == (
        "error: nobody can be asked whether to make these changes; nothing was written\nremedy: add --yes\n"
    )
    assert texts(tmp_path) == before
    assert init(tmp_path, "--update", "--namespace", "ml", "--yes") == 0
    assert "namespace: ml" in (tmp_path / WORKFLOW).read_text()


def test_a_difference_cannot_move_or_hide_text_on_a_terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / WORKFLOW).parent.mkdir(parents=True)
    (tmp_path / WORKFLOW).write_bytes("name: x\x1b[2J\u202e\r\n\ta: \x0b\x9b1A é\x00\u2028b\nend".encode())
    assert init(tmp_path, "--project", "octo/digits", "--update", "--yes") == 0
    output = capsys.readouterr().out
    assert all(letter.isprintable() or letter in "\n\t" for letter in output)
    shown = r"-name: x\x1b[2J\u202e\r", "-\t" + r"a: \x0b\x9b1A é\x00\u2028b", "-end", r"\ No newline at end of file"
    assert "\n".join(shown) in output


@pytest.mark.parametrize(
    "content", [b"", b"\xff\xfe", b"- 1", b"jobs: {a: {steps: [1, {uses: 2}]}}", b"a: &a [*a]", b"jobs:\n  x: [" * 500]
)
def test_a_workflow_file_that_is_no_longer_one_is_kept(tmp_path: Path, content: bytes) -> None:
    (tmp_path / WORKFLOW).parent.mkdir(parents=True)
    (tmp_path / WORKFLOW).write_bytes(content)
    assert init(tmp_path, "--project", "octo/digits") == 0
    assert (tmp_path / WORKFLOW).read_bytes() == content


def test_answers_that_somebody_spoiled_in_the_file_are_not_used(tmp_path: Path) -> None:
    assert init(tmp_path, "--project", "octo/digits") == 0
    text = (tmp_path / WORKFLOW).read_text()
    text = text.replace("namespace: default", "namespace: '$(id)'").replace("accuracy:max", "'a: ${{ secrets.X }}'")
    (tmp_path / WORKFLOW).write_text(text)
    assert init(tmp_path, "--update", "--yes") == 0
    assert "$(id)" not in (tmp_path / WORKFLOW).read_text()
    assert "secrets.X" not in (tmp_path / WORKFLOW).read_text()


@pytest.mark.parametrize("fails_at", ["draft", "replace"])
@pytest.mark.parametrize("error", [OSError("the disk is full"), KeyboardInterrupt()])
def test_all_files_are_written_or_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException, fails_at: str
) -> None:
    (tmp_path / "kept").write_text("old")
    (tmp_path / "link").symlink_to("kept")
    count = 0

    def fail_late(*arguments: object) -> object:
        nonlocal count
        count += 1
        if count == 3:
            raise error
        return original(*arguments)

    target, name = (write, "_draft") if fails_at == "draft" else (Path, "replace")
    original = getattr(target, name)
    monkeypatch.setattr(target, name, fail_late)
    with pytest.raises(type(error)):
        write.write(tmp_path, {"kept": "new", "link": "new", "folder/below/new": "new", "z": "new"})
    monkeypatch.undo()
    assert sorted(os.listdir(tmp_path)) == ["kept", "link"]  # noqa: PTH208 - names, hidden ones too
    assert ((tmp_path / "kept").read_text(), (tmp_path / "link").is_symlink()) == ("old", True)


def test_a_disk_that_is_full_leaves_nothing_behind(tmp_path: Path) -> None:
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    try:
        with pytest.raises(OSError, match="large"):
            write.write(tmp_path, {"a/first": "fits", "b/second": "x" * 5000})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_may_not_be_written_is_told_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["init", "--directory", "/proc/self", "--project", "octo/digits"]) == 1
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert error.endswith("remedy: make /proc/self writable, and run the command again\n")
