"""Read from Python code which W&B project it logs to. The code is parsed and never run. Pure; the code is untrusted."""

from __future__ import annotations

import ast
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

_VARIABLES = {"WANDB_PROJECT": "project", "WANDB_ENTITY": "entity"}
_MODULE, _INIT = "wandb", "init"
# The loggers of Lightning and Hugging Face, which pass the same names on, wherever they are imported from.
_LOGGERS = frozenset(["WandbLogger", "WandbCallback"])


def wandb_settings(code: str) -> Iterator[tuple[str, str, int]]:
    """Yield `project` or `entity`, its value and its line; nothing where the code cannot be parsed.

    Where one call names both, the project is `entity/project`: that entity is said of no other project.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of strange escapes in somebody's code
            tree = ast.parse(code)
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return
    reader = _Reader(_constants(tree), *_imported(tree))
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield from reader.of_call(node)
        elif isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Subscript):
            # os.environ["WANDB_PROJECT"] = "digits"
            name = _VARIABLES.get(reader.text(node.targets[0].slice))
            if name and (value := reader.text(node.value)):
                yield name, value, node.lineno


@dataclass(frozen=True)
class _Reader:
    """Reads the calls of a module: its texts by name, and the names that it gives W&B's module and functions."""

    constants: Mapping[str, str]
    modules: frozenset[str]
    functions: frozenset[str]

    def of_call(self, call: ast.Call) -> Iterator[tuple[str, str, int]]:
        called = call.func
        if self._sets_project(called):
            yield from self._of_keywords(call)
        elif _name(called) in ("get", "getenv", "setdefault") and len(call.args) == 2:
            # os.environ.get("WANDB_PROJECT", "digits")
            variable = _VARIABLES.get(self.text(call.args[0]))
            if variable and (value := self.text(call.args[1])):
                yield variable, value, call.lineno

    def _sets_project(self, called: ast.expr) -> bool:
        if isinstance(called, ast.Attribute):
            of_module = isinstance(called.value, ast.Name) and called.value.id in self.modules
            return called.attr in _LOGGERS or (called.attr == _INIT and of_module)
        return isinstance(called, ast.Name) and called.id in self.functions

    def _of_keywords(self, call: ast.Call) -> Iterator[tuple[str, str, int]]:
        values = {keyword.arg: keyword.value for keyword in call.keywords if keyword.arg in _VARIABLES.values()}
        project, entity = (self.text(values[name]) if name in values else "" for name in ("project", "entity"))
        if project:
            is_owned = entity and "/" not in project
            yield "project", f"{entity}/{project}" if is_owned else project, values["project"].lineno
        elif entity:
            yield "entity", entity, values["entity"].lineno

    def text(self, node: ast.expr) -> str:
        """Return the text of an expression: a text, or a name of one; empty for anything else."""
        if isinstance(node, ast.Constant):
            return node.value if isinstance(node.value, str) else ""
        return self.constants.get(node.id, "") if isinstance(node, ast.Name) else ""


def _imported(tree: ast.Module) -> tuple[frozenset[str], frozenset[str]]:
    """Return the names of W&B's module in this code, and those of the functions that take a project."""
    modules, functions = {_MODULE}, set(_LOGGERS)
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            modules |= {alias.asname for alias in node.names if alias.name == _MODULE and alias.asname}
        elif isinstance(node, ast.ImportFrom):
            of_module = node.module == _MODULE and not node.level
            for alias in node.names:
                if alias.name in _LOGGERS or (of_module and alias.name == _INIT):
                    functions.add(alias.asname or alias.name)
                elif of_module and alias.name == "*":
                    functions.add(_INIT)
    return frozenset(modules), frozenset(functions)


def _name(called: ast.expr) -> str:
    return called.attr if isinstance(called, ast.Attribute) else called.id if isinstance(called, ast.Name) else ""


def _constants(tree: ast.Module) -> dict[str, str]:
    """Return the names that the module itself sets to a text, with or without their type."""
    found: dict[str, str] = {}
    for node in tree.body:
        if not isinstance(node, ast.Assign | ast.AnnAssign):
            continue
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        if isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            found |= {target.id: node.value.value for target in targets if isinstance(target, ast.Name)}
    return found
