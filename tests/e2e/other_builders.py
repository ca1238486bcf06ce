"""What builds beside the machine's own daemon: a newer Docker in a container, and BuildKits on their own."""

from __future__ import annotations

import contextlib
import json
import random
import shutil
import socket
import subprocess
import time
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.e2e.docker_daemon import Docker
from tests.e2e.images import BASE_IMAGE, ROOT

NEWER_DOCKER = "mlops-actions-e2e/docker"
# The privileges that a daemon or a builder in a container needs. `--privileged` asks for more than some machines allow.
_PRIVILEGES = (
    *(f"--cap-add={name}" for name in ("SYS_ADMIN", "NET_ADMIN", "SYS_PTRACE", "DAC_READ_SEARCH")),
    *(f"--security-opt={name}=unconfined" for name in ("seccomp", "apparmor", "systempaths")),
    "--device-cgroup-rule=a *:* rwm", "--cgroupns=host", "--volume=/sys/fs/cgroup:/sys/fs/cgroup:rw",
    # The registries are on this machine's loopback.
    "--network=host",
)  # fmt: skip
# The daemon has a bridge of its own, though no container of it uses a network: with `--bridge=none` a dockerd deletes the
# interface `docker0`, and in the machine's network, which it shares, that one belongs to the machine's own daemon.
_START = """set -e
ip link add "$BRIDGE" type bridge
ip address add "$SUBNET" dev "$BRIDGE"
echo "$FEATURES" > /etc/docker/daemon.json
exec dockerd --host="$ADDRESS" --bridge="$BRIDGE" --iptables=false --ip6tables=false \\
  --ip-forward=false --ip-masq=false --tls=false
"""
_DOCKERFILE = f"""\
FROM {BASE_IMAGE}
RUN apt-get update && apt-get install --yes --no-install-recommends docker.io iproute2 && rm -rf /var/lib/apt/lists/*
"""
START_TIMEOUT = 90.0


def free_port() -> int:
    """A port of the loopback that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@dataclass(frozen=True)
class NewerDocker(Docker):
    """Debian trixie's dockerd in a privileged container, at `tcp://127.0.0.1:PORT`."""

    container: str
    outer: Docker

    def kill(self) -> None:
        """End it as a machine that dies does."""
        self.outer("kill", self.container)


@contextlib.contextmanager
def newer_docker(docker: Docker, *, containerd_store: bool = False, space: str = "") -> Iterator[NewerDocker]:
    """Run it; `space` (as tmpfs writes sizes) bounds what its data may take. It holds the base image."""
    docker("build", "--tag", NEWER_DOCKER, "-", input=_DOCKERFILE.encode())
    port, unique = free_port(), uuid.uuid4().hex[:8]
    name, bridge = f"mlops-e2e-docker-{unique}", f"mlops{unique}"
    subnet = f"172.30.254.{random.randrange(32) * 8 + 1}/29"
    features = json.dumps({"features": {"containerd-snapshotter": containerd_store}})
    data = f"--tmpfs=/var/lib/docker:size={space},exec" if space else "--volume=/var/lib/docker"
    docker(
        "run", "--detach", "--rm", *_PRIVILEGES, f"--name={name}", data, f"--env=FEATURES={features}",
        f"--env=ADDRESS=tcp://127.0.0.1:{port}", f"--env=BRIDGE={bridge}", f"--env=SUBNET={subnet}",
        NEWER_DOCKER, "sh", "-c", _START,
    )  # fmt: skip
    made = NewerDocker(f"tcp://127.0.0.1:{port}", name, docker)
    try:
        deadline = time.monotonic() + START_TIMEOUT
        while not made("version", "--format", "{{.Server.Version}}", check=False).strip():
            if time.monotonic() > deadline:
                raise RuntimeError(f"dockerd did not start:\n{docker('logs', '--tail=20', name, check=False)}")
            time.sleep(0.2)
        with subprocess.Popen(["docker", "save", BASE_IMAGE], env=docker.environment, stdout=subprocess.PIPE) as saved:
            subprocess.run(["docker", "load"], env=made.environment, stdin=saved.stdout, check=True, capture_output=True)
        yield made
    finally:
        docker("rm", "--force", "--volumes", name, check=False)
        # The bridge outlives the container, since it is in the machine's network.
        remove = ("ip", "link", "delete", bridge)
        docker("run", "--rm", "--network=host", "--cap-add=NET_ADMIN", NEWER_DOCKER, *remove, check=False)


def buildkit_programs() -> Path:
    """The directory of buildkitd and buildctl; skips the test where they cannot be had."""
    done = subprocess.run([ROOT / "tools/e2e/buildkit.sh"], stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode == 3 or shutil.which("runc") is None:
        pytest.skip("BuildKit is made with Go, and runs with runc: one of them is missing")
    assert done.returncode == 0
    return Path(done.stdout.strip())


@contextlib.contextmanager
def named_builder(docker: Docker, directory: Path, name: str) -> Iterator[None]:
    """Run what docker/setup-buildx-action leaves behind: a container with a BuildKit, called after the builder."""
    for program in ("buildkitd", "buildctl"):
        shutil.copy2(buildkit_programs() / program, directory)
    (directory / "Dockerfile").write_text(f"FROM {NEWER_DOCKER}\nCOPY buildkitd buildctl /usr/bin/\n")
    docker("build", "--tag", NEWER_DOCKER, "-", input=_DOCKERFILE.encode())
    docker("build", "--tag", "mlops-actions-e2e/buildkit", str(directory))
    container = f"buildx_buildkit_{name}0"
    docker("rm", "--force", "--volumes", container, check=False)
    docker(
        "run", "--detach", *_PRIVILEGES, f"--name={container}", "--volume=/var/lib/buildkit", "mlops-actions-e2e/buildkit",
        "buildkitd", "--containerd-worker=false",
    )  # fmt: skip
    try:
        deadline = time.monotonic() + START_TIMEOUT
        while not docker("exec", container, "buildctl", "debug", "workers", check=False):
            if time.monotonic() > deadline:
                raise RuntimeError(f"buildkitd did not start:\n{docker('logs', '--tail=20', container, check=False)}")
            time.sleep(0.1)
        yield
    finally:
        docker("rm", "--force", "--volumes", container, check=False)


@contextlib.contextmanager
def buildkit(
    directory: Path, *addresses: str, certificates: Mapping[str, Path] | None = None, configuration: str = ""
) -> Iterator[None]:
    """Run a buildkitd with its data in `directory`; `certificates` are the files of `ca`, `cert` and `key`.

    `configuration` is what its buildkitd.toml says.
    """
    programs = buildkit_programs()
    root = directory / "buildkit"
    tls = [f"--tls{name}={path}" for name, path in (certificates or {}).items()]
    (directory / "buildkitd.toml").write_text(configuration)
    command = [
        str(programs / "buildkitd"), f"--config={directory}/buildkitd.toml", f"--root={root}",
        "--containerd-worker=false", "--oci-worker-net=host",
        *(f"--addr={address}" for address in addresses), *tls,
    ]  # fmt: skip
    log = directory / "buildkit.log"
    with log.open("wb") as sink:
        process = subprocess.Popen(command, stdout=sink, stderr=subprocess.STDOUT, start_new_session=True)
    try:
        deadline = time.monotonic() + START_TIMEOUT
        while log.read_text(errors="replace").count("running server on") < len(addresses):
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"buildkitd did not start:\n{log.read_text(errors='replace')[-2000:]}")
            time.sleep(0.1)
        yield
    finally:
        process.terminate()
        process.wait()
        # It leaves its snapshots' mounts where it was killed in the middle of a build.
        for line in Path("/proc/mounts").read_text().splitlines():
            if line.split()[1].startswith(str(root)):
                subprocess.run(["umount", "--lazy", line.split()[1]], check=False)
