"""The rules of the house that a linter cannot say: who may import whom."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.imports import import_circles, import_graph, imported_names, module_name

REPOSITORY = Path(__file__).parents[2]
ROOT = REPOSITORY / "src"
PACKAGE = ROOT / "mlops_actions"
ACTIONS = ("chatops", "docker_publish", "argo_submit", "wandb_runs")
# Where each SDK is at home. What stands in for a service may use its own server and client libraries.
HOMES = {
    "github": ("boundary/github/", "boundary/doctor/github"),
    "kubernetes": ("boundary/cluster/", "boundary/doctor/cluster"),
    "azure": ("boundary/cluster/aks",),
    "botocore": ("boundary/cluster/eks",),
    "google": ("boundary/cluster/gke", "boundary/google"),
    "docker": ("boundary/docker", "boundary/doctor/registry", "boundary/doctor/machine"),
    "wandb": ("boundary/wandb/",),
}
# Libraries that only compute, and the one module that uses each.
PURE = {"jsonschema": "argo_submit/schema.py"}
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


def breaches(paths: list[Path], allowed: Callable[[Path, str], bool], *, late: bool = True) -> list[str]:
    return [
        f"{name_of(path)} imports {name}" for path in paths for name in imports(path, late=late) if not allowed(path, name)
    ]


def is_ours_or_standard(name: str) -> bool:
    return top(name) in {*sys.stdlib_module_names, "yaml", "mlops_actions"} and top(name) not in SOCKETS


def test_the_core_is_pure() -> None:
    def allowed(_: Path, name: str) -> bool:
        return is_ours_or_standard(name) and (top(name) != "mlops_actions" or name.startswith("mlops_actions.core"))

    assert breaches(modules("core"), allowed) == []


def test_actions_know_the_core_and_themselves_alone() -> None:
    def allowed(path: Path, name: str) -> bool:
        own = path.relative_to(PACKAGE).parts[0]
        known = name.startswith(("mlops_actions.core", f"mlops_actions.{own}"))
        if PURE.get(top(name)) == name_of(path):
            return True
        return is_ours_or_standard(name) and top(name) != "subprocess" and (top(name) != "mlops_actions" or known)

    assert breaches([path for action in ACTIONS for path in modules(action)], allowed) == []


def test_the_verifier_knows_no_action_and_connects_its_adapters_in_one_module() -> None:
    def allowed(path: Path, name: str) -> bool:
        known: tuple[str, ...] = ("mlops_actions.core", "mlops_actions.verify")
        if path.name == "command.py":  # its composition root
            known += ("mlops_actions.boundary.registry", "mlops_actions.boundary.wandb")
        return is_ours_or_standard(name) and (top(name) != "mlops_actions" or name.startswith(known))

    assert breaches(modules("verify"), allowed) == []


def test_doctor_knows_no_action_and_connects_its_adapters_in_one_module() -> None:
    def allowed(path: Path, name: str) -> bool:
        known: tuple[str, ...] = ("mlops_actions.core", "mlops_actions.doctor")
        if path.name == "command.py":  # its composition root
            known += tuple(f"mlops_actions.boundary.{name}" for name in ("committed", "doctor", "installation", "workspace"))
        return is_ours_or_standard(name) and (top(name) != "mlops_actions" or name.startswith(known))

    assert breaches(modules("doctor"), allowed) == []


def test_each_sdk_has_one_home_behind_the_wall() -> None:
    def allowed(path: Path, name: str) -> bool:
        homes = HOMES.get(top(name))
        return (homes is None or name_of(path).startswith(homes)) and not name.startswith("mlops_sandbox")

    assert breaches(modules("boundary"), allowed) == []


def test_each_sdk_is_used_and_an_extra_installs_it() -> None:
    """A write that a service documents for its SDK alone stays with the SDK: PyGithub for an App, wandb for an alias.

    To make an image small, leave out the parts of a package that nothing loads there (W&B's system monitor, a second library
    of ciphers where `openssl` signs for PyGithub's `sign_func`), not the package.
    """
    used = {top(name) for path in modules("boundary") for name in imports(path)}
    assert set(HOMES) <= used
    extras = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    installed = {
        re.split(r"[^\w-]", each)[0] for action in ("chatops", "docker", "argo", "wandb") for each in extras[action]
    }
    assert installed >= {"PyGithub", "kubernetes", "google-auth", "google-cloud-container", "wandb", "docker"}


def test_the_entry_imports_no_action_before_it_is_asked_for() -> None:
    def allowed(_: Path, name: str) -> bool:
        return is_ours_or_standard(name) and not name.startswith(tuple(f"mlops_actions.{action}" for action in ACTIONS))

    assert breaches([PACKAGE / "__main__.py", PACKAGE / "cli.py"], allowed, late=False) == []


def test_a_breach_would_be_found() -> None:
    home = PACKAGE / "boundary" / "runner.py"
    assert breaches([home], lambda _, name: name != "os") == ["boundary/runner.py imports os"]


def test_a_module_is_one_room() -> None:
    assert [name_of(path) for path in modules() if len(path.read_text(encoding="utf-8").splitlines()) > 400] == []


@pytest.mark.parametrize(
    ("root", "packages"),
    [("src", ["mlops_actions", "mlops_sandbox"]), (".", ["tests"])],
    ids=["product and sandbox", "tests"],
)
def test_the_import_graph_has_no_circle(root: str, packages: list[str]) -> None:
    assert import_circles(import_graph(REPOSITORY / root, *packages)) == []


def test_a_circle_would_be_found(tmp_path: Path) -> None:
    sources = {
        "__init__": "",
        "early": "from package import late",
        "late": "def run():\n    from package.typed import Name\n",
        "typed": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import package.early\n",
        "apart": "from package.early import run",
        "itself": "from . import itself",
    }
    (tmp_path / "package").mkdir()
    for name, source in sources.items():
        (tmp_path / "package" / f"{name}.py").write_text(source)
    circles = [["package.early", "package.late", "package.typed"], ["package.itself"]]
    assert import_circles(import_graph(tmp_path, "package")) == circles


def test_the_product_imports_the_sandbox_only_where_two_commands_start_it() -> None:
    imports_of_sandbox = {
        (path.relative_to(ROOT).as_posix(), module)
        for path in modules()
        for module, _ in imported_names(path, path.relative_to(ROOT).with_suffix("").as_posix().replace("/", "."))
        if top(module) == "mlops_sandbox"
    }
    commands = "mlops_actions/cli.py"
    assert imports_of_sandbox == {(commands, f"mlops_sandbox.{name}") for name in ("demo", "own_repository", "suite")}
    assert not any(name.startswith("mlops_sandbox") for name in imports(ROOT / commands, late=False))


def test_the_sandbox_shares_one_thing_with_the_product() -> None:
    shared = {"mlops_actions.core.types"}
    graph = import_graph(ROOT, "mlops_actions", "mlops_sandbox")
    imported = {module for name, of in graph.items() if top(name) == "mlops_sandbox" for module in of}
    assert {module for module in imported if top(module) == "mlops_actions"} == shared


def test_no_image_holds_the_sandbox() -> None:
    ignored = (REPOSITORY / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert "*" in ignored
    assert [line for line in ignored if line.startswith("!src")] == ["!src/mlops_actions"]
    text = (REPOSITORY / "Dockerfile.base").read_text(encoding="utf-8")
    copied = {line.split()[1] for line in text.splitlines() if line.startswith("COPY src")}
    assert copied == {"src/mlops_actions"}


def test_a_unit_test_imports_neither_the_sandbox_nor_another_part_of_the_tests() -> None:
    allowed = ("tests.unit", "tests.support")
    imported = {
        f"{path.relative_to(REPOSITORY).as_posix()} imports {name}"
        for path in (REPOSITORY / "tests" / "unit").rglob("*.py")
        for name, _ in imported_names(path, module_name(path, REPOSITORY))
        if top(name) == "mlops_sandbox" or (top(name) == "tests" and not name.startswith(allowed))
    }
    assert imported == set()


def test_the_tests_support_imports_no_test() -> None:
    graph = import_graph(REPOSITORY, "tests")
    imported = {
        f"{name} imports {module}"
        for name, modules_of in graph.items()
        for module in modules_of
        if name.startswith("tests.support") and not module.startswith("tests.support")
    }
    assert imported == set()
