"""Look up known vulnerabilities of every locked package: `audit.py [LOCK…]`.

The default is two files that hold every package of all the others. A known vulnerability always fails.
Where the advisory service cannot be reached (a machine without network, or behind a mirror that serves only packages), the
audit prints "not checked" and passes. With AUDIT=required, which the workflows set, a package that could not be checked
fails the audit.
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

LOCKS = ("tools/locks/dev.txt", "tools/locks/docs.txt")
# Seconds for one answer; a machine without network must not delay the other checks.
TIMEOUT = 15


@dataclass(frozen=True)
class Verdict:
    """The result of the audit, for people and for the exit code."""

    lines: Sequence[str]
    passed: bool


def judge(report: Mapping[str, Any] | None, *, required: bool) -> Verdict:
    """Judge pip-audit's report, which is None if the service could not be reached."""
    dependencies = report["dependencies"] if report else []
    vulnerable = [
        f"{package['name']} {package['version']}: {vulnerability['id']}, "
        f"fixed in {', '.join(vulnerability['fix_versions']) or 'no version yet'}"
        for package in dependencies
        for vulnerability in package.get("vulns", ())
    ]
    if vulnerable:
        return Verdict([*vulnerable, "remedy: raise the version in pyproject.toml, then make lock"], passed=False)
    unknown = [package["name"] for package in dependencies if "skip_reason" in package]
    if dependencies and not unknown:
        return Verdict([f"{len(dependencies)} packages, none with a known vulnerability"], passed=True)
    unchecked = f"{len(unknown)} of {len(dependencies)} packages" if dependencies else "anything"
    message = f"not checked: this package index has no advisories for {unchecked}"
    if not required:
        return Verdict([message], passed=True)
    return Verdict(
        [message, "remedy: run where the advisories of the public index can be reached (AUDIT=required)"], passed=False
    )


def report_on(locks: Sequence[str]) -> Mapping[str, Any] | None:
    """Run pip-audit for every package of some lock files."""
    completed = subprocess.run(
        [
            str(Path(sys.executable).with_name("pip-audit")), *(f"-r{lock}" for lock in locks), "--require-hashes",
            "--no-deps", "--disable-pip", "--progress-spinner", "off", "--timeout", str(TIMEOUT), "--format", "json",
        ], capture_output=True, text=True, check=False,
    )  # fmt: skip
    try:
        document: Mapping[str, Any] = json.loads(completed.stdout)
    except ValueError:
        print(completed.stderr.strip().rpartition("\n")[2][:400], file=sys.stderr)
        return None
    return document


def main(arguments: Sequence[str]) -> int:
    """Audit some lock files; return the exit code."""
    verdict = judge(report_on(arguments or LOCKS), required=os.environ.get("AUDIT") == "required")
    print("\n".join(verdict.lines), file=sys.stdout if verdict.passed else sys.stderr)
    return 0 if verdict.passed else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
