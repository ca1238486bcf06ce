"""Checks that no stand-in can break: a clock that is off, a full disk, a package that is missing, W&B without a field."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from mlops_actions.argo_submit.read_manifest import read_manifest
from mlops_actions.boundary.installation import install_command
from mlops_actions.core.errors import ActionError, BadInput, Refused, Unavailable
from mlops_actions.core.oci import Manifest
from mlops_actions.doctor import cluster, command, job_rights, machine, manifest, names, registry, tracker
from mlops_actions.doctor.checks import HealthCheck, Status
from mlops_actions.doctor.ports import ApiAnswer, Endpoint, Ports, Route
from mlops_actions.doctor.run import run
from mlops_actions.doctor.scope import Scope
from mlops_actions.doctor.workflow import parse

ENDPOINT = Endpoint(url="https://api.test")
NOON = 1_767_268_800.0  # 2026-01-01 12:00:00 UTC
FILE = """
on: issue_comment
jobs:
  train:
    permissions: {contents: read}
    steps:
      - uses: m/mlops-actions/actions/docker-publish@v1
        with: {image: model}
      - uses: m/mlops-actions/actions/argo-submit@v1
        with: {workflow: workflow.yaml}
      - uses: m/mlops-actions/actions/wandb-runs@v1
        with: {project: e/p, metrics: "acc:max"}
"""
GPU = """
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {generateName: x-}
spec:
  entrypoint: main
  templates: [{name: main, container: {image: x, resources: {limits: {nvidia.com/gpu: 1}}}}]
"""


def scope(text: str = FILE, files: Mapping[str, str] | None = None) -> Scope:
    read = {"workflow.yaml": GPU, **(files or {})}.__getitem__
    workflow = parse(text, "mlops.yml")
    return Scope(workflow=workflow, repository="o/r", context={}, read=read, read_manifest=read_manifest)


@dataclass(frozen=True)
class FixedMachine:
    """A machine as a test wants it."""

    is_job: bool = True
    seconds: float = NOON
    free: int = 50 << 30
    version: str = ""

    def runner_version(self) -> str:
        return self.version

    def docker(self) -> str:
        raise Unavailable("the Docker daemon gives no answer", "docker version")

    def reach(self, endpoint: Endpoint) -> Route:
        return Route(detail=endpoint.url)

    def free_bytes(self) -> int:
        return self.free

    def now(self) -> float:
        return self.seconds


@dataclass(frozen=True)
class Answers:
    """An API whose answers are listed by the start of the path; everything else is 404."""

    answers: Mapping[str, ApiAnswer]
    namespace: str = "default"
    token_prefix: str = "ghp_"
    endpoint: Endpoint = ENDPOINT

    def get(self, path: str, **query: str | int) -> ApiAnswer:
        found = [answer for start, answer in self.answers.items() if path.startswith(start)]
        return found[0] if found else ApiAnswer(404, {"message": "Not Found"}, {})

    def send(self, method: str, path: str, body: Mapping[str, Any]) -> ApiAnswer:
        return self.get(path)

    def create(self, path: str, body: Mapping[str, Any]) -> ApiAnswer:
        return self.get(path)


def statuses(checks: Sequence[HealthCheck]) -> dict[str, Status]:
    return {check.name: check.status for check in checks}


def controller(image: str, *, replicas: int = 1) -> dict[str, Any]:
    deployment = {
        "metadata": {"name": "workflow-controller", "namespace": "argo"},
        "spec": {"template": {"spec": {"containers": [{"image": image}]}}},
        "status": {"availableReplicas": replicas} if replicas else {},
    }
    return {"items": [deployment]}


WORKFLOW = {"metadata": {"name": "digits-1", "creationTimestamp": "2026-01-01T12:00:00Z"}}


def clock(date: str) -> Callable[[], Answers]:
    return lambda: Answers({"/rate_limit": ApiAnswer(200, {}, {"date": date})})


@pytest.mark.parametrize(
    ("api", "date", "expected"),
    [
        (FixedMachine(), "Thu, 01 Jan 2026 12:00:05 GMT", {"Docker": "fails", "disk": "ok", "clock": "ok"}),
        (FixedMachine(is_job=False), "", {"Docker": "skipped", "disk": "ok", "clock": "cannot be told"}),
        (FixedMachine(free=1), "Thu, 01 Jan 2026 13:00:00 GMT", {"Docker": "fails", "disk": "fails", "clock": "fails"}),
        (
            FixedMachine(is_job=False, free=1),
            "nonsense",
            {"Docker": "skipped", "disk": "skipped", "clock": "cannot be told"},
        ),
    ],
)
def test_the_machine_is_judged_as_a_runner_only_in_a_job(api: FixedMachine, date: str, expected: dict[str, str]) -> None:
    checks = list(machine.check(scope(), api, clock(date)))
    assert {name: status.value for name, status in statuses(checks).items()} == expected


@pytest.mark.parametrize(
    ("uses", "api", "expected"),
    [
        ("actions/checkout@v4", FixedMachine(), None),
        ("actions/checkout@v5", FixedMachine(is_job=False), "skipped"),
        ("actions/checkout@v5", FixedMachine(), "cannot be told"),
        ("actions/checkout@v5", FixedMachine(version="2.327.0"), "fails"),
        ("actions/checkout@v5", FixedMachine(version="2.327.1"), "ok"),
        ("$/actions/own", FixedMachine(version="2.335.1"), "fails"),
        ("$/actions/own", FixedMachine(version="2.336.0"), "ok"),
    ],
)
def test_the_runner_must_know_each_reference_of_the_file(uses: str, api: FixedMachine, expected: str | None) -> None:
    text = FILE.replace("    steps:", f"    steps:\n      - uses: {uses}")
    seen = statuses(list(machine.check(scope(text), api, clock(""))))
    assert seen.get("runner version") == (Status(expected) if expected else None)


def test_publishing_to_ghcr_needs_packages_write() -> None:
    (check,) = job_rights.permissions(scope(), "read")
    assert check.status is Status.FAILS
    assert "packages: write" in check.remedy
    (check,) = job_rights.permissions(scope(FILE.replace("{contents: read}", "write-all")), "read")
    assert check.status is Status.OK
    (check,) = job_rights.permissions(scope(FILE.replace("    permissions: {contents: read}\n", "")), "write")
    assert check.status is Status.OK


@pytest.mark.parametrize("name", ["aws-role", "aks-cluster", "oidc-audience"])
def test_a_login_by_the_job_s_identity_token_needs_id_token(name: str) -> None:
    text = FILE.replace("workflow: workflow.yaml", f"workflow: workflow.yaml, {name}: x, github-token: own")
    text = text.replace("{contents: read}", "{contents: read, packages: write}")
    (check,) = job_rights.permissions(scope(text), "write")
    assert (check.status, "id-token: write" in check.remedy) == (Status.FAILS, True)
    # No repository's default holds it.
    (check,) = job_rights.permissions(
        scope(text.replace("    permissions: {contents: read, packages: write}\n", "")), "write"
    )
    assert check.status is Status.FAILS
    (check,) = job_rights.permissions(scope(text.replace("packages: write}", "packages: write, id-token: write}")), "read")
    assert check.status is Status.OK


def test_publishing_needs_contents_read_to_order_commits() -> None:
    (check,) = job_rights.permissions(scope(FILE.replace("{contents: read}", "{packages: write}")), "read")
    assert (check.status, "contents: read" in check.remedy) == (Status.FAILS, True)
    (check,) = job_rights.permissions(scope(FILE.replace("{contents: read}", "{contents: read, packages: write}")), "read")
    assert check.status is Status.OK


def test_a_reference_without_a_version_fails() -> None:
    checks = list(job_rights.references(scope(FILE.replace("docker-publish@v1", "docker-publish"))))
    assert [check.status for check in checks] == [Status.FAILS, Status.OK, Status.OK]


CLUSTER = {
    "/version": ApiAnswer(200, {"major": "1", "minor": "35", "gitVersion": "v1.35.0"}, {}),
    "/apis/argoproj.io/v1alpha1/namespaces/default/workflows?limit": ApiAnswer(200, {"items": []}, {}),
    "/apis/argoproj.io/v1alpha1/namespaces": ApiAnswer(201, {}, {}),
    "/apis/argoproj.io/v1alpha1": ApiAnswer(200, {"resources": [{"name": "workflows"}]}, {}),
    "/apis/authorization": ApiAnswer(201, {"status": {"allowed": True}}, {}),
    "/apis/apps/v1/deployments": ApiAnswer(200, controller("quay.io/argoproj/workflow-controller:v3.7.0"), {}),
    "/api/v1/nodes": ApiAnswer(200, {"items": [{"status": {"allocatable": {"nvidia.com/gpu": "1"}}}]}, {}),
    "/api/v1/namespaces/default/pods": ApiAnswer(200, {"items": []}, {}),
}


def of_cluster(answers: Mapping[str, ApiAnswer]) -> dict[str, Status]:
    step = scope().workflow.steps("argo-submit")[0]
    return statuses(list(cluster.check(scope(), step, Answers({**CLUSTER, **answers}))))


def test_the_controller_and_the_gpu_nodes_are_seen_by_an_administrator() -> None:
    seen = of_cluster({})
    assert set(seen.values()) == {Status.OK}
    assert {"Argo controller", "GPU nodes"} <= set(seen)


@pytest.mark.parametrize(
    ("path", "body", "name", "status"),
    [
        ("/version", {"major": "1", "minor": "20+", "gitVersion": "v1.20"}, "Kubernetes version", Status.FAILS),
        ("/api/v1/nodes", {"items": []}, "GPU nodes", Status.UNKNOWN),
        ("/apis/apps/v1/deployments", controller("workflow-controller:v2.12.0"), "Argo controller", Status.FAILS),
        ("/apis/apps/v1/deployments", controller("controller:v3.7.0", replicas=0), "Argo controller", Status.FAILS),
        ("/apis/apps/v1/deployments", controller("controller:latest"), "Argo controller", Status.UNKNOWN),
        (
            "/apis/argoproj.io/v1alpha1/namespaces/default/workflows?limit",
            {"items": [WORKFLOW]},
            "workflows that wait",
            Status.FAILS,
        ),
        ("/apis/apps/v1/deployments", {"items": []}, "Argo controller", Status.UNKNOWN),
    ],
)
def test_what_an_administrator_sees_wrong_is_named(path: str, body: Any, name: str, status: Status) -> None:
    seen = of_cluster({path: ApiAnswer(200, body, {})})
    assert {check: result for check, result in seen.items() if result is not Status.OK} == {name: status}


@dataclass(frozen=True)
class PartialTracker:
    """A W&B that lacks fields."""

    missing: tuple[str, ...]
    endpoint: Endpoint = ENDPOINT

    def ask(self, query: str, variables: Mapping[str, Any]) -> tuple[Mapping[str, Any], Sequence[str]]:
        if "viewer" in query:
            return {"viewer": {"username": "ada"}}, ()
        if lacks := [name for name in self.missing if name in query]:
            return {}, [f'Cannot query field "{name}"' for name in lacks]
        node = {"name": "r", "state": "finished", "summaryMetrics": '{"acc": 1}', "config": "{}", "commit": "c"}
        return {"project": {"name": "p", "runs": {"edges": [{"node": node}]}}}, ()


@pytest.mark.parametrize("field", ["commit", "heartbeatAt", "files", "inputArtifacts", "outputArtifacts", "sampledHistory"])
def test_a_field_that_the_server_lacks_is_named_with_what_the_report_loses(field: str) -> None:
    step = scope().workflow.steps("wandb-runs")[0]
    checks = list(tracker.check(scope(), step, PartialTracker((field,))))
    failed = [check for check in checks if check.status is Status.FAILS]
    assert [check.name for check in failed] == [f"field {field}"]
    assert "the report lacks" in failed[0].answer


@dataclass(frozen=True)
class FixedRegistry:
    """A registry with one tag, which only a login may pull unless the image is `public`."""

    is_public: bool
    anonymous: bool
    stored: tuple[str, ...] = ("latest",)
    address: str = ENDPOINT.url

    @property
    def is_anonymous(self) -> bool:
        return self.anonymous

    def sign_in(self) -> bool:
        return True

    def tags(self, repository: str) -> list[str]:
        if self.anonymous and not self.is_public:
            raise Refused("denied", "log in")
        return list(self.stored)

    def require_push(self, repository: str) -> None:
        pass

    def manifest(self, repository: str, reference: str) -> Manifest | None:
        return Manifest("", "", b"{}")

    def blob(self, repository: str, digest: str) -> bytes:
        return b""


@pytest.mark.parametrize(
    ("visibility", "is_public", "tags", "status", "asked"),
    [
        ("public", True, ("latest",), "ok", "without a login"),
        ("private", True, ("latest",), "fails", "GET /orgs/o/packages/container/r%2Fmodel"),
        ("internal", False, (), "fails", "GET /orgs/o/packages/container/r%2Fmodel"),
        ("", False, ("latest",), "fails", "without a login"),
        ("", False, (), "cannot be told", "without a login"),
        ("", True, ("latest",), "ok", "without a login"),
    ],
)
def test_a_package_on_ghcr_is_judged_by_its_visibility_else_by_a_pull(
    visibility: str, is_public: bool, tags: tuple[str, ...], status: str, asked: str
) -> None:
    path = "/orgs/o/packages/container/r%2Fmodel"
    github = Answers({path: ApiAnswer(200, {"visibility": visibility}, {})} if visibility else {})
    checks = registry.check(
        scope(),
        lambda _, anonymous: FixedRegistry(is_public, anonymous, tags),
        lambda: github,
        pulls_with_secret=False,
        cloud_token=str,
    )
    (check,) = [check for check in checks if check.name == "pull by the cluster"]
    assert check.status.value == status
    assert asked in check.asked
    assert ("make the package public" in check.remedy) is (status == "fails")


_BOMB = "".join(f"a{level}: &a{level} [*a{level - 1}, *a{level - 1}]\n" for level in range(1, 30))


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (GPU, ""),
        (GPU.replace("kind: Workflow", "kind: WorkflowTemplate"), ""),
        ("kind: List", "workflow.yaml:1: List is not a Workflow"),
        ("kind: [", "not valid YAML"),
        (GPU.replace("entrypoint: main", "entrypoint: mian"), "mian"),
        (GPU.replace("image: x", "imag: x"), "imag"),
        (GPU.replace("image: x", "image: x, env: [{name: A, value: {}}]"), "env[0].value"),
        (GPU + "  entrypoint: other\n", "the key 'entrypoint' is given twice"),
        ("kind: Workflow\nspec: " + "[" * 5000, "nested too deeply"),
        ("kind: Workflow\nspec: &spec {secret: *spec}", "nested too deeply"),
        (f"kind: Workflow\na0: &a0 [1]\n{_BOMB}", "nodes"),
    ],
    ids=["fits", "a template", "a list", "no YAML", "no template", "unknown field", "type", "key", "deep", "loop", "bomb"],
)
def test_a_manifest_is_held_to_what_argo_submit_accepts(text: str, problem: str) -> None:
    made = scope(files={"workflow.yaml": text})
    (found,) = cluster.manifest_of(made, made.workflow.steps("argo-submit")[0]).values()
    assert isinstance(found, ActionError) is bool(problem)
    assert problem in str(found)


@pytest.mark.parametrize(
    ("inputs", "problem"),
    [("strict: false", ""), ("strict: true", "unknown"), ("strict: false, entrypoint: other", "'entrypoint' names no")],
)
def test_the_inputs_of_the_step_count_for_its_manifest(inputs: str, problem: str) -> None:
    text = GPU.replace("image: x", "image: x, unknown: 1")
    made = scope(FILE.replace("workflow: workflow.yaml", f"workflow: workflow.yaml, {inputs}"), {"workflow.yaml": text})
    (found,) = cluster.manifest_of(made, made.workflow.steps("argo-submit")[0]).values()
    assert isinstance(found, ActionError) is bool(problem)
    assert problem in str(found)


def test_a_manifest_names_its_secrets_accounts_and_gpus() -> None:
    text = """
kind: Workflow
spec:
  serviceAccountName: trainer
  imagePullSecrets: [{name: registry}]
  volumes: [{name: v, secret: {secretName: mounted}}]
  templates:
    - container:
        env:
          - {name: A, valueFrom: {secretKeyRef: {name: key, key: a}}}
          - {name: B, valueFrom: {secretKeyRef: {name: "{{x}}"}}}
        envFrom: [{secretRef: {name: all}}]
"""
    found = manifest.needs_of(yaml.safe_load(text))
    assert (set(found.secrets), found.pull_secrets) == ({"key", "all", "mounted"}, ("registry",))
    assert (found.service_account, found.wants_gpu) == ("trainer", False)
    assert manifest.needs_of(yaml.safe_load(GPU)).wants_gpu


def test_variables_of_the_repository_win_over_those_of_the_organisation() -> None:
    own = ApiAnswer(200, {"variables": [{"name": "A", "value": "own"}]}, {})
    shared = ApiAnswer(200, {"variables": [{"name": "A", "value": "shared"}, {"name": "B", "value": "shared"}]}, {})
    api = Answers({"/repos/o/r/actions/variables": own, "/repos/o/r/actions/organization-variables": shared})
    assert names.variables("o/r", api) == {"A": "own", "B": "shared"}
    assert names.variables("o/r", Answers({})) is None


def test_a_missing_package_is_one_line_that_names_the_extra() -> None:
    def connect() -> None:
        raise ModuleNotFoundError("No module named 'kubernetes'", name="kubernetes.config")

    with pytest.raises(BadInput) as caught:
        command._with_package(connect)
    assert caught.value.cause == "the package 'kubernetes' is not installed"
    assert caught.value.remedy == install_command("argo")


def test_a_missing_package_of_one_group_is_a_failed_check_of_that_group() -> None:
    def missing(*_: object) -> Any:
        raise BadInput("the package 'kubernetes' is not installed", install_command("argo"))

    ports = Ports(
        github=missing,
        github_app=missing,
        registry=missing,
        cloud_token=missing,
        cluster=missing,
        tracker=missing,
        runner=missing,
    )
    diagnosis = run(scope(), ports, ["cluster"], (), lambda *_: None)
    failed = [check for check in diagnosis.checks if check.status is Status.FAILS]
    assert [(check.name, check.answer, check.remedy) for check in failed] == [
        ("connection", "the package 'kubernetes' is not installed", install_command("argo"))
    ]
    assert diagnosis.exit_code == 1


def test_the_page_and_the_help_tell_the_same_exit_codes() -> None:
    page = (Path(__file__).parents[3] / "docs/doctor.md").read_text(encoding="utf-8")
    texts = {"page": " ".join(page.split()), "help": command._EXITS}
    for name, text in texts.items():
        for said in (
            "an option or the workflow file is wrong",
            "because a package is not installed",
            "only one group needs",
        ):
            assert said in text, name
