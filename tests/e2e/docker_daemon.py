"""A Docker daemon for the tests: the one that answers already, else one of their own that ends with them.

The machine's own daemon is left as it was; see `machine_state`. A daemon of the tests' own shares nothing with any other on
the machine: data, state, pid file, socket and bridge are its own, and only the data (images and layers) stays for the next
run. `python -m tests.e2e.docker_daemon` holds one open until interrupted and prints the `DOCKER_HOST` to export, so that
several runs can share it.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from tests.e2e.machine_state import unchanged

# One for the machine, guarded by a lock. Short: a Unix socket's path may have no more than 107 characters.
STATE = Path("/run/mlops-actions-e2e")
BRIDGE = "mlops-e2e0"
BRIDGE_ADDRESS = "172.30.253.1/24"
START_TIMEOUT = 60.0
STOP_TIMEOUT = 30.0


class DaemonError(Exception):
    """No daemon answers and none could be started."""


@dataclass(frozen=True)
class Docker:
    """A daemon that answers at `host`, and the client that talks to it."""

    host: str

    @property
    def socket(self) -> Path:
        """The daemon's Unix socket, to be mounted where the runner mounts it."""
        if not self.host.startswith("unix://"):
            raise DaemonError(f"the tests mount the daemon's socket, but DOCKER_HOST is {self.host}")
        return Path(self.host.removeprefix("unix://"))

    @property
    def gateway(self) -> str:
        """This machine's address on the daemon's bridge, at which containers reach servers of the tests."""
        return self("network", "inspect", "bridge", "--format", "{{(index .IPAM.Config 0).Gateway}}").strip()

    @property
    def environment(self) -> dict[str, str]:
        """This process's environment, pointed at the daemon."""
        return {**os.environ, "DOCKER_HOST": self.host}

    def __call__(self, *arguments: str, check: bool = True, input: bytes | None = None) -> str:
        """Run `docker ARGUMENTS` and return what it printed; a failure raises with what it said."""
        done = subprocess.run(["docker", *arguments], env=self.environment, input=input, capture_output=True, check=False)
        if check and done.returncode != 0:
            message = done.stderr.decode(errors="replace").strip()
            raise DaemonError(f"docker {' '.join(arguments)}: exit {done.returncode}: {message}")
        return done.stdout.decode(errors="replace")

    def inspect(self, name: str) -> dict[str, object]:
        """What `docker inspect` knows about an image or a container."""
        found: list[dict[str, object]] = json.loads(self("inspect", name))
        return found[0]


_DOCKER = Docker(f"unix://{STATE}/docker.sock")


def cache_directory() -> Path:
    """Where what is dear to make again outlives a run: outside the checkout, one for all checkouts."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    directory = Path(base) / "mlops-actions"
    directory.mkdir(parents=True, exist_ok=True)
    return directory


def answering() -> Docker | None:
    """The daemon that this process's environment points at, where one answers."""
    host = os.environ.get("DOCKER_HOST") or "unix:///var/run/docker.sock"
    docker = Docker(host)
    return docker if _answers(docker) else None


def _answers(docker: Docker) -> bool:
    return bool(docker("version", "--format", "{{.Server.Version}}", check=False).strip())


@contextlib.contextmanager
def daemon() -> Iterator[Docker]:
    """Yield a daemon that answers: the machine's own, which is left as it was, else one that is stopped at the end."""
    machine = answering()
    if machine is not None:
        with unchanged(machine, cache_directory() / "machine-docker.lock"):
            yield machine
        return
    if os.geteuid() != 0 or shutil.which("dockerd") is None:
        raise DaemonError("no Docker daemon answers, and starting one needs root and dockerd (Debian: docker.io)")
    with _shared() as own:
        yield own


@contextlib.contextmanager
def _shared() -> Iterator[Docker]:
    """Start the daemon, or join the run that has: it stops its daemon when the last of them has ended."""
    with STATE.with_suffix(".lock").open("w") as owner, STATE.with_suffix(".users").open("w") as users:
        while not _locked(owner):
            fcntl.flock(users, fcntl.LOCK_SH)  # waits while the owner starts or stops it
            if _answers(_DOCKER):
                yield _DOCKER
                return
            fcntl.flock(users, fcntl.LOCK_UN)
            time.sleep(0.2)
        fcntl.flock(users, fcntl.LOCK_EX)
        with _own(cache_directory() / "docker") as own:
            fcntl.flock(users, fcntl.LOCK_SH)
            try:
                yield own
            finally:
                fcntl.flock(users, fcntl.LOCK_EX)


def _locked(file: IO[str]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@contextlib.contextmanager
def _own(data_root: Path) -> Iterator[Docker]:
    _clear()  # a run that was killed may have left a pid file that lies, and the bridge
    STATE.mkdir(mode=0o700)
    log = STATE / "dockerd.log"
    command = [
        "setpriv", "--pdeathsig", "TERM",  # should this process be killed, the daemon goes too
        "dockerd",
        "--data-root", str(data_root),
        "--exec-root", f"{STATE}/exec",
        "--pidfile", f"{STATE}/docker.pid",
        "--host", _DOCKER.host,
        "--bridge", BRIDGE,
        # A bridge with longer packets than the way out loses them where ICMP is filtered.
        "--mtu", str(_mtu_of_default_route()),
    ]  # fmt: skip
    try:
        _add_bridge()
        with log.open("wb") as sink:
            # A group of its own: an interrupt at the terminal must reach the tests first, which still need the daemon.
            process = subprocess.Popen(command, stdout=sink, stderr=subprocess.STDOUT, start_new_session=True)
        try:
            _wait_until_it_answers(_DOCKER, process, log)
            try:
                yield _DOCKER
            finally:
                _tidy(_DOCKER)
        finally:
            _stop(process)
    finally:
        _clear()


def _clear() -> None:
    """Remove the bridge and the state directory; a daemon leaves a network namespace mounted in it."""
    subprocess.run(["ip", "link", "delete", BRIDGE], capture_output=True, check=False)
    for line in Path("/proc/mounts").read_text().splitlines():
        mounted = line.split()[1]
        if Path(mounted).is_relative_to(STATE):
            subprocess.run(["umount", "--lazy", mounted], check=False)
    shutil.rmtree(STATE, ignore_errors=True)


def _add_bridge() -> None:
    subprocess.run(["ip", "link", "add", BRIDGE, "type", "bridge"], check=True)
    subprocess.run(["ip", "address", "add", BRIDGE_ADDRESS, "dev", BRIDGE], check=True)
    subprocess.run(["ip", "link", "set", BRIDGE, "up"], check=True)


def _mtu_of_default_route() -> int:
    routes = json.loads(subprocess.run(["ip", "-json", "route", "show", "default"], capture_output=True, check=True).stdout)
    if not routes:
        return 1500
    return int(Path(f"/sys/class/net/{routes[0]['dev']}/mtu").read_text())


def _wait_until_it_answers(docker: Docker, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_TIMEOUT
    while not _answers(docker):
        if process.poll() is not None or time.monotonic() > deadline:
            tail = "\n".join(log.read_text(errors="replace").splitlines()[-15:])
            raise DaemonError(f"dockerd did not start; its last words:\n{tail}")
        time.sleep(0.2)


def _tidy(docker: Docker) -> None:
    """Keep the data root from growing for ever: containers of a run that was broken off, layers of long ago."""
    left = docker("ps", "--all", "--quiet", check=False).split()
    if left:
        docker("rm", "--force", "--volumes", *left, check=False)
    docker("image", "prune", "--force", "--filter", "until=240h", check=False)


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(STOP_TIMEOUT)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def main() -> None:
    """Hold a daemon open until interrupted."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with contextlib.suppress(KeyboardInterrupt), daemon() as docker:
        print(f"export DOCKER_HOST={docker.host}", flush=True)
        # Whoever waits for the lock must not wait for a daemon that is dead.
        while _answers(docker):
            time.sleep(2)


if __name__ == "__main__":
    main()
