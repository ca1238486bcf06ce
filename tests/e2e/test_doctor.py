"""Doctor on real components: kube-apiserver with Argo's controller, Debian's docker-registry, a Docker daemon.

Each test takes one thing away, holds doctor to naming exactly that, and runs doctor's remedy: `kubectl` is the real one.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from mlops_actions.cli import build_parser
from mlops_actions.doctor import command
from tests.e2e.cluster import access
from tests.e2e.cluster.binaries import Binaries
from tests.e2e.cluster.containers import PROCESS_IMAGE, Containers
from tests.e2e.cluster.processes import Program
from tests.e2e.cluster.real import ARGO, NAMESPACE, RealCluster
from tests.e2e.debian_registry import DebianRegistry, debian_registry

WORKFLOW = """
on: issue_comment
jobs:
  train:
    runs-on: ubuntu-latest
    steps:
      - uses: octo-org/mlops-actions/actions/docker-publish@v1
        with: {image: team/digits, registry: "%s"}
      - uses: octo-org/mlops-actions/actions/argo-submit@v1
        with: {workflow: workflow.yaml, service-account: doctor-trainer}
"""
MANIFEST = f"""
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {{generateName: doctor-}}
spec:
  entrypoint: main
  imagePullSecrets: [{{name: doctor-registry}}]
  templates:
    - name: main
      container:
        image: {PROCESS_IMAGE}
        command: ["true"]
        env: [{{name: KEY, valueFrom: {{secretKeyRef: {{name: doctor-key, key: KEY}}}}}}]
"""
DEPLOYMENTS = "/apis/apps/v1/namespaces/argo/deployments"
DEPLOYMENT = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "workflow-controller", "namespace": "argo", "labels": {"app": "workflow-controller"}},
    "spec": {
        "replicas": 1,
        "selector": {"matchLabels": {"app": "workflow-controller"}},
        "template": {
            "metadata": {"labels": {"app": "workflow-controller"}},
            "spec": {"containers": [{"name": "controller", "image": "quay.io/argoproj/workflow-controller:v3.7.1"}]},
        },
    },
}
# What argo-submit itself needs for a manifest; the rights to templates are asked only with the input `from`, and those to
# update workflows and to delete pods only where `resume` or `retry` go through an Argo Server.
RIGHTS = [
    (verb, resource)
    for resource, verb, _ in access.lacking().values()
    if "template" not in resource and resource != "cronworkflows" and verb not in ("update", "delete")
]


@dataclass(frozen=True)
class Checkout:
    """A checkout, and the environment of a person."""

    directory: Path
    environ: Mapping[str, str]

    def ask(self, *groups: str) -> Answered:
        """Run doctor."""
        out = io.StringIO()
        only = [word for group in groups for word in ("--only", group)]
        with contextlib.chdir(self.directory):
            code = command.main(build_parser().parse_args(["doctor", "--json", *only]), self.environ, out)
        return Answered(code, json.loads(out.getvalue())["checks"])

    def having(self, **environ: str) -> Checkout:
        return replace(self, environ={**self.environ, **environ})

    def at(self, registry: DebianRegistry) -> Checkout:
        """Publish to this registry, with its login."""
        (self.directory / ".github/workflows/mlops.yml").write_text(WORKFLOW % registry.host)
        login = {"REGISTRY": registry.host, "REGISTRY_USERNAME": registry.username, "REGISTRY_PASSWORD": registry.password}
        return self.having(**login)


@dataclass(frozen=True)
class Answered:
    """An exit code and the checks."""

    code: int
    checks: list[dict[str, str]]

    def named(self, status: str = "fails") -> set[str]:
        return {check["name"] for check in self.checks if check["status"] == status}

    def remedy(self, name: str) -> str:
        return next(check["remedy"] for check in self.checks if check["name"] == name)


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    directory = tmp_path / "checkout"
    (directory / ".github/workflows").mkdir(parents=True)
    (directory / ".github/workflows/mlops.yml").write_text(WORKFLOW % "registry.example")
    (directory / "workflow.yaml").write_text(MANIFEST)
    home = {"HOME": str(tmp_path), "PATH": os.environ["PATH"], "GITHUB_REPOSITORY": "octo-org/digits"}
    return Checkout(directory, home)


@pytest.fixture(scope="module")
def furnished(cluster: RealCluster) -> RealCluster:
    """The cluster with what the manifest names, and a deployment as Argo's installation has it."""
    apply = cluster.connection.apply
    for name in ("doctor-key", "doctor-registry"):
        cluster.put_secret(name, {"KEY": "value"})
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "doctor-trainer"}}
    apply(f"/api/v1/namespaces/{NAMESPACE}/serviceaccounts", account)
    apply("/api/v1/namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "argo"}})
    apply(DEPLOYMENTS, DEPLOYMENT)
    run_deployment_controller(cluster)
    return cluster


def run_deployment_controller(cluster: RealCluster) -> None:
    """Write the status that kube-controller-manager, which does not run here, writes for a deployment's `replicas`."""
    path = f"{DEPLOYMENTS}/workflow-controller"
    count = cluster.connection.call("GET", path)["spec"]["replicas"]
    status = dict.fromkeys(("replicas", "updatedReplicas", "readyReplicas", "availableReplicas"), count or None)
    cluster.connection.call("PATCH", f"{path}/status", {"status": status})


@pytest.fixture
def administrator(furnished: RealCluster, checkout: Checkout) -> Checkout:
    return checkout.having(KUBECONFIG=str(furnished.kubeconfig(access.ADMIN)))


def follow(remedy: str, environ: Mapping[str, str], **words: str) -> None:
    """Run the commands of a remedy, with a value for each word in capitals."""
    if shutil.which("kubectl") is None:
        pytest.skip("there is no kubectl to follow the remedy with")
    for word, value in words.items():
        remedy = remedy.replace(word, value)
    subprocess.run(["bash", "-euc", remedy], env=dict(environ), check=True, capture_output=True)


def test_nothing_fails_for_the_least_rights(furnished: RealCluster, checkout: Checkout) -> None:
    answered = checkout.having(KUBECONFIG=str(furnished.kubeconfig())).ask("cluster")
    assert (answered.named(), answered.code) == (set(), 0), answered.checks
    assert answered.named("ok") >= {"credentials", "Argo Workflows", "dry run", *(f"may {verb} {of}" for verb, of in RIGHTS)}
    assert answered.named("cannot be told") == {
        "Argo controller",
        "secret doctor-key",
        "image pull secret doctor-registry",
        "service account doctor-trainer",
    }


def test_an_administrator_sees_everything_in_place(administrator: Checkout) -> None:
    answered = administrator.ask("cluster")
    assert {check["status"] for check in answered.checks} == {"ok"}, answered.checks
    assert {"Argo controller", "secret doctor-key", "image pull secret doctor-registry"} <= answered.named("ok")


@pytest.mark.parametrize(("verb", "resource"), RIGHTS)
def test_a_role_without_a_right_is_named_and_the_remedy_grants_it(
    furnished: RealCluster, checkout: Checkout, administrator: Checkout, verb: str, resource: str
) -> None:
    user = access.without(resource, verb)
    person = checkout.having(KUBECONFIG=str(furnished.kubeconfig(user)))
    answered = person.ask("cluster")
    assert answered.named() == {f"may {verb} {resource}"}, answered.checks
    role = f"mlops-{verb}-{resource.replace('/', '-')}"
    try:
        follow(answered.remedy(f"may {verb} {resource}"), administrator.environ, USER=user)
        deadline = time.monotonic() + 30  # the API server learns of a role after a moment
        while (left := person.ask("cluster").named()) and time.monotonic() < deadline:
            time.sleep(0.2)
        assert left == set()
    finally:
        for kind in ("rolebindings", "roles"):
            path = f"/apis/{access.RBAC}/v1/namespaces/{NAMESPACE}/{kind}/{role}"
            furnished.connection.call("DELETE", path, accept=(404,))


@pytest.mark.parametrize(
    ("path", "name", "words"),
    [
        ("secrets/doctor-key", "secret doctor-key", {"KEY": "KEY", "VALUE": "value"}),
        (
            "secrets/doctor-registry",
            "image pull secret doctor-registry",
            {"HOST": "registry.example", "USER": "ada --docker-password=made-up"},
        ),
        ("serviceaccounts/doctor-trainer", "service account doctor-trainer", {}),
    ],
)
def test_a_missing_object_is_named_and_the_remedy_creates_it(
    furnished: RealCluster, administrator: Checkout, path: str, name: str, words: dict[str, str]
) -> None:
    furnished.connection.call("DELETE", f"/api/v1/namespaces/{NAMESPACE}/{path}")
    answered = administrator.ask("cluster")
    assert answered.named() == {name}, answered.checks
    follow(answered.remedy(name), administrator.environ, **words)
    assert administrator.ask("cluster").named() == set()


def test_a_controller_that_was_scaled_away_is_named_and_the_remedy_brings_it_back(
    furnished: RealCluster, administrator: Checkout
) -> None:
    furnished.connection.call("PATCH", f"{DEPLOYMENTS}/workflow-controller", {"spec": {"replicas": 0}})
    run_deployment_controller(furnished)
    answered = administrator.ask("cluster")
    assert answered.named() == {"Argo controller"}, answered.checks
    follow(answered.remedy("Argo controller"), administrator.environ)
    run_deployment_controller(furnished)
    assert administrator.ask("cluster").named() == set()


def test_a_workflow_that_no_controller_takes_up_is_named(furnished: RealCluster, administrator: Checkout) -> None:
    with furnished.without_controller():
        furnished.connection.call("POST", f"{ARGO}/workflows", workflow("doctor-waits"))
        time.sleep(61)
        answered = administrator.ask("cluster")
        assert answered.named() == {"workflows that wait"}, answered.checks
    furnished.until("doctor-waits", lambda one: (one.get("status") or {}).get("phase") == "Succeeded")
    assert administrator.ask("cluster").named() == set()


def test_a_pod_whose_secret_is_missing_is_named_with_the_reason(furnished: RealCluster, administrator: Checkout) -> None:
    pods = f"/api/v1/namespaces/{NAMESPACE}/pods"
    labels = {"workflows.argoproj.io/workflow": "doctor-stuck"}
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "doctor-stuck", "labels": labels},
        "spec": {"containers": [{"name": "main", "image": "nowhere.example/none"}]},
    }
    furnished.connection.call("POST", pods, pod)
    # As a kubelet reports it; there is no scheduler that would give the pod to one.
    waiting = {"reason": "ErrImagePull", "message": "unauthorized"}
    state = {"name": "main", "image": "", "imageID": "", "ready": False, "restartCount": 0, "state": {"waiting": waiting}}
    furnished.connection.call("PATCH", f"{pods}/doctor-stuck/status", {"status": {"containerStatuses": [state]}})
    try:
        answered = administrator.ask("cluster")
        assert answered.named() == {"pods that wait"}, answered.checks
        assert "ErrImagePull unauthorized" in json.dumps(answered.checks)
    finally:
        furnished.connection.call("DELETE", f"{pods}/doctor-stuck?gracePeriodSeconds=0")
    assert administrator.ask("cluster").named() == set()


@pytest.mark.parametrize(
    ("metadata", "check"),
    [
        ("name: Doctor_1", "manifest"),  # argo-submit itself refuses it
        ("generateName: doctor-, finalizers: [Not Valid]", "dry run"),
    ],
)
def test_a_manifest_that_is_refused_is_named(administrator: Checkout, metadata: str, check: str) -> None:
    manifest = administrator.directory / "workflow.yaml"
    manifest.write_text(MANIFEST.replace("generateName: doctor-", metadata))
    answered = administrator.ask("cluster")
    assert answered.named() == {check}, answered.checks
    manifest.write_text(MANIFEST)
    assert administrator.ask("cluster").named() == set()


def test_a_token_that_the_api_server_does_not_know_is_named(furnished: RealCluster, checkout: Checkout) -> None:
    path = furnished.kubeconfig(login={"token": "unknown"})
    assert checkout.having(KUBECONFIG=str(path)).ask("cluster").named() == {"credentials"}


def test_missing_resource_definitions_are_named(cluster_programs: Binaries, tmp_path: Path, checkout: Checkout) -> None:
    """On a cluster of its own, where nobody has installed Argo."""
    programs = tmp_path / "programs"
    (programs / "crds").mkdir(parents=True)
    (programs / "bin").symlink_to(cluster_programs.directory / "bin")
    directory = tmp_path / "cluster"
    directory.mkdir(mode=0o700)
    with RealCluster(Binaries(programs), directory).running(Containers()) as bare:
        person = checkout.having(KUBECONFIG=str(bare.kubeconfig(access.ADMIN)))
        assert person.ask("cluster").named() == {"Argo Workflows"}


def workflow(name: str) -> dict[str, Any]:
    template = {"name": "main", "container": {"image": PROCESS_IMAGE, "command": ["true"]}}
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Workflow",
        "metadata": {"name": name},
        "spec": {"entrypoint": "main", "templates": [template]},
    }


def test_the_registrys_login_is_named(registry: DebianRegistry, checkout: Checkout) -> None:
    person = checkout.at(registry)
    assert person.ask("registry").named() == set()
    answered = person.having(REGISTRY_PASSWORD="wrong").ask("registry")
    assert answered.named() == {"login"}, answered.checks
    assert answered.remedy("login") == f"docker login {registry.host}"


def test_a_registry_that_has_stopped_is_named(tmp_path: Path, checkout: Checkout) -> None:
    folder = tmp_path / "registry"
    folder.mkdir()
    with debian_registry(folder) as registry:
        person = checkout.at(registry)
        assert person.ask("registry").named() == set()
    assert person.ask("registry").named() == {"reachable"}


@pytest.fixture
def dockerd(tmp_path: Path) -> Iterator[tuple[Program, str]]:
    """A daemon of the test's own, without a network, that it may stop."""
    if os.geteuid() != 0 or shutil.which("dockerd") is None:
        pytest.skip("starting a Docker daemon needs root and dockerd")
    folder = Path("/run/mlops-doctor-e2e")  # short: a Unix socket's path may have no more than 107 characters
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700)
    host = f"unix://{folder}/docker.sock"
    options = {
        "host": host, "data-root": str(tmp_path / "docker"), "exec-root": str(folder / "exec"), "bridge": "none",
        "pidfile": str(folder / "docker.pid"), "iptables": "false", "ip6tables": "false",
    }  # fmt: skip

    def answers() -> bool:
        environ = {**os.environ, "DOCKER_HOST": host}
        return subprocess.run(["docker", "version"], env=environ, capture_output=True, check=False).returncode == 0

    arguments = [f"--{name}={value}" for name, value in options.items()]
    program = Program("dockerd", ["dockerd", *arguments], tmp_path / "dockerd.log", answers, os.environ)
    try:
        yield program, host
    finally:
        program.stop()
        shutil.rmtree(folder, ignore_errors=True)


def test_a_docker_daemon_that_has_stopped_is_named_in_a_job(dockerd: tuple[Program, str], checkout: Checkout) -> None:
    program, host = dockerd
    job = checkout.having(DOCKER_HOST=host, GITHUB_ACTIONS="true")
    program.start()
    answered = job.ask("runner")
    assert "Docker" in answered.named("ok"), answered.checks
    program.stop()
    assert "Docker" in job.ask("runner").named()
    program.start()
    assert "Docker" in job.ask("runner").named("ok")
