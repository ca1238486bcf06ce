"""Read from Python code which W&B project it logs to. The code is parsed and never run. Pure; the code is untrusted."""

from __future__ import annotations

import ast
import warnings
from collections.abc import Iterator

_NAMES = ("project", "entity")
_VARIABLES = {"WANDB_PROJECT": "project", "WANDB_ENTITY": "entity"}
# `wandb.init(project=…)`, and the loggers of Lightning and Hugging Face, which pass the same names on.
_CALLS = frozenset(["init", "WandbLogger", "WandbCallback"])


def wandb_settings(code: str) -> Iterator[tuple[str, str, int]]:
    """Yield `project` or `entity`, its value and its line; nothing where the code cannot be parsed."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of strange escapes in somebody's code
            tree = ast.parse(code)
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return
    constants = _constants(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield from _of_call(node, constants)
        elif isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Subscript):
            # os.environ["WANDB_PROJECT"] = "digits"
            name = _VARIABLES.get(_text(node.targets[0].slice, constants))
            if name and (value := _text(node.value, constants)):
                yield name, value, node.lineno


def _of_call(call: ast.Call, constants: dict[str, str]) -> Iterator[tuple[str, str, int]]:
    called = call.func
    name = called.attr if isinstance(called, ast.Attribute) else called.id if isinstance(called, ast.Name) else ""
    of_module = called.value.id if isinstance(called, ast.Attribute) and isinstance(called.value, ast.Name) else ""
    if name in _CALLS and (name != "init" or of_module in ("", "wandb")):
        for keyword in call.keywords:
            if keyword.arg in _NAMES and (value := _text(keyword.value, constants)):
                yield keyword.arg, value, keyword.value.lineno
    elif name in ("get", "getenv", "setdefault") and len(call.args) == 2:
        # os.environ.get("WANDB_PROJECT", "digits")
        variable = _VARIABLES.get(_text(call.args[0], constants))
        if variable and (value := _text(call.args[1], constants)):
            yield variable, value, call.lineno


def _constants(tree: ast.Module) -> dict[str, str]:
    """Return the names that the module itself sets to a text."""
    return {
        target.id: node.value.value
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
        for target in node.targets
        if isinstance(target, ast.Name)
    }


def _text(node: ast.expr, constants: dict[str, str]) -> str:
    """Return the text of an expression: a text, or a name of one; empty for anything else."""
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else ""
    return constants.get(node.id, "") if isinstance(node, ast.Name) else ""
