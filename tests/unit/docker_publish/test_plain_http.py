"""A registry that is asked in plain HTTP: what the builder is told, and which daemons would refuse."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlops_actions.core.errors import BadInput
from mlops_actions.docker_publish.build.builder import Builder
from mlops_actions.docker_publish.build.plan import BuildPlan
from tests.support.docker_publish import make_inputs
from tests.support.local_docker import LocalDaemon, LocalDocker

LOOPBACK = ("127.0.0.0/8", "::1/128")
DAEMONS = [
    # the daemon's hosts and networks, the registry, whether it pushes there in plain HTTP
    (("r.internal:5000",), LOOPBACK, "r.internal:5000", True),
    (("r.internal",), LOOPBACK, "r.internal:5000", False),  # its setting names the port
    ((), LOOPBACK, "r.internal:5000", False),
    ((), LOOPBACK, "127.0.0.1:5000", True),
    ((), LOOPBACK, "[::1]:5000", True),
    ((), LOOPBACK, "localhost:5000", True),
    ((), LOOPBACK, "10.0.0.7:5000", False),
    ((), (*LOOPBACK, "10.0.0.0/8"), "10.0.0.7:5000", True),
    ((), (*LOOPBACK, "10.0.0.0/8"), "192.168.0.7:5000", False),
    ((), (*LOOPBACK, "10.0.0.0/8"), "r.internal:5000", True),  # which address it has, the daemon alone knows
    ((), (), "127.0.0.1:5000", False),
]


@pytest.mark.parametrize(("hosts", "networks", "registry", "pushes"), DAEMONS)
def test_a_daemon_that_would_not_push_in_plain_http_is_told_before_the_build(
    hosts: tuple[str, ...], networks: tuple[str, ...], registry: str, pushes: bool
) -> None:
    docker = LocalDocker(facts=LocalDaemon(http_hosts=hosts, http_networks=networks))
    builder = Builder(make_inputs(image=f"{registry}/a"), docker)
    if pushes:
        builder.require_plain_http(registry)
    else:
        with pytest.raises(BadInput, match="by HTTPS alone") as refused:
            builder.require_plain_http(registry)
        assert registry in refused.value.cause
        assert "daemon.json" in refused.value.remedy


def test_a_buildkit_is_told_with_the_build_and_for_that_registry_alone() -> None:
    arguments = (
        "--cache-from=type=registry,ref=r.internal:5000/a:buildcache",
        "--cache-to=type=registry,ref=r.internal:5000/a:buildcache,mode=max",
        "--cache-from=type=registry,ref=r.internal:5000.example/a:x",
        "--cache-from=type=gha",
    )
    plan = BuildPlan(arguments, environment={}, context=Path("/c")).in_plain_http("r.internal:5000")
    command = plan.command(["r.internal:5000/a:b"], push=True, metadata=Path("/m"))
    assert [argument for argument in command if argument.endswith(",registry.insecure=true")] == [
        f"{arguments[0]},registry.insecure=true",
        f"{arguments[1]},registry.insecure=true",
        "--output=type=image,push=true,registry.insecure=true",
    ]


@pytest.mark.parametrize(
    ("compression", "in_http", "expected"),
    [
        ("gzip", False, "--push"),
        ("gzip", True, "--output=type=image,push=true,registry.insecure=true"),
        ("zstd", False, "--output=type=image,push=true,compression=zstd,oci-mediatypes=true"),
        ("zstd", True, "--output=type=image,push=true,compression=zstd,oci-mediatypes=true,registry.insecure=true"),
    ],
)
def test_a_push_says_how_the_layers_are_kept_and_how_the_registry_is_asked(
    compression: str, in_http: bool, expected: str
) -> None:
    plan = BuildPlan((), environment={}, context=Path("/c"), compression=compression, pushes_in_http=in_http)
    assert plan.command(["a:b"], push=True, metadata=Path("/m"))[1] == expected
