"""The action as the runner starts it: main and post stage through the composition root, exit codes and messages."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.support.docker_publish import SHA
from tests.support.step import LocalRunner, Step, StepRecord

EVENT = {"repository": {"full_name": "octo/digits", "default_branch": "main"}}


class Job:
    """A job on a machine without Docker, whose step runs docker-publish."""

    def __init__(self, directory: Path, workspace: Path) -> None:
        self.runner = LocalRunner(directory, "octo/digits", workspace=workspace)
        # The PATH is empty, so that the machine's docker command line is not used.
        self.environ = {"GITHUB_SHA": SHA, "PATH": str(directory), "DOCKER_HOST": f"unix://{directory}/none"}

    def run(self, **inputs: str) -> StepRecord:
        return self.runner.run(
            Step("docker-publish", inputs={"image": "digits", **inputs}, event=EVENT, environ=self.environ)
        )

    def run_post(self, state: Mapping[str, str]) -> StepRecord:
        step = Step("docker-publish", inputs={"image": "digits"}, environ=self.environ, state=state, post=True)
        return self.runner.run(step)


@pytest.fixture
def job(tmp_path: Path, workspace: Path) -> Job:
    return Job(tmp_path / "runner", workspace)


def test_a_missing_image_is_reported(job: Job) -> None:
    record = job.run(image="")
    assert record.exit_code == 2
    assert "input 'image' is required" in record.log


def test_every_problem_is_reported_at_once(job: Job) -> None:
    record = job.run(push="yes", cache="s3")
    assert record.exit_code == 2
    assert "2 problems with the inputs" in record.log


def test_a_machine_without_docker_is_reported(job: Job) -> None:
    record = job.run()
    assert record.exit_code == 2
    assert "no Docker daemon answers" in record.log
    with socket.create_server(("127.0.0.1", 0)) as listener:
        record = job.run(builder=f"tcp://127.0.0.1:{listener.getsockname()[1]}")
    assert record.exit_code == 2
    assert "the docker command line is not installed" in record.log


@pytest.mark.parametrize(
    ("content", "message"), [(None, "does not exist"), ("{", "cannot be read as JSON"), ("[]", "not a JSON object")]
)
def test_an_unreadable_event_is_reported(job: Job, content: str | None, message: str) -> None:
    job.runner.event.unlink()
    if content is not None:
        job.runner.event.write_text(content)
    record = job.runner.run(Step("docker-publish", inputs={"image": "digits"}, environ=job.environ))
    assert record.exit_code == 2
    assert message in record.log


def test_secrets_are_masked_before_anything_is_logged(job: Job) -> None:
    log = job.run(password="p4ssw0rd", secrets="TOKEN=s3cr3t-value").log
    lines = log.splitlines()
    first = next(index for index, line in enumerate(lines) if not line.startswith("::add-mask::"))
    assert "::add-mask::p4ssw0rd" in lines[:first]
    assert "::add-mask::s3cr3t-value" in lines[:first]
    assert not any("p4ssw0rd" in line or "s3cr3t-value" in line for line in lines[first:])


def test_private_files_are_removed_by_the_main_and_the_post_stage(job: Job) -> None:
    main = job.run(password="p4ssw0rd", builder="tcp://127.0.0.1:1")
    assert list(job.runner.temp.iterdir()) == []
    private = main.state["private_directory"]
    Path(private).mkdir()
    (Path(private) / "config.json").write_text("{}")
    record = job.run_post(main.state)
    assert (record.exit_code, record.log) == (0, "")
    assert not Path(private).exists()


@pytest.mark.parametrize(
    "path", ["", "/", "{temp}", "{temp}/../workspace", "{temp}/mlops-actions-x/..", "{workspace}/mlops-actions-x"]
)
def test_the_post_stage_removes_no_other_directory(job: Job, workspace: Path, path: str) -> None:
    (workspace / "mlops-actions-x").mkdir()
    (job.runner.temp / "mlops-actions-x").mkdir()
    (job.runner.temp / "other").mkdir()
    record = job.run_post({"private_directory": path.format(temp=job.runner.temp, workspace=workspace)})
    assert record.exit_code == 0
    assert {entry.name for entry in job.runner.temp.iterdir()} == {"mlops-actions-x", "other"}
    assert (workspace / "mlops-actions-x").exists()
