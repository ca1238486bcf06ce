"""Faults of a cluster that a kubeconfig names, and of the manifest."""

from __future__ import annotations

import json
from typing import Any

from mlops_sandbox.cluster import ADMINISTRATOR, SUBMITTER
from mlops_sandbox.cluster.resources import PODS, SECRETS
from tests.actions.doctor.faults.breakage import (
    NOWHERE,
    Breakage,
    Change,
    both,
    denied_by_webhook,
    environment,
    kubeconfig,
    replaced,
    variable,
)
from tests.actions.doctor.world import World


def pod(reason: str, message: str, *, scheduled: bool) -> Change:
    status: dict[str, Any] = {"phase": "Pending", "containerStatuses": [], "conditions": []}
    if scheduled:
        status["containerStatuses"] = [{"name": "main", "state": {"waiting": {"reason": reason, "message": message}}}]
    else:
        status["conditions"] = [{"type": "PodScheduled", "status": "False", "reason": reason, "message": message}]
    metadata = {"name": "digits-1", "labels": {"workflows.argoproj.io/workflow": "digits"}}
    spec = {"containers": [{"name": "main", "image": "digits"}]}
    return lambda world: world.cluster.store.create(PODS, "default", {"metadata": metadata, "spec": spec, "status": status})


def committed_kubeconfig(world: World) -> None:
    """Let a commit hold a kubeconfig whose login is a plug-in's."""
    user = {"name": "ci", "user": {"exec": {"command": "aws", "args": ["eks", "get-token"]}}}
    (world.checkout / "cluster.yaml").write_text(json.dumps({"kind": "Config", "users": [user]}))
    world.git("init", "--quiet")
    world.git("add", "cluster.yaml")


RIGHTS = tuple((verb, resource) for granted in SUBMITTER[:3] for resource in granted.resources for verb in granted.verbs)
CLUSTER = (
    Breakage(
        "no cluster", lambda world: kubeconfig(world.cluster_url, f"http://{NOWHERE}")(world),
        ("runner", "network to cluster"), "curl -v http://127.0.0.1:1",
        lambda world: kubeconfig(f"http://{NOWHERE}", world.cluster_url)(world),
    ),
    Breakage(
        "no kubeconfig", environment("KUBECONFIG", "/nowhere/config"), ("cluster", "connection"), "kubectl config view"
    ),
    Breakage(
        "a kubeconfig that is no YAML", kubeconfig("apiVersion: v1", "{"), ("cluster", "connection"), "kubectl config view",
        lambda world: world.act_as(SUBMITTER),
    ),
    Breakage(
        "an unknown context", replaced("          parameters:", "          kube-context: other\n          parameters:"),
        ("cluster", "connection"), "kubectl config view", replaced("kube-context: other", "kube-context: sandbox"),
    ),
    Breakage(
        "a revoked token", lambda world: world.cluster.access.revoke(world.cluster.submitter_token),
        ("cluster", "credentials"), "kubeconfig", lambda world: world.act_as(SUBMITTER),
    ),
    Breakage(
        "no Argo Workflows", lambda world: setattr(world.cluster.faults, "argo_missing", True),
        ("cluster", "Argo Workflows"), "kubectl apply", lambda world: setattr(world.cluster.faults, "argo_missing", False),
    ),
    *(
        Breakage(
            f"may not {verb} {resource}",
            lambda world, verb=verb, resource=resource: world.without_right(verb, resource),  # type: ignore[misc]
            ("cluster", f"may {verb} {resource}"), f"--verb={verb}", lambda world: world.act_as(SUBMITTER),
        )
        for verb, resource in sorted(RIGHTS)
    ),
    Breakage(
        "a field that Argo does not know",
        replaced("  entrypoint: pipeline", "  entrypoint: pipeline\n  entrypiont: x", "workflow.yaml"),
        ("cluster", "manifest"), "correct or remove the field", replaced("\n  entrypiont: x", "", "workflow.yaml"),
    ),
    Breakage(
        "a manifest that Argo refuses", replaced("entrypoint: pipeline", "entrypoint: pipelin", "workflow.yaml"),
        ("cluster", "manifest"), "pipeline", replaced("entrypoint: pipelin", "entrypoint: pipeline", "workflow.yaml"),
    ),
    Breakage(
        "artifacts without an Argo Server",
        replaced("          parameters:", "          artifacts: model\n          parameters:"),
        ("cluster", "artifacts"), "give 'argo-server'", replaced("          artifacts: model\n", ""),
    ),
    Breakage(
        "a kubeconfig of the commit that names a plug-in", both(lambda world: committed_kubeconfig(world),
        replaced("kubeconfig: ${{ secrets.KUBECONFIG }}", "kubeconfig: cluster.yaml")),
        ("cluster", "kubeconfig"), "git rm --cached cluster.yaml",
        lambda world: world.git("rm", "--quiet", "--cached", "cluster.yaml"),
    ),
    Breakage(
        "no manifest", replaced("workflow: workflow.yaml", "workflow: train.yaml"), ("cluster", "manifest"), "git ls-files",
        replaced("workflow: train.yaml", "workflow: workflow.yaml"),
    ),
    Breakage(
        "a manifest outside of the checkout", replaced("workflow: workflow.yaml", "workflow: ../kubeconfig"),
        ("cluster", "manifest"), "inside of it", replaced("workflow: ../kubeconfig", "workflow: workflow.yaml"),
    ),
    Breakage(
        "a manifest that is no YAML", replaced("kind: Workflow", "kind: [", "workflow.yaml"), ("cluster", "manifest"),
        "correct the YAML", replaced("kind: [", "kind: Workflow", "workflow.yaml"),
    ),
    Breakage(
        "another kind", replaced("kind: Workflow", "kind: Job", "workflow.yaml"), ("cluster", "manifest"),
        "must be one of Workflow", replaced("kind: Job", "kind: Workflow", "workflow.yaml"),
    ),
    Breakage(
        "a manifest that the cluster refuses", denied_by_webhook("images must come from registry.example"),
        ("cluster", "dry run"), "kubectl create --dry-run=server", denied_by_webhook(""),
    ),
    Breakage(
        "no namespace", variable("NAMESPACE", "ml"), ("cluster", "dry run"), "kubectl create namespace ml",
        variable("NAMESPACE", "default"),
    ),
    Breakage(
        "no secret in the cluster",
        both(
            lambda world: world.act_as(ADMINISTRATOR),
            lambda world: world.cluster.store.delete(SECRETS, "default", "wandb"),
        ),
        ("cluster", "secret wandb"), "kubectl -n default create secret generic wandb",
        lambda world: world.cluster.add_secret("wandb", {"api-key": "key"}),
    ),
    Breakage(
        "no image pull secret",
        both(
            lambda world: world.act_as(ADMINISTRATOR),
            replaced("  entrypoint:", "  imagePullSecrets: [{name: registry}]\n  entrypoint:", "workflow.yaml"),
        ),
        ("cluster", "image pull secret registry"), "kubectl -n default create secret docker-registry registry",
        lambda world: world.cluster.add_secret("registry", {".dockerconfigjson": "{}"}),
    ),
    Breakage(
        "no service account",
        both(
            lambda world: world.act_as(ADMINISTRATOR),
            replaced("          parameters:", "          service-account: trainer\n          parameters:"),
        ),
        ("cluster", "service account trainer"), "kubectl -n default create serviceaccount trainer",
        replaced("          service-account: trainer\n", ""),
    ),
    Breakage(
        "an image that cannot be pulled", pod("ErrImagePull", "unauthorized", scheduled=True), ("cluster", "pods that wait"),
        "kubectl -n default describe pod digits-1", lambda world: world.cluster.store.delete(PODS, "default", "digits-1"),
    ),
    Breakage(
        "a pod that fits nowhere", pod("Unschedulable", "0/3 nodes are available", scheduled=False),
        ("cluster", "pods that wait"), "kubectl -n default describe pod digits-1",
        lambda world: world.cluster.store.delete(PODS, "default", "digits-1"),
    ),
)  # fmt: skip
