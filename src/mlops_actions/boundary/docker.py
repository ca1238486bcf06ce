"""Docker: the daemon through its SDK, builds through `docker buildx`, since the SDK does not support BuildKit.

Credentials are in a private `DOCKER_CONFIG`: a `docker login` in HOME would leave them to every later step of the job.
"""

from __future__ import annotations

import base64
import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from mlops_actions.boundary.builder_probe import DEFAULT_PATIENCE, BuilderAddress, await_builder, said_when_long
from mlops_actions.boundary.docker_images import DaemonImages
from mlops_actions.boundary.http import authorities
from mlops_actions.core import registries
from mlops_actions.core.errors import BadInput, WorkFailed

if TYPE_CHECKING:
    import docker

T = TypeVar("T")

_CONTAINERD_STORE = "io.containerd.snapshotter.v1"
_BUILDER = "mlops-actions"
# The kernel's names of architectures → the names in images.
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64", "armv7l": "arm/v7", "i686": "386"}
_TIMEOUT = 30  # seconds for a call to the daemon or the command line
_PULL_TIMEOUT = 3600.0  # seconds; an image may have many gigabytes
_GRACE_PERIOD = 5.0  # seconds; the runner kills everything 10 s after its first signal
_NO_DAEMON = "run this on a Linux runner with Docker, or name a BuildKit in 'builder' (tcp://…)"
_NOT_INSTALLED = BadInput("the docker command line is not installed", "install docker and docker-buildx")


@dataclass(frozen=True)
class DaemonFacts:
    """A daemon's version, image store and platform; containerd's store can hold several platforms and attestations.

    `http_hosts` and `http_networks` (CIDR) are the registries that it asks in plain HTTP too.
    """

    version: str
    containerd_store: bool
    platform: str
    http_hosts: tuple[str, ...] = ()
    http_networks: tuple[str, ...] = ()


@dataclass(frozen=True)
class RemoteBuilder:
    """A BuildKit that buildx knows by a name; `platform` is its default platform, empty where it does not tell."""

    name: str
    platform: str


class DockerCommand(DaemonImages):
    """The docker command line with a private configuration, and the daemon.

    `private_directory` makes the configuration's directory (0700; the caller removes it) when the command line first runs:
    an image that is only tagged again needs none. `environ` is this process's environment; the command line does not get
    the variables that the runner sets for actions (`INPUT_*`). A cancelled build gets `grace_period` seconds to notify the
    daemon. A BuildKit may take `builder_patience` seconds to listen; `say` logs what is waited for.
    """

    def __init__(
        self,
        private_directory: Callable[[], Path],
        environ: Mapping[str, str],
        *,
        grace_period: float = _GRACE_PERIOD,
        builder_patience: float = DEFAULT_PATIENCE,
        say: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._private_directory = private_directory
        self._process_environ = environ
        self._grace_period = grace_period
        self._builder_patience = builder_patience
        self._say = say
        self._auths: dict[str, object] = {}

    @cached_property
    def _directory(self) -> Path:
        return self._private_directory()

    @cached_property
    def _environ(self) -> dict[str, str]:
        """The environment of the command line."""
        # The inputs say what buildx would read from these; a builder of the host is not known in this container.
        omitted = ("INPUT_", "STATE_", "BUILDX_", "BUILDKIT_HOST")
        environ = {name: value for name, value in self._process_environ.items() if not name.startswith(omitted)}
        # Of the variables that name private authorities, programs in Go read this one.
        if bundle := authorities(environ):
            environ["SSL_CERT_FILE"] = bundle
        environ |= {"DOCKER_CONFIG": str(self._directory), "BUILDX_CONFIG": str(self._directory / "buildx")}
        return environ | {"DOCKER_CLI_HINTS": "false", "BUILDX_NO_DEFAULT_ATTESTATIONS": "1", "NO_COLOR": "1"}

    def _configured(self) -> dict[str, str]:
        """Write the configuration; return the environment that points the command line at it."""
        config: dict[str, object] = {"auths": self._auths}
        # Plug-ins of the user's configuration stay usable; the action's image has its own in the system's directory. Those
        # in the workspace are not run: a pull request can put a program there.
        home = Path(self._process_environ.get("HOME") or "/")
        plugins = Path(self._process_environ.get("DOCKER_CONFIG") or home / ".docker") / "cli-plugins"
        workspace = self._process_environ.get("GITHUB_WORKSPACE")
        if plugins.is_dir() and not (workspace and _is_within(plugins, Path(workspace))):
            config["cliPluginsExtraDirs"] = [str(plugins)]
        _write_private(self._directory / "config.json", json.dumps(config))
        return self._environ

    # The daemon

    def daemon(self) -> DaemonFacts:
        """Read the daemon's version, store and platform; raises BadInput where no daemon answers."""
        info = self._ask(lambda client: client.info()) or {}
        status = {str(entry[0]): str(entry[1]) for entry in info.get("DriverStatus") or [] if len(entry) == 2}
        machine = str(info.get("Architecture", ""))
        registries = info.get("RegistryConfig") or {}
        hosts = registries.get("IndexConfigs") or {}
        return DaemonFacts(
            version=str(info.get("ServerVersion", "")),
            containerd_store=status.get("driver-type") == _CONTAINERD_STORE,
            platform=f"{info.get('OSType', 'linux')}/{_ARCHITECTURES.get(machine, machine)}",
            http_hosts=tuple(str(host) for host, config in hosts.items() if not config.get("Secure", True)),
            http_networks=tuple(map(str, registries.get("InsecureRegistryCIDRs") or ())),
        )

    def pull(self, reference: str) -> str:
        """Pull an image into the daemon, with the private credentials; return the cause of a failure, else nothing."""
        done = self._run("pull", "--quiet", reference, timeout=_PULL_TIMEOUT)
        return "" if done.returncode == 0 else _one_line(done.stderr or done.stdout)

    @cached_property
    def _client(self) -> docker.DockerClient:
        import docker  # late: an image that is only tagged again need not ask the daemon
        from docker.utils import kwargs_from_env

        arguments = kwargs_from_env(environment=dict(self._process_environ))
        if "tls" in arguments:
            _ignore_environment_authorities(arguments["tls"])
        return docker.DockerClient(timeout=_TIMEOUT, **arguments)

    def _ask(self, call: Callable[[docker.DockerClient], T]) -> T | None:
        """Call the daemon; return None for an object it does not have; raises BadInput where it does not answer."""
        import requests
        from docker import errors

        host = self._process_environ.get("DOCKER_HOST") or "unix:///var/run/docker.sock"
        try:
            with said_when_long(self._say, f"the Docker daemon at {host} does not answer yet: waiting up to {_TIMEOUT} s"):
                return call(self._client)
        except errors.NotFound:
            return None
        except (errors.DockerException, requests.RequestException, OSError, ValueError) as error:
            raise BadInput(f"no Docker daemon answers at {host}: {_one_line(str(error))}", _NO_DAEMON) from error

    # The command line

    def sign_in(self, registry: str, username: str, password: str) -> None:
        """Keep credentials of one registry in the private configuration; nothing is sent."""
        key = registries.known(registry).docker_config_key or registry
        self._auths[key] = {"auth": base64.b64encode(f"{username}:{password}".encode()).decode()}

    def find_started_builder(self) -> str:
        """Name the one builder whose container docker/setup-buildx-action has started; empty for none or several."""
        containers = self._run("ps", "--filter=name=buildx_buildkit_", "--format={{.Names}}").stdout.split()
        matches = (re.fullmatch(r"buildx_buildkit_(.+)0", container) for container in containers)
        names = [match[1] for match in matches if match]
        return names[0] if len(names) == 1 else ""

    def use_builder(self, builder: str) -> RemoteBuilder:
        """Register a BuildKit with buildx, by its address or the name from docker/setup-buildx-action; raises BadInput."""
        address = builder if "://" in builder else self._address_of(builder)
        if not re.fullmatch(r"(tcp|unix|docker-container)://[A-Za-z0-9._:/\[\]-]+", address):
            raise BadInput(
                f"input 'builder' is {builder!r}", "give a builder's name, or tcp://…, unix://… or docker-container://…"
            )
        if shutil.which("docker", path=self._environ.get("PATH")) is None:
            raise _NOT_INSTALLED
        certificates = self._certificates(address)
        asked = BuilderAddress(address, certificates)
        if asked.is_asked_here:
            await_builder(asked, patience=self._builder_patience, say=self._say)
        elif container := address.removeprefix("docker-container://"):
            self._require_running(container)
        options = (
            ["--driver-opt=" + ",".join(f"{name}={path}" for name, path in certificates.items())] if certificates else []
        )
        done = self._run("buildx", "create", f"--name={_BUILDER}", "--driver=remote", *options, address)
        if done.returncode == 0:
            with said_when_long(self._say, f"the BuildKit at {address} does not answer yet: waiting up to {_TIMEOUT} s"):
                done = self._run("buildx", "inspect", "--bootstrap", _BUILDER)
        # buildx succeeds also where its only node failed, or answered something else: then a line says so.
        failed_node = re.search(r"^(?:Error:\s+|Status:\s+(?!\s|running))(.+)", done.stdout, re.MULTILINE)
        if done.returncode != 0 or failed_node:
            cause = failed_node[1] if failed_node else done.stderr or done.stdout
            raise BadInput(
                f"the BuildKit at {address} does not answer: {_one_line(cause)}",
                "check 'builder', and that it can be reached from the runner",
            )
        platforms = re.search(r"^Platforms:\s+([a-z0-9/_.]+)", done.stdout, re.MULTILINE)
        return RemoteBuilder(_BUILDER, platforms[1] if platforms else "")

    def _certificates(self, address: str) -> dict[str, Path]:
        """Write the certificates of a BuildKit on the network to files, and return these by buildx' names.

        They come from the variables that docker/setup-buildx-action reads.
        """
        paths = {}
        for option in ("cacert", "cert", "key"):
            content = self._environ.pop(f"BUILDER_NODE_0_AUTH_TLS_{option.upper()}", "")
            if content and address.startswith("tcp://"):
                paths[option] = self._directory / f"builder-{option}.pem"
                _write_private(paths[option], content)
        return paths

    def _require_running(self, container: str) -> None:
        """Raise BadInput unless the container of a builder runs: buildx would wait for it, and start none."""
        state = self._ask(lambda client: str(client.containers.get(container).status))
        if state != "running":
            raise BadInput(
                f"the BuildKit in the container {container!r} does not answer: "
                + (f"the container is {state}" if state else "the daemon has no such container"),
                "let a step with docker/setup-buildx-action run in this job, before this one",
            )

    def _address_of(self, name: str) -> str:
        """Return the address of a named builder's container: a container cannot read its configuration on the host."""
        container = f"buildx_buildkit_{name}0"
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]*", name):
            raise BadInput(f"input 'builder' is {name!r}", "give the output 'name' of docker/setup-buildx-action")
        if self._ask(lambda client: client.containers.get(container)) is None:
            raise BadInput(
                f"input 'builder' is {name!r}, but the daemon has no container {container!r}",
                "add a step with docker/setup-buildx-action before this one and give its output 'name'",
            )
        return f"docker-container://{container}"

    def build(self, arguments: Sequence[str], environment: Mapping[str, str], line: Callable[[str], None]) -> int:
        """Run `docker buildx build` with these arguments; hand over each line it prints; return its exit code.

        `environment` holds the values of build arguments and secrets: every user of the machine can read a command line.
        """
        command = ["docker", "buildx", "build", *arguments]
        started = False
        # A session of its own: the runner signals this process alone, and this process stops the build.
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
            assert process.stdout is not None  # noqa: S101 - stdout=PIPE above
            for raw in process.stdout:
                text = raw.decode("utf-8", "replace").rstrip("\r\n")
                started = started or text.startswith("#")
                line(text)
            exit_code = process.wait()
        finally:
            _stop(process, self._grace_period)
        if exit_code and not started:
            self._require_buildx()
        return exit_code

    def _require_buildx(self) -> None:
        """Raise BadInput where the plug-in is missing; checked only for a build that did not start, to save the time."""
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


def _ignore_environment_authorities(tls: docker.TLSConfig) -> None:
    """Keep `requests` from replacing the daemon's authorities by those of REQUESTS_CA_BUNDLE."""
    configure = tls.configure_client

    def configure_client(client: docker.APIClient) -> None:
        configure(client)
        client.trust_env = False

    setattr(tls, "configure_client", configure_client)  # noqa: B010 - a method of one instance


def _stop(process: subprocess.Popen[bytes], grace_period: float) -> None:
    """End a build that is still running (cancelled): let it notify the daemon, then kill it."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(grace_period)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    if process.stdout is not None:
        process.stdout.close()


def _is_within(path: Path, folder: Path) -> bool:
    """Tell whether a path is in a folder, by its name or where its links lead."""
    return path.resolve().is_relative_to(folder.resolve()) or path.absolute().is_relative_to(folder.absolute())


def _write_private(path: Path, content: str) -> None:
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:  # noqa: PTH123
        file.write(content)


def _one_line(text: str) -> str:
    return " ".join(text.split())[:300]
