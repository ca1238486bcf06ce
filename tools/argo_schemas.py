"""Write the JSON Schemas by which argo-submit checks manifests, one for each line of Argo Workflows.

Usage: `.venv/bin/python tools/argo_schemas.py [--check]`. It needs Go, which gets the modules and keeps them in its cache.

Argo publishes a schema (api/jsonschema/schema.json) that differs from what its controller reads, in both directions. The
controller decodes into Go's types, so that these count:

- `required` and the descriptions are left out: a missing field is Go's zero value. What must be there is lint's question.
- Unknown fields are refused, as the command `argo` does.
- Where the Go type is AnyString, IntOrString or Quantity, the published schema says only "string". AnyString makes a text of
  any value: the keyword `x-text` marks such a field. `x-kind` names the others for messages.
- Integers have the range of the Go type: int32, int64 or uint64.
- A plugin has exactly one key. The formats `bytes` (base64) and `time` (RFC 3339) are those that Go reads.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

# The newest version of each supported line; `argo_submit/schemas/LINE.json` is made of it.
VERSIONS = {
    "3.6": "github.com/argoproj/argo-workflows/v3@v3.6.10",
    "3.7": "github.com/argoproj/argo-workflows/v3@v3.7.6",
    "4.0": "github.com/argoproj/argo-workflows/v4@v4.0.2",
}
TARGET = Path(__file__).parent.parent / "src/mlops_actions/argo_submit/schemas"
ARGO = "io.argoproj.workflow.v1alpha1"
_META = "io.k8s.apimachinery.pkg.apis.meta.v1"
_ROOTS = [f"{ARGO}.WorkflowSpec", f"{ARGO}.CronWorkflowSpec"]
_REFERENCE = "#/definitions/"
# The text of a Kubernetes quantity: https://pkg.go.dev/k8s.io/apimachinery/pkg/api/resource#Quantity
# Its parser takes a sign or a suffix alone for zero.
_QUANTITY = r"^ *(?=[^ ])[+-]?[0-9]*(\.[0-9]*)?([KMGTPE]i|[numkMGTPE]|[eE][+-]?[0-9]+)? *\Z"
_SPECIAL: dict[str, dict[str, Any]] = {
    "io.k8s.apimachinery.pkg.api.resource.Quantity": {
        "x-kind": "quantity",
        "anyOf": [{"type": "number"}, {"type": "string", "pattern": _QUANTITY}],
    },
    "io.k8s.apimachinery.pkg.util.intstr.IntOrString": {
        "x-kind": "integer or text",
        "anyOf": [{"type": "integer", "minimum": -(2**31), "maximum": 2**31 - 1}, {"type": "string"}],
    },
    f"{_META}.Time": {"type": "string", "format": "time", "x-kind": "time"},
    # Neither is read before it is used: the decoder takes any JSON.
    f"{_META}.FieldsV1": {},
    f"{ARGO}.Amount": {},
    f"{ARGO}.Plugin": {"type": "object", "x-kind": "plugin", "minProperties": 1, "maxProperties": 1},
}
_ANY_STRING = {"x-text": True}
_STRUCT = re.compile(r"^type (\w+) struct \{\n(.*?)^\}", re.MULTILINE | re.DOTALL)
_FIELD = re.compile(r'^\s+\w+\s+(\S+)\s+`.*?json:"(\w+)', re.MULTILINE)
_EMBEDDED = re.compile(r'^\s+([\w.]+)\s+`.*?json:"(?:,inline)?"', re.MULTILINE)


def main() -> int:
    """Write the schemas; with `--check`, exit 1 where a file differs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 where a file is outdated")
    check = parser.parse_args().check
    outdated = []
    for line, module in VERSIONS.items():
        path, text = TARGET / f"{line}.json", schema_text(module)
        if check and (not path.exists() or path.read_text(encoding="utf-8") != text):
            outdated.append(path.name)
        elif not check:
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
    if outdated:
        print(f"outdated: {', '.join(outdated)}. remedy: run tools/argo_schemas.py", file=sys.stderr)
    return int(bool(outdated))


def schema_text(module: str) -> str:
    """Return the schema of a version of Argo as the text of a file: one definition a line, so that a change can be read."""
    directory = _module(module)
    text = (directory / "api/jsonschema/schema.json").read_text(encoding="utf-8")
    published: dict[str, Any] = json.loads(text)["definitions"]
    go_types = _go_types(directory)
    definitions = {
        name: _SPECIAL[name] if name in _SPECIAL else _definition(published[name], go_types.get(name.rsplit(".", 1)[-1], {}))
        for name in sorted(_reachable(published))
    }
    head = {"$comment": f"made by tools/argo_schemas.py of {module}", "$schema": "http://json-schema.org/draft-07/schema#"}
    lines = [f"{json.dumps(key)}: {json.dumps(value)}" for key, value in head.items()]
    entries = [f"{json.dumps(name)}: {json.dumps(value, separators=(',', ':'))}" for name, value in definitions.items()]
    return "{\n" + ",\n".join(lines) + ',\n"definitions": {\n' + ",\n".join(entries) + "\n}\n}\n"


def _definition(node: dict[str, Any], go_types: dict[str, str]) -> dict[str, Any]:
    if "properties" not in node and node.get("type") != "object":
        return _converted(node, "")
    properties = {key: _converted(value, go_types.get(key, "")) for key, value in node.get("properties", {}).items()}
    return {"type": "object", "properties": properties, "additionalProperties": False}


def _converted(node: dict[str, Any], go_type: str) -> dict[str, Any]:
    bare = go_type.lstrip("*").removeprefix("[]")
    if bare.endswith("AnyString"):
        return {"type": "array", "items": _ANY_STRING} if go_type.startswith("[]") else _ANY_STRING
    if "$ref" in node:
        return {"$ref": node["$ref"]}
    result: dict[str, Any] = {key: node[key] for key in ("type",) if key in node}
    if node.get("type") == "integer":
        bits = 31 if bare == "int32" else 63
        is_unsigned = bare == "uint64"
        result |= {"minimum": 0, "maximum": 2**64 - 1} if is_unsigned else {"minimum": -(2**bits), "maximum": 2**bits - 1}
    if node.get("format") == "byte":
        del result["type"]
        numbers = {"type": "array", "items": {"type": "integer", "minimum": 0, "maximum": 255}}
        result |= {"x-kind": "bytes", "anyOf": [{"type": "string", "format": "bytes"}, numbers]}
    for key in ("items", "additionalProperties"):
        if isinstance(node.get(key), dict):
            result[key] = _converted(node[key], bare)
    return result


def _reachable(definitions: dict[str, Any]) -> set[str]:
    seen: set[str] = set()
    waiting = list(_ROOTS)
    while waiting:
        name = waiting.pop()
        if name not in seen:
            seen.add(name)
            waiting += re.findall(f'"{_REFERENCE}([^"]+)"', json.dumps(definitions[name]))
    return seen


def _go_types(argo: Path) -> dict[str, dict[str, str]]:
    """Return the Go type of every field, by the names of structure and JSON field."""
    requirement = re.compile(r"^\s*(k8s\.io/(?:api|apimachinery)) (v\S+)", re.MULTILINE)
    kubernetes = requirement.findall((argo / "go.mod").read_text(encoding="utf-8"))
    sources = [*sorted((argo / "pkg/apis/workflow/v1alpha1").glob("*_types.go"))]
    for module, version in kubernetes:
        directory = _module(f"{module}@{version}")
        sources += [path for path in (directory / "core/v1/types.go", directory / "policy/v1/types.go") if path.exists()]
        sources += [directory / "pkg/apis/meta/v1/types.go"] if module.endswith("apimachinery") else []
    fields: dict[str, dict[str, str]] = {}
    embedded: dict[str, list[str]] = {}
    for source in sources:
        for name, body in _STRUCT.findall(source.read_text(encoding="utf-8")):
            fields.setdefault(name, {json_name: go_type for go_type, json_name in _FIELD.findall(body)})
            embedded.setdefault(name, [part.rsplit(".", 1)[-1] for part in _EMBEDDED.findall(body)])
    return {
        name: {**{key: value for part in embedded[name] for key, value in fields.get(part, {}).items()}, **own}
        for name, own in fields.items()
    }


@cache
def _module(module: str) -> Path:
    """Return the directory of a Go module, which Go gets and checks."""
    result = subprocess.run(["go", "mod", "download", "-json", module], capture_output=True, text=True, check=False, cwd="/")
    answer = json.loads(result.stdout or "{}")
    if "Dir" not in answer:
        raise SystemExit(f"error: Go cannot get {module}: {answer.get('Error') or result.stderr.strip()}")
    return Path(answer["Dir"])


if __name__ == "__main__":
    sys.exit(main())
