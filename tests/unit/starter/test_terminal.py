"""`init` at a terminal: what is asked, answers that cannot be used, and people who go away."""

from __future__ import annotations

import io
import os
import pty
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
import yaml

from mlops_actions.core.errors import BadInput
from mlops_actions.starter.dialogue import Dialogue, Stopped
from mlops_actions.starter.questions import QUESTIONS

END, CTRL_C = "\x04", "\x03"


def talk(directory: Path, flags: Sequence[str], *answers: tuple[str, str]) -> tuple[int, str]:
    """Run init at a terminal of its own; each answer is typed where its prompt stands. Returns exit code and screen."""
    process, terminal = pty.fork()
    if process == 0:
        os.execv(sys.executable, [sys.executable, "-m", "mlops_actions", "init", "--directory", str(directory), *flags])
    screen, read, waiting = "", 0, list(answers)
    try:
        while True:
            if waiting and waiting[0][0] in screen[read:]:
                read = screen.index(waiting[0][0], read) + len(waiting[0][0])
                os.write(terminal, waiting.pop(0)[1].encode())
                continue
            piece = os.read(terminal, 4096)
            if not piece:
                break
            screen += piece.decode().replace("\r\n", "\n")
    except OSError:  # Linux reports the closed end of a terminal as an error
        pass
    os.close(terminal)
    assert waiting == [], screen
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]), screen


def files(directory: Path) -> list[str]:
    return sorted(str(path.relative_to(directory)) for path in directory.rglob("*") if path.is_file())


def test_each_answer_is_judged_at_once_and_asked_for_again(tmp_path: Path) -> None:
    code, screen = talk(
        tmp_path,
        [],
        ("as entity/project: ", "digits\n"),
        ("as entity/project: ", "octo/digits\n"),
        ("Registry [ghcr.io]: ", "not a host\n"),
        ("Registry [ghcr.io]: ", "https://Registry.Example:5000/\n"),
        ("Name of the image [", "Digits:v1\n"),
        ("Name of the image [", "team/Digits\n"),
        ("eks or aks [kubeconfig]: ", "minikube\n"),
        ("eks or aks [kubeconfig]: ", "\n"),
        ("Namespace of the workflows [default]: ", "A B\n"),
        ("Namespace of the workflows [default]: ", "ml\n"),
    )
    assert code == 0, screen
    for problem in (
        "--project must be entity/project, not 'digits'\n  give a W&B project with its user or team, such as octo/digits",
        "--registry is no host of a registry: 'not a host'\n  give a host such as ghcr.io or registry.example:5000",
        "--image is no name of an image (the workflow file adds the tag)",
        "--cluster must be one of kubeconfig, gke, eks, aks, not 'minikube'",
        "give a namespace of the cluster, such as ml-training",
    ):
        assert problem in screen
    steps = [step for job in yaml.safe_load((tmp_path / ".github/workflows/mlops.yml").read_text())["jobs"].values()
             for step in job["steps"]]  # fmt: skip
    publish = next(step["with"] for step in steps if step.get("id") == "publish")
    assert (publish["image"], publish["registry"]) == ("team/digits", "registry.example:5000")
    assert next(step["with"] for step in steps if step.get("id") == "workflow")["namespace"] == "ml"


@pytest.mark.parametrize("key", [CTRL_C, END], ids=["Ctrl-C", "end of input"])
def test_whoever_goes_away_leaves_one_line_and_no_file(tmp_path: Path, key: str) -> None:
    code, screen = talk(tmp_path, ["--project", "octo/digits"], ("Registry [ghcr.io]: ", "\n"), ("Name of the image", key))
    assert code == 130
    assert screen.rstrip().endswith("stopped: nothing was written")
    assert "Traceback" not in screen
    assert files(tmp_path) == []


def test_update_shows_each_difference_and_asks(tmp_path: Path) -> None:
    assert talk(tmp_path, ["--project", "octo/digits", "--yes"])[0] == 0
    mlops, doctor = (tmp_path / f".github/workflows/{name}.yml" for name in ("mlops", "mlops-doctor"))
    written = mlops.read_text(), doctor.read_text()
    mlops.write_text(written[0].replace("timeout-minutes: 360", "timeout-minutes: 90"))
    doctor.write_text(f"# ours\n{written[1]}")
    code, screen = talk(
        tmp_path,
        ["--update"],
        ("Change .github/workflows/mlops.yml? [y/N]: ", "perhaps\n"),
        ("Change .github/workflows/mlops.yml? [y/N]: ", "y\n"),
        ("Change .github/workflows/mlops-doctor.yml? [y/N]: ", "\n"),
    )
    assert code == 0, screen
    assert "--- a/.github/workflows/mlops.yml\n+++ b/.github/workflows/mlops.yml\n@@ " in screen
    assert "\n-    timeout-minutes: 90\n+    timeout-minutes: 360\n" in screen
    assert "\n-# ours\n" in screen
    assert (mlops.read_text(), doctor.read_text()) == (written[0], f"# ours\n{written[1]}")


def test_what_was_found_is_proposed_and_an_empty_line_takes_it() -> None:
    shown = io.StringIO()
    assert Dialogue(io.StringIO("\n"), shown).ask("project", "octo/digits", "train.py:3") == "octo/digits"
    assert shown.getvalue() == "W&B project, as entity/project [octo/digits, from train.py:3]: "


def test_no_answer_is_no_answer() -> None:
    shown = io.StringIO()
    with pytest.raises(Stopped):
        Dialogue(io.StringIO("\n \n"), shown).ask("entity", "")
    assert shown.getvalue().count("  an answer is needed\n  give a user or team on W&B, such as octo\n") == 2


@pytest.mark.parametrize("name", QUESTIONS)
def test_what_is_accepted_is_told_by_an_example_and_by_this_command_s_own_names(name: str) -> None:
    question = QUESTIONS[name]
    with pytest.raises(BadInput) as refused:
        question.judged("${{ x }}")
    assert refused.value.cause.startswith(f"{question.flag} ")
    assert refused.value.remedy == f"give {question.accepted}"
    assert any(word in question.accepted for word in ("such as", "or none", "or gke"))
