"""A registry that answers to the name ghcr.io, for a daemon and containers that are told so; nobody else on the machine is.

gpr-docker-publish has no input for another registry, so its users' workflows can be tried under no other name.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from mlops_sandbox.host import Host
from mlops_sandbox.registry import Account, Registry
from tests.e2e.docker_daemon import DaemonError, Docker
from tests.support.cluster_certificates import for_loopback

NAME = "ghcr.io"
# Of this machine's own addresses one that nobody else listens at: the name has no room for a port.
ADDRESS = "127.77.71.67"
PORT = 443
USERNAME, PASSWORD = "maintainer", "ghs_of-the-job-itself"
START_SECONDS = 60.0
# A daemon with a hosts file of its own.
RUN_WITH_HOSTS = 'mount --bind "$HOSTS" /etc/hosts && exec dockerd "$@"'


@dataclass(frozen=True)
class Ghcr:
    """`docker` is a daemon that finds the registry by that name; with options and variables a container does so too."""

    registry: Registry
    docker: Docker
    container_options: tuple[str, ...]
    env: Mapping[str, str]


@contextmanager
def ghcr() -> Iterator[Ghcr]:
    """Serve the registry with an account that may push, and start the daemon."""
    with ExitStack() as stack:
        # A socket's path has at most 107 characters, which a test's own directory can exceed.
        root = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="mlops-ghcr-", ignore_cleanup_errors=True)))
        made = for_loopback(root, "registry", NAME)
        both = root / "both.pem"
        both.touch(mode=0o600)
        both.write_bytes(made.certificate.read_bytes() + made.key.read_bytes())
        registry = Registry(challenge="bearer", accounts={USERNAME: Account(PASSWORD)})
        stack.enter_context(Host(registry.app, address=ADDRESS, port=PORT, certificate=both))
        docker = stack.enter_context(_daemon(root, made.certificate))
        options = (
            f"--add-host {NAME}:{ADDRESS}",
            f"--volume {made.certificate}:/authority.pem:ro",
        )
        yield Ghcr(registry, docker, options, {"SSL_CERT_FILE": "/authority.pem"})


@contextmanager
def _daemon(root: Path, authority: Path) -> Iterator[Docker]:
    (root / "hosts").write_text(f"127.0.0.1 localhost\n{ADDRESS} {NAME}\n")
    docker = Docker(f"unix://{root}/docker.sock")
    options = ["--data-root", root / "data", "--exec-root", root / "exec", "--pidfile", root / "pid", "--host", docker.host]
    command = [
        # Without NET_ADMIN: a dockerd with `--bridge none` deletes the `docker0` of the machine's own daemon.
        "setpriv", "--pdeathsig", "TERM", "--bounding-set", "-net_admin", "--inh-caps", "-net_admin",
        "unshare", "--mount", "--propagation", "private",
        "sh", "-c", RUN_WITH_HOSTS, "dockerd", *map(str, options),
        # What is built here copies files only: no container runs, so none needs a network.
        "--bridge", "none", "--iptables=false", "--ip-forward=false", "--ip-masq=false",
    ]  # fmt: skip
    environment = {"PATH": os.environ["PATH"], "HOSTS": str(root / "hosts"), "SSL_CERT_FILE": str(authority)}
    log = root / "dockerd.log"
    with log.open("wb") as sink:
        process = subprocess.Popen(command, env=environment, stdout=sink, stderr=subprocess.STDOUT, start_new_session=True)
    try:
        deadline = time.monotonic() + START_SECONDS
        while not docker("version", "--format", "{{.Server.Version}}", check=False).strip():
            if process.poll() is not None or time.monotonic() > deadline:
                raise DaemonError(f"dockerd did not start:\n{log.read_text(errors='replace')[-2000:]}")
            time.sleep(0.2)
        yield docker
    finally:
        process.terminate()
        process.wait()
