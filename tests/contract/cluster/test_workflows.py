"""Workflows: what the controller makes of them, and what it says of them in their status."""

from __future__ import annotations

import json

import pytest

from tests.contract.cluster.client import KubernetesApi, nodes_by_display_name, outputs
from tests.contract.cluster.test_objects import TEMPLATES, create


def workflow(spec: str, name: str = "test") -> str:
    """A manifest around the lines of a spec."""
    lines = "".join(f"  {line}\n" for line in spec.strip("\n").splitlines())
    return f"apiVersion: argoproj.io/v1alpha1\nkind: Workflow\nmetadata:\n  generateName: {name}-\nspec:\n{lines}"


ECHO = """
- name: echo
  inputs: {parameters: [{name: text}]}
  outputs: {parameters: [{name: text, valueFrom: {path: /tmp/text}}]}
  container:
    image: IMAGE
    command: [sh, -c]
    args: ["printf '%s\\\\n' '{{inputs.parameters.text}}' | tee /tmp/text"]
- name: fail
  container: {image: IMAGE, command: [sh, -c], args: ["echo broken >&2; exit 3"]}
"""


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


def test_a_dag_passes_outputs_on_and_hangs_nodes_from_each_other(api: KubernetesApi) -> None:
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


def test_what_depends_on_a_failure_is_omitted_and_what_expects_it_runs(api: KubernetesApi) -> None:
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


def test_continue_on_forgives(api: KubernetesApi) -> None:
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


def test_loops_make_a_node_an_item(api: KubernetesApi) -> None:
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


def test_when_skips(api: KubernetesApi) -> None:
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


def test_retries_are_nodes_of_their_own(api: KubernetesApi) -> None:
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


def test_retries_come_to_an_end(api: KubernetesApi) -> None:
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
def test_the_exit_handler_knows_how_it_ended(api: KubernetesApi, entrypoint: str, phase: str) -> None:
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


def test_global_outputs_are_the_workflows(api: KubernetesApi) -> None:
    done = api.run(
        workflow("""
entrypoint: main
templates:
- name: main
  outputs: {parameters: [{name: a, globalName: score, valueFrom: {path: /tmp/a}}]}
  container: {image: IMAGE, command: [sh, -c], args: ["echo 0.9 > /tmp/a"]}
""")
    )
    assert outputs(done["status"]) == {"score": "0.9"}


def test_a_script_gets_its_source_and_leaves_its_result(api: KubernetesApi) -> None:
    done = api.run(
        workflow(f"""
entrypoint: main
templates:
- name: main
  steps:
  - - {{name: compute, template: compute}}
  - - name: next
      template: echo
      arguments: {{parameters: [{{name: text, value: "{{{{steps.compute.outputs.result}}}}"}}]}}
- name: compute
  script:
    image: IMAGE
    command: [python3]
    source: |
      import sys
      print("noise", file=sys.stderr)
      print(6 * 7)
{ECHO}""")
    )
    nodes = nodes_by_display_name(done)
    assert nodes["compute"]["outputs"]["result"] == "42"
    assert outputs(nodes["next"]) == {"text": "42"}


def test_artifacts_travel_by_path(api: KubernetesApi) -> None:
    done = api.run(
        workflow("""
entrypoint: main
templates:
- name: main
  dag:
    tasks:
    - {name: make, template: make}
    - name: use
      template: use
      depends: make
      arguments: {artifacts: [{name: data, from: "{{tasks.make.outputs.artifacts.data}}"}]}
- name: make
  outputs: {artifacts: [{name: data, path: /mnt/work/data}]}
  container: {image: IMAGE, command: [sh, -c], args: ["mkdir -p /mnt/work/data/sub; echo deep > /mnt/work/data/sub/file"]}
- name: use
  inputs: {artifacts: [{name: data, path: /mnt/elsewhere}]}
  outputs: {parameters: [{name: read, valueFrom: {path: /tmp/read}}]}
  container: {image: IMAGE, command: [sh, -c], args: ["cat /mnt/elsewhere/sub/file > /tmp/read"]}
""")
    )
    assert outputs(nodes_by_display_name(done)["use"]) == {"read": "deep"}


def test_a_missing_output_is_an_error(api: KubernetesApi) -> None:
    done = api.run(
        workflow("""
entrypoint: main
templates:
- name: main
  outputs: {parameters: [{name: a, valueFrom: {path: /tmp/never-written}}]}
  container: {image: IMAGE, command: [sh, -c], args: ["true"]}
""")
    )
    assert done["status"]["phase"] in ("Error", "Failed")
    assert "/tmp/never-written" in done["status"]["message"]


def test_a_values_text_is_never_read_as_a_tag_or_an_operator(api: KubernetesApi) -> None:
    hostile = "a || true {{workflow.name}}"
    manifest = workflow(f"""
entrypoint: main
arguments: {{parameters: [{{name: text, value: safe}}]}}
templates:
- name: main
  steps:
  - - name: guarded
      template: fail
      when: "'{{{{workflow.parameters.text}}}}' == 'a'"
{ECHO}""").replace("value: safe", f"value: {json.dumps(hostile)}")
    done = api.run(manifest)
    assert nodes_by_display_name(done)["guarded"]["phase"] == "Skipped"


def test_a_template_object_runs_by_reference_with_its_own_defaults(api: KubernetesApi) -> None:
    made = create(api, generateName="base-")
    name = made["metadata"]["name"]
    api.patch(
        f"{TEMPLATES}/{name}",
        {
            "spec": {
                "entrypoint": "main",
                "arguments": {"parameters": [{"name": "a", "value": "1"}, {"name": "b", "value": "2"}]},
                "templates": [
                    {
                        "name": "main",
                        "outputs": {"parameters": [{"name": "sum", "valueFrom": {"path": "/tmp/sum"}}]},
                        "container": {
                            "image": api.image,
                            "command": ["sh", "-c"],
                            "args": ["echo {{workflow.parameters.a}}{{workflow.parameters.b}} > /tmp/sum"],
                        },
                    }
                ],
            }
        },
    )
    done = api.run(
        workflow(f"""
workflowTemplateRef: {{name: {name}}}
arguments: {{parameters: [{{name: b, value: "3"}}]}}
""")
    )
    assert outputs(done["status"]["nodes"][done["metadata"]["name"]]) == {"sum": "13"}


def test_an_argument_without_a_value_is_an_invalid_spec(api: KubernetesApi) -> None:
    done = api.run(workflow(f"entrypoint: echo\narguments: {{parameters: [{{name: text}}]}}\ntemplates:{ECHO}"))
    assert done["status"]["phase"] in ("Failed", "Error")
    assert "invalid spec" in done["status"]["message"]
    assert "spec.arguments.text.value" in done["status"]["message"]


def test_environment_comes_from_secrets(api: KubernetesApi) -> None:
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"generateName": "key-"}, "stringData": {"k": "s3cret"}}
    made = api.request("POST", "/api/v1/namespaces/{namespace}/secrets", json=secret).json()["metadata"]["name"]
    done = api.run(
        workflow(f"""
entrypoint: main
templates:
- name: main
  outputs: {{parameters: [{{name: a, valueFrom: {{path: /tmp/a}}}}]}}
  container:
    image: IMAGE
    command: [sh, -c]
    args: ["printf %s \\"$KEY-$PLAIN\\" > /tmp/a"]
    env:
    - {{name: KEY, valueFrom: {{secretKeyRef: {{name: {made}, key: k}}}}}}
    - {{name: PLAIN, value: "{{{{workflow.name}}}}"}}
""")
    )
    name = done["metadata"]["name"]
    assert outputs(done["status"]["nodes"][name]) == {"a": f"s3cret-{name}"}
