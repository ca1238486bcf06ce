"""A second run of `init`: it adds what is missing, keeps what people edited, and writes all of it or nothing."""

from __future__ import annotations

import os
import resource
from pathlib import Path

import pytest

from mlops_actions.__main__ import main
from mlops_actions.starter import write
from mlops_actions.starter.render import DEPLOY, DOCTOR, WORKFLOW
from tests.unit.starter.test_init import init

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
    assert f"mlops-actions init --directory {tmp_path} --update" in output
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


def test_a_file_that_was_left_out_stays_left_out(tmp_path: Path) -> None:
    assert init(tmp_path, "--project", "octo/digits", "--no-deploy") == 0
    assert not (tmp_path / DEPLOY).exists()


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
