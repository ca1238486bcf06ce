"""The registries that the shared tests run against: the sandbox's, and the real ones that this machine has.

Real are Debian's docker-registry (CNCF distribution 2), and distribution 3 and go-containerregistry's registry, which
`tools/e2e/registries/build.sh` builds. `make e2e` installs and builds them.
"""

from __future__ import annotations

import base64
import json
import os
import shutil
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest
import urllib3

from mlops_sandbox.host import Host
from mlops_sandbox.registry import Account, Registry
from tests.support.certificates import Certificates

USER, PASSWORD = "alice", "wonderland-7"
BASIC = {"Authorization": "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()}
# bcrypt of PASSWORD, the only form that docker-registry's htpasswd file may have.
HTPASSWD = "alice:$2b$04$hKo3H6vgqoYRa9sYYzC0PuP6HwYvuvPybW9GEuKBNdwaBunflOzrG\n"
DEBIAN_REGISTRY = "docker-registry"


@dataclass
class Target:
    """A running registry; `credentials` is an Authorization header, empty where none is asked for."""

    url: str
    credentials: dict[str, str]
    http: urllib3.PoolManager

    def call(self, method: str, address: str, body: bytes | None = None, **headers: str) -> urllib3.BaseHTTPResponse:
        """Send one request with credentials; header names are given with `_` for `-`."""
        url = address if address.startswith("http") else self.url + address
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.http.request(method, url, body=body, headers=self.credentials | named, redirect=False, retries=False)


@contextmanager
def sandbox_registry(challenge: str, folder: Path, certificates: Certificates | None = None) -> Iterator[str]:
    registry = Registry(challenge=challenge, accounts={USER: Account(PASSWORD)})  # type: ignore[arg-type]
    chain = None
    if certificates:
        (chain := folder / "chain.pem").write_bytes(certificates.certificate.read_bytes() + certificates.key.read_bytes())
    with Host(registry.app, certificate=chain) as host:
        yield host.url


@contextmanager
def distribution(program: str, challenge: str, folder: Path, certificates: Certificates | None = None) -> Iterator[str]:
    """Run CNCF distribution, of any version, until the block ends."""
    port = _free_port()
    http: dict[str, object] = {"addr": f"127.0.0.1:{port}", "secret": "contract"}
    if certificates:
        http["tls"] = {"certificate": str(certificates.certificate), "key": str(certificates.key)}
    config = {
        "version": "0.1",
        "log": {"level": "error", "accesslog": {"disabled": True}},
        "storage": {"filesystem": {"rootdirectory": str(folder / "data")}, "delete": {"enabled": True}},
        "http": http,
    }
    if challenge == "basic":
        (folder / "htpasswd").write_text(HTPASSWD)
        config["auth"] = {"htpasswd": {"realm": "contract", "path": str(folder / "htpasswd")}}
    (folder / "config.yml").write_text(json.dumps(config))
    with _running([program, "serve", str(folder / "config.yml")], port, folder, certificates) as url:
        yield url


@contextmanager
def go_containerregistry(
    program: str, challenge: str, folder: Path, certificates: Certificates | None = None
) -> Iterator[str]:
    """Run go-containerregistry's registry until the block ends; it knows no accounts."""
    if challenge != "none":
        pytest.skip("go-containerregistry's registry has no accounts")
    port = _free_port()
    (folder / "blobs").mkdir()
    command = [program, "-address", f"127.0.0.1:{port}", "-blobs", str(folder / "blobs")]
    if certificates:
        command += ["-certificate", str(certificates.certificate), "-key", str(certificates.key)]
    with _running(command, port, folder, certificates) as url:
        yield url


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def _running(command: list[str], port: int, folder: Path, certificates: Certificates | None) -> Iterator[str]:
    """Run a registry; its first answer is waited for, not its start."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("REGISTRY_", "OTEL_"))}
    environ["OTEL_TRACES_EXPORTER"] = "none"  # distribution 3 would look for a collector
    with (folder / "log").open("wb") as log, subprocess.Popen(command, stdout=log, stderr=log, env=environ) as process:
        try:
            url = f"{'https' if certificates else 'http'}://127.0.0.1:{port}"
            waiting = urllib3.Retry(connect=60, backoff_factor=0.05, backoff_max=0.2, redirect=False)
            authority = str(certificates.authority) if certificates else None
            with urllib3.PoolManager(ca_certs=authority) as pool:
                pool.request("GET", f"{url}/v2/", retries=waiting)
            yield url
        finally:
            process.terminate()


def _built(name: str) -> str:
    """Return a program that build.sh has built; empty where it has not."""
    script = Path(__file__).parents[2] / "tools" / "e2e" / "registries" / "build.sh"
    done = subprocess.run([str(script), "--cached"], capture_output=True, text=True, check=False)
    return str(Path(done.stdout.strip()) / "bin" / name) if done.returncode == 0 else ""


INSTALLED = shutil.which(DEBIAN_REGISTRY) is not None
DISTRIBUTION, GO_CONTAINERREGISTRY = _built("distribution"), _built("go-containerregistry")
REAL = pytest.mark.skipif(not INSTALLED, reason="docker-registry is not installed (make e2e installs it)")
_BUILT = pytest.mark.skipif(not DISTRIBUTION, reason="the registries are not built (tools/e2e/registries/build.sh)")
_START: dict[str, Callable[..., AbstractContextManager[str]]] = {
    "sandbox": sandbox_registry,
    "debian": partial(distribution, DEBIAN_REGISTRY),
    "distribution-3": partial(distribution, DISTRIBUTION),
    "go-containerregistry": partial(go_containerregistry, GO_CONTAINERREGISTRY),
}
KINDS = [
    "sandbox",
    pytest.param("debian", marks=REAL),
    pytest.param("distribution-3", marks=_BUILT),
    pytest.param("go-containerregistry", marks=_BUILT),
]


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    kind: str = request.param
    return kind


def start(kind: str, challenge: str, folder: Path, certificates: Certificates | None = None) -> AbstractContextManager[str]:
    """Run a registry until the block ends; with `certificates` it speaks TLS."""
    return _START[kind](challenge, folder, certificates)


@pytest.fixture
def target(kind: str, tmp_path: Path) -> Iterator[Target]:
    """A registry that anyone may use."""
    with start(kind, "none", tmp_path) as url, urllib3.PoolManager() as http:
        yield Target(url, {}, http)


@pytest.fixture
def guarded(kind: str, tmp_path: Path) -> Iterator[Target]:
    """A registry that asks for a name and a password."""
    with start(kind, "basic", tmp_path) as url, urllib3.PoolManager() as http:
        yield Target(url, BASIC, http)
