"""Whole publications against the sandbox's registry. Builds are simulated, everything else is real."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from mlops_actions.core.checkout import Checkout
from mlops_actions.core.errors import BadInput, Refused, Unavailable, WorkFailed
from mlops_actions.core.outcome import RESULT_SCHEMA_VERSION
from mlops_actions.docker_publish.inputs import OUTPUTS, RESULT
from mlops_sandbox.registry import Account, Fault, Registry
from mlops_sandbox.registry.specification import OCI_INDEX, OCI_MANIFEST
from mlops_sandbox.registry.store import StoredManifest
from tests.actions.docker_publish.publisher import Publisher
from tests.support.docker_publish import COMMITTED, SHA
from tests.support.local_docker import LocalDaemon
from tests.support.result_schemas import check_result

SHORT = SHA[:12]
PULL_REQUEST = {"number": 7, "state": "open", "user": {"login": "mona", "type": "User"}}
PERSON = {"login": "mona", "type": "User"}


def pull_request(*, fork: bool) -> dict[str, Any]:
    own = {"full_name": "Octo/Digits", "id": 1}
    head = {"full_name": "mona/digits", "id": 2} if fork else own
    sides = {"head": {"ref": "main", "sha": SHA, "repo": head}, "base": {"ref": "main", "sha": SHA, "repo": own}}
    return {"action": "opened", "sender": PERSON, "pull_request": PULL_REQUEST | sides}


COMMENT = {
    "action": "created",
    "sender": PERSON,
    "issue": {"number": 7, "pull_request": {"url": "x"}},
    "comment": {"id": 1, "body": "/train", "user": PERSON, "html_url": "", "created_at": ""},
}


def test_an_image_is_built_pushed_and_reported_by_its_digest(publisher: Publisher) -> None:
    outcome = publisher.publish()
    outputs = outcome.outputs
    key = f"ctx-{outputs['context-hash']}"
    assert publisher.tags == dict.fromkeys([key, SHORT, "main", "latest"], outputs["digest"])
    assert outputs["image"] == f"{publisher.host}/octo/digits"
    assert outputs["tags"].splitlines() == [SHORT, "main", "latest"]
    assert outputs["tag"] == SHORT
    assert re.fullmatch(r"sha256:[0-9a-f]{64}", outputs["digest"])
    assert outputs["ref"] == f"{outputs['image']}@{outputs['digest']}"
    assert re.fullmatch(r"sha256:[0-9a-f]{64}", outputs["image-id"])
    assert outputs["built"] == "true"
    assert int(outputs["size"]) > 0
    assert outputs["IMAGE_SHA_NAME"] == f"{outputs['image']}:{SHORT}"
    assert outputs["IMAGE_URL"] == "https://github.com/Octo/Digits/packages"
    assert outputs.keys() <= {output.name for output in OUTPUTS}
    assert outcome.result["digest"] == outputs["digest"]
    check_result("docker-publish", json.dumps({"schema": RESULT_SCHEMA_VERSION, **outcome.result}))


def test_every_declared_output_is_set(publisher: Publisher) -> None:
    outputs = publisher.publish({"snapshot": "true"}).outputs
    assert {output.name for output in OUTPUTS} - {"result"} == outputs.keys()


def test_the_result_of_every_kind_of_publication_holds_to_its_schema(publisher: Publisher) -> None:
    for given in ({}, {}, {"push": "false"}, {"force": "true", "snapshot": "true"}):
        outcome = publisher.publish(given)
        assert outcome.result.keys() == RESULT.keys()
        check_result("docker-publish", json.dumps({"schema": RESULT_SCHEMA_VERSION, **outcome.result}))


def test_the_image_s_labels_name_its_source(publisher: Publisher) -> None:
    publisher.publish({"labels": "team=vision\norg.opencontainers.image.title=mine"})
    labels = publisher.labels(SHORT)
    assert labels["org.opencontainers.image.source"] == "https://github.com/Octo/Digits"
    assert labels["org.opencontainers.image.revision"] == SHA
    assert labels["org.opencontainers.image.created"] == "2023-11-14T22:13:20Z"
    assert labels["org.opencontainers.image.title"] == "mine"
    assert labels["team"] == "vision"


def test_unchanged_input_is_tagged_again_and_not_built(publisher: Publisher) -> None:
    first = publisher.publish().outputs
    publisher.registry.log.clear()
    other = "f" * 40
    publisher.checkout = Checkout(other, "feature", committed=1_800_000_000)
    second = publisher.publish(GITHUB_SHA=other, GITHUB_REF="refs/heads/feature").outputs
    assert second["built"] == "false"
    assert second["digest"] == first["digest"]
    assert publisher.tags[other[:12]] == publisher.tags["feature"] == first["digest"]
    assert (first["built-sha"], second["built-sha"]) == (SHA, SHA)
    assert f"| Built for | [{SHA[:12]}](https://github.com/Octo/Digits/commit/{SHA}) |" in publisher.summary
    assert len(publisher.docker.builds) == 1
    uploads = [entry for entry in publisher.registry.log if entry.method in ("PATCH", "PUT") and "/blobs/" in entry.path]
    assert uploads == []


@pytest.mark.parametrize(
    "change",
    [
        lambda folder: (folder / "train.py").write_text("print('other')\n"),
        lambda folder: (folder / "train.py").chmod(0o755),
        lambda folder: (folder / "link").symlink_to("train.py"),
        lambda folder: (folder / "empty").mkdir(),
        lambda folder: (folder / "Dockerfile").write_text("FROM scratch\nCOPY train.py /other.py\n"),
        lambda folder: (folder / ".dockerignore").write_text("nothing\n"),
    ],
)
def test_changed_files_are_built(publisher: Publisher, change: Callable[[Path], object]) -> None:
    publisher.publish()
    change(publisher.workspace)
    assert publisher.publish().outputs["built"] == "true"


@pytest.mark.parametrize(
    "given",
    [
        {"build-args": "A=1"},
        {"target": "other"},
        {"platforms": "linux/arm64"},
        {"cache-salt": "x"},
        {"labels": "a=b"},
        {"build-options": "--no-cache"},
        {"secrets": "TOKEN=abc"},
        {"force": "true"},
        {"skip-unchanged": "false"},
    ],
)
def test_changed_inputs_are_built(publisher: Publisher, given: Mapping[str, str]) -> None:
    publisher.publish()
    assert publisher.publish(given).outputs["built"] == "true"


def test_ignored_files_and_file_times_do_not_change_the_fingerprint(publisher: Publisher) -> None:
    (publisher.workspace / ".dockerignore").write_text("data\n")
    publisher.publish()
    (publisher.workspace / "data").mkdir()
    (publisher.workspace / "data" / "big").write_text("ignored")
    import os

    os.utime(publisher.workspace / "train.py", (1, 1))
    assert publisher.publish().outputs["built"] == "false"


def test_a_secret_s_value_does_not_change_the_public_fingerprint(publisher: Publisher) -> None:
    first = publisher.publish({"secrets": "TOKEN=abcdef"}).outputs
    second = publisher.publish({"secrets": "TOKEN=ghijkl"}).outputs
    assert first["context-hash"] == second["context-hash"]


def test_a_new_digest_of_the_base_image_is_built(publisher: Publisher) -> None:
    (publisher.workspace / "Dockerfile").write_text("FROM base:1\nCOPY train.py /\n")
    publisher.docker.images["base:1"] = "sha256:" + "1" * 64
    assert publisher.publish().outputs["built"] == "true"
    assert publisher.publish().outputs["built"] == "false"
    publisher.docker.images["base:1"] = "sha256:" + "2" * 64
    assert publisher.publish().outputs["built"] == "true"


def test_an_image_with_an_unknown_base_is_never_reused(publisher: Publisher) -> None:
    (publisher.workspace / "Dockerfile").write_text("FROM base:$TARGETVARIANT\nCOPY train.py /\n")
    for _ in range(2):
        outputs = publisher.publish().outputs
        assert (outputs["built"], outputs["context-hash"]) == ("true", "")
    assert "depends on a value" in publisher.log.getvalue()


def test_an_image_of_another_repository_is_reused_by_sharing_its_layers(publisher: Publisher) -> None:
    first = publisher.publish({"image": f"{publisher.host}/octo/other"}).outputs
    publisher.registry.log.clear()
    outputs = publisher.publish({"reuse-from": "octo/other"}).outputs
    assert (outputs["built"], outputs["digest"]) == ("false", first["digest"])
    assert publisher.tags == dict.fromkeys([f"ctx-{outputs['context-hash']}", SHORT, "main", "latest"], first["digest"])
    sent = [entry for entry in publisher.registry.log if entry.method in ("PATCH", "PUT") and "/blobs/" in entry.path]
    assert sent == []
    assert "octo/other, whose layers it shares" in publisher.summary
    assert publisher.publish().outputs["built"] == "false"


def test_an_image_index_of_another_repository_is_reused_with_all_platforms(publisher: Publisher) -> None:
    publisher.publish({"image": f"{publisher.host}/octo/other"})
    other = publisher.registry.store.repositories["octo/other"]
    child = other.manifest("latest")
    index = {
        "schemaVersion": 2,
        "manifests": [{"mediaType": OCI_MANIFEST, "digest": child.digest, "size": len(child.content)}],
    }
    stored = StoredManifest(json.dumps(index).encode(), OCI_INDEX)
    for tag in [tag for tag in other.tags if tag.startswith("ctx-")]:
        publisher.registry.store.put_manifest("octo/other", tag, stored)
    outputs = publisher.publish({"reuse-from": "octo/other"}).outputs
    assert (outputs["built"], outputs["digest"], outputs["built-sha"]) == ("false", stored.digest, SHA)
    assert publisher.registry.store.repositories[publisher.repository].manifest(child.digest) is not None


def test_an_image_whose_layers_cannot_be_shared_is_built(publisher_of: Callable[[Registry], Publisher]) -> None:
    own = Account("pw", repositories=frozenset({"octo/digits"}))
    publisher = publisher_of(Registry(challenge="basic", accounts={"all": Account("pw"), "own": own}))
    publisher.publish({"image": f"{publisher.host}/octo/other", "username": "all", "password": "pw"})
    given = {"reuse-from": "octo/other", "password": "pw"}
    assert publisher.publish(given | {"username": "own"}).outputs["built"] == "true"
    assert "octo/other cannot be read" in publisher.log.getvalue()
    store = publisher.registry.store.repositories
    store["octo/other"].blobs.clear()
    del store["octo/digits"]
    assert publisher.publish(given | {"username": "all"}).outputs["built"] == "true"
    assert "in octo/other, the image of this input is damaged: the registry lost its" in publisher.log.getvalue()


def test_reuse_from_accepts_repositories_of_the_same_registry_only(publisher: Publisher) -> None:
    with pytest.raises(BadInput, match="not in the registry"):
        publisher.publish({"reuse-from": "docker.io/octo/other"})


def test_layers_are_compared_with_the_previous_image(publisher: Publisher) -> None:
    assert publisher.publish().result["layers"]["new"] == 1
    assert "1 new (" in publisher.summary
    result = publisher.publish({"force": "true"}).result
    assert result["layers"] == {"count": 1, "new": 0, "new-size": 0}
    assert "all there before" in publisher.summary


def test_google_s_registry_accepts_the_job_s_google_credentials(publisher: Publisher) -> None:
    publisher.docker.addresses["europe-docker.pkg.dev"] = publisher.host
    given = {
        "image": "europe-docker.pkg.dev/project/images/digits",
        "username": "octo",
        "password": "ghs",
        "github-token": "ghs",
    }
    assert publisher.publish(given).outputs["digest"]
    assert publisher.docker.signed_in == {"europe-docker.pkg.dev": ("oauth2accesstoken", "ya29.google")}
    assert publisher.publish(given | {"password": "of-google"}).outputs["digest"]
    assert publisher.docker.signed_in["europe-docker.pkg.dev"] == ("octo", "of-google")


def test_max_age_limits_reuse(publisher: Publisher) -> None:
    """The bound is on the layers, so an image that was built without one has no known age."""
    publisher.publish()
    assert publisher.publish({"max-age": "2h"}).outputs["built"] == "true"
    publisher.clock.sleep(3600)
    assert publisher.publish({"max-age": "2h"}).outputs["built"] == "false"
    publisher.clock.sleep(3600)
    assert publisher.publish({"max-age": "2h"}).outputs["built"] == "true"
    assert publisher.publish({"max-age": "30m"}).outputs["built"] == "true"
    assert publisher.publish({"max-age": "30m"}).outputs["built"] == "false"
    assert publisher.publish().outputs["built"] == "false"


def test_a_branch_does_not_reuse_an_image_of_a_pull_request(publisher: Publisher) -> None:
    first = publisher.publish(event="pull_request", payload=pull_request(fork=False)).outputs
    assert (first["built"], first["tags"]) == ("true", SHORT)
    assert publisher.publish(event="pull_request", payload=pull_request(fork=False)).outputs["built"] == "false"
    assert publisher.publish().outputs["built"] == "true"


def test_a_pull_request_reuses_an_image_of_a_trusted_ref(publisher: Publisher) -> None:
    publisher.publish()
    assert publisher.publish(event="pull_request", payload=pull_request(fork=False)).outputs["built"] == "false"


def test_a_fork_s_pull_request_is_built_and_not_pushed(publisher: Publisher) -> None:
    outputs = publisher.publish(event="pull_request", payload=pull_request(fork=True)).outputs
    assert (outputs["digest"], outputs["ref"], outputs["built"]) == ("", "", "true")
    assert publisher.tags == {}
    assert {entry.method for entry in publisher.registry.log} <= {"HEAD", "GET"}
    assert "--push" not in publisher.docker.builds[0][0]


def test_a_comment_s_pull_request_moves_neither_latest_nor_the_default_branch_s_tag(publisher: Publisher) -> None:
    outputs = publisher.publish(event="issue_comment", payload=COMMENT).outputs
    assert outputs["tags"] == SHORT


def test_a_comment_without_a_checkout_is_an_error(publisher: Publisher) -> None:
    publisher.checkout = None
    with pytest.raises(BadInput, match="the commit of the image is unknown") as error:
        publisher.publish(event="issue_comment", payload=COMMENT)
    assert "actions/checkout" in error.value.remedy


def test_nothing_is_built_where_pushing_is_refused(publisher_of: Callable[[Registry], Publisher]) -> None:
    publisher = publisher_of(Registry(challenge="basic", accounts={"alice": Account("wonderland")}))
    with pytest.raises(Refused, match="401"):
        publisher.publish()
    with pytest.raises(Refused, match="401"):
        publisher.publish({"username": "alice", "password": "wrong"})
    assert publisher.docker.builds == []
    assert publisher.publish({"username": "alice", "password": "wonderland"}).outputs["digest"]


def test_a_registry_that_forbids_pushing_is_reported_before_the_build(publisher: Publisher) -> None:
    denied = b'{"errors":[{"code":"DENIED","message":"permission_denied: write_package"}]}'
    publisher.registry.faults.append(Fault("POST", r"/v2/.*/blobs/uploads/", 403, body=denied))
    with pytest.raises(Refused, match="403: DENIED permission_denied: write_package"):
        publisher.publish()
    assert publisher.docker.builds == []


def test_the_job_s_own_token_is_not_sent_to_another_registry(publisher: Publisher) -> None:
    publisher.publish({"username": "octo", "password": "ghs_secret", "github-token": "ghs_secret"})
    assert {entry.credentials for entry in publisher.registry.log} == {""}
    assert publisher.docker.signed_in == {}
    assert "is for GitHub alone" in publisher.log.getvalue()


def test_a_failed_push_is_tried_again(publisher: Publisher) -> None:
    line = "#9 pushing x with docker"
    publisher.docker.failures += [
        [line, "#9 ERROR: received unexpected HTTP status: 500 Internal Server Error", "ERROR: received unexpected"]
    ] * 2
    assert publisher.publish({"build-options": "--no-cache --network none"}).outputs["built"] == "true"
    assert publisher.clock.slept == [1.0, 2.0]
    # A successful build is not repeated for its push.
    assert ["--no-cache" in arguments for arguments, _ in publisher.docker.builds] == [True, False, False]
    assert all("--network=none" in arguments for arguments, _ in publisher.docker.builds)


def test_a_push_that_keeps_failing_moves_no_tag(publisher: Publisher) -> None:
    publisher.docker.failures += [["#9 pushing x with docker", "#9 ERROR: connection reset by peer"]] * 9
    with pytest.raises(Unavailable, match="connection reset"):
        publisher.publish({"retries": "1"})
    assert len(publisher.docker.builds) == 2
    assert publisher.tags == {}


def test_a_denied_push_is_not_tried_again(publisher: Publisher) -> None:
    publisher.docker.failures += [["#9 pushing x with docker", "#9 ERROR: denied: permission_denied"]]
    with pytest.raises(Refused, match="denied") as error:
        publisher.publish()
    assert "what this user may push" in error.value.remedy
    assert len(publisher.docker.builds) == 1


def test_an_image_name_is_not_mistaken_for_the_registry_s_message(publisher: Publisher) -> None:
    name = f"{publisher.host}/octo/denied-status-403"
    publisher.docker.failures += [[f"#9 pushing {name} with docker", f"#9 ERROR: pushing {name}: connection reset by peer"]]
    assert publisher.publish({"image": name}).outputs["built"] == "true"


@pytest.mark.parametrize("message", ["name unknown: no such repository", "unexpected status: 404 Not Found"])
def test_a_push_to_a_missing_repository_is_not_tried_again(publisher: Publisher, message: str) -> None:
    publisher.docker.failures += [["#9 pushing x with docker", f"#9 ERROR: {message}"]]
    with pytest.raises(Refused) as error:
        publisher.publish()
    assert "must exist before the first push" in error.value.remedy


def test_a_lost_daemon_is_reported(publisher: Publisher) -> None:
    publisher.docker.failures.append(["ERROR: failed to receive status: rpc error: code = Unavailable desc = EOF"])
    with pytest.raises(Unavailable, match="broke during the build") as error:
        publisher.publish()
    assert "run the job again" in error.value.remedy
    assert len(publisher.docker.builds) == 1


def test_an_interrupted_tagging_names_the_tags_that_were_moved(publisher: Publisher) -> None:
    publisher.registry.faults.append(Fault("PUT", r"/v2/.*/manifests/main", 403))
    with pytest.raises(Refused, match=rf"moved before: {SHORT}"):
        publisher.publish()
    assert "latest" not in publisher.tags


def test_a_failed_build_names_its_line_and_is_not_tried_again(publisher: Publisher) -> None:
    (publisher.workspace / "Dockerfile").write_text("FROM scratch\n# a comment\nRUN one && \\\n    two\n")
    publisher.docker.failures.append(
        [
            "#5 [2/2] RUN one &&     two",
            "#5 0.100 ::error::from the build",
            "#5 ERROR: process did not complete successfully: exit code: 3",
            "ERROR: failed to solve: process did not complete successfully: exit code: 3",
        ]
    )
    with pytest.raises(WorkFailed, match=r"Dockerfile:3.*exit code: 3"):
        publisher.publish()
    log = publisher.log.getvalue()
    assert "file=Dockerfile,line=3" in log
    assert len(publisher.docker.builds) == 1
    assert not re.search(r"^\s*::error::from the build", log, re.MULTILINE)


@pytest.mark.parametrize("given", [{"platforms": "linux/amd64,linux/arm64"}, {"provenance": "mode=max"}, {"sbom": "true"}])
def test_inputs_that_the_classic_store_cannot_serve_are_reported_before_the_build(
    publisher: Publisher, given: Mapping[str, str]
) -> None:
    with pytest.raises(BadInput, match=next(iter(given))) as error:
        publisher.publish(given)
    assert "setup-buildx-action" in error.value.remedy
    publisher.docker.facts = LocalDaemon(containerd_store=True)
    assert publisher.publish(given).outputs["built"] == "true"


def test_no_value_of_a_build_argument_or_secret_is_on_the_command_line(publisher: Publisher) -> None:
    given = {"build-args": "A=argument-value\nB", "secrets": "TOKEN=secret-value\nOTHER"}
    publisher.publish(given, environ={"B": "from-environment", "OTHER": "other-secret"})
    arguments, environment = publisher.docker.builds[0]
    text = " ".join(arguments)
    for value in ("argument-value", "secret-value", "from-environment", "other-secret"):
        assert value not in text
        assert value in environment.values()
    assert "--build-arg=A" in arguments
    assert not any(value in publisher.log.getvalue().replace("::add-mask::" + value, "") for value in ("other-secret",))


def test_every_line_of_a_secret_reaches_the_build_and_is_masked(publisher: Publisher) -> None:
    value = "-----BEGIN KEY-----\nfirst line\nsecond line\n-----END KEY-----"
    publisher.publish({"secrets": f'TOKEN=abcd\n"KEY={value}"', "build-args": "A: |-\n  one\n  two", "labels": '"l=a\nb"'})
    arguments, environment = publisher.docker.builds[0]
    assert {value, "abcd"} <= set(environment.values())
    assert environment["A"] == "one\ntwo"
    assert publisher.labels(SHORT)["l"] == "a\nb"
    masked = re.findall(r"^::add-mask::(.*)$", publisher.log.getvalue(), re.MULTILINE)
    assert set(value.split("\n")) <= set(masked)
    assert "first line" not in " ".join(arguments)


def test_users_of_gpr_docker_publish_change_only_uses(publisher: Publisher) -> None:
    """The image would go to ghcr.io, so nothing is pushed and only the decisions are checked."""
    (publisher.workspace / "argo").mkdir()
    (publisher.workspace / "argo" / "gpu.Dockerfile").write_text("FROM scratch\n")
    given = {
        "IMAGE_NAME": "Test-Docker-Action", "TAG": "my-optional-tag", "DOCKERFILE_PATH": "argo/gpu.Dockerfile",
        "BUILD_CONTEXT": "argo/", "push": "false",
    }  # fmt: skip
    outputs = publisher.publish(given).outputs
    assert outputs["IMAGE_SHA_NAME"] == f"ghcr.io/octo/digits/test-docker-action:{SHORT}"
    assert outputs["tags"].splitlines() == [SHORT, "latest", "my-optional-tag"]
    arguments = publisher.docker.builds[0][0]
    assert f"--file={publisher.workspace}/argo/gpu.Dockerfile" in arguments
    assert arguments[-1] == f"{publisher.workspace}/argo"


def test_users_of_publish_docker_change_only_uses(publisher: Publisher) -> None:
    given = {
        "name": f"{publisher.host}/octo/digits", "registry": publisher.host, "buildargs": "A,B", "snapshot": "true",
        "buildoptions": "--compress --force-rm --build-arg C='a value' --build-arg=D", "cache": "true",
    }  # fmt: skip
    environ = {"A": "1", "B": "2", "D": "4"}
    outputs = publisher.publish(given, environ=environ).outputs
    assert outputs["tag"] == "latest"
    assert outputs["snapshot-tag"] == f"20261123040506{SHA[:6]}"
    assert outputs["digest"].startswith(f"{publisher.host}/octo/digits@sha256:")
    arguments, values = publisher.docker.builds[0]
    assert {f"--build-arg={name}" for name in "ABCD"} < set(arguments)
    assert {name: values[name] for name in "ABCD"} == {**environ, "C": "a value"}
    # A later step may run the image, also where it was reused.
    publisher.docker.images.clear()
    assert publisher.publish(given, environ=environ).outputs["built"] == "false"
    assert f"{publisher.host}/octo/digits:latest" in publisher.docker.images


@pytest.mark.parametrize(
    ("given", "built"),
    [
        ({}, "true"),
        ({"cache": "false"}, "true"),
        ({"cache": "true"}, "false"),
        ({"skip-unchanged": "true"}, "false"),
        ({"cache": "true", "skip-unchanged": "false"}, "true"),
    ],
    ids=str,
)
def test_older_names_reuse_images_only_where_cache_or_skip_unchanged_is_set(
    publisher: Publisher, given: Mapping[str, str], built: str
) -> None:
    named = {"name": f"{publisher.host}/octo/digits", **given}
    publisher.publish(named)
    assert publisher.publish(named).outputs["built"] == built
    cached = [argument for argument in publisher.docker.builds[-1][0] if argument.startswith("--cache-from")]
    assert bool(cached) == (given.get("cache") == "true" and built == "true")


@pytest.mark.parametrize(("started", "built"), [("builder-4711", True), ("", False)])
def test_the_older_name_uses_the_job_s_builder_for_several_platforms(
    publisher: Publisher, started: str, built: bool
) -> None:
    publisher.docker.started = started
    given = {"name": f"{publisher.host}/octo/digits", "platforms": "linux/amd64,linux/arm64"}
    if not built:
        with pytest.raises(BadInput, match="classic store"):
            publisher.publish(given)
        return
    assert publisher.publish(given).outputs["tag"] == "latest"
    assert "--builder=mlops-actions" in publisher.docker.builds[0][0]


def test_the_summary_is_escaped_and_shows_the_pull_command(publisher: Publisher) -> None:
    publisher.checkout = Checkout(SHA, "x</details><img src=x>")
    outputs = publisher.publish().outputs
    assert f"docker pull {outputs['ref']}" in publisher.summary
    assert "<img" not in publisher.summary


@pytest.mark.parametrize(
    "given",
    [
        {"tags": "type=sha"},
        {"build-options": "--output=x"},
        {"build-args": "PATH=x"},
        {"file": "missing"},
        {"context": ".."},
    ],
)
def test_bad_input_is_reported_before_the_registry_is_asked(publisher: Publisher, given: Mapping[str, str]) -> None:
    with pytest.raises(BadInput):
        publisher.publish(given)
    assert publisher.registry.log == []


@pytest.mark.parametrize("name", ["context", "file", "workdir"])
def test_an_address_is_refused_as_it_was_written_without_its_password(publisher: Publisher, name: str) -> None:
    with pytest.raises(BadInput) as error:
        publisher.publish({name: "https://octo:s3cret@git.example//team/app.git#main:sub"})
    assert f"input '{name}' is an address: https://***@git.example//team/app.git#main:sub" in str(error.value)
    assert "s3cret" not in f"{error.value}{publisher.log.getvalue()}"


def test_a_builder_builds_instead_of_the_daemon(publisher: Publisher) -> None:
    """A BuildKit can build what the classic store cannot."""
    outcome = publisher.publish({"builder": "tcp://buildkit:1234", "platforms": "linux/amd64,linux/arm64"})
    assert outcome.outputs["built"] == "true"
    assert "--builder=mlops-actions" in publisher.docker.builds[0][0]
    assert publisher.publish({"builder": "tcp://buildkit:1234", "push": "false"}).outputs["digest"] == ""
    assert "neither pushed nor loaded" in publisher.log.getvalue()


def test_an_immutable_tag_that_is_right_already_is_no_failure(publisher: Publisher) -> None:
    """Amazon's registry can make tags immutable: a second run of the same commit finds its tags right already."""
    publisher.publish({"tags": "sha"})
    publisher.registry.faults.append(Fault("PUT", r"/v2/.*/manifests/.*", 400, times=99))
    assert publisher.publish({"tags": "sha"}).outputs["built"] == "false"
    with pytest.raises(Refused, match="no tag was moved"):
        publisher.publish({"tags": "latest"})


def test_source_date_epoch_is_the_commit_s_time(publisher: Publisher) -> None:
    """Builds of one commit are equal. A build argument of that name wins, and another commit's time is not used."""
    publisher.publish({"force": "true"})
    publisher.publish({"force": "true", "build-args": "SOURCE_DATE_EPOCH=1"})
    publisher.publish({"force": "true", "sha": "f" * 40})
    epochs = [environment.get("SOURCE_DATE_EPOCH") for _, environment in publisher.docker.builds]
    assert epochs == [str(COMMITTED), "1", None]


def test_a_link_into_git_is_seen_at_every_commit(publisher: Publisher) -> None:
    (publisher.workspace / ".git").mkdir(exist_ok=True)
    (publisher.workspace / "VERSION").symlink_to(".git/HEAD")
    hashes = set()
    for line in ("COPY train.py /", "COPY VERSION /"):
        (publisher.workspace / "Dockerfile").write_text(f"FROM scratch\n{line}\n")
        for head in ("one", "two"):
            (publisher.workspace / ".git" / "HEAD").write_text(head)
            hashes.add(publisher.publish().outputs["context-hash"])
    assert len(hashes) == 3


WARNINGS = [
    " 12 warnings found (use --debug to expand):",
    *(f" - Rule{'x' * n}: text %0A::error::x (line {n})" for n in range(1, 13)),
]


def test_the_warnings_and_errors_of_a_dockerfile_s_text_are_annotated(publisher: Publisher) -> None:
    publisher.docker.failures.append(
        [
            "#1 [internal] load build definition from Dockerfile",
            "#1 DONE 0.0s",
            *WARNINGS,
            "Dockerfile:2",
            "-" * 20,
            "ERROR: failed to solve: dockerfile parse error on line 2: unknown instruction: FOO",
        ]
    )
    with pytest.raises(WorkFailed, match=r"failed at Dockerfile:2: .*unknown instruction: FOO"):
        publisher.publish()
    log = publisher.log.getvalue()
    assert "::error title=docker-publish%3A build failed,file=Dockerfile,line=2::" in log
    assert log.count("::warning title=docker-publish%3A Rule") == 10
    assert "::warning title=docker-publish%3A Rulex,file=Dockerfile,line=1::text %250A::error::x\n" in log
    assert "2 more warnings" in log


def test_an_image_s_labels_annotations_and_metadata_are_outputs(publisher: Publisher) -> None:
    given = {"labels": '"team=vision\nand speech"'}
    for _ in ("built", "reused"):
        outcome = publisher.publish(given)
        labels = publisher.labels(SHORT)
        assert outcome.result["labels"] == labels
        assert labels["team"] == "vision\nand speech"
        assert '"team=vision\nand speech"' in outcome.outputs["labels"]
        assert f"org.opencontainers.image.revision={SHA}" in outcome.outputs["labels"].splitlines()
        assert (outcome.outputs["annotations"], outcome.result["annotations"]) == ("", {})
        metadata = json.loads(outcome.outputs["metadata"])
        assert metadata["containerimage.digest"] == outcome.outputs["digest"]
        assert metadata["containerimage.config.digest"] == outcome.outputs["image-id"]
    held = publisher.publish({**given, "push": "false"})
    assert held.result["labels"]["team"] == "vision\nand speech"
    assert json.loads(held.outputs["metadata"])["containerimage.config.digest"] == held.outputs["image-id"]
