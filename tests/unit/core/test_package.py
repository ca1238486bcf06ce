from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from mlops_actions.core.package import REF, REPOSITORY, install_command, installation_of

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize("page", ["README.md", "docs/doctor.md"])
def test_the_command_installs_what_the_documentation_installs(page: str) -> None:
    (documented,) = re.findall(r"\$ pipx (install '.*')", (ROOT / page).read_text(encoding="utf-8"))
    assert install_command("chatops", "docker", "argo", "wandb") == f"pip {documented}"


SHA, FORK = "a" * 40, "git+https://github.com/me/mlops-actions"
GIT = {"vcs_info": {"vcs": "git", "requested_revision": "v1", "commit_id": SHA}}
RECORDS: dict[str, tuple[dict[str, object], str]] = {
    "a fork": ({"url": "https://github.com/me/mlops-actions", **GIT}, f"'mlops-actions[argo,wandb] @ {FORK}@{SHA}'"),
    "with a token": (
        {"url": "https://me:secret@github.com/me/mlops-actions", **GIT}, f"'mlops-actions[argo,wandb] @ {FORK}@{SHA}'",
    ),
    "by ssh": (
        {"url": "ssh://git@github.com/me/mlops-actions.git", **GIT},
        f"'mlops-actions[argo,wandb] @ git+ssh://git@github.com/me/mlops-actions.git@{SHA}'",
    ),
    "a clone": ({"url": "file:///home/me/suite", **GIT}, f"'mlops-actions[argo,wandb] @ git+file:///home/me/suite@{SHA}'"),
    "a folder": ({"url": "file:///home/me/suite", "dir_info": {}}, "'mlops-actions[argo,wandb] @ file:///home/me/suite'"),
    "a checkout": (
        {"url": "file:///home/me/the%20suite", "dir_info": {"editable": True}},
        "--editable '/home/me/the suite[argo,wandb]'",
    ),
    "a file": ({"url": "https://x.example/m", "archive_info": {}}, "'mlops-actions[argo,wandb] @ https://x.example/m'"),
    "no place": ({"url": 7}, f"'mlops-actions[argo,wandb] @ git+https://github.com/{REPOSITORY}@{REF}'"),
}  # fmt: skip


@pytest.mark.parametrize("name", RECORDS)
def test_more_is_installed_from_where_the_package_came_from(name: str) -> None:
    record, expected = RECORDS[name]
    assert install_command("argo", "wandb", installation=installation_of(json.dumps(record))) == f"pip install {expected}"


def test_no_remedy_installs_the_package_from_a_registry_that_does_not_have_it() -> None:
    texts = {path: path.read_text(encoding="utf-8") for path in ROOT.glob("src/**/*.py")}
    assert [path for path, text in texts.items() if re.search(r"pip install '?mlops-actions\[[a-z,]*\]'", text)] == []
