"""Faults while a real daemon builds and pushes: of the registry, the disk, the daemon, another job, or by the user."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from mlops_sandbox.host import Host
from mlops_sandbox.registry import Fault, Registry
from tests.e2e.container_step import ContainerRunner
from tests.e2e.debian_registry import DebianRegistry
from tests.e2e.docker_daemon import Docker
from tests.e2e.other_builders import NewerDocker, newer_docker
from tests.e2e.publishing import BASE, Publisher, git
from tests.support.step import StepRecord

DOCKERFILE = "FROM scratch\nCOPY train.py data /\n"
REPOSITORY = "octo-org/faults"
UPLOADS = r"/v2/.*/blobs/uploads/.+"
MANIFESTS = r"/v2/.*/manifests/.*"
CODES = {401: "UNAUTHORIZED", 403: "DENIED", 404: "NAME_UNKNOWN", 429: "TOOMANYREQUESTS", 500: "UNKNOWN"}
PATIENCE = 60.0


@dataclass(frozen=True)
class Faulty:
    """The stand-in, which breaks on demand."""

    host: str
    registry: Registry
    username: str = ""
    password: str = ""

    @property
    def tags(self) -> set[str]:
        repository = self.registry.store.repositories.get(REPOSITORY)
        return set(repository.tags) if repository else set()


@pytest.fixture
def faulty(runner: ContainerRunner) -> Iterator[Publisher[Faulty]]:
    registry = Registry()
    with Host(registry.app) as host:
        publisher = Publisher(runner, Faulty(host.url.removeprefix("http://"), registry), REPOSITORY, DOCKERFILE)
        (publisher.workspace / "data").write_bytes(os.urandom(1 << 20))
        yield publisher


@pytest.fixture
def small_daemon(docker: Docker) -> Iterator[NewerDocker]:
    """A daemon whose disk is nearly full."""
    with newer_docker(docker, space="500m") as daemon:
        yield daemon


def body_of(status: int) -> bytes:
    return json.dumps({"errors": [{"code": CODES[status], "message": "from the registry"}]}).encode()


def assert_failed(finished: StepRecord, exit_code: int, message: str) -> None:
    """Check that the failure is reported once, and that no output is set."""
    assert finished.exit_code == exit_code, finished.log
    assert finished.outputs == {}
    errors = [line for line in finished.log.splitlines() if line.startswith("::error")]
    assert len(errors) == 1, finished.log
    assert message in errors[0]


@pytest.mark.parametrize(("status", "exit_code"), [(401, 3), (403, 3), (404, 3), (429, 4), (500, 4)])
def test_a_registry_that_refuses_the_image_is_reported(faulty: Publisher[Faulty], status: int, exit_code: int) -> None:
    faulty.registry.registry.faults.append(Fault("PUT", MANIFESTS, status, body=body_of(status), times=99))
    assert_failed(faulty.publish({"retries": "1"}), exit_code, f"pushing to {faulty.image} failed")
    assert faulty.registry.tags == set()
    assert faulty.leftovers == []


@pytest.mark.parametrize("status", [429, 500])
def test_a_push_succeeds_at_the_second_attempt(faulty: Publisher[Faulty], status: int) -> None:
    faulty.registry.registry.faults.append(Fault("PUT", MANIFESTS, status, body=body_of(status)))
    finished = faulty.publish()
    assert finished.exit_code == 0, finished.log
    assert faulty.registry.tags == {*finished.outputs["tags"].splitlines(), f"ctx-{finished.outputs['context-hash']}"}


def test_a_push_whose_connection_is_cut_is_tried_again(faulty: Publisher[Faulty]) -> None:
    cut = Fault("PATCH", UPLOADS, 202, cut=True, after_bytes=1000)
    faulty.registry.registry.faults.append(cut)
    finished = faulty.publish()
    assert finished.exit_code == 0, finished.log
    assert cut.times == 0
    assert "latest" in faulty.registry.tags


def test_tags_that_were_not_moved_are_not_reported_as_moved(faulty: Publisher[Faulty]) -> None:
    faulty.registry.registry.faults.append(Fault("PUT", r"/v2/.*/manifests/main", 403, body=body_of(403), times=99))
    assert_failed(faulty.publish(), 3, f"moved before: {faulty.sha[:12]}")
    assert "latest" not in faulty.registry.tags


def test_a_cancelled_push_ends(faulty: Publisher[Faulty]) -> None:
    stall = Fault("PATCH", UPLOADS, stall=True, times=99)
    faulty.registry.registry.faults.append(stall)
    running = faulty.start()
    running.wait_for("pushing")
    deadline = time.monotonic() + PATIENCE
    while stall.times == 99 and time.monotonic() < deadline:
        time.sleep(0.05)
    running.interrupt()
    finished = running.wait()
    assert (finished.exit_code, finished.outputs) == (130, {}), finished.log
    assert faulty.registry.tags == set()
    assert faulty.leftovers == []


def test_two_jobs_may_publish_the_same_tag(runner: ContainerRunner, registry: DebianRegistry, tmp_path: Path) -> None:
    first = Publisher(runner, registry, "octo-org/same-tag", DOCKERFILE)
    second = Publisher(
        ContainerRunner(runner.docker, runner.images, tmp_path / "second"), registry, "octo-org/same-tag", DOCKERFILE
    )
    steps = []
    for publisher, content in ((first, b"first"), (second, b"second")):
        (publisher.workspace / "data").write_bytes(content)
        publisher.commit()
        steps.append(publisher.start())
    results = [step.wait() for step in steps]
    assert [finished.exit_code for finished in results] == [0, 0], results[0].log + results[1].log
    digests = [finished.outputs["digest"] for finished in results]
    assert digests[0] != digests[1]
    # The last job has the tag; each of the two images is complete and has its own tags.
    assert registry.digest("octo-org/same-tag", "latest") in digests
    for publisher, finished in zip((first, second), results, strict=True):
        assert registry.digest("octo-org/same-tag", publisher.sha[:12]) == finished.outputs["digest"]
        assert registry.digest("octo-org/same-tag", f"ctx-{finished.outputs['context-hash']}") == finished.outputs["digest"]


def test_a_full_disk_is_reported(faulty: Publisher[Faulty], small_daemon: NewerDocker) -> None:
    with (faulty.workspace / "data").open("r+b") as file:
        file.truncate(700 << 20)
    finished = faulty.publish(env={"DOCKER_HOST": small_daemon.host})
    assert_failed(finished, 1, "no space left on device")
    assert "docker system prune" in finished.log
    assert faulty.registry.tags == set()


def test_a_daemon_that_dies_during_a_build_is_reported(faulty: Publisher[Faulty], small_daemon: NewerDocker) -> None:
    (faulty.workspace / "Dockerfile").write_text(f"FROM {BASE}\nRUN --network=none echo started; sleep 600\n")
    running = faulty.start(env={"DOCKER_HOST": small_daemon.host})
    running.wait_for("started")
    small_daemon.kill()
    assert_failed(running.wait(), 4, "broke during the build")
    assert faulty.registry.tags == set()
    assert faulty.leftovers == []


def test_no_input_becomes_an_option_or_a_command(faulty: Publisher[Faulty], docker: Docker) -> None:
    """Options, new lines and a shell's special characters in every text input are refused, or used literally."""
    hostile = "--output=type=local,dest=/github/workspace/stolen\n--push $(touch /github/workspace/run) `id`;\"'"
    harmless = {"password": "x", "github-token": "x"}
    for name in (
        "image", "registry", "sha", "ref", "context", "file", "workdir", "target", "build-args", "secrets", "secret-files",
        "ssh", "labels", "platforms", "tags", "tag", "default-branch", "max-age", "cache", "cache-salt", "provenance",
        "builder", "build-options", "retries", "reuse-from", "username",
    ):  # fmt: skip
        value = f"KEY={hostile}" if name in ("build-args", "secrets", "labels", "secret-files") else hostile
        finished = faulty.publish(harmless | {name: value})
        assert finished.exit_code in (0, 2, 3, 4), (name, finished.log)
        assert not (faulty.workspace / "stolen").exists(), name
        assert not (faulty.workspace / "run").exists(), name
        assert not any(line.lstrip().startswith(("::set-", "::error::--")) for line in finished.log.splitlines()), name
        assert faulty.leftovers == [], name


def test_names_and_labels_of_several_lines_stay_one_value(faulty: Publisher[Faulty]) -> None:
    """A branch's name and a label with two lines each become one tag and one label, and no workflow command."""
    git(faulty.workspace, "checkout", "--quiet", "--detach")  # so that only the event's ref is known
    branch = "x\n::error::from the branch\n::set-output name=digest::sha256:0"
    options = faulty.options({"labels": "team=a%0A::error::b\nWHOM", "tags": "sha, branch"}, {})
    options["env"] |= {"GITHUB_REF": f"refs/heads/{branch}", "WHOM": "me\n::error::and you"}
    finished = faulty.runner.run("docker-publish", **options)
    assert finished.exit_code == 0, finished.log
    commands = [line for line in finished.log.splitlines() if line.lstrip().startswith("::")]
    # The notice says that the branch's name was changed into a tag, in one line.
    assert {line.split("::")[1].split(" ")[0] for line in commands} <= {"add-mask", "group", "endgroup", "notice"}, commands
    tags = [faulty.sha[:12], "x-error-from-the-branch-set-output-name-digest-sha256-0"]
    assert finished.outputs["tags"].splitlines() == tags
    assert faulty.registry.tags == {*tags, f"ctx-{finished.outputs['context-hash']}"}
    store = faulty.registry.registry.store
    manifest = json.loads(store.repositories[REPOSITORY].manifest(tags[0]).content)
    assert finished.outputs["image-id"] == manifest["config"]["digest"]
    assert finished.outputs["ref"] == f"{faulty.image}@{store.repositories[REPOSITORY].tags[tags[0]]}"
    labels = json.loads(store.blob(REPOSITORY, manifest["config"]["digest"]).read_bytes())["config"]["Labels"]
    assert labels["org.opencontainers.image.version"] == branch
    assert (labels["team"], labels["WHOM"]) == ("a%0A::error::b", "me\n::error::and you")
    assert "\n::" not in finished.summary
