"""The rules of the house that hold for every module: one name for one thing, one spelling, one plan for the four actions."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PRODUCT = ROOT / "src" / "mlops_actions"
ROOMS = ("chatops", "docker_publish", "argo_submit", "wandb_runs")
# The same plan in every room: these two names recur, once per room.
RECURRING = {"Inputs", "Ports"}
# Words that the suite does not use for its things: what each name stands for has a standard term.
FORMER_NAMES = frozenset(
    [
        "glance",
        "hear",
        "Heard",
        "Listener",
        "rounds",
        "declared",
        "Door",
        "Begun",
        "Taken",
        "told",
        "Tell",
        "Moved",
        "Lost",
        "GivenUp",
        "Held",
        "packed",
        "Surroundings",
        "Subject",
        "vouchers",
        "bring",
        "apart",
        "Weight",
        "Way",
        "Wanted",
        "Words",
        "Granted",
        "News",
        "Picked",
        "Found",
        "ours",
        "theirs",
        "bar",
        "show",
        "trust",
        "deliver",
    ]
)


def sources(folder: Path = ROOT) -> Iterator[Path]:
    for top in ("src", "tests", "tools") if folder == ROOT else ("",):
        yield from sorted((folder / top).rglob("*.py"))


def definitions(path: Path) -> Iterator[ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def is_property(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """A property reads like an attribute: its docstring is a noun phrase."""
    return any("property" in ast.unparse(decorator) for decorator in node.decorator_list)


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("room", ROOMS)
def test_every_action_has_the_same_plan(room: str) -> None:
    folder = PRODUCT / room
    names = {module: {node.name for node in definitions(folder / module)} for module in ("inputs.py", "ports.py", "run.py")}
    assert "Inputs" in names["inputs.py"]
    assert "Ports" in names["ports.py"]
    assert "run" in names["run.py"]


def test_no_class_name_stands_for_two_things() -> None:
    homes = defaultdict(list)
    for path in sources(PRODUCT):
        for node in definitions(path):
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                homes[node.name].append(name_of(path))
    assert {name: paths for name, paths in homes.items() if len(paths) > 1 and name not in RECURRING} == {}


def test_imports_are_absolute() -> None:
    relative = [
        f"{name_of(path)}:{node.lineno}"
        for path in sources()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom) and node.level
    ]
    assert relative == []


@pytest.mark.parametrize(
    ("pattern", "instead"),
    [
        (r"\b_?(MOST|LONGEST)_[A-Z]", "MAX_…"),
        (r"\bFinal\b", "a constant without Final, as everywhere"),
        (r"^Json = ", "mlops_actions.core.types.Json"),
        (r"object\.__setattr__", "a declared field"),
    ],
)
def test_one_spelling_everywhere(pattern: str, instead: str) -> None:
    own = Path(__file__)
    alias = PRODUCT / "core" / "types.py"
    places = [
        f"{name_of(path)}:{number}"
        for path in sources()
        if path not in (own, alias)
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if re.search(pattern, line)
    ]
    assert places == [], f"use {instead}"


def test_former_private_names_are_gone() -> None:
    named = [
        f"{name_of(path)}: {node.name}"
        for path in sources(PRODUCT)
        for node in definitions(path)
        if node.name in FORMER_NAMES
    ]
    modules = [name_of(path) for path in sources(PRODUCT) if path.stem in FORMER_NAMES]
    assert named + modules == []


def test_the_docstrings_of_functions_are_imperative() -> None:
    """A docstring that starts with a verb in the third person, or with a question word, is rewritten."""
    third_person = re.compile(
        r"(Return|Yield|Read|Write|Make|Tell|Say|Ask|Give|Find|Send|Show|Render|Parse)s\b|(What|Whether|How|Who)\b"
    )
    places = [
        f"{name_of(path)}:{node.lineno} {text.splitlines()[0]}"
        for path in sources(ROOT / "src")
        for node in definitions(path)
        if not isinstance(node, ast.ClassDef)
        and not is_property(node)
        and (text := ast.get_docstring(node))
        and third_person.match(text)
    ]
    assert places == []
