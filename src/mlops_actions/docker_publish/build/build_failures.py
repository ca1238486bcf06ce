"""Read why a build failed from BuildKit's words and the last lines of the failed step, and name the remedy. Pure.

Tried with dockerd 20.10, 26.1 and 28.5 (both stores) and BuildKit 0.23; a command's own text is never read as a cause.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from mlops_actions.core.errors import ActionError, BadInput, Refused, Unavailable, WorkFailed
from mlops_actions.core.image_name import parse_reference
from mlops_actions.core.registries import DOCKER_HUB
from mlops_actions.docker_publish.build.progress import BuildStep


class BuildCause(Enum):
    """Why a build failed, as far as it decides the exit code and the remedy."""

    DISK = "the builder's disk is full"
    MEMORY = "a process was killed, as a rule for lack of memory"
    BASE_MISSING = "a base image is not there"
    BASE_DENIED = "a base image may not be read"
    BASE_LIMITED = "the registry of a base image wants fewer requests"
    BASE_UNREACHABLE = "the registry of a base image does not answer"
    BASE_UNTRUSTED = "the certificate of a base image's registry is not trusted"
    PLATFORM = "a base image does not exist for the platform"
    ARCHITECTURE = "the builder cannot run programs of the platform"
    NETWORK = "a command could not reach the network"
    FILE = "an instruction reads a file that the context does not have"
    TARGET = "the Dockerfile has no stage of this name"
    COMMAND = "a command failed, or BuildKit did"


_NO_SPACE = re.compile(r"no space left on device|disk quota exceeded|\bENOSPC\b", re.IGNORECASE)
_KILLED = re.compile(r"exit code: 137\b|signal: killed|cannot allocate memory", re.IGNORECASE)
_KILLED_LINE = re.compile(r"Killed$|Killed signal terminated|(?:cannot allocate|out of) memory|\bENOMEM\b", re.IGNORECASE)
# What pip, conda, apt, apk, curl, wget, git, npm and Python's urllib say.
_NETWORK_LINE = re.compile(
    r"could not resolve|temporary failure (?:in name resolution|resolving)|name or service not known|bad address '|"
    r"no address associated|nodename nor servname|getaddrinfo|EAI_AGAIN|network is unreachable|no route to host|"
    r"connection (?:timed out|refused|reset)|connect timeout|read timed out|failed to establish a new connection|"
    r"CondaHTTPError|ETIMEDOUT|ECONNRE(?:SET|FUSED)|ENOTFOUND|proxy error|cannot connect to proxy",
    re.IGNORECASE,
)
_PROCESS = re.compile(r"(?:process \".*\" did not complete successfully|executor failed running \[.*\]): ", re.DOTALL)
_FORMAT = re.compile(r"exec format error", re.IGNORECASE)
_CONTEXT = re.compile(r"failed to (?:compute cache key|calculate checksum)|\blstat ")
_MISSING = re.compile(r"not found|no such file")
_STAGE = re.compile(r"target stage \S+ could not be found")
# The steps that read a base image or a frontend: its name follows.
_BASE_STEP = re.compile(
    r"(?:\[internal\] load metadata for |resolve image config for (?:docker-image://)?|docker-image://|"
    r"\[[^\]]*\] FROM )(?P<image>[^\s@]+)"
)
_STATUS = re.compile(r"(?:status(?: code)?[^0-9\n]{0,8}|request to \S+: |\S: )([45][0-9]{2}) [A-Z]")
_OF_STATUS = {
    401: BuildCause.BASE_DENIED,
    403: BuildCause.BASE_DENIED,
    404: BuildCause.BASE_MISSING,
    429: BuildCause.BASE_LIMITED,
}
_OF_BASES = (
    (re.compile(r"no match for platform|does not provide the specified platform"), BuildCause.PLATFORM),
    (re.compile(r"toomanyrequests|pull rate limit", re.IGNORECASE), BuildCause.BASE_LIMITED),
    (re.compile(r"pull access denied|insufficient_scope|authorization failed|\bdenied\b"), BuildCause.BASE_DENIED),
    (re.compile(r"x509:|tls: failed to verify|server gave HTTP response to HTTPS"), BuildCause.BASE_UNTRUSTED),
    (
        re.compile(r"failed to do request|dial tcp|i/o timeout|TLS handshake|\bEOF\b|reset by peer"),
        BuildCause.BASE_UNREACHABLE,
    ),
    (re.compile(r"\bnot found"), BuildCause.BASE_MISSING),
)
_DISK_REMEDY = (
    "the builder's disk is full: free space before this step (`docker system prune --all`; on a runner of GitHub also "
    "/usr/share/dotnet, /usr/local/lib/android and /opt/ghc), or take a runner with a larger disk"
)


@dataclass(frozen=True)
class BuildFailure:
    """Why a build failed; `image` is the base image that was read, empty where the failure is about none."""

    cause: BuildCause
    image: str = ""

    def error(self, text: str, last_lines: Sequence[str] = ()) -> ActionError:
        """Make the error of the job from its text and the last lines of the failed step."""
        ending = "its last lines: " + " | ".join(last_lines) if last_lines else "the log above shows BuildKit's messages"
        remedy = self._remedy()
        return self._kind(text, f"{remedy}; {ending}" if remedy and last_lines else remedy or ending)

    @property
    def _kind(self) -> type[ActionError]:
        if self.cause in (BuildCause.BASE_MISSING, BuildCause.BASE_DENIED):
            return Refused
        if self.cause in (BuildCause.BASE_LIMITED, BuildCause.BASE_UNREACHABLE, BuildCause.BASE_UNTRUSTED):
            return Unavailable
        return BadInput if self.cause is BuildCause.TARGET else WorkFailed

    def _remedy(self) -> str:
        host = self._host
        image = self.image or "the base image"
        remedies = {
            BuildCause.DISK: _DISK_REMEDY,
            BuildCause.MEMORY: (
                "a process was killed, as a rule for lack of memory: let fewer run at once (MAX_JOBS, `make -j2`), or take "
                "a runner with more memory"
            ),
            BuildCause.BASE_MISSING: f"check name and tag of {image} in the Dockerfile, and that {host} has it",
            BuildCause.BASE_DENIED: (
                f"{host} refuses {image}, or does not have it: check its name, and give a login of {host} in 'registries'"
            ),
            BuildCause.BASE_LIMITED: self._remedy_of_limit(host),
            BuildCause.BASE_UNREACHABLE: (
                f"the builder cannot reach {host}: check the name in the Dockerfile, and the builder's network and proxy, "
                "then run the job again"
            ),
            BuildCause.BASE_UNTRUSTED: (
                f"the daemon or BuildKit must trust {host}: give it the certificate authority "
                "(/etc/docker/certs.d/HOST/ca.crt, or 'ca' in buildkitd.toml)"
            ),
            BuildCause.PLATFORM: f"{image} does not exist for a platform of 'platforms': take another one, or leave it out",
            BuildCause.ARCHITECTURE: (
                "the builder cannot run programs of this platform: add a step with docker/setup-qemu-action, or "
                "build each platform on a runner of its own"
            ),
            BuildCause.NETWORK: (
                "the command could not reach the network: a builder has a network of its own, so check its proxy and name "
                "servers, and whether the address answers; `--network=host` in 'build-options' takes the machine's"
            ),
            BuildCause.FILE: (
                "the file is not in the context: check its path below 'context' and .dockerignore, and that an earlier "
                "step made it"
            ),
            BuildCause.TARGET: "check the input 'target' against the names of the stages (`FROM … AS name`)",
        }
        return remedies.get(self.cause, "")

    @property
    def _host(self) -> str:
        return parse_reference(self.image).name.registry if self.image else "its registry"

    @staticmethod
    def _remedy_of_limit(host: str) -> str:
        if host != DOCKER_HUB:
            return f"{host} limits how often images are read: run the job later, or give a login of it in 'registries'"
        return (
            "Docker Hub limits the pulls of whoever is not signed in: give a login of docker.io in 'registries', take the "
            "image from another registry or a mirror, or run the job again later"
        )


def read(step: BuildStep | None, message: str) -> BuildFailure:
    """Read the failed step, if one is known, and BuildKit's final message."""
    words = f"{step.error}\n{message}" if step else message
    if match := step and _BASE_STEP.match(step.title):
        return BuildFailure(_cause_of_base(words), match["image"])
    command = _PROCESS.match(step.error) if step else None
    ending = step.error[command.end() :] if step and command else words
    # A process that ended by itself says in its last lines what BuildKit does not know.
    lines = step.tail if step and command else ()
    return BuildFailure(_cause(ending, [line.partition(" ")[2] for line in lines]))


def _cause(words: str, lines: Sequence[str]) -> BuildCause:
    if _NO_SPACE.search(words) or any(_NO_SPACE.search(line) for line in lines):
        return BuildCause.DISK
    if _KILLED.search(words) or any(_KILLED_LINE.search(line) for line in lines):
        return BuildCause.MEMORY
    if _FORMAT.search(words) or any(_FORMAT.search(line) for line in lines):
        return BuildCause.ARCHITECTURE
    if any(_NETWORK_LINE.search(line) for line in lines):
        return BuildCause.NETWORK
    if lines:
        return BuildCause.COMMAND
    if _STAGE.search(words):
        return BuildCause.TARGET
    return BuildCause.FILE if _CONTEXT.search(words) and _MISSING.search(words) else BuildCause.COMMAND


def _cause_of_base(words: str) -> BuildCause:
    if _NO_SPACE.search(words):
        return BuildCause.DISK
    for pattern, cause in _OF_BASES[:2]:
        if pattern.search(words):
            return cause
    if match := _STATUS.search(words):
        status = int(match[1])
        return _OF_STATUS.get(status, BuildCause.BASE_UNREACHABLE)
    return next((cause for pattern, cause in _OF_BASES[2:] if pattern.search(words)), BuildCause.COMMAND)
