"""docs/stand-ins.md: it names every switch of every stand-in, and every path on it exists."""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

import mlops_sandbox
from tests.support import google

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/stand-ins.md").read_text(encoding="utf-8")
# The heading of each stand-in's section, and the package or module with its code.
STAND_INS = {
    "GitHub": "mlops_sandbox.github",
    "Runner": "mlops_sandbox.runner",
    "Registry": "mlops_sandbox.registry",
    "Cluster, controller and Argo Server": "mlops_sandbox.cluster",
    "Weights & Biases": "mlops_sandbox.wandb",
    "Google": google.__name__,
    "Identity tokens, AWS and Azure": "mlops_sandbox.identity",
}
PATH = re.compile(r"`((?:src|tests|docs|tools)/[^`\s]*)`")
# A class of the first name is one switch; a class of the others holds one in each public field, or else method.
ONE_SWITCH, MANY_SWITCHES = "Fault", ("Faults", "Quirks")
NO_CHOICES = {
    "accounts", "api_key", "clock", "entity", "executor", "max_pods", "mint", "namespaces", "root", "username", "window",
}  # fmt: skip
NO_SWITCHES = {"clear", "take"}  # methods that remove or apply a switch


def section(heading: str) -> str:
    """The text of a stand-in's section."""
    return re.split(r"^## ", PAGE.partition(f"\n## {heading}\n")[2], maxsplit=1, flags=re.MULTILINE)[0]


def modules(name: str) -> Iterator[ModuleType]:
    """A module, and those below it."""
    module = importlib.import_module(name)
    yield module
    for entry in pkgutil.walk_packages(getattr(module, "__path__", ()), f"{name}."):
        yield importlib.import_module(entry.name)


def classes(name: str) -> Iterator[type]:
    """The classes that the modules of a stand-in define."""
    for module in modules(name):
        for kind in vars(module).values():
            if inspect.isclass(kind) and kind.__module__ == module.__name__:
                yield kind


def switches(name: str) -> set[str]:
    """The switches of a stand-in: its faults, its quirks, and what its constructor turns on or off."""
    found: set[str] = set()
    exported = getattr(importlib.import_module(name), "__all__", ())
    for kind in classes(name):
        if kind.__name__ in MANY_SWITCHES:
            fields = {field.name for field in dataclasses.fields(kind)} if dataclasses.is_dataclass(kind) else set()
            methods = {name for name, _ in inspect.getmembers(kind, inspect.isfunction)}
            found |= {name for name in (fields or methods) - NO_SWITCHES if not name.startswith("_")}
        elif not exported or kind.__name__ in exported:
            found |= {kind.__name__} & {ONE_SWITCH}
            found |= set() if dataclasses.is_dataclass(kind) else choices(kind)
    return found


def choices(kind: type) -> set[str]:
    """What may be given to the constructor of a server beside its names, its users, its storage and its clock."""
    is_server = "app" in vars(kind) or "self.app = " in inspect.getsource(kind)
    parameters = inspect.signature(kind).parameters.values() if is_server else ()
    return {parameter.name for parameter in parameters if parameter.default is not parameter.empty} - NO_CHOICES


def test_every_stand_in_has_a_section() -> None:
    packages = {f"mlops_sandbox.{entry.name}" for entry in pkgutil.iter_modules(mlops_sandbox.__path__) if entry.ispkg}
    assert packages - {"mlops_sandbox.demo"} <= set(STAND_INS.values())
    assert [heading for heading in STAND_INS if not section(heading)] == []


@pytest.mark.parametrize("heading", STAND_INS)
def test_the_page_names_every_switch_of_a_stand_in(heading: str) -> None:
    named = set(re.findall(r"`([A-Za-z_]+)`", section(heading)))
    assert switches(STAND_INS[heading]) - named == set()


def test_the_switches_are_found() -> None:
    assert switches("mlops_sandbox.registry") >= {"Fault", "late_statuses", "anonymous_pull"}
    assert switches("mlops_sandbox.wandb") >= {"Fault", "lacks", "refusal"}
    assert switches("mlops_sandbox.cluster") >= {"argo_missing", "watch_seconds"}
    assert switches("mlops_sandbox.github") >= {"secondary_rate_limit", "stall"}


def test_every_path_on_the_page_exists() -> None:
    paths = PATH.findall(PAGE)
    assert len(paths) > 10
    assert [path for path in paths if not (ROOT / path).exists()] == []


@pytest.mark.parametrize("heading", STAND_INS)
def test_a_section_says_what_the_stand_in_is_held_to(heading: str) -> None:
    assert "### Held to" in section(heading)
