"""The attacks of the threat model: each is carried out by a test, or by a case of chatops or wandb-runs."""

from __future__ import annotations

import re
from pathlib import Path

from tests.actions.chatops.cases_confirm import STORIES
from tests.actions.chatops.test_cases import CASES
from tests.actions.wandb_runs import cases as runs_cases
from tests.actions.wandb_runs import cases_judge, test_baselines
from tests.support.pages import block, rows

TESTS = Path(__file__).parents[1]


def test_every_attack_in_the_threat_model_names_an_existing_test() -> None:
    sources = "".join(path.read_text(encoding="utf-8") for path in TESTS.rglob("test_*.py"))
    names = CASES.keys() | {story.name for story in STORIES}
    names |= {case.name for case in (*runs_cases.CASES, *cases_judge.CASES)}
    names |= {case.name for case in test_baselines.CASES}
    attacks = rows(block("docs/threat-model.md", "attacks"))
    assert len(attacks) > 20
    for attack, _, carried_out in attacks:
        tests, cases = re.findall(r"`(test_\w+)`", carried_out), re.findall(r"case `([^`]+)`", carried_out)
        assert tests or cases, attack
        assert all(f"def {name}(" in sources for name in tests), attack
        assert all(name in names for name in cases), attack
