"""What the suite and its sandbox assume of GitHub, and how an observation confirms or refutes it.

An observation is a JSON value that a probe wrote under the assumption's key; a key that is missing was not asked.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

ACTIVITY_SECONDS = 60
PULL_SECONDS = 120
# A job may have 1 MB of outputs, counted in UTF-16.
OUTPUT_CHARACTERS = 400_000

Verdict = Literal["holds", "false", "not seen"]


@dataclass(frozen=True)
class Assumption:
    """One assumption; the suite `rests_on` it where a workflow would break if it were false."""

    key: str
    text: str
    holds: Callable[[Any], bool]
    rests_on: bool = False


@dataclass(frozen=True)
class Finding:
    """An assumption with what was seen."""

    assumption: Assumption
    seen: Any
    verdict: Verdict

    @property
    def breaks(self) -> bool:
        """Whether a workflow of the suite breaks by this."""
        return self.verdict == "false" and self.assumption.rests_on


ASSUMPTIONS = (
    Assumption(
        "known-label", "`pull-requests: write` adds a label that the repository has", lambda status: status == 200, True
    ),
    Assumption("new-label-refused", "`pull-requests: write` alone does not create a label", lambda status: status == 403),
    Assumption("new-label", "with `issues: write`, adding a label creates it", lambda status: status == 200, True),
    Assumption(
        "check-run", "a check run of the job's token can be created and concluded", lambda seen: seen == [201, 200], True
    ),
    Assumption("details-url", "GitHub ignores `details_url` of the job's token", lambda seen: seen == "replaced"),
    Assumption(
        "activity",
        f"a push is in the repository's activity within {ACTIVITY_SECONDS} seconds",
        lambda seconds: _within(seconds, ACTIVITY_SECONDS),
        True,
    ),
    Assumption("masked-output", "a job output that holds a line of a mask is dropped", lambda value: value == ""),
    Assumption("plain-output", "other outputs of that job arrive", lambda value: value == "plain", True),
    Assumption(
        "output-size", f"a job output of {OUTPUT_CHARACTERS} characters arrives whole", lambda seen: seen == "whole", True
    ),
    Assumption(
        "queue-single",
        "of three runs of a group the second is replaced",
        lambda conclusions: conclusions == ["success", "cancelled", "success"],
    ),
    Assumption("queue-max", "with `queue: max` all three run", lambda conclusions: conclusions == ["success"] * 3),
    Assumption(
        "post-steps", "the post step of an action inside a composite action runs", lambda status: status == "completed", True
    ),
    Assumption(
        "reference", "`$/` names the repository and commit of the file", lambda conclusion: conclusion == "success", True
    ),
    Assumption("nested-reference", "so it does inside a composite action", lambda conclusion: conclusion == "success", True),
    Assumption(
        "image-time",
        f"the images of a job are there after {PULL_SECONDS} seconds",
        lambda seconds: _within(seconds, PULL_SECONDS),
    ),
    Assumption(
        "closed-head", "a closed pull request keeps its head when its branch moves", lambda seen: seen == "kept", True
    ),
)


def _within(seconds: Any, limit: float) -> bool:
    return isinstance(seconds, int | float) and seconds <= limit


def judge(observations: Mapping[str, Any]) -> list[Finding]:
    """Return a finding for each assumption."""
    findings = []
    for assumption in ASSUMPTIONS:
        if assumption.key not in observations:
            findings.append(Finding(assumption, None, "not seen"))
            continue
        seen = observations[assumption.key]
        findings.append(Finding(assumption, seen, "holds" if assumption.holds(seen) else "false"))
    return findings


def table(findings: list[Finding]) -> str:
    """Return the findings as Markdown."""
    marks = {"holds": "✅ holds", "false": "❌ false", "not seen": "➖ not seen"}
    rows = [
        f"| {one.assumption.text} | {marks[one.verdict]} | {_shown(one)} | {'yes' if one.assumption.rests_on else 'no'} |"
        for one in findings
    ]
    head = ["## What GitHub does today", "", "| assumption | | seen | the suite rests on it |", "| --- | --- | --- | --- |"]
    return "\n".join([*head, *rows, ""])


def _shown(finding: Finding) -> str:
    if finding.verdict == "not seen":
        return ""
    text = str(finding.seen)
    cut = text if len(text) <= 80 else f"{text[:80]}…"
    return "`" + cut.replace("`", "'").replace("|", "\\|").replace("\n", " ") + "`"
