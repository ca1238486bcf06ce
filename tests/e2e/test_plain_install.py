"""A plain `pip install` of the checkout into an environment of its own: every command works, or names its extra."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.support.plain_install import uses

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of programs of an environment that holds the package and what it requires."""
    folder = tmp_path_factory.mktemp("plain")
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    subprocess.run([str(folder / "bin/pip"), "install", "--quiet", str(ROOT)], check=True, timeout=600)
    return folder / "bin"


def run(program: list[str], folder: Path, environ: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        program, capture_output=True, text=True, timeout=120, check=False, cwd=folder, stdin=subprocess.DEVNULL,
        env={"PATH": os.environ["PATH"], "HOME": str(folder), **environ},
    )  # fmt: skip


def test_only_pyyaml_comes_with_it(installed: Path, tmp_path: Path) -> None:
    listed = run([str(installed / "pip"), "list", "--format", "freeze"], tmp_path, {}).stdout.lower()
    names = {line.partition("==")[0].partition(" ")[0] for line in listed.splitlines()}
    assert names - {"pip", "setuptools", "wheel"} == {"mlops-actions", "pyyaml"}


def test_every_command_works_or_names_its_extras(installed: Path, tmp_path: Path) -> None:
    for name, use in uses(tmp_path, ROOT).items():
        for program in ([str(installed / "mlops-actions")], [str(installed / "python"), "-m", "mlops_actions"]):
            folder = tmp_path / f"{name}-{len(program)}"
            folder.mkdir()
            done = run([*program, *use.arguments], folder, use.environ)
            assert use.is_right(done.returncode, done.stdout, done.stderr), (name, done.stdout, done.stderr)
