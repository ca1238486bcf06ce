"""No module but the tracker's adapter, the inputs and the composition roots knows which tracker it is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[3] / "src" / "mlops_actions"
# The action's inputs and files have W&B's name, and the verifier's command line reads W&B's environment variables.
MAY_NAME_THE_TRACKER = {"wandb_runs/inputs.py", "verify/command.py"}
MODULES = [
    path
    for room in ("wandb_runs", "verify", "core")
    for path in sorted((PACKAGE / room).glob("*.py"))
    if path.relative_to(PACKAGE).as_posix() not in MAY_NAME_THE_TRACKER
]
# The action's own package and name are no word about the tracker.
OWN_NAME = re.compile(r"mlops_actions\.wandb_runs|wandb-runs|wandb_runs/")
TRACKER_WORD = re.compile(r"wandb|w&b|weights (and|&) biases|displayName|summaryMetrics|\$(and|or|in)\b", re.IGNORECASE)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_a_module_does_not_name_the_tracker(path: Path) -> None:
    lines = OWN_NAME.sub("", path.read_text(encoding="utf-8")).splitlines()
    assert [line for line in lines if TRACKER_WORD.search(line)] == []


def test_the_words_are_found_where_they_are_allowed() -> None:
    for name in MAY_NAME_THE_TRACKER:
        assert TRACKER_WORD.search(OWN_NAME.sub("", (PACKAGE / name).read_text(encoding="utf-8")))
