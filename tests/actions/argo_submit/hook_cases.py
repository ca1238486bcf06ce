"""Hooks that can only fail, as data: they are submitted, and a warning names them. They run where `submission_cases` do."""

from __future__ import annotations

from mlops_actions.core.types import Json
from tests.actions.argo_submit.submission_cases import ECHO, HEAD, SAY, Case, steps, template, workflow

_ECHO = "  - {name: echo, container: {image: x, command: [echo]}}\n"
_LATE = "; Argo notices it only when the hook runs"
_NONE = f"names no template: 'mian' (did you mean 'main'?){_LATE}"
_NO_INPUT = f"gives no value for the input 'text' of template 'say'{_LATE}"
_OTHER = "refers to the workflowtemplate"


def _hooks(name: str, hook: str, logged: str, *objects: Json, step: bool = False) -> Case:
    """A hook of the workflow, or of a step, beside the templates `echo` and `say`; `logged` is a warning, or empty."""
    own = f"hooks: {{running: {{expression: 'true', {hook}}}}}"
    templates = f"  - name: main\n    steps: [[{{name: a, template: echo{f', {own}' if step else ''}}}]]\n{_ECHO}{SAY}"
    manifest = workflow(templates=templates, extra="" if step else f"  {own}\n")
    return Case(name, manifest, expected={"metadata.generateName": "case-"}, objects=objects, logged=logged)


def _running(hook: Json) -> Json:
    return {"hooks": {"running": {"expression": "true", **hook}}}


_HAS_HOOKS: Json = {"templates": [
    steps("main", {"name": "b", "template": "echo", **_running({"template": "mian"})}),
    steps("unreached", {"name": "c", "template": "echo", **_running({"template": "none"})}),
    {"name": "echo", "container": {"image": "x", "command": ["echo"]}},
]}  # fmt: skip
HOOKS = [
    _hooks("a workflow's hook without its template", "template: mian", f"hooks.running.template {_NONE}"),
    _hooks("a step's hook without its template", "template: mian", f"hooks.running.template {_NONE}", step=True),
    _hooks("a hook without an input", "template: say", f"hooks.running {_NO_INPUT}"),
    _hooks("a step's hook without an input", "template: say", f"hooks.running {_NO_INPUT}", step=True),
    _hooks("a hook with its input", "template: say, arguments: {parameters: [{name: text, value: a}]}", ""),
    _hooks("a hook of an object that is missing", "templateRef: {name: case-none, template: x}",
           f"hooks.running.templateRef {_OTHER} 'case-none', which the cluster does not have{_LATE}"),
    _hooks("a hook of an object that lacks the template", "templateRef: {name: case-hook, template: man}",
           f"names no template of the workflowtemplate 'case-hook': 'man' (did you mean 'main'?){_LATE}",
           template("case-hook", {"templates": [ECHO]})),
    _hooks("a hook of an object without its input", "templateRef: {name: case-hook-2, template: main}",
           f"gives no value for the input 'text' of template 'main'{_LATE}", template("case-hook-2", {"templates": [ECHO]})),
    _hooks("a hook of a step of another object", "templateRef: {name: case-hook-3, template: main}",
           f"{_OTHER} 'case-hook-3', where template 'main': steps[0][0].hooks.running.template {_NONE}",
           template("case-hook-3", _HAS_HOOKS), step=True),
    Case("the older form of a step's exit hook", workflow(templates=(
        f"  - name: main\n    steps: [[{{name: a, template: echo, onExit: mian}}]]\n{_ECHO}"
    )), expected={"metadata.generateName": "case-"}, logged=f"steps[0][0].onExit {_NONE}"),
    Case("a hook of a template by reference", "", {"from_": "workflowtemplate/case-hook-4"},
         {"spec.workflowTemplateRef.name": "case-hook-4"},
         objects=(template("case-hook-4", {"entrypoint": "main", **_running({"template": "man"}), **_HAS_HOOKS}),),
         logged=f"{_OTHER} 'case-hook-4', where hooks.running.template names no template: 'man' (did you mean 'main'?)"),
    Case("a hook beside a reference", (
        f"{HEAD}spec:\n  workflowTemplateRef: {{name: case-hook-5}}\n  hooks: {{exit: {{template: echo}}, running: "
        "{expression: 'true', template: ecko}}\n"
    ), expected={"spec.workflowTemplateRef.name": "case-hook-5"}, logged="hooks.running.template names no template of the",
         objects=(template("case-hook-5", {"entrypoint": "main", **_running({"template": "man"}), **_HAS_HOOKS}),)),
]  # fmt: skip
