"""The two ways to a cluster, which are held to the same."""

from __future__ import annotations

from pathlib import Path

from starlette.applications import Starlette

from mlops_sandbox.cluster import Cluster

KUBERNETES, ARGO_SERVER = WAYS = ("kubernetes", "argo-server")


def served(way: str, cluster: Cluster) -> Starlette:
    """The application that a host serves for it."""
    return cluster.app if way == KUBERNETES else cluster.argo_server


def leading(way: str, cluster: Cluster, url: str, directory: Path, *, token: str | None = None) -> dict[str, str]:
    """The environment that leads a job there, by default with the submitter's least rights."""
    if way == KUBERNETES:
        return {"KUBECONFIG": str(cluster.write_kubeconfig(directory / "kubeconfig", url, token=token))}
    return {"INPUT_ARGO-SERVER": url, "INPUT_ARGO-TOKEN": token or cluster.submitter_token}
