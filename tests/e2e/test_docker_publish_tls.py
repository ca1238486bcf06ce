"""Debian's docker-registry with a certificate of a private authority, which the action must trust where it is named."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.container_step import ContainerRunner
from tests.e2e.debian_registry import DebianRegistry, debian_registry
from tests.e2e.other_builders import buildkit, free_port
from tests.e2e.publishing import Publisher
from tests.support.certificates import Certificates, of_an_authority

DOCKERFILE = "FROM scratch\nCOPY train.py /\n"
INSIDE = "/github/workspace/ignored/authority.pem"


@pytest.fixture
def certificates(tmp_path: Path) -> Certificates:
    return of_an_authority(tmp_path)


@pytest.fixture(params=["password", "open"])
def registry(request: pytest.FixtureRequest, tmp_path: Path, certificates: Certificates) -> Iterator[DebianRegistry]:
    with debian_registry(tmp_path, certificates=certificates, guarded=request.param == "password") as registry:
        yield registry


@pytest.fixture
def publisher(runner: ContainerRunner, registry: DebianRegistry, certificates: Certificates) -> Publisher[DebianRegistry]:
    publisher = Publisher(runner, registry, "octo-org/tls", DOCKERFILE)
    (publisher.workspace / "ignored").mkdir()
    shutil.copy2(certificates.authority, publisher.workspace / "ignored" / "authority.pem")
    return publisher


def published_and_reused(publisher: Publisher[DebianRegistry], given: dict[str, str], env: dict[str, str]) -> None:
    registry, repository = publisher.registry, publisher.repository
    first = publisher.publish(given, env)
    assert first.exit_code == 0, first.log
    digest = first.outputs["digest"]
    tags = (publisher.sha[:12], "main", "latest", f"ctx-{first.outputs['context-hash']}", digest)
    assert {registry.digest(repository, tag) for tag in tags} == {digest}
    before = len(registry.requests())
    second = publisher.publish(given, env)
    assert (second.outputs["built"], second.outputs["digest"]) == ("false", digest), second.log
    written = {path for method, path, _ in registry.requests()[before:] if method not in ("GET", "HEAD")}
    assert written == {f"/v2/{repository}/manifests/{tag}" for tag in second.outputs["tags"].splitlines()}
    assert publisher.leftovers == []


@pytest.mark.parametrize("variable", ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"])
def test_a_private_authority_is_trusted_where_the_environment_names_it(
    publisher: Publisher[DebianRegistry], variable: str
) -> None:
    published_and_reused(publisher, {}, {variable: INSIDE})


def test_no_other_authority_is_trusted(publisher: Publisher[DebianRegistry], tmp_path: Path) -> None:
    (other := tmp_path / "other").mkdir()
    shutil.copy2(of_an_authority(other).authority, publisher.workspace / "ignored" / "other.pem")
    for env in ({}, {"SSL_CERT_FILE": "/github/workspace/ignored/other.pem"}):
        refused = publisher.publish(env=env)
        assert refused.exit_code == 4
        assert "CERTIFICATE_VERIFY_FAILED" in refused.log
        assert "SSL_CERT_FILE" in refused.log
    assert [path for method, path, _ in publisher.registry.requests() if method == "PUT"] == []


def test_a_buildkit_checks_the_registry_s_certificate_too(
    publisher: Publisher[DebianRegistry], certificates: Certificates, tmp_path: Path
) -> None:
    """A daemon accepts any certificate on this machine's loopback; a BuildKit with its own configuration does not."""
    env = {"SSL_CERT_FILE": INSIDE}
    host = publisher.registry.host
    (other := tmp_path / "other").mkdir()
    trusting, doubting = (
        f'[registry."{host}"]\nhttp = false\nca = ["{authority}"]\n'
        for authority in (certificates.authority, of_an_authority(other).authority)
    )
    address = f"tcp://127.0.0.1:{free_port()}"
    with buildkit(tmp_path, address, configuration=doubting):
        refused = publisher.publish({"builder": address}, env)
        assert refused.exit_code == 4, refused.log
        assert "x509: certificate signed by unknown authority" in refused.log
    with buildkit(tmp_path, address, configuration=trusting):
        published_and_reused(publisher, {"builder": address}, env)
