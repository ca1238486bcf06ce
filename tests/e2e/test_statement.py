"""A statement from the actions' containers about an image in Debian's registry, checked by `mlops-actions verify`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from mlops_sandbox.demo.story import MAINTAINER
from tests.e2e.act import SUITE, WorkflowRun
from tests.e2e.debian_registry import DebianRegistry
from tests.e2e.pipeline_testbed import Pipeline, PipelineTestbed
from tests.support.git import commit

PATH = ".github/workflows/statement.yml"
PINNED = "08c6903cd8c0fde910a37f88322edcfb5dd907a8"
WORKFLOW = f"""\
name: Statement
on: workflow_dispatch
permissions: {{}}
jobs:
  state:
    runs-on: ubuntu-latest
    permissions: {{contents: read, packages: write}}
    steps:
      - uses: actions/checkout@{PINNED}
        with: {{persist-credentials: false}}
      - id: publish
        uses: {SUITE}/actions/docker-publish@v1
        with:
          image: stated
          file: stated.Dockerfile
          registry: ${{{{ vars.REGISTRY }}}}
          username: ${{{{ vars.REGISTRY_USERNAME }}}}
          password: ${{{{ secrets.REGISTRY_PASSWORD }}}}
          tags: sha
      - id: report
        uses: {SUITE}/actions/wandb-runs@v1
        with:
          project: ${{{{ vars.WANDB_PROJECT }}}}
          base-url: ${{{{ vars.WANDB_BASE_URL }}}}
          api-key: ${{{{ secrets.WANDB_API_KEY }}}}
          sha: ${{{{ github.sha }}}}
          metrics: test_accuracy:max
          gates: test_accuracy >= 0.9
          image: ${{{{ steps.publish.outputs.ref }}}}
          workflow-uid: 0b5a0f1e-0000-4000-8000-000000000000
          pr-number: 7
          statement: true
      - id: kept
        env:
          STATEMENT: ${{{{ steps.report.outputs.statement }}}}
        run: echo "statement=$(base64 --wrap=0 "$GITHUB_WORKSPACE/$STATEMENT")" >> "$GITHUB_OUTPUT"
"""


@dataclass(frozen=True)
class Stated:
    testbed: PipelineTestbed
    sha: str
    run: WorkflowRun
    statement: dict[str, Any]


@pytest.fixture(scope="module")
def stated(pipeline: Pipeline, registry: DebianRegistry) -> Iterator[Stated]:
    with pipeline(registry) as testbed:
        files = {PATH: WORKFLOW, "stated.Dockerfile": "FROM scratch\nCOPY train.py /\n"}
        sha = commit(testbed.digits.path, files, "State what is trained")
        wandb = testbed.sandbox.wandb
        logged = wandb.store.add_run(wandb.entity, "digits", name="c1", commit=sha, summary={"test_accuracy": 0.975})
        project = wandb.store.project(wandb.entity, "digits")
        logged.inputs.append(wandb.store.add_artifact(project.collection("digits", "dataset"), "4f2a"))
        contents = {"model.pt": b"the weights"}
        wandb.store.add_artifact(project.collection("digits-model", "model"), "9c1d", run=logged, contents=contents)
        run = testbed.run(PATH, "workflow_dispatch", {"inputs": {}}, MAINTAINER)
        assert run.exit_code == 0, run.transcript
        text = subprocess.run(
            ["base64", "--decode"], input=run.step("kept").outputs["statement"].encode(), capture_output=True, check=True
        ).stdout
        yield Stated(testbed, sha, run, json.loads(text))


def verify(stated: Stated, path: Path, *options: str, document: Any = None) -> subprocess.CompletedProcess[str]:
    """Run the command as a user does, with the credentials of registry and tracker in the environment."""
    path.write_text(json.dumps(stated.statement if document is None else document))
    testbed = stated.testbed
    environ = {
        "PATH": os.environ["PATH"], "HOME": str(path.parent), "WANDB_API_KEY": testbed.sandbox.wandb.api_key,
        "WANDB_BASE_URL": testbed.sandbox.wandb_url, "REGISTRY": testbed.registry.host,
        "REGISTRY_USERNAME": testbed.registry.username, "REGISTRY_PASSWORD": testbed.registry.password,
    }  # fmt: skip
    call = [sys.executable, "-m", "mlops_actions", "verify", str(path), *options]
    return subprocess.run(call, env=environ, capture_output=True, text=True, timeout=120, check=False)


def test_the_outputs_are_the_inputs_of_actions_attest(stated: Stated) -> None:
    outputs, published = stated.run.step("report").outputs, stated.run.step("publish").outputs
    assert outputs["subject-digest"] == published["digest"]
    assert outputs["subject-name"] == published["image"]
    assert outputs["predicate-type"] == stated.statement["predicateType"]
    assert (outputs["statement"], outputs["predicate"]) == ("wandb_statement.json", "wandb_predicate.json")


def test_a_true_statement_passes_every_check(stated: Stated, tmp_path: Path) -> None:
    published = stated.run.step("publish").outputs
    pins = [
        "--sha",
        stated.sha,
        "--repository",
        "octo-org/digits",
        "--project",
        f"{stated.testbed.sandbox.wandb.entity}/digits",
    ]
    done = verify(stated, tmp_path / "statement.json", *pins, "--image", f"{published['image']}:{published['tag']}")
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    assert f"✓ image: its label names commit {stated.sha[:7]}" in done.stdout
    assert "✓ run c1: test_accuracy is 0.975" in done.stdout
    assert "✓ policy: all 16 required checks hold" in done.stdout
    assert "✗" not in done.stdout


def test_a_forged_commit_or_metric_is_refused(stated: Stated, tmp_path: Path) -> None:
    forged = json.loads(json.dumps(stated.statement).replace(stated.sha, "f" * 40).replace("0.975", "0.99"))
    done = verify(stated, tmp_path / "statement.json", document=forged)
    assert done.returncode == 1
    assert f"✗ image: its label names commit {stated.sha}, not {'f' * 40}" in done.stdout
    assert "✗ run c1: test_accuracy is 0.975, the statement says 0.99" in done.stdout
