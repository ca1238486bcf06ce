"""The rules of the house that a linter cannot say: who may import whom."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2] / "src"
PACKAGE = ROOT / "mlops_actions"
ACTIONS = ("chatops", "docker_publish", "argo_submit", "wandb_runs")
# Where each SDK is at home. What stands in for a service may use its own server and client libraries.
HOMES = {
    "github": ("boundary/github/",),
    "kubernetes": ("boundary/kubernetes",),
    "google": ("boundary/gke", "boundary/google"),
    "docker": ("boundary/docker",),
    "wandb": ("boundary/wandb",),
}
SOCKETS = {"urllib3", "requests", "socket", "ssl", "http", "asyncio", "aiohttp", "httpx"}


def modules(folder: str = "") -> list[Path]:
    return sorted((PACKAGE / folder).rglob("*.py"))


def imports(path: Path, *, late: bool = True) -> Iterator[str]:
    """Absolute names of what a module imports; without `late`, only what its import itself imports."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree) if late else _at_once(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = path.relative_to(ROOT).with_suffix("").parts
            origin = ".".join(base[: len(base) - node.level]) if node.level else ""
            module = ".".join(part for part in (origin, node.module or "") if part)
            yield module
            yield from (f"{module}.{alias.name}" for alias in node.names)


def _at_once(node: ast.AST) -> Iterator[ast.AST]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        if isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING":
            continue
        yield child
        yield from _at_once(child)


def top(name: str) -> str:
    return name.partition(".")[0]


def name_of(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


@pytest.mark.parametrize("path", modules("core"), ids=name_of)
def test_core_is_pure(path: Path) -> None:
    for name in imports(path):
        assert top(name) in {*sys.stdlib_module_names, "yaml", "mlops_actions"}, name
        assert top(name) not in SOCKETS, name
        if top(name) == "mlops_actions":
            assert name.startswith("mlops_actions.core"), name


@pytest.mark.parametrize("path", [path for action in ACTIONS for path in modules(action)], ids=name_of)
def test_actions_know_the_core_and_themselves_alone(path: Path) -> None:
    own = path.relative_to(PACKAGE).parts[0]
    for name in imports(path):
        assert top(name) in {*sys.stdlib_module_names, "yaml", "mlops_actions"}, name
        assert top(name) not in SOCKETS | {"subprocess"}, name
        if top(name) == "mlops_actions":
            assert name.startswith(("mlops_actions.core", f"mlops_actions.{own}")), name


@pytest.mark.parametrize("path", modules("boundary"), ids=name_of)
def test_each_sdk_has_one_home(path: Path) -> None:
    for name in imports(path):
        homes = HOMES.get(top(name))
        assert homes is None or name_of(path).startswith(homes), f"{name} in {name_of(path)}"
        assert not name.startswith("mlops_actions.sandbox"), name


@pytest.mark.parametrize("path", [PACKAGE / "__main__.py", PACKAGE / "cli.py"], ids=name_of)
def test_the_entry_imports_no_action_before_it_is_asked_for(path: Path) -> None:
    for name in imports(path, late=False):
        assert top(name) in {*sys.stdlib_module_names, "mlops_actions"}, name
        assert not name.startswith(tuple(f"mlops_actions.{action}" for action in ACTIONS)), name


@pytest.mark.parametrize("path", modules(), ids=name_of)
def test_a_module_is_one_room(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 400
