"""Every Python that the suite says it runs on is one of CI's, and the sources keep to the grammar of the oldest."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
OLDEST = re.fullmatch(r">=(\d+)\.(\d+)", PROJECT["project"]["requires-python"])
SOURCES = [path for folder in ("src", "tools", "tests", "examples") for path in sorted((ROOT / folder).rglob("*.py"))]


def versions() -> list[str]:
    workflow = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text(encoding="utf-8"))
    found: list[str] = workflow["jobs"]["test"]["strategy"]["matrix"]["python"]
    return found


def test_ci_runs_the_tests_on_every_version_from_the_oldest_on() -> None:
    assert OLDEST
    first, minors = versions()[0], [int(version.partition(".")[2]) for version in versions()]
    assert first == f"{OLDEST[1]}.{OLDEST[2]}"
    assert minors == list(range(minors[0], minors[-1] + 1))


def test_this_python_is_one_of_them() -> None:
    assert "{}.{}".format(*sys.version_info) in versions()


def test_the_tools_check_for_the_oldest() -> None:
    assert OLDEST
    assert PROJECT["tool"]["mypy"]["python_version"] == f"{OLDEST[1]}.{OLDEST[2]}"
    assert PROJECT["tool"]["ruff"]["target-version"] == f"py{OLDEST[1]}{OLDEST[2]}"
    assert f"--python-version {OLDEST[1]}.{OLDEST[2]} " in (ROOT / "tools/lock.sh").read_text(encoding="utf-8")


@pytest.mark.parametrize("folder", ["src", "tools", "tests", "examples"])
def test_the_sources_are_of_the_oldest_grammar(folder: str) -> None:
    assert OLDEST
    oldest = (int(OLDEST[1]), int(OLDEST[2]))
    for path in SOURCES:
        if path.relative_to(ROOT).parts[0] == folder:
            ast.parse(path.read_text(encoding="utf-8"), str(path), feature_version=oldest)


def test_a_newer_grammar_would_be_found() -> None:
    with pytest.raises(SyntaxError):
        ast.parse("type Number = int\n", feature_version=(3, 11))
