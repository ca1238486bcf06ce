"""What the tests submit to the real cluster, and the jobs that do it."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.e2e.cluster.containers import PROCESS_IMAGE
from tests.e2e.cluster.real import RealCluster
from tests.unit.argo_submit.job import Job

Json = dict[str, Any]

ENDING = 300.0
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


@contextlib.contextmanager
def running(job: Job, until: str, **inputs: str) -> Iterator[subprocess.Popen[str]]:
    """Run the action as a process, and yield when its log says so; what it says to its end is `job.log` then."""
    process = job.start(**inputs)
    assert process.stdout is not None
    seen: list[str] = []
    try:
        for line in process.stdout:
            seen.append(line)
            if until in line:
                break
        else:
            raise AssertionError(f"it ended without {until!r}:\n{''.join(seen)}")
        yield process
        rest, _ = process.communicate(timeout=ENDING)
        job.log = "".join(seen) + rest
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


def has_ended(workflow: Json) -> bool:
    """Tell by the label that Argo's controller sets at last."""
    return (workflow["metadata"].get("labels") or {}).get("workflows.argoproj.io/completed") == "true"
