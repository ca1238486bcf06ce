"""Ask the advisory service of the package index about every locked package: `audit.py [LOCK]`.

tools/locks/dev.txt is the default: one resolution makes all the lock files, and it holds every package of the others. A
known vulnerability fails anywhere. Where no advisories answer (a machine without network, or behind a mirror that serves
packages alone) the audit says "not checked" and lets the other checks speak; with AUDIT=required, as the workflows set it,
what could not be checked fails, one package or all.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

LOCK = "tools/locks/dev.txt"
# Patience for one answer; a machine without network must not hold up the rest.
TIMEOUT = 15


@dataclass(frozen=True)
class Verdict:
    """What the audit says, and whether it lets the caller pass."""

    lines: Sequence[str]
    passed: bool


def judge(report: Mapping[str, Any] | None, *, required: bool) -> Verdict:
    """Judge pip-audit's report; None where there is none, because the service could not be reached."""
    dependencies = report["dependencies"] if report else []
    found = [
        f"{one['name']} {one['version']}: {flaw['id']}, fixed in {', '.join(flaw['fix_versions']) or 'no version yet'}"
        for one in dependencies
        for flaw in one.get("vulns", ())
    ]
    if found:
        return Verdict([*found, "remedy: raise the version in pyproject.toml, then make lock"], passed=False)
    unknown = [one["name"] for one in dependencies if "skip_reason" in one]
    if dependencies and not unknown:
        return Verdict([f"{len(dependencies)} packages, none with a known vulnerability"], passed=True)
    what = f"{len(unknown)} of {len(dependencies)} packages" if dependencies else "anything"
    said = f"not checked: the index here has no advisories for {what}"
    if not required:
        return Verdict([said], passed=True)
    return Verdict([said, "remedy: run where the public index's advisories can be reached (AUDIT=required)"], passed=False)


def report_on(lock: Path) -> Mapping[str, Any] | None:
    """Ask for every package of a lock file."""
    asked = subprocess.run(
        [
            str(Path(sys.executable).with_name("pip-audit")), "--requirement", str(lock), "--require-hashes", "--no-deps",
            "--disable-pip", "--progress-spinner", "off", "--timeout", str(TIMEOUT), "--format", "json",
        ], capture_output=True, text=True, check=False,
    )  # fmt: skip
    try:
        document: Mapping[str, Any] = json.loads(asked.stdout)
    except ValueError:
        print(asked.stderr.strip().rpartition("\n")[2][:400], file=sys.stderr)
        return None
    return document


def main(arguments: Sequence[str]) -> int:
    """Audit one lock file; returns the exit code."""
    lock = Path(arguments[0] if arguments else LOCK)
    verdict = judge(report_on(lock), required=os.environ.get("AUDIT") == "required")
    print("\n".join(verdict.lines), file=sys.stdout if verdict.passed else sys.stderr)
    return 0 if verdict.passed else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
