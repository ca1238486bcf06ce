"""A job whose step runs argo-submit: its environment, and the record of the step."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.support.step import LocalRunner, Step, StepRecord, last_error

SHA = "0123456789abcdef0123456789abcdef01234567"


def manifest(*command: str, parameters: str = "", outputs: str = "", extra: str = "") -> str:
    """Return a Workflow of one container."""
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


SUSPENDED = """
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {name: held}
spec: {entrypoint: main, templates: [{name: main, suspend: {}}]}
"""


def resume(workflow: dict[str, Any]) -> dict[str, Any]:
    """End the one node of `SUSPENDED`."""
    workflow["status"]["nodes"]["held"]["phase"] = "Succeeded"
    return workflow


def shell(script: str, **options: str) -> str:
    return manifest("sh", "-c", script, **options)


def read_until(process: subprocess.Popen[str], text: str) -> str:
    """Read a job's output until it contains `text`, and return all of it."""
    assert process.stdout is not None
    log = ""
    while text not in log:
        line = process.stdout.readline()
        assert line, log
        log += line
    return log


class Job:
    """A job whose step runs argo-submit; `environ` is the step's environment without its inputs."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._runner = LocalRunner(directory)
        self.workspace = self._runner.workspace
        self.log = ""
        self.environ = {
            **self._runner.variables(),
            "GITHUB_RUN_ID": "42",
            "GITHUB_ACTION": "submit",
            "GITHUB_SHA": SHA,
            "GITHUB_ACTOR": "writer",
            "GITHUB_TRIGGERING_ACTOR": "writer",
            "RUNNER_TEMP": str(directory),
        }

    def write(self, path: str, text: str) -> str:
        target = self.workspace / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
        return path

    def step(self, values: Mapping[str, str], *, post: bool = False) -> Step:
        """Describe a stage; `_` in a name stands for `-`, and one at its end keeps Python's keywords apart."""
        inputs = {name.rstrip("_").replace("_", "-"): text for name, text in values.items()}
        event = self.environ.get("GITHUB_EVENT_NAME", "push")
        state = self.state if post else {}
        return Step("argo-submit", inputs=inputs, event_name=event, environ=self.environ, state=state, post=post)

    def run(self, **inputs: str) -> int:
        """Run the main stage in this process; return its exit code."""
        return self._run(self.step(inputs))

    def run_post(self, **inputs: str) -> int:
        """Run the post stage in this process, with the state that the main stage saved; return its exit code."""
        return self._run(self.step(inputs, post=True))

    def _run(self, step: Step) -> int:
        record = self._runner.run(step)
        self.log = record.log
        return record.exit_code

    def start(self, *, program: str = "", **inputs: str) -> subprocess.Popen[str]:
        """Run in a process of its own, which can be sent signals; `program` is Python code that replaces `mlops-actions`."""
        return self._runner.start(self.step(inputs), program)

    def assert_missing_right(self, verb: str, resource: str) -> None:
        """Assert that the log says what the user `ci` may not do, and prints the rule that allows it."""
        log = self.log.replace("%0A", "\n")
        assert f"the user 'ci' may not {verb} {resource} in the namespace 'default' (403)" in log
        group = "argoproj.io" if resource == "workflows" else ""
        assert f'- {{apiGroups: ["{group}"], resources: ["{resource}"], verbs: ["{verb}"]}}' in log

    @property
    def record(self) -> StepRecord:
        """What the last stage left so far, also while it runs; its exit code is not known here."""
        return self._runner.record("argo-submit", 0, self.log)

    @property
    def outputs(self) -> Mapping[str, str]:
        return self.record.outputs

    @property
    def result(self) -> dict[str, Any]:
        return self.record.result

    @property
    def state(self) -> dict[str, str]:
        """What the last main stage saved."""
        return self._runner.state

    @property
    def summary(self) -> str:
        return self.record.summary

    @property
    def error(self) -> str:
        """The last error that the log holds, unescaped."""
        return last_error(self.log)
