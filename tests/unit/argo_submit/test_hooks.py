"""Hooks that can only fail are found in a workflow and in what it reaches of other objects, each once."""

from __future__ import annotations

import pytest

from mlops_actions.argo_submit.lint.hooks import late_failures
from mlops_actions.core.types import Json

ECHO: Json = {"name": "echo", "container": {"image": "x"}}
SAY: Json = {"name": "say", "inputs": {"parameters": [{"name": "text"}]}, "container": {"image": "x"}}
DATA: Json = {"name": "data", "inputs": {"artifacts": [{"name": "set", "path": "/d"}]}, "container": {"image": "x"}}
MISSING: Json = {"hooks": {"exit": {"template": "none"}}}
THERE = {"name": "there", "template": "main"}


def _steps(name: str, *steps: Json) -> Json:
    return {"name": name, "steps": [[{"name": f"s{number}", **step} for number, step in enumerate(steps)]]}


def _hook(**hook: object) -> Json:
    return {"templates": [ECHO, SAY, DATA], "hooks": {"exit": hook}}


CASES: dict[str, tuple[Json, dict[tuple[str, str], Json | None], list[str]]] = {
    "no hooks": ({"templates": [ECHO]}, {}, []),
    "a hook that names its template by a variable": (_hook(template="{{workflow.parameters.t}}"), {}, []),
    "an input with a value of its own": (
        {
            "templates": [{**SAY, "inputs": {"parameters": [{"name": "text", "default": ""}]}}],
            "hooks": {"exit": {"template": "say"}},
        },
        {},
        [],
    ),
    "a hook that runs nothing": (_hook(), {}, ["hooks.exit: "]),
    "an artifact": (_hook(template="data"), {}, ["hooks.exit: set"]),
    "an object that was not read": (_hook(templateRef=THERE), {}, []),
    "an object that a variable names": (_hook(templateRef={"name": "{{workflow.name}}", "template": "x"}), {}, []),
    "a cluster's object": (
        _hook(templateRef={**THERE, "clusterScope": True}),
        {("workflowtemplate", "there"): {"templates": [{"name": "main"}]}, ("clusterworkflowtemplate", "there"): None},
        ["hooks.exit.templateRef: there"],
    ),
    "a task of a template within a step": (
        {
            "templates": [
                _steps("main", {"inline": {"dag": {"tasks": [{"name": "t", "template": "echo", **MISSING}]}}}),
                ECHO,
            ]
        },
        {},
        ["templates.0.steps.0.0.inline.dag.tasks.0.hooks.exit.template: none"],
    ),
    "what a template of another object runs": (
        {"templates": [_steps("main", {"templateRef": THERE}, {"templateRef": THERE})]},
        {
            ("workflowtemplate", "there"): {
                "templates": [
                    _steps("main", {"template": "inner"}, {"template": "main"}),
                    _steps("unreached", {"template": "inner", **MISSING}),
                    _steps("inner", {"template": "inner", **MISSING}),
                ]
            }
        },
        ["templates.0.steps.0.0: none"],
    ),
    "what a hook of another object runs": (
        _hook(templateRef=THERE),
        {("workflowtemplate", "there"): {"templates": [_steps("main", {"template": "main", **MISSING})]}},
        ["hooks.exit: none"],
    ),
    "a hook that the workflow replaces": (
        {"workflowTemplateRef": {"name": "there"}, "hooks": {"exit": {"template": "echo"}}},
        {("workflowtemplate", "there"): {"templates": [ECHO], **MISSING}},
        [],
    ),
    "a hook of the object by reference": (
        {"workflowTemplateRef": {"name": "there"}},
        {("workflowtemplate", "there"): {"templates": [ECHO], **MISSING}},
        ["workflowTemplateRef: none"],
    ),
    "an object by reference that was not read": (
        {"workflowTemplateRef": {"name": "there"}, "hooks": {"exit": {"template": "none"}}},
        {},
        [],
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_a_hook_that_can_only_fail_is_told_with_its_place(name: str) -> None:
    spec, referenced, expected = CASES[name]
    found = list(late_failures(spec, referenced))
    assert [".".join(map(str, problem.path)) for problem in found] == [entry.partition(": ")[0] for entry in expected]
    for problem, entry in zip(found, expected, strict=True):
        named = entry.partition(": ")[2]
        assert (f"'{named}'" if named else "names no template;") in problem.cause
        assert problem.cause.endswith("; Argo notices it only when the hook runs")
