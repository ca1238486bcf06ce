"""One job that runs argo-submit: its environment, and what the runner reads afterwards."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from mlops_actions.__main__ import act
from mlops_sandbox.runner.files import read_file_command
from tests.support.result_schemas import check_result

SHA = "0123456789abcdef0123456789abcdef01234567"


def manifest(*command: str, parameters: str = "", outputs: str = "", extra: str = "") -> str:
    """A Workflow of one container."""
    lines = [
        "apiVersion: argoproj.io/v1alpha1",
        "kind: Workflow",
        "metadata: {generateName: test-}",
        "spec:",
        "  entrypoint: main",
        f"  arguments: {{parameters: [{parameters}]}}",
        *(f"  {line}" for line in extra.splitlines()),
        "  templates:",
        "  - name: main",
        f"    outputs: {{parameters: [{outputs}]}}",
        f"    container: {{image: example.test/image, command: {json.dumps(command)}}}",
        "",
    ]
    return "\n".join(lines)


HELD = """
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {name: held}
spec: {entrypoint: main, templates: [{name: main, suspend: {}}]}
"""


def resume(workflow: dict[str, Any]) -> dict[str, Any]:
    """End the one node of `HELD`."""
    workflow["status"]["nodes"]["held"]["phase"] = "Succeeded"
    return workflow


def shell(script: str, **options: str) -> str:
    return manifest("sh", "-c", script, **options)


def heard(process: subprocess.Popen[str], words: str) -> str:
    """Read what a job prints until it has said `words`; return all of it."""
    assert process.stdout is not None
    log = ""
    while words not in log:
        line = process.stdout.readline()
        assert line, log
        log += line
    return log


class Job:
    """Inputs go in by `run`, what was given to the runner comes out by `outputs`, `log`, `summary`, `state`."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.workspace = directory / "workspace"
        self.workspace.mkdir()
        self.log = ""
        (directory / "event.json").write_text("{}")
        self.environ = {
            "GITHUB_REPOSITORY": "octo-org/digits",
            "GITHUB_RUN_ID": "42",
            "GITHUB_JOB": "train",
            "GITHUB_ACTION": "submit",
            "GITHUB_RUN_ATTEMPT": "1",
            "GITHUB_SHA": SHA,
            "GITHUB_ACTOR": "writer",
            "GITHUB_EVENT_NAME": "push",
            "GITHUB_EVENT_PATH": str(directory / "event.json"),
            "GITHUB_WORKSPACE": str(self.workspace),
            "GITHUB_OUTPUT": str(directory / "output"),
            "GITHUB_STATE": str(directory / "state"),
            "GITHUB_STEP_SUMMARY": str(directory / "summary"),
            "RUNNER_TEMP": str(directory),
        }

    def write(self, path: str, text: str) -> str:
        target = self.workspace / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
        return path

    def inputs(self, values: dict[str, str]) -> dict[str, str]:
        return {f"INPUT_{name.replace('_', '-').upper().rstrip('-')}": text for name, text in values.items()}

    def run(self, *, post: bool = False, **inputs: str) -> int:
        out = io.StringIO()
        environ = self.environ | self.inputs(inputs)
        if post:
            environ |= {f"STATE_{name}": text for name, text in self.state.items()}
        code = act("argo-submit", environ, post=post, out=out)
        self.log = out.getvalue()
        if "result" in self.outputs:
            assert self.result
        return code

    def start(self, **inputs: str) -> subprocess.Popen[str]:
        """Run in a process of its own, which can be sent signals."""
        return subprocess.Popen(
            [sys.executable, "-m", "mlops_actions", "argo-submit"],
            env=self.environ | self.inputs(inputs),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def names_the_missing_right(self, verb: str, resource: str) -> None:
        """Assert that the log says what the user `ci` may not, and prints the rule that allows it."""
        said = self.log.replace("%0A", "\n")
        assert f"the user 'ci' may not {verb} {resource} in the namespace 'default' (403)" in said
        group = "argoproj.io" if resource == "workflows" else ""
        assert f'- {{apiGroups: ["{group}"], resources: ["{resource}"], verbs: ["{verb}"]}}' in said

    def _read(self, name: str) -> str:
        path = self.directory / name
        return path.read_text() if path.exists() else ""

    @property
    def outputs(self) -> dict[str, str]:
        return read_file_command(self._read("output"))

    @property
    def result(self) -> dict[str, Any]:
        """The output `result`, held to its published schema."""
        return check_result("argo-submit", self.outputs["result"])

    @property
    def state(self) -> dict[str, str]:
        return read_file_command(self._read("state"))

    @property
    def summary(self) -> str:
        return self._read("summary")

    @property
    def error(self) -> str:
        """The last error that the log holds, unescaped."""
        errors = [line for line in self.log.splitlines() if line.startswith("::error")]
        assert errors, self.log
        return errors[-1].partition("::")[2].partition("::")[2].replace("%0A", "\n").replace("%25", "%")
