"""The whole cluster: started, furnished, disturbed on order, stopped."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import ssl
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

import httpx
import yaml

from mlops_actions.core.types import Json
from tests.e2e.cluster import access
from tests.e2e.cluster.binaries import Binaries
from tests.e2e.cluster.connection import Connection
from tests.e2e.cluster.containers import Containers
from tests.e2e.cluster.identity import TrustedIssuer
from tests.e2e.cluster.node import NAME as NODE_NAME
from tests.e2e.cluster.node import Node
from tests.e2e.cluster.processes import Program, free_port
from tests.e2e.cluster.wire import Wire
from tests.support.cluster_certificates import Certificate, for_loopback, write_key

NAMESPACE = "default"
ARGO = f"/apis/argoproj.io/v1alpha1/namespaces/{NAMESPACE}"
ESTABLISH_TIMEOUT = 60.0
PATIENCE = 180.0
NO_COMMANDS: Mapping[str, list[str]] = MappingProxyType({})
PAUSE = 0.2
# Argo waits ten seconds between its looks at a workflow; the tests would rather not.
CONTROLLER_ENVIRONMENT = {
    "LEADER_ELECTION_DISABLE": "true",
    "DEFAULT_REQUEUE_TIME": "500ms",
    "RECENTLY_STARTED_POD_DURATION": "10s",
    # From this size on it compresses what it knows of the nodes: 200 of them are several times that.
    "MAX_WORKFLOW_SIZE": "60000",
}
_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class RealCluster:
    """etcd, kube-apiserver, workflow-controller on loopback ports; all that they write is below `directory`.

    The controller also opens port 6060 (health, profiles) on every interface: it has no option against that, and does
    without where the port is taken.
    """

    def __init__(self, binaries: Binaries, directory: Path) -> None:
        self._binaries = binaries
        self._directory = directory
        self._numbers = itertools.count()
        self._etcd_url = f"http://127.0.0.1:{free_port()}"
        port = free_port()
        self.url = f"https://127.0.0.1:{port}"
        self.certificate: Certificate = for_loopback(directory, "apiserver")
        self.tokens = access.write_tokens(directory / "tokens.csv")
        self.trusted = TrustedIssuer(self.certificate, directory)
        self.connection = self._connect(access.ADMIN)
        self._etcd = Program("etcd", self._etcd_command(), directory / "etcd.log", self._etcd_is_ready)
        self._api_server = Program(
            "kube-apiserver", self._api_server_command(port), directory / "apiserver.log", self._api_server_is_ready
        )
        environment = {**CONTROLLER_ENVIRONMENT, "PATH": os.defpath, "HOME": str(directory)}
        self._controller = Program(
            "workflow-controller", self._controller_command(), directory / "controller.log", lambda: True, environment
        )

    def kubeconfig(self, user: str = access.SUBMITTER, *, by: str = "", login: Mapping[str, str] | None = None) -> Path:
        """Write a kubeconfig for a user, and return its path.

        `by` is the address to go by (that of a `Wire`) instead of the API server's own, `login` what the kubeconfig says
        of the user instead of its token.
        """
        path = self._directory / f"kubeconfig-{next(self._numbers)}"
        path.touch(mode=0o600)
        path.write_text(
            yaml.safe_dump(
                {
                    "apiVersion": "v1",
                    "kind": "Config",
                    "current-context": "real",
                    "clusters": [
                        {
                            "name": "real",
                            "cluster": {
                                "server": by or self.url,
                                "certificate-authority": str(self.certificate.certificate),
                            },
                        }
                    ],
                    "users": [{"name": user, "user": dict(login or {"token": self.tokens[user]})}],
                    "contexts": [{"name": "real", "context": {"cluster": "real", "user": user, "namespace": NAMESPACE}}],
                }
            )
        )
        return path

    def workflow(self, name: str) -> Json:
        """Read a workflow."""
        return self.connection.call("GET", f"{ARGO}/workflows/{name}")

    def workflows(self, selector: str) -> list[Json]:
        """Read the workflows that bear the labels of a selector."""
        query = urllib.parse.urlencode({"labelSelector": selector})
        return list(self.connection.call("GET", f"{ARGO}/workflows?{query}")["items"])

    def appears(self, selector: str) -> None:
        """Wait for a workflow that bears the labels of a selector."""
        deadline = time.monotonic() + PATIENCE
        while not self.workflows(selector):
            assert time.monotonic() < deadline, f"there is no workflow with {selector}"
            time.sleep(PAUSE)

    def pods(self, workflow: str) -> list[Json]:
        """Read the pods of a workflow."""
        query = urllib.parse.urlencode({"labelSelector": f"workflows.argoproj.io/workflow={workflow}"})
        return list(self.connection.call("GET", f"/api/v1/namespaces/{NAMESPACE}/pods?{query}")["items"])

    def pods_ended(self, workflow: str) -> list[Json]:
        """Wait until no container of a workflow runs any more, and return its pods."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            pods = self.pods(workflow)
            if all(pod["status"]["phase"] in ("Succeeded", "Failed") for pod in pods):
                return pods
            time.sleep(PAUSE)
        raise AssertionError(f"pods of {workflow} run on: {[pod['status'] for pod in pods]}")

    def until(self, name: str, holds: Callable[[Json], bool]) -> Json:
        """Wait for a workflow to be so, and return it; raises AssertionError where it does not get there."""
        deadline = time.monotonic() + PATIENCE
        path = f"{ARGO}/workflows?watch=1&timeoutSeconds=30&fieldSelector=metadata.name%3D{name}"
        while time.monotonic() < deadline:
            try:
                for event in self.connection.watch(path):
                    if event["type"] in ("ADDED", "MODIFIED") and holds(event["object"]):
                        return dict(event["object"])
            except httpx.TransportError:
                time.sleep(PAUSE)
        raise AssertionError(f"{name} did not get there: {self.workflow(name).get('status')}")

    def resume(self, name: str) -> None:
        """End the suspended root node of a workflow, as `argo resume` does."""
        self.until(name, lambda one: name in ((one.get("status") or {}).get("nodes") or {}))
        self.connection.call("PATCH", f"{ARGO}/workflows/{name}", {"status": {"nodes": {name: {"phase": "Succeeded"}}}})

    def put_secret(self, name: str, values: Mapping[str, str]) -> None:
        """Have a secret in the namespace, with these values and no others."""
        self.forget_secret(name)
        place = f"/api/v1/namespaces/{NAMESPACE}/secrets"
        secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "stringData": dict(values)}
        self.connection.call("POST", place, secret)

    def forget_secret(self, name: str) -> None:
        """Have no such secret in the namespace."""
        self.connection.call("DELETE", f"/api/v1/namespaces/{NAMESPACE}/secrets/{name}", accept=(404,))

    def service_account(self, name: str) -> str:
        """Have a service account with the submitter's rights; returns a token of its own."""
        return access.service_account(self.connection, NAMESPACE, name)

    def revoke(self, name: str, token: str) -> None:
        """Delete a service account, and return when its token is not accepted any more."""
        self.connection.call("DELETE", f"/api/v1/namespaces/{NAMESPACE}/serviceaccounts/{name}")
        asking = Connection(self.url, self.certificate.certificate, token)
        deadline = time.monotonic() + PATIENCE
        # The API server believes for ten seconds what it has once found true.
        while asking.call("GET", f"{ARGO}/workflows/none", accept=(401, 404))["code"] != 401:
            assert time.monotonic() < deadline, f"the token of {name} is still accepted"
            time.sleep(PAUSE)
        asking.close()

    def restart_api_server(self) -> None:
        """Take the API server away and bring it back, on the same port and with the same data."""
        self._api_server.stop()
        self._api_server.start()

    def compact(self) -> None:
        """Have etcd forget what is past, and the API server what it remembers of it: old resourceVersions are gone (410)."""
        answer = self._etcd_call("/v3/kv/range", {"key": "AA=="})
        self._etcd_call("/v3/kv/compaction", {"revision": answer["header"]["revision"], "physical": True})
        self.restart_api_server()

    def wire(self) -> Wire:
        """A way to the API server that a test can spoil."""
        return Wire(self.url, self.certificate)

    @contextlib.contextmanager
    def without_controller(self) -> Iterator[None]:
        """Within the block no controller runs."""
        self._controller.stop()
        try:
            yield
        finally:
            self._controller.start()

    @contextlib.contextmanager
    def running(
        self, containers: Containers, node: Callable[..., Node] = Node, commands: Mapping[str, list[str]] = NO_COMMANDS
    ) -> Iterator[RealCluster]:
        """Run it all, containers by `containers`; `node` makes the node.

        `commands` are those of images, for templates that give none: there is no registry that the controller could ask.
        """
        reporter = self._connect(access.WORKFLOW)
        nodes = self._directory / "node"
        nodes.mkdir()
        with contextlib.ExitStack() as stack:
            stack.callback(self.connection.close)
            stack.callback(reporter.close)
            stack.enter_context(self.trusted.host)
            for program in (self._etcd, self._api_server):
                stack.callback(program.stop)
                program.start()
            self._furnish(commands)
            certificate = for_loopback(self._directory, "kubelet")
            stack.enter_context(node(self.connection, reporter, containers, nodes, certificate))
            stack.callback(self._controller.stop)
            self._controller.start()
            yield self

    def _connect(self, user: str) -> Connection:
        return Connection(self.url, self.certificate.certificate, self.tokens[user])

    def _etcd_command(self) -> list[str]:
        peer = f"http://127.0.0.1:{free_port()}"
        return [
            self._binaries.program("etcd"),
            "--data-dir",
            str(self._directory / "etcd"),
            "--log-level",
            "warn",
            "--listen-client-urls",
            self._etcd_url,
            "--advertise-client-urls",
            self._etcd_url,
            "--listen-peer-urls",
            peer,
            "--initial-advertise-peer-urls",
            peer,
            "--initial-cluster",
            f"default={peer}",
            "--unsafe-no-fsync",
        ]

    def _api_server_command(self, port: int) -> list[str]:
        signing = self._directory / "service-accounts.key"
        write_key(signing)
        return [
            self._binaries.program("kube-apiserver"),
            "--bind-address=127.0.0.1",
            f"--secure-port={port}",
            f"--etcd-servers={self._etcd_url}",
            f"--tls-cert-file={self.certificate.certificate}",
            f"--tls-private-key-file={self.certificate.key}",
            f"--token-auth-file={self._directory / 'tokens.csv'}",
            f"--authentication-config={self.trusted.file}",
            "--authorization-mode=RBAC",
            f"--service-account-key-file={signing}",
            f"--service-account-signing-key-file={signing}",
            "--service-account-issuer=https://cluster.test",
            "--service-cluster-ip-range=10.0.0.0/24",
            "--endpoint-reconciler-type=none",
            "--disable-admission-plugins=ServiceAccount",
            f"--cert-dir={self._directory}",
            "--kubelet-preferred-address-types=InternalIP",
            "--profiling=false",
            "--shutdown-delay-duration=0s",
            "--v=1",
        ]

    def _controller_command(self) -> list[str]:
        return [
            self._binaries.program("workflow-controller"),
            "--kubeconfig",
            str(self.kubeconfig(access.ADMIN)),
            "--executor-image",
            "executor.test/none",
            "--qps",
            "200",
            "--burst",
            "400",
        ]

    def _etcd_call(self, path: str, body: Json) -> Json:
        request = urllib.request.Request(f"{self._etcd_url}{path}", json.dumps(body).encode(), method="POST")
        with _DIRECT.open(request, timeout=10) as answer:
            return dict(json.load(answer))

    def _etcd_is_ready(self) -> bool:
        try:
            with _DIRECT.open(f"{self._etcd_url}/health", timeout=2) as answer:
                return bool(json.load(answer)["health"] == "true")
        except OSError:
            return False

    def _api_server_is_ready(self) -> bool:
        headers = {"Authorization": f"Bearer {self.tokens[access.ADMIN]}"}
        trusted = ssl.create_default_context(cafile=self.certificate.certificate)
        try:
            answer = httpx.get(f"{self.url}/readyz", headers=headers, verify=trusted, timeout=2, trust_env=False)
        except httpx.TransportError:
            return False
        return answer.status_code == 200

    def _furnish(self, commands: Mapping[str, list[str]]) -> None:
        """Bring in Argo's resources and configuration, and the users' rights."""
        for path in self._binaries.definitions:
            definition = yaml.safe_load(path.read_text())
            self.connection.apply("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", definition)
        self.connection.apply(
            f"/api/v1/namespaces/{NAMESPACE}/configmaps",
            {
                "apiVersion": "v1",
                "kind": "ConfigMap",
                "metadata": {"name": "workflow-controller-configmap"},
                "data": {key: yaml.safe_dump(value) for key, value in _configuration(commands).items()},
            },
        )
        access.grant_all(self.connection, NAMESPACE)
        deadline = time.monotonic() + ESTABLISH_TIMEOUT
        while not self._established():
            if time.monotonic() > deadline:
                raise RuntimeError("Argo's resource definitions were not established")
            time.sleep(0.1)

    def _established(self) -> bool:
        path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
        items = self.connection.call("GET", path)["items"]
        return len(items) == len(self._binaries.definitions) and all(
            any(one["type"] == "Established" and one["status"] == "True" for one in item["status"].get("conditions") or [])
            for item in items
        )


def _configuration(commands: Mapping[str, list[str]]) -> Json:
    """The controller's: pods go to our node, there is no metrics port, artifacts have keys in a store that is not there."""
    secret = {"name": "none", "key": "none"}
    return {
        "workflowDefaults": {"spec": {"podSpecPatch": json.dumps({"nodeName": NODE_NAME})}},
        "images": {image: {"entrypoint": command} for image, command in commands.items()},
        "metricsConfig": {"enabled": False},
        "telemetryConfig": {"enabled": False},
        "artifactRepository": {
            "s3": {
                "bucket": "artifacts",
                "endpoint": "store.test",
                "insecure": True,
                "accessKeySecret": secret,
                "secretKeySecret": secret,
            }
        },
    }
