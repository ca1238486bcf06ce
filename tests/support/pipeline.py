"""The reusable workflow and the root action as plain workflow files, since the sandbox's runner runs neither of them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
ON = ("issue_comment", "repository_dispatch")
_EXPRESSION = re.compile(r"(\$\{\{)(.*?)(\}\})", re.DOTALL)


def reusable(given: Mapping[str, Any], secrets: Mapping[str, str]) -> str:
    """Return the reusable workflow with these inputs; `secrets` are expressions."""
    called = yaml.safe_load((ROOT / ".github/workflows/pipeline.yml").read_text(encoding="utf-8"))
    interface = called[True]["workflow_call"]  # YAML 1.1 reads the key `on` as true
    values = {f"inputs.{name}": _literal(value) for name, value in _values(interface["inputs"], given).items()}
    values |= {f"secrets.{name}": secrets.get(name, "''") for name in interface["secrets"]}
    jobs = {name: _filled(job, values) for name, job in called["jobs"].items()}
    return _file("reusable", jobs)


def root(given: Mapping[str, Any], secrets: Mapping[str, str], permissions: Mapping[str, str]) -> str:
    """Return a workflow with one job that has the root action's steps; `secrets` are expressions for inputs."""
    action = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
    values = {f"inputs.{name}": _literal(value) for name, value in _values(action["inputs"], given).items()}
    values |= {f"inputs.{name}": expression for name, expression in secrets.items()}
    steps = _filled(action["runs"]["steps"], values)
    job = {"name": "Train", "runs-on": "ubuntu-latest", "permissions": dict(permissions), "steps": steps}
    return _file("root", {"train": {"if": "github.event_name != 'issue_comment' || github.event.issue.pull_request", **job}})


def _file(name: str, jobs: Mapping[str, Any]) -> str:
    document = {"name": name, "on": list(ON), "permissions": {}, "jobs": jobs}
    return yaml.safe_dump(document, sort_keys=False, allow_unicode=True)


def _values(declared: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    assert set(given) <= set(declared), set(given) - set(declared)
    return {name: entry.get("default", "") for name, entry in declared.items()} | dict(given)


def _literal(value: Any) -> str:
    if isinstance(value, bool | int):
        return str(value).lower()
    expression = re.fullmatch(r"\$\{\{ (.*) \}\}", value)
    return f"({expression[1]})" if expression else "'" + value.replace("'", "''") + "'"


def _filled(node: Any, values: Mapping[str, str], *, is_condition: bool = False) -> Any:
    if isinstance(node, dict):
        return {key: _filled(each, values, is_condition=key == "if") for key, each in node.items()}
    if isinstance(node, list):
        return [_filled(each, values) for each in node]
    if not isinstance(node, str):
        return node

    def replaced(text: str) -> str:
        return re.sub(r"\b(?:inputs|secrets)\.[\w-]+", lambda name: values[name[0]], text)

    if is_condition:
        return replaced(node)
    return _EXPRESSION.sub(lambda match: f"{match[1]}{replaced(match[2])}{match[3]}", node)
