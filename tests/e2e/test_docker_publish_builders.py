"""docker-publish with other builders: a daemon with containerd's store, a BuildKit by its address or name."""

from __future__ import annotations

import base64
import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from mlops_sandbox.host import Host
from tests.e2e.container_step import ContainerRunner
from tests.e2e.debian_registry import DebianRegistry
from tests.e2e.docker_daemon import Docker
from tests.e2e.other_builders import NewerDocker, buildkit, free_port, named_builder
from tests.e2e.publishing import BASE, Publisher, git
from tests.support.certificates import self_signed

# These builders can fetch no image here, and one architecture does not run the programs of another.
DOCKERFILE = "FROM scratch AS files\nARG TARGETARCH\nCOPY . /app\nFROM files\nCOPY train.py /${TARGETARCH}.py\n"
PLATFORMS = "linux/amd64,linux/arm64"
# A job's token lists the caches that it may read and write; BuildKit reads the list.
RUNTIME_TOKEN = ".".join(
    base64.urlsafe_b64encode(part).decode().rstrip("=")
    for part in (
        b'{"alg":"HS256"}',
        b'{"exp":4102444800,"nbf":0,"ac":"[{\\"Scope\\":\\"refs/heads/main\\",\\"Permission\\":3}]"}',
        b"signed",
    )
)


@pytest.fixture
def publisher(
    runner: ContainerRunner, registry: DebianRegistry, request: pytest.FixtureRequest
) -> Publisher[DebianRegistry]:
    name = request.node.originalname.removeprefix("test_").replace("_", "-")
    return Publisher(runner, registry, f"octo-org/{name}", DOCKERFILE)


def manifests(publisher: Publisher[DebianRegistry], digest: str) -> list[dict[str, Any]]:
    index: Any = publisher.registry.manifest(publisher.repository, digest)
    entries: list[dict[str, Any]] = index["manifests"]
    return entries


def platforms(publisher: Publisher[DebianRegistry], digest: str) -> list[str]:
    return [
        f"{entry['platform']['os']}/{entry['platform']['architecture']}"
        for entry in manifests(publisher, digest)
        if "annotations" not in entry or "vnd.docker.reference.type" not in entry["annotations"]
    ]


def test_containerd_s_store_holds_several_platforms(publisher: Publisher[DebianRegistry], containerd: NewerDocker) -> None:
    env = {"DOCKER_HOST": containerd.host}
    given = {"platforms": PLATFORMS, "provenance": "mode=max", "cache": "registry", "secrets": "TOKEN=tr0ub4dor"}
    first = publisher.publish(given, env)
    assert first.exit_code == 0, first.log
    digest = first.outputs["digest"]
    assert "containerd store" in first.log
    assert publisher.registry.digest(publisher.repository, "latest") == digest
    assert platforms(publisher, digest) == PLATFORMS.split(",")
    # The attestations are in the registry and contain no secret.
    attested = [entry for entry in manifests(publisher, digest) if "annotations" in entry]
    assert len(attested) == 2
    attestations = b""
    for entry in attested:
        child: Any = publisher.registry.manifest(publisher.repository, entry["digest"])
        for layer in child["layers"]:
            attestations += publisher.registry.blob(publisher.repository, layer["digest"])
    assert b"slsa.dev/provenance" in attestations
    assert b"tr0ub4dor" not in attestations
    assert publisher.registry.password.encode() not in attestations
    assert "buildcache" in publisher.registry.tags(publisher.repository)
    second = publisher.publish(given, env)
    assert (second.outputs["built"], second.outputs["digest"]) == ("false", digest), second.log


def test_a_buildkit_at_an_address_builds(publisher: Publisher[DebianRegistry], address: str) -> None:
    given = {"platforms": PLATFORMS, "builder": address, "provenance": "true", "cache": "registry"}
    first = publisher.publish(given)
    assert first.exit_code == 0, first.log
    assert platforms(publisher, first.outputs["digest"]) == PLATFORMS.split(",")
    assert publisher.registry.digest(publisher.repository, "latest") == first.outputs["digest"]
    image: Any = publisher.registry.manifest(
        publisher.repository, manifests(publisher, first.outputs["digest"])[0]["digest"]
    )
    config = json.loads(publisher.registry.blob(publisher.repository, image["config"]["digest"]))
    committed = int(git(publisher.workspace, "log", "-1", "--format=%ct"))
    assert datetime.fromisoformat(config["created"]).timestamp() == committed
    second = publisher.publish(given)
    assert (second.outputs["built"], second.outputs["digest"]) == ("false", first.outputs["digest"]), second.log
    third = publisher.publish(given | {"force": "true"})
    assert third.outputs["built"] == "true"
    assert {entry["cached"] for entry in json.loads(third.outputs["result"])["cached-steps"].values()} == {0}


def test_buildkit_s_warnings_and_errors_are_annotated(publisher: Publisher[DebianRegistry], address: str) -> None:
    dockerfile = publisher.workspace / "Dockerfile"
    dockerfile.write_text("# a comment\nFROM scratch as files\nCOPY . /app\nMAINTAINER somebody\n")
    warned = publisher.publish({"builder": address})
    assert warned.exit_code == 0, warned.log
    assert "::warning title=docker-publish%3A FromAsCasing,file=Dockerfile,line=2::" in warned.log
    assert "::warning title=docker-publish%3A MaintainerDeprecated,file=Dockerfile,line=4::" in warned.log
    dockerfile.write_text("FROM scratch\nCOPY . /app\nFOO bar\n")
    failed = publisher.publish({"builder": address})
    assert failed.exit_code == 1, failed.log
    assert "::error title=docker-publish%3A build failed,file=Dockerfile,line=3::" in failed.log
    assert "unknown instruction: FOO" in failed.log
    dockerfile.write_text("FROM scratch\n\n# a comment\nCOPY --from=$X . \\\n /app\n")
    failed = publisher.publish({"builder": address})
    assert failed.exit_code == 1, failed.log
    assert "file=Dockerfile,line=4::" in failed.log


def test_images_of_several_builds_are_merged_with_their_attestations(
    publisher: Publisher[DebianRegistry], address: str
) -> None:
    """Two builds for one platform each, with provenance, as jobs on native runners make them."""
    given = {"builder": address, "provenance": "mode=max", "push-by-digest": "true"}
    legs = [publisher.publish({**given, "platforms": platform}) for platform in PLATFORMS.split(",")]
    for leg in legs:
        assert leg.exit_code == 0, leg.log
        assert leg.outputs["tags"] == ""
    tags = publisher.registry.tags(publisher.repository)
    caches = {f"buildcache{scope}-linux-{name}" for name in ("amd64", "arm64") for scope in ("", "-open")}
    assert {tag for tag in tags if not tag.startswith("ctx-")} <= caches
    assert len([tag for tag in tags if tag.startswith("buildcache")]) == 2
    before = len(publisher.registry.requests())
    merged = publisher.publish({"merge": "\n".join(leg.outputs["ref"] for leg in legs), "platforms": PLATFORMS})
    assert merged.exit_code == 0, merged.log
    assert not [path for method, path, _ in publisher.registry.requests()[before:] if method in ("POST", "PATCH")]
    digest = merged.outputs["digest"]
    assert publisher.registry.digest(publisher.repository, "latest") == digest
    assert platforms(publisher, digest) == PLATFORMS.split(",")
    entries = manifests(publisher, digest)
    attested = [entry["annotations"]["vnd.docker.reference.digest"] for entry in entries[2:]]
    assert attested == [entry["digest"] for entry in entries[:2]]
    again = publisher.publish({**given, "platforms": "linux/arm64"})
    assert (again.outputs["built"], again.outputs["ref"]) == ("false", legs[1].outputs["ref"])


SCANNER = f"""\
FROM {BASE}
COPY scan.sh /
ENTRYPOINT ["sh", "/scan.sh"]
"""
# BuildKit passes a generator its source and destination as variables (its docs/attestations/sbom-protocol.md).
SCAN = """\
names=$(cd "$BUILDKIT_SCAN_SOURCE" && ls | sed 's/.*/{"SPDXID":"SPDXRef-&","name":"&"}/' | paste -sd,)
printf '{"_type":"https://in-toto.io/Statement/v0.1","predicateType":"https://spdx.dev/Document","predicate":%s}' \
  "{\\"spdxVersion\\":\\"SPDX-2.3\\",\\"SPDXID\\":\\"SPDXRef-DOCUMENT\\",\\"packages\\":[$names]}" \
  > "$BUILDKIT_SCAN_DESTINATION/sbom.spdx.json"
"""


def test_a_bill_of_materials_is_pushed_and_kept_on_reuse(
    publisher: Publisher[DebianRegistry], docker: Docker, address: str, tmp_path: Path
) -> None:
    """BuildKit runs the test's own generator, attests its output, and pushes an image index."""
    registry, repository = publisher.registry, publisher.repository
    generator = f"{registry.host}/octo-org/scanner:1"
    (tmp_path / "scan.sh").write_text(SCAN)
    (tmp_path / "Dockerfile").write_text(SCANNER)
    docker("build", "--tag", generator, str(tmp_path))
    docker("--config", str(registry.log_in(tmp_path / "login")), "push", "--quiet", generator)
    given = {"builder": address, "sbom": f"generator={generator}", "platforms": "linux/amd64"}
    first = publisher.publish(given)
    assert first.exit_code == 0, first.log
    digest = first.outputs["digest"]
    assert first.outputs["ref"] == f"{publisher.image}@{digest}"
    assert {registry.digest(repository, tag) for tag in ("latest", publisher.sha[:12], digest)} == {digest}
    (image,) = [entry for entry in manifests(publisher, digest) if entry["platform"]["architecture"] == "amd64"]
    (attestation,) = [entry for entry in manifests(publisher, digest) if entry != image]
    assert attestation["annotations"]["vnd.docker.reference.digest"] == image["digest"]
    described: Any = registry.manifest(repository, attestation["digest"])
    (layer,) = described["layers"]
    assert layer["annotations"]["in-toto.io/predicate-type"] == "https://spdx.dev/Document"
    statement = json.loads(registry.blob(repository, layer["digest"]))
    assert {package["name"] for package in statement["predicate"]["packages"]} == {"app", "amd64.py"}
    assert {subject["digest"]["sha256"] for subject in statement["subject"]} == {image["digest"].removeprefix("sha256:")}
    before = len(registry.requests())
    second = publisher.publish(given)
    assert (second.outputs["built"], second.outputs["digest"]) == ("false", digest), second.log
    assert not [path for method, path, _ in registry.requests()[before:] if method in ("POST", "PATCH")]
    assert publisher.built(given | {"sbom": "false"})
    # Another generator changes the fingerprint.
    (tmp_path / "scan.sh").write_text(SCAN + "# changed\n")
    docker("build", "--tag", generator, str(tmp_path))
    docker("--config", str(tmp_path / "login"), "push", "--quiet", generator)
    assert publisher.built(given)


def test_github_s_cache_service_gets_the_job_s_token(publisher: Publisher[DebianRegistry], address: str) -> None:
    """`cache: auto` uses the service where the builder can export. A service that refuses does not fail the build."""
    requests: list[tuple[str, str]] = []

    async def refuse(request: Request) -> Response:
        requests.append((request.url.path, request.headers.get("authorization", "")))
        return JSONResponse({"code": "permission_denied", "msg": "not today"}, 403)

    with Host(Starlette(routes=[Route("/{path:path}", refuse, methods=["GET", "POST"])])) as service:
        env = {"ACTIONS_RESULTS_URL": f"{service.url}/", "ACTIONS_RUNTIME_TOKEN": RUNTIME_TOKEN}
        finished = publisher.publish({"builder": address}, env)
    assert finished.exit_code == 0, finished.log
    assert "layer cache: gha" in finished.log
    assert any("CacheService" in path for path, _ in requests), requests
    assert {authorization for _, authorization in requests} == {f"Bearer {RUNTIME_TOKEN}"}


def test_a_buildkit_that_requires_a_client_certificate_builds(publisher: Publisher[DebianRegistry], tmp_path: Path) -> None:
    certificate = self_signed(tmp_path)
    address = f"tcp://127.0.0.1:{free_port()}"
    with buildkit(tmp_path, address, certificates=dict.fromkeys(("cacert", "cert", "key"), certificate)):
        refused = publisher.publish({"builder": address})
        assert refused.exit_code == 2
        assert f"the BuildKit at {address} does not answer" in refused.log
        pem = certificate.read_text()
        env = {f"BUILDER_NODE_0_AUTH_TLS_{name}": pem for name in ("CACERT", "CERT", "KEY")}
        finished = publisher.publish({"builder": address}, env)
    assert finished.exit_code == 0, finished.log
    assert publisher.leftovers == []


def test_a_buildkit_at_a_socket_builds(publisher: Publisher[DebianRegistry], tmp_path: Path) -> None:
    with buildkit(tmp_path, f"unix://{publisher.runner.temp}/b.sock"):
        finished = publisher.publish({"builder": "unix:///github/runner_temp/b.sock"})
    assert finished.exit_code == 0, finished.log
    assert finished.outputs["digest"] == publisher.registry.digest(publisher.repository, "latest")


def test_the_builder_of_an_earlier_step_builds(publisher: Publisher[DebianRegistry], docker: Docker, tmp_path: Path) -> None:
    """docker/setup-buildx-action leaves a container behind; this action gets its name only."""
    with named_builder(docker, tmp_path, "mlops-e2e"):
        finished = publisher.publish({"builder": "mlops-e2e", "platforms": PLATFORMS})
        assert finished.exit_code == 0, finished.log
        assert platforms(publisher, finished.outputs["digest"]) == PLATFORMS.split(",")
    missing = publisher.publish({"builder": "mlops-e2e"})
    assert missing.exit_code == 2
    assert "setup-buildx-action" in missing.log
