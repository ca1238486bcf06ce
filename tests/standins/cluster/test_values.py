"""Values in a workflow: arguments, outputs, results, artifacts, variables."""

from __future__ import annotations

import json

from tests.standins.cluster.client import KubernetesApi, nodes_by_display_name, outputs
from tests.standins.cluster.manifests import ECHO, workflow
from tests.standins.cluster.test_objects import TEMPLATES, create


def test_global_outputs_become_outputs_of_the_workflow(api: KubernetesApi) -> None:
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


def test_a_dags_output_is_global_only_as_a_task_of_another_dag(api: KubernetesApi) -> None:
    done = api.run(
        workflow("""
entrypoint: main
templates:
- name: main
  dag: {tasks: [{name: inner, template: inner}]}
  outputs:
    parameters:
    - {name: a, globalName: outermost, valueFrom: {parameter: "{{tasks.inner.outputs.parameters.a}}"}}
- name: inner
  dag: {tasks: [{name: leaf, template: leaf}]}
  outputs:
    parameters:
    - {name: a, globalName: between, valueFrom: {parameter: "{{tasks.leaf.outputs.parameters.a}}"}}
- name: leaf
  outputs: {parameters: [{name: a, globalName: innermost, valueFrom: {path: /tmp/a}}]}
  container: {image: IMAGE, command: [sh, -c], args: ["echo 0.9 > /tmp/a"]}
""")
    )
    assert outputs(done["status"]) == {"innermost": "0.9", "between": "0.9"}


def test_a_script_runs_its_source_and_returns_its_result(api: KubernetesApi) -> None:
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


def test_artifacts_are_passed_by_path(api: KubernetesApi) -> None:
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
  outputs: {artifacts: [{name: data, path: /mnt/made/data}]}
  container: {image: IMAGE, command: [sh, -c], args: ["mkdir -p /mnt/made/data/sub; echo deep > /mnt/made/data/sub/file"]}
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
    name = create(api, generateName="base-")["metadata"]["name"]
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
    secret_name = api.request("POST", "/api/v1/namespaces/{namespace}/secrets", json=secret).json()["metadata"]["name"]
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
    - {{name: KEY, valueFrom: {{secretKeyRef: {{name: {secret_name}, key: k}}}}}}
    - {{name: PLAIN, value: "{{{{workflow.name}}}}"}}
""")
    )
    name = done["metadata"]["name"]
    assert outputs(done["status"]["nodes"][name]) == {"a": f"s3cret-{name}"}
