"""Replace a step that uses a composite action by the action's own steps: the sandbox's runner runs no composite action."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]


def inlined(workflow: Mapping[str, Any], folder: str, replaced: Mapping[str, str]) -> dict[str, Any]:
    """Return the workflow with the steps of the action in `folder`; `replaced` holds another `run:` for some step ids."""
    action = yaml.safe_load((ROOT / folder / "action.yml").read_text(encoding="utf-8"))
    jobs = {
        name: {**job, "steps": [inner for step in job["steps"] for inner in _steps(step, action, folder, replaced)]}
        for name, job in workflow["jobs"].items()
    }
    return {**workflow, "jobs": jobs}


def _steps(step: dict[str, Any], action: Any, folder: str, replaced: Mapping[str, str]) -> list[dict[str, Any]]:
    if f"/{folder}@" not in step.get("uses", ""):
        return [step]
    given = {name: declared.get("default", "") for name, declared in action["inputs"].items()} | step.get("with", {})
    texts = {f"inputs.{name}": _expression(str(value)) for name, value in given.items()}
    texts["github.action_path"] = f"'{ROOT / folder}'"

    def evaluated(text: str) -> str:
        return re.sub(r"\$\{\{ ([\w.-]+) \}\}", lambda match: f"${{{{ {texts.get(match[1], match[1])} }}}}", text)

    return [
        {
            **inner,
            "run": replaced.get(inner["id"], inner["run"]),
            "env": {**step.get("env", {}), **{name: evaluated(text) for name, text in inner["env"].items()}},
        }
        for inner in action["runs"]["steps"]
    ]


def _expression(value: str) -> str:
    """Return a value as an expression: `${{ a }}` is `a`, and any other text a literal."""
    match = re.fullmatch(r"\$\{\{ (.*) \}\}", value)
    return match[1] if match else "'" + value.replace("'", "''") + "'"
