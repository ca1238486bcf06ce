"""Which inputs name the cluster and which sign in there: exactly one way to connect may be given. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping

from mlops_actions.core.errors import BadInput
from mlops_actions.core.parsers import matching

google_provider = matching(
    r"projects/[0-9]+/locations/global/workloadIdentityPools/[a-z0-9-]+/providers/[a-z0-9-]+",
    "the full name of a provider: projects/NUMBER/locations/global/workloadIdentityPools/POOL/providers/PROVIDER",
)
GOOGLE_PROVIDER_HELP = (
    "Workload identity provider that trusts the job's identity token, by its full name: "
    "`projects/NUMBER/locations/global/workloadIdentityPools/POOL/providers/PROVIDER`. Needs `permissions: id-token: write`."
)
LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
# Each way to name a cluster, and the inputs that have a meaning beside it. Without any of them a kubeconfig counts that the
# variable KUBECONFIG names, or the pod's own account.
_BY_GOOGLE = ("google-credentials", "google-identity-provider", "google-service-account")
_BY_KUBECONFIG = ("kube-context", *_BY_GOOGLE, "aws-role", "azure-client-id", "azure-tenant-id", "oidc-audience")
_BESIDE: Mapping[str, tuple[str, ...]] = {
    "kubeconfig": _BY_KUBECONFIG,
    "gke-cluster": ("gke-location", "gke-project", "gke-endpoint", *_BY_GOOGLE),
    "eks-cluster": ("eks-region", "aws-role"),
    "aks-cluster": ("aks-resource-group", "aks-subscription", "azure-client-id", "azure-tenant-id"),
    "argo-server": ("argo-token", "argo-ca"),
}
# The variables that also give an input: what they hold may be there for another step.
_VARIABLES = {
    "azure-client-id": "AZURE_CLIENT_ID",
    "azure-tenant-id": "AZURE_TENANT_ID",
    "aks-subscription": "AZURE_SUBSCRIPTION_ID",
}
# All inputs that name a cluster or sign in there.
NAMES = tuple(dict.fromkeys(name for way, beside in _BESIDE.items() for name in (way, *beside)))
# The actions that this one replaces took these whatever else was given.
_TOLERATED = frozenset({"gke-location", "gke-project", "gke-endpoint"})
# What an input needs that has no meaning alone.
_NEEDS = {
    "eks-region": "eks-cluster", "aks-resource-group": "aks-cluster", "aks-subscription": "aks-cluster",
    "argo-token": "argo-server", "argo-ca": "argo-server",
}  # fmt: skip


def problems(was_given: Callable[[str], bool]) -> Iterator[BadInput]:
    """Yield what is wrong with the inputs that name a cluster; `was_given` tells of an input or a variable."""
    given = [name for name in NAMES if was_given(name) and not was_given(_VARIABLES.get(name, ""))]
    ways = [name for name in given if name in _BESIDE]
    if "argo-server" in ways:
        others = [name for name in given if name != "argo-server" and name not in _BESIDE["argo-server"]]
        if others:
            yield BadInput(
                f"input 'argo-server' cannot be combined with {_listed(others)}",
                "give one of them: with 'argo-server' the Argo Server accesses the cluster",
            )
        return
    if len(ways) > 1:
        all_name = "both name" if len(ways) == 2 else "all name"
        yield BadInput(f"inputs {_listed(sorted(ways))} {all_name} a cluster", "give one of them")
        return
    if {"google-credentials", "google-identity-provider"} <= set(given):
        yield BadInput(
            "inputs 'google-credentials' and 'google-identity-provider' both sign in to Google", "give one of them"
        )
    if "google-service-account" in given and "google-identity-provider" not in given:
        yield BadInput(
            "input 'google-service-account' has no meaning without 'google-identity-provider'",
            "add 'google-identity-provider'; a key in 'google-credentials' names its account itself",
        )
        return
    way = ways[0] if ways else ""
    beside = _BESIDE.get(way, _BY_KUBECONFIG)
    for name in given:
        if name == way or name in beside or (name in _TOLERATED and way in ("", "kubeconfig")):
            continue
        if way and name not in _NEEDS:
            yield BadInput(f"input '{name}' has no meaning with '{way}'", "leave one of them out")
        else:
            needed = _NEEDS.get(name, "kubeconfig")
            yield BadInput(f"input '{name}' has no meaning without '{needed}'", f"add '{needed}'")


def problems_of_argo_server(address: str, token: str) -> Iterator[BadInput]:
    """Yield what is wrong with sending a token to this address."""
    scheme, _, rest = address.partition("://")
    host = re.sub(r":\d*$", "", rest.partition("/")[0])
    if scheme == "http" and token and host not in LOOPBACK:
        yield BadInput(
            f"the Argo Server's address is {address}: the token would be sent in plain text",
            "give an https address in 'argo-server', and 'argo-ca' where its certificate authority is private",
        )


def _listed(names: list[str]) -> str:
    return " and ".join(repr(name) for name in names)
