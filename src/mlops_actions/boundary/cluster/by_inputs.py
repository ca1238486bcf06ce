"""Connect to the cluster that the inputs of argo-submit name, by the one way that they give."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from mlops_actions.argo_submit.inputs import Inputs
from mlops_actions.argo_submit.ports import Cluster
from mlops_actions.boundary.cluster.logins import AwsLogin, AzureLogin, Login
from mlops_actions.boundary.cluster.renewed_token import Pause
from mlops_actions.boundary.cluster.transport import ClusterCredentials, ClusterTransport
from mlops_actions.boundary.google import SignIn
from mlops_actions.core.ports import Runner


def connect(inputs: Inputs, environ: Mapping[str, str], runner: Runner, pause: Pause) -> Cluster:
    """Return the cluster; raises BadInput, Refused, Unavailable. Each cloud's library is imported only where it is used."""
    if inputs.argo_server:
        from mlops_actions.boundary.cluster import argo_server

        login = argo_server.ServerLogin(inputs.argo_server, inputs.argo_token or "", inputs.argo_ca or "")
        return argo_server.connect(login, environ, runner, pause)
    from mlops_actions.boundary.cluster.kubernetes_api import KubernetesCluster

    return KubernetesCluster(*_kubernetes(inputs, environ, runner, pause))


def _kubernetes(inputs: Inputs, environ: Mapping[str, str], runner: Runner, pause: Pause) -> tuple[ClusterTransport, str]:
    if inputs.gke_cluster:
        from mlops_actions.boundary.cluster import gke

        ref = gke.ClusterRef(
            cluster=inputs.gke_cluster,
            location=inputs.gke_location or "",
            project=inputs.gke_project or "",
            endpoint=inputs.gke_endpoint,
        )
        return gke.connect(ref, _google(inputs), environ, runner, pause)
    if inputs.eks_cluster:
        from mlops_actions.boundary.cluster import eks

        login = AwsLogin(cluster=inputs.eks_cluster, region=inputs.eks_region or "")
        return eks.connect(login, inputs.aws_role or "", environ, runner, pause)
    if inputs.aks_cluster:
        from mlops_actions.boundary.cluster import aks

        named = aks.AksCluster(inputs.aks_cluster, inputs.aks_resource_group or "", inputs.aks_subscription or "")
        application = aks.AzureApplication(inputs.azure_client_id or "", inputs.azure_tenant_id or "")
        return aks.connect(named, application, environ, runner, pause)
    from mlops_actions.boundary.cluster.connect import LogIns, connect

    by_identity = partial(_by_identity, inputs.oidc_audience, environ, runner, pause) if inputs.oidc_audience else None
    log_ins = LogIns(lambda login: _by_plugin(login, inputs, environ, runner, pause), by_identity)
    return connect(inputs.kubeconfig, inputs.kube_context, environ, runner, pause, log_ins)


def _by_plugin(login: Login, inputs: Inputs, environ: Mapping[str, str], runner: Runner, pause: Pause) -> ClusterCredentials:
    if isinstance(login, AwsLogin):
        from mlops_actions.boundary.cluster import eks

        return eks.log_in(login, inputs.aws_role or "", environ, runner, pause)
    if isinstance(login, AzureLogin):
        from mlops_actions.boundary.cluster import aks

        application = aks.AzureApplication(inputs.azure_client_id or "", inputs.azure_tenant_id or "")
        return aks.Azure(login, application, environ, runner, pause).cluster_token().credentials
    from mlops_actions.boundary.cluster import gke

    return gke.log_in(_google(inputs), environ, runner)


def _google(inputs: Inputs) -> SignIn:
    return SignIn(
        inputs.google_credentials or "", inputs.google_identity_provider or "", inputs.google_service_account or ""
    )


def _by_identity(audience: str, environ: Mapping[str, str], runner: Runner, pause: Pause) -> ClusterCredentials:
    from mlops_actions.boundary.cluster import oidc

    return oidc.log_in(audience, environ, runner, pause)
