"""The two APIs through which argo-submit reaches a cluster. The tests require the same behaviour of both."""

from __future__ import annotations

from pathlib import Path

from starlette.applications import Starlette

from mlops_sandbox.cluster import Cluster

KUBERNETES, ARGO_SERVER = APIS = ("kubernetes", "argo-server")


def application_of(api: str, cluster: Cluster) -> Starlette:
    """Return the stand-in's application for an API."""
    return cluster.app if api == KUBERNETES else cluster.argo_server


def environ_for(api: str, cluster: Cluster, url: str, directory: Path, *, token: str | None = None) -> dict[str, str]:
    """Return the variables that connect a job to the cluster, by default with the submitter's least rights."""
    if api == KUBERNETES:
        return {"KUBECONFIG": str(cluster.write_kubeconfig(directory / "kubeconfig", url, token=token))}
    return {"INPUT_ARGO-SERVER": url, "INPUT_ARGO-TOKEN": token or cluster.submitter_token}
