"""Argo's own server before a real API server and controller, over TLS with an authority of its own."""

from __future__ import annotations

import base64
import os
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from tests.e2e.cluster import access
from tests.e2e.cluster.binaries import Binaries
from tests.e2e.cluster.containers import Containers
from tests.e2e.cluster.processes import Program, free_port
from tests.e2e.cluster.real import NAMESPACE, RealCluster
from tests.support.cluster_certificates import Certificate, for_loopback

_SCRIPT = Path(__file__).parents[3] / "tools" / "e2e" / "cluster" / "argo-server.sh"
_SECRET = "argo-server-tls"


@dataclass(frozen=True)
class ArgoServer:
    """Where it is, and how it is trusted."""

    cluster: RealCluster
    url: str
    certificate: Certificate

    def environment(self, user: str) -> dict[str, str]:
        """What leads a job there."""
        return {
            "INPUT_ARGO-SERVER": self.url,
            "INPUT_ARGO-TOKEN": f"Bearer {self.cluster.tokens[user]}",
            "INPUT_ARGO-CA": self.certificate.certificate.read_text(),
        }


@contextmanager
def running_argo_server(binaries: Binaries, directory: Path) -> Iterator[ArgoServer]:
    """Start Argo's server before a cluster of its own, whose containers are processes; all is below `directory`."""
    program = subprocess.run([str(_SCRIPT)], stdout=subprocess.PIPE, text=True, check=True).stdout.strip()
    directory.chmod(0o700)
    with RealCluster(binaries, directory).running(Containers()) as cluster:
        certificate = for_loopback(directory, "argo-server")
        data = {"tls.crt": certificate.certificate, "tls.key": certificate.key}
        cluster.connection.apply(
            f"/api/v1/namespaces/{NAMESPACE}/secrets",
            {
                "apiVersion": "v1",
                "kind": "Secret",
                "metadata": {"name": _SECRET},
                "type": "kubernetes.io/tls",
                "data": {name: base64.b64encode(path.read_bytes()).decode() for name, path in data.items()},
            },
        )
        port = free_port()
        url = f"https://127.0.0.1:{port}"
        trusted = ssl.create_default_context(cafile=certificate.certificate)

        def answers() -> bool:
            try:
                return httpx.get(f"{url}/api/v1/info", verify=trusted, timeout=2, trust_env=False).status_code == 401
            except httpx.TransportError:
                return False

        command = [
            program, "server", "--auth-mode", "client", "--namespaced", "--namespace", NAMESPACE,
            "--tls-certificate-secret-name", _SECRET, "--port", str(port), "--loglevel", "warn",
        ]  # fmt: skip
        # It finds the API server by this file, and puts each caller's own token in the place of the file's.
        environment = {"KUBECONFIG": str(cluster.kubeconfig(access.ADMIN)), "PATH": os.defpath, "HOME": str(directory)}
        running = Program("argo-server", command, directory / "argo-server.log", answers, environment)
        running.start()
        try:
            yield ArgoServer(cluster, url, certificate)
        finally:
            running.stop()
