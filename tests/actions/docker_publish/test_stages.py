"""The action as the runner starts it: main and post stage through the composition root, exit codes and messages."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from mlops_actions.__main__ import act
from mlops_sandbox.runner.files import read_file_command
from tests.actions.docker_publish.conftest import SHA


class Step:
    """One step with the runner's variables and files."""

    def __init__(self, folder: Path, workspace: Path) -> None:
        # The PATH is empty, so that the machine's docker command line is not used.
        self.temp = folder / "temp"
        self.temp.mkdir()
        self.event = folder / "event.json"
        self.event.write_text(json.dumps({"repository": {"full_name": "octo/digits", "default_branch": "main"}}))
        self.state = folder / "state"
        self.environ = {
            "GITHUB_REPOSITORY": "octo/digits", "GITHUB_EVENT_NAME": "push", "GITHUB_SHA": SHA,
            "GITHUB_REF": "refs/heads/main", "PATH": str(folder),
            "GITHUB_WORKSPACE": str(workspace), "GITHUB_EVENT_PATH": str(self.event), "GITHUB_STATE": str(self.state),
            "RUNNER_TEMP": str(self.temp), "INPUT_IMAGE": "digits", "HOME": str(folder),
            "DOCKER_HOST": f"unix://{folder}/none",
        }  # fmt: skip

    def run(self, *, post: bool = False, **changes: str) -> tuple[int, str]:
        out = io.StringIO()
        code = act("docker-publish", self.environ | changes, post=post, out=out)
        return code, out.getvalue()


@pytest.fixture
def step(tmp_path: Path, workspace: Path) -> Step:
    folder = tmp_path / "runner"
    folder.mkdir()
    return Step(folder, workspace)


def test_a_missing_image_is_reported(step: Step) -> None:
    code, log = step.run(INPUT_IMAGE="")
    assert code == 2
    assert "input 'image' is required" in log


def test_every_problem_is_reported_at_once(step: Step) -> None:
    code, log = step.run(INPUT_PUSH="yes", INPUT_CACHE="s3")
    assert code == 2
    assert "2 problems with the inputs" in log


def test_a_machine_without_docker_is_reported(step: Step) -> None:
    code, log = step.run()
    assert code == 2
    assert "no Docker daemon answers" in log
    code, log = step.run(INPUT_BUILDER="tcp://127.0.0.1:1")
    assert code == 2
    assert "the docker command line is not installed" in log


@pytest.mark.parametrize(
    ("content", "message"), [(None, "does not exist"), ("{", "cannot be read as JSON"), ("[]", "not a JSON object")]
)
def test_an_unreadable_event_is_reported(step: Step, content: str | None, message: str) -> None:
    step.event.unlink()
    if content is not None:
        step.event.write_text(content)
    code, log = step.run()
    assert code == 2
    assert message in log


def test_secrets_are_masked_before_anything_is_logged(step: Step) -> None:
    _, log = step.run(INPUT_PASSWORD="p4ssw0rd", INPUT_SECRETS="TOKEN=s3cr3t-value")
    lines = log.splitlines()
    first = next(index for index, line in enumerate(lines) if not line.startswith("::add-mask::"))
    assert "::add-mask::p4ssw0rd" in lines[:first]
    assert "::add-mask::s3cr3t-value" in lines[:first]
    assert not any("p4ssw0rd" in line or "s3cr3t-value" in line for line in lines[first:])


def test_private_files_are_removed_by_the_main_and_the_post_stage(step: Step) -> None:
    step.run(INPUT_PASSWORD="p4ssw0rd", INPUT_BUILDER="tcp://127.0.0.1:1")
    assert list(step.temp.iterdir()) == []
    private = read_file_command(step.state.read_text())["private_directory"]
    Path(private).mkdir()
    (Path(private) / "config.json").write_text("{}")
    code, log = step.run(post=True, STATE_private_directory=private)
    assert (code, log) == (0, "")
    assert not Path(private).exists()


@pytest.mark.parametrize(
    "path", ["", "/", "{temp}", "{temp}/../workspace", "{temp}/mlops-actions-x/..", "{workspace}/mlops-actions-x"]
)
def test_the_post_stage_removes_no_other_directory(step: Step, workspace: Path, path: str) -> None:
    (workspace / "mlops-actions-x").mkdir()
    (step.temp / "mlops-actions-x").mkdir()
    (step.temp / "other").mkdir()
    code, _ = step.run(post=True, STATE_private_directory=path.format(temp=step.temp, workspace=workspace))
    assert code == 0
    assert {entry.name for entry in step.temp.iterdir()} == {"mlops-actions-x", "other"}
    assert (workspace / "mlops-actions-x").exists()
