"""Why a push failed, in the words that dockerd 20.10, 26.1 and 28.5 (both stores) and BuildKit 0.23 really used for it."""

from __future__ import annotations

import time

import pytest

from mlops_actions.core.errors import ActionError, Refused, Unavailable
from mlops_actions.core.image_name import ImageName
from mlops_actions.docker_publish.build.progress import Progress
from mlops_actions.docker_publish.build.push_failures import PushCause, read

REGISTRY = "registry.example:5000"
# A name whose every word is the word of another cause.
IMAGE = ImageName(REGISTRY, "denied/authorization-service-immutable")
URL = f"http://{REGISTRY}/v2/{IMAGE.repository}"
COMMIT = f'failed to push {IMAGE}:v1: failed commit on ref "manifest-sha256:00": '
MANIFEST = f"unexpected status from PUT request to {URL}/manifests/v1: "
UPLOAD = f"unexpected status from POST request to {URL}/blobs/uploads/: "
BLOB = f"unexpected status from PUT request to {URL}/blobs/uploads/5f?_state=Xa%3D%3D&digest=sha256%3A401403: "
TOKEN = (
    f"failed to push {IMAGE}:v1: failed to authorize: failed to fetch oauth token: unexpected status from GET request to "
    f"http://{REGISTRY}/token?scope=repository%3Adenied%2Fauthorization-service%3Apull%2Cpush&service=immutable: "
)
ECR = (
    f"The image tag 'v1' already exists in the '{IMAGE.repository}' repository and cannot be overwritten because the "
    "repository is immutable."
)
HARBOR_QUOTA = (
    "adding 1.2 GiB of storage resource, which when updated to current usage of 1 GiB will exceed the configured upper "
    "limit of 2.0 GiB."
)
C = PushCause


@pytest.mark.parametrize(
    ("message", "cause"),
    [
        # dockerd with its classic store
        ("unauthorized", C.LOGIN),
        ("unauthorized: authentication required", C.LOGIN),
        ("unauthorized: incorrect username or password", C.LOGIN),
        ("denied", C.DENIED),
        ("denied: requested access to the resource is denied", C.DENIED),
        ("no basic auth credentials", C.DENIED),
        ("toomanyrequests: slow down", C.LIMITED),
        ("toomanyrequests: ", C.LIMITED),
        ('toomanyrequests: {"errors": [{"code": "TOOMANYREQUESTS", "message": "slow"}]}', C.LIMITED),
        ("toomanyrequests: Quota exceeded for quota metric 'Requests per project'", C.LIMITED),
        ("received unexpected HTTP status: 500 Internal Server Error", C.INTERRUPTED),
        ("received unexpected HTTP status: 502 Bad Gateway", C.INTERRUPTED),
        ("received unexpected HTTP status: 503 Service Unavailable", C.INTERRUPTED),
        ("received unexpected HTTP status: 507 Insufficient Storage", C.FULL),
        ("name unknown: The repository with name 'x' does not exist", C.NO_REPOSITORY),
        ("unknown: <html>too large</html>", C.INTERRUPTED),  # 28.5 tells of 413 no more than this
        ("error parsing HTTP 413 response body: invalid character '<' looking for beginning of value", C.TOO_LARGE),
        ("error parsing HTTP 403 response body: unexpected end of JSON input: \"\"", C.DENIED),
        ("invalid checksum digest format", C.INTERRUPTED),
        ("unknown blob", C.INTERRUPTED),
        ("blob upload unknown: blob upload unknown to registry", C.INTERRUPTED),
        ("EOF", C.INTERRUPTED),
        (f'Put "{URL}/blobs/uploads/5f": write tcp 127.0.0.1:9: write: connection reset by peer', C.INTERRUPTED),
        (f'Head "{URL}/blobs/sha256:403": dial tcp: lookup {REGISTRY}: i/o timeout', C.INTERRUPTED),
        (f"tag invalid: {ECR}", C.TAG_STANDS),
        ("manifest invalid: cannot update tag v1. The repository has enabled tag immutability", C.TAG_STANDS),
        ("unknown: The operation is disallowed on this registry, repository or image.", C.TAG_STANDS),
        ("unknown: tag is immutable and cannot be overwritten", C.TAG_STANDS),
        (f"unknown: Failed to process request due to '{IMAGE.repository}:v1' configured as immutable.", C.TAG_STANDS),
        ("manifest invalid: manifest invalid", C.REJECTED),
        (f"manifest invalid: the manifest of '{IMAGE.repository}:v1' has no config", C.REJECTED),
        ("manifest invalid: tag 'immutable' has no config", C.REJECTED),
        ("unsupported: The operation is unsupported.", C.REJECTED),
        (f"denied: {HARBOR_QUOTA}", C.FULL),
        ("denied: Quota has been exceeded on namespace", C.FULL),
        ("denied: registry storage quota exceeded", C.FULL),
        (f'Get "https://{REGISTRY}/v2/": http: server gave HTTP response to HTTPS client', C.UNTRUSTED),
        (f'Get "https://{REGISTRY}/v2/": x509: certificate signed by unknown authority', C.UNTRUSTED),
        ("tls: failed to verify certificate: x509: certificate signed by unknown authority", C.UNTRUSTED),
        # BuildKit 0.13, in dockerd 26.1 with containerd's store: no message of the registry
        (f"{COMMIT}{MANIFEST}401 Unauthorized", C.LOGIN),
        (f"{COMMIT}{MANIFEST}403 Forbidden", C.DENIED),
        (f"{COMMIT}{MANIFEST}404 Not Found", C.NO_REPOSITORY),
        (f"{COMMIT}{MANIFEST}413 Request Entity Too Large", C.TOO_LARGE),
        (f"{COMMIT}{MANIFEST}415 Unsupported Media Type", C.REJECTED),
        (f"{COMMIT}{MANIFEST}429 Too Many Requests", C.LIMITED),
        (f"{COMMIT}{MANIFEST}500 Internal Server Error", C.INTERRUPTED),
        (f"{COMMIT}{MANIFEST}507 Insufficient Storage", C.FULL),
        (f"{COMMIT}invalid content digest in response: invalid checksum digest format", C.INTERRUPTED),
        (f"{COMMIT}{BLOB}401 Unauthorized", C.LOGIN),
        (f"{COMMIT}{BLOB}502 Bad Gateway", C.INTERRUPTED),
        (f"failed to push {IMAGE}:v1: {UPLOAD}429 Too Many Requests", C.LIMITED),
        (f"failed to push {IMAGE}:v1: {UPLOAD}403 Forbidden", C.DENIED),
        (f"{TOKEN}401 Unauthorized", C.LOGIN),
        (f"{TOKEN}429 Too Many Requests", C.LIMITED),
        (f"{TOKEN}500 Internal Server Error", C.INTERRUPTED),
        # BuildKit 0.23 and 0.25
        (f"failed to push {IMAGE}:v1: toomanyrequests: slow down", C.LIMITED),
        (f"failed to push {IMAGE}:v1: unauthorized: auth required", C.LOGIN),
        (f"failed to push {IMAGE}:v1: denied", C.DENIED),
        (f"failed to push {IMAGE}:v1: denied: {HARBOR_QUOTA}", C.FULL),
        (f"failed to push {IMAGE}:v1: unknown: internal", C.INTERRUPTED),
        (f"failed to push {IMAGE}:v1: unknown: write /var/lib/registry/x: no space left on device", C.FULL),
        (f"failed to push {IMAGE}:v1: unknown: {ECR}", C.TAG_STANDS),
        (f"failed to push {IMAGE}:v1: failed to copy: io: read/write on closed pipe", C.INTERRUPTED),
        (f"failed to push {IMAGE}:v1: {BLOB}413 Request Entity Too Large: <html>too large</html>", C.TOO_LARGE),
        (f"failed to push {IMAGE}:v1: {MANIFEST}502 Bad Gateway: denied by a gateway", C.INTERRUPTED),
        # What a push reads elsewhere is no answer of the registry that it goes to
        (f"failed to push {IMAGE}:v1: failed to copy: GET https://cache.example RESPONSE 403: 403 Forbidden", C.INTERRUPTED),
        (
            f"failed to push {IMAGE}:v1: failed to copy: httpReadSeeker: failed open: unexpected status code "
            "https://nvcr.example/v2/nvidia/cuda/blobs/sha256:00: 401 Unauthorized",
            C.INTERRUPTED,
        ),
        (
            f"failed to push {IMAGE}:v1: failed to copy: httpReadSeeker: failed open: unexpected status code "
            "https://registry-1.docker.io/v2/library/debian/blobs/sha256:00: 429 Too Many Requests - Server message: "
            "toomanyrequests: You have reached your pull rate limit",
            C.LIMITED,
        ),
        # Older BuildKits (https://github.com/docker/buildx/issues/139)
        (f"failed to push {IMAGE}:v1: unexpected status: 401 Unauthorized", C.LOGIN),
        (f"failed to push {IMAGE}:v1: server message: insufficient_scope: authorization failed", C.LOGIN),
        ("no reason was given", C.INTERRUPTED),
    ],
)  # fmt: skip
def test_the_cause_is_read_from_the_builder_s_words(message: str, cause: PushCause) -> None:
    failure = read(message, [IMAGE])
    assert failure.cause is cause
    assert str(failure.error()).startswith(f"pushing to {IMAGE} failed: {message}")
    assert failure.error().remedy


@pytest.mark.parametrize(
    ("cause", "is_temporary", "error"),
    [
        (C.DENIED, False, Refused),
        (C.LOGIN, True, Refused),
        (C.LIMITED, True, Unavailable),
        (C.TAG_STANDS, False, Refused),
        (C.NO_REPOSITORY, False, Refused),
        (C.FULL, False, Unavailable),
        (C.TOO_LARGE, False, Refused),
        (C.REJECTED, False, Refused),
        (C.UNTRUSTED, False, Unavailable),
        (C.INTERRUPTED, True, Unavailable),
    ],
)
def test_what_may_be_mended_by_another_attempt(cause: PushCause, is_temporary: bool, error: type[ActionError]) -> None:
    samples = {
        C.DENIED: "denied", C.LOGIN: "unauthorized", C.LIMITED: "toomanyrequests: ", C.TAG_STANDS: "tag is immutable",
        C.NO_REPOSITORY: "name unknown", C.FULL: "no space left", C.TOO_LARGE: "body too large", C.REJECTED: "unsupported",
        C.UNTRUSTED: "x509: x", C.INTERRUPTED: "EOF",
    }  # fmt: skip
    assert set(samples) == set(PushCause)
    failure = read(samples[cause], [IMAGE])
    assert (failure.cause, failure.is_temporary, type(failure.error())) == (cause, is_temporary, error)


@pytest.mark.parametrize("status", ["400 Bad Request", "405 Method Not Allowed", "409 Conflict", "412 Precondition Failed"])
def test_a_status_alone_may_mean_a_tag_that_stands(status: str) -> None:
    assert read(f"{COMMIT}{MANIFEST}{status}", [IMAGE]).may_be_a_standing_tag
    assert not read(f"failed to push {IMAGE}:v1: {UPLOAD}{status}", [IMAGE]).may_be_a_standing_tag


@pytest.mark.parametrize(
    "message", ["unauthorized", "denied: no", "EOF", "name unknown: x", "received unexpected HTTP status: 500 x"]
)
def test_other_failures_are_no_standing_tag(message: str) -> None:
    assert not read(message, [IMAGE]).may_be_a_standing_tag


def test_of_several_registries_the_one_that_failed_is_named() -> None:
    other = ImageName("quay.example", "octo/app")
    assert read(f"failed to push {other}:v1: denied", [IMAGE, other]).image == other
    assert read("denied", [IMAGE, other], title=f"pushing {other}:v1 with docker").image == other
    assert read("denied", [IMAGE, other]).image == IMAGE


@pytest.mark.parametrize(
    ("lines", "is_push"),
    [
        # dockerd: the push is a step of its own
        (["#6 pushing R/a:v1 with docker", "#6 ERROR: denied", "ERROR: failed to build: denied"], True),
        # BuildKit: the push is a part of the export, and where no token can be had it fails before its first line
        (["#5 exporting to image", "#5 pushing layers", "#5 ERROR: failed to push R/a:v1: denied", "ERROR: x"], True),
        (["#5 exporting to image", "#5 ERROR: failed to push R/a:v1: failed to authorize: x", "ERROR: x"], True),
        (["#5 exporting to image", "#5 exporting layers", "#5 ERROR: write /x: no space left on device", "ERROR: x"], False),
        (["ERROR: failed to solve: failed to push R/a:v1: denied"], True),
        # A layer cache that cannot be written fails neither the push nor the build
        (["#7 exporting cache to registry", "#7 ERROR: denied", "#6 [2/2] RUN false", "#6 ERROR: exit", "ERROR: x"], False),
        # A program of the Dockerfile may push something itself
        (["#6 [2/2] RUN git push", "#6 0.1 failed to push some refs", "#6 ERROR: exit code: 1", "ERROR: x"], False),
        (["#6 [2/2] RUN pushing x", "#6 ERROR: exit code: 1", "ERROR: failed to solve: exit code: 1"], False),
        (["#2 [internal] load metadata for R/base:1", "#2 ERROR: denied", "ERROR: failed to solve: denied"], False),
    ],
)
def test_a_failed_push_is_told_from_a_failed_build(lines: list[str], is_push: bool) -> None:
    progress = Progress()
    for line in lines:
        progress.line(line)
    assert progress.failed_to_push is is_push


@pytest.mark.parametrize(
    "word", ["failed to push ", "unexpected status from PUT request to ", "tag '", "quota ", "https://", "status:"]
)
def test_words_that_never_end_are_read_at_once(word: str) -> None:
    message = word * 5_000
    began = time.process_time()
    read(message, [IMAGE])
    assert time.process_time() - began < 5
