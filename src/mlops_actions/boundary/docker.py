"""Docker: the daemon through its SDK, builds through `docker buildx`, since the SDK knows nothing of BuildKit.

Credentials stand in a `DOCKER_CONFIG` of our own: a `docker login` in HOME would leave them to every later step of the job.
"""

from __future__ import annotations

import base64
import json
import os
import re
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from mlops_actions.boundary.registry.transport import authorities
from mlops_actions.core import registries
from mlops_actions.core.errors import BadInput, WorkFailed

if TYPE_CHECKING:
    import docker

T = TypeVar("T")

_CONTAINERD_STORE = "io.containerd.snapshotter.v1"
_BUILDER = "mlops-actions"
# The kernel's names of machines → those of images.
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64", "armv7l": "arm/v7", "i686": "386"}
_TIMEOUT = 30  # seconds of a question to the daemon or the command line
_PULL_TIMEOUT = 3600.0  # seconds; images of gigabytes are pulled
_GRACE = 5.0  # seconds; the runner kills everything 10 s after its first signal
# An image's name with a tag or a digest; no part of it is empty or made of dots alone.
_REFERENCE = re.compile(r"[A-Za-z0-9][\w.-]*(:[0-9]+)?(/[A-Za-z0-9][\w.-]*)*(:[\w.-]+|@sha256:[0-9a-f]+)?", re.ASCII)
_NO_DAEMON = "run this on a Linux runner with Docker, or name a BuildKit in 'builder' (tcp://…)"
_NOT_INSTALLED = BadInput("the docker command line is not installed", "install docker and docker-buildx")


@dataclass(frozen=True)
class DaemonFacts:
    """A daemon's version, and whether containerd keeps its images (several platforms and attestations are possible then)."""

    version: str
    containerd_store: bool
    platform: str


@dataclass(frozen=True)
class RemoteBuilder:
    """A BuildKit that buildx knows by a name; `platform` is what it builds for by default, empty where it did not say."""

    name: str
    platform: str


class DockerCommand:
    """The docker command line with a private configuration, in a directory of `private` (0700, which its owner removes).

    It is made when the command line is first run: an image that is only tagged again needs none. `environ` is this process's
    environment; what the runner put there for actions (`INPUT_*`) is not handed on. A cancelled build gets `grace` seconds
    to tell the daemon.
    """

    def __init__(self, private: Callable[[], Path], environ: Mapping[str, str], *, grace: float = _GRACE) -> None:
        self._private = private
        self._given = environ
        self._grace = grace
        self._auths: dict[str, object] = {}

    @cached_property
    def _directory(self) -> Path:
        return self._private()

    @cached_property
    def _environ(self) -> dict[str, str]:
        """The environment of the command line."""
        environ = {name: value for name, value in self._given.items() if not name.startswith(("INPUT_", "STATE_"))}
        # Go's programs know one of the variables that name private authorities.
        if bundle := authorities(environ):
            environ["SSL_CERT_FILE"] = bundle
        environ |= {"DOCKER_CONFIG": str(self._directory), "BUILDX_CONFIG": str(self._directory / "buildx")}
        return environ | {"DOCKER_CLI_HINTS": "false", "BUILDX_NO_DEFAULT_ATTESTATIONS": "1", "NO_COLOR": "1"}

    def _configured(self) -> dict[str, str]:
        """Write the configuration; return the environment that points the command line at it."""
        config: dict[str, object] = {"auths": self._auths}
        # Plug-ins of the configuration that is replaced stay usable; the image has its own in the system's directory.
        own = Path(self._given.get("DOCKER_CONFIG") or Path(self._given.get("HOME") or "/") / ".docker") / "cli-plugins"
        if own.is_dir():
            config["cliPluginsExtraDirs"] = [str(own)]
        _write_private(self._directory / "config.json", json.dumps(config))
        return self._environ

    # The daemon

    def daemon(self) -> DaemonFacts:
        """Ask the daemon what it is; raises BadInput where none answers."""
        info = self._ask(lambda client: client.info()) or {}
        status = {str(entry[0]): str(entry[1]) for entry in info.get("DriverStatus") or [] if len(entry) == 2}
        machine = str(info.get("Architecture", ""))
        return DaemonFacts(
            version=str(info.get("ServerVersion", "")),
            containerd_store=status.get("driver-type") == _CONTAINERD_STORE,
            platform=f"{info.get('OSType', 'linux')}/{_ARCHITECTURES.get(machine, machine)}",
        )

    def image_size(self, reference: str) -> int | None:
        """Return the bytes of an image in the daemon, or None where it is not there."""
        return self._ask(lambda client: int(client.images.get(reference).attrs.get("Size") or 0))

    def pull(self, reference: str) -> str:
        """Bring an image into the daemon, with the private credentials; return why that failed, or nothing."""
        done = self._run("pull", "--quiet", reference, timeout=_PULL_TIMEOUT)
        return "" if done.returncode == 0 else _one_line(done.stderr or done.stdout)

    def retag(self, reference: str, references: Sequence[str]) -> str:
        """Give an image in the daemon these names instead of `reference`, where it is there; return what went wrong."""

        def give(client: docker.DockerClient) -> None:
            for name in references:
                repository, _, tag = name.rpartition(":")
                client.api.tag(reference, repository, tag)
            if reference not in references:
                client.api.remove_image(reference, noprune=True)

        try:
            self._ask(give)
        except BadInput as error:
            return error.cause
        return ""

    def local_digest(self, repository: str, reference: str) -> str | None:
        """Return the registry digest of an image that was pulled, the id of one that was not, None where it is not there."""
        separator = "@" if reference.startswith("sha256:") else ":"

        name = f"{repository}{separator}{reference}"
        if not _REFERENCE.fullmatch(name):  # a Dockerfile's word: it must not lead elsewhere in the API
            return None

        def digest(client: docker.DockerClient) -> str:
            image = client.images.get(name)
            known = [str(entry).partition("@")[2] for entry in image.attrs.get("RepoDigests") or []]
            return known[0] if known else str(image.id)

        return self._ask(digest)

    @cached_property
    def _client(self) -> docker.DockerClient:
        import docker  # late: an image that is only tagged again need not ask the daemon
        from docker.utils import kwargs_from_env

        arguments = kwargs_from_env(environment=dict(self._given))
        if "tls" in arguments:
            _trust_these_alone(arguments["tls"])
        return docker.DockerClient(timeout=_TIMEOUT, **arguments)

    def _ask(self, question: Callable[[docker.DockerClient], T]) -> T | None:
        """Ask the daemon; None where what was asked for is not there; raises BadInput where it does not answer."""
        import requests
        from docker import errors

        try:
            return question(self._client)
        except errors.NotFound:
            return None
        except (errors.DockerException, requests.RequestException, OSError, ValueError) as error:
            host = self._given.get("DOCKER_HOST") or "unix:///var/run/docker.sock"
            raise BadInput(f"no Docker daemon answers at {host}: {_one_line(str(error))}", _NO_DAEMON) from error

    # The command line

    def sign_in(self, registry: str, username: str, password: str) -> None:
        """Keep credentials of one registry in the private configuration; nothing is sent."""
        key = registries.known(registry).docker_config_key or registry
        self._auths[key] = {"auth": base64.b64encode(f"{username}:{password}".encode()).decode()}

    def find_started_builder(self) -> str:
        """Name the one builder whose container docker/setup-buildx-action has started; empty for none or several."""
        listed = self._run("ps", "--filter=name=buildx_buildkit_", "--format={{.Names}}").stdout.split()
        names = [found[1] for found in (re.fullmatch(r"buildx_buildkit_(.+)0", line) for line in listed) if found]
        return names[0] if len(names) == 1 else ""

    def use_builder(self, builder: str) -> RemoteBuilder:
        """Make a BuildKit usable, by the name docker/setup-buildx-action gave it or by its address; raises BadInput."""
        address = builder if "://" in builder else self._address_of(builder)
        if not re.fullmatch(r"(tcp|unix|docker-container)://[A-Za-z0-9._:/\[\]-]+", address):
            raise BadInput(
                f"input 'builder' is {builder!r}", "give a builder's name, or tcp://…, unix://… or docker-container://…"
            )
        options = self._tls(address)
        done = self._run("buildx", "create", f"--name={_BUILDER}", "--driver=remote", *options, address)
        if done.returncode == 0:
            done = self._run("buildx", "inspect", "--bootstrap", _BUILDER)
        if done.returncode != 0:
            raise BadInput(
                f"the BuildKit at {address} does not answer: {_one_line(done.stderr or done.stdout)}",
                "check 'builder', and that it can be reached from the runner",
            )
        platforms = re.search(r"^Platforms:\s+([a-z0-9/_.]+)", done.stdout, re.MULTILINE)
        return RemoteBuilder(_BUILDER, platforms[1] if platforms else "")

    def _tls(self, address: str) -> list[str]:
        """Take the certificates of a BuildKit on the network from where docker/setup-buildx-action takes them."""
        found = {}
        for option in ("cacert", "cert", "key"):
            content = self._environ.pop(f"BUILDER_NODE_0_AUTH_TLS_{option.upper()}", "")
            if content and address.startswith("tcp://"):
                found[option] = self._directory / f"builder-{option}.pem"
                _write_private(found[option], content)
        return ["--driver-opt=" + ",".join(f"{option}={path}" for option, path in found.items())] if found else []

    def _address_of(self, name: str) -> str:
        """Find the container of a named builder: its configuration is the host's, and not visible in a container."""
        container = f"buildx_buildkit_{name}0"
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]*", name):
            raise BadInput(f"input 'builder' is {name!r}", "give the name that docker/setup-buildx-action put out")
        if self._ask(lambda client: client.containers.get(container)) is None:
            raise BadInput(
                f"input 'builder' is {name!r}, but the daemon has no container {container!r}",
                "add a step with docker/setup-buildx-action before this one and give its output 'name'",
            )
        return f"docker-container://{container}"

    def build(self, arguments: Sequence[str], environment: Mapping[str, str], line: Callable[[str], None]) -> int:
        """Run `docker buildx build` with these arguments; hand over each line it prints; return its exit code.

        `environment` holds the values of build arguments and secrets: argv can be read by everybody, the environment not.
        """
        command = ["docker", "buildx", "build", *arguments]
        began = False
        # A session of its own: the runner signals this process alone, and so is the build stopped by it alone.
        try:
            process = subprocess.Popen(  # noqa: S603 - a list of arguments, no shell
                command,
                env={**self._configured(), **environment},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        except FileNotFoundError:
            raise _NOT_INSTALLED from None
        try:
            assert process.stdout is not None  # noqa: S101 - it was asked for above
            for raw in process.stdout:
                text = raw.decode("utf-8", "replace").rstrip("\r\n")
                began = began or text.startswith("#")
                line(text)
            exit_code = process.wait()
        finally:
            _stop(process, self._grace)
        if exit_code and not began:
            self._require_buildx()
        return exit_code

    def _require_buildx(self) -> None:
        """Say so where the plug-in is missing: asked only once a build did not begin, since each build would pay for it."""
        done = self._run("buildx", "version")
        if done.returncode != 0:
            raise BadInput(
                f"docker has no buildx here: {_one_line(done.stderr or done.stdout)}",
                "install the plug-in (Debian: docker-buildx)",
            )

    def _run(self, *arguments: str, timeout: float = _TIMEOUT) -> subprocess.CompletedProcess[str]:
        command = ["docker", *arguments]
        try:
            return subprocess.run(  # noqa: S603 - a list of arguments, no shell
                command,
                env=self._configured(),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                encoding="utf-8",
                errors="replace",
                timeout=timeout,
                check=False,
            )
        except FileNotFoundError:
            raise _NOT_INSTALLED from None
        except subprocess.TimeoutExpired:
            raise WorkFailed(f"docker {arguments[0]} did not answer in {timeout:.0f} s", "run the job again") from None


def _trust_these_alone(tls: docker.TLSConfig) -> None:
    """Keep requests from putting the authorities of REQUESTS_CA_BUNDLE in the place of the daemon's."""
    configure = tls.configure_client

    def configured(client: docker.APIClient) -> None:
        configure(client)
        client.trust_env = False

    setattr(tls, "configure_client", configured)  # noqa: B010 - a method of one instance


def _stop(process: subprocess.Popen[bytes], grace: float) -> None:
    """End a build that is still running (cancelled): let it tell the daemon, then kill it."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(grace)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    if process.stdout is not None:
        process.stdout.close()


def _write_private(path: Path, content: str) -> None:
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:  # noqa: PTH123
        file.write(content)


def _one_line(text: str) -> str:
    return " ".join(text.split())[:300]
