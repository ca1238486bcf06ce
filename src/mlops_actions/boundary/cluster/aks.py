"""Clusters on Azure's AKS without kubelogin: a cluster's kubeconfig, and tokens that are renewed during a wait.

https://learn.microsoft.com/azure/aks/kubelogin-authentication. azure-identity makes the tokens; Azure Resource Manager gives
the kubeconfig of a cluster.
"""

from __future__ import annotations

import base64
import binascii
import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from urllib3.exceptions import HTTPError

from mlops_actions.boundary.cluster import kubeconfig as kubeconfigs
from mlops_actions.boundary.cluster.connect import KubeconfigSource, LogIns, open_kubeconfig
from mlops_actions.boundary.cluster.logins import AzureLogin, Login
from mlops_actions.boundary.cluster.renewed_token import IssuedToken, Pause, RenewedToken, retried
from mlops_actions.boundary.cluster.transport import ClusterCredentials, ClusterTransport, ErrorTexts
from mlops_actions.boundary.http import HttpClient, Limits, RefusedRedirect, authorities, one_line
from mlops_actions.boundary.job_identity import JobIdentity
from mlops_actions.boundary.retry import Answer, Retry, RetryPolicy, reason_of
from mlops_actions.core.errors import ActionError, BadInput, Refused, Unavailable
from mlops_actions.core.ports import Log, Runner

# https://learn.microsoft.com/entra/workload-id/workload-identity-federation-create-trust
AUDIENCE = "api://AzureADTokenExchange"
AUTHORITY_VARIABLE = "AZURE_AUTHORITY_HOST"  # of Azure's own libraries
RESOURCE_MANAGER_VARIABLE = "AZURE_RESOURCE_MANAGER_URL"
API_VERSION = "2024-09-01"
TEXTS = ErrorTexts(
    address="whether the cluster's API server is public",
    trust="try again",
    credentials="give the application a role on the cluster, or a RoleBinding in the namespace",
)
_LOGIN = "give 'azure-client-id' and 'azure-tenant-id' of an application that trusts this repository's identity tokens"
_MACHINE = (
    "assign the managed identity to this machine; check 'azure-client-id', or the kubeconfig's '--client-id', which names it"
)
_LIMITS = Limits(max_bytes=4_000_000, max_seconds=60.0)
_ORIGIN = "the kubeconfig that Azure gave"
# The sign-in hosts and Resource Managers of Azure's clouds: https://learn.microsoft.com/azure/developer/identity/
_HOSTS = {
    "": ("https://login.microsoftonline.com", "https://management.azure.com"),
    "us": ("https://login.microsoftonline.us", "https://management.usgovcloudapi.net"),
    "china": ("https://login.chinacloudapi.cn", "https://management.chinacloudapi.cn"),
}


@dataclass(frozen=True)
class AksCluster:
    """The cluster that the inputs name."""

    cluster: str
    resource_group: str
    subscription: str


@dataclass(frozen=True)
class AzureApplication:
    """The application, or managed identity, that the inputs name; empty parts are those of the kubeconfig."""

    client_id: str
    tenant_id: str


class Azure:
    """Tokens of the job's application, which the inputs or else the kubeconfig name."""

    def __init__(
        self, login: AzureLogin, application: AzureApplication, environ: Mapping[str, str], log: Log, pause: Pause
    ) -> None:
        # A name in the inputs is the user's own words; a kubeconfig may name an application for people.
        self._client_id = application.client_id or login.client_id
        self._tenant_id = application.tenant_id or login.tenant_id
        self._login = login
        self._environ = environ
        self._log = log
        self._pause = pause
        self._identity = JobIdentity(environ, log, pause)
        authority, manager = _HOSTS[login.cloud]
        self._authority = (environ.get(AUTHORITY_VARIABLE) or authority).rstrip("/")
        # The Resource Manager of the same cloud: its tokens name it, whatever address leads to it.
        self.resource = next((hosts[1] for hosts in _HOSTS.values() if hosts[0] == self._authority), manager)
        self.manager = (environ.get(RESOURCE_MANAGER_VARIABLE) or self.resource).rstrip("/")

    def cluster_token(self) -> RenewedToken:
        """Return the token for the cluster, which was fetched once; raises BadInput, Refused, Unavailable."""
        token = RenewedToken(lambda: self.token(f"{self._login.server_id}/.default"), self._log, margin=300.0)
        retried(token, self._pause)
        return token

    def token(self, scope: str) -> IssuedToken:
        """Return a fresh token; raises BadInput, Refused, Unavailable."""
        from azure.core.exceptions import AzureError, ClientAuthenticationError, ServiceRequestError, ServiceResponseError
        from azure.identity import CredentialUnavailableError

        # Without a handler, Python prints warnings of libraries, with their tracebacks, into the job's log.
        for name in ("azure", "msal"):
            logging.getLogger(name).addHandler(logging.NullHandler())
        began = time.time()
        try:
            with self._credential() as credential:
                answer = credential.get_token(scope)
            return IssuedToken(str(answer.token), max(float(answer.expires_on) - began, 0.0))
        except ActionError:
            raise
        except CredentialUnavailableError as error:
            remedy = _MACHINE if self._login.mode == "msi" else _LOGIN
            raise BadInput(f"there are no usable credentials for Azure: {one_line(str(error))}", remedy) from None
        except ClientAuthenticationError as error:
            raise self._refusal(error) from None
        except (ServiceRequestError, ServiceResponseError) as error:
            raise Unavailable(
                f"{self._authority} cannot be reached: {one_line(str(error))}", "check the network and proxy of this runner"
            ) from None
        except (AzureError, LookupError, TypeError, AttributeError, ValueError, RecursionError, OverflowError):
            # azure-identity does not check what it reads.
            raise Unavailable(
                f"what answers at {self._authority} is not Microsoft Entra: it sent no token", "check the proxy on the way"
            ) from None

    def _credential(self) -> Any:
        """Return new credentials, whose cache is empty: a token that was refused must not come again."""
        from azure import identity

        options: dict[str, Any] = {"connection_verify": authorities(self._environ) or True, "retry_total": 0}
        if self._login.mode == "msi":
            return identity.ManagedIdentityCredential(client_id=self._client_id or None, **options)
        options |= {"authority": self._authority, "disable_instance_discovery": True}
        for name, value in (("azure-client-id", self._client_id), ("azure-tenant-id", self._tenant_id)):
            if not value:
                raise BadInput(f"the sign-in to Azure needs '{name}'", _LOGIN)
        if self._login.secret:
            return identity.ClientSecretCredential(self._tenant_id, self._client_id, self._login.secret, **options)
        return identity.ClientAssertionCredential(self._tenant_id, self._client_id, self._assertion, **options)

    def _assertion(self) -> str:
        """Return an identity token: of the pod's file (workload identity), else the one that GitHub signs for this job."""
        named = self._environ.get("AZURE_FEDERATED_TOKEN_FILE", "")
        given = self._login.token_file
        if given and given != named:
            raise BadInput(
                f"the kubeconfig names the file {given!r} for the sign-in to Azure, and the environment does not",
                "set AZURE_FEDERATED_TOKEN_FILE, or leave the argument out: a kubeconfig may not choose a file to send away",
            )
        if not named:
            return self._identity.token(AUDIENCE)
        try:
            token = Path(named).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError):
            token = ""
        if not kubeconfigs.is_token(token):
            raise BadInput(f"AZURE_FEDERATED_TOKEN_FILE names a file that holds no token: {named!r}", _LOGIN)
        self._log.mask(token)
        return token

    def _refusal(self, error: Any) -> ActionError:
        status = getattr(getattr(error, "response", None), "status_code", 0) or 0
        message = one_line(str(error))
        if status >= 500 or status == 429:
            return Unavailable(f"Microsoft Entra answered {status}", "run the job again")
        # https://learn.microsoft.com/entra/identity-platform/reference-error-codes
        remedy = next((text for code, text in _ENTRA.items() if code in message), _LOGIN)
        if status == 200 or "AADSTS" not in message:
            return Unavailable(
                f"what answers at {self._authority} is not Microsoft Entra: {message[:100]!r}", "check the proxy on the way"
            )
        return Refused(f"Microsoft Entra does not accept the sign-in: {message}", remedy)


_ENTRA = {
    "AADSTS70021": "add a federated credential to the application, with this repository's subject (branch or environment)",
    "AADSTS700213": "add a federated credential to the application, with this repository's subject (branch or environment)",
    "AADSTS700016": "check 'azure-client-id': this tenant has no such application",
    "AADSTS90002": "check 'azure-tenant-id': there is no such tenant",
    "AADSTS700024": "run the job again: the identity token had expired",
}


def connect(
    ref: AksCluster, application: AzureApplication, environ: Mapping[str, str], runner: Runner, pause: Pause
) -> tuple[ClusterTransport, str]:
    """Connect to the cluster, and return its default namespace too; raises BadInput, Refused, Unavailable."""
    source = find(ref, application, environ, runner, pause)

    def log_in(login: Login) -> ClusterCredentials:
        if not isinstance(login, AzureLogin):
            raise BadInput(f"{_ORIGIN} is for another cloud", "give a kubeconfig in 'kubeconfig' instead")
        return Azure(login, application, environ, runner, pause).cluster_token().credentials

    return open_kubeconfig(source, None, environ, runner, pause, LogIns(log_in), TEXTS)


def find(
    ref: AksCluster, application: AzureApplication, environ: Mapping[str, str], log: Log, pause: Pause
) -> KubeconfigSource:
    """Ask Azure for the cluster's kubeconfig; raises BadInput, Refused, Unavailable."""
    for name, value in (("aks-resource-group", ref.resource_group), ("aks-subscription", ref.subscription)):
        if not value:
            raise BadInput(f"input 'aks-cluster' needs '{name}'", f"give '{name}', as the cluster's page shows it")
    azure = Azure(AzureLogin(), application, environ, log, pause)
    token = retried(lambda: azure.token(f"{azure.resource}/.default"), pause).text
    log.mask(token)
    config = kubeconfigs.parse(_user_kubeconfig(ref, azure.manager, token, environ, log, pause), _ORIGIN)
    # The files of this machine are not Azure's to name.
    if any(True for entry in _entries(config) for _ in kubeconfigs.files(entry)):
        raise Unavailable(f"{_ORIGIN} refers to files, which Azure's do not", "check the proxy on the way")
    return KubeconfigSource(config, Path(), None, _ORIGIN)


def _entries(config: Mapping[str, Any]) -> list[Any]:
    pairs = [(one, key) for key in ("cluster", "user") for one in config.get(f"{key}s") or []]
    return [one[key] for one, key in pairs if isinstance(one.get(key), dict)]


def _user_kubeconfig(ref: AksCluster, manager: str, token: str, environ: Mapping[str, str], log: Log, pause: Pause) -> str:
    """https://learn.microsoft.com/rest/api/aks/managed-clusters/list-cluster-user-credentials."""
    group = f"/subscriptions/{quote(ref.subscription)}/resourceGroups/{quote(ref.resource_group)}"
    cluster = f"providers/Microsoft.ContainerService/managedClusters/{quote(ref.cluster)}"
    path = f"{group}/{cluster}/listClusterUserCredential"
    policy = RetryPolicy("Azure Resource Manager", pause=pause)
    headers = {"Accept": "application/json", "Authorization": f"Bearer {token}", "Content-Length": "0"}
    try:
        client = HttpClient(log, environ=environ)
        url = f"{manager}{path}?api-version={API_VERSION}&format=exec"
        answer = client.send("POST", url, headers=headers, retry=Retry.under(policy), limits=_LIMITS)
    except (HTTPError, RefusedRedirect, OSError, ValueError) as error:
        raise Unavailable(
            f"Azure Resource Manager at {manager} cannot be reached: {reason_of(error)}",
            "check the network and proxy of this runner",
        ) from None
    if answer.status != 200:
        raise _arm_refusal(ref, answer)
    try:
        entries = answer.json["kubeconfigs"]
        return base64.b64decode(entries[0]["value"], validate=True).decode()
    except (LookupError, TypeError, ValueError, binascii.Error):
        raise Unavailable(
            f"what answers POST {path} is not Azure Resource Manager: it sent no kubeconfig", "check the proxy on the way"
        ) from None


def _arm_refusal(ref: AksCluster, answer: Answer) -> ActionError:
    try:
        error = answer.json["error"]
        code, message = str(error["code"]), one_line(str(error["message"]))
    except (LookupError, TypeError, ValueError):
        code, message = "", ""
    said = f"Azure Resource Manager answered {answer.status} {code}: {message}".rstrip(": ")
    if answer.status == 404:
        return Refused(
            f"Azure knows no AKS cluster '{ref.cluster}' in the resource group '{ref.resource_group}' ({code})",
            "check 'aks-cluster', 'aks-resource-group' and 'aks-subscription'",
        )
    if answer.status == 403:
        return Refused(said, "grant the application the role `Azure Kubernetes Service Cluster User Role` on the cluster")
    if answer.status == 401:
        return Refused(said, _LOGIN)
    if answer.status < 500 and answer.status != 429 and code:
        return Refused(said, "check 'aks-cluster', 'aks-resource-group' and 'aks-subscription'")
    return Unavailable(said, "run the job again")
