"""A Kubernetes cluster with Argo Workflows, on loopback: the API that clients see, and an engine that runs workflows.

    images = {"ghcr.io/acme/digits": LocalImage(Path("checkout"), working_dir="/app")}
    with Cluster(ProcessExecutor(images)) as cluster, Host(cluster.app) as host:
        cluster.add_secret("wandb", {"api-key": "..."})
        cluster.write_kubeconfig(Path("kubeconfig"), host.url)          # least rights; token=cluster.admin_token for all

With a Docker daemon the containers are real: `Cluster(DockerExecutor())`. Without one they are processes on this machine
(`ProcessExecutor`): read in `engine/process.py` how their paths are relocated. Either way each container starts with its
own files, input artifacts are copied in, outputs are copied out.

Served, with Kubernetes' status codes and words: discovery, `/version`; workflows, workflowtemplates,
clusterworkflowtemplates, cronworkflows, pods, secrets, configmaps, namespaces; get, list (selectors, limit and continue),
create, update (optimistic concurrency), merge patch, delete, dryRun; objects, metadata or tables by `Accept`; watches with
resourceVersion, timeout, bookmarks and 410; pod logs with follow, timestamps, sinceTime; tokens, RBAC rules.

Served at `argo_server`, with the Argo Server's own words: workflows (create, dry run, get, stop, terminate, watch, log),
getting templates of the three kinds, info. Not there: SSO, its archive, its lint and submit, the user interface.

Run: DAG (depends, dependencies, target, failFast), steps, container, script and suspend templates, inline templates,
templateRef, workflowTemplateRef; parameters (default, enum, globalName), artifacts between nodes by path, raw artifacts;
`{{tags}}`; withItems, withParam, withSequence; when; retryStrategy (limit, policy, backoff); onExit; continueOn;
activeDeadlineSeconds; parallelism; env from secrets and config maps; podGC; suspend, resume, shutdown Stop and Terminate.

It speaks plain HTTP, as it serves loopback alone. kubectl sends no token that way; every other client does.

Not there, and refused by name: what `engine/support.py` lists as refused (volumes, hooks, sidecars, init containers,
containerSet, resource, http and plugin templates, synchronization, memoize, artifacts in S3, git or HTTP, ...), what it does
not know, and expression tags `{{=...}}`: each fails the workflow with a message that says so. Not there either: schedules of
CronWorkflows (the objects are kept, nothing starts by itself), strategic-merge, JSON and server-side-apply patches,
deletecollection, subresources other than pods/log, OpenAPI, events, init and wait containers in pods, compressed or
offloaded node status, admission, quota. Without effect, as they only tune a real cluster: support.py's third list.
"""

from __future__ import annotations

from mlops_sandbox.cluster.access import ADMINISTRATOR, SUBMITTER, Rule, rule
from mlops_sandbox.cluster.cluster import Cluster
from mlops_sandbox.cluster.engine.docker import DockerExecutor
from mlops_sandbox.cluster.engine.executors import CannotStart, ContainerTask, Executor, Output, Stopper, Transfer
from mlops_sandbox.cluster.engine.process import LocalImage, ProcessExecutor

__all__ = [
    "ADMINISTRATOR",
    "SUBMITTER",
    "CannotStart",
    "Cluster",
    "ContainerTask",
    "DockerExecutor",
    "Executor",
    "LocalImage",
    "Output",
    "ProcessExecutor",
    "Rule",
    "Stopper",
    "Transfer",
    "rule",
]
