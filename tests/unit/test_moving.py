"""docs/moving.md lists every older name of an input or output, and no name that does not exist."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import pytest

from mlops_actions.cli import action
from mlops_actions.core.declare import declared_inputs, retired_inputs

ROOT = Path(__file__).parents[2]
GUIDE = (ROOT / "docs/moving.md").read_text(encoding="utf-8")
ACTIONS = {
    "actions-chatops": "chatops",
    "actions-chatops-deprecated": "chatops",
    "gpr-docker-publish": "docker-publish",
    "Publish-Docker-Github-Action": "docker-publish",
    "gke-argo": "argo-submit",
    "actions-argo": "argo-submit",
    "wandb-action": "wandb-runs",
}


@dataclass(frozen=True)
class Section:
    """The tables of one older action: older name → new name (empty for none), for inputs and outputs."""

    inputs: dict[str, str]
    outputs: dict[str, str]


def section(old: str) -> Section:
    _, _, after = GUIDE.partition(f"\n## Moving from {old}\n")
    assert after, f"the guide has no section for {old}"
    text = after.partition("\n## ")[0]
    return Section(table(text, "input"), table(text, "output"))


def table(text: str, kind: str) -> dict[str, str]:
    _, _, after = text.partition(f"| {kind} | now | what changes |\n| --- | --- | --- |\n")
    rows = (line.split(" | ") for line in after.partition("\n\n")[0].splitlines())
    return {row[0].strip("| `"): re.sub(r"none", "", row[1]).strip("` ") for row in rows}


@pytest.mark.parametrize("old", ACTIONS)
def test_each_older_input_is_declared_and_its_new_name_is_correct(old: str) -> None:
    contract = action(ACTIONS[old])
    known = {entry.name.lower(): "" for entry in retired_inputs(contract.inputs)}
    for entry in declared_inputs(contract.inputs):
        known |= {name.lower(): entry.name for name in (entry.name, *(alias.name for alias in entry.legacy))}
    found = section(old).inputs
    assert {name: known.get(name.lower()) for name in found} == found
    assert found


@pytest.mark.parametrize("old", ACTIONS)
def test_each_older_output_and_its_successor_are_declared(old: str) -> None:
    outputs = action(ACTIONS[old]).outputs
    names = {output.name.lower() for output in outputs}
    modern = {output.name for output in outputs if not output.legacy}
    found = section(old).outputs
    assert found
    assert {name for name in found if name.lower() not in names} == set()
    assert {now for now in found.values() if now and now not in modern} == set()


@pytest.mark.parametrize("name", sorted(set(ACTIONS.values())))
def test_every_older_name_of_an_action_is_in_the_guide(name: str) -> None:
    contract = action(name)
    sections = [section(old) for old, new in ACTIONS.items() if new == name]
    documented = {text.lower() for part in sections for text in part.inputs}
    older = {alias.name.lower() for entry in declared_inputs(contract.inputs) for alias in entry.legacy}
    older |= {entry.name.lower() for entry in retired_inputs(contract.inputs)}
    assert older - documented == set()
    documented_outputs = {text.lower() for part in sections for text in part.outputs}
    assert {output.name.lower() for output in contract.outputs if output.legacy} - documented_outputs == set()


def test_the_first_table_links_to_a_section_for_each_older_action() -> None:
    rows = re.findall(
        r"^\| \[`[\w-]+/([\w-]+)`\]\(#([\w-]+)\) \| `machine-learning-apps/mlops-actions/actions/([\w-]+)@v1` \| .+ \|$",
        GUIDE,
        re.M,
    )
    assert {old: new for old, _, new in rows} == ACTIONS
    assert all(anchor == f"moving-from-{old}".lower() for old, anchor, _ in rows)


@pytest.mark.parametrize("name", sorted(set(ACTIONS.values())))
def test_no_input_has_the_name_of_a_runner_variable(name: str) -> None:
    """`act` also passes inputs under their bare names: an input GITHUB_SHA would hide the commit."""
    inputs = action(name).inputs
    names = [name for entry in declared_inputs(inputs) for name in (entry.name, *(alias.name for alias in entry.legacy))]
    names += [entry.name for entry in retired_inputs(inputs)]
    assert [one for one in names if one.upper().startswith(("GITHUB_", "RUNNER_", "ACTIONS_"))] == []


def test_each_older_action_has_a_workflow_that_an_end_to_end_test_runs() -> None:
    files = {path.stem: path.read_text(encoding="utf-8") for path in (ROOT / "tests/e2e/dropin").glob("*.yml")}
    used = {found for text in files.values() for found in re.findall(r"uses: [\w-]+/([\w-]+)@", text)}
    assert used - {"checkout"} == set(ACTIONS)
    runs = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "tests/e2e").glob("test_dropin_*.py"))
    assert [name for name in files if f'"{name}"' not in runs and f"{name}.yml" not in runs] == []
