"""What base images bring along: their ONBUILD, and copies of them in the daemon that the registry has replaced."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pytest

from mlops_sandbox.registry.specification import OCI_INDEX, OCI_MANIFEST
from mlops_sandbox.registry.store import StoredManifest
from tests.actions.docker_publish.publisher import Publisher
from tests.support.local_docker import LocalDaemon, LocalImage

OLD, NEW = "sha256:" + "1" * 64, "sha256:" + "2" * 64

TRIGGERS = [
    pytest.param((), "", id="none"),
    pytest.param(("RUN pip install -r requirements.txt",), "", id="a command"),
    pytest.param(("ENV A=b", "USER nobody", "WORKDIR /app"), "", id="settings"),
    pytest.param(("COPY requirements.txt /app/",), "", id="a file of the context"),
    pytest.param(("ADD --checksum=sha256:" + "a" * 64 + " https://x.example/a /a",), "", id="an address with a checksum"),
    pytest.param(("COPY --from=other:1 /a /b",), "reads 'other:1'", id="an image"),
    pytest.param(("copy --chown=1 --from=other:1 /a /b",), "reads 'other:1'", id="an image, in small letters"),
    pytest.param(("RUN --mount=type=bind,from=other:1,target=/x true",), "reads 'other:1'", id="a mounted image"),
    pytest.param(("ADD https://x.example/a /a",), "ADD of an address", id="an address"),
    pytest.param(("RUN true", "COPY --from=$IMAGE /a /b"), "not known here", id="an image by a variable"),
    pytest.param(("COPY . /app",), "copies '.git'", id="all files, .git among them"),
    pytest.param(("RUN --mount=type=bind,target=/x true",), "copies '.git'", id="all files, mounted"),
    pytest.param(("ARG SOURCE_DATE_EPOCH", "RUN true"), "reads SOURCE_DATE_EPOCH", id="the commit's time"),
    pytest.param(("ARG A SOURCE_DATE\\\n_EPOCH",), "reads SOURCE_DATE_EPOCH", id="the commit's time, on two lines"),
    pytest.param(("ARG BUILDARCH",), "reads BUILDARCH", id="the builder's platform"),
    pytest.param(("ARG TARGETARCH",), "", id="the platform that is built"),
]


def from_base(publisher: Publisher, image: str) -> None:
    (publisher.workspace / "Dockerfile").write_text(f"FROM {image}\nCOPY train.py /\n")
    (publisher.workspace / ".git").mkdir()
    (publisher.workspace / ".git" / "HEAD").write_text("ref: refs/heads/main\n")


def push_base(publisher: Publisher, triggers: Sequence[str], *, index: bool) -> str:
    """Push an image with this ONBUILD to the registry, in an index on request; return its name."""
    repository, store = "octo/base", publisher.registry.store
    config = json.dumps({"architecture": "amd64", "os": "linux", "config": {"OnBuild": list(triggers)}}).encode()
    upload = store.start_upload(repository)
    upload.append(config)
    digest = StoredManifest(config, OCI_MANIFEST).digest
    store.finish_upload(repository, upload, digest)
    described = {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": digest, "size": len(config)}
    document = {"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": described, "layers": []}
    manifest = StoredManifest(json.dumps(document).encode(), OCI_MANIFEST)
    store.put_manifest(repository, "1", manifest)
    if index:
        child = {"mediaType": OCI_MANIFEST, "digest": manifest.digest, "size": len(manifest.content)}
        store.put_manifest(
            repository,
            "1",
            StoredManifest(json.dumps({"schemaVersion": 2, "manifests": [child]}).encode(), OCI_INDEX),
        )
    return f"{publisher.host}/{repository}:1"


def check(publisher: Publisher, reason: str) -> None:
    """Publish twice: an image whose input is not all known has no fingerprint, so the second step builds it too."""
    first = publisher.publish().outputs
    assert (first["built"], bool(first["context-hash"])) == ("true", not reason)
    assert not [tag for tag in publisher.tags if tag.startswith("ctx-")] or not reason
    assert publisher.publish().outputs["built"] == ("true" if reason else "false")
    assert reason in publisher.log.getvalue()


@pytest.mark.parametrize(("triggers", "reason"), TRIGGERS)
def test_the_onbuild_of_an_image_in_the_daemon_is_input(
    publisher: Publisher, triggers: tuple[str, ...], reason: str
) -> None:
    from_base(publisher, "base:1")
    publisher.docker.images["base:1"] = OLD
    publisher.docker.described["base:1"] = LocalImage(OLD, triggers=triggers)
    check(publisher, reason)


@pytest.mark.parametrize("index", [False, True], ids=["image", "index"])
@pytest.mark.parametrize(("triggers", "reason"), TRIGGERS)
def test_the_onbuild_of_an_image_in_a_registry_is_input(
    publisher: Publisher, triggers: tuple[str, ...], reason: str, index: bool
) -> None:
    from_base(publisher, push_base(publisher, triggers, index=index))
    check(publisher, reason)


def test_an_onbuild_that_cannot_be_read_is_an_input_that_is_not_known(publisher: Publisher) -> None:
    image = push_base(publisher, (), index=False)
    store = publisher.registry.store
    store.lose("octo/base", json.loads(store.repositories["octo/base"].manifest("1").content)["config"]["digest"])
    from_base(publisher, image)
    check(publisher, "cannot be read")


@pytest.mark.parametrize("name", ["octo/../base:1", "octo/./base:1", "octo?base:1", "octo//base:1", f"../x@{OLD}"])
def test_a_name_that_no_image_has_is_put_into_no_address(publisher: Publisher, name: str) -> None:
    from_base(publisher, f"{publisher.host}/{name}")
    check(publisher, "cannot be found")
    assert not [entry.path for entry in publisher.registry.log if "base" in entry.path or ".." in entry.path]


def test_an_ignored_git_is_no_input_of_an_onbuild(publisher: Publisher) -> None:
    from_base(publisher, push_base(publisher, ("COPY . /app",), index=False))
    (publisher.workspace / ".dockerignore").write_text(".git\n")
    check(publisher, "")


def test_an_onbuild_is_not_read_where_an_image_is_reused(publisher: Publisher) -> None:
    from_base(publisher, push_base(publisher, ("RUN true",), index=False))
    publisher.publish()
    publisher.registry.log.clear()
    assert publisher.publish().outputs["built"] == "false"
    assert {entry.method for entry in publisher.registry.log if "octo/base" in entry.path} == {"HEAD"}


@pytest.mark.parametrize(
    ("local", "containerd_store", "options", "is_noted"),
    [
        (LocalImage(OLD, (OLD,)), False, "", True),
        (LocalImage(OLD, (OLD, NEW)), False, "", False),
        (LocalImage(OLD, ()), False, "", False),
        (LocalImage(OLD, (OLD,), platform="linux/arm64"), False, "", False),
        (LocalImage(OLD, (OLD,)), False, "--pull", False),
        (LocalImage(OLD, (OLD,)), True, "", False),
    ],
    ids=["older", "the same", "of no registry", "of another platform", "--pull", "containerd's store"],
)
def test_an_old_copy_of_a_base_image_in_the_daemon_is_noted(
    publisher: Publisher, local: LocalImage, containerd_store: bool, options: str, is_noted: bool
) -> None:
    image = push_base(publisher, (), index=False)
    from_base(publisher, image)
    digest = publisher.registry.store.repositories["octo/base"].tags["1"]
    digests = tuple(digest if entry == NEW else entry for entry in local.digests)
    publisher.docker.facts = LocalDaemon(containerd_store=containerd_store)
    publisher.docker.images[image] = OLD
    publisher.docker.described[image] = LocalImage(OLD, digests, local.platform)
    given = {"platforms": "linux/amd64", "build-options": options}
    notes = publisher.publish(given).result["notes"]
    assert any(f"the daemon's copy of the base image {image} is older" in note for note in notes) == is_noted
    # The image that would be built now is another one, once the registry's copy is built from.
    publisher.docker.images[image] = NEW
    is_local = local.platform == "linux/amd64" and not containerd_store and not options
    assert publisher.publish(given).outputs["built"] == ("true" if is_local else "false")
