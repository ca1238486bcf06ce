"""The pages for a new user show what `init` really prints and writes: each page is a path that can be followed."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
import yaml

from mlops_actions import cli

ROOT = Path(__file__).parents[3]
PAGES = ("getting-started.md", "gke.md", "eks.md", "aks.md")
# How kubectl names the kinds of objects that it has created.
KINDS = {
    "ServiceAccount": "serviceaccount",
    "Role": "role.rbac.authorization.k8s.io",
    "RoleBinding": "rolebinding.rbac.authorization.k8s.io",
}


class FirstSteps:
    """One page, and what the command on it prints and writes in an empty repository."""

    def __init__(self, page: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        text = (ROOT / "docs" / page).read_text(encoding="utf-8")
        self.page = text.partition("## The step by itself")[0]
        (command,) = re.findall(r"^\$ mlops-actions (init .*)$", self.page, re.MULTILINE)
        # The place is the test's, and the release needs no network.
        assert cli.main([*shlex.split(command), "--directory", str(folder), "--ref", "v1", "--yes"]) == 0
        self.printed = capsys.readouterr().out.replace(f"{folder}/", "")
        self.folder = folder

    def shown(self, pattern: str) -> list[str]:
        return re.findall(pattern, self.page, re.MULTILINE)

    def said(self, pattern: str) -> list[str]:
        return re.findall(pattern, self.printed, re.MULTILINE)


@pytest.fixture(params=PAGES)
def steps(request: pytest.FixtureRequest, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> FirstSteps:
    return FirstSteps(request.param, tmp_path, capsys)


def test_the_page_lists_the_files_that_are_written(steps: FirstSteps) -> None:
    assert steps.shown("^wrote .*$") == steps.said("^wrote .*$") != []


def test_the_page_lists_the_objects_that_the_cluster_gets(steps: FirstSteps) -> None:
    _, command, below = steps.page.partition("$ kubectl apply --filename mlops/rbac.yaml\n")
    assert command
    documents = yaml.safe_load_all((steps.folder / "mlops/rbac.yaml").read_text(encoding="utf-8"))
    created = [f"{KINDS[one['kind']]}/{one['metadata']['name']} created" for one in documents]
    assert below.splitlines()[: len(created)] == created


@pytest.mark.parametrize("what", ["gh variable set", "gh secret set", "gh label create"])
def test_the_page_sets_everything_that_init_asks_for(steps: FirstSteps, what: str) -> None:
    optional = {"ARGO_SERVER", "ARGO_TOKEN"}  # for `/retry failed` alone
    asked = set(steps.said(rf"{what} ([\w-]+)")) - optional
    assert asked == set(steps.shown(rf"{what} ([\w-]+)"))


def test_the_page_binds_a_role_that_is_there(steps: FirstSteps) -> None:
    documents = yaml.safe_load_all((steps.folder / "mlops/rbac.yaml").read_text(encoding="utf-8"))
    roles = {one["metadata"]["name"] for one in documents if one["kind"] == "Role"}
    assert set(steps.shown(r"create rolebinding \S+ --role (\S+)")) <= roles
