"""Types and fields of a manifest are those that Argo's controller can read; values become texts where Argo makes texts."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from mlops_actions.argo_submit import schema
from mlops_actions.argo_submit.documents import InvalidManifest, parse
from mlops_actions.argo_submit.manifest import select, to_workflow
from mlops_actions.core.types import Json

_ROOT = Path(__file__).parents[3]
_HEAD = "apiVersion: argoproj.io/v1alpha1\nkind: Workflow\nmetadata: {generateName: a-}\nspec:\n"
_MAIN = _HEAD + "  entrypoint: main\n  templates:\n"


def _template(fields: str) -> str:
    return f"{_MAIN}  - name: main\n" + "".join(f"    {line}\n" for line in fields.splitlines())


def _container(field: str) -> str:
    return _template(f"container:\n  image: x\n  {field}")


def _claim(created: str, more: str = "") -> str:
    claim = f"{{metadata: {{name: work, creationTimestamp: '{created}'{more}}}, spec: {{}}}}"
    return _template("suspend: {}").replace("spec:\n", f"spec:\n  volumeClaimTemplates: [{claim}]\n", 1)


def _read(text: str, *, strict: bool = True) -> tuple[Json, tuple[str, ...]]:
    read = to_workflow(select(parse(text, "wf.yaml")), strict=strict)
    return read.workflow, read.warnings


# What stops a controller, or is lost on the way, each with the message and the remedy.
REFUSED: dict[str, tuple[str, str, str]] = {
    "a number in env": (
        _container("env: [{name: A, value: 1}]"),
        "template 'main': container.env[0].value must be a text, not the number 1", 'quote it: "1"',
    ),
    "a boolean in env": (
        _container("env: [{name: A, value: on}]"), "env[0].value must be a text, not true", 'quote it: "true"',
    ),
    "a number in args": (
        _container("args: [1]"), "container.args[0] must be a text, not the number 1", 'quote it: "1"'),
    "args that are no list": (
        _container("args: run"), "container.args must be a list, not the text \"run\"", "write a list"),
    "a command that is a mapping": (_container("command: {a: b}"), "command must be a list, not a mapping", "write a list"),
    "a duration as number of seconds": (
        _HEAD + "  entrypoint: main\n  activeDeadlineSeconds: 5m\n  templates: [{name: main, suspend: {}}]\n",
        'activeDeadlineSeconds must be a whole number, not the text "5m"', "without unit and quotes",
    ),
    "a fraction as number of seconds": (
        _HEAD + "  entrypoint: main\n  activeDeadlineSeconds: 1.5\n  templates: [{name: main, suspend: {}}]\n",
        "activeDeadlineSeconds must be a whole number, not the number 1.5", "write a whole number",
    ),
    "a priority beyond 32 bits": (
        _HEAD + "  entrypoint: main\n  priority: 3000000000\n  templates: [{name: main, suspend: {}}]\n",
        "priority must be a whole number from -2147483648 to 2147483647, not 3000000000", "correct the number",
    ),
    "a unit that Kubernetes lacks": (
        _container("resources: {limits: {memory: 1GiB}}"),
        "container.resources.limits.memory must be a quantity such as 2, 500m or 1.5Gi, not the text \"1GiB\"", "quantity",
    ),
    "a line's end behind a quantity": (
        _container('resources: {limits: {cpu: "1\\n"}}'), "limits.cpu must be a quantity", "quantity",
    ),
    "a blank as quantity": (_container("resources: {limits: {cpu: ' '}}"), "limits.cpu must be a quantity", "quantity"),
    "a depth below zero": (
        _template("suspend: {}\ninputs: {artifacts: [{name: a, git: {repo: x, depth: -1}}]}"),
        "git.depth must be a whole number from 0 to 18446744073709551615, not -1", "correct the number",
    ),
    "bytes that are no base64": (
        _template("http: {url: x, bodyFrom: {bytes: 'hi!'}}"),
        "http.bodyFrom.bytes must be base64, padded by '=', not the text \"hi!\"", "write base64",
    ),
    "bytes without padding": (_template("http: {url: x, bodyFrom: {bytes: aGk}}"), "bytes must be base64", "write base64"),
    "bytes beyond a byte": (_template("http: {url: x, bodyFrom: {bytes: [256]}}"), "bytes must be base64", "write base64"),
    "a time in words": (_claim("yesterday"), "must be a time such as 2026-01-31T12:00:00Z", "write a time"),
    "a date without a time": (_claim("2026-01-01"), "creationTimestamp must be a time", "write a time"),
    "a day that its month lacks": (_claim("2026-02-29T00:00:00Z"), "creationTimestamp must be a time", "write a time"),
    "a time without a zone": (_claim("2026-01-01T00:00:00"), "creationTimestamp must be a time", "write a time"),
    "a boolean as quantity": (
        _container("resources: {requests: {cpu: yes}}"), "requests.cpu must be a quantity", "quantity",
    ),
    "a port that is a list": (
        _container("livenessProbe: {httpGet: {port: [80]}}"), "httpGet.port must be a whole number or a text",
        "whole number",
    ),
    "steps that are not nested": (
        _template("steps:\n- name: a\n  template: b"), "template 'main': steps[0] must be a list, not a mapping", "- - name",
    ),
    "a label that is a number": (
        _template("suspend: {}\nmetadata: {labels: {version: 1}}"), "metadata.labels.version must be a text",
        'quote it: "1"',
    ),
    "a selector that is a boolean": (
        _HEAD + "  entrypoint: main\n  nodeSelector: {gpu: true}\n  templates: [{name: main, suspend: {}}]\n",
        "nodeSelector.gpu must be a text, not true", 'quote it: "true"',
    ),
    "a template that is a text": (_MAIN + "  - main\n",
        'templates[0] must be a mapping, not the text "main"', "a mapping",
    ),
    "two plugins in one template": (
        _template("plugin: {a: {}, b: {}}"), "plugin must be a mapping with one key, the name of the plugin", "one key",
    ),
    "dependencies that are a text": (
        _template("dag: {tasks: [{name: a, template: main, dependencies: b}]}"), "dependencies must be a list",
        "write a list",
    ),
    "a when that is a boolean": (
        _template("steps: [[{name: a, template: main, when: true}]]"), "steps[0][0].when must be a text, not true", '"true"',
    ),
    "a duration that is a number": (
        _template("suspend: {duration: 20}"), "suspend.duration must be a text, not the number 20", 'quote it: "20"',
    ),
    "a field with a typing mistake": (
        _container("comand: [a]"), "container has no field 'comand' (did you mean 'command'?)", "correct or remove",
    ),
    "a field in the wrong place": (
        _template("suspend: {}\nimage: x"), "template 'main' has no field 'image'", "correct or remove",
    ),
    "a field of the spec in the wrong case": (
        _HEAD + "  entryPoint: main\n  entrypoint: main\n  templates: [{name: main, suspend: {}}]\n",
        "spec has no field 'entryPoint' (did you mean 'entrypoint'?)", "correct or remove",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_argo_cannot_read_is_refused_with_place_and_remedy(name: str) -> None:
    text, cause, remedy = REFUSED[name]
    with pytest.raises(InvalidManifest) as caught:
        _read(text)
    assert cause in caught.value.cause
    assert remedy in caught.value.remedy
    assert caught.value.location.file == "wf.yaml"
    assert caught.value.location.line > 3


# What looks wrong, and what Argo reads all the same.
ACCEPTED: dict[str, str] = {
    "a number as port": _container("livenessProbe: {httpGet: {port: 80}}"),
    "a name as port": _container("livenessProbe: {httpGet: {port: http}}"),
    "a number as quantity": _container("resources: {limits: {cpu: 0.5, memory: 1e9, nvidia.com/gpu: 1}}"),
    "an exponent as quantity": _container("resources: {limits: {memory: 12e6, cpu: '.5'}}"),
    "blanks around a quantity": _container("resources: {limits: {cpu: ' 1 '}}"),
    "a quantity of nothing": _container("resources: {limits: {cpu: '.', memory: Ki}}"),
    "bytes in lines": _template('http: {url: x, bodyFrom: {bytes: "aG\\nk="}}'),
    "bytes as numbers": _template("http: {url: x, bodyFrom: {bytes: [104, 105]}}"),
    "a leap day": _claim("2024-02-29T00:00:00Z"),
    "a time with fraction and zone": _claim("2026-01-01T1:00:00.5+01:00"),
    "what a cluster noted of a claim": _claim(
        "2026-01-01T00:00:00Z", ", managedFields: [{manager: a, fieldsV1: {'f:spec': {}}}]"
    ),
    "a retry limit as number": _template("suspend: {}\nretryStrategy: {limit: 10}"),
    "a retry limit as text": _template("suspend: {}\nretryStrategy: {limit: '{{inputs.parameters.limit}}'}"),
    "null where something may be": _container("env: null"),
    "null in a list": _container("volumeMounts: [null]"),
    "an unknown field below a step, which Argo overlooks": _template(
        "steps: [[{name: a, template: main, arguments: {parametres: []}}]]"
    ),
    "items of every type": _template("steps: [[{name: a, template: main, withItems: [1, a, true, {b: c}, [d]]}]]"),
    "a field of Argo 3 that Argo 4 removed": _template("suspend: {}\nsynchronization: {mutex: {name: a}}"),
    "a field of Argo 4 alone": _template("suspend: {}\nsynchronization: {mutexes: [{name: a}]}"),
    "a plugin": _template("plugin: {slack: {text: hi}}"),
}


@pytest.mark.parametrize("name", ACCEPTED)
def test_what_argo_reads_is_accepted(name: str) -> None:
    warnings = _read(ACCEPTED[name])[1]
    assert len(warnings) == ("overlooks" in name), warnings


def test_an_unknown_field_is_a_warning_where_the_user_says_so_and_a_wrong_type_is_none() -> None:
    workflow, warnings = _read(_container("comand: [a]"), strict=False)
    assert warnings == ("wf.yaml:10: template 'main': container has no field 'comand' (did you mean 'command'?)",)
    assert workflow["spec"]["templates"][0]["container"] == {"image": "x", "comand": ["a"]}
    with pytest.raises(InvalidManifest, match="must be a text"):
        _read(_container("comand: [a]\n  args: [1]"), strict=False)


def test_one_error_lists_several_problems_with_their_lines() -> None:
    args = "".join(f"\n  - {number}" for number in range(12))
    with pytest.raises(InvalidManifest) as caught:
        _read(_container("args:" + args.replace("\n", "\n  ")))
    assert caught.value.cause.count("must be a text") == 8
    assert "wf.yaml:12: template 'main': container.args[1] must be a text, not the number 1" in caught.value.cause
    assert "and 4 more (Argo 4.0)" in caught.value.cause


@pytest.mark.parametrize(
    ("written", "stored"),
    [
        ("1", "1"), ("1.0", "1"), ("0.1", "0.1"), ("3e-4", "0.0003"), ("1e-9", "0.000000001"),
        ("1e21", "1000000000000000000000"),
        ("true", "true"), ("off", "false"), ("12:30", "12:30"), ("2026-01-01", "2026-01-01"), ("010", "8"), ("'010'", "010"),
        ("[1, a]", '[1,"a"]'), ("{a: 1}", '{"a":1}'), ("'{{x}}'", "{{x}}"), ("''", ""),
    ],
)  # fmt: skip
def test_values_become_texts_wherever_argo_makes_texts(written: str, stored: str) -> None:
    text = _template(
        f"inputs:\n  parameters:\n  - {{name: a, value: {written}, default: {written}, enum: [{written}]}}\n"
        f"outputs: {{parameters: [{{name: o, valueFrom: {{path: /o, default: {written}}}}}]}}\n"
        f"steps: [[{{name: s, template: main, arguments: {{parameters: [{{name: a, value: {written}}}]}}}}]]"
    ) + f"  arguments: {{parameters: [{{name: a, value: {written}, enum: [{written}]}}]}}\n"  # fmt: skip
    spec: Any = _read(text)[0]["spec"]
    [template] = spec["templates"]
    assert spec["arguments"]["parameters"] == [{"name": "a", "value": stored, "enum": [stored]}]
    assert template["inputs"]["parameters"] == [{"name": "a", "value": stored, "default": stored, "enum": [stored]}]
    assert template["outputs"]["parameters"][0]["valueFrom"]["default"] == stored
    assert template["steps"][0][0]["arguments"]["parameters"] == [{"name": "a", "value": stored}]


def test_finalizers_and_owners_survive() -> None:
    owner = "{apiVersion: v1, kind: ConfigMap, name: a, uid: b}"
    text = _MAIN.replace("{generateName: a-}", f"{{generateName: a-, finalizers: [x/y], ownerReferences: [{owner}]}}")
    metadata = _read(text + "  - {name: main, suspend: {}}\n")[0]["metadata"]
    assert metadata["finalizers"] == ["x/y"]
    assert metadata["ownerReferences"] == [{"apiVersion": "v1", "kind": "ConfigMap", "name": "a", "uid": "b"}]


def test_every_line_has_its_schema() -> None:
    lines = {path.stem for path in (_ROOT / "src/mlops_actions/argo_submit/schemas").glob("*.json")}
    assert lines == set(schema.LINES)


def test_the_schemas_are_what_the_tool_makes_of_argos_modules() -> None:
    """Needs Go and the modules in its cache: `make e2e` has them on a machine with Go; nothing is downloaded here."""
    if shutil.which("go") is None:
        pytest.skip("there is no Go")
    environment = {**os.environ, "GOPROXY": "off"}
    tool = [sys.executable, str(_ROOT / "tools/argo_schemas.py"), "--check"]
    result = subprocess.run(tool, env=environment, capture_output=True, text=True, timeout=120, check=False)
    if "cannot get" in result.stderr:
        pytest.skip("Go's cache lacks a module of Argo")
    assert result.returncode == 0, result.stderr
