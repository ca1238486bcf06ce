"""Upkeep of the repository: the result of the audit, and updates for everything that is pinned."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

import audit
from mlops_actions.core.types import Json

ROOT = Path(__file__).parents[2]
SOUND = {"name": "pyyaml", "version": "6.0.3", "vulns": []}
FLAWED = {"name": "urllib3", "version": "1.0", "vulns": [{"id": "PYSEC-1", "fix_versions": ["1.1"]}]}
UNKNOWN = {"name": "idna", "skip_reason": "not found"}


@pytest.mark.parametrize("required", [True, False])
def test_sound_packages_pass(required: bool) -> None:
    verdict = audit.judge({"dependencies": [SOUND]}, required=required)
    assert verdict.passed
    assert "1 packages" in verdict.lines[0]


@pytest.mark.parametrize("required", [True, False])
@pytest.mark.parametrize("others", [[], [SOUND], [UNKNOWN]])
def test_a_known_vulnerability_fails_everywhere(required: bool, others: list[Json]) -> None:
    verdict = audit.judge({"dependencies": [*others, FLAWED]}, required=required)
    assert not verdict.passed
    assert verdict.lines[0] == "urllib3 1.0: PYSEC-1, fixed in 1.1"


@pytest.mark.parametrize(
    "report", [None, {"dependencies": []}, {"dependencies": [UNKNOWN]}, {"dependencies": [SOUND, UNKNOWN]}]
)
def test_unchecked_packages_are_reported_and_fail_a_required_audit(report: Json | None) -> None:
    assert not audit.judge(report, required=True).passed
    verdict = audit.judge(report, required=False)
    assert verdict.passed
    assert verdict.lines[0].startswith("not checked")


def updates() -> dict[str, set[str]]:
    document = yaml.safe_load((ROOT / ".github/dependabot.yml").read_text())
    return {entry["package-ecosystem"]: set(entry["directories"]) for entry in document["updates"]}


def folders(*patterns: str) -> set[str]:
    found = {path.parent for pattern in patterns for path in ROOT.glob(pattern) if ".venv" not in path.parts}
    return {f"/{folder.relative_to(ROOT)}".replace("/.", "/") for folder in found}


def test_dependabot_updates_every_kind_of_pinned_dependency() -> None:
    found = updates()
    assert folders("**/go.mod") <= found["gomod"]
    assert folders("tools/locks/*.txt", "pyproject.toml") <= found["pip"]
    assert folders("Dockerfile*", "examples/*/Dockerfile") <= found["docker"]
    used = {path.parents[2] for path in ROOT.glob("**/.github/workflows/*.yml") if "uses: actions/" in path.read_text()}
    assert {f"/{folder.relative_to(ROOT)}".replace("/.", "/") for folder in used} <= found["github-actions"]


def test_workflows_require_the_audit() -> None:
    for name, job in (("ci", "lint"), ("nightly", "audit")):
        steps = yaml.safe_load((ROOT / f".github/workflows/{name}.yml").read_text())["jobs"][job]["steps"]
        (step,) = [step for step in steps if re.search(r"make (lint|audit)", step.get("run", ""))]
        assert step["env"] == {"AUDIT": "required"}


@pytest.mark.parametrize("path", sorted((ROOT / ".github/workflows").glob("*.yml")), ids=lambda path: path.name)
def test_a_workflow_grants_permissions_per_job_and_pins_its_actions(path: Path) -> None:
    workflow = yaml.safe_load(path.read_text())
    assert workflow["permissions"] == {}
    for job in workflow["jobs"].values():
        assert "permissions" in job
        for step in job.get("steps", ()):
            used = step.get("uses", "")
            own = used.startswith(("machine-learning-apps/mlops-actions/", "./", "$/"))
            assert not used or own or re.fullmatch(r"[\w./-]+@[0-9a-f]{40}", used), used
