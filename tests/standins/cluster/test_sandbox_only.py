"""What only the stand-in does: faults on order, honest refusals, local processes for containers."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from mlops_actions.core.types import Json
from mlops_sandbox.cluster import Cluster, LocalImage, ProcessExecutor
from mlops_sandbox.cluster.engine import support
from mlops_sandbox.host import Host
from tests.standins.cluster.client import PODS, WORKFLOWS, KubernetesApi, nodes_by_display_name, outputs
from tests.standins.cluster.manifests import workflow
from tests.standins.cluster.test_objects import TEMPLATES, create


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    checkout = tmp_path / "checkout"
    checkout.mkdir()
    (checkout / "data.txt").write_text("from the checkout\n")
    with Cluster(ProcessExecutor({"example.test/app": LocalImage(checkout, env={"BUILT": "in"})})) as cluster:
        yield cluster


@pytest.fixture
def api(cluster: Cluster) -> Iterator[KubernetesApi]:
    with Host(cluster.app) as host:
        yield KubernetesApi(host.url, cluster.admin_token, cluster.submitter_token, image="example.test/app@sha256:1")


def test_a_compacted_history_ends_open_watches_and_old_continue_tokens(cluster: Cluster, api: KubernetesApi) -> None:
    created = create(api, generateName="old-")
    create(api, generateName="old-")
    token = api.get(TEMPLATES, params={"limit": 1})["metadata"]["continue"]
    cluster.compact()
    with api.watch(TEMPLATES, resourceVersion=created["metadata"]["resourceVersion"]) as events:
        assert [event["object"]["code"] for event in events] == [410]
    answer = api.request("GET", TEMPLATES, params={"limit": 1, "continue": token})
    assert (answer.status_code, answer.json()["reason"]) == (410, "Expired")


def test_watches_can_be_closed(cluster: Cluster, api: KubernetesApi) -> None:
    create(api, generateName="open-")
    with api.watch(TEMPLATES) as events:
        assert next(events)["type"] == "ADDED"
        assert cluster.close_watches() == 1
        assert list(events) == []


def test_requests_can_be_refused(cluster: Cluster, api: KubernetesApi) -> None:
    cluster.faults.refuse(1, 503, "ServiceUnavailable", "etcdserver: leader changed", retry_after=1)
    first, second = api.request("GET", WORKFLOWS), api.request("GET", WORKFLOWS)
    assert (first.status_code, first.headers["Retry-After"]) == (503, "1")
    assert second.status_code == 200


def test_without_an_executor_a_workflow_does_not_run() -> None:
    with Cluster() as cluster, Host(cluster.app) as host:
        api = KubernetesApi(host.url, cluster.admin_token, "")
        created = api.submit(workflow("entrypoint: main\ntemplates: [{name: main, suspend: {}}]"))
        assert "status" not in api.get(f"{WORKFLOWS}/{created['metadata']['name']}")


@pytest.mark.parametrize(
    ("spec", "named"),
    [
        ("entrypoint: main\nvolumes: []\ntemplates: [{name: main, suspend: {}}]", "spec.volumes"),
        ("entrypoint: main\ntemplates: [{name: main, sidecars: [], suspend: {}}]", "spec.templates[0].sidecars"),
        (
            "entrypoint: main\ntemplates: [{name: main, container: {image: x, command: [x], volumeMounts: []}}]",
            "spec.templates[0].container.volumeMounts",
        ),
        (
            "entrypoint: main\ntemplates: [{name: main, dag: {tasks: [{name: a, template: main, hooks: {}}]}}]",
            "spec.templates[0].dag.tasks[0].hooks",
        ),
        (
            "entrypoint: main\ntemplates: [{name: main, outputs: {artifacts: [{name: a, path: /a, s3: {}}]}, suspend: {}}]",
            "spec.templates[0].outputs.artifacts[0].s3",
        ),
    ],
)
def test_an_unsupported_field_fails_the_workflow_by_name(api: KubernetesApi, spec: str, named: str) -> None:
    done = api.run(workflow(spec))
    assert done["status"]["phase"] == "Failed"
    assert done["status"]["message"] == f"invalid spec: the sandbox does not support {named}"


def holding(kind: str, field: str) -> tuple[Json, str]:
    """A workflow's spec that has a field in something of this kind, and the field's path."""
    template, value = "spec.templates[0]", {field: "x"}
    held: dict[str, tuple[Json, str]] = {
        "template": (value, template),
        "container": ({"container": value}, f"{template}.container"),
        "script": ({"script": value}, f"{template}.script"),
        "task": ({"dag": {"tasks": [value]}}, f"{template}.dag.tasks[0]"),
        "step": ({"steps": [[value]]}, f"{template}.steps[0][0]"),
        "retryStrategy": ({"retryStrategy": value}, f"{template}.retryStrategy"),
        "backoff": ({"retryStrategy": {"backoff": value}}, f"{template}.retryStrategy.backoff"),
        "artifact": ({"inputs": {"artifacts": [value]}}, f"{template}.inputs.artifacts[0]"),
        "valueFrom": ({"inputs": {"parameters": [{"valueFrom": value}]}}, f"{template}.inputs.parameters[0].valueFrom"),
        "valueFrom of env": ({"container": {"env": [{"valueFrom": value}]}}, f"{template}.container.env[0].valueFrom"),
    }
    if kind == "spec":
        return value, f"spec.{field}"
    if kind == "podGC":
        return {"podGC": value}, f"spec.podGC.{field}"
    held_template, path = held[kind]
    return {"templates": [held_template]}, f"{path}.{field}"


@pytest.mark.parametrize("kind", support.UNSUPPORTED)
def test_every_unsupported_field_is_refused(kind: str) -> None:
    for field in support.UNSUPPORTED[kind].split():
        spec, path = holding(kind, field)
        assert support.unsupported_fields(spec) == [path]


@pytest.mark.parametrize("kind", support.UNSUPPORTED)
def test_a_field_that_only_a_later_argo_has_is_refused_too(kind: str) -> None:
    spec, path = holding(kind, "newfangled")
    assert support.unsupported_fields(spec) == [path]


@pytest.mark.parametrize(
    ("method", "path", "content_type", "code"),
    [
        ("PATCH", f"{TEMPLATES}/NAME", "application/strategic-merge-patch+json", 415),
        ("PATCH", f"{TEMPLATES}/NAME", "application/json-patch+json", 415),
        ("PATCH", f"{TEMPLATES}/NAME", "application/apply-patch+yaml", 415),
        ("DELETE", TEMPLATES, "application/json", 405),
        ("GET", f"{TEMPLATES}/NAME/status", "application/json", 404),
        ("POST", f"{PODS}/NAME/exec", "application/json", 404),
        ("GET", "/openapi/v2", "application/json", 404),
        ("GET", "/openapi/v3", "application/json", 404),
        ("GET", "/api/v1/namespaces/{namespace}/events", "application/json", 404),
    ],
)
def test_unsupported_requests_are_refused_with_kubernetes_status(
    api: KubernetesApi, method: str, path: str, content_type: str, code: int
) -> None:
    name = create(api, generateName="limits-")["metadata"]["name"]
    headers = {"Content-Type": content_type}
    answer = api.request(method, path.replace("NAME", name), content="{}", headers=headers)
    assert (answer.status_code, answer.json()["kind"]) == (code, "Status")
    assert api.get(f"{TEMPLATES}/{name}")["metadata"]["name"] == name


def test_an_expression_tag_is_refused(api: KubernetesApi) -> None:
    done = api.run(
        workflow("""
entrypoint: main
templates: [{name: main, container: {image: IMAGE, command: [echo, "{{=1+1}}"]}}]
""")
    )
    assert done["status"]["phase"] == "Error"
    assert done["status"]["message"] == "the sandbox does not evaluate expression tags: {{=1+1}}"


def test_an_image_without_a_stand_in_is_an_error(api: KubernetesApi) -> None:
    done = api.run(workflow("entrypoint: main\ntemplates: [{name: main, container: {image: other, command: [x]}}]"))
    assert done["status"]["phase"] == "Error"
    assert "no local directory stands for the image 'other'" in done["status"]["message"]


def test_each_container_has_its_own_copy_of_the_checkout(api: KubernetesApi, tmp_path: Path) -> None:
    done = api.run(
        workflow("""
entrypoint: main
templates:
- name: main
  outputs: {parameters: [{name: read, valueFrom: {path: /app/read}}, {name: env, valueFrom: {path: /tmp/env}}]}
  container:
    image: IMAGE
    command: [sh, -c]
    args: ["cat data.txt > /app/read; echo changed > data.txt; echo $BUILT > /tmp/env"]
""")
    )
    assert outputs(done["status"]["nodes"][done["metadata"]["name"]]) == {"read": "from the checkout", "env": "in"}
    assert (tmp_path / "checkout" / "data.txt").read_text() == "from the checkout\n"


def test_a_program_in_a_temporary_directory_of_this_machine_is_found(
    api: KubernetesApi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such as the Python of a checkout in /tmp: only the container's own paths stand for others."""
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        program = Path(folder) / "greet"
        program.write_text("#!/bin/sh\nexit 0\n")
        program.chmod(0o755)
        monkeypatch.setenv("PATH", folder, prepend=os.pathsep)
        done = api.run(
            workflow("""
entrypoint: main
templates: [{name: main, container: {image: IMAGE, command: [greet]}}]
""")
        )
    assert done["status"]["phase"] == "Succeeded", done["status"]


def test_a_path_outside_the_container_is_refused(api: KubernetesApi, tmp_path: Path) -> None:
    target = tmp_path / "escaped"
    done = api.run(
        workflow(f"""
entrypoint: main
templates:
- name: main
  inputs: {{artifacts: [{{name: a, path: /tmp/../../../..{target}, raw: {{data: x}}}}]}}
  container: {{image: IMAGE, command: ["true"]}}
""")
    )
    assert done["status"]["phase"] == "Error"
    assert "leads out of the container" in done["status"]["message"]
    assert not target.exists()


def test_deleting_a_workflow_ends_its_processes_and_removes_its_pods(cluster: Cluster, api: KubernetesApi) -> None:
    name = api.submit(
        workflow(
            "entrypoint: main\n"
            "templates: [{name: main, container: {image: IMAGE, command: [sh, -c], args: ['echo $$; exec sleep 600']}}]"
        )
    )["metadata"]["name"]
    api.wait(
        name, lambda value: any(node["phase"] == "Running" for node in (value.get("status") or {}).get("nodes", {}).values())
    )
    follow: dict[str, Any] = {"headers": {"Authorization": f"Bearer {api.token}"}, "params": {"follow": "true"}}
    with httpx.stream("GET", api.url + api.path(f"{PODS}/{name}/log"), trust_env=False, **follow) as log:
        process = int(next(log.iter_lines()))
    assert api.request("DELETE", f"{WORKFLOWS}/{name}").status_code == 200
    assert api.get(PODS)["items"] == []
    cluster.close()  # waits for the run's thread, which waits for the process
    with pytest.raises(ProcessLookupError):
        os.kill(process, 0)


def test_a_cycle_of_tasks_is_an_error(api: KubernetesApi) -> None:
    done = api.run(
        workflow("""
entrypoint: main
templates:
- name: main
  dag: {tasks: [{name: a, template: x, depends: b}, {name: b, template: x, depends: a}]}
- {name: x, suspend: {}}
""")
    )
    assert done["status"]["phase"] == "Error"
    assert "circle" in done["status"]["message"]


def test_a_workflow_may_have_two_hundred_nodes(api: KubernetesApi) -> None:
    done = api.run(
        workflow("""
entrypoint: main
templates:
- name: main
  dag: {tasks: [{name: each, template: one, withSequence: {count: 200}}]}
- {name: one, suspend: {duration: 0}}
""")
    )
    assert done["status"]["phase"] == "Succeeded"
    assert len(nodes_by_display_name(done)["each"]["children"]) == 200
