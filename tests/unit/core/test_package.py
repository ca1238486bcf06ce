from __future__ import annotations

import re
from pathlib import Path

import pytest

from mlops_actions.core.package import install_command

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize("page", ["README.md", "docs/doctor.md"])
def test_the_command_installs_what_the_documentation_installs(page: str) -> None:
    (documented,) = re.findall(r"\$ pipx (install '.*')", (ROOT / page).read_text(encoding="utf-8"))
    assert install_command("chatops", "docker", "argo", "wandb") == f"pip {documented}"


def test_no_remedy_installs_the_package_from_a_registry_that_does_not_have_it() -> None:
    texts = {path: path.read_text(encoding="utf-8") for path in ROOT.glob("src/**/*.py")}
    assert [path for path, text in texts.items() if re.search(r"pip install '?mlops-actions\[[a-z,]*\]'", text)] == []
