"""The demo's parts: what Docker must be able to do, the repository it makes, what it prints and leaves behind."""

from __future__ import annotations

import io
import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from mlops_sandbox.demo import machine, repository, results
from mlops_sandbox.demo.console import Console, printable
from mlops_sandbox.github import GitHubServer
from mlops_sandbox.runner.job import JobResult, RunResult, StepResult
from mlops_sandbox.runner.workflow import Step

Docker = Callable[[str], dict[str, str]]


@pytest.fixture
def docker(tmp_path: Path) -> Docker:
    """Put a `docker` that runs the script on a separate PATH."""

    def docker(script: str) -> dict[str, str]:
        program = tmp_path / "docker"
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)
        return {"PATH": f"{tmp_path}:/usr/bin:/bin"}

    return docker


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("exit 0", ""),
        ("exit 1", "no Docker daemon answers"),
        ('[ "$1" = info ] && echo Docker Desktop; exit 0', "not on this machine's own loopback"),
        ('[ "$1" = info ] && echo "Debian [name=rootless]"; exit 0', "not on this machine's own loopback"),
        ('[ "$1" != buildx ]', "docker has no buildx"),
        ('[ "$1" != image ] && [ "$1" != pull ]', "debian:trixie-slim cannot be pulled"),
        ('[ "$1" != image ]', ""),
    ],
)
def test_the_reason_why_docker_cannot_be_used(docker: Docker, script: str, reason: str) -> None:
    missing = machine.missing_docker(docker(script))
    assert reason in missing
    assert bool(missing) is bool(reason)


def test_a_daemon_elsewhere_cannot_reach_loopback(docker: Docker) -> None:
    environment = {**docker("exit 0"), "DOCKER_HOST": "tcp://10.0.0.1:2375"}
    assert "loopback" in machine.missing_docker(environment)


def test_images_of_the_sandboxs_registry_are_removed_by_every_name(docker: Docker, tmp_path: Path) -> None:
    calls = tmp_path / "calls"
    listing = "r/a:1 r/a@sha256:0\\nrr/a:1 r/b/a:1\\nr/a:<none> r/a@sha256:1\\nr/a:2 r/a@<none>\\n"
    machine.remove_images(docker(f"if [ $2 = ls ]; then printf '{listing}'; else echo $* > {calls}; fi"), "r")
    assert calls.read_text() == "image rm r/a:1 r/a:2 r/a@sha256:0 r/a@sha256:1 r/b/a:1\n"


def test_a_missing_docker_command_is_a_reason(tmp_path: Path) -> None:
    assert machine.missing_docker({"PATH": str(tmp_path)}) == "there is no docker command"


def test_the_repository_has_a_main_and_a_branch_that_changes_one_line(tmp_path: Path) -> None:
    created = repository.create(tmp_path / "digits")
    assert created.main != created.branch
    assert created.difference == ["-HIDDEN_UNITS = 16", "+HIDDEN_UNITS = 64"]
    assert ".github/workflows/mlops.yml" in repository.files(created.path)


def test_the_repository_is_free_of_this_machines_git_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".gitconfig").write_text("[commit]\n\tgpgsign = true\n[user]\n\tname = me\n\temail = me@example.org\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    created = repository.create(tmp_path / "digits")
    log = subprocess.run(["git", "log", "--format=%an %ae"], cwd=created.path, capture_output=True, text=True, check=True)
    assert log.stdout == "contributor contributor@users.noreply.example\n"


def test_text_from_others_cannot_control_the_terminal() -> None:
    assert printable("a\x1b[2Jb\rc\u202ed\te") == "a [2Jb c d e"


def test_the_console_uses_no_colours_outside_a_terminal() -> None:
    out = io.StringIO()
    console = Console(out)
    console.chapter("One")
    console.success("done")
    console.table([["name", "n"], ["a", "10"]])
    assert out.getvalue() == "\n1. One (0 s)\n   ✓ done\n   name  n\n   a     10\n"


def test_outputs_are_written_by_action_and_null_for_a_skipped_one(tmp_path: Path) -> None:
    steps = [
        StepResult(Step("a", "chatops"), "chatops", "success", outputs={"sha": "é"}),
        StepResult(Step("b", "checkout"), "", "success", outputs={"commit": "1"}),
        StepResult(Step("c", "publish"), "docker-publish"),
    ]
    path = results.write_outputs(tmp_path, RunResult({"train": JobResult("train", "success", tmp_path, steps)}))
    assert json.loads(path.read_text()) == {"chatops": {"sha": "é"}, "docker-publish": None}


def test_report_rows_are_rounded_and_shortened(tmp_path: Path) -> None:
    path = tmp_path / "wandb_report.csv"
    path.write_text(
        "run.id,github_sha,test_accuracy,_lr,_epochs,__eval.category\n"
        f"1e5,{'a' * 40},0.97222222,0.003,20,candidate\n"
        "xyz,,,,,baseline\n"
    )
    head, candidate, baseline = results.report_rows(path)
    row = dict(zip(head, candidate, strict=True))
    assert (row["run"], row["commit"], row["hold-out"], row["lr"], row["epochs"]) == (
        "1e5", "a" * 12, "0.9722", "0.003", "20",
    )  # fmt: skip
    assert dict(zip(head, baseline, strict=True))["hold-out"] == ""


def test_the_timeline_has_actor_event_and_subject() -> None:
    github = GitHubServer()
    pull = github.repository("octo-org/digits").open_pull_request(by="contributor", title="A change")
    pull.comment("<!-- marker -->\n\n/train lr=1\nmore", by="maintainer")
    pull.label("training", by="maintainer")
    lines = [line.split(maxsplit=1)[1] for line in results.timeline(pull)]
    assert [line.split()[:2] for line in lines] == [
        ["contributor", "opened"], ["contributor", "committed"], ["maintainer", "commented"], ["maintainer", "labeled"],
    ]  # fmt: skip
    assert lines[2].endswith("/train lr=1")
    assert lines[3].endswith("training")
    assert os.linesep not in "".join(lines)


def test_states_are_labels_checks_environments_and_reactions() -> None:
    github = GitHubServer()
    repository = github.repository("octo-org/digits")
    pull = repository.open_pull_request(by="contributor", title="A change")
    comment = pull.comment("/train", by="maintainer").subject
    pull.react(comment, "rocket", github.user("maintainer"))
    pull.label("trained", by="maintainer")
    repository.check_run(pull.head_sha, "training", conclusion="success")
    repository.check_run("0" * 40, "of another commit")
    repository.deployment_status(repository.deploy(pull.head_sha, "production", by="maintainer"), "success", by="maintainer")
    assert results.states(pull) == [
        "labels: trained",
        "check 'training': success",
        "environment 'production': Active",
        "reactions: rocket on '/train'",
    ]
