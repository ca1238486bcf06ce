"""A manifest that Argo's controller cannot decode stops it for the whole cluster: it is refused before it is sent."""

from __future__ import annotations

import json

import pytest
import yaml

from mlops_actions.core.types import Json
from mlops_sandbox.cluster import Cluster
from mlops_sandbox.cluster.resources import CRON_WORKFLOWS, WORKFLOW_TEMPLATES, WORKFLOWS
from tests.actions.argo_submit.bad_cases import FILE
from tests.actions.argo_submit.job import Job

_ECHO: Json = {"image": "x", "command": ["echo"]}


def _container(**fields: object) -> Json:
    return {"templates": [{"name": "main", "container": {**_ECHO, **fields}}]}


def _template(**fields: object) -> Json:
    return {"templates": [{"name": "main", "container": _ECHO, **fields}]}


def _spec(**fields: object) -> Json:
    return {"templates": [{"name": "main", "container": _ECHO}], **fields}


def _task(**fields: object) -> Json:
    echo = {"name": "echo", "container": _ECHO}
    return {"templates": [{"name": "main", "dag": {"tasks": [{"name": "a", "template": "echo", **fields}]}}, echo]}


def _step(**fields: object) -> Json:
    echo = {"name": "echo", "container": _ECHO}
    return {"templates": [{"name": "main", "steps": [[{"name": "a", "template": "echo", **fields}]]}, echo]}


# Each stops a controller where Argo's minimal resource definitions are installed, and stops it at each restart again.
CRASHING: dict[str, Json] = {
    "a number in env": _container(env=[{"name": "A", "value": 1}]),
    "a truth in env": _container(env=[{"name": "A", "value": True}]),
    "env as mapping": _container(env={"A": "1"}),
    "a number in args": _container(args=[1]),
    "args as text": _container(args="--lr 1"),
    "a number in command": _container(command=["sleep", 1]),
    "command as text": _container(command="echo"),
    "an image that is a number": _container(image=1),
    "a unit that Kubernetes lacks": _container(resources={"limits": {"memory": "1GiB"}}),
    "memory with a blank": _container(resources={"requests": {"memory": "1 Gi"}}),
    "memory with a line's end": _container(resources={"requests": {"memory": "1Gi\n"}}),
    "a depth below zero": _template(inputs={"artifacts": [{"name": "a", "path": "/a", "git": {"repo": "x", "depth": -1}}]}),
    "a claim made yesterday": _spec(
        volumeClaimTemplates=[{"metadata": {"name": "a", "creationTimestamp": "yesterday"}, "spec": {}}]
    ),
    "bytes that are no base64": {"templates": [{"name": "main", "http": {"url": "x", "bodyFrom": {"bytes": "hi!"}}}]},
    "cpu in words": _container(resources={"limits": {"cpu": "two"}}),
    "limits as list": _container(resources={"limits": ["cpu"]}),
    "a port as name": _container(ports=[{"containerPort": "http"}]),
    "a port that is too large": _container(ports=[{"containerPort": 2**31}]),
    "a mount's readOnly": _container(volumeMounts=[{"name": "v", "mountPath": "/v", "readOnly": "yes"}]),
    "envFrom as mapping": _container(envFrom={"secretRef": {"name": "s"}}),
    "steps that are not nested": {"templates": [{"name": "main", "steps": [{"name": "a", "template": "main"}]}]},
    "steps as mapping": {"templates": [{"name": "main", "steps": {"name": "a", "template": "main"}}]},
    "a duration of the workflow": _spec(activeDeadlineSeconds="5m"),
    "a fraction of seconds": _spec(activeDeadlineSeconds=1.5),
    "parallelism as text": _spec(parallelism="2"),
    "priority as text": _spec(priority="high"),
    "suspend as text": _spec(suspend="true"),
    "a time to live": _spec(ttlStrategy={"secondsAfterCompletion": "1h"}),
    "podGC as text": _spec(podGC="OnPodSuccess"),
    "volumes as mapping": _spec(volumes={"name": "v"}),
    "a volume's size": _spec(volumeClaimTemplates=[
        {"metadata": {"name": "v"}, "spec": {"resources": {"requests": {"storage": "1GB."}}}}
    ]),
    "image pull secrets as texts": _spec(imagePullSecrets=["login"]),
    "a number in a node selector": _spec(nodeSelector={"gpu": 1}),
    "tolerations as mapping": _spec(tolerations={"key": "gpu"}),
    "arguments as list": _spec(arguments=[{"name": "a"}]),
    "a service account as number": _spec(serviceAccountName=1),
    "a retry limit as list": _template(retryStrategy={"limit": [3]}),
    "a backoff as number": _template(retryStrategy={"backoff": {"duration": [1]}}),
    "a template's parallelism": _template(parallelism="2"),
    "metadata of pods": _template(metadata={"labels": {"a": 1}}),
    "init containers as mapping": _template(initContainers={"name": "i"}),
    "a sidecar's env": _template(sidecars=[{"name": "s", "image": "x", "env": [{"name": "A", "value": 1}]}]),
    "a daemon as text": _template(daemon="yes"),
    "inputs as list": _template(inputs=[{"name": "a"}]),
    "a script's source as list": {"templates": [{"name": "main", "script": {"image": "x", "source": ["print(1)"]}}]},
    "tasks as mapping": {"templates": [{"name": "main", "dag": {"tasks": {"name": "a"}}}]},
    "a task's dependencies as text": _task(dependencies="a"),
    "a task's template as number": _task(template=1),
    "a task's items as text": _task(withItems="a"),
    "a task's condition as truth": _task(when=True),
    "a step's condition as truth": _step(when=True),
    "a step's items as mapping": _step(withItems={"a": 1}),
    "a step's parameter as number": _step(withParam=1),
    "continueOn as truth": _step(continueOn=True),
    "a template as text": {"templates": ["main"]},
    "templates as mapping": {"templates": {"main": {"container": _ECHO}}},
}  # fmt: skip
FORMS = ("file", "inline", "WorkflowTemplate", "CronWorkflow")


def _document(kind: str, spec: Json) -> Json:
    spec = {"entrypoint": "main", **spec}
    if kind == "CronWorkflow":
        spec = {"schedules": ["0 0 1 1 *"], "workflowSpec": spec}
    return {"apiVersion": "argoproj.io/v1alpha1", "kind": kind, "metadata": {"name": "crash"}, "spec": spec}


@pytest.mark.parametrize("name", CRASHING)
def test_a_manifest_that_stops_the_controller_is_refused_before_anything_is_sent(
    job: Job, cluster: Cluster, name: str
) -> None:
    """From a file, inline, and from templates in the repository, as YAML and as JSON."""
    for form in FORMS:
        document = _document("Workflow" if form in ("file", "inline") else form, CRASHING[name])
        text = json.dumps(document) if form == "inline" else yaml.safe_dump(document)
        job.write(FILE, text)
        strict = "false" if form == "inline" else "true"  # a wrong type is refused in any case
        assert job.run(workflow=text if form == "inline" else FILE, strict=strict) == 2, (form, job.log)
        assert "must be" in job.error
    assert cluster.store.items(WORKFLOWS)[0] == []
    assert cluster.requests == []


@pytest.mark.parametrize("source", ["cronworkflow", "workflowtemplate"])
@pytest.mark.parametrize("name", ["a number in env", "steps that are not nested", "a unit that Kubernetes lacks"])
def test_a_template_of_the_cluster_that_stops_the_controller_is_not_run(
    job: Job, cluster: Cluster, name: str, source: str
) -> None:
    kind, resource = {
        "cronworkflow": ("CronWorkflow", CRON_WORKFLOWS),
        "workflowtemplate": ("WorkflowTemplate", WORKFLOW_TEMPLATES),
    }[source]
    cluster.store.create(resource, "default", _document(kind, CRASHING[name]))
    assert job.run(from_=f"{source}/crash") == 2
    assert f"the {source} 'crash' in the cluster cannot be run: " in job.error
    assert cluster.store.items(WORKFLOWS)[0] == []
