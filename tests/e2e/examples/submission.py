"""How an example is submitted: a Workflow as a file, a template or a schedule by its name in the cluster."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from tests.actions.argo_submit.job import Job
from tests.e2e.cluster.real import ARGO, RealCluster
from tests.e2e.examples.manifests import Example

PLACES = {
    "WorkflowTemplate": f"{ARGO}/workflowtemplates",
    "ClusterWorkflowTemplate": "/apis/argoproj.io/v1alpha1/clusterworkflowtemplates",
    "CronWorkflow": f"{ARGO}/cronworkflows",
}


def apply_templates(cluster: RealCluster, known: Iterable[Example]) -> None:
    """Have the templates and schedules of these examples in the cluster, and no others."""
    for place in PLACES.values():
        cluster.connection.call("DELETE", place)
    for example in known:
        if example.kind in PLACES:
            cluster.connection.apply(PLACES[example.kind], example.document)


def template_of(example: Example) -> str:
    """Return what `from` names."""
    return f"{example.kind.lower()}/{example.document['metadata']['name']}"


def job_of(cluster: RealCluster, example: Example, directory: Path) -> tuple[Job, dict[str, str]]:
    """Return a job with the submitter's rights, and the inputs that name the example."""
    job = Job(directory)
    job.environ |= {"KUBECONFIG": str(cluster.kubeconfig()), "PATH": os.environ["PATH"], "HOME": str(directory)}
    if example.kind == "Workflow":
        return job, {"workflow": job.write("workflow.yaml", example.text)}
    return job, {"from_": template_of(example)}
