"""docker-publish and registries in plain HTTP, from the container that a runner starts: not on this machine's loopback."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.container_step import ContainerRunner
from tests.e2e.debian_registry import DebianRegistry, debian_registry
from tests.e2e.docker_daemon import Docker
from tests.e2e.publishing import Publisher

DOCKERFILE = "FROM scratch\nCOPY train.py /train.py\n"


def publisher_of(runner: ContainerRunner, registry: DebianRegistry) -> Publisher[DebianRegistry]:
    publisher = Publisher(runner, registry, "octo-org/http", DOCKERFILE)
    publisher.runner = runner  # on Docker's bridge, as the runner starts actions
    return publisher


def test_a_buildkit_pushes_in_plain_http_where_the_step_says_so(
    runner: ContainerRunner, docker: Docker, address: str, tmp_path: Path
) -> None:
    with debian_registry(tmp_path, listen=docker.gateway) as registry:
        publisher = publisher_of(runner, registry)
        publisher.runner = runner.on_host  # where the BuildKit listens
        given = {"builder": address, "cache": "registry", "insecure-registries": registry.host}
        first = publisher.publish(given)
        assert first.exit_code == 0, first.log
        assert registry.digest(publisher.repository, "latest") == first.outputs["digest"]
        assert "buildcache" in registry.tags(publisher.repository)
        refused = publisher.publish({"builder": address, "skip-unchanged": "false"})
        assert refused.exit_code != 0
        assert "insecure-registries" in refused.log, refused.log


def test_a_daemon_without_the_setting_is_told_before_the_build(
    runner: ContainerRunner, docker: Docker, tmp_path: Path
) -> None:
    with debian_registry(tmp_path, listen=docker.gateway) as registry:
        publisher = publisher_of(runner, registry)
        finished = publisher.publish({"insecure-registries": registry.host})
        assert finished.exit_code == 2, finished.log
        assert f"the runner's daemon pushes to {registry.host} by HTTPS alone" in finished.log


@pytest.mark.parametrize("listen", ["0.0.0.0", "127.0.0.1"], ids=["on all addresses", "on the loopback alone"])
def test_localhost_of_the_job_is_reached_from_the_action_s_container_or_refused(
    runner: ContainerRunner, tmp_path: Path, listen: str
) -> None:
    with debian_registry(tmp_path, listen=listen) as served:
        registry = DebianRegistry(f"localhost:{served.host.rpartition(':')[2]}", served.log_file)
        publisher = publisher_of(runner, registry)
        finished = publisher.publish()
        if listen == "0.0.0.0":
            assert finished.exit_code == 0, finished.log
            assert registry.digest(publisher.repository, "latest") == finished.outputs["digest"]
            again = publisher.publish()
            assert (again.outputs["built"], again.outputs["digest"]) == ("false", finished.outputs["digest"])
        else:
            assert finished.exit_code != 0
            assert "localhost" in finished.log, finished.log
            assert "container" in finished.log, finished.log
            assert "exporting to image" not in finished.log
