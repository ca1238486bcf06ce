"""A Kubernetes cluster with Argo Workflows, on loopback: the API that clients see, and an engine that runs workflows.

    images = {"ghcr.io/acme/digits": LocalImage(Path("checkout"), working_dir="/app")}
    with Cluster(ProcessExecutor(images)) as cluster, Host(cluster.app) as host:
        cluster.add_secret("wandb", {"api-key": "..."})
        cluster.write_kubeconfig(Path("kubeconfig"), host.url)          # least privilege; token=cluster.admin_token for all

With a Docker daemon the containers are real: `Cluster(DockerExecutor())`. Without one they are processes on this machine
(`ProcessExecutor`); `engine/process.py` says how their paths are relocated. In both cases each container starts with its
own files; input artifacts are copied in, outputs are copied out.

Served, with Kubernetes' status codes and messages: discovery, `/version`, access reviews of oneself; workflows,
workflowtemplates, clusterworkflowtemplates, cronworkflows, pods, secrets, configmaps, namespaces; get, list (selectors,
limit and continue), create, update (optimistic concurrency), merge patch, delete, dryRun; objects, metadata or tables by
`Accept`; watches with resourceVersion, timeout, bookmarks and 410; pod logs with follow, timestamps, sinceTime; tokens,
RBAC rules.

Served at `argo_server`, with the Argo Server's messages: workflows (create, dry run, get, list, resume, set, retry, stop,
terminate, watch, log), get of the three kinds of templates, info. Workflows that a test puts into the archive are read from
there. Missing: SSO, archiving by itself, lint, submit, the user interface.

Run: DAG (depends, dependencies, target, failFast), steps, container, script and suspend templates, inline templates,
templateRef, workflowTemplateRef; parameters (default, enum, globalName), artifacts between nodes by path, raw artifacts;
`{{tags}}`; withItems, withParam, withSequence; when; retryStrategy (limit, policy, backoff); onExit; continueOn;
activeDeadlineSeconds; parallelism; env from secrets and config maps; podGC; suspend, resume, shutdown Stop and Terminate.

It serves plain HTTP, since it serves loopback alone. kubectl sends no token over HTTP; every other client does.

Missing, and refused by name: the fields that `engine/support.py` lists as refused (volumes, hooks, sidecars, init
containers, containerSet, resource, http and plugin templates, synchronization, memoize, artifacts in S3, git or HTTP, ...),
fields that it does not list, and expression tags `{{=...}}`: each fails the workflow with a message that says so. Also
missing: schedules of CronWorkflows (the objects are stored, but nothing starts by itself), strategic-merge, JSON and
server-side-apply patches, deletecollection, subresources other than pods/log, OpenAPI, events, init and wait containers in
pods, compressed or offloaded node status, admission, quota. The third list of support.py holds fields without effect, which
only tune a real cluster.
"""

from __future__ import annotations

from mlops_sandbox.cluster.access import ADMINISTRATOR, CONTINUER, SUBMITTER, Rule, rule
from mlops_sandbox.cluster.cluster import Cluster
from mlops_sandbox.cluster.engine.docker import DockerExecutor
from mlops_sandbox.cluster.engine.executor import ContainerStartError, ContainerTask, Executor, Output, StopSignal, Transfer
from mlops_sandbox.cluster.engine.process import LocalImage, ProcessExecutor

__all__ = [
    "ADMINISTRATOR",
    "CONTINUER",
    "SUBMITTER",
    "Cluster",
    "ContainerStartError",
    "ContainerTask",
    "DockerExecutor",
    "Executor",
    "LocalImage",
    "Output",
    "ProcessExecutor",
    "Rule",
    "StopSignal",
    "Transfer",
    "rule",
]
