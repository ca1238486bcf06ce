"""Why a build failed, in the words that BuildKit and dockerd really used for it; see `build_failures`."""

from __future__ import annotations

import time

import pytest

from mlops_actions.core.errors import ActionError, BadInput, Refused, Unavailable, WorkFailed
from mlops_actions.docker_publish.build.build_failures import BuildCause, read
from mlops_actions.docker_publish.build.progress import BuildStep

C = BuildCause
HOST = "registry.example:5000"
LOAD = f"[internal] load metadata for {HOST}/octo/base:1"
HUB = "[internal] load metadata for docker.io/nvidia/cuda:12"
HEAD = f"unexpected status from HEAD request to http://{HOST}/v2/octo/base/manifests/1: "
RUN = "[2/2] RUN make"
PROCESS = 'process "/bin/sh -c make" did not complete successfully: '
DIAL = f'failed to do request: Head "https://{HOST}/v2/octo/base/manifests/1": dial tcp: '


@pytest.mark.parametrize(
    ("title", "error", "tail", "cause", "kind"),
    [
        # A full disk, of the builder and in a command
        ("[2/2] COPY big /", "write /var/lib/docker/overlay2/x/diff/big: no space left on device", "", C.DISK, WorkFailed),
        (
            "[internal] load build context",
            "failed to prepare  as x: write /x/.tmp-link8: no space left on device",
            "",
            C.DISK,
            WorkFailed,
        ),
        (
            "exporting to image",
            "ResourceExhausted: write /var/lib/buildkit/x: no space left on device",
            "",
            C.DISK,
            WorkFailed,
        ),
        (
            f"[1/2] FROM {HOST}/octo/base:1",
            "failed to extract layer: write /x: no space left on device",
            "",
            C.DISK,
            WorkFailed,
        ),
        (RUN, f"{PROCESS}exit code: 1", "dd: error writing '/big': No space left on device", C.DISK, WorkFailed),
        (RUN, f"{PROCESS}exit code: 1", "OSError: [Errno 28] No space left on device", C.DISK, WorkFailed),
        (RUN, f"{PROCESS}exit code: 1", "npm ERR! nospc ENOSPC: write", C.DISK, WorkFailed),
        # Memory
        (RUN, f"{PROCESS}exit code: 137", "", C.MEMORY, WorkFailed),
        (RUN, "executor failed running [/bin/sh -c make]: exit code: 137", "", C.MEMORY, WorkFailed),
        (RUN, f"{PROCESS}exit code: 2", "c++: fatal error: Killed signal terminated program cc1plus", C.MEMORY, WorkFailed),
        (RUN, f"{PROCESS}exit code: 1", "Killed", C.MEMORY, WorkFailed),
        (RUN, f"{PROCESS}cannot allocate memory", "", C.MEMORY, WorkFailed),
        # Base images
        (LOAD, f"{HOST}/octo/base:1: not found", "", C.BASE_MISSING, Refused),
        (LOAD, f"{HEAD}404 Not Found", "", C.BASE_MISSING, Refused),
        (LOAD, f"{HEAD}403 Forbidden", "", C.BASE_DENIED, Refused),
        (LOAD, f"{HEAD}401 Unauthorized", "", C.BASE_DENIED, Refused),
        (
            HUB,
            "pull access denied, repository does not exist or may require authorization: server message: "
            "insufficient_scope: authorization failed",
            "",
            C.BASE_DENIED,
            Refused,
        ),
        (LOAD, f"{HEAD}429 Too Many Requests", "", C.BASE_LIMITED, Unavailable),
        (
            HUB,
            "failed to copy: httpReadSeeker: failed open: unexpected status code https://registry-1.docker.io/v2/nvidia/cuda/"
            "manifests/sha256:00: 429 Too Many Requests - Server message: toomanyrequests: You have reached your "
            "unauthenticated pull rate limit. https://www.docker.com/increase-rate-limit",
            "",
            C.BASE_LIMITED,
            Unavailable,
        ),
        (LOAD, f"{HEAD}500 Internal Server Error", "", C.BASE_UNREACHABLE, Unavailable),
        (LOAD, f"{DIAL}lookup {HOST}: no such host", "", C.BASE_UNREACHABLE, Unavailable),
        (LOAD, f"{DIAL}connect: connection refused", "", C.BASE_UNREACHABLE, Unavailable),
        (LOAD, f"{DIAL}i/o timeout", "", C.BASE_UNREACHABLE, Unavailable),
        (LOAD, f'Get "https://{HOST}/v2/": net/http: TLS handshake timeout', "", C.BASE_UNREACHABLE, Unavailable),
        (LOAD, f"{DIAL}x509: certificate signed by unknown authority", "", C.BASE_UNTRUSTED, Unavailable),
        (
            f"[stage 1/3] FROM {HOST}/octo/base:1@sha256:00",
            "failed to copy: read: connection reset by peer",
            "",
            C.BASE_UNREACHABLE,
            Unavailable,
        ),
        (
            "resolve image config for docker-image://docker.io/docker/dockerfile:1",
            f"{DIAL}i/o timeout",
            "",
            C.BASE_UNREACHABLE,
            Unavailable,
        ),
        (LOAD, "no match for platform in manifest: not found", "", C.PLATFORM, WorkFailed),
        (LOAD, "no match for platform in manifest sha256:00: not found", "", C.PLATFORM, WorkFailed),
        # Commands
        (RUN, f"{PROCESS}exit code: 255", "exec /bin/sh: exec format error", C.ARCHITECTURE, WorkFailed),
        (RUN, f"{PROCESS}exit code: 1", "wget: bad address 'nosuch.invalid'", C.NETWORK, WorkFailed),
        (RUN, f"{PROCESS}exit code: 6", "curl: (6) Could not resolve host: pypi.org", C.NETWORK, WorkFailed),
        (
            RUN,
            f"{PROCESS}exit code: 100",
            "Err:1 http://deb.debian.org Temporary failure resolving 'deb.debian.org'",
            C.NETWORK,
            WorkFailed,
        ),
        (
            RUN,
            f"{PROCESS}exit code: 1",
            "urllib3: Failed to establish a new connection: [Errno 111] Connection refused",
            C.NETWORK,
            WorkFailed,
        ),
        (RUN, f"{PROCESS}exit code: 1", "CondaHTTPError: HTTP 000 CONNECTION FAILED for url", C.NETWORK, WorkFailed),
        (RUN, f"{PROCESS}exit code: 1", "npm ERR! code EAI_AGAIN", C.NETWORK, WorkFailed),
        (RUN, f"{PROCESS}exit code: 1", "AssertionError: 3 != 4", C.COMMAND, WorkFailed),
        # Files and stages
        ("[2/2] COPY nope /", 'failed to calculate checksum of ref x::y: "/nope": not found', "", C.FILE, WorkFailed),
        (
            "[2/2] COPY nope /",
            'failed to compute cache key: failed to calculate checksum of ref x: "/nope": not found',
            "",
            C.FILE,
            WorkFailed,
        ),
        ("", 'failed to solve: target stage "nope" could not be found', "", C.TARGET, BadInput),
        (
            "",
            "failed to solve: dockerfile parse error on line 2: unknown instruction: RUUN (did you mean RUN?)",
            "",
            C.COMMAND,
            WorkFailed,
        ),
        ("", "no reason was given", "", C.COMMAND, WorkFailed),
        # What a command is called, or quotes, is not what happened
        (
            "[2/2] RUN echo no space left on device",
            'process "/bin/sh -c echo no space left on device" did not complete successfully: exit code: 3',
            "",
            C.COMMAND,
            WorkFailed,
        ),
        (
            "[2/2] RUN ./exit code: 137",
            'process "/bin/sh -c ./exit code: 137" did not complete successfully: exit code: 1',
            "ok",
            C.COMMAND,
            WorkFailed,
        ),
        (
            f"[2/2] COPY --from={HOST}/octo/base:1 /a /",
            'failed to calculate checksum of ref x: "/a": not found',
            "",
            C.FILE,
            WorkFailed,
        ),
    ],
)
def test_the_cause_is_read_from_buildkit_s_words(
    title: str, error: str, tail: str, cause: BuildCause, kind: type[ActionError]
) -> None:
    step = BuildStep(title, error=error, tail=[f"12.34 {tail}"] if tail else []) if title else None
    failure = read(step, f"failed to solve: {error}" if title else error)
    assert failure.cause is cause
    made = failure.error("the build failed", step.tail if step else ())
    assert type(made) is kind
    assert made.remedy
    assert tail in made.remedy


@pytest.mark.parametrize(
    ("title", "error", "remedy"),
    [
        (HUB, "toomanyrequests: You have reached your pull rate limit", "a login of docker.io in 'registries'"),
        (LOAD, "toomanyrequests: slow", f"{HOST} limits"),
        (LOAD, "denied", f"a login of {HOST} in 'registries'"),
        (LOAD, "x: not found", f"{HOST}/octo/base:1"),
        ("[1/1] FROM trainer", "x: not found", "docker.io has it"),
        ("[1/1] FROM :::", "x: not found", "docker.io has it"),
        (RUN, f"{PROCESS}exit code: 137", "MAX_JOBS"),
        ("[2/2] COPY big /", "no space left on device", "docker system prune"),
    ],
)
def test_the_remedy_names_what_to_change(title: str, error: str, remedy: str) -> None:
    assert remedy in read(BuildStep(title, error=error), error).error("x").remedy


@pytest.mark.parametrize("word", ['process "', "failed to compute cache key ", "target stage ", "no match ", "status:"])
def test_words_that_never_end_are_read_at_once(word: str) -> None:
    message = word * 5_000
    began = time.process_time()
    read(BuildStep(RUN, error=message, tail=[f"1 {message}"]), message)
    assert time.process_time() - began < 5
