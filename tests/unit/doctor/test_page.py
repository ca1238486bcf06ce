"""The page about doctor names every check."""

from __future__ import annotations

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[3]
DOCTOR = ROOT / "src/mlops_actions/doctor"
OUTCOMES = {"ok", "fails", "unknown", "skipped"}
# Several checks as one line, where nobody can be asked about each.
ALL_AT_ONCE = {"cluster", "images", "labels", "variables"}


def names_in_the_code() -> set[str]:
    """The names of checks as the code writes them, with `…` for what is filled in."""
    found = set()
    for path in DOCTOR.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and node.func.attr in OUTCOMES
                and node.args
            ):
                name = node.args[0]
                if isinstance(name, ast.Constant) and isinstance(name.value, str):
                    found.add(name.value)
                elif isinstance(name, ast.JoinedStr):
                    found.add("".join(str(part.value) if isinstance(part, ast.Constant) else "…" for part in name.values))
    return found


def test_every_check_is_on_the_page() -> None:
    page = (ROOT / "docs/doctor.md").read_text(encoding="utf-8").partition("\n## Checks\n")[2]
    documented = re.findall(r"`([^`\n]+)`", page)
    beginnings = tuple(name.removesuffix("…") for name in documented if name.endswith("…"))
    names = {name for name in names_in_the_code() - ALL_AT_ONCE if not name.startswith("…")}
    assert len(names) > 50
    assert {name for name in names if name not in documented and not name.startswith(beginnings)} == set()
