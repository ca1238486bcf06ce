"""The commands of the canary's jobs: `python3 -m canary COMMAND`, with PYTHONPATH=tools.

open              open the pull request; without CANARY_TOKEN or an App, say so and do nothing
probe NAME        ask one question with the job's token or the canary's, and write the output `seen`
close             close the pull request and delete its branch
report            judge what NEEDS (the context `needs` as JSON) holds, and fail where the suite breaks by it
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from canary.api import Api, CanaryError
from canary.app import token_of
from canary.assumptions import OUTPUT_CHARACTERS, judge, table
from canary.probes import Canary, Observations

Environ = Mapping[str, str]


def main(arguments: list[str], environ: Environ) -> int:
    """Run one command; return the exit code."""
    try:
        match arguments:
            case ["open"]:
                return _open(environ)
            case ["probe", name] if name in PROBES:
                _write(environ, "GITHUB_OUTPUT", f"seen={json.dumps(PROBES[name](environ))}\n")
                return 0
            case ["close"]:
                seen = _as_canary(environ).close(int(environ["NUMBER"]))
                _write(environ, "GITHUB_OUTPUT", f"seen={json.dumps(seen)}\n")
                return 0
            case ["report"]:
                return _report(environ)
            case ["large-output"]:
                _write(environ, "GITHUB_OUTPUT", f"text=begin{'x' * (OUTPUT_CHARACTERS - 8)}end\n")
                return 0
        print(__doc__, file=sys.stderr)
        return 2
    except CanaryError as error:
        print(f"::warning title=Canary::{_escaped(str(error))}")
        return 1


def _as_canary(environ: Environ) -> Canary:
    return Canary(Api(environ, token_of(environ)), environ["GITHUB_RUN_ID"])


def _as_job(environ: Environ) -> Canary:
    return Canary(Api(environ, environ["GITHUB_TOKEN"]), environ["GITHUB_RUN_ID"])


PROBES: Mapping[str, Callable[[Environ], Observations]] = {
    "labels-without-issues": lambda environ: _as_job(environ).labels_without_issues(int(environ["NUMBER"])),
    "labels-with-issues": lambda environ: _as_job(environ).labels_with_issues(int(environ["NUMBER"])),
    "check-run": lambda environ: _as_job(environ).check_run(int(environ["NUMBER"])),
    "activity": lambda environ: _as_canary(environ).activity(),
    "queue-single": lambda environ: _as_canary(environ).commands(
        int(environ["NUMBER"]), "canary-command.yml", "queue-single"
    ),
    "queue-max": lambda environ: _as_canary(environ).commands(int(environ["NUMBER"]), "canary-queue.yml", "queue-max"),
    "post-steps": lambda environ: _as_canary(environ).post_steps(int(environ["NUMBER"]), "canary-command.yml"),
    "reference": lambda environ: _as_canary(environ).reference(int(environ["NUMBER"]), "canary-reference.yml"),
}


def _open(environ: Environ) -> int:
    if not token_of(environ):
        print("::notice title=Canary::There is no secret CANARY_TOKEN and no App, so nothing is asked.")
        return 0
    _write(environ, "GITHUB_OUTPUT", f"number={_as_canary(environ).open()}\n")
    return 0


def _report(environ: Environ) -> int:
    needs: dict[str, Any] = json.loads(environ["NEEDS"])
    observations: dict[str, Any] = {}
    for job in needs.values():
        observations |= json.loads(job["outputs"].get("seen") or "{}")
    if needs.get("masks", {}).get("result") == "success":
        outputs = needs["masks"]["outputs"]
        observations |= {"masked-output": outputs.get("masked", ""), "plain-output": outputs.get("plain", "")}
    findings = judge(observations)
    text = table(findings)
    print(text)
    _write(environ, "GITHUB_STEP_SUMMARY", text)
    broken = [finding.assumption.text for finding in findings if finding.breaks]
    for line in broken:
        print(f"::error title=Canary::The suite rests on this, and it is false: {_escaped(line)}")
    return 1 if broken else 0


def _write(environ: Environ, variable: str, text: str) -> None:
    with Path(environ[variable]).open("a", encoding="utf-8") as file:
        file.write(text)


def _escaped(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
