"""What is submitted of a manifest, and what is refused, as data.

The cases run on the stand-in's two APIs, and end to end on a real API server.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

from mlops_actions.core.types import Json
from tests.actions.argo_submit.job import SHA

HEAD = "apiVersion: argoproj.io/v1alpha1\nkind: Workflow\nmetadata: {generateName: case-}\n"
MAIN = "  - {name: main, container: {image: x, command: [echo]}}\n"


@dataclass(frozen=True)
class Case:
    """A submission. `expected` holds the values of the stored workflow by dotted paths; else `refused` is in the error.

    `objects` are put into the cluster before, by kind. `logged` is in the log.
    """

    name: str
    manifest: str = ""
    inputs: Mapping[str, str] = field(default_factory=dict)
    expected: Mapping[str, Any] = field(default_factory=dict)
    refused: str = ""
    remedy: str = ""
    logged: str = ""
    code: int = 2
    objects: tuple[Json, ...] = ()


def workflow(parameters: str = "", *, templates: str = MAIN, extra: str = "", metadata: str = "generateName: case-") -> str:
    """Return a manifest with parameters of the workflow, in YAML's flow style."""
    head = HEAD.replace("generateName: case-", metadata)
    return f"{head}spec:\n  entrypoint: main\n{extra}  arguments: {{parameters: [{parameters}]}}\n  templates:\n{templates}"


def template(name: str, spec: Json, kind: str = "WorkflowTemplate", **metadata: Any) -> Json:
    """Return an object of the cluster that holds templates."""
    return {"apiVersion": "argoproj.io/v1alpha1", "kind": kind, "metadata": {"name": name, **metadata}, "spec": spec}


def _with(name: str, parameters: str, expected: object, /, **inputs: str) -> Case:
    """A case about the workflow's first parameter."""
    return Case(name, workflow(parameters), inputs, {"spec.arguments.parameters.0": expected})


ECHO: Json = {
    "name": "main",
    "inputs": {"parameters": [{"name": "text"}]},
    "container": {"image": "x", "command": ["echo"], "args": ["{{inputs.parameters.text}}"]},
}
NEEDS: Json = {"entrypoint": "main", "arguments": {"parameters": [{"name": "data"}]}, "templates": [
    {"name": "main", "container": {"image": "x", "command": ["echo"]}},
]}  # fmt: skip
CRON: Json = {"schedules": ["0 0 1 1 *"], "workflowSpec": {"entrypoint": "main", "templates": NEEDS["templates"]}}


def _cron(spec: Json) -> Json:
    return {**CRON, "workflowSpec": spec}


def steps(name: str, step: Json) -> Json:
    return {"name": name, "steps": [[step]]}


def _calls(name: str) -> str:
    """Return a workflow with a step that runs the template `main` of another object."""
    step = f"{{name: a, templateRef: {{name: {name}, template: main}}}}"
    return workflow("{name: a, value: 1}", templates=f"  - name: main\n    steps: [[{step}]]\n")


SAY = "  - {name: say, inputs: {parameters: [{name: text}]}, container: {image: x, command: [echo]}}\n"
_SAYS: Json = {"entrypoint": "main", "templates": [*NEEDS["templates"], {**ECHO, "name": "say"}]}
_USES: Json = {"entrypoint": "main", "templates": [
    {"name": "main", "container": {"image": "x", "command": ["echo"], "args": ["{{workflow.parameters.b}}"]}},
]}  # fmt: skip
_CRASHING: Json = {"entrypoint": "main", "templates": [
    {"name": "main", "container": {"image": "x", "command": ["echo"], "env": [{"name": "A", "value": 1}]}},
]}  # fmt: skip
_MAP = "{configMapKeyRef: {name: settings, key: limit}}"

VALUES = [
    _with("a number", "{name: a, value: 1}", {"name": "a", "value": "1"}),
    _with("a truth", "{name: a, value: yes}", {"name": "a", "value": "true"}),
    _with("an exponent", "{name: a, value: 1e-3}", {"name": "a", "value": "0.001"}),
    _with("octal digits", "{name: a, value: 010}", {"name": "a", "value": "8"}),
    _with("a time", "{name: a, value: 12:30}", {"name": "a", "value": "12:30"}),
    _with("a date", "{name: a, value: 2026-01-02}", {"name": "a", "value": "2026-01-02"}),
    _with("a list", "{name: a, value: [1, x]}", {"name": "a", "value": '[1,"x"]'}),
    _with("a character in halves", '{name: a, value: "\\ud83d\\ude00"}', {"name": "a", "value": "😀"}),
    _with("half a character", "{name: a}", {"name": "a", "value": "\ufffd"}, parameters='{"a": "\\ud83d"}'),
    _with("half a character in YAML", "{name: a}", {"name": "a", "value": "\ufffd"}, parameters='a: "\\ud83d"'),
    _with("an empty text", "{name: a, value: ''}", {"name": "a", "value": ""}),
    _with("a choice", "{name: a, value: 2, enum: [1, 2]}", {"name": "a", "value": "2", "enum": ["1", "2"]}),
    _with("a prompt", '{name: a, value: "Hi {{ user }}, {% if x %}"}', {"name": "a", "value": "Hi {{ user }}, {% if x %}"}),
    _with("a variable", "{name: a, value: '{{workflow.name}}'}", {"name": "a", "value": "{{workflow.name}}"}),
    _with(
        "a config map", f"{{name: a, valueFrom: {_MAP}}}",
        {"name": "a", "valueFrom": {"configMapKeyRef": {"name": "settings", "key": "limit"}}},
    ),
    _with(
        "a config map with a default",
        "{name: a, valueFrom: {default: 3, configMapKeyRef: {name: settings, key: limit}}}",
        {"name": "a", "valueFrom": {"configMapKeyRef": {"name": "settings", "key": "limit"}, "default": "3"}},
    ),
    _with("a value instead of a map", f"{{name: a, valueFrom: {_MAP}}}", {"name": "a", "value": "9"}, parameters="a=9"),
    _with("a default only", "{name: a, default: 3}", {"name": "a", "default": "3", "value": "3"}),
    _with("another value", "{name: a, default: 3}", {"name": "a", "default": "3", "value": "4"}, parameters="a=4"),
    _with("a commit in the manifest", "{name: sha, value: main}", {"name": "sha", "value": "main"}),
    _with("a commit in the inputs", "{name: sha, value: main}", {"name": "sha", "value": "1" * 40}, sha="1" * 40),
    _with("a commit in the parameters", "{name: sha, value: main}", {"name": "sha", "value": "x"}, parameters="sha=x"),
    _with("a place for the commit", "{name: sha, value: ''}", {"name": "sha", "value": SHA}),
    _with("a commit without a value", "{name: github_sha}", {"name": "github_sha", "value": SHA}),
    _with("a commit's config map", f"{{name: sha, valueFrom: {_MAP}}}", {
        "name": "sha", "valueFrom": {"configMapKeyRef": {"name": "settings", "key": "limit"}},
    }),
    _with("a pull request in the manifest", "{name: pr, value: 0}", {"name": "pr", "value": "0"}),
    _with("a pull request in the inputs", "{name: pr, value: 0}", {"name": "pr", "value": "7"}, pr_number="7"),
    _with("a repository in the manifest", "{name: repo, value: other/one}", {"name": "repo", "value": "other/one"}),
    _with("an image in the inputs", "{name: image, value: old}", {"name": "image", "value": "new:1"}, image="new:1"),
    Case("inputs of a template", workflow(templates=(
        "  - name: main\n    inputs: {parameters: [{name: k, value: 3}, {name: live, default: true}]}\n"
        "    container: {image: x, command: [echo]}\n"
    )), expected={"spec.templates.0.inputs.parameters": [{"name": "k", "value": "3"}, {"name": "live", "default": "true"}]}),
    Case("arguments of a step", workflow(templates=(
        "  - name: main\n    steps:\n    - - name: a\n        template: echo\n"
        "        arguments: {parameters: [{name: k, value: 3}]}\n"
        "  - {name: echo, inputs: {parameters: [{name: k}]}, container: {image: x, command: [echo]}}\n"
    )), expected={"spec.templates.0.steps.0.0.arguments.parameters": [{"name": "k", "value": "3"}]}),
    Case("the default of an output", workflow(templates=(
        "  - name: main\n    container: {image: x, command: [echo]}\n"
        "    outputs: {parameters: [{name: k, valueFrom: {path: /k, default: 0}}]}\n"
    )), expected={"spec.templates.0.outputs.parameters.0.valueFrom.default": "0"}),
    Case("numbers or texts", workflow(templates=(
        "  - name: main\n    retryStrategy: {limit: 3}\n"
        "    container: {image: x, command: [echo], resources: {limits: {cpu: 0.5, memory: 1Gi}}}\n"
    )), expected={
        "spec.templates.0.retryStrategy.limit": 3,
        "spec.templates.0.container.resources.limits": {"cpu": 0.5, "memory": "1Gi"},
    }),
    Case("a prompt in a script", workflow(templates=(
        "  - name: main\n    script: {image: x, command: [python3], source: 'print(\"{{ user }} {{#each}}\")'}\n"
    )), expected={"spec.templates.0.script.source": 'print("{{ user }} {{#each}}")'}),
    Case("a merge key", workflow(templates=(
        "  - name: main\n    container: &base {image: x, command: [echo]}\n  - name: other\n"
        "    container:\n      <<: *base\n      image: z\n"
    )), expected={"spec.templates.1.container": {"image": "z", "command": ["echo"]}}),
    Case("finalizers and owners", workflow(metadata=(
        "generateName: case-, finalizers: [example.test/hold], ownerReferences: "
        "[{apiVersion: v1, kind: ConfigMap, name: owner, uid: 7f0c0f0e-0000-4000-8000-000000000001}]"
    )), expected={
        "metadata.finalizers": ["example.test/hold"],
        "metadata.ownerReferences": [
            {"apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": "7f0c0f0e-0000-4000-8000-000000000001"}
        ],
    }),
    Case("a manifest as JSON", json.dumps(yaml.safe_load(workflow("{name: a, value: 😀}"))),
         expected={"spec.arguments.parameters.0.value": "😀"}),
    Case("labels and annotations", workflow(metadata="generateName: case-, labels: {team: ml}, annotations: {b: c}"), {
        "labels": "branch=feature-x", "annotations": "branch=feature/x",
    }, {"metadata.labels.team": "ml", "metadata.labels.branch": "feature-x", "metadata.annotations.branch": "feature/x"}),
    Case("a label with a domain", workflow(), {"labels": "example.test/team=ml\nb=c", "annotations": "example.test/a=b c"},
         {"metadata.labels.example\\.test/team": "ml", "metadata.annotations.example\\.test/a": "b c"}),
    Case("a version as label", workflow(), {"labels": '{"version": 1.10}'}, {"metadata.labels.version": "1.10"}),
]  # fmt: skip

GIVEN = [
    Case("a variable that is given", workflow("{name: a}"), {"parameters": '{"a": "{{workflow.uid}}"}'},
         refused="parameter 'a' holds '{{'", remedy="commit the text as a file that the workflow reads, or give it in"),
    Case("a parameter without a value", workflow("{name: a}"), refused="the workflow's parameter 'a' has no value"),
    Case("an event", workflow("{name: a, valueFrom: {path: /x}}"), refused="needs configMapKeyRef, event or supplied"),
]  # fmt: skip

UNKNOWN = [
    Case("a field of the metadata", workflow(metadata="generateName: case-, lables: {a: b}"),
         refused="metadata has no field 'lables' (did you mean 'labels'?)", remedy="correct or remove the field"),
    Case("a field of the object", workflow().replace("spec:", "sepc: {}\nspec:"),
         refused="Workflow has no field 'sepc' (did you mean 'spec'?)"),
    Case("a field of the metadata, with a warning", workflow(metadata="generateName: case-, lables: {a: b}"),
         {"strict": "false"}, {"metadata.lables": None}, logged="metadata has no field 'lables' (did you mean 'labels'?)"),
    Case("a field of a schedule", (
        "apiVersion: argoproj.io/v1alpha1\nkind: CronWorkflow\nmetadata: {name: case}\nspec:\n  scedules: ['0 0 1 1 *']\n"
        f"  workflowSpec:\n    entrypoint: main\n    templates:\n  {MAIN}"
    ), refused="spec has no field 'scedules' (did you mean 'schedules'?)"),
    Case("a field of the spec", workflow(extra="  entrypont: x\n"), refused="spec has no field 'entrypont' (did you"),
]  # fmt: skip

FROM = [
    Case("a schedule's time", inputs={"from_": "cronworkflow/case-cron"},
         objects=(template("case-cron", CRON, "CronWorkflow"),),
         expected={"metadata.labels.workflows\\.argoproj\\.io/cron-workflow": "case-cron",
                   "metadata.ownerReferences.0.kind": "CronWorkflow", "metadata.ownerReferences.0.name": "case-cron",
                   "metadata.ownerReferences.0.uid": "*", "metadata.ownerReferences.0.controller": True,
                   "metadata.annotations.workflows\\.argoproj\\.io/scheduled-time": "*"}),
    Case("a schedule's metadata", inputs={"from_": "cronworkflow/case-cron-metadata"}, objects=(template(
        "case-cron-metadata",
        {**CRON, "workflowMetadata": {"labels": {"team": "ml"}, "annotations": {"note": "x"}, "finalizers": ["a.test/b"]}},
        "CronWorkflow", labels={"workflows.argoproj.io/controller-instanceid": "two", "own": "x"},
    ),), expected={
        "metadata.labels.team": "ml", "metadata.annotations.note": "x", "metadata.finalizers": ["a.test/b"],
        "metadata.labels.workflows\\.argoproj\\.io/controller-instanceid": "two", "metadata.labels.own": None,
    }),
    Case("a schedule with a wrong type", inputs={"from_": "cronworkflow/case-cron-crash"}, objects=(
        template("case-cron-crash", {**CRON, "workflowSpec": _CRASHING}, "CronWorkflow"),
    ), refused="'case-cron-crash' in the cluster cannot be run: template 'main': container.env[0].value must be"),
    Case("a schedule's entrypoint", inputs={"from_": "cronworkflow/case-cron-entry"}, objects=(
        template("case-cron-entry", _cron({**CRON["workflowSpec"], "entrypoint": "mian"}), "CronWorkflow"),
    ), refused="entrypoint names no template: 'mian' (did you mean 'main'?)"),
    Case("a schedule of a template", "", {"from_": "cronworkflow/case-cron-ref", "parameters": "data=5"}, objects=(
        template("case-cron-ref", _cron({"workflowTemplateRef": {"name": "case-cron-needs"}}), "CronWorkflow"),
        template("case-cron-needs", NEEDS),
    ), expected={"spec.arguments.parameters": [{"name": "data", "value": "5"}]}),
    Case("a schedule of a template without a value", inputs={"from_": "cronworkflow/case-cron-ref-2"}, objects=(
        template("case-cron-ref-2", _cron({"workflowTemplateRef": {"name": "case-needs-9"}}), "CronWorkflow"),
        template("case-needs-9", NEEDS),
    ), refused="the workflow's parameter 'data' has no value"),
    Case("a template with a wrong type", inputs={"from_": "workflowtemplate/case-crash"},
         objects=(template("case-crash", _CRASHING),), refused="'case-crash' in the cluster cannot be run"),
    Case("a template's parameter without a value", inputs={"from_": "workflowtemplate/case-needs"},
         objects=(template("case-needs", NEEDS),), refused="the workflow's parameter 'data' has no value"),
    Case("a template's parameter", "", {"from_": "workflowtemplate/case-needs-2", "parameters": "data=x"},
         {"spec.arguments.parameters": [{"name": "data", "value": "x"}]}, objects=(template("case-needs-2", NEEDS),)),
    Case("a template's cluster", inputs={"from_": "clusterworkflowtemplate/case-needs-3"},
         objects=(template("case-needs-3", NEEDS, "ClusterWorkflowTemplate"),),
         refused="the workflow's parameter 'data' has no value"),
    Case("a reference without a value", f"{HEAD}spec: {{workflowTemplateRef: {{name: case-needs-4}}}}\n",
         objects=(template("case-needs-4", NEEDS),), refused="the workflow's parameter 'data' has no value"),
    Case("a reference with a value", f"{HEAD}spec: {{workflowTemplateRef: {{name: case-needs-5}}}}\n",
         {"parameters": "data=x"}, {"spec.arguments.parameters": [{"name": "data", "value": "x"}]},
         objects=(template("case-needs-5", NEEDS),)),
    Case("a reference to nothing", f"{HEAD}spec: {{workflowTemplateRef: {{name: case-none}}}}\n",
         refused="refers to the workflowtemplate 'case-none', which the cluster does not have"),
    Case("a reference and templates", f"{HEAD}spec:\n  workflowTemplateRef: {{name: case-6}}\n  templates:\n{MAIN}",
         objects=(template("case-6", {**NEEDS, "arguments": {}}),), refused="stands beside 'workflowTemplateRef'"),
    Case("an entrypoint that the reference lacks",
         f"{HEAD}spec: {{workflowTemplateRef: {{name: case-7}}, entrypoint: mian}}\n",
         objects=(template("case-7", {**NEEDS, "arguments": {}}),),
         refused="names no template of the workflowtemplate 'case-7': 'mian' (did you mean 'main'?)"),
    Case("a step of another object without its input", workflow(templates=(
        "  - name: main\n    steps: [[{name: a, templateRef: {name: case-echo, template: main}}]]\n"
    )), objects=(template("case-echo", {"templates": [ECHO]}),), refused="gives no value for the input 'text'"),
    Case("a step of another object with its input", workflow(templates=(
        "  - name: main\n    steps: [[{name: a, templateRef: {name: case-echo-2, template: main}, "
        "arguments: {parameters: [{name: text, value: 1}]}}]]\n"
    )), objects=(template("case-echo-2", {"templates": [ECHO]}),),
        expected={"spec.templates.0.steps.0.0.arguments.parameters.0.value": "1"}),
    Case("a step of another object that lacks the template", workflow(templates=(
        "  - name: main\n    dag: {tasks: [{name: a, templateRef: {name: case-echo-3, template: man}}]}\n"
    )), objects=(template("case-echo-3", {"templates": [ECHO]}),), refused="names no template of the workflowtemplate"),
    Case("a step of another object that crashes", workflow(templates=(
        "  - name: main\n    dag: {tasks: [{name: a, templateRef: {name: case-crash-2, template: main}}]}\n"
    )), objects=(template("case-crash-2", _CRASHING),), refused="'case-crash-2' in the cluster cannot be run"),
    Case("a step of another object that runs a template which is missing there", _calls("case-deep"), objects=(
        template("case-deep", {"templates": [steps("main", {"name": "b", "template": "mian"})]}),
    ), refused="refers to the workflowtemplate 'case-deep', which Argo refuses: template 'main': steps[0][0].template "),
    Case("a step of another object that uses an unknown input", _calls("case-deep-2"), objects=(
        template("case-deep-2", {"templates": [{**ECHO, "inputs": {}}]}),
    ), refused="which Argo refuses: template 'main': container.args[0] uses a variable that nothing defines"),
    Case("a step of another object whose own reference is missing", _calls("case-deep-3"), objects=(
        template("case-deep-3", {"templates": [
            steps("main", {"name": "b", "templateRef": {"name": "case-none", "template": "x"}}),
        ]}),
    ), refused="refers to the workflowtemplate 'case-none', which the cluster does not have"),
    Case("a step of another object whose own reference lacks its input", _calls("case-deep-4"), objects=(
        template("case-deep-4", {"templates": [
            steps("main", {"name": "b", "templateRef": {"name": "case-echo-4", "template": "main"}}),
        ]}),
        template("case-echo-4", {"templates": [ECHO]}),
    ), refused="gives no value for the input 'text' of template 'main'"),
    Case("a template by reference that runs a template which is missing there", inputs={
        "from_": "workflowtemplate/case-deep-5",
    }, objects=(template("case-deep-5", {
        "entrypoint": "main", "templates": [steps("main", {"name": "b", "template": "mian"})],
    }),), refused="refers to the workflowtemplate 'case-deep-5', which Argo refuses: template 'main'"),
    Case("a step of another object that refers back", _calls("case-deep-6"), objects=(
        template("case-deep-6", {"templates": [
            steps("main", {"name": "b", "templateRef": {"name": "case-deep-6", "template": "other"}}),
            {"name": "other", "container": {"image": "x", "command": ["echo"], "args": ["{{workflow.parameters.a}}"]}},
            {"name": "unreached", "dag": {"tasks": [{"name": "a", "template": "nothing"}]}},
        ]}),
    ), expected={"metadata.generateName": "case-"}),
    Case("a template that uses a parameter which nobody declares", inputs={"from_": "workflowtemplate/case-uses"},
         objects=(template("case-uses", _USES),), remedy="give it in 'parameters', or correct its name, and apply the",
         refused="args[0] uses a variable that nothing defines: '{{workflow.parameters.b}}'"),
    Case("a value for a parameter that only a template uses", "",
         {"from_": "workflowtemplate/case-uses-2", "parameters": "b=1"},
         {"spec.arguments.parameters": [{"name": "b", "value": "1"}]}, objects=(template("case-uses-2", _USES),)),
    Case("a value for a parameter that only a container uses", workflow(templates=(
        "  - {name: main, container: {image: x, command: [echo], args: ['{{workflow.parameters.b}}']}}\n"
    )), {"parameters": "b=1"}, {"spec.arguments.parameters": [{"name": "b", "value": "1"}]}),
    Case("a step of another object that uses a parameter which nobody declares", _calls("case-uses-3"),
         objects=(template("case-uses-3", {**_USES, "arguments": {"parameters": [{"name": "b", "value": "1"}]}}),),
         refused="'{{workflow.parameters.b}}'"),
    Case("a step of a template whose schedule declares the parameter", inputs={"from_": "cronworkflow/case-cron-uses"},
         objects=(
        template("case-cron-uses", _cron({
            "workflowTemplateRef": {"name": "case-uses-4"}, "arguments": {"parameters": [{"name": "b", "value": "1"}]},
        }), "CronWorkflow"), template("case-uses-4", _USES),
    ), expected={"spec.arguments.parameters": [{"name": "b", "value": "1"}]}),
    Case("a step of another object that uses a parameter of the template that runs it", "",
         {"from_": "workflowtemplate/case-uses-5"}, {"spec.workflowTemplateRef.name": "case-uses-5"}, objects=(
        template("case-uses-5", {"entrypoint": "main", "arguments": {"parameters": [{"name": "b", "value": "1"}]},
                                 "templates": [
            steps("main", {"name": "a", "templateRef": {"name": "case-uses-6", "template": "main"}}),
        ]}), template("case-uses-6", _USES),
    )),
    Case("a field that Argo leaves out, with a variable", inputs={"from_": "workflowtemplate/case-field"}, objects=(
        template("case-field", {"entrypoint": "main", "templates": [
             {"name": "main", "container": {"image": "x", "command": ["echo"], "argss": ["{{inputs.parameters.a}}"]}},
        ]}),
    ), expected={"spec.workflowTemplateRef.name": "case-field"}),
    Case("templates without names", _calls("case-nameless"),
         objects=(template("case-nameless", {"templates": [{"container": {"image": "x"}}]}),),
         refused="names no template of the workflowtemplate 'case-nameless': 'main'"),
    Case("a reference to what a variable names", f"{HEAD}spec: {{workflowTemplateRef: {{name: '{{{{workflow.name}}}}'}}}}\n",
         refused="workflowTemplateRef.name is no name: Argo puts no values in here"),
    Case("another entrypoint without its input", "", {"from_": "workflowtemplate/case-say", "entrypoint": "say"},
         objects=(template("case-say", _SAYS),), refused="entrypoint gives no value for the input 'text' of template 'say'"),
    Case("another entrypoint with its input", "", {"from_": "workflowtemplate/case-say-2", "entrypoint": "say"},
         {"spec.entrypoint": "say"},
         objects=(template("case-say-2", {**_SAYS, "arguments": {"parameters": [{"name": "text", "value": "a"}]}}),)),
    Case("another entrypoint by the name that act leaves alone", "", {
        "from_": "workflowtemplate/case-say-2", "workflow_entrypoint": "say",
    }, {"spec.entrypoint": "say"},
         objects=(template("case-say-2", {**_SAYS, "arguments": {"parameters": [{"name": "text", "value": "a"}]}}),)),
    Case("another entrypoint under both names", workflow(), {
        "entrypoint": "main", "workflow_entrypoint": "main",
    }, {"spec.entrypoint": "main"}),
    Case("another entrypoint of a file without its input", workflow(templates=MAIN + SAY), {"entrypoint": "say"},
         refused="entrypoint gives no value for the input 'text' of template 'say'"),
    Case("an exit handler without its input", inputs={"from_": "workflowtemplate/case-say-3"},
         objects=(template("case-say-3", {**_SAYS, "onExit": "say"}),), refused="gives no value for the input 'text'"),
    Case("an exit handler of a file without its input", workflow(templates=MAIN + SAY, extra="  onExit: say\n"),
         refused="onExit gives no value for the input 'text' of template 'say'"),
    Case("an exit handler whose input only the template's arguments give", (
        f"{HEAD}spec: {{workflowTemplateRef: {{name: case-say-4}}, onExit: say}}\n"
    ), objects=(template("case-say-4", {**_SAYS, "arguments": {"parameters": [{"name": "text", "value": "a"}]}}),),
        refused="onExit gives no value for the input 'text' of template 'say'"),
    Case("an exit handler with its input", "", {"from_": "workflowtemplate/case-say-5", "parameters": "text=b"},
         {"spec.arguments.parameters": [{"name": "text", "value": "b"}]}, objects=(template("case-say-5", {
             **_SAYS, "onExit": "say", "arguments": {"parameters": [{"name": "text", "value": "a"}]},
         }),)),
    Case("an input that an event would give", workflow("{name: text, valueFrom: {event: payload}}", templates=(
        "  - {name: main, inputs: {parameters: [{name: text}]}, container: {image: x, command: [echo]}}\n"
    )), refused="entrypoint gives no value for the input 'text' of template 'main'"),
    Case("a template's commit", inputs={"from_": "workflowtemplate/case-sha"}, objects=(template("case-sha", {
        **NEEDS, "arguments": {"parameters": [{"name": "sha", "value": "main"}, {"name": "pr", "value": ""}]},
    }),), expected={"spec.arguments.parameters": [{"name": "sha", "value": "main"}, {"name": "pr", "value": ""}]}),
]  # fmt: skip

_OTHERS = "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\n"
_TEMPLATE = (
    "---\napiVersion: argoproj.io/v1alpha1\nkind: WorkflowTemplate\nmetadata: {name: t}\n"
    f"spec:\n  entrypoint: main\n  templates:\n{MAIN}"
)
_LEFT_OUT = "stands beside the Workflow and is not submitted: if the workflow needs it, apply it before"
DOCUMENTS = [
    Case("a config map behind the workflow", workflow() + _OTHERS, expected={"metadata.generateName": "case-"},
         logged=f"ConfigMap {_LEFT_OUT}"),
    Case("a config map before the workflow", f"{_OTHERS}---\n{workflow()}", expected={"metadata.generateName": "case-"},
         logged=f"workflow:2: ConfigMap {_LEFT_OUT}"),
    Case("a template beside the workflow", workflow() + _TEMPLATE, expected={"metadata.generateName": "case-"},
         logged=f"WorkflowTemplate {_LEFT_OUT}"),
    Case("a config map beside a template", _TEMPLATE + _OTHERS, expected={"metadata.generateName": "t-"},
         logged="ConfigMap stands beside the WorkflowTemplate and is not submitted"),
    Case("two workflows and a config map", f"{workflow()}---\n{workflow()}{_OTHERS}",
         refused="several documents, but only one can be run: Workflow at ", remedy="use a step or a job for each"),
    Case("two templates", _TEMPLATE + _TEMPLATE, refused="several documents, but only one can be run: WorkflowTemplate at "),
    Case("config maps alone", _OTHERS + _OTHERS, refused="ConfigMap is not a Workflow"),
]  # fmt: skip

CASES = [*VALUES, *GIVEN, *UNKNOWN, *FROM, *DOCUMENTS]
