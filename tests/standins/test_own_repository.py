"""`mlops-actions sandbox --repository`: what `init` writes into an empty repository trains on its pull request."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mlops_sandbox.cluster import ProcessExecutor
from mlops_sandbox.git import git
from mlops_sandbox.own_repository import OwnRepository
from mlops_sandbox.suite import Sandbox

PATH = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
IDENTITY = {f"GIT_{who}_{what}": "reader@example.invalid" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}


class Terminal:
    """A sandbox in a process of its own, and what it prints."""

    def __init__(self, repository: Path, log: Path) -> None:
        self._log = log
        environment = {
            **os.environ,
            "PATH": PATH,
            "DOCKER_HOST": "unix:///none",
        }
        with log.open("w") as file:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "mlops_actions", "sandbox", "--repository", str(repository)],
                stdout=file, stderr=subprocess.STDOUT, env=environment,
            )  # fmt: skip

    def wait_for(self, pattern: str, seconds: float = 120.0) -> re.Match[str]:
        until = time.monotonic() + seconds
        while not (found := re.search(pattern, self._log.read_text())):
            assert self.process.poll() is None, self._log.read_text()
            assert time.monotonic() < until, self._log.read_text()
            time.sleep(0.1)
        return found

    @property
    def environment(self) -> dict[str, str]:
        lines = [shlex.split(line)[1] for line in self._log.read_text().splitlines() if line.startswith("export ")]
        return dict(line.replace("$PATH", "/usr/bin:/bin").partition("=")[::2] for line in lines)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "my model"
    folder.mkdir()
    git(folder, "init", "--quiet", "--initial-branch", "main")
    return folder


@pytest.fixture
def terminal(repository: Path, tmp_path: Path) -> Iterator[Terminal]:
    started = Terminal(repository, tmp_path / "log")
    try:
        started.wait_for("Serving until stopped")
        yield started
    finally:
        started.process.send_signal(signal.SIGINT)
        started.process.wait(60)


def commit(folder: Path, message: str) -> None:
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", message, environment=IDENTITY)


def comment(address: str, by: str, body: str) -> None:
    data = urllib.parse.urlencode({"by": by, "body": body}).encode()
    origin = {"Origin": address.partition("/octo-org/")[0]}
    with urllib.request.urlopen(urllib.request.Request(address, data, origin)) as answer:
        assert answer.status == 200


def ask(environment: dict[str, str], path: str) -> list[dict[str, object]]:
    request = urllib.request.Request(
        f"{environment['GITHUB_API_URL']}/repos/{environment['GITHUB_REPOSITORY']}/{path}",
        headers={"Authorization": f"Bearer {environment['GH_TOKEN']}"},
    )
    with urllib.request.urlopen(request) as answer:
        return list(json.load(answer))


def run_for(environment: dict[str, str], folder: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["mlops-actions", *arguments], cwd=folder, capture_output=True, text=True, timeout=120,
            check=False, env={"PATH": PATH, "HOME": str(folder.parent), **environment},
        )  # fmt: skip

    return run


OTHER_NAMES = (
    "--namespace", "training", "--labels", "busy", "done", "did not work", "--kubeconfig-secret", "CLUSTER_CONFIG",
    "--wandb-secret", "WB_KEY",
)  # fmt: skip


@pytest.mark.parametrize(
    ("flags", "label"),
    [((), "trained"), (("--controls", "none"), "trained"), (OTHER_NAMES, "done")],
    ids=["four jobs", "two jobs", "other names"],
)
def test_an_empty_repository_trains_on_its_pull_request(
    terminal: Terminal, repository: Path, flags: tuple[str, ...], label: str
) -> None:
    environment = terminal.environment
    run = run_for(environment, repository)
    done = run(
        "init", "--example", "--project", f"{environment['WANDB_ENTITY']}/model", "--registry", environment["REGISTRY"],
        "--registry-username", environment["REGISTRY_USERNAME"], "--wandb-base-url", environment["WANDB_BASE_URL"], *flags,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    commit(repository, "Train on the pull request")
    terminal.wait_for("pushed main: ")
    doctor = run("doctor")
    assert doctor.returncode == 0, doctor.stdout
    git(repository, "switch", "--quiet", "--create", "more")
    script = repository / "train.py"
    script.write_text(script.read_text().replace("POINTS, TESTED = 2000", "POINTS, TESTED = 1200"))
    commit(repository, "Take other points")
    address = terminal.wait_for(r"opened a pull request for more: (\S+/pull/1)#write")[1]
    comment(address, "stranger", "/train")
    terminal.wait_for("deny: ")
    comment(address, "maintainer", "/train lr=0.5 epochs=12")
    terminal.wait_for("concluded: /train success")
    labels = [label["name"] for label in ask(environment, "issues/1/labels")]
    assert labels == [label]
    report = str(ask(environment, "issues/1/comments")[-1]["body"])
    assert "accuracy" in report
    assert git(repository, "rev-parse", "--short=7", "HEAD") in report


def test_a_folder_that_is_no_repository_is_told_in_one_line(tmp_path: Path) -> None:
    done = run_for({}, tmp_path)("sandbox", "--repository", str(tmp_path / "none"))
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"error: {tmp_path}/none is no git repository: git init --initial-branch main {tmp_path}/none\n"


def test_a_branch_whose_name_is_no_utf8_is_followed_like_any_other(repository: Path, tmp_path: Path) -> None:
    (repository / ".github").mkdir()
    (repository / ".github" / "picture.png").write_bytes(b"\xff\xfe")
    commit(repository, "First")
    git(repository, "switch", "--quiet", "--create", os.fsdecode(b"caf\xe9"))
    git(repository, "commit", "--quiet", "--allow-empty", "--message", "Latin", environment=IDENTITY)
    git(repository, "switch", "--quiet", "--create", "other")
    git(repository, "commit", "--quiet", "--allow-empty", "--message", "Other", environment=IDENTITY)
    with Sandbox(ProcessExecutor(lambda _: None)) as sandbox:
        own = OwnRepository(sandbox, repository, tmp_path / "jobs", "no Docker")
        own.follow()
        assert own.repository is not None
        assert {pull.head_ref: pull.title for pull in own.repository.pulls} == {"caf\ufffd": "Latin", "other": "Other"}
        assert not own.repository.commits[own.repository.branches["main"]].files
