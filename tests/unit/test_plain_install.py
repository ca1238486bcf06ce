"""After a plain `pip install` every command works, or says in one line which extra it needs.

The packages of the extras are hidden from an interpreter of its own; tests/e2e/test_plain_install.py installs for real.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import os
import subprocess
import sys
from pathlib import Path

import pytest

from mlops_actions.cli import EXTRAS, build_parser
from tests.support.plain_install import uses

ROOT = Path(__file__).parents[2]
HIDE = """\
import sys

class Hidden:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in HIDDEN:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Hidden())
from mlops_actions.__main__ import main
sys.exit(main(sys.argv[1:]))
"""


def commands() -> list[str]:
    (choices,) = (one.choices for one in build_parser()._actions if isinstance(one, argparse._SubParsersAction))
    return sorted(choices)


def hidden() -> set[str]:
    """What can be imported beside the standard library, PyYAML and the package itself."""
    own = {"yaml", "_yaml", "mlops_actions", "mlops_sandbox"}
    return importlib.metadata.packages_distributions().keys() - own - sys.stdlib_module_names


@pytest.mark.parametrize("command", commands())
def test_every_command_works_or_names_its_extras(command: str, tmp_path: Path) -> None:
    use = uses(tmp_path, ROOT)[command]
    done = subprocess.run(
        [sys.executable, "-c", f"HIDDEN = {hidden()!r}\n{HIDE}", *use.arguments],
        capture_output=True, text=True, timeout=120, check=False, cwd=tmp_path, stdin=subprocess.DEVNULL,
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path), **use.environ},
    )  # fmt: skip
    assert use.is_right(done.returncode, done.stdout, done.stderr), (done.returncode, done.stdout, done.stderr)


def test_the_extras_that_are_named_exist() -> None:
    declared = set(importlib.metadata.metadata("mlops-actions").get_all("Provides-Extra") or ())
    assert {extra for extras in EXTRAS.values() for extra in extras} <= declared
