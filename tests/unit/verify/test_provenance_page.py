"""The page about provenance: its policy fits the file that it publishes, and the lines that it shows of `verify`."""

from __future__ import annotations

import re
from pathlib import Path

import yaml

from mlops_actions.core import gates
from mlops_actions.verify import policy

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs/provenance.md").read_text(encoding="utf-8")
(BLOCK,) = re.findall(r"^```yaml\n(checks:.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
POLICY = policy.parse_file(BLOCK)


def test_the_policy_names_what_the_published_file_asks_for() -> None:
    text = (ROOT / "examples/digits/.github/workflows/statement.yml").read_text(encoding="utf-8")
    given = yaml.safe_load(text)["jobs"]["state"]["steps"][0]["with"]
    assert POLICY.gates == gates.parse(given["gates"].splitlines())
    assert POLICY.baseline_tags == (given["baseline-tags"],)
    assert POLICY.select_by == given["metrics"].splitlines()[0]


def test_the_lines_of_verify_are_about_that_policy() -> None:
    (command,) = re.findall(r"^\$ mlops-actions verify .*$", PAGE, re.MULTILINE)
    options = {"--repository": policy.REPOSITORY, "--sha": policy.COMMIT}
    required = POLICY.required((), [check for option, check in options.items() if option in command])
    assert re.findall(r"^✓ policy: all (\d+) required checks hold$", PAGE, re.MULTILINE) == [str(len(required))]
    assert POLICY.gates is not None
    shown = re.findall(r"^✓ gate (.*?): ", PAGE, re.MULTILINE)
    assert gates.parse(shown) == POLICY.gates


def test_the_page_lists_the_checks_that_hold_without_a_policy() -> None:
    _, _, listed = PAGE.partition("each value that an option pins:")
    named = re.findall(r"`([a-z-]+)`", listed.partition(".")[0])
    assert named == [name for name in policy.CHECKS if name not in (*policy.PINNED, policy.REQUIRED_GATES)]
