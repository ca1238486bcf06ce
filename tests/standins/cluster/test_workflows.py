"""Workflows: how the controller runs them, and their status."""

from __future__ import annotations

import json

import pytest

from tests.standins.cluster.client import KubernetesApi, nodes_by_display_name, outputs
from tests.standins.cluster.manifests import ECHO, workflow


def test_a_container_runs_and_its_output_parameter_is_read(api: KubernetesApi) -> None:
    done = api.run(
        workflow(f"""
entrypoint: echo
arguments: {{parameters: [{{name: text, value: "two words"}}]}}
templates:{ECHO}""")
    )
    status = done["status"]
    assert status["phase"] == "Succeeded"
    assert status["progress"] == "1/1"
    assert status["startedAt"] <= status["finishedAt"]
    root = status["nodes"][done["metadata"]["name"]]
    assert root["type"] == "Pod"
    assert outputs(root) == {"text": "two words"}
    assert root["outputs"]["exitCode"] == "0"
    assert done["metadata"]["labels"]["workflows.argoproj.io/phase"] == "Succeeded"


def test_a_failed_container_fails_the_workflow_with_its_exit_code(api: KubernetesApi) -> None:
    done = api.run(workflow(f"entrypoint: fail\ntemplates:{ECHO}"))
    assert done["status"]["phase"] == "Failed"
    assert "exit code 3" in done["status"]["message"]
    [node] = done["status"]["nodes"].values()
    assert (node["phase"], node["outputs"]["exitCode"]) == ("Failed", "3")


def test_a_dag_passes_outputs_on_and_links_its_nodes(api: KubernetesApi) -> None:
    done = api.run(
        workflow(f"""
entrypoint: main
templates:
- name: main
  dag:
    tasks:
    - {{name: one, template: echo, arguments: {{parameters: [{{name: text, value: first}}]}}}}
    - name: two
      depends: one
      template: echo
      arguments: {{parameters: [{{name: text, value: "after {{{{tasks.one.outputs.parameters.text}}}}"}}]}}
  outputs:
    parameters: [{{name: last, valueFrom: {{parameter: "{{{{tasks.two.outputs.parameters.text}}}}"}}}}]
{ECHO}""")
    )
    name = done["metadata"]["name"]
    nodes = nodes_by_display_name(done)
    assert done["status"]["phase"] == "Succeeded"
    assert outputs(nodes[name]) == {"last": "after first"}
    assert nodes[name]["children"] == [nodes["one"]["id"]]
    assert nodes["one"]["children"] == [nodes["two"]["id"]]
    assert nodes["two"]["boundaryID"] == name
    assert nodes["two"]["name"] == f"{name}.two"
    assert nodes["two"]["id"].removeprefix(f"{name}-").isdigit()
    assert nodes[name]["outboundNodes"] == [nodes["two"]["id"]]


def test_tasks_that_depend_on_a_failed_task_are_omitted_or_run_by_condition(api: KubernetesApi) -> None:
    done = api.run(
        workflow(f"""
entrypoint: main
templates:
- name: main
  dag:
    failFast: false
    tasks:
    - {{name: bad, template: fail}}
    - {{name: never, depends: bad, template: fail}}
    - name: rescue
      depends: "bad.Failed || bad.Errored"
      template: echo
      arguments: {{parameters: [{{name: text, value: "it was {{{{tasks.bad.status}}}}"}}]}}
{ECHO}""")
    )
    nodes = nodes_by_display_name(done)
    assert nodes["never"]["phase"] == "Omitted"
    assert outputs(nodes["rescue"]) == {"text": "it was Failed"}
    assert done["status"]["phase"] == "Failed"


def test_continue_on_accepts_a_failure(api: KubernetesApi) -> None:
    done = api.run(
        workflow(f"""
entrypoint: main
templates:
- name: main
  steps:
  - - {{name: bad, template: fail, continueOn: {{failed: true}}}}
  - - {{name: next, template: echo, arguments: {{parameters: [{{name: text, value: still}}]}}}}
{ECHO}""")
    )
    nodes = nodes_by_display_name(done)
    assert done["status"]["phase"] == "Succeeded"
    assert nodes["bad"]["phase"] == "Failed"
    assert outputs(nodes["next"]) == {"text": "still"}


def test_steps_run_in_groups(api: KubernetesApi) -> None:
    done = api.run(
        workflow(f"""
entrypoint: main
templates:
- name: main
  steps:
  - - {{name: a, template: echo, arguments: {{parameters: [{{name: text, value: a}}]}}}}
    - {{name: b, template: echo, arguments: {{parameters: [{{name: text, value: b}}]}}}}
  - - name: c
      template: echo
      arguments: {{parameters: [{{name: text, value: "{{{{steps.a.outputs.parameters.text}}}}"}}]}}
{ECHO}""")
    )
    nodes = nodes_by_display_name(done)
    name = done["metadata"]["name"]
    assert nodes[name]["type"] == "Steps"
    assert nodes["[0]"]["type"] == nodes["[1]"]["type"] == "StepGroup"
    assert nodes["[0]"]["children"] == [nodes["a"]["id"], nodes["b"]["id"]]
    assert nodes["c"]["name"] == f"{name}[1].c"
    assert outputs(nodes["c"]) == {"text": "a"}


def test_loops_create_a_node_for_each_item(api: KubernetesApi) -> None:
    done = api.run(
        workflow(f"""
entrypoint: main
templates:
- name: main
  dag:
    tasks:
    - name: each
      template: echo
      withParam: '["x", "y"]'
      arguments: {{parameters: [{{name: text, value: "<{{{{item}}}}>"}}]}}
    - name: all
      depends: each
      template: echo
      arguments: {{parameters: [{{name: text, value: "{{{{tasks.each.outputs.parameters.text}}}}"}}]}}
    - name: maps
      template: echo
      withItems: [{{k: v1}}, {{k: v2}}]
      arguments: {{parameters: [{{name: text, value: "{{{{item.k}}}}"}}]}}
{ECHO}""")
    )
    nodes = nodes_by_display_name(done)
    assert nodes["each"]["type"] == "TaskGroup"
    assert outputs(nodes["each(0:x)"]) == {"text": "<x>"}
    assert outputs(nodes["each(1:y)"]) == {"text": "<y>"}
    assert json.loads(outputs(nodes["all"])["text"]) == ["<x>", "<y>"]
    assert outputs(nodes["maps(1:k:v2)"]) == {"text": "v2"}


def test_when_skips_a_step(api: KubernetesApi) -> None:
    done = api.run(
        workflow(f"""
entrypoint: main
templates:
- name: main
  steps:
  - - name: skipped
      template: fail
      when: "a == b && true"
    - name: run
      template: echo
      when: "'two words' == 'two words' && 3 > 2 && !(a == b)"
      arguments: {{parameters: [{{name: text, value: ran}}]}}
{ECHO}""")
    )
    nodes = nodes_by_display_name(done)
    assert done["status"]["phase"] == "Succeeded"
    assert (nodes["skipped"]["type"], nodes["skipped"]["phase"]) == ("Skipped", "Skipped")
    assert nodes["run"]["phase"] == "Succeeded"


def test_each_retry_is_a_separate_node(api: KubernetesApi) -> None:
    done = api.run(
        workflow("""
entrypoint: main
templates:
- name: main
  retryStrategy: {limit: "3"}
  container: {image: IMAGE, command: [sh, -c], args: ["test {{retries}} -ge 1"]}
""")
    )
    name = done["metadata"]["name"]
    nodes = done["status"]["nodes"]
    assert done["status"]["phase"] == "Succeeded"
    assert nodes[name]["type"] == "Retry"
    phases = [nodes[child]["phase"] for child in nodes[name]["children"]]
    assert phases == ["Failed", "Succeeded"]
    assert nodes[nodes[name]["children"][0]]["displayName"] == f"{name}(0)"


def test_retries_are_limited(api: KubernetesApi) -> None:
    done = api.run(
        workflow(f"""
entrypoint: main
templates:
- name: main
  retryStrategy: {{limit: 1}}
  container: {{image: IMAGE, command: [sh, -c], args: ["exit 1"]}}
{ECHO}""")
    )
    assert done["status"]["phase"] == "Failed"
    assert "No more retries left" in done["status"]["message"]


@pytest.mark.parametrize(("entrypoint", "phase"), [("echo", "Succeeded"), ("fail", "Failed")])
def test_the_exit_handler_has_the_status_of_the_workflow(api: KubernetesApi, entrypoint: str, phase: str) -> None:
    done = api.run(
        workflow(f"""
entrypoint: {entrypoint}
onExit: bye
arguments: {{parameters: [{{name: text, value: x}}]}}
templates:
- name: bye
  outputs: {{parameters: [{{name: how, valueFrom: {{path: /tmp/how}}}}]}}
  container: {{image: IMAGE, command: [sh, -c], args: ["echo {{{{workflow.status}}}} > /tmp/how"]}}
{ECHO}""")
    )
    nodes = nodes_by_display_name(done)
    handler = nodes[f"{done['metadata']['name']}.onExit"]
    assert done["status"]["phase"] == phase
    assert outputs(handler) == {"how": phase}
