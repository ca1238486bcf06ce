"""Failed pushes in the words of three real builders: a daemon's classic store, containerd's store, and a BuildKit alone."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from typing import Any

import pytest

from mlops_sandbox.host import Host
from mlops_sandbox.registry import Account, Fault, Registry
from tests.e2e.container_step import ContainerRunner
from tests.e2e.docker_daemon import Docker
from tests.e2e.other_builders import buildkit, free_port, newer_docker
from tests.e2e.publishing import Publisher
from tests.e2e.test_docker_publish_faults import Faulty
from tests.support.registries import PASSWORD, USER

# A name whose words are those of other failures.
REPOSITORY = "octo-org/authorization-denied"
MANIFESTS = r"/v2/.*/manifests/[a-z0-9.-]+"
BUILDERS = ("classic store", "containerd store", "BuildKit")
NO_SPACE = json.dumps({"errors": [{"code": "UNKNOWN", "message": "no space left on device"}]}).encode()


class Pushes:
    """One repository, and a builder that pushes it to a stand-in with faults."""

    def __init__(self, publisher: Publisher[Faulty], given: dict[str, str], env: dict[str, str]) -> None:
        self._publisher, self._given, self._env = publisher, given, env
        self.is_buildkit = bool(env) or "builder" in given

    @property
    def registry(self) -> Registry:
        return self._publisher.registry.registry

    def change(self) -> None:
        """Make the next image another one."""
        (self._publisher.workspace / "data").write_bytes(os.urandom(1 << 16))

    def publish(self, **given: str) -> Any:
        return self._publisher.publish(
            {**self._given, **{key.replace("_", "-"): value for key, value in given.items()}}, self._env
        )

    def sent(self, kind: str) -> int:
        """How many manifests or blobs were put."""
        return len([entry for entry in self.registry.log if entry.method == "PUT" and f"/{kind}/" in entry.path])


@pytest.fixture(scope="module")
def environments(
    docker: Docker, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, tuple[dict[str, str], dict[str, str]]]]:
    """The inputs and variables that choose each builder."""
    address = f"tcp://127.0.0.1:{free_port()}"
    with (
        newer_docker(docker, containerd_store=True) as newer,
        buildkit(tmp_path_factory.mktemp("buildkit"), address),
    ):
        yield {
            "classic store": ({}, {}),
            "containerd store": ({}, {"DOCKER_HOST": newer.host}),
            "BuildKit": ({"builder": address}, {}),
        }


@pytest.fixture(params=BUILDERS)
def pushes(
    request: pytest.FixtureRequest, runner: ContainerRunner, environments: dict[str, tuple[dict[str, str], dict[str, str]]]
) -> Iterator[Pushes]:
    registry = Registry(challenge="bearer", accounts={USER: Account(PASSWORD)})
    given, env = environments[request.param]
    with Host(registry.app) as host:
        faulty = Faulty(host.url.removeprefix("http://"), registry, USER, PASSWORD)
        publisher = Publisher(runner, faulty, REPOSITORY, "FROM scratch\nCOPY train.py data /\n")
        made = Pushes(publisher, {"cache": "none", "tags": "v1", **given}, env)
        made.change()
        yield made


@pytest.mark.parametrize("status", [401, 429, 502])
@pytest.mark.parametrize("is_stored", [False, True], ids=["lost", "stored"])
def test_a_push_that_fails_at_its_end_succeeds_and_sends_no_layer_twice(
    pushes: Pushes, status: int, is_stored: bool
) -> None:
    # containerd's client asks six times for 429, and four times for 5xx, before BuildKit gives up.
    attempts = {401: 1, 429: 7, 502: 5}[status] if pushes.is_buildkit else 1
    pushes.registry.quirks.late_statuses = [status] * (1 if is_stored else attempts)
    pushes.registry.quirks.late_is_stored = is_stored
    finished = pushes.publish()
    assert finished.exit_code == 0, finished.log
    assert finished.outputs["built"] == "true"
    digests = pushes.registry.store.repositories[REPOSITORY].blobs
    assert pushes.sent("uploads") == len(digests), finished.log


def test_an_immutable_tag_is_named_and_pushed_once(pushes: Pushes) -> None:
    first = pushes.publish(skip_unchanged="false")
    assert first.exit_code == 0, first.log
    pushes.registry.quirks.immutable_tags = "ecr"
    pushes.change()
    finished = pushes.publish(skip_unchanged="false")
    assert finished.exit_code == 3, finished.log
    assert f"the tag stands for {first.outputs['digest']} already" in finished.log
    assert "cannot be moved" in finished.log
    assert "trying again" not in finished.log


def test_a_second_build_of_one_commit_is_no_failure_where_tags_are_immutable(pushes: Pushes) -> None:
    first = pushes.publish(skip_unchanged="false")
    pushes.registry.quirks.immutable_tags = "ecr"
    second = pushes.publish(skip_unchanged="false")
    assert second.exit_code == 0, second.log
    assert second.outputs["digest"] == first.outputs["digest"]


def test_a_full_registry_is_told_from_a_full_disk(pushes: Pushes) -> None:
    pushes.registry.faults.append(
        Fault("PUT", MANIFESTS, 507, {"Content-Type": "application/json"}, body=NO_SPACE, times=99)
    )
    finished = pushes.publish()
    assert finished.exit_code == 4, finished.log
    assert "the registry has no room for the image" in finished.log
    assert "trying again" not in finished.log


def test_a_builder_that_is_not_there_is_reported(runner: ContainerRunner) -> None:
    publisher = Publisher(runner, Faulty("127.0.0.1:9", Registry()), REPOSITORY)
    finished = publisher.publish({"builder": f"tcp://127.0.0.1:{free_port()}", "push": "false"})
    assert finished.exit_code == 2, finished.log
    assert "does not answer: Connection refused" in finished.log
