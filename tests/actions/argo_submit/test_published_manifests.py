"""The Argo workflows that the guides show, on the stand-in's cluster with another program in place of the training."""

from __future__ import annotations

import json
from pathlib import Path

from mlops_sandbox.cluster import Cluster
from mlops_sandbox.cluster.resources import WORKFLOWS
from tests.actions.argo_submit.job import SHA, Job

EXAMPLES = Path(__file__).parents[3] / "examples"
IMAGE = f"registry.example/model@sha256:{'a' * 64}"


def submit(job: Job, path: str, params: str) -> int:
    text = (EXAMPLES / path).read_text()
    assert "command: [python, train.py]" in text
    job.write("workflow.yaml", text.replace("[python, train.py]", "[echo, trained]"))
    return job.run(workflow="workflow.yaml", parameters=params, image=IMAGE, sha=SHA)


def test_a_sweep_makes_one_pod_of_each_value_of_the_comment(job: Job, cluster: Cluster) -> None:
    cluster.add_secret("wandb", {"api-key": "x" * 40})
    assert submit(job, "sweep/sweep.yaml", '{"lr": [0.1, 0.03, 0.01]}') == 0, job.log
    workflow = cluster.store.get(WORKFLOWS, "default", job.outputs["workflow-name"])
    pods = [node for node in workflow["status"]["nodes"].values() if node["type"] == "Pod"]
    given = {node["inputs"]["parameters"][0]["value"] for node in pods}
    assert {json.loads(value) for value in given} == {0.1, 0.03, 0.01}
    assert {node["phase"] for node in pods} == {"Succeeded"}


def test_one_value_alone_is_no_list_and_the_error_says_so(job: Job, cluster: Cluster) -> None:
    cluster.add_secret("wandb", {"api-key": "x" * 40})
    assert submit(job, "sweep/sweep.yaml", '{"lr": 0.1}') == 1
    assert "list" in job.log


def test_the_workflow_for_gpus_is_accepted(job: Job) -> None:
    text = (EXAMPLES / "gpu-queue/gpu.yaml").read_text()
    job.write("workflow.yaml", text)
    assert job.run(workflow="workflow.yaml", parameters='{"lr": 0.1}', image=IMAGE, sha=SHA, dry_run="true") == 0, job.log
