"""Manifests for the real cluster, and the jobs that submit them."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import signal
import subprocess
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path

from mlops_actions.core.types import Json
from tests.actions.argo_submit.job import Job
from tests.e2e.cluster.containers import PROCESS_IMAGE
from tests.e2e.cluster.real import RealCluster

ENDING = 300.0
# The signals by which GitHub's runner cancels a step, and how long it waits after each; then it kills.
CANCELLATION = ((signal.SIGINT, 7.5), (signal.SIGTERM, 2.5))
CANCELLED = 130
_RUN_IDS = itertools.count(1001)

TEMPLATES = """
  - name: echo
    inputs: {parameters: [{name: text}]}
    outputs: {parameters: [{name: text, valueFrom: {path: /tmp/text}}]}
    container:
      image: IMAGE
      command: [sh, -c]
      args: ["echo '{{inputs.parameters.text}}' | tee /tmp/text"]
  - {name: fail, container: {image: IMAGE, command: [sh, -c], args: ["echo the reason; exit 3"]}}
  - {name: sleep, container: {image: IMAGE, command: [sleep, "600"]}}
  - {name: bye, container: {image: IMAGE, command: [echo], args: ["it was {{workflow.status}}"]}}
"""
# Ends when somebody resumes it: its end is the test's to choose.
SUSPENDED = "entrypoint: main\ntemplates:\n- {name: main, suspend: {}}"


def manifest(text: str, *, image: str = PROCESS_IMAGE, **metadata: object) -> str:
    """A Workflow: the lines of its spec, with the templates above."""
    lines = "".join(f"  {line}\n" for line in text.strip("\n").splitlines())
    names = metadata or {"generateName": "e2e-"}
    whole = f"apiVersion: argoproj.io/v1alpha1\nkind: Workflow\nmetadata: {json.dumps(names)}\nspec:\n{lines}"
    if "templates:" not in lines:
        whole += "  templates:\n"
    return (whole + TEMPLATES.lstrip("\n")).replace("IMAGE", image)


def job_of(cluster: RealCluster, directory: Path, run_id: int | None = None) -> Job:
    """A job with the submitter's rights, of a GitHub run of its own unless another's is given."""
    directory.mkdir()
    job = Job(directory)
    job.environ |= {"KUBECONFIG": str(cluster.kubeconfig()), "PATH": os.environ["PATH"], "HOME": str(directory)}
    job.environ["GITHUB_RUN_ID"] = str(next(_RUN_IDS) if run_id is None else run_id)
    return job


def run(job: Job, **inputs: str) -> int:
    """Run the action as a process, to its end."""
    process = job.start(**inputs)
    job.log, _ = process.communicate(timeout=ENDING)
    return process.returncode


class Step:
    """The action as a process whose log is read as it comes."""

    def __init__(self, job: Job, inputs: Mapping[str, str]) -> None:
        self._process = job.start(**inputs)
        self._said = threading.Condition()
        self._lines: list[str] = []
        self._over = False
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            with self._said:
                self._lines.append(line)
                self._said.notify_all()
        with self._said:
            self._over = True
            self._said.notify_all()

    @property
    def log(self) -> str:
        """What it has said so far."""
        with self._said:
            return "".join(self._lines)

    @property
    def returncode(self) -> int | None:
        """How it ended; None while it runs."""
        return self._process.returncode

    def wait_for(self, text: str) -> None:
        """Return when the log holds the text; raises AssertionError where the step ends without it."""
        with self._said:
            self._said.wait_for(lambda: self._over or any(text in line for line in self._lines), ENDING)
            assert any(text in line for line in self._lines), f"it did not say {text!r}:\n{''.join(self._lines)}"

    def wait(self) -> int:
        """Wait for the end of the process and of its log, and return the exit code."""
        code = self._process.wait(ENDING)
        self._reader.join(ENDING)
        return code

    def cancel(self) -> str:
        """Cancel it as the runner does, and return its whole log; where it would have been killed, AssertionError."""
        for number, patience in CANCELLATION:
            self._process.send_signal(number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(patience)
                break
        else:
            self.kill()
            raise AssertionError(f"the runner would have killed it; it said:\n{self.log}")
        self.wait()
        assert self.returncode == CANCELLED, self.log
        return self.log

    def kill(self) -> None:
        """End it at once, whatever it does."""
        self._process.kill()
        self.wait()


@contextlib.contextmanager
def started(job: Job, **inputs: str) -> Iterator[Step]:
    """Run the action as a process; when the block is left it is waited for, and its log is `job.log`."""
    step = Step(job, inputs)
    try:
        yield step
        step.wait()
    finally:
        if step.returncode is None:
            step.kill()
        job.log = step.log


@contextlib.contextmanager
def running(job: Job, until: str, **inputs: str) -> Iterator[Step]:
    """The same, entered when the log says so."""
    with started(job, **inputs) as step:
        step.wait_for(until)
        yield step


def has_ended(workflow: Json) -> bool:
    """Tell by the label that Argo's controller sets at last."""
    return (workflow["metadata"].get("labels") or {}).get("workflows.argoproj.io/completed") == "true"
