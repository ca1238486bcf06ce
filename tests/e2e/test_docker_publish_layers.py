"""Layers and their compression, as real builders and registries make them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.e2e.container_step import ContainerRunner
from tests.e2e.debian_registry import DebianRegistry
from tests.e2e.other_builders import NewerDocker
from tests.e2e.publishing import BASE, Publisher

# What the report must find: the lines, a cache, a file written twice, one removed too late, and build arguments left out.
DOCKERFILE = f"""\
FROM {BASE} AS tools
ARG MEGABYTES=3
RUN mkdir -p /root/.cache/pip && head -c "${{MEGABYTES}}000000" /dev/urandom > /root/.cache/pip/wheel

FROM tools
ENV MODE=train
WORKDIR /app
COPY train.py \\
     model.bin /app/
RUN chmod 600 /app/model.bin
RUN rm -rf /root/.cache && head -c 2000000 /dev/zero > /zeros
LABEL stage=last
CMD ["cat", "/app/train.py"]
"""
FILES = "FROM scratch\nCOPY . /app\nCOPY train.py /second.py\n"


@pytest.fixture
def publisher(
    runner: ContainerRunner, registry: DebianRegistry, request: pytest.FixtureRequest
) -> Publisher[DebianRegistry]:
    name = request.node.originalname.removeprefix("test_").replace("_", "-")
    return Publisher(runner, registry, f"octo-org/{name}", FILES)


def report(publisher: Publisher[DebianRegistry], given: dict[str, str], env: dict[str, str] | None = None) -> dict[str, Any]:
    """Publish, and return the report of the layers."""
    finished = publisher.publish(given, env)
    assert finished.exit_code == 0, finished.log
    result = json.loads(finished.outputs["result"])
    found: dict[str, Any] = result["layer-report"]
    assert finished.outputs["markdown"].count("#### Layers") == 1
    return found


def test_lines_growth_and_hints_of_the_daemon_s_builds(publisher: Publisher[DebianRegistry]) -> None:
    publisher.workspace.joinpath("Dockerfile").write_text(DOCKERFILE)
    publisher.workspace.joinpath("model.bin").write_bytes(bytes(range(256)) * 8000)
    publisher.commit()
    first = report(publisher, {"build-args": "MEGABYTES=3"})
    layers = {layer["line"]: layer["instruction"] for layer in first["layers"]}
    assert layers[3].startswith('RUN mkdir -p /root/.cache/pip && head -c "${MEGABYTES}000000"')
    assert layers[10] == "RUN chmod 600 /app/model.bin"
    assert sorted(layers) == [3, 7, 8, 10, 11]
    assert first["base"]["image"] == BASE
    assert first["base"]["layers"] == 1
    assert {(hint["line"], hint["text"].partition(";")[0]) for hint in first["hints"]} == {
        (3, "holds 3.0 MB of pip's cache"),
        (3, "holds 3.0 MB of files that line 11 removes"),
        (10, "holds 2.0 MB of files that line 8 wrote already"),
    }
    second = report(publisher, {"build-args": "MEGABYTES=5"})
    assert second["compared-tag"] == "latest"
    changed = {layer["line"] for layer in second["layers"] if layer["compared-size"] != layer["size"]}
    assert 3 in changed
    assert second["base"]["compared-size"] == second["base"]["size"]
    local = report(publisher, {"push": "false", "build-args": "MEGABYTES=5"})
    assert not local["compressed"]
    sizes = {layer["line"]: layer["size"] for layer in local["layers"]}
    assert sizes[3] == 5_000_000
    assert sizes[8] == sizes[10] + (publisher.workspace / "train.py").stat().st_size
    assert local["base"]["image"] == BASE


def media_types(publisher: Publisher[DebianRegistry]) -> list[str]:
    manifest: Any = publisher.registry.manifest(publisher.repository, "latest")
    if "manifests" in manifest:
        manifest = publisher.registry.manifest(publisher.repository, manifest["manifests"][0]["digest"])
    return [str(layer["mediaType"]) for layer in manifest["layers"]]


ZSTD = "application/vnd.oci.image.layer.v1.tar+zstd"


def test_buildkit_compresses_with_zstd(publisher: Publisher[DebianRegistry], address: str) -> None:
    found = report(publisher, {"builder": address, "compression": "zstd", "platforms": "linux/amd64"})
    assert media_types(publisher) == [ZSTD, ZSTD]
    assert [layer["line"] for layer in found["layers"]] == [2, 3]
    assert publisher.built({"builder": address, "compression": "zstd", "platforms": "linux/amd64"}) is False
    assert publisher.built({"builder": address, "platforms": "linux/amd64"}) is True
    assert ZSTD not in media_types(publisher)


def test_containerd_s_store_compresses_with_zstd(publisher: Publisher[DebianRegistry], containerd: NewerDocker) -> None:
    report(publisher, {"compression": "zstd"}, {"DOCKER_HOST": containerd.host})
    assert media_types(publisher) == [ZSTD, ZSTD]


def test_the_classic_store_refuses_zstd_before_it_builds(publisher: Publisher[DebianRegistry]) -> None:
    finished = publisher.publish({"compression": "zstd"})
    assert finished.exit_code == 2
    assert "input 'compression': the runner's daemon keeps images in its classic store" in finished.log
